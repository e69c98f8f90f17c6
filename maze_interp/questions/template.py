"""A blank forecast to fill in."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path

from maze_interp.errors import MazeInterpError
from maze_interp.questions.measurements import measurements
from maze_interp.questions.question import NONE, Question
from maze_interp.results.files import write_whole

_HEADING = """\
# A forecast of what measurements will find. Fill in what you like: what stays empty is left out of the score.
#
# Probabilities run from 0 to 1. Kinds of answer:
#   binary       P(yes).
#   cumulative   P(this threshold is met) for each, from the easiest to the hardest; must not rise on the way.
#   bins         P(this is the outcome) for each; of thresholds, P(this is the hardest one met). They sum to 1.
# A question with thresholds takes either form, or both if your words can be read both ways: then the first one counts.
# Notes are for people. When you are done, lock the file (maze-interp questions new-forecast FILE --lock) and publish
# the hash.

forecaster:
date:
source:

answers:
"""


def write_template(path: Path, questions: Mapping[str, Question]) -> None:
    """Write a blank forecast of all questions.

    Raises:
        MazeInterpError: the file exists.
    """
    if path.exists():
        raise MazeInterpError(f"{path} exists; choose another name, or --lock to lock it as it is")
    path.parent.mkdir(parents=True, exist_ok=True)
    parts = [_HEADING]
    for group, members in groupby(questions.values(), lambda question: question.group):
        parts.append(f"  # {f' {group} '.center(100, '-')}\n\n")
        parts += [_blank(question) for question in members]
    write_whole(path, "\n".join(part.rstrip("\n") + "\n" for part in parts))


def _blank(question: Question) -> str:
    lines = _comment(question.wording) + _comment(f"Measured by {question.measurement}. {question.rule_text}.")
    figures = measurements()[question.measurement].figures
    for name in dict.fromkeys(name for rule in question.rules.values() for name in rule):
        lines += _comment(f"- {name}: {figures[name]}.")
    if question.proxy:
        lines += _comment(f"By proxy: {question.proxy}")
    lines.append(f"  {question.id}:")
    form = question.forms[0]
    lines.append(f"    {form}:")
    if form != "binary":
        lines += [f"      {label}:" for label in (question.rules if form == "cumulative" else question.labels)]
    if question.kind == "thresholds":
        lines.append(f"    # or bins, with {NONE} and the same thresholds")
    return "\n".join([*lines, "    notes:"])


def _comment(text: str) -> list[str]:
    return textwrap.wrap(text, 118, initial_indent="  # ", subsequent_indent="  # ")
