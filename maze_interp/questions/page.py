"""Questions as a page: what was asked, forecast and measured, the picture behind it, and the score."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from maze_interp.bundled import bundled_path
from maze_interp.policies.agents import agent_mode, load_network
from maze_interp.policies.checkpoints import agent_hash
from maze_interp.questions.comparison import SCORES
from maze_interp.questions.evidence_figure import evidence_figure, has_figures
from maze_interp.questions.forecasts import forecast_path, load_forecast
from maze_interp.questions.forecasts_figure import forecasts_figure
from maze_interp.questions.measurements import measurements
from maze_interp.questions.question import Question
from maze_interp.questions.registry import load_questions
from maze_interp.questions.resolution_files import FOLDER, read_resolutions
from maze_interp.questions.resolutions import Resolutions
from maze_interp.questions.resolvers.resolve import resolution_path
from maze_interp.questions.scoreboard import Scoreboard
from maze_interp.questions.scoring import BOUND
from maze_interp.questions.tables import BASELINES, outcome_words, remarks
from maze_interp.results.estimates import Estimate
from maze_interp.results.files import write_whole
from maze_interp.studies.result import Picture, Result
from maze_interp.studies.section import Section, render_page

HOW_TO_READ = (
    "Lower scores are better. Brier: half the squared differences summed over outcomes, so one-sided for yes or no; "
    f"log: nats, probabilities below {BOUND} raised to it; RPS: for thresholds, the mean over them. Where an interval "
    "lies across a bound the outcome is a probability, and the score the expected one. Intervals of mean scores are "
    "bootstraps over measurements: questions that one measurement answers are resampled together.",
    "Where an answer has several forms, or a question several outcomes because a person has overridden one, its rule "
    "was changed later or could be read otherwise, all are scored; the ranges are over them.",
    "Where a question is whether something exists and a search has not found it, the outcome is not a plain no: it "
    "exists by the chance that the registry states that the search has missed it. “As found” is without that.",
    "“Best possible” is the least that can be expected: the measured probabilities themselves, scored.",
)

FORECAST = "nanda-2023"
"""The bundled forecast that a report scores."""

_SCORED = ("forecaster", "form", "resolution", *SCORES, "repair")


def write_page(board: Scoreboard, command: str, out: Path) -> None:
    """Write the page of all questions, made by `command`, as an HTML file."""
    results = [standings_result(board, command), *(_question(question, board) for question in board.questions.values())]
    agents = ", ".join(f"{each.agent} ({each.agent_hash}, {each.setting})" for each in board.resolutions)
    facts = {"Made by": command, "Agents": agents}
    write_whole(out, render_page("Predictions and outcomes", Markup(""), map(Section.of, results), facts))


def standings_result(board: Scoreboard, command: str) -> Result:
    """All forecasters in one table, and credences beside outcomes in one picture."""
    counts = [
        f"{forecast.forecaster} ({forecast.date}) answers {count['answered']} of {count['questions']} questions, "
        f"{count['scored']} of which have an outcome"
        for forecast in board.forecasts
        for count in [board.coverage(forecast)]
    ]
    picture = Picture(
        forecasts_figure(board.forecasts, board.questions, board.outcomes),
        "Credences, and in grey the probability of each event by the outcome that counts; thresholds as “met”.",
        "A row per event with a grey bar and a marker for each forecaster.",
    )
    return Result(
        name="questions",
        title="Forecasts and what was measured",
        statement=f"{'; '.join(counts)}.",
        tables={"standings": _standings(board), "ranges": _ranges(board)},
        captions={
            "standings": "Mean scores over the questions answered",
            "ranges": "Mean scores over the forms of each answer and its recorded outcomes",
        },
        pictures={"forecasts": picture},
        notes=HOW_TO_READ,
        command=command,
    )


def questions_result(agent: str, mode: str) -> Result:
    """The bundled forecast beside what was measured on an agent: in the working folder, else with the library."""
    questions = load_questions()
    command = shlex.join(["maze-interp", "questions", "score", "--forecast", FORECAST])
    found = _resolutions(agent, mode, questions)
    if found is None:
        resolve = shlex.join(["maze-interp", "questions", "resolve", "--agent", agent, "--mode", mode])
        text = f"The prediction questions have not been measured on this agent; `{resolve}` does that."
        return Result(text, name="questions", title="Forecasts and what was measured", command=resolve)
    board = Scoreboard([load_forecast(forecast_path(FORECAST), questions)], questions, [found])
    result = standings_result(board, command)
    return replace(
        result,
        tables={**result.tables, "questions": _answers(questions, found, board)},
        captions={**result.captions, "questions": "Every question and its outcome"},
        notes=[*result.notes, f"Measured beforehand on these weights, setting {found.setting}, by {found.command}."],
    )


def _resolutions(agent: str, mode: str, questions: dict[str, Question]) -> Resolutions | None:
    """What was measured on these very weights and levels."""
    weights = agent_hash(load_network(agent))
    for path in (resolution_path(FOLDER, agent), bundled_path("data", "resolutions") / f"{agent}.yaml"):
        if path.exists():
            resolutions = read_resolutions(path, questions)
            if (resolutions.agent_hash, resolutions.mode or agent_mode(agent)) == (weights, mode):
                return resolutions
    return None


def _answers(questions: dict[str, Question], found: Resolutions, board: Scoreboard) -> pd.DataFrame:
    scores = board.table[board.table["counts"]].set_index("question")["brier"].to_dict()
    rows = []
    for name, question in questions.items():
        outcome = _outcome(question, found)
        rows.append({"question": name, "asks": question.wording, "outcome": outcome, "Brier": scores.get(name)})
    return pd.DataFrame(rows)


def _question(question: Question, board: Scoreboard) -> Result:
    known = [each for each in board.resolutions if has_figures(question, each)]
    rows = board.table[board.table["question"] == question.id]
    scores = {"scores": _scores(question, board, rows)} if len(rows) else {}
    proxy = [f"A stand-in for what was asked. {question.proxy}"] if question.proxy else []
    return Result(
        name=question.id,
        title=question.id,
        statement=question.wording,
        lines=[
            *(f"{each.agent}: {_outcome(question, each)}" for each in board.resolutions),
            *(f"“{text}”" for text in _notes(question, board)),
        ],
        tables={"outcomes": _outcomes(question, board.resolutions), **scores},
        captions={"outcomes": "Outcome", **dict.fromkeys(scores, "Forecasts and their scores")},
        pictures={question.id: _evidence(question, known)} if known else {},
        notes=[
            f"Resolves by {question.rule_text} (version {question.version}, {question.hash}).",
            measurements()[question.measurement].what,
            *proxy,
        ],
        command="; ".join(dict.fromkeys(str(each.answers[question.id].command) for each in known)),
    )


def _evidence(question: Question, known: Sequence[Resolutions]) -> Picture:
    return Picture(
        evidence_figure(question, known),
        "What was measured, with 95% intervals over levels, and in red the bounds that decide.",
        "A strip for each figure with a point per agent and dashed lines at the bounds.",
    )


def _notes(question: Question, board: Scoreboard) -> Iterator[str]:
    for forecast in board.forecasts:
        answer = forecast.answers.get(question.id)
        if answer is not None and answer.notes:
            yield f"{forecast.forecaster}: {answer.notes}"


def _outcome(question: Question, resolutions: Resolutions) -> str:
    answer = resolutions.answers.get(question.id)
    if answer is None:
        return "not asked"
    return outcome_words(answer.outcome) if answer.outcome else f"unresolved: {answer.unresolved}"


def _outcomes(question: Question, resolutions: Sequence[Resolutions]) -> pd.DataFrame:
    rows = []
    for each in resolutions:
        answer = each.answers.get(question.id)
        row: dict[str, Any] = {"agent": each.agent, "outcome": _outcome(question, each)}
        if answer is not None:
            figures = "; ".join(
                f"{name} {figure.value:.3g} [{figure.low:.3g}, {figure.high:.3g}]"
                for name, figure in answer.figures.items()
            )
            chosen = f"; chosen on other levels: {answer.chosen}" if answer.chosen else ""
            n = max((figure.n for figure in answer.figures.values()), default=None)
            row |= {"beside it": "; ".join(remarks(question, answer)), "measured": figures + chosen, "levels": n}
        rows.append(row)
    return pd.DataFrame(rows, columns=["agent", "outcome", "beside it", "measured", "levels"])


def _scores(question: Question, board: Scoreboard, rows: pd.DataFrame) -> pd.DataFrame:
    answers = {forecast.forecaster: forecast.answers.get(question.id) for forecast in board.forecasts}
    table = []
    for row in rows.to_dict("records"):
        answer = answers[row["forecaster"]]
        assert answer is not None
        form = next(each for each in answer.readings if each.form == row["form"])
        given = ", ".join(f"{label} {p:.0%}" for label, p in zip(question.labels, form.probabilities, strict=True))
        table.append({"probabilities": given, **{key: row[key] for key in _SCORED}})
    return pd.DataFrame(table, columns=["forecaster", "form", "resolution", "probabilities", *SCORES, "repair"])


def _standings(board: Scoreboard) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "forecaster": forecaster,
            "taken": taken,
            "score": score,
            "questions": values["forecaster"].n,
            **{words: _number(values[name]) for name, words in BASELINES.items()},
        }
        for taken, standings in board.standings.items()
        for forecaster, by_score in standings.items()
        for score, values in by_score.items()
        if values["forecaster"].n
    )


def _ranges(board: Scoreboard) -> pd.DataFrame:
    names = {"low": "least", "high": "greatest", "widest": "moved most by", "moves": "by"}
    return board.ranges[["forecaster", "score", *names]].rename(columns=names)


def _number(estimate: Estimate) -> str:
    return str(estimate).partition(" (")[0]
