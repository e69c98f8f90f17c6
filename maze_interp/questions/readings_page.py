"""The page "How each question was read": of every question the rule, other defensible ones, and what each gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from maze_interp.questions.measurements import measurements
from maze_interp.questions.question import AS_FOUND, KINDS, Question, changed
from maze_interp.questions.resolutions import COUNTED, Resolution, Resolutions
from maze_interp.questions.scoreboard import Scoreboard
from maze_interp.questions.tables import outcome_words

COMMAND = "maze-interp questions readings"

_HEADING = f"""\
# How each question was read

Made by `{COMMAND}` from the files in `data/questions` and `data/resolutions`; change those, not this page.

A question in words can be read in several ways. Of each question this page has the wording, the rule that counts, the
rules considered beside it, and what each gives on the agents that were measured; also rules that were changed after a
resolution, with the reason. Where a question is whether something exists and the search has not found it, the outcome
that counts leaves it a chance, which is a judgement of ours; “{AS_FOUND}” is without that. Outcomes are shares of
resamples of the levels in which the rule holds. A cell is empty where a reading was added after the agent was measured.
"""


def readings_page(questions: Mapping[str, Question], resolutions: Sequence[Resolutions], board: Scoreboard) -> str:
    """The page in Markdown. The scoreboard is of the bundled forecast on these agents."""
    agents = "\n".join(
        f"- `{each.agent}` ({each.agent_hash}), setting {each.setting}, by `{each.command}`" for each in resolutions
    )
    parts = [_HEADING, f"Agents:\n\n{agents}\n", *_score(board)]
    return "\n".join([*parts, *(part for question in questions.values() for part in _question(question, resolutions))])


def _score(board: Scoreboard) -> Iterator[str]:
    yield "## The forecast's score over these readings\n"
    counted = board.standings["all"]
    rows = [
        f"| {row.forecaster} | {row.score} | {counted[str(row.forecaster)][str(row.score)]['forecaster'].mean:.3f} | "
        f"{counted[str(row.forecaster)][str(row.score)]['even'].mean:.3f} | {row.low:.3f} to {row.high:.3f} | "
        f"{row.widest or 'nothing'} (by {row.moves:.3f}) |"
        for row in board.ranges.itertuples()
    ]
    heads = "| forecaster | score | as counted | even odds | over all readings | moved most by |\n|-|-|-|-|-|-|"
    yield "\n".join([heads, *rows, ""])


def _question(question: Question, resolutions: Sequence[Resolutions]) -> Iterator[str]:
    measure = measurements()[question.measurement]
    parameters = ", ".join(f"{name} {_plain(value)}" for name, value in question.parameters.items())
    yield f"## {question.id}\n\n{question.wording}\n"
    yield f"- Kind: {KINDS[question.kind]}. Source: {question.source}."
    yield f"- Measured by `{question.measurement}`: {measure.what} With {parameters}."
    yield f"- Rule: {question.rule_text} (version {question.version}, `{question.hash}`)."
    if question.proxy:
        yield f"- A stand-in for what was asked: {question.proxy}"
    if question.missed:
        yield f"- What the search has not found exists by a chance of {question.missed:.0%}."
    answers = [each.answers.get(question.id) for each in resolutions]
    heads = ["reading", "what is different", "why", *(f"`{each.agent}`" for each in resolutions)]
    yield "\n" + "\n".join(
        f"| {' | '.join(cells)} |" for cells in (heads, ["-"] * len(heads), *_rows(question, answers))
    )
    yield ""


def _rows(question: Question, answers: Sequence[Resolution | None]) -> Iterator[list[str]]:
    yield ["as counted", "", "", *(_counted(question, answer) for answer in answers)]
    for name, reading in question.readings.items():
        change = question.alternatives.get(name)
        why = change.reason if change else "what counts if the search is taken to be complete"
        yield [
            name,
            changed(question, reading, brief=True),
            why,
            *(_recorded(question, answer, name) for answer in answers),
        ]
    for number in range(1, question.version):
        former = changed(question, question.versions[number - 1], brief=True)
        cells = [_recorded(question, answer, f"version {number}") for answer in answers]
        yield [f"version {number}", former, f"changed: {question.earlier[number - 1].reason}", *cells]
    if any(answer and answer.override for answer in answers):
        cells = [_recorded(question, answer, "measured") for answer in answers]
        yield ["as measured", "without the outcome that a person has put in its place", "", *cells]


def _counted(question: Question, answer: Resolution | None) -> str:
    if answer is None:
        return "not asked"
    version = question.version_of(answer.question_hash) or question.version
    under = f" (under version {version})" if version < question.version else ""
    under += f" (setting {answer.setting})" if answer.setting else ""
    words = outcome_words(answer.outcome) if answer.outcome else f"unresolved: {answer.unresolved}"
    return words + under


def _recorded(question: Question, answer: Resolution | None, name: str) -> str:
    if answer is None:
        return ""
    recorded = answer.outcomes(question)
    if name == f"version {question.version_of(answer.question_hash)}" and COUNTED in recorded:
        return outcome_words(recorded[COUNTED])
    return outcome_words(recorded[name]) if name in recorded else ""


def _plain(value: object) -> str:
    return "[" + ", ".join(map(str, value)) + "]" if isinstance(value, (list, tuple)) else str(value)
