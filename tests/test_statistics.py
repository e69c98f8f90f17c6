"""Planted rules are recovered from real mazes' distances; fits agree with other packages; bad input is one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.inspection import partial_dependence
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import SplineTransformer

import maze_interp as mi
from maze_interp import MazeInterpError, load_policy
from maze_interp.bundled import HELD_OUT
from maze_interp.errors import Unmeasurable
from maze_interp.mazes.features import FEATURE_NAMES, maze_features
from maze_interp.policies.checkpoints import agent_hash
from maze_interp.questions.resolvers import distances
from maze_interp.studies.result import Result
from maze_interp.studies.statistics import published
from maze_interp.studies.statistics.change_point import DISTANCES as CHANGE_POINT_DISTANCES
from maze_interp.studies.statistics.change_point import (
    at_fixed,
    change_points,
    compare_shapes,
    fit_step,
    fitted_curves,
    jointly,
)
from maze_interp.studies.statistics.data import FinishedSweep, known, read_sweep, select, standardised
from maze_interp.studies.statistics.fits import Effort, ridge
from maze_interp.studies.statistics.hypotheses import BOUND, chain, signs
from maze_interp.studies.statistics.layout import ATTRIBUTES, DISTANCES, dependence, predictive, with_layout
from maze_interp.studies.statistics.regression import SIX, THREE, accuracies, coefficients, single_regressions
from maze_interp.studies.statistics.stability import add_and_drop, correlations, inflation, sign_stability, unidentified
from maze_interp.studies.statistics.words import WORDS
from maze_interp.sweeps.levels import LevelSet
from maze_interp.sweeps.sweep import COLUMNS

AGENT = "rand_region_3_easy_imitation"
SEEDS = range(HELD_OUT, HELD_OUT + 400)
QUICK = Effort(repeats=1, refits=12)
NEAR = "euclidean_cheese_decision_square"
STEPS = "steps_cheese_decision_square"


@pytest.fixture(scope="module")
def mazes() -> pd.DataFrame:
    """Places and distances of real easy levels, as in a sweep, the outcomes still to be planted."""
    rows = []
    for maze in map(LevelSet(SEEDS, "easy").maze, SEEDS):
        cheese, decision = maze.cheese or (None, None), maze.decision_square or (None, None)
        places = {"cheese_x": cheese[0], "cheese_y": cheese[1], "decision_x": decision[0], "decision_y": decision[1]}
        size = {"size": maze.size, "open_squares": len(maze.squares)}
        rows.append({"seed": maze.seed, **size, **places, **maze_features(maze)})
    return pd.DataFrame(rows)


def planted(mazes: pd.DataFrame, p: NDArray[np.float64] | pd.Series, move: Any = None) -> pd.DataFrame:
    """A sweep's rows in which the mouse takes the cheese with probability p, else the corner."""
    choice = np.where(mazes["decision_x"].notna(), p if move is None else move, np.nan)
    outcomes = {"p_cheese": p, "p_top_right": 1 - p, "p_region": 1 - p, "expected_steps": 20.0}
    outcomes |= {"decision_p_cheese": choice, "decision_p_top_right": 1 - choice, "decision_p_other": 0.0}
    outcomes |= {"exit_cheese": choice, "exit_top_right": 1 - choice, "exit_other": 0.0}
    return mazes.assign(**outcomes)[list(COLUMNS)]


@pytest.fixture(scope="module")
def near(mazes: pd.DataFrame) -> pd.DataFrame:
    """Takes the cheese when it is within 5 in a straight line of the decision square, else the corner."""
    return planted(mazes, (mazes[NEAR] <= 5).astype(float))


def smooth(mazes: pd.DataFrame, slope: float = 0.8) -> NDArray[np.float64]:
    """Bit by bit less probable the farther the cheese, one half at 5."""
    return 1 / (1 + np.exp(slope * (mazes[NEAR].fillna(0).to_numpy() - 5)))


