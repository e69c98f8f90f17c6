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
from maze_interp.questions.registry import Question
from maze_interp.questions.resolutions import Resolution
from maze_interp.questions.scoreboard import Scoreboard, Standings
from maze_interp.questions.scoring import BOUND

_READINGS = {
    "first": "Mean scores, the first reading of each answer",
    "other": "The same, the other reading of answers that have two",
    "common": "The same, on the questions that all forecasters answered",
}


def question_tables(questions: Mapping[str, Question]) -> Iterator[Table]:
    """One table for each file of questions."""
    for group, some in groupby(questions.values(), lambda question: question.group):
        table = Table("question", "asks", "resolves by", title=group, title_justify="left", show_lines=True)
        for question in some:
            rule = "\n".join(f"{one}" for one in question.rule_text.split("; "))
            mark = "\n(proxy)" if question.proxy else ""
            table.add_row(
                f"{question.id}\n{question.kind}", escape(question.wording), f"{question.measurement}{mark}\n{rule}"
            )
        yield table


def resolution_lines(question: Question, resolution: Resolution) -> Iterator[str]:
    """The answer to a question in a line, and the figures behind it in another."""
    if resolution.measured is None:
        yield escape(f"{question.id}: unresolved: {resolution.unresolved}")
        return
    sure = [f"{label} {chance:.0%}" for label, chance in resolution.measured.items() if chance >= ROUNDED_AWAY]
    yield escape(f"{question.id}: {', '.join(sure)}")
    figures = (f"{name} {one.value:.3f} [{one.low:.3f}, {one.high:.3f}]" for name, one in resolution.figures.items())
    n = max(one.n for one in resolution.figures.values())
    yield escape(f"    {', '.join(figures)} (n = {n}; {question.rule_text})")
    if resolution.chosen:
        yield escape(f"    chosen on other levels: {resolution.chosen}")


ROUNDED_AWAY = 0.005
"""Outcomes less likely than this are not printed."""


def score_lines(board: Scoreboard) -> Iterator[RenderableType]:
    """What `questions score` prints, part by part."""
    for one in board.resolutions:
        yield f"outcomes measured on {one.agent} ({one.agent_hash}), setting {one.setting}"
        for answer in one.answers.values():
            if answer.override:
                yield escape(f"  {answer.question}: overridden by {answer.override.name}: {answer.override.reason}")
    if len(board.resolutions) > 1:
        yield f"an outcome is the mean over these {len(board.resolutions)} agents"
    for forecast in board.forecasts:
        yield from _forecaster(board, forecast)
    for name, some in board.standings.items():
        yield _standings(some, _READINGS[name])
    yield (
        "Lower is better. Brier: half the squared differences summed over outcomes (yes or no: one-sided); log in "
        f"nats, probabilities below {BOUND} raised to it; RPS: thresholds only. Expected scores where outcomes are "
        "uncertain. In brackets: 95%, bootstrap over questions."
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
    table = Table("question", "form", "outcome: forecast / measured", *(score for score in SCORES))
    for row in rows.itertuples():
        name, form = str(row.question), str(row.form)
        reading = next(one for one in forecast.answers[name].readings if one.form == form)
        pairs = zip(board.questions[name].labels, reading.probabilities, board.outcomes[name], strict=True)
        said = ", ".join(
            f"{label}: {p:.0%} / {q:.0%}" for label, p, q in list(pairs)[: 1 if form == "binary" else None]
        )
        notes = ("" if row.counts else " (beside)") + (" (repaired)" if reading.repair else "")
        table.add_row(name, form + notes, said, *(_number(row, score) for score in SCORES))
    yield table
    for name, answer in forecast.answers.items():
        for reading in answer.readings:
            if reading.repair and name in board.outcomes:
                yield escape(f"{name}, {reading.form}: {reading.repair}")
    curve = board.calibration(forecast)
    if curve is None:
        asked = int((rows["counts"] & rows["credence"].notna()).sum())
        yield f"calibration is shown from {ENOUGH} yes-or-no answers on; here are {asked}"
    else:
        table = Table("mean credence in yes", "mean outcome", "answers", title="calibration", title_justify="left")
        for credence, outcome, n in curve.itertuples(index=False):
            table.add_row(f"{credence:.2f}", f"{outcome:.2f}", str(n))
        yield table


def _number(row: object, score: str) -> str:
    value = getattr(row, score)
    return "" if pd.isna(value) else f"{value:.3f}"


def _standings(standings: Standings, title: str) -> Table:
    names = {"forecaster": "forecaster", "even": "50% / uniform", "base_rate": "base rate", "best": "best possible"}
    columns = ["score", "n", *names.values(), "less 50%", "less base rate"]
    table = Table("", *columns, title=title, title_justify="left")
    for forecaster, by_score in standings.items():
        for score, values in by_score.items():
            if values["forecaster"].n:
                cells = [f"{values[name].mean:.3f}" for name in names]
                differences = [_difference(values[f"less_{one}"]) for one in ("even", "base_rate")]
                table.add_row(escape(forecaster), score, str(values["forecaster"].n), *cells, *differences)
    return table


def _difference(one: object) -> str:
    mean, low, high = (getattr(one, name) for name in ("mean", "low", "high"))
    return f"{mean:+.3f}" if low is None else f"{mean:+.3f} \\[{low:+.3f}, {high:+.3f}]"


def _agents(agents: pd.DataFrame) -> Table:
    columns = ["left out", "forecaster", "n", "Brier", "50% / uniform", "base rate", "best possible"]
    table = Table(*columns, title="Mean Brier scores with each agent left out", title_justify="left")
    for left_out, forecaster, n, *means in agents.itertuples(index=False):
        table.add_row(left_out or "none", escape(forecaster), str(n), *(f"{mean:.3f}" for mean in means))
    return table
