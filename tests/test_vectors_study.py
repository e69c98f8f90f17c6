"""The study of vectors against vector fields and behaviours computed one edit at a time."""

from __future__ import annotations

import json
import math
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
import torch

import maze_interp as mi
from maze_interp import LevelSet, edits
from maze_interp.commands.main import main, make_parser
from maze_interp.environment.levels import region_maze
from maze_interp.errors import MazeInterpError
from maze_interp.mazes.maze import Maze
from maze_interp.policies.agents import load_network
from maze_interp.policies.architectures.impala import Impala
from maze_interp.results.estimates import estimate
from maze_interp.studies.vectors.figures import OUTCOMES
from maze_interp.studies.vectors.measure import CONTROLS, VectorEffects, controls, own_vectors
from maze_interp.studies.vectors.tables import contrast, effects, transfers
from maze_interp.studies.vectors.transfer import EDGES, Transfer, places_of
from maze_interp.sweeps.experiment import run_experiment

LAYER = "embedder.block2.res1.resadd"
LEVELS = LevelSet(range(900_000_002, 900_000_009), "easy")
SEED = 900_000_003  # 7×7, with a decision square
FEW: dict[str, Any] = {"coefficients": (-1.0, 0.0, 2.0), "draws": 2}


@pytest.fixture(scope="module", params=["bundled", "published"])
def policy(request: pytest.FixtureRequest) -> Impala:
    if request.param == "bundled":
        return cast(Impala, load_network(mi.DEFAULT_AGENT))
    found: Impala = request.getfixturevalue("published")
    return found


@pytest.fixture(scope="module")
def bundled() -> Impala:
    return cast(Impala, load_network(mi.DEFAULT_AGENT))


def by_hand(maze: Maze, vectors: dict[str, torch.Tensor]) -> dict[tuple[str, float], list[edits.Edit]]:
    cheese, corner = vectors["cheese"], vectors["top_right"]
    return {
        ("unedited", 0.0): [],
        ("cheese", -1.0): [edits.Add(LAYER, cheese, -1)],
        ("cheese", 2.0): [edits.Add(LAYER, 2 * cheese)],
        ("top_right", 2.0): [edits.Add(LAYER, corner, 2)],
        ("both", 1.0): [edits.Add(LAYER, corner - cheese)],
    }


def test_every_edit_is_as_if_measured_alone(policy: Impala) -> None:
    maze = LEVELS.maze(SEED)
    vectors = {"cheese": mi.cheese_vector(policy, maze, LAYER), "top_right": mi.top_right_vector(policy, maze, LAYER)}
    rows = pd.DataFrame(VectorEffects(policy, "", LEVELS, 3, **FEW).rows(maze)).set_index(["edit", "coefficient"])
    inside = region_maze(SEED, 3, "easy")
    for key, some in by_hand(maze, vectors).items():
        row = rows.sort_index().loc[key].iloc[0]
        whole, solving = mi.behaviour(policy, maze, some), mi.behaviour(policy, inside, some)
        assert row["decision_p_cheese"] == pytest.approx(whole.field.p_cheese, abs=1e-5)
        assert row["decision_p_top_right"] == pytest.approx(whole.field.p_top_right, abs=1e-5)
        assert row["decision_p_other"] == pytest.approx(whole.field.p_other, abs=1e-5)
        assert row["p_cheese"] == pytest.approx(whole.p_cheese, abs=1e-4)
        assert row["p_top_right"] == pytest.approx(whole.p_top_right, abs=1e-4)
        assert row["region_p_cheese"] == pytest.approx(solving.p_cheese, abs=1e-4)
    unedited = rows.sort_index().loc[("unedited", 0.0)].iloc[0]
    for vector in ("cheese", "top_right"):
        assert rows.sort_index().loc[(vector, 0.0), "p_cheese"].iloc[0] == pytest.approx(unedited["p_cheese"])
    assert abs(rows["decision_p_cheese"] - unedited["decision_p_cheese"]).max() > 0.05