def write_sweep(folder: Path, rows: pd.DataFrame, **changes: Any) -> Path:
    folder.mkdir(parents=True)
    settings: dict[str, Any] = {
        "study": "sweep",
        "agent": AGENT,
        "agent_hash": agent_hash(load_policy(AGENT)),
        "mode": "easy",
        "seeds": f"{SEEDS.start}:{SEEDS.stop}",
        "region": "anywhere",
        "edits": [],
        "horizon": 500,
        **changes,
    }
    (folder / "run.json").write_text(json.dumps(settings))
    rows.to_csv(folder / "levels.csv", index=False)
    return folder


def test_selection_and_outcomes(near: pd.DataFrame) -> None:
    levels = select(near, region=3)
    edge = near["size"] - np.minimum(3, near["size"])
    outside = (near["cheese_x"] < edge) | (near["cheese_y"] < edge)
    assert levels["seed"].tolist() == near["seed"][near["decision_x"].notna() & outside].tolist()
    assert set(levels["sampled_cheese"]) == {0.0, 1.0}
    assert (levels["sampled_cheese"] == levels["p_cheese"]).all()  # nothing is left to chance where p is 0 or 1
    assert (levels["exit_choice"] == levels["p_cheese"]).all()
    half = select(near.assign(p_cheese=0.5), region=3)["sampled_cheese"]
    assert 0.3 < half.mean() < 0.7
    exits = near.assign(exit_cheese=0.1, exit_top_right=0.3, exit_other=0.6)
    np.testing.assert_allclose(select(exits, region=3)["exit_choice"], 0.25)


def test_planted_rule_is_found_by_the_regressions(near: pd.DataFrame) -> None:
    levels = select(near, region=3)
    single = single_regressions(levels, "p_cheese", QUICK)
    assert single["variable"][0] == NEAR
    assert single["accuracy_low"][0] > 0.97
    assert single["accuracy"][1] < single["accuracy_low"][0]
    assert single["coefficient_high"][0] < 0
    by_name = single.set_index("variable")
    assert by_name.loc["cheese_norm", "published"] == published.SINGLE_ACCURACY["cheese_norm"]

    several = accuracies(levels, "p_cheese", QUICK).set_index("model")
    share = levels["p_cheese"].mean()
    assert several.loc["majority guess", "accuracy"] == pytest.approx(max(share, 1 - share))
    assert several.loc["three stable", "accuracy"] > 0.95
    assert several.loc["knowing each level", "accuracy"] == 1
    assert several.loc["six useful", "published"] == 0.841

    three = coefficients(levels, "p_cheese", QUICK).query("model == 'three stable'").set_index("variable")
    assert three.loc[NEAR, "coefficient_high"] < 0
    others = three.drop(index=[NEAR, "intercept"])
    assert three.loc[NEAR, "coefficient"] < 3 * others["coefficient"].min()

    stable = sign_stability(levels, "p_cheese", subsets=30).set_index("variable")
    assert stable.loc[NEAR, "negative"] == 1
    assert ((stable["negative"] + stable["zero"] + stable["positive"]).round(9) == 1).all()
    changes = add_and_drop(levels, "p_cheese", effort=QUICK).set_index("variable")
    assert list(changes.index[:3]) == [name for name in FEATURE_NAMES if name in THREE]
    assert changes["nats"].idxmin() == NEAR
    assert changes.loc[NEAR, "nats_high"] < -0.1
    asked = signs(levels, "p_cheese", QUICK)
    assert set(asked.query("variable == @NEAR")["closer_more_often"]) == {"yes"}
    assert asked["coefficient"].idxmin() == asked.index[asked["variable"] == NEAR][0]


@pytest.mark.parametrize(("inside", "outside"), [(1.0, 0.0), (0.9, 0.2)])
def test_planted_change_point_is_found(mazes: pd.DataFrame, inside: float, outside: float) -> None:
    levels = select(planted(mazes, np.where(mazes[NEAR] <= 5, inside, outside)), region=3)
    step, shapes = fit_step(levels, NEAR, "p_cheese", QUICK), compare_shapes(levels, NEAR, "p_cheese", QUICK)
    found = change_points(step, shapes).iloc[0]
    assert found["verdict"] == "change point"
    assert (found["at"], found["at_low"], found["at_high"]) == (5, 5, 5)
    assert found["inside"] == pytest.approx(inside, abs=0.01)
    assert found["outside"] == pytest.approx(outside, abs=0.02)
    curves = fitted_curves(levels, NEAR, "p_cheese")
    assert np.ptp(curves["step"][curves["distance"] <= 5]) == 0


