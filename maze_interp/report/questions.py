"""Questions as a page: what was asked, forecast and measured, the picture behind it, and the score."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from maze_interp.plots.evidence import evidence_figure
from maze_interp.plots.forecasts import forecasts_figure
from maze_interp.questions.comparison import SCORES
from maze_interp.questions.measurements import MEASUREMENTS
from maze_interp.questions.registry import Question
from maze_interp.questions.resolutions import Resolutions
from maze_interp.questions.scoreboard import Scoreboard
from maze_interp.questions.scoring import BOUND
from maze_interp.questions.tables import outcome_words, remarks
from maze_interp.report.page import render
from maze_interp.report.section import Cell, Picture, Section, Table
from maze_interp.results.estimates import Estimate
from maze_interp.results.files import write_whole

BASELINES = {
    "forecaster": "forecaster",
    "even": "50% / uniform",
    "base_rate": "base rate",
    "best": "best possible",
    "less_even": "less 50%",
    "less_base_rate": "less base rate",
}
"""What a forecaster's mean score stands beside, in words."""

HOW_TO_READ = (
    "Lower scores are better. Brier: half the squared differences summed over outcomes, so one-sided for yes or no; "
    f"log: nats, probabilities below {BOUND} raised to it; RPS: for thresholds, the mean over them. Where an interval "
    "lies across a bound the outcome is a probability, and the score the expected one. Intervals of mean scores are "
    "bootstraps over questions as if these were independent.",
    "Where an answer has several forms, or a question several outcomes because a person has overridden one or its rule "
    "was changed later, all are scored; the ranges are over them.",
    "“Best possible” is the least that can be expected: the measured probabilities themselves, scored.",
)


def write_page(board: Scoreboard, command: str, out: Path) -> None:
    """Write the page of all questions.

    Args:
        board: forecasts and measured agents.
        command: what made it.
        out: the HTML file.
    """
    agents = ", ".join(f"{one.agent} ({one.agent_hash}, {one.setting})" for one in board.resolutions)
    sections = [standings_section(board, [command]), *(_section(one, board) for one in board.questions.values())]
    write_whole(out, render("Predictions and outcomes", {"Made by": command, "Agents": agents}, sections))


def standings_section(board: Scoreboard, commands: Sequence[str]) -> Section:
    """All forecasters in one table, and credences beside outcomes in one picture."""
    counts = [
        f"{one.forecaster} ({one.date}) answers {count['answered']} of {count['questions']} questions, "
        f"{count['scored']} of which have an outcome."
        for one in board.forecasts
        for count in [board.coverage(one)]
    ]
    picture = Picture(
        "forecasts",
        forecasts_figure(board.forecasts, board.questions, board.outcomes),
        "Credences, and in grey the measured probability of each event; thresholds as “met”.",
        "A row per event with a grey bar and a marker for each forecaster.",
    )
    return Section(
        name="questions",
        title="Forecasts and what was measured",
        body=[_braces(text) for text in counts],
        pictures=[picture],
        tables=[_standings(board), _ranges(board)],
        how_to_read=HOW_TO_READ,
        how_to_reproduce=commands,
    )


def _section(question: Question, board: Scoreboard) -> Section:
    known = [one for one in board.resolutions if question.id in one.answers and one.answers[question.id].figures]
    pictures = [
        Picture(
            question.id,
            evidence_figure(question, board.resolutions),
            "What was measured, with 95% intervals over levels, and in red the bounds that decide.",
            "A strip for each figure with a point per agent and dashed lines at the bounds.",
        )
        for _ in known[:1]
    ]
    rows = board.table[board.table["question"] == question.id]
    body = [
        question.wording,
        *(f"“{text}”" for text in _notes(question, board)),
        f"Resolves by {question.rule_text} (version {question.version}, {question.hash}).",
    ]
    proxy = [f"A stand-in for what was asked. {question.proxy}"] if question.proxy else []
    return Section(
        name=question.id,
        title=question.id,
        body=[_braces(text) for text in body],
        pictures=pictures,
        tables=[_outcomes(question, board.resolutions), *([_scores(question, board, rows)] if len(rows) else [])],
        how_to_read=[MEASUREMENTS[question.measurement].what, *proxy],
        how_to_reproduce=list(dict.fromkeys(str(one.answers[question.id].command) for one in known)),
    )


def _notes(question: Question, board: Scoreboard) -> Iterator[str]:
    for forecast in board.forecasts:
        answer = forecast.answers.get(question.id)
        if answer is not None and answer.notes:
            yield f"{forecast.forecaster}: {answer.notes}"


def _outcomes(question: Question, resolutions: Sequence[Resolutions]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for each in resolutions:
        answer = each.answers.get(question.id)
        if answer is None:
            rows.append((each.agent, "not asked", "", "", None))
            continue
        outcome = outcome_words(answer.outcome) if answer.outcome else f"unresolved: {answer.unresolved}"
        figures = "; ".join(
            f"{name} {figure.value:.3g} [{figure.low:.3g}, {figure.high:.3g}]"
            for name, figure in answer.figures.items()
        )
        chosen = f"; chosen on other levels: {answer.chosen}" if answer.chosen else ""
        n = max((figure.n for figure in answer.figures.values()), default=None)
        rows.append((each.agent, outcome, "; ".join(remarks(question, answer)), figures + chosen, n))
    headings = ("agent", "outcome", "beside it", "measured", "levels")
    return Table(f"{question.id}_outcomes", "Outcome", headings, rows)


def _scores(question: Question, board: Scoreboard, rows: pd.DataFrame) -> Table:
    cells: list[tuple[Cell, ...]] = []
    for row in rows.to_dict("records"):
        answer = next(each for each in board.forecasts if each.forecaster == row["forecaster"]).answers[question.id]
        reading = next(each for each in answer.readings if each.form == row["form"])
        given = ", ".join(f"{label} {p:.0%}" for label, p in zip(question.labels, reading.probabilities, strict=True))
        numbers = ("" if pd.isna(row[score]) else f"{row[score]:.3f}" for score in SCORES)
        repair = "" if pd.isna(row["repair"]) else row["repair"]
        cells.append((row["forecaster"], row["form"], row["resolution"], given, *numbers, repair))
    headings = ("forecaster", "form", "resolution", "probabilities", *SCORES, "repair")
    return Table(f"{question.id}_scores", "Forecasts and their scores", headings, cells)


def _standings(board: Scoreboard) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for taken, standings in board.standings.items():
        for forecaster, by_score in standings.items():
            for score, values in by_score.items():
                if values["forecaster"].n:
                    numbers = (_number(values[name]) for name in BASELINES)
                    rows.append((forecaster, taken, score, values["forecaster"].n, *numbers))
    headings = ("forecaster", "taken", "score", "questions", *BASELINES.values())
    return Table("standings", "Mean scores over the questions answered", headings, rows)


def _ranges(board: Scoreboard) -> Table:
    rows = [
        (
            row["forecaster"],
            row["score"],
            f"{row['low']:.3f}",
            f"{row['high']:.3f}",
            row["widest"],
            f"{row['moves']:.3f}",
        )
        for row in board.ranges.to_dict("records")
    ]
    headings = ("forecaster", "score", "least", "greatest", "moved most by", "by")
    return Table("ranges", "Mean scores over the forms of each answer and its recorded outcomes", headings, rows)


def _number(one: Estimate) -> str:
    interval = "" if one.low is None else f" [{one.low:.3f}, {one.high:.3f}]"
    return f"{one.mean:.3f}{interval}".replace("-", "−")


def _braces(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")
