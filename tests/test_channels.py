"""What channels respond to: hits against brute force, planted channels found, random ones not, runs that repeat."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from small_mazes import LAYER, SIZE, level_of_size
from torch import Tensor, nn

import maze_interp as mi
from maze_interp.commands.main import main
from maze_interp.environment.observe import observe
from maze_interp.errors import MazeInterpError
from maze_interp.policies.architectures.impala import Impala
from maze_interp.policies.pixels import pixel_in
from maze_interp.policies.untrained import xavier_like
from maze_interp.studies.channels.responses import Responses, strongest
from maze_interp.studies.channels.scores import (
    CHOOSING,
    channel_numbers,
    channel_scores,
    cheese_channels,
    tracking_counts,
    tracking_scores,
)
from maze_interp.studies.channels.summary import summarise
from maze_interp.studies.channels.tables import Findings
from maze_interp.studies.channels.tracking import (
    SIGNS,
    TARGETS,
    Maps,
    maps_of,
    peaks,
    place,
)
from maze_interp.sweeps.levels import LevelSet


class Planted(nn.Module):
    """A map of three channels: yellow (the cheese), its negative, and noise that is the same for all pictures."""

    def __init__(self) -> None:
        super().__init__()
        self.look = nn.Conv2d(3, 3, 4, stride=4, bias=False)
        self.head = nn.Linear(3, 16)
        with torch.no_grad():
            self.look.weight.zero_()
            yellow = torch.tensor([1.0, 0.6, -2.2])  # red and green much above blue
            self.look.weight[0] = yellow[:, None, None] / 16
            self.look.weight[1] = -yellow[:, None, None] / 16
            self.look.weight[2] = 0.01

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        out = self.head(self.look(x).mean(dim=(2, 3)))
        return out[:, :15], out[:, 15]


LEVELS = LevelSet(range(600, 614), "easy")


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Of the planted network and six untrained ones."""
    experiment = Responses(Planted(), "planted", LEVELS, "look", placements=8, untrained=6)
    parts = [pd.DataFrame(experiment.rows(LEVELS.maze(seed))).assign(seed=seed) for seed in LEVELS.seeds]
    return pd.concat(parts, ignore_index=True)


def test_a_planted_channel_is_found_with_its_sign(table: pd.DataFrame) -> None:
    scores = tracking_scores(table).set_index(["channel", "sign", "target"])
    assert len(scores) == 3 * 2 * 4
    assert scores.loc[(0, 1, "cheese"), "score"] > 0.25
    assert scores.loc[(0, 1, "cheese"), "score"] == scores.loc[(1, -1, "cheese"), "score"]
    assert scores.loc[(0, 1, "cheese"), "p"] < 1e-3
    assert scores.loc[(0, 1, "cheese"), "cheese_value"] == -scores.loc[(1, -1, "cheese"), "cheese_value"]
    assert scores.loc[(2, 1, "cheese"), "p"] > 0.05
    row = table[(table["network"] == 0) & (table["channel"] == 0) & (table["sign"] == 1)]
    assert scores.loc[(0, 1, "cheese"), "share"] == pytest.approx(row["cheese_share"].mean())
    assert scores.loc[(0, 1, "cheese"), "n"] == len(LEVELS.seeds)


def test_as_good_as_untrained_is_counted_over_all_their_channels(table: pd.DataFrame) -> None:
    scores = tracking_scores(table)
    others = table[table["network"] > 0]
    means = (others["mouse_share"] - others["mouse_chance"]).groupby(
        [others["network"], others["channel"], others["sign"]]
    )
    for row in scores[scores["target"] == "mouse"].itertuples():
        assert row.as_good_untrained == pytest.approx((means.mean() >= row.score - 1e-12).mean())
    counts = tracking_counts(table)
    assert list(counts.index) == list(range(7))
    assert counts.loc[0, "cheese"] == scores[scores["tracks"] & (scores["target"] == "cheese")]["channel"].nunique()


def test_the_strongest_observation_is_the_one_with_the_highest_value(table: pd.DataFrame) -> None:
    policy = Planted()
    for sign in SIGNS:
        rows = strongest(table, 0, sign, 3)
        assert len(rows["seed"].unique()) == 3
        assert (np.diff(sign * rows["peak"]) <= 0).all()
        for row in rows.itertuples():
            maze = LEVELS.maze(row.seed).with_cheese((row.cheese_x, row.cheese_y))
            seen = maps_of(policy, "look", observe(maze, [(row.mouse_x, row.mouse_y)]))
            assert tuple(peaks(seen, sign)[0, 0]) == (row.row, row.column)
            assert seen[0, 0, row.row, row.column] == pytest.approx(row.peak)
            assert sign * row.peak == pytest.approx((sign * maps_of_level(policy, row.seed)).max())