def test_gradual_change_is_no_change_point(mazes: pd.DataFrame) -> None:
    p = smooth(mazes)
    thrown = (np.random.default_rng(0).random(len(p)) < p).astype(float)
    for outcome in (p, thrown, 1 - mazes[NEAR].fillna(0) / 25):
        levels = select(planted(mazes, outcome), region=3)
        shapes = compare_shapes(levels, NEAR, "p_cheese", QUICK)
        found = change_points(fit_step(levels, NEAR, "p_cheese", QUICK), shapes).iloc[0]
        assert found["verdict"] in ("gradual", "undecided")
    assert change_points(fit_step(levels, NEAR, "p_cheese", QUICK), shapes)["verdict"].item() == "gradual"
    unrelated = select(planted(mazes, np.random.default_rng(0).integers(0, 2, len(mazes)).astype(float)), region=3)
    shapes = compare_shapes(unrelated, NEAR, "p_cheese", QUICK)
    assert change_points(fit_step(unrelated, NEAR, "p_cheese", QUICK), shapes)["verdict"].item() == "no change"


def test_one_metric_at_a_fixed_value_of_the_other(mazes: pd.DataFrame) -> None:
    levels = select(planted(mazes, smooth(mazes, slope=0.4)), region=3)
    euclidean, steps = (row for _, row in at_fixed(levels, "p_cheese", QUICK).iterrows())
    assert (euclidean["variable"], euclidean["fixed"]) == (NEAR, STEPS)
    assert euclidean["coefficient_high"] < 0
    assert abs(steps["coefficient"]) < 0.1 * abs(euclidean["coefficient"])
    table = jointly(levels, "p_cheese")
    assert table["n"].sum() == len(levels)
    first = levels[(levels[NEAR] < 2) & (levels[STEPS] < 4)]
    assert table.iloc[0]["mean"] == pytest.approx(first["p_cheese"].mean())


def test_a_mere_chain_of_moves_is_distinguished_from_a_choice(mazes: pd.DataFrame) -> None:
    lucky = 0.9 ** mazes[STEPS].fillna(0).to_numpy()  # every step may fail
    indifferent = np.random.default_rng(0).uniform(0.3, 0.7, len(mazes))
    levels = select(planted(mazes, lucky, move=indifferent), region=3)
    episode, move = (chain(levels, outcome, QUICK).iloc[0] for outcome in ("p_cheese", "decision_p_cheese"))
    assert episode["given_high"] < 0
    assert episode["nats_given_low"] > 0
    assert move["given_low"] < 0 < move["given_high"]
    assert move["nats_given_low"] <= 0
    assert episode["nats_alone_low"] > 0.05 > move["nats_alone_high"]


def test_collinearity(near: pd.DataFrame) -> None:
    levels = select(near, region=3)
    factors = inflation(levels).set_index(["model", "variable"])["factor"]
    assert np.isinf(factors["all eleven"][list(BOUND)]).all()
    assert np.isfinite(factors["all eleven"].drop(list(BOUND))).all()
    x = standardised(levels, THREE)
    expected = np.diag(np.linalg.inv(np.corrcoef(x.T)))
    np.testing.assert_allclose(factors["three stable"][list(THREE)], expected)
    assert set(unidentified(levels)) == set(BOUND)
    np.testing.assert_allclose(levels[BOUND[1]], levels[BOUND[0]] + levels[BOUND[2]])
    assert unidentified(levels, THREE) == []
    asked = {"variable": BOUND[1], "controls": "others"}
    with pytest.raises(Unmeasurable, match=f"not identified: in all {len(levels)} levels {BOUND[1]} follows from"):
        distances._coefficient(levels, asked, "p_cheese")
    table = correlations(levels).set_index("variable")
    assert table.loc[NEAR, STEPS] == pytest.approx(np.corrcoef(levels[NEAR], levels[STEPS])[0, 1])