def test_a_cheese_left_out_of_the_picture_still_ends_the_episode(policy: Impala) -> None:
    maze = LEVELS.maze(SEED)
    rows = VectorEffects(policy, "", LEVELS, 3, **FEW).rows(maze)
    hidden = next(row for row in rows if row["edit"] == "hidden")
    field = mi.vector_field(policy, maze.with_cheese(None))
    assert maze.decision_square is not None
    assert maze.cheese is not None
    after = maze.path(maze.decision_square, maze.cheese)[1]
    x, y = after[0] - maze.decision_square[0], after[1] - maze.decision_square[1]
    move = {(-1, 0): "left", (0, -1): "down", (0, 1): "up", (1, 0): "right"}[x, y]
    assert hidden["decision_p_cheese"] == pytest.approx(field.prob(maze.decision_square, move), abs=1e-6)
    alone = mi.behaviour(policy, maze.with_cheese(None))
    assert hidden["p_cheese"] == pytest.approx(alone.p_visit(maze.cheese), abs=1e-6)
    assert math.isnan(hidden["region_p_cheese"])


def test_exact_columns_only_on_the_first_levels(bundled: Impala) -> None:
    some = VectorEffects(bundled, "", LEVELS, 3, (-1.0, 1.0), draws=1, exact_levels=2)
    every = VectorEffects(bundled, "", LEVELS, 3, (-1.0, 1.0), draws=1)
    first, later = (pd.DataFrame(some.rows(LEVELS.maze(seed))) for seed in (SEED, SEED + 2))
    assert first["p_cheese"].notna().all()
    assert later[["p_cheese", "p_top_right", "region_p_cheese"]].isna().all(axis=None)
    whole = pd.DataFrame(every.rows(LEVELS.maze(SEED + 2)))
    pd.testing.assert_frame_equal(whole.filter(like="decision"), later.filter(like="decision"), atol=1e-6)
    assert VectorEffects(bundled, "", LEVELS, 3, (-1.0, 1.0)).rows(LEVELS.maze(900_000_006)) == []  # no decision square


@pytest.mark.parametrize("shape", [(6, 4, 4), (9,)])
def test_controls_keep_the_norm_and_nothing_else(shape: tuple[int, ...]) -> None:
    vector = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    found = controls(vector, np.random.default_rng(1))
    assert list(found) == [name for name in CONTROLS if name != "positions" or len(shape) > 1]
    for name, other in found.items():
        assert other.shape == vector.shape
        assert other.norm() == pytest.approx(float(vector.norm()), rel=1e-5)
        assert not torch.equal(other, vector)
        if name != "random":
            assert torch.equal(other.flatten().sort().values, vector.flatten().sort().values)
    if len(shape) > 1:
        torch.testing.assert_close(found["positions"].flatten(1).sort().values, vector.flatten(1).sort().values)
        torch.testing.assert_close(
            found["channels"].flatten(1).sum(1).sort().values, vector.flatten(1).sum(1).sort().values
        )
    again = controls(vector, np.random.default_rng(1))
    assert all(torch.equal(again[name], other) for name, other in found.items())
    assert not torch.equal(controls(vector, np.random.default_rng(2))["random"], found["random"])


def test_a_maze_that_fills_its_world_has_no_top_right_vector(bundled: Impala) -> None:
    maze = next(maze for maze in map(LevelSet(range(99), "easy").maze, range(99)) if maze.size == 15)
    assert list(own_vectors(bundled, maze, LAYER)) == ["cheese"]
    assert list(own_vectors(bundled, LEVELS.maze(SEED).with_cheese(None), LAYER)) == ["top_right"]


def test_effects_over_levels_by_hand(bundled: Impala) -> None:
    experiment = VectorEffects(bundled, "", LEVELS, 3, (-1.0, 1.0), LAYER, 2, exact_levels=2)
    by_level = ({"seed": seed, **row} for seed in LEVELS.seeds for row in experiment.rows(LEVELS.maze(seed)))
    rows = pd.DataFrame(by_level)
    table = effects(rows).set_index(["edit", "coefficient", "outcome"]).sort_index()
    mine = rows[rows["edit"] == "cheese_random"].groupby("seed")["decision_p_cheese"].mean()
    plain = rows[rows["edit"] == "unedited"].set_index("seed")["decision_p_cheese"]
    one = table.loc["cheese_random", -1.0, "decision_p_cheese"]
    assert (one["n"], one["mean"]) == (len(mine), pytest.approx(mine.mean()))
    assert one[["q25", "median", "q75"]].tolist() == pytest.approx(np.percentile(mine, [25, 50, 75]))
    expected = estimate(mine - plain.loc[mine.index], "number")
    assert one[["difference", "difference_low", "difference_high"]].tolist() == pytest.approx(
        [expected.mean, expected.low, expected.high]
    )
    assert table.loc["cheese", -1.0, "p_cheese"]["n"] == 1  # exact on the first two levels, one with a decision square
    both = rows[rows["edit"] == "both"].set_index("seed")["decision_p_top_right"]
    alone = rows[(rows["edit"] == "cheese") & (rows["coefficient"] == -1)].set_index("seed")["decision_p_top_right"]
    found = contrast(rows, ("both", 1.0), ("cheese", -1.0), "decision_p_top_right")
    assert found.mean == pytest.approx((both - alone.loc[both.index]).mean())
    assert found.n == len(both)