def maps_of_level(policy: nn.Module, seed: int) -> Maps:
    return maps_of(policy, "look", place(LEVELS.maze(seed), 8).observations())[:, 0]


def test_the_best_channel_of_the_published_network_shows_the_cheese(published: Impala) -> None:
    """Channel 10: with no other thing moved, its peak goes where the cheese goes; in mazes not chosen on."""
    levels = LevelSet(CHOOSING.seeds[:8], "easy")
    assert cheese_channels(published, LAYER, levels, placements=8, untrained=2)[0] == 10
    maze = level_of_size(13)
    squares = [square for square in maze.squares if square != maze.start][::8]
    observations = np.concatenate([observe(maze.with_cheese(square), [maze.start]) for square in squares])
    peak = peaks(maps_of(published, LAYER, observations), 1)[:, 10]
    expected = [pixel_in(maze, square, SIZE) for square in squares]
    assert (np.abs(peak - expected).max(axis=1) <= 1).mean() > 0.9


def test_signs_are_chosen_and_repeat(published: Impala) -> None:
    levels = LevelSet(CHOOSING.seeds[:6], "easy")
    both, high, low = (cheese_channels(published, LAYER, levels, sign, 6, 2) for sign in (None, 1, -1))
    assert set(both) == set(high) | set(low)
    assert both == cheese_channels(published, f"{LAYER}_out", levels, None, 6, 2)
    scores = channel_scores(published, LAYER, levels, 6, 2)
    assert [int(c) for c in scores[scores["tracks"] & (scores["target"] == "cheese")]["channel"].unique()] == list(both)


def test_an_untrained_copy_depends_on_the_seed_alone(untrained: Impala) -> None:
    other = copy.deepcopy(untrained).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    for mine, same in zip(xavier_like(untrained, 1).parameters(), xavier_like(other, 1).parameters(), strict=True):
        assert torch.equal(mine, same)


def test_an_untrained_copy_has_the_shape_and_nothing_else(published: Impala) -> None:
    state = torch.get_rng_state()
    one, again, other = (xavier_like(published, seed) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), state)
    for (name, weights), same, different in zip(
        published.named_parameters(), again.parameters(), other.parameters(), strict=True
    ):
        mine = one.get_parameter(name)
        assert mine.shape == weights.shape
        assert torch.equal(mine, same)
        if name.endswith("bias"):
            assert not mine.any()
        else:
            assert not torch.equal(mine, different)
            assert not torch.equal(mine, weights)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layer": "embedder.fc"}, "embedder.fc has no map of positions"),
        ({"layer": "embedder.block2.res1.resad"}, "unknown layer .*: did you mean embedder.block2.res1.resadd"),
        ({"placements": 1}, "placements is a whole number from 2 to 1000000, not 1"),
        ({"untrained": 0}, "untrained is a whole number from 1 to 10000, not 0"),
        ({"levels": LevelSet(range(7, 8), "easy")}, "tested over levels; give 2 or more"),
        ({"sign": 0}, "sign is 1, -1, or None for both, not 0"),
    ],
)
def test_what_makes_no_sense_is_refused(untrained: Impala, options: dict[str, object], message: str) -> None:
    few = {"levels": LevelSet(range(2), "easy"), "placements": 2, "untrained": 1}
    with pytest.raises(MazeInterpError, match=message):
        cheese_channels(untrained, **{**few, **options})  # type: ignore[arg-type]


# The study.

FEW = ["--choose", "5:9", "--placements", "4", "--untrained", "2", "--workers", "1"]