def test_dependence_is_scikit_learns_partial_dependence(mazes: pd.DataFrame) -> None:
    sweep = FinishedSweep({"seeds": f"{SEEDS.start}:{SEEDS.stop}", "mode": "easy", "cheese": "anywhere"}, mazes, 3)
    levels = with_layout(sweep, select(planted(mazes, smooth(mazes)), region=3).iloc[:120])
    names = [*DISTANCES, *ATTRIBUTES]
    model = make_pipeline(SplineTransformer(4), ridge(1.0))
    x, p = levels[names].to_numpy(float), levels["p_cheese"].to_numpy(float)
    model.fit(np.concatenate([x, x]), np.repeat([1, 0], len(p)), logisticregression__sample_weight=np.append(p, 1 - p))
    table = dependence(levels, "p_cheese", Effort(refits=2))
    for name in (NEAR, "size", "junctions_to_cheese"):
        curve = table[table["variable"] == name]
        expected = partial_dependence(
            model, x, [names.index(name)], custom_values={names.index(name): curve["value"].to_numpy()}
        )["average"][0]
        np.testing.assert_allclose(curve["probability"], expected, atol=1e-6)
    near = table.query("variable == @NEAR")["probability"]
    assert near.iloc[0] - near.iloc[-1] > 0.3
    scores = predictive(levels, "p_cheese", QUICK).set_index(["model", "predictors"])
    assert scores.loc[("additive", "layout"), "over_distances_high"] < 0
    assert scores.loc[("additive", "both"), "accuracy"] > scores.loc[("majority guess", "none"), "accuracy"]


