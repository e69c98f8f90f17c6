"""Forecasters beside each other and beside baselines, over all questions that have an outcome.

Baselines, each on the questions that the forecaster answered:

- `even`: 50% for yes or no, the uniform distribution over all other outcomes;
- `base_rate`: the mean outcome of the *other* questions with the same outcomes (all yes-or-no questions together, those
  with the same thresholds together), or `even` where there is no other: it never sees the question's own outcome;
- `best`: the outcome probabilities themselves, the lowest score that can be expected; 0 where outcomes are certain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from maze_interp.questions.forecasts import Forecast
from maze_interp.questions.question import Question
from maze_interp.questions.resolutions import COUNTED, Resolutions
from maze_interp.questions.scoring import scores
from maze_interp.results.estimates import Estimate, estimate_statistic, ratio

SCORES = ("brier", "log", "rps")
BASELINES = ("even", "base_rate", "best")

QUESTIONS = "questions"
"""What mean scores are over."""

ENOUGH = 20
"""Answered yes-or-no questions from which calibration is shown."""

Floats = NDArray[np.float64]
Outcomes = Mapping[str, Floats]
"""Probabilities of each question's `labels`, by question id; questions without an outcome are absent."""

Recorded = Mapping[str, Mapping[str, Floats]]
"""The same, by question id and by the names of `Resolution.outcomes`."""


def recorded_outcomes(
    resolutions: Sequence[Resolutions], questions: Mapping[str, Question]
) -> dict[str, dict[str, Floats]]:
    """Mean outcome probabilities over the agents that answer a question, for every way in which one was recorded.

    Returns:
        by question id, then by the names of `Resolution.outcomes`, `COUNTED` first: probabilities `[labels]`. An agent
        without an outcome of a name counts with the one that counts.
    """
    pooled: dict[str, dict[str, Floats]] = {}
    for name, question in questions.items():
        answers = [each.answers[name].outcomes(question) for each in resolutions if name in each.answers]
        answers = [outcomes for outcomes in answers if COUNTED in outcomes]
        pooled |= {name: {}} if answers else {}
        for kind in dict.fromkeys(kind for outcomes in answers for kind in outcomes):
            each = [outcomes.get(kind, outcomes[COUNTED]) for outcomes in answers]
            pooled[name][kind] = np.mean([[outcome[label] for label in question.labels] for outcome in each], axis=0)
    return pooled


def counted(outcomes: Recorded) -> dict[str, Floats]:
    """The outcomes that count."""
    return {name: kinds[COUNTED] for name, kinds in outcomes.items()}


def base_rate(question: Question, questions: Mapping[str, Question], outcomes: Outcomes) -> Floats:
    """The baseline of that name: probabilities of the question's `labels`."""
    others = [
        outcome
        for name, outcome in outcomes.items()
        if name != question.id and questions[name].labels == question.labels
    ]
    return np.mean(others, axis=0) if others else even(question)


def even(question: Question) -> Floats:
    """The uniform distribution over the question's `labels`."""
    return np.full(len(question.labels), 1 / len(question.labels))


def score_table(forecasts: Sequence[Forecast], questions: Mapping[str, Question], outcomes: Recorded) -> pd.DataFrame:
    """One row for each form of each answer and each recorded outcome of its question.

    Returns:
        columns forecaster, group, question, kind, measurement, form; `resolution`, the name of the outcome; `counts`,
        whether form and outcome are those that count; repair; `credence` and `outcome`, the probability of yes (NaN for
        other kinds); and each of `SCORES`, plain for the forecaster and with `_<baseline>` after it for each of
        `BASELINES`.
    """
    rows = []
    certain = counted(outcomes)
    answers = [(forecast, name) for forecast in forecasts for name in forecast.answered if name in outcomes]
    for forecast, name in answers:
        question = questions[name]
        baselines = {"even": even(question), "base_rate": base_rate(question, questions, certain)}
        for resolution, outcome in outcomes[name].items():
            beside = {
                f"{score}_{baseline}": value
                for baseline, distribution in {**baselines, "best": outcome}.items()
                for score, value in scores(question, distribution, outcome).items()
            }
            for number, reading in enumerate(forecast.answers[name].readings):
                asked = reading.form == "binary"
                rows.append(
                    {
                        "forecaster": forecast.forecaster,
                        "group": question.group,
                        "question": name,
                        "kind": question.kind,
                        "measurement": question.measurement,
                        "form": reading.form,
                        "resolution": resolution,
                        "counts": number == 0 and resolution == COUNTED,
                        "repair": reading.repair,
                        "credence": reading.probabilities[0] if asked else np.nan,
                        "outcome": outcome[0] if asked else np.nan,
                        **scores(question, reading.probabilities, outcome),
                        **beside,
                    }
                )
    about = ["forecaster", "group", "question", "kind", "measurement", "form", "resolution", "counts", "repair"]
    columns = [*about, "credence", "outcome", *SCORES]
    return pd.DataFrame(rows, columns=columns + [f"{score}_{baseline}" for baseline in BASELINES for score in SCORES])


