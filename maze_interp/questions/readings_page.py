"""The page "How each question was read": of every question the rule, other defensible ones, and what each gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from maze_interp.questions.measurements import measurements
from maze_interp.questions.question import AS_FOUND, KINDS, Question, changed
from maze_interp.questions.resolutions import COUNTED, Resolution, Resolutions
from maze_interp.questions.scoreboard import Scoreboard
from maze_interp.questions.tables import outcome_words

COMMAND = "maze-interp questions readings"
AS_MEASURED = "as measured"

_HEADING = f"""\
# How each question was read

Made by `{COMMAND}` from the files in `data/questions` and `data/resolutions`; change those, not this page.

A question in words can be read in several ways. For each question this page gives the wording, the rule that counts,
other rules that could be defended, and the outcome under each rule on every measured agent. Rules that were changed
after an agent had been measured are listed, too, and so are measured outcomes that people replaced; both with the
reason.

Each outcome is followed by its probability: the share of resamples of the levels in which the rule gives it. Some
questions ask whether something exists. If the search does not find it, the outcome that counts still leaves a
probability that it exists, which is our judgement; “{AS_FOUND}” leaves none. A cell is empty where a reading was added
after the agent was measured.
"""

_SCORES = """\
Lower is better. *brier* is half the squared differences between probability and outcome, summed over the outcomes;
*log* is minus the logarithm of the probability of what happened, in nats; *rps* is the ranked probability score, the
mean over thresholds.
"""


def readings_page(questions: Mapping[str, Question], resolutions: Sequence[Resolutions], board: Scoreboard) -> str:
    """The page in Markdown. The scoreboard is of the bundled forecast on these agents."""
    agents = "\n".join(f"- `{each.agent}` ({each.agent_hash}): `{each.command}`" for each in resolutions)
    parts = [_HEADING, f"The agents, and the commands that measured them:\n\n{agents}\n", *_score(board)]
    return "\n".join([*parts, *(part for question in questions.values() for part in _question(question, resolutions))])


def _score(board: Scoreboard) -> Iterator[str]:
    yield "## The forecast's score over these readings\n"
    yield _SCORES
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
    yield f"- Measured by `{question.measurement}`: {measure.what} Settings: {parameters}."
    figures = "; ".join(f"*{name}* is {words}" for name, words in measure.figures.items())
    yield f"- Figures: {figures}."
    yield f"- Rule: {question.rule_text} (version {question.version}, `{question.hash}`)."
    if question.proxy:
        yield f"- A stand-in for what was asked: {question.proxy}"
    if question.missed:
        yield f"- If the search does not find it, it exists with a probability of {question.missed:.0%}."
    answers = [each.answers.get(question.id) for each in resolutions]
    readings = {"as counted": [_counted(question, answer) for answer in answers]}
    for name, different, why in _others(question, answers):
        yield f"- Reading *{name}*: {different}{different and '. '}{why[0].upper()}{why[1:]}."
        readings[name] = [_recorded(question, answer, name) for answer in answers]
    rows = ([f"`{each.agent}`", *cells] for each, *cells in zip(resolutions, *readings.values(), strict=True))
    heads = ["agent", *readings]
    yield "\n" + "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, ["-"] * len(heads), *rows))
    yield ""


def _others(question: Question, answers: Sequence[Resolution | None]) -> Iterator[tuple[str, str, str]]:
    """Name, difference and reason of every reading but the one that counts."""
    for name, reading in question.readings.items():
        change = question.alternatives.get(name)
        why = change.reason if change else "what counts if the search is taken to be complete"
        yield name, changed(question, reading, brief=True), why
    for number in range(1, question.version):
        former = changed(question, question.versions[number - 1], brief=True)
        yield f"version {number}", former, f"changed: {question.earlier[number - 1].reason}"
    overrides = [answer.override for answer in answers if answer and answer.override]
    if overrides:
        reasons = "; ".join(f"{override.reason} (so {override.name})" for override in overrides)
        yield AS_MEASURED, "", f"without the outcome that people have put in its place, for this reason: {reasons}"


def _counted(question: Question, answer: Resolution | None) -> str:
    if answer is None:
        return "not asked"
    version = question.version_of(answer.question_hash) or question.version
    under = f" (under version {version})" if version < question.version else ""
    under += " (not as measured)" if answer.override else ""
    under += f" (setting {answer.setting})" if answer.setting else ""
    words = outcome_words(answer.outcome) if answer.outcome else f"unresolved: {answer.unresolved}"
    return words + under


def _recorded(question: Question, answer: Resolution | None, name: str) -> str:
    if answer is None:
        return ""
    recorded = answer.outcomes(question)
    name = "measured" if name == AS_MEASURED else name
    if name == f"version {question.version_of(answer.question_hash)}" and COUNTED in recorded:
        return outcome_words(recorded[COUNTED])
    return outcome_words(recorded[name]) if name in recorded else ""


def _plain(value: object) -> str:
    return "[" + ", ".join(map(str, value)) + "]" if isinstance(value, (list, tuple)) else str(value)
