"""The study of retargeting against single calls, on planted agents, and what is chosen against what is reported."""

from __future__ import annotations

import shlex
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

import maze_interp as mi
from maze_interp import LevelSet, edits
from maze_interp.commands.main import make_parser
from maze_interp.errors import MazeInterpError
from maze_interp.mazes.maze import Maze
from maze_interp.plots.style import PROBABILITY
from maze_interp.policies.agents import load_network
from maze_interp.policies.architectures.impala import Impala
from maze_interp.results.estimates import estimate
from maze_interp.results.tables import row_estimate
from maze_interp.results.text import percent
from maze_interp.studies.retarget.figures import CONDITIONS
from maze_interp.studies.retarget.marks import MULTIPLES, Mark, natural_peak
from maze_interp.studies.retarget.measure import Targets
from maze_interp.studies.retarget.search import Steering, choose_marks, draw_paths
from maze_interp.studies.retarget.tables import average_random, reach_table
from maze_interp.sweeps.experiment import run_experiment

LAYER = "embedder.block2.res1.resadd"
SMALL = LevelSet(range(900_000_005, 900_000_009), "easy", "none")  # sizes 5, 3, 11, 5
CHOOSE = LevelSet(range(800_000_000, 800_000_002), "easy")
MARKS = (Mark("single", (5,), 12.0), Mark("random_0", (1, 2), 3.0), Mark("random_1", (3,), 3.0))


@pytest.fixture(scope="module", params=["bundled", "published"])
def policy(request: pytest.FixtureRequest) -> Impala:
    if request.param == "bundled":
        return cast(Impala, load_network(mi.DEFAULT_AGENT))
    found: Impala = request.getfixturevalue("published")
    return found


@pytest.fixture(scope="module")
def bundled() -> Impala:
    return cast(Impala, load_network(mi.DEFAULT_AGENT))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, bundled: Impala) -> tuple[Path, Targets]:
    """Where the targets of all small levels were measured, and by what."""
    experiment = Targets(bundled, "", SMALL, MARKS, visits=1)
    folder = tmp_path_factory.mktemp("targets")
    run_experiment(experiment, folder, 1)
    return folder, experiment