def test_the_command_writes_figures_tables_and_pictures(tmp_path: Path) -> None:
    out = tmp_path / "out"
    layer = ["--layers", "embedder.block1.res1.resadd", "--gallery"]
    main(["channels", *layer, *FEW, "--seeds", "900000000:900000003", "--out", str(out)])
    assert {"scores.png", "gallery_000.png", "gallery_008.png"} <= {path.name for path in out.iterdir()}
    summary = json.loads((out / "summary.json").read_text())
    assert (summary["seeds"], summary["choose"]) == ("900000000:900000003", "5:9")
    scores, targets = pd.read_csv(out / "scores.csv"), pd.read_csv(out / "targets.csv").set_index("target")
    assert len(scores) == 16 * 2 * 4
    for target in TARGETS:
        figures, rows = summary["figures"][target], scores[scores["tracks"] & (scores["target"] == target)]
        assert figures["tracking"] == targets["tracking"][target] == rows["channel"].nunique()
        if len(rows):
            assert figures["best"]["score"]["mean"] == pytest.approx(rows.iloc[0]["score"])
            assert targets["share"][target] == pytest.approx(rows.iloc[0]["share"])
    reported = pd.read_csv(out / "rows" / "reported" / "responses.csv")
    assert set(reported["seed"]) == set(range(900_000_000, 900_000_003))
    row = scores.iloc[0]
    mine = reported[(reported["channel"] == row["channel"]) & (reported["sign"] == row["sign"])]
    assert row["share"] == pytest.approx(mine[f"{row['target']}_share"].mean())
    assert len(pd.read_csv(out / "strongest.csv")) == 16 * 2 * 3


def test_the_result_shows_what_tracks(table: pd.DataFrame) -> None:
    counts = tracking_counts(table)["cheese"]
    table = table[table["network"].isin([0, *counts[counts == 0].index])]  # random weights may track, too
    findings = Findings(table, table[table["network"] == 0])
    result = summarise(findings, Responses(Planted(), "planted", LEVELS, "look", placements=8, untrained=0), False)
    cheese = result.numbers["cheese"]
    assert cheese["tracking"] == findings.counts.loc[0, "cheese"] > 0
    assert f"the best, {cheese['best']['channel']}, has its " in result.statement
    panels = result.figures["scores"].axes
    assert [axes.get_title(loc="left") for axes in panels] == list(TARGETS)
    for axes in panels:
        assert (
            len(axes.get_lines()) >= table["network"].nunique()
        )  # the untrained networks, and the line above 99% of their channels
    moved = result.figures["cheese_moved"]
    shown = list(dict.fromkeys(channel for channel, _ in findings.marks("cheese")))
    assert [axes.get_ylabel() for axes in moved.axes if "channel" in axes.get_ylabel()] == [
        f"channel {c}" for c in shown
    ]
    assert set(result.figures) == {"scores", "cheese_moved", "strongest"}
    marks = list(dict.fromkeys(mark for target in TARGETS for mark in findings.marks(target)[:2]))
    headings = [axes.get_title(loc="left") for axes in result.figures["strongest"].axes]
    assert [heading.split(",")[0] for heading in headings] == [f"channel {channel}" for channel, _ in marks]
    assert "<section" in result._repr_html_()


def test_nothing_tracked_is_a_result(table: pd.DataFrame) -> None:
    still = table.assign(**{f"{target}_share": table[f"{target}_chance"] for target in TARGETS})
    findings = Findings(still, still[still["network"] == 0])
    responses = Responses(Planted(), "planted", LEVELS, "look", placements=8, untrained=0)
    result = summarise(findings, responses, False)
    assert "The cheese is tracked by 0 of the" in result.statement
    assert set(result.figures) == {"scores"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seeds": "8:12", "choose": "5:9"}, "seeds and choose share levels"),
        ({"choose": "5:6"}, "tested over levels; choose 2 or more"),
        ({"untrained": 1}, "untrained cannot be 1: it should be greater than or equal to 2"),
        ({"placements": 1}, "placements cannot be 1: it should be greater than or equal to 2"),
        ({"layers": "embedder.fc"}, "embedder.fc has no map"),
        ({"layers": "embedder.block1,embedder.block2"}, "layers takes one layer here"),
    ],
)
def test_bad_options_leave_no_folder(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(MazeInterpError, match=message):
        mi.studies.channels(**options).run(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_report_has_levels_enough_to_choose_on() -> None:
    study = mi.studies.channels.for_report(mi.DEFAULT_AGENT, None, 0.001, {})
    assert study is not None
    assert (len(study.seeds), len(study.choose)) == (1, 2)


def test_channels_by_number(untrained: Impala) -> None:
    assert channel_numbers(untrained, LAYER, (3, 31), "easy") == (3, 31)
    with pytest.raises(MazeInterpError, match="has channels 0 to 31, none is 32"):
        channel_numbers(untrained, LAYER, (3, 32), "easy")
