"""Agreement with reference policies by hand, planted mixtures recovered, levels to fit on kept apart."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from small_mazes import TREE

import maze_interp as mi
from maze_interp import LevelSet, MazeInterpError
from maze_interp.measure.effects import EFFECTS, effects
from maze_interp.policies.references import Reference
from maze_interp.results.estimates import estimate
from maze_interp.studies.references.agreement import SOFTNESS, agreement_table
from maze_interp.studies.references.measure import (
    CHEESE,
    COMPARED,
    CONTEXTS,
    CORNER,
    RANDOM,
    ReferenceMoves,
    reference_effects,
    weights,
)
from maze_interp.studies.references.mixtures import BINS, Model, fit_mixture
from maze_interp.studies.references.scores import OWN, best_reference, gain, held_out_scores, score_table

FITTED, SCORED = range(800_000_000, 800_000_040), range(900_000_000, 900_000_010)


def moves_of(agent: str, seeds: range) -> pd.DataFrame:
    experiment = ReferenceMoves(mi.load_policy(agent), agent, LevelSet(seeds, "easy"))
    by_level = ({"seed": seed, **row} for seed in seeds for row in experiment.rows(experiment.levels.maze(seed)))
    return pd.DataFrame(by_level)


@pytest.fixture(scope="module")
def fitted_on() -> pd.DataFrame:
    return moves_of("reference:random", FITTED)


@pytest.fixture(scope="module")
def scored_on() -> pd.DataFrame:
    return moves_of("reference:random", SCORED)


def planted(rows: pd.DataFrame, cheese: NDArray[np.float64] | float, firmness: float = 0.9) -> pd.DataFrame:
    """The rows of an agent that goes for the cheese with this probability, else for the corner."""
    share = np.broadcast_to(cheese, (len(rows),))[:, None]
    goals = share * reference_effects(rows, CHEESE) + (1 - share) * reference_effects(rows, CORNER)
    probs = firmness * goals + (1 - firmness) * reference_effects(rows, RANDOM)
    return rows.assign(**dict(zip(EFFECTS, probs.T, strict=True)))


def test_rows_by_hand() -> None:
    experiment = ReferenceMoves(Reference("reference:left-wall"), "", LevelSet(range(1), "easy"))
    rows = pd.DataFrame(experiment.rows(TREE)).set_index(["x", "y"])
    assert len(rows) == len(TREE.squares) - 1
    assert rows.loc[(0, 3), "visits"] == 2
    assert rows.loc[(0, 3), list(EFFECTS)].tolist() == [0, 0, 1, 0, 0]
    bits = {name: 1 << i for i, name in enumerate(EFFECTS)}
    assert rows.loc[(0, 2), "free"] == bits["down"] | bits["up"] | bits["right"] | bits["stay"]
    ways = ("right", "down", "right", "right", "right", "right", "up", "right")
    assert [rows.loc[(0, 2), name] for name in COMPARED] == [bits[way] for way in ways]
    assert rows.loc[(0, 0), "greedy-euclidean"] == bits["up"] | bits["right"]
    assert rows.loc[(4, 4), CORNER] == bits["stay"]
    near = {"euclidean_cheese_mouse": math.sqrt(8), "steps_cheese_mouse": 4, "steps_cheese_decision_square": 4}
    assert {name: rows.loc[(0, 0), name] for name in near} == near
    assert experiment.rows(TREE.with_cheese(None)) == []


def test_moves_into_walls_count_as_staying() -> None:
    free = np.array([[False, True, False, True, True]])
    assert effects(np.array([[0.1, 0.2, 0.3, 0.25, 0.15]]), free)[0] == pytest.approx([0, 0.2, 0, 0.25, 0.55])


def test_weights_by_hand() -> None:
    experiment = ReferenceMoves(Reference("reference:left-wall"), "", LevelSet(range(1), "easy"))
    rows = pd.DataFrame(experiment.rows(TREE)).assign(seed=0)
    at = {(x, y): i for i, (x, y) in enumerate(zip(rows["x"], rows["y"], strict=True))}
    assert weights(rows, "all").tolist() == pytest.approx([1 / 16] * 16)
    assert weights(rows, "visited")[at[0, 3]] == pytest.approx(2 / 10)  # of ten moves two begin there
    apart = weights(rows, "apart")
    assert apart.sum() == pytest.approx(1)
    # on the way from the start to the cheese, of which it is on one square twice
    assert apart[apart > 0].to_dict() == pytest.approx(
        {at[0, 0]: 1 / 5, at[0, 1]: 1 / 5, at[0, 2]: 2 / 5, at[1, 2]: 1 / 5}
    )
    with pytest.raises(MazeInterpError, match="unknown choice of squares 'visitd': did you mean visited"):
        weights(rows, "visitd")


def test_agreement_by_hand() -> None:
    rows = moves_of("reference:left-wall", SCORED)
    table = agreement_table(rows).set_index(["squares", "steps", "reference", "quantity"])
    mean, low, high = table.loc[("visited", "any", "left-wall", "agreement"), ["mean", "low", "high"]]
    assert (mean, high) == pytest.approx((1, 1))
    assert low < 1, "another level might differ"
    weight = weights(rows, "visited")
    agreeing = [bool(row["left-wall"] & row[CHEESE]) for row in rows.to_dict("records")]
    share = (weight * agreeing).groupby(rows["seed"]).sum()
    found = table.loc[("visited", "any", CHEESE, "agreement"), ["n", "mean", "low"]].tolist()
    assert found == pytest.approx([len(SCORED), share.mean(), estimate(share).low])
    random = reference_effects(rows, RANDOM)
    chosen = random[np.arange(len(rows)), rows[list(EFFECTS)].to_numpy(float).argmax(axis=1)]
    own = (weight * np.log(1 - SOFTNESS + SOFTNESS * chosen)).groupby(rows["seed"]).sum().mean()
    assert table.loc[("visited", "any", "left-wall", "log_likelihood"), "mean"] == pytest.approx(own)
    near = rows["steps_cheese_mouse"].between(1, 2)
    by_level = pd.Series(agreeing)[near].groupby(rows["seed"][near]).mean()
    assert table.loc[("all", "1–2", CHEESE, "agreement"), "mean"] == pytest.approx(by_level.mean())
    with pytest.raises(MazeInterpError, match="no level has a cheese"):
        agreement_table(rows[:0])


@pytest.mark.parametrize("squares", ["all", "visited", "apart"])
def test_a_planted_mixture_is_recovered_and_gains_all(
    squares: str, fitted_on: pd.DataFrame, scored_on: pd.DataFrame
) -> None:
    agent, other = planted(fitted_on, 0.7), planted(scored_on, 0.7)
    found = fit_mixture(Model((CHEESE, CORNER)), agent, squares)
    assert found.weights == pytest.approx(np.array([0.63, 0.27, 0.1]), abs=2e-3)
    models = {"both": Model((CHEESE, CORNER)), CHEESE: Model((CHEESE,)), CORNER: Model((CORNER,))}
    scores = held_out_scores(models, agent, other, squares)
    assert scores["both"].to_numpy() == pytest.approx(scores[OWN].to_numpy(), abs=1e-4)
    share = gain(scores, "both")
    assert share.mean == pytest.approx(1, abs=1e-4)
    assert (scores[OWN] + 1e-12 >= scores[[*models, RANDOM]].max(axis=1)).all()
    assert scores[CHEESE].mean() > scores[CORNER].mean() > scores[RANDOM].mean()
    assert best_reference(agent, squares, (CORNER, CHEESE)) == CHEESE


def test_a_planted_switch_by_context_is_recovered(fitted_on: pd.DataFrame, scored_on: pd.DataFrame) -> None:
    model = Model((CHEESE, CORNER), ("euclidean_cheese_mouse",))
    edge = fit_mixture(model, fitted_on, "all").edges[0][0]
    near, near_too = (rows["euclidean_cheese_mouse"] <= edge for rows in (fitted_on, scored_on))
    agent = planted(fitted_on, np.where(near, 0.95, 0.05))
    other = planted(scored_on, np.where(near_too, 0.95, 0.05))
    towards = [fit_mixture(model, agent, "all", **prior).weights[:BINS] for prior in ({}, {"prior": 1e-6})]
    drawn_together, free = (share[:, 0] / share[:, :2].sum(axis=1) for share in towards)
    assert free == pytest.approx([0.95, 0.05, 0.05, 0.05], abs=5e-3)
    assert free[0] > drawn_together[0] > 0.8
    assert (free[1:] < drawn_together[1:]).all()
    scores = held_out_scores({"switch": model, "even": Model((CHEESE, CORNER))}, agent, other, "all")
    table = score_table(scores, "even").set_index("model")
    assert table.loc["switch", "gain"] > 0.95
    assert table.loc["switch", "over_best_low"] > 0
    assert table.loc["even", ["over_best", "over_best_low", "over_best_high"]].tolist() == [0, 0, 0]


def test_contexts_that_a_level_lacks_have_weights_of_their_own(fitted_on: pd.DataFrame) -> None:
    context = "steps_cheese_decision_square"
    lacks = fitted_on[context].isna()
    assert 0 < fitted_on["seed"][lacks].nunique() < len(FITTED)
    agent = planted(fitted_on, np.where(lacks, 0.0, 1.0), firmness=1.0)
    found = fit_mixture(Model((CHEESE, CORNER), (context,)), agent, "all")
    assert found.mass.sum() == pytest.approx(len(FITTED))
    assert found.mass[-1] == pytest.approx(fitted_on["seed"][lacks].nunique())
    assert found.weights.shape == (BINS + 1, 3)
    np.testing.assert_allclose(found.weights.sum(axis=-1), 1)
    predicted = found.predict(agent)
    assert predicted.sum(axis=1) == pytest.approx(np.ones(len(agent)))
    assert found.weights[0, 0] > 0.8


def test_bad_input(fitted_on: pd.DataFrame, scored_on: pd.DataFrame) -> None:
    single = {CHEESE: Model((CHEESE,))}
    with pytest.raises(MazeInterpError, match="level 800000000 is among those to fit on and those to score on"):
        held_out_scores(single, fitted_on, fitted_on)
    with pytest.raises(MazeInterpError, match="no square to fit"):
        held_out_scores(single, fitted_on[:0], scored_on)
    with pytest.raises(MazeInterpError, match="no square to score"):
        held_out_scores(single, fitted_on, scored_on[:0])
    with pytest.raises(MazeInterpError, match="did you mean shortest-to-cheese"):
        Model(("shortest-to-chese",))
    with pytest.raises(MazeInterpError, match="unknown context 'steps_cheese_mous': did you mean steps_cheese_mouse"):
        Model((CHEESE,), ("steps_cheese_mous",))
    with pytest.raises(MazeInterpError, match="at least one reference"):
        Model(())
    assert {"euclidean_cheese_decision_square", "euclidean_cheese_top_right"} < set(CONTEXTS)
