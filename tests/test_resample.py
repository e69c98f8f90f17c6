"""Resampling against forward passes written by hand, and total variation against distributions computed by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

import maze_interp as mi
from maze_interp import DEFAULT_AGENT, LevelSet, Maze, MazeInterpError, load_policy, observe, to_input
from maze_interp.commands.main import main
from maze_interp.policies.architectures.impala import Impala
from maze_interp.policies.moves import move_probabilities
from maze_interp.studies.resample.measure import (
    DONORS,
    QUANTITIES,
    SETS,
    SOURCES,
    Resampling,
    choose_donor,
    common_squares,
    greedy_changes,
    total_variation,
)
from maze_interp.studies.resample.tables import change_table

LAYER = Impala.default_layer

LEVELS = LevelSet(range(900_000_000, 900_000_020), "easy")


def test_total_variation_of_distributions_by_hand() -> None:
    p = np.array([[0.5, 0.5, 0, 0, 0], [1, 0, 0, 0, 0], [0.2] * 5, [0.6, 0.1, 0.1, 0.1, 0.1]])
    q = np.array([[0.25, 0.75, 0, 0, 0], [0, 0, 0, 0, 1], [0.2] * 5, [0.1, 0.6, 0.1, 0.1, 0.1]])
    np.testing.assert_allclose(total_variation(p, q), [0.25, 1, 0, 0.5], atol=1e-12)
    np.testing.assert_allclose(total_variation(q, p), total_variation(p, q))
    assert greedy_changes(p, q).tolist() == [True, True, False, True]


def test_a_donor_has_the_same_size_and_the_cheese_square_open() -> None:
    for seed in LEVELS.seeds[:8]:
        maze = LEVELS.maze(seed)
        assert maze.cheese is not None
        donor = choose_donor(maze, DONORS)
        assert donor == choose_donor(maze, DONORS)
        assert donor.seed in DONORS
        assert donor.size == maze.size
        assert donor.open[maze.cheese[::-1]]
        assert donor.cheese not in (None, maze.cheese)
        squares = common_squares(maze, donor)
        assert set(squares) == set(maze.squares) & set(donor.squares) - {maze.cheese, donor.cheese}
    assert len({choose_donor(LEVELS.maze(seed), DONORS).seed for seed in LEVELS.seeds[:8]}) > 4


def test_without_a_donor_there_is_an_error() -> None:
    maze = LEVELS.maze(LEVELS.seeds[0])
    other_size = [seed for seed in DONORS[:20] if Maze.from_seed(seed, "easy").size != maze.size]
    with pytest.raises(MazeInterpError, match=f"none of {len(other_size)} donors has size {maze.size}"):
        choose_donor(maze, other_size)
    with pytest.raises(MazeInterpError, match="no cheese"):
        choose_donor(maze.with_cheese(None), DONORS)


def by_hand(policy: nn.Module, x: Tensor, channels: list[int], source: Tensor | None) -> np.ndarray[Any, Any]:
    """Move probabilities with some channels of `LAYER` overwritten by a plain torch hook."""

    def overwrite(module: nn.Module, args: Any, output: Tensor) -> Tensor:
        changed = output.clone()
        if source is not None:
            changed[:, channels] = source[:, channels]
        return changed

    handle = policy.get_submodule(LAYER).register_forward_hook(overwrite)
    try:
        with torch.no_grad():
            return move_probabilities(policy(x)[0]).numpy()
    finally:
        handle.remove()


def layer_output(policy: nn.Module, x: Tensor) -> Tensor:
    seen: list[Tensor] = []
    handle = policy.get_submodule(LAYER).register_forward_hook(lambda module, args, output: seen.append(output))
    with torch.no_grad():
        policy(x)
    handle.remove()
    return seen[0]


@pytest.mark.parametrize("name", ["untrained", "published"])
def test_rows_equal_forward_passes_written_by_hand(name: str, request: pytest.FixtureRequest) -> None:
    policy: Impala = request.getfixturevalue(name)
    experiment = Resampling(policy, "", LEVELS, (3, 17), draws=2)
    maze = next(maze for seed in LEVELS.seeds if (maze := LEVELS.maze(seed)).size == 7)
    table = pd.DataFrame(experiment.rows(maze)).set_index(["set", "draw", "source"]).sort_index()
    donor = choose_donor(maze, DONORS)
    squares = common_squares(maze, donor)
    x = to_input(observe(maze, squares))
    plain = by_hand(policy, x, [], None)
    assert len(table) == 2 * (1 + 2 + 1)
    for source, other in (("same", donor.with_cheese(maze.cheese)), ("other", donor)):
        taken = layer_output(policy, to_input(observe(other, squares)))
        for (what, draw), channels in experiment.sets.items():
            changed = by_hand(policy, x, list(channels), taken)
            row = table.loc[(what, draw, source)]
            assert row["tv"] == pytest.approx(np.abs(changed - plain).sum(axis=1).mean() / 2, abs=1e-5)
            assert row["changed"] == pytest.approx((changed.argmax(axis=1) != plain.argmax(axis=1)).mean(), abs=1e-6)
            assert row["squares"] == len(squares)
    assert table.loc[("layer", 0), "tv"].min() > 1e-3


def test_random_sets_are_as_large_and_share_nothing_with_the_given(untrained: Impala) -> None:
    experiment = Resampling(untrained, "", LEVELS, (9, 3, 17), draws=6)
    random = [channels for (name, _), channels in experiment.sets.items() if name == "random"]
    assert experiment.channels == (3, 9, 17)
    assert [len(set(channels)) for channels in random] == [3] * 6
    assert not {3, 9, 17} & set().union(*random)
    assert len(set(random)) > 1
    assert experiment.sets["layer", 0] == tuple(range(32))
    assert experiment.sets == Resampling(untrained, "", LEVELS, (9, 3, 17), draws=6).sets


def test_changes_average_random_sets_first_and_pair_by_level() -> None:
    rows = []
    for seed, (same, other) in enumerate([(0.1, 0.3), (0.2, 0.2)]):
        for source, value in (("same", same), ("other", other)):
            rows += [
                {"seed": seed, "set": "given", "draw": 0, "source": source, "tv": value},
                {"seed": seed, "set": "random", "draw": 0, "source": source, "tv": 0.0},
                {"seed": seed, "set": "random", "draw": 1, "source": source, "tv": 0.2},
                {"seed": seed, "set": "layer", "draw": 0, "source": source, "tv": 1.0},
            ]
    table = change_table(pd.DataFrame(rows).assign(changed=0.0))
    found = table[table["quantity"] == "tv"].set_index(["channels", "source"])
    assert found["mean"]["given", "same"] == pytest.approx(0.15)
    assert found["mean"]["given", "other_less_same"] == pytest.approx(0.1)
    assert found["mean"]["random", "same"] == pytest.approx(0.1)
    assert found["low"]["random", "same"] < 0.1 < found["high"]["random", "same"]  # two equal levels leave it open
    assert found["mean"]["given_less_random", "other"] == pytest.approx(0.15)
    assert found["n"]["given_less_random", "other_less_same"] == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"channels": (3, 32)}, "has channels 0 to 31, none is 32"),
        ({"channels": ()}, "channels is empty"),
        ({"channels": tuple(range(17))}, "take at most 16"),
        ({"layer": "embedder.block2.res1.resad"}, r"unknown layer .*did you mean"),
        ({"draws": 0}, "at least 1 random set"),
        ({"donors": range(900_000_003, 900_000_009)}, "measure on other levels"),
    ],
)
def test_what_makes_no_sense_is_refused(untrained: Impala, options: dict[str, Any], message: str) -> None:
    with pytest.raises(MazeInterpError, match=message):
        Resampling(untrained, "", LEVELS, **{"channels": (1,), **options})


def test_the_command_writes_rows_changes_and_a_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    options = ["--channels", "5, 3", "--draws", "2", "--seeds", "900000000:900000004", "--workers", "1"]
    main(["resample", *options, "--out", str(out)])
    assert "Channels 3, 5 of block2.res1.resadd" in capsys.readouterr().out
    table = pd.read_csv(out / "resampling.csv")
    policy = load_policy(DEFAULT_AGENT)
    alone = Resampling(policy, DEFAULT_AGENT, LEVELS, (3, 5), draws=2).rows(LEVELS.maze(900_000_002))
    pd.testing.assert_frame_equal(
        table[table["seed"] == 900_000_002].drop(columns="seed").reset_index(drop=True), pd.DataFrame(alone)
    )
    summary = json.loads((out / "summary.json").read_text())
    given = table[(table["set"] == "given") & (table["source"] == "same")]
    assert summary["figures"]["tv"]["given"]["same"]["mean"] == pytest.approx(given["tv"].mean())
    sets = pd.read_csv(out / "sets.csv")
    assert sets["set"].tolist() == ["given", "random", "random", "layer"]
    assert sets["channels"][0] == "3 5"
    assert (out / "resampling.png").exists()


def test_the_result_shows_every_set_and_source() -> None:
    study = mi.studies.resample(seeds=LEVELS.seeds[:2], channels=(3, 5), draws=1)
    result = study.run()
    assert study.sized(1).seeds == LEVELS.seeds[:1]
    panels, changes = result.figures["resampling"].axes, result.tables["changes"]
    assert [axes.get_xlabel().partition(",")[0] for axes in panels] == list(QUANTITIES.values())
    for axes, quantity in zip(panels, QUANTITIES, strict=True):
        means = changes[changes["quantity"] == quantity].set_index(["source", "channels"])["mean"]
        for points, source in zip(axes.containers, SOURCES, strict=True):
            shown = np.array([means[source, name] for name in SETS], float)
            np.testing.assert_allclose(np.asarray(points[0].get_xdata(), float), shown)
    assert len(result.notes) <= 3
    assert "<section" in result._repr_html_()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"channels": "three"}, "channels are auto or numbers"),
        ({"channels": [True, False]}, "channels are auto or numbers"),
        ({"channels": "3,3"}, "each once"),
        ({"channels": 32}, "has channels 0 to 31, none is 32"),
        ({"layers": "embedder.block2.res1.resadd,embedder.fc"}, "layers takes one layer here"),
        ({"layers": "embedder.fd"}, "unknown layer .*did you mean embedder.fc"),
        ({"layers": "embedder.fc"}, "embedder.fc has no map of positions"),
    ],
)
def test_bad_options_leave_no_folder(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(MazeInterpError, match=message):
        mi.studies.resample(**{"seeds": LEVELS.seeds[:2], **options}).run(tmp_path / "run")
    assert not (tmp_path / "run").exists()