def test_another_levels_vector_by_hand(policy: Impala) -> None:
    experiment = Transfer(policy, "", LEVELS, sources=3)
    maze = LEVELS.maze(SEED)
    rows = pd.DataFrame(experiment.rows(maze))
    assert set(rows["vector"]) == {"none", "cheese", "top_right"}
    for row in rows[rows["vector"] != "none"].to_dict("records"):
        source = LEVELS.maze(int(row["source"]))
        cheese = row["vector"] == "cheese"
        vector = (mi.cheese_vector if cheese else mi.top_right_vector)(policy, source, LAYER)
        field = mi.vector_field(policy, maze, [edits.Add(LAYER, vector, -1 if cheese else 1)])
        assert row["decision_p_cheese"] == pytest.approx(field.p_cheese, abs=1e-5)
        assert row["decision_p_top_right"] == pytest.approx(field.p_top_right, abs=1e-5)
        own, other = ((level.cheese if cheese else level.top_right) or (0, 0) for level in (maze, source))
        shift = source.padding - maze.padding
        assert row["distance"] == pytest.approx(math.dist(own, (other[0] + shift, other[1] + shift)))


def test_sources_are_other_levels_of_every_bin() -> None:
    levels = LevelSet(range(0, 60), "easy")
    experiment = Transfer(Impala(1), "", levels, sources=2)
    places = places_of(levels, "cheese")
    maze = next(maze for maze in map(levels.maze, levels.seeds) if maze.decision_square and maze.padding)
    uses = [(source, distance) for name, source, distance in experiment._uses(maze) if name == "cheese"]
    assert uses[0] == (maze.seed, 0.0)
    others = pd.Series(dict(uses[1:]))
    assert maze.seed not in others
    bins = pd.cut(others, EDGES, include_lowest=True)
    near = pd.cut(
        [math.dist(places[one], places[maze.seed]) for one in places if one != maze.seed], EDGES, include_lowest=True
    )
    for interval, count in near.value_counts().items():
        assert (bins == interval).sum() == min(2, count)


def test_distances_fall_into_bins_that_hold_their_upper_edge() -> None:
    distances = [0.0, 2.0, math.sqrt(5), 5.0, 12.5]
    rows = [{"seed": 1, "vector": "none", "source": np.nan, "distance": np.nan, "decision_p_cheese": 0.75}]
    rows += [
        {"seed": 1, "vector": "cheese", "source": 10 + i, "distance": distance, "decision_p_cheese": i / 10}
        for i, distance in enumerate(distances)
    ]
    rows.append({"seed": 1, "vector": "cheese", "source": 1, "distance": 0.0, "decision_p_cheese": 0.5})
    table = pd.DataFrame(rows).assign(decision_p_top_right=0.0, decision_p_other=0.0)
    found = transfers(table).query("outcome == 'decision_p_cheese'").set_index("sources")
    assert found["mean"].to_dict() == pytest.approx({"0–2": 0.05, "2–5": 0.25, "over 12": 0.4, "own": 0.5})
    assert found.loc["own", "difference"] == pytest.approx(-0.25)


def test_a_stopped_run_goes_on_to_the_same_rows(bundled: Impala, tmp_path: Path) -> None:
    experiment = Transfer(bundled, "", LevelSet(range(SEED, SEED + 3), "easy"), sources=1)
    whole = run_experiment(experiment, tmp_path, 1)
    table = tmp_path / "transfer.csv"
    before = table.read_bytes()
    table.unlink()  # as it is before the last level is done
    (tmp_path / "parts").mkdir()
    for seed in experiment.levels.seeds[:2]:
        lines = [line for line in before.decode().splitlines(keepends=True) if line.startswith(f"{seed},")]
        (tmp_path / "parts" / f"{seed}.csv").write_text("".join(lines))
    pd.testing.assert_frame_equal(run_experiment(experiment, tmp_path, 1), whole)
    assert table.read_bytes() == before
    assert set(whole["seed"]) == set(experiment.levels.seeds)


