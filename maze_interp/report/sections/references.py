"""How well simple rules foretell what it does."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from maze_interp.errors import MazeInterpError
from maze_interp.plots.references import NAMES, agreement_figure, scores_figure, weights_figure
from maze_interp.report.references import DISTANCE, reference_tables
from maze_interp.report.section import Cell, Number, Picture, Section, Table
from maze_interp.report.study import Study, tells
from maze_interp.results.estimates import Estimate
from maze_interp.studies.goal_models import MODELS, fit_mixture
from maze_interp.studies.references import CHEESE, COMPARED, CORNER, RANDOM, SQUARES, ReferenceMoves
from maze_interp.sweeps.experiment import run_experiment
from maze_interp.sweeps.levels import LevelSet

_LEVELS, _FIT = 80, 60
_FIT_ON = 800_000_000  # the first level to fit on
_TITLE = "Which simple rule foretells its moves?"


def references_section(study: Study) -> Section:
    """The agent beside reference policies and mixtures of them, fitted on other levels."""
    seeds = {"fitted": range(_FIT_ON, _FIT_ON + len(study.some(_FIT))), "reported": study.some(_LEVELS)}
    rows = {}
    for name, some in seeds.items():
        experiment = ReferenceMoves(study.policy, study.agent, LevelSet(some, study.mode))
        rows[name] = run_experiment(experiment, study.out / "references" / name)
    commands = [
        study.command("references"),
        f"maze-interp sweep --agent reference:{CHEESE} --mode {study.mode} --out runs/reference",
    ]
    try:
        tables = reference_tables(rows["fitted"], rows["reported"])
    except MazeInterpError as error:
        return Section("references", _TITLE, [f"Not measured here: {error}."], how_to_reproduce=commands)
    numbers = _numbers(tables)
    return Section(
        name="references",
        title=_TITLE,
        body=_body(tables, numbers, len(seeds["fitted"])),
        numbers=numbers,
        pictures=_pictures(tables, rows["fitted"], numbers),
        tables=[_table(tables["scores"])],
        how_to_read=_HOW_TO_READ,
        how_to_reproduce=commands,
    )


_HOW_TO_READ = (
    "A rule is followed with some firmness: to its moves is added a share of random actions, fitted on other "
    "levels; a move into a wall counts as staying. The score is the expected log-probability that the softened "
    "rule gives to the agent's moves. Random actions set its zero; 100% is what knowing the agent's own "
    "probabilities would score.",
    "A mixture draws one of its rules anew at every move. It says how often the agent moves as if towards the one "
    "or the other goal, not that the agent holds two goals.",
    "The rules agree with each other on most squares. What tells them apart are squares where the ways to cheese "
    "and corner part. A level with squares that count always counts as one, however seldom the agent comes there.",
    "Wall followers go by their heading too; of each square their move on first coming there from the start is "
    "compared.",
)


def _numbers(tables: Mapping[str, pd.DataFrame]) -> dict[str, Number]:
    numbers = {}
    for row in tables["scores"][tables["scores"]["model"].isin(MODELS)].to_dict("records"):
        name = f"{row['squares']}_{_key(row['model'])}"
        numbers[f"{name}_gain"] = Number(_estimate(row["n"], row["gain"], row["gain_low"], row["gain_high"]))
    agreement = tables["agreement"].query("steps == 'any' and quantity == 'agreement'")
    for row in agreement.to_dict("records"):
        name = f"{row['squares']}_{_key(row['reference'])}_agreement"
        numbers[name] = Number(_estimate(row["n"], row["mean"], row["low"], row["high"]))
    return numbers


def _body(tables: Mapping[str, pd.DataFrame], numbers: Mapping[str, Number], fitted: int) -> list[str]:
    scores = tables["scores"].set_index(["squares", "model"])
    best = next(name for name in COMPARED if scores.loc[("visited", name), "best"])
    lead = _lead(scores, "visited", DISTANCE)
    goals = {name: f"{{all_{_key(name)}_agreement}}" for name in (CHEESE, CORNER, RANDOM)}
    n = numbers[f"visited_{_key(CHEESE)}_gain"].estimate.n
    apart = numbers[f"apart_{_key(CHEESE)}_gain"].estimate.n
    return [
        f"On {n} levels its most probable move is a step of the shortest path to the cheese on {goals[CHEESE]} of all "
        f"squares, of that to the corner on {goals[CORNER]}; random actions would agree on {goals[RANDOM]}. Where "
        f"these ways part ({apart} levels, squares by expected visits) it agrees with the way to the cheese on "
        f"{{apart_{_key(CHEESE)}_agreement}}, with that to the corner on {{apart_{_key(CORNER)}_agreement}}.",
        f"Of single rules, fitted on {fitted} other levels, the best there is “{NAMES[best]}”; on the squares it "
        f"visits here that gains {{visited_{_key(best)}_gain}} of what could be gained. A mixture of the ways to "
        f"cheese and corner gains {{visited_{_key('mixture')}_gain}}, one whose weights depend on the distance from "
        f"mouse to cheese {{visited_{_key(DISTANCE)}_gain}}. {_TOLD[tells(lead)]} Keeping the left or the right hand "
        f"on the wall gains {{visited_{_key('left-wall')}_gain}} and {{visited_{_key('right-wall')}_gain}}.",
    ]


_TOLD = {
    1: "So the mixture by distance foretells it better than that rule.",
    0: "These levels do not show that the mixture by distance foretells it better than that rule.",
    -1: "So that rule foretells it better than the mixture by distance.",
}


def _lead(scores: pd.DataFrame, squares: str, model: str) -> Estimate:
    """What a model leads the best single rule by, in nats per move."""
    row = scores.loc[(squares, model)]
    return _estimate(row["n"], row["lead"], row["lead_low"], row["lead_high"])


def _pictures(tables: Mapping[str, pd.DataFrame], fitted: pd.DataFrame, numbers: Mapping[str, Number]) -> list[Picture]:
    written = "; ".join(f"{NAMES[name]} {numbers[f'visited_{_key(name)}_gain']}" for name in MODELS)
    return [
        Picture(
            "references_scores",
            scores_figure(tables["scores"]),
            "What each rule and each mixture gains over random actions; dashed: the agent's own probabilities.",
            f"Points with intervals in three panels. By expected visits: {written}.",
        ),
        Picture(
            "references_agreement",
            agreement_figure(tables["agreement"]),
            "How often its most probable move is a rule's, by distance from the cheese.",
            "Three panels of lines, one for each rule, over bins of steps from mouse to cheese.",
        ),
        Picture(
            "references_weights",
            weights_figure(fit_mixture(MODELS[DISTANCE], fitted, "apart")),
            "When it goes for the cheese rather than the corner: the fitted mixture where the two ways part.",
            "A map of the weight of the way to the cheese over bins of straight-line and step distance.",
        ),
    ]


def _table(scores: pd.DataFrame) -> Table:
    rows: list[list[Cell]] = [
        [
            SQUARES[row["squares"]],
            NAMES.get(row["model"], "the agent's own probabilities"),
            Number(_estimate(row["n"], row["gain"], row["gain_low"], row["gain_high"])),
            *(None if pd.isna(row[name]) else round(row[name], 3) for name in ("mean", "low", "high")),
        ]
        for row in scores.to_dict("records")
    ]
    headings = ("squares", "rule", "share of the possible gain", "nats per move", "low", "high")
    return Table(
        "references", "Every rule and mixture, scored on levels it was not fitted on", headings, rows, folded=True
    )


def _key(name: str) -> str:
    return name.replace("-", "_").replace(" ", "_")


def _estimate(n: float, *figures: float) -> Estimate:
    return Estimate(int(n), *(None if pd.isna(one) else float(one) for one in figures))
