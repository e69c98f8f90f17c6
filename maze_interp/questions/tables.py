"""Questions and scores as tables for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby

import pandas as pd
from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from maze_interp.questions.comparison import ENOUGH, SCORES
from maze_interp.questions.forecasts import Forecast
from maze_interp.questions.question import Question
from maze_interp.questions.resolutions import Resolution
from maze_interp.questions.scoreboard import Scoreboard, Standings
from maze_interp.questions.scoring import BOUND
from maze_interp.results.estimates import Estimate
from maze_interp.results.numbers import decimal

_STANDINGS = {
    "all": "Mean scores, the first form of each answer and the outcome that counts",
    "common": "The same, on the questions that all forecasters answered",
}

BASELINES = {
    "forecaster": "forecaster",
    "even": "50% / uniform",
    "base_rate": "base rate",
    "best": "best possible",
    "less_even": "less 50%",
    "less_base_rate": "less base rate",
}
"""What a forecaster's mean score stands beside, in words."""


def question_tables(questions: Mapping[str, Question]) -> Iterator[Table]:
    """One table for each file of questions."""
    for group, members in groupby(questions.values(), lambda question: question.group):
        table = Table("question", "asks", "resolves by", title=group, title_justify="left", show_lines=True)
        for question in members:
            rule = question.rule_text.replace("; ", "\n")
            mark = "\n(proxy)" if question.proxy else ""
            name = f"{question.id}\n{question.kind}\nversion {question.version}, {question.hash}"
            table.add_row(name, escape(question.wording), f"{question.measurement}{mark}\n{rule}")
        yield table


def resolution_lines(question: Question, resolution: Resolution) -> Iterator[str]:
    """The answer to a question in a line, and the figures behind it in another."""
    if resolution.measured is None:
        yield escape(f"{question.id}: unresolved: {resolution.unresolved}")
        return
    yield escape(f"{question.id}: {outcome_words(resolution.measured)}")
    figures = (
        f"{name} {decimal(figure.value, 3)} [{decimal(figure.low, 3)}, {decimal(figure.high, 3)}]"
        for name, figure in resolution.figures.items()
    )
    n = max(figure.n for figure in resolution.figures.values())
    yield escape(f"    {', '.join(figures)} (n = {n}; {question.rule_text})")
    if resolution.chosen:
        yield escape(f"    chosen on other levels: {resolution.chosen}")


ROUNDED_AWAY = 0.005
"""Outcomes less likely than this are not printed."""


def outcome_words(outcome: Mapping[str, float]) -> str:
    """The outcomes that are not rounded away, each with its probability."""
    likely = {label: f"{chance:.0%}" for label, chance in outcome.items() if chance >= ROUNDED_AWAY}
    return ", ".join(f"{label}{':' if label.endswith('%') else ''} {chance}" for label, chance in likely.items())


def remarks(question: Question, resolution: Resolution) -> Iterator[str]:
    """What stands beside the outcome that counts: what it replaces and why, and outcomes under former versions."""
    version = question.version_of(resolution.question_hash) or question.version
    if version < question.version:
        yield f"measured under version {version}, before {question.changes(version)}"
    if resolution.override:
        measured = f"unresolved: {resolution.unresolved}"
        if resolution.measured:
            measured = f"measured {outcome_words(resolution.measured)}"
        yield f"{measured}; overridden by {resolution.override.name}: {resolution.override.reason}"
    if resolution.setting:
        yield f"setting {resolution.setting}"
    if question.missed and resolution.measured:
        yield f"what the search has not found exists by a chance of {question.missed:.0%}, as the registry states"
    for earlier in resolution.earlier:
        former = question.version_of(earlier.question_hash) or question.version
        words = outcome_words(earlier.outcome) if earlier.outcome else f"unresolved: {earlier.unresolved}"
        yield f"version {former}: {words}, before {question.changes(former)}"