def score_ranges(table: pd.DataFrame) -> pd.DataFrame:
    """The least and the greatest mean score over the forms of the answers and the recorded outcomes.

    From the table of `score_table`.

    Returns:
        one row per forecaster and score: `low`, `high`; and `widest`, the question whose choice of form and outcome
        moves the mean most, empty if none does, with `moves`, by how much.
    """
    rows = []
    for forecaster, of_one in table.groupby("forecaster", sort=False):
        for score in SCORES:
            by_question = of_one.groupby("question", sort=False)[score].agg(["min", "max"]).dropna()
            if len(by_question):
                spread = (by_question["max"] - by_question["min"]) / len(by_question)
                widest = str(spread.idxmax()) if spread.max() > 0 else ""
                low, high = by_question.mean()
                rows.append((forecaster, score, low, high, widest, spread.max()))
    return pd.DataFrame(rows, columns=["forecaster", "score", "low", "high", "widest", "moves"])


def standings(table: pd.DataFrame) -> dict[str, dict[str, dict[str, Estimate]]]:
    """Mean scores over the questions that a forecaster answered. From the table of `score_table`.

    Returns:
        by forecaster, by score: `forecaster` and each of `BASELINES`, and `less_even` and
        `less_base_rate`, the difference from these on the same questions (below 0: better). Questions that one
        measurement answers are not independent: they are resampled together.
    """
    return {
        str(name): {score: _means(rows, score) for score in SCORES}
        for name, rows in table[table["counts"]].groupby("forecaster", sort=False)
    }


def _means(rows: pd.DataFrame, score: str) -> dict[str, Estimate]:
    values = {"forecaster": rows[score], **{name: rows[f"{score}_{name}"] for name in BASELINES}}
    against = {f"less_{name}": values["forecaster"] - values[name] for name in ("even", "base_rate")}
    return {name: _mean(each, rows["measurement"]) for name, each in {**values, **against}.items()}


def _mean(values: pd.Series, measurement: pd.Series) -> Estimate:
    """Mean over questions; those of one measurement are resampled together, and the interval is over measurements."""
    grouped = values.dropna().groupby(measurement)
    sums, counts = grouped.sum().to_numpy(), grouped.size().to_numpy(float)
    found = estimate_statistic(ratio, sums, counts, over=QUESTIONS, method="percentile")
    return replace(found, n=int(counts.sum()))


def common_questions(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of questions that every forecaster answered."""
    answered = table.groupby("question")["forecaster"].transform("nunique")
    return table[answered == table["forecaster"].nunique()]


def coverage(forecast: Forecast, questions: Mapping[str, Question], outcomes: Outcomes) -> dict[str, int]:
    """How many questions there are, have an outcome, are answered, and are both and so scored."""
    scored = sum(name in outcomes for name in forecast.answered)
    return {
        "questions": len(questions),
        "resolved": len(outcomes),
        "answered": len(forecast.answered),
        "scored": scored,
    }


def calibration(table: pd.DataFrame, bins: int = 5) -> pd.DataFrame | None:
    """Credences in yes against outcomes, in equal bins, for one forecaster; None for fewer than `ENOUGH` answers.

    Where outcomes are certain it is scikit-learn's `calibration_curve`; an uncertain one counts with its probability.

    Returns:
        columns credence and outcome, the bin's means, and n.
    """
    asked = table[table["counts"] & table["credence"].notna()]
    if len(asked) < ENOUGH:
        return None
    number = np.minimum((asked["credence"] * bins).astype(int), bins - 1)
    grouped = asked.groupby(number)[["credence", "outcome"]]
    return grouped.mean().assign(n=grouped.size()).reset_index(drop=True)


def leave_one_agent_out(
    forecasts: Sequence[Forecast], questions: Mapping[str, Question], resolutions: Sequence[Resolutions]
) -> pd.DataFrame:
    """How much the verdict depends on the agent: mean Brier scores with all agents, and with each left out.

    Returns:
        columns left_out (empty for none), forecaster, n, brier, brier_even, brier_base_rate, brier_best; no rows for
        fewer than two agents.
    """
    scored = ["brier", *(f"brier_{baseline}" for baseline in BASELINES)]
    rows = []
    for left_out in (None, *resolutions) if len(resolutions) > 1 else ():
        kept = [each for each in resolutions if each is not left_out]
        table = score_table(forecasts, questions, recorded_outcomes(kept, questions))
        for name, counting in table[table["counts"]].groupby("forecaster", sort=False):
            agent = left_out.agent if left_out else ""
            rows.append(
                {"left_out": agent, "forecaster": name, "n": len(counting), **counting[scored].mean().to_dict()}
            )
    return pd.DataFrame(rows, columns=["left_out", "forecaster", "n", *scored])