class Planted(nn.Module):
    """Goes right, or up, where channel 7 of `map` has a peak in the right, or left, half of the picture."""

    def __init__(self) -> None:
        super().__init__()
        self.map = nn.Conv2d(3, 9, 1, bias=False).requires_grad_(False)
        self.map.weight.zero_()

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Logits `[n, 15]` and value `[n]`."""
        channel = self.map(x)[:, 7].flatten(1)
        peak, right = channel.amax(1) > 1, channel.argmax(1) % 64 >= 32
        logits = torch.zeros(len(x), 15)
        logits[:, 7] = 3.0 * (peak & right)
        logits[:, 5] = 3.0 * (peak & ~right)
        return logits, torch.zeros(len(x))


def test_every_condition_is_as_if_measured_alone(policy: Impala) -> None:
    maze = SMALL.maze(900_000_005)
    rows = pd.DataFrame(Targets(policy, "", SMALL, MARKS, visits=2).rows(maze))
    mark = MARKS[0]
    alone = {
        "unedited": mi.retarget(policy, maze, channels=0, value=0),
        "single": mi.retarget(policy, maze, channels=mark.channels, value=mark.value),
        "cheese": mi.retarget_by_cheese(policy, maze),
    }
    assert set(rows["condition"]) == {"unedited", "cheese", "single", "random_0", "random_1"}
    for condition, result in alone.items():
        mine = rows[rows["condition"] == condition].set_index(["x", "y"])
        assert set(mine.index) == set(maze.squares) - {maze.start}
        assert mine["p_visit"].notna().sum() == 2
        which = "_unedited" if condition == "unedited" else ""
        for one in result.rows():
            if (one["x"], one["y"]) != maze.start:
                row = mine.loc[(one["x"], one["y"])]
                assert row["path_probability"] == pytest.approx(one[f"path_probability{which}"], abs=1e-5)
                assert row["top_right_path_distance"] == one["top_right_path_distance"]
                if not np.isnan(row["p_visit"]):
                    assert row["p_visit"] == pytest.approx(one[f"p_visit{which}"], abs=1e-4)


def test_other_edits_hold_under_every_condition(bundled: Impala) -> None:
    maze, mark, others = SMALL.maze(900_000_005), MARKS[0], (edits.Zero("embedder.block3.res1.resadd", (2,)),)
    targets = Targets(bundled, "", SMALL, (mark,), visits=0, edits=others)
    rows = pd.DataFrame(targets.rows(maze)).set_index(["condition", "x", "y"])["path_probability"]
    written = mi.retarget(bundled, maze, channels=mark.channels, value=mark.value, edits=others, p_visit=False)
    moved = mi.retarget_by_cheese(bundled, maze, edits=others, p_visit=False)
    for row in moved.rows():
        assert rows["cheese", row["x"], row["y"]] == pytest.approx(row["path_probability"], abs=1e-5)
        assert rows["unedited", row["x"], row["y"]] == pytest.approx(row["path_probability_unedited"], abs=1e-5)
    for row in written.rows():
        if (row["x"], row["y"]) != maze.start:
            assert rows["single", row["x"], row["y"]] == pytest.approx(row["path_probability"], abs=1e-5)
    plain = pd.DataFrame(Targets(bundled, "", SMALL, (mark,), visits=0).rows(maze))
    assert not np.allclose(plain["path_probability"], rows, atol=1e-4)
    assert targets.settings["edits"] == [repr(others[0])]


def test_visits_of_every_target_and_of_chosen_squares(bundled: Impala) -> None:
    maze = SMALL.maze(900_000_005)
    target = maze.squares[-1]
    rows = pd.DataFrame(Targets(bundled, "", SMALL, MARKS[:1], visits=None, squares=(target,)).rows(maze))
    assert rows[["x", "y"]].drop_duplicates().to_numpy().tolist() == [list(target)]
    assert rows["p_visit"].notna().all()
    none = pd.DataFrame(Targets(bundled, "", SMALL, MARKS[:1], visits=0).rows(maze))
    assert none["p_visit"].isna().all()
    with pytest.raises(MazeInterpError, match=r"level 900000005: the target \(1, 1\) is in a wall"):
        Targets(bundled, "", SMALL, MARKS, squares=((1, 1),)).rows(maze)


def test_steering_by_hand(policy: Impala) -> None:
    maze = CHOOSE.maze(800_000_000).with_cheese(None)
    field = mi.vector_field(policy, maze)
    paths, drawn = draw_paths(field, 3), draw_paths(field, 3, screen=True)
    assert len(paths) == len(drawn) == 3
    for steps, (hardest, other) in zip(paths, drawn, strict=True):
        path = maze.path(maze.start, steps[0].target)
        assert [step.square for step in steps] == list(path[:-1])
        assert hardest == min(steps, key=lambda step: field.prob(step.square, step.move))
        assert other in steps
    search = Steering(policy, "", CHOOSE, MARKS, targets=3)
    for screen, some in ((False, paths), (True, drawn)):
        rows = replace(search, screen=screen).rows(CHOOSE.maze(800_000_000))
        for mark, row in zip(MARKS, rows, strict=True):
            scores = []
            for steps in some:
                pixel = mi.activation_pixel(maze, steps[0].target, LAYER)
                edited = mi.vector_field(policy, maze, [edits.SetPixel(LAYER, mark.channels, pixel, mark.value)])
                taken = [edited.prob(step.square, step.move) for step in steps]
                scores.append(np.mean(taken) if screen else np.prod(taken) ** (1 / len(taken)))
            assert row["probability"] == pytest.approx(np.mean(scores), abs=1e-5)


def test_a_mark_is_chosen_by_whole_paths(policy: Impala, tmp_path: Path) -> None:
    def measured(search: Steering, step: str) -> pd.DataFrame:
        return run_experiment(search, tmp_path / step, 1)

    search = Steering(policy, "", CHOOSE, (), LAYER, 4)
    single = choose_marks(search, measured, [1.0, 8.0], [0, 5, 17], draws=1)[0]
    rival = [Mark("", (channel,), value) for channel in (0, 5, 17) for value in (1.0, 8.0)]
    reached = []
    for mark in rival:
        by_level = []
        for seed in CHOOSE.seeds:
            maze = CHOOSE.maze(seed).with_cheese(None)
            targets = [path[-1].target for path in draw_paths(mi.vector_field(policy, maze), 4)]
            options: Any = {"channels": mark.channels, "value": mark.value, "layer": LAYER, "p_visit": False}
            by_level.append(mi.retarget(policy, maze, targets, **options).path_probability.mean())
        reached.append(np.mean(by_level))
    best = rival[int(np.argmax(reached))]
    assert (single.channels, single.value) == (best.channels, best.value)


def test_a_planted_channel_is_found_and_the_random_ones_do_nothing(tmp_path: Path) -> None:
    planted = Planted()
    straight = LevelSet(range(0, 6), "easy")
    search = Steering(planted, "planted", straight, (), "map", targets=6)

    def measured(search: Steering, step: str) -> pd.DataFrame:
        return run_experiment(search, tmp_path / step, 1)

    chosen = choose_marks(search, measured, [0.5, 4.0], sets={"mine": (7, 8)}, draws=2)
    marks = {mark.name: mark for mark in chosen}
    assert marks["single"] == Mark("single", (7,), 4.0)
    assert 7 in marks["subset"].channels
    assert marks["mine"].value == 4.0
    for draw in range(2):
        others = marks[f"random_{draw}"].channels
        assert len(others) == len(marks["subset"].channels)
        assert not {*others} & {7, 8, *marks["subset"].channels}
    corridor = Maze.from_ascii("#######\n" * 6 + ".......", "easy")
    sent = mi.retarget(planted, corridor, [(6, 0)], channels=7, value=4.0, layer="map")
    idle = mi.retarget(planted, corridor, [(6, 0)], channels=[0, 1], value=4.0, layer="map")
    assert sent.path_probability[0] == pytest.approx((np.exp(3) + 2) / (np.exp(3) + 14), abs=1e-6)
    assert idle.path_probability[0] == pytest.approx(3 / 15, abs=1e-6)


def test_the_natural_peak_by_hand(policy: Impala) -> None:
    found = []
    for seed in CHOOSE.seeds:
        maze = CHOOSE.maze(seed)
        assert maze.cheese is not None
        activation = policy.run_with_cache(mi.to_input(mi.observe(maze, [maze.start])), [LAYER])[2][LAYER][0]
        row, column = mi.activation_pixel(maze, maze.cheese, LAYER)
        found.append(activation[:, row, column].numpy())
    assert natural_peak(policy, LAYER, CHOOSE) == pytest.approx(np.mean(found, axis=0).max(), abs=1e-6)


def test_a_search_needs_a_map(bundled: Impala) -> None:
    with pytest.raises(MazeInterpError, match="has no map"):
        Steering(bundled, "", CHOOSE, (), "embedder.fc")
    mi.studies.retarget(seeds=CHOOSE.seeds, channels=[5], value=1.0)  # nothing is chosen: the levels may be the same


def test_tables_by_hand(finished: tuple[Path, Targets]) -> None:
    folder, experiment = finished
    rows = run_experiment(experiment, folder, 1)
    merged = average_random(rows)
    assert set(merged["condition"]) == {"unedited", "cheese", "single", "random"}
    pair = rows[rows["condition"].str.startswith("random")].groupby(["seed", "x", "y"])["path_probability"].mean()
    assert merged[merged["condition"] == "random"]["path_probability"].mean() == pytest.approx(pair.mean())
    levels = rows.groupby(["condition", "seed"])["path_probability"].mean()
    overall = reach_table(merged).query("outcome == 'path_probability'").set_index("condition")
    assert overall.loc["single", "mean"] == pytest.approx(levels["single"].mean())
    assert overall.loc["single", "ratio"] == pytest.approx(levels["single"].sum() / levels["unedited"].sum())
    gain = estimate(levels["single"] - levels["unedited"], "number")
    assert overall.loc["single", ["difference", "difference_low"]].tolist() == pytest.approx([gain.mean, gain.low])
    by_size = reach_table(merged, "size").query("outcome == 'path_probability' and condition == 'single'")
    sizes = by_size.set_index("size")
    assert sizes["n"].to_dict() == {3: 1, 5: 2, 11: 1}
    distances = reach_table(merged, "distance").query("outcome == 'path_probability' and condition == 'single'")
    bins = dict(zip(distances["distance"], distances["mean"], strict=True))
    on_the_way = rows[(rows["condition"] == "single") & (rows["top_right_path_distance"] == 0)]
    assert bins["0"] == pytest.approx(on_the_way.groupby("seed")["path_probability"].mean().mean())
    near = rows[(rows["condition"] == "single") & rows["top_right_path_distance"].between(1, 4)]
    assert bins["1–4"] == pytest.approx(near.groupby("seed")["path_probability"].mean().mean())


def test_a_stopped_run_goes_on_to_the_same_rows(finished: tuple[Path, Targets], tmp_path: Path) -> None:
    folder, experiment = finished
    whole = run_experiment(experiment, folder, 1)
    shutil.copytree(folder, tmp_path / "stopped")
    table = tmp_path / "stopped" / "targets.csv"
    lines = table.read_text().splitlines(keepends=True)
    table.unlink()  # as it is before the last level is done
    parts = tmp_path / "stopped" / "parts"
    parts.mkdir()
    for seed in SMALL.seeds[:3]:
        (parts / f"{seed}.csv").write_text("".join(line for line in lines if line.startswith(f"{seed},")))
    again = run_experiment(experiment, tmp_path / "stopped", 1)
    pd.testing.assert_frame_equal(whole, again)
    assert table.read_bytes() == (folder / "targets.csv").read_bytes()


def test_channels_and_value_by_hand(tmp_path: Path) -> None:
    result = mi.studies.retarget(channels="17,5", value=8.0, seeds=[900_000_005], visits="all").run(tmp_path / "run")
    marks = {mark["name"]: mark for mark in result.numbers["marks"]}
    assert marks["given"] == {"name": "given", "channels": [5, 17], "value": 8.0}
    assert len(marks["random_0"]["channels"]) == 2
    assert result.settings["choose"] is None
    assert "the channels given: channels 5, 17, set to 8" in result.text
    policy, maze = mi.load_policy(mi.DEFAULT_AGENT), SMALL.maze(900_000_005)
    written = mi.retarget(policy, maze, maze.squares[1:], channels=[5, 17], value=8.0)
    overall = result.numbers["overall"]["given"]
    assert overall["path_probability"]["mean"] == pytest.approx(written.path_probability.mean(), abs=1e-5)
    assert written.p_visit is not None
    assert overall["p_visit"]["mean"] == pytest.approx(written.p_visit.mean(), abs=1e-4)
    assert f"{overall['path_probability']['mean']:.1%} with the channels given overwritten" in result.statement
    assert {path.stem for path in (tmp_path / "run").glob("*.png")} == set(result.figures)
    panels = result.figures["overall"].axes
    assert [label.get_text() for label in panels[0].get_yticklabels()] == [
        CONDITIONS[name] for name in ("unedited", "given", "random", "cheese")
    ]
    assert {axes.get_xlim() for axes in panels} == {(-0.02, 1.02)}
    images = [image for axes in result.figures["heat_map"].axes for image in axes.images]
    drawn = [image for image in images if image.get_cmap().name == PROBABILITY and image.get_clim() == (0, 1)]
    assert len(drawn) == 6, "three conditions, two outcomes"
    assert len(result.figures["by_distance"].axes[0].containers) == 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layers": "embedder.block2.res1.resad"}, "did you mean embedder.block2.res1.resadd"),
        ({"layers": "embedder.block1,embedder.block2"}, "layers takes one layer here"),
        ({"channels": "5,32"}, "has channels 0 to 31, none is 32"),
        ({"channels": "five"}, "channels are"),
        ({"squares": "4;6"}, "squares are written x,y with spaces between them, not '4;6'"),
        ({"squares": " "}, "squares is given nothing"),
        ({"choose": "900000000:900000002"}, "is among those to choose on"),
        ({"seeds": "800000001:800000009"}, "level 800000001 is among those to choose on and those to report on"),
        ({"value": 2.0}, "value needs channels"),
        ({"value": 2.0, "channels": 5, "targets": 3}, "targets has no effect with value"),
        ({"visits": "none"}, "visits cannot be 'none'"),
        ({"channels": 5, "value": 2.0, "seeds": "900000005", "squares": "1,1"}, r"the target \(1, 1\) is in a wall"),
    ],
)
def test_bad_input_in_one_line(options: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(MazeInterpError, match=message) as caught:
        mi.studies.retarget(**options).run(tmp_path / "run")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run" / "summary.json").exists()


def test_the_command_line_means_the_same_study() -> None:
    for study in (
        mi.studies.retarget(squares=[(4, 6), (0, 2)], visits="all", channels=(3, 7), value=-2.5),
        mi.studies.retarget().sized(8),
    ):
        parsed = make_parser().parse_args(shlex.split(study.command())[1:])
        assert parsed.study(parsed) == study
    assert study.sized(8) == study
    assert (study.choose, study.targets, study.visits, study.draws) == (range(800_000_000, 800_000_004), 6, 2, 1)


def test_what_was_chosen_elsewhere_is_reported(tmp_path: Path) -> None:
    study = mi.studies.retarget(seeds=SMALL.seeds[:3], choose=CHOOSE.seeds, channels="5,17,20", targets=2, visits=1)
    result = study.run(tmp_path)
    rows = pd.read_csv(tmp_path / "rows" / "targets" / "targets.csv")
    assert set(rows["seed"]) == set(SMALL.seeds[:3])
    chosen = pd.read_csv(tmp_path / "rows" / "search" / "singles" / "steering.csv")
    assert set(chosen["seed"]) == set(CHOOSE.seeds)
    assert len(chosen) == 2 * 3 * len(MULTIPLES)
    plain = estimate(rows[rows["condition"] == "unedited"].groupby("seed")["path_probability"].mean())
    shown = row_estimate(pd.Series(result.numbers["overall"]["unedited"]["path_probability"]))
    assert [shown.n, shown.mean, shown.low, shown.high] == pytest.approx([3, plain.mean, plain.low, plain.high])
    assert f"On 3 levels the normalised path probability of a target is {percent(plain)} unedited" in result.statement
    assert [mark["name"] for mark in result.numbers["marks"][:3]] == ["single", "subset", "given"]
    assert "best single channel: channel " in result.text