def score_lines(board: Scoreboard) -> Iterator[RenderableType]:
    """What `questions score` prints, part by part."""
    for resolutions in board.resolutions:
        yield f"outcomes measured on {resolutions.agent} ({resolutions.agent_hash}), setting {resolutions.setting}"
        for name, answer in resolutions.answers.items():
            yield from (escape(f"  {name}: {remark}") for remark in remarks(board.questions[name], answer))
    if len(board.resolutions) > 1:
        yield f"an outcome is the mean over these {len(board.resolutions)} agents"
    for forecast in board.forecasts:
        yield from _forecaster(board, forecast)
    for name, title in _STANDINGS.items():
        if name in board.standings:
            yield _standings(board.standings[name], title)
    yield _ranges(board.ranges)
    yield (
        "Lower is better. Brier: half the squared differences summed over outcomes (yes or no: one-sided); log in "
        f"nats, probabilities below {BOUND} raised to it; RPS: thresholds only. Expected scores where outcomes are "
        "uncertain. In brackets: 95%, bootstrap over measurements, whose questions stay together."
    )
    if len(board.agents):
        yield _agents(board.agents)


def _forecaster(board: Scoreboard, forecast: Forecast) -> Iterator[RenderableType]:
    count = board.coverage(forecast)
    locked = f"locked at {forecast.lock.time}, sha256 {forecast.lock.sha256}" if forecast.lock else "not locked"
    yield escape(
        f"\n{forecast.forecaster}, {forecast.date} ({locked}): answers {count['answered']} of {count['questions']} "
        f"questions, {count['scored']} of them with an outcome"
    )
    rows = board.table[board.table["forecaster"] == forecast.forecaster]
    table = Table("question", "form", "resolution", "outcome: forecast / measured", *SCORES)
    for row in rows.itertuples():
        name, form, resolution = str(row.question), str(row.form), str(row.resolution)
        reading = next(each for each in forecast.answers[name].readings if each.form == form)
        pairs = zip(board.questions[name].labels, reading.probabilities, board.recorded[name][resolution], strict=True)
        shown = list(pairs)[: 1 if form == "binary" else None]
        compared = ", ".join(f"{label}: {p:.0%} / {q:.0%}" for label, p, q in shown)
        repaired = " (repaired)" if reading.repair else ""
        style = None if row.counts else "dim"
        table.add_row(
            name, form + repaired, resolution, compared, *(_number(row, score) for score in SCORES), style=style
        )
    yield table
    for name, answer in forecast.answers.items():
        for reading in answer.readings:
            if reading.repair and name in board.outcomes:
                yield escape(f"{name}, {reading.form}: {reading.repair}")
    curve = board.calibration(forecast)
    if curve is None:
        asked = int((rows["counts"] & rows["credence"].notna()).sum())
        yield f"calibration is shown from {ENOUGH} yes-or-no answers; there are {asked}"
    else:
        table = Table("mean credence in yes", "mean outcome", "answers", title="calibration", title_justify="left")
        for credence, outcome, n in curve.itertuples(index=False):
            table.add_row(f"{credence:.2f}", f"{outcome:.2f}", str(n))
        yield table


def _number(row: object, score: str) -> str:
    value = getattr(row, score)
    return "" if pd.isna(value) else f"{value:.3f}"


def _standings(standings: Standings, title: str) -> Table:
    table = Table("", "score", "n", *BASELINES.values(), title=title, title_justify="left")
    for forecaster, by_score in standings.items():
        for score, values in by_score.items():
            if values["forecaster"].n:
                means = [f"{values[name].mean:.3f}" for name in list(BASELINES)[:4]]
                differences = [_difference(values[name]) for name in list(BASELINES)[4:]]
                table.add_row(escape(forecaster), score, str(values["forecaster"].n), *means, *differences)
    return table


def _difference(difference: Estimate) -> str:
    mean, *ends = (
        decimal(value, 3, "+") for value in (difference.mean, difference.low, difference.high) if value is not None
    )
    return f"{mean} \\[{', '.join(ends)}]" if ends else mean


def _ranges(ranges: pd.DataFrame) -> Table:
    title = "Mean scores over the forms of each answer and its recorded outcomes"
    table = Table("", "score", "least", "greatest", "moved most by", "by", title=title, title_justify="left")
    for forecaster, score, low, high, widest, moves in ranges.itertuples(index=False):
        table.add_row(escape(forecaster), score, f"{low:.3f}", f"{high:.3f}", widest, f"{moves:.3f}")
    return table


def _agents(agents: pd.DataFrame) -> Table:
    columns = ["left out", "forecaster", "n", "Brier", "50% / uniform", "base rate", "best possible"]
    table = Table(*columns, title="Mean Brier scores with each agent left out", title_justify="left")
    for left_out, forecaster, n, *means in agents.itertuples(index=False):
        table.add_row(left_out or "none", escape(forecaster), str(n), *(f"{mean:.3f}" for mean in means))
    return table