def test_the_study_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    options = ["--coefficients=-1,0,1", "--draws", "1", "--sources", "1", "--workers", "1", "--out", str(out)]
    main(["vectors", "--seeds", "900000003:900000006", "--exact-levels", "0", *options])
    printed = capsys.readouterr().out
    summary = json.loads((out / "summary.json").read_text())
    figures = summary["figures"]["effects"]["cheese -1"]
    assert f"cheese vector subtracted: {figures['decision_p_cheese']['mean']:.3f}" in printed
    assert figures["p_cheese"] == dict.fromkeys(figures["p_cheese"]) | {"n": 0}
    assert (summary["layers"], summary["exact_levels"], summary["seeds"]) == ([LAYER], 0, "900000003:900000006")
    files = {path.name for path in out.glob("[!.]*.*")}
    tables, pictures = {"effects.csv", "transfer.csv"}, {"edits.png", "coefficients.png", "transfer.png"}
    assert files == {*tables, *pictures, "cheese_change.png", "top_right_change.png", "run.json", "summary.json"}
    rows = pd.read_csv(out / "rows" / "vectors" / "vectors.csv")
    assert figures["decision_p_cheese"]["n"] == rows["seed"].nunique()
    with pytest.raises(MazeInterpError, match="exact_levels is 0, not 60"):
        mi.studies.vectors(seeds=range(900_000_003, 900_000_006), coefficients=(-1, 0, 1), draws=1, sources=1).run(out)


def test_the_same_study_in_python_is_a_section(bundled: Impala) -> None:
    study = mi.studies.vectors(seeds=range(SEED, SEED + 3)).sized(3)
    assert (study.coefficients, study.exact_levels, study.draws) == ((-5.0, -3.0, -1.0, 0.0, 1.0, 3.0, 5.0), 1, 1)
    parsed = make_parser().parse_args(shlex.split(study.command())[1:])
    assert parsed.study(parsed) == study
    result = replace(study, coefficients=(-1, 1), layers=f"{LAYER}_out").run()
    row = result.tables["effects"].set_index(["edit", "coefficient", "outcome"])["mean"]
    level = VectorEffects(bundled, "", LEVELS, 3, (-1.0, 1.0), exact_levels=0)
    rows = [level.rows(LEVELS.maze(seed)) for seed in range(SEED, SEED + 3)]
    mean = np.mean([of_level[0]["decision_p_cheese"] for of_level in rows if of_level])
    assert row["unedited", 0.0, "decision_p_cheese"] == pytest.approx(mean, abs=1e-6)
    count = sum(map(bool, rows))
    assert f"On {count} levels with a decision square the move there is towards the cheese" in result.statement
    assert f"with probability {mean:.1%}" in result.statement
    assert "solve rate in the training region, unedited" in result.text
    assert len(result.notes) == 3
    edits_panels = result.figures["edits"].axes
    assert [axes.get_xlabel().split("\n")[0] for axes in edits_panels[:2]] == list(OUTCOMES.values())[:2]
    assert next(text.get_text() for text in edits_panels[0].get_yticklabels()) == "unedited"
    assert all(axes.get_xlim() == (-0.03, 1.03) for axes in edits_panels)
    assert [len(axes.lines) for axes in result.figures["coefficients"].axes] == [3, 3, 3]  # two vectors and the zero
    change = result.pictures["cheese_change"].figure
    assert len([axes for axes in change.axes if axes.get_title(loc="left")]) == 3
    assert "<section" in result._repr_html_()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layers": "resadd"}, "unknown layer 'resadd': did you mean"),
        ({"layers": "embedder.block1,embedder.block2"}, "layers takes one layer here, not embedder.block1"),
        ({"coefficients": "0,1"}, "coefficients has each coefficient once, -1 and 1 among them"),
        ({"draws": -1}, "draws cannot be -1"),
        ({"seeds": "900000006"}, "none of the levels 900000006:900000007 has a decision square"),
    ],
)
def test_what_is_refused_leaves_no_folder(options: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(MazeInterpError, match=message):
        mi.studies.vectors(**options).run(tmp_path / "run")
    assert not (tmp_path / "run" / "summary.json").exists()