@pytest.fixture(scope="module")
def finished(near: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """The study of the planted policy, from a sweep on disk."""
    folder = tmp_path_factory.mktemp("statistics")
    rng = np.random.default_rng(0)
    noisy = near.assign(p_cheese=np.clip(near["p_cheese"] + rng.normal(0, 0.05, len(near)), 0, 1))
    sweep = write_sweep(folder / "sweep", noisy)
    return folder, mi.studies.statistics(agent=AGENT, sweep=sweep, repeats=1, refits=3).run(folder / "out")


def test_tables_summary_and_resumption(finished: tuple[Path, Result]) -> None:
    folder, result = finished
    out, tables = folder / "out", result.tables
    summary = json.loads((out / "summary.json").read_text())
    assert (summary["study"], summary["agent"], summary["region"]) == ("statistics", AGENT, 3)
    figures = summary["figures"]
    levels = read_sweep(folder / "sweep").levels
    assert figures["selected_levels"] == len(tables["levels"]) == len(select(levels, 3))
    verdicts = {(row["outcome"], row["variable"]): row["verdict"] for row in figures["change_points"]}
    assert verdicts["p_cheese", NEAR] == verdicts["decision_p_cheese", NEAR] == "change point"
    assert verdicts["p_cheese", "euclidean_cheese_top_right"] != "change point"
    assert f"{WORDS[NEAR]}: change point; best step at 5.0 [5.0, 5.0]" in result.lines
    three = tables["accuracies"].query("outcome == 'p_cheese' and model == 'three stable'")["accuracy"].item()
    assert f"{100 * three:.1f}%" in result.statement

    compared = tables["comparison"].set_index(["quantity", "variable"])
    assert compared.loc[("coefficient, three stable", NEAR), "published"] == -0.516
    assert compared.loc[("coefficient, three stable", NEAR), "p_cheese_high"] < 0
    assert len(compared) == 1 + 1 + 3 + 3 + len(published.SINGLE_ACCURACY) + len(SIX) + len(THREE) + 2

    before = {path.name: path.read_bytes() for path in out.glob("*.csv")}
    for name in ("rows/chain.csv", "comparison.csv", "summary.json"):
        (out / name).unlink()
    kept = (out / "rows" / "single.csv").stat().st_mtime_ns
    mi.studies.statistics(agent=AGENT, sweep=folder / "sweep", repeats=1, refits=3).run(out)
    assert {path.name: path.read_bytes() for path in out.glob("*.csv")} == before
    assert (out / "rows" / "single.csv").stat().st_mtime_ns == kept
    assert json.loads((out / "summary.json").read_text()) == summary
    with pytest.raises(MazeInterpError, match="refits is 3, not 4"):
        mi.studies.statistics(agent=AGENT, sweep=folder / "sweep", repeats=1, refits=4).run(out)


def test_what_is_not_identified_is_said(finished: tuple[Path, Result]) -> None:
    _, result = finished
    assert set(result.numbers["unidentified"]) == set(BOUND)
    assert all(WORDS[name] in result.notes[-1] for name in BOUND)
    assert "the region are to the 3×3 that is this agent's own" in result.notes[-1]


def test_distances_to_the_region_are_to_the_agents_own(finished: tuple[Path, Result]) -> None:
    _, result = finished
    for row in result.tables["levels"].head(20).to_dict("records"):
        own = maze_features(LevelSet(SEEDS, "easy").maze(int(row["seed"])), 3)
        assert {name: row[name] for name in FEATURE_NAMES} == pytest.approx(own)


def test_pictures_show_the_tables(finished: tuple[Path, Result]) -> None:
    _, result = finished
    axes = result.figures["accuracies"].axes[0]
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names[10] == WORDS[NEAR]  # the best alone stands above the other ten
    ours = next(line for line in axes.lines if line.get_marker() == "o")
    best = result.tables["single"].query("outcome == 'p_cheese'")["accuracy"].max()
    assert np.asarray(ours.get_xdata(), float)[10] == best
    panels = result.figures["change_points_p_cheese"].axes
    assert [axes.get_xlabel() for axes in panels] == [WORDS[name] for name in CHANGE_POINT_DISTANCES]
    assert len(result.figures["coefficients"].axes) == 3


def bad(folder: Path, **options: Any) -> str:
    with pytest.raises(MazeInterpError) as caught:
        mi.studies.statistics(sweep=folder, **{"agent": AGENT, **options}).run(folder.parent / "out")
    message = str(caught.value)
    assert "\n" not in message
    assert not (folder.parent / "out").exists()
    return message


def test_bad_sweeps(near: pd.DataFrame, tmp_path: Path) -> None:
    assert "is no sweep: it holds no run.json" in bad(tmp_path / "nowhere")
    good = write_sweep(tmp_path / "good", near)
    assert f"is of {AGENT} (" in bad(good, agent="reference:left-wall")
    assert "unknown agent" in bad(good, agent="rand_regoin_3")
    assert "region cannot be 0: it should be greater than or equal to 1" in bad(good, region=0)
    assert "seeds has no effect with sweep" in bad(good, seeds=range(5))
    assert "mode has no effect with sweep" in bad(good, mode="easy")
    assert "damaged: its levels" in bad(write_sweep(tmp_path / "short", near[:-1]))
    assert "damaged: its levels" in bad(write_sweep(tmp_path / "shuffled", near[::-1]))
    assert "no sweep but another run" in bad(write_sweep(tmp_path / "field", near, study="field"))
    assert "has no column exit_cheese" in bad(write_sweep(tmp_path / "old", near.drop(columns="exit_cheese")))
    (good / "levels.csv").unlink()
    assert "unfinished" in bad(good)
    (good / "run.json").write_text('{"study": "sweep"')
    assert "run.json is damaged" in bad(good)


def test_bad_levels(near: pd.DataFrame, mazes: pd.DataFrame, tmp_path: Path) -> None:
    def sweep(name: str, rows: pd.DataFrame) -> Path:
        return write_sweep(tmp_path / name, rows, seeds=f"{SEEDS.start}:{SEEDS.start + len(rows)}")

    assert "statistics need at least 50" in bad(sweep("few", near[:60]))
    nowhere = near.assign(decision_x=np.nan, decision_y=np.nan)
    assert "none of the 400 levels has a decision square" in bad(sweep("none", nowhere))
    assert "p_cheese is 1 in all" in bad(sweep("constant", planted(mazes, np.ones(len(mazes)))))
    unknown = near.assign(decision_p_cheese=np.nan)
    assert "decision_p_cheese and its variables are known in 0 levels" in bad(sweep("unknown", unknown))
    with pytest.raises(MazeInterpError, match="nothing to predict"):
        known(select(near.assign(p_cheese=0.0), 3), FEATURE_NAMES, "p_cheese")
