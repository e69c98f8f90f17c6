"""Agreement of policy and value head: on planted fields, by brute force on the bundled agent, the command."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray

import maze_interp as mi
from maze_interp import Maze
from maze_interp.commands.main import main
from maze_interp.environment.levels import maze_from_seed, region_maze
from maze_interp.measure.field import VectorField
from maze_interp.policies.agents import load_network
from maze_interp.policies.architectures.impala import Impala
from maze_interp.policies.moves import STEPS, move_probabilities, to_input
from maze_interp.policies.references import Reference
from maze_interp.studies.values import ValueAgreement, agreements, value_figures
from maze_interp.sweeps.experiment import run_experiment
from maze_interp.sweeps.levels import LevelSet

CORRIDOR = Maze.from_ascii("....C\n.####\n.####\n.####\nM....", "easy")


@pytest.fixture(scope="module")
def bundled() -> Impala:
    return cast(Impala, load_network(mi.DEFAULT_AGENT))


def walking(value_sign: int) -> VectorField:
    """A field that walks to the cheese, its value rising (1) or falling (−1) on the way."""
    field = mi.vector_field(Reference("reference:shortest-to-cheese"), CORRIDOR)
    assert CORRIDOR.cheese is not None
    steps = np.array([CORRIDOR.distances(CORRIDOR.cheese)[y, x] for x, y in field.squares], dtype=float)
    return replace(field, value=np.multiply(-value_sign, steps))


def test_a_value_that_rises_on_the_way_agrees_and_one_that_falls_does_not() -> None:
    rising, chance = agreements(walking(1))
    falling, _ = agreements(walking(-1))
    beside = walking(1).squares.index((3, 4))  # no state follows the step onto the cheese
    assert np.isnan([rising[beside], falling[beside], chance[beside]]).all()
    others = np.arange(len(rising)) != beside
    assert (rising[others] == 1).all()
    assert (falling[others] == 0).all()
    row = {square: i for i, square in enumerate(walking(1).squares)}
    assert chance[row[0, 2]] == pytest.approx(1 / 3)  # up, down, stay
    assert chance[row[4, 0]] == pytest.approx(1 / 2)  # the dead end: back, stay


def test_agreement_against_observations_one_by_one(bundled: Impala) -> None:
    maze = maze_from_seed(900_000_003, "easy")
    field = mi.vector_field(bundled, maze)
    agrees, _ = agreements(field)

    def seen(square: tuple[int, int]) -> tuple[NDArray[np.float64], float]:
        logits, value = bundled(to_input(mi.observe(maze, [square])))
        return move_probabilities(logits)[0].numpy(), float(value[0])

    for square, found in zip(field.squares, agrees, strict=True):
        probs, here = seen(square)
        after = [(square[0] + dx, square[1] + dy) for dx, dy in STEPS.tolist()]
        after = [to if to in maze.squares else square for to in after]  # into a wall is to stay
        if maze.cheese in after:
            assert np.isnan(found)
            continue
        by_state: dict[tuple[int, int], float] = {}
        for to, p in zip(after, probs, strict=True):
            by_state[to] = by_state.get(to, 0) + float(p)
        values = {to: here if to == square else seen(to)[1] for to in by_state}
        assert found == (max(by_state, key=by_state.__getitem__) == max(values, key=values.__getitem__))


def test_rows_are_means_over_each_set_of_squares(bundled: Impala) -> None:
    levels = LevelSet(range(900_000_003, 900_000_005), "easy", 3)
    maze = region_maze(900_000_003, 3, "easy")
    rows = ValueAgreement(bundled, "", levels, 3).rows(maze)
    agrees, _ = agreements(mi.vector_field(bundled, maze))
    squares = mi.vector_field(bundled, maze).squares
    inside = [a for square, a in zip(squares, agrees, strict=True) if square in maze.region(3) and not np.isnan(a)]
    found = {(row["network"], row["squares"]): row for row in rows}
    assert found["agent", "region"]["agreement"] == pytest.approx(np.mean(inside))
    assert found["agent", "region"]["count"] == len(inside)
    assert found["agent", "all"]["agreement"] == pytest.approx(np.nanmean(agrees))
    assert found["agent", "all"]["agreement"] != found["untrained", "all"]["agreement"]


def test_figures_are_means_over_levels(bundled: Impala, tmp_path: Path) -> None:
    levels = LevelSet(range(900_000_003, 900_000_006), "easy")
    rows = run_experiment(ValueAgreement(bundled, "", levels, 3), tmp_path / "run", 1)
    some = rows[(rows["network"] == "agent") & (rows["squares"] == "all")]
    figures = value_figures(rows)["agent"]["all"]
    assert figures["agreement"].mean == pytest.approx(some["agreement"].mean())
    assert figures["lead"].mean == pytest.approx((some["agreement"] - some["chance"]).mean())


def test_the_command_and_its_mistakes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    main(["values", "--seeds", "900000003:900000005", "--trained", "0:2", "--workers", "1"])
    assert "the agent, all squares, likeliest move leads to the highest value" in capsys.readouterr().out
    summary = json.loads(Path("runs/values/summary.json").read_text())
    assert 0 <= summary["figures"]["agent"]["all"]["agreement"]["mean"] <= 1
    assert Path("runs/values/values.png").stat().st_size > 10_000
    for bad, message in (
        (["--agent", "reference:random"], "is a rule, not a network"),
        (["--seeds", "5:5"], "5:5"),
        (["--seeds", "900000003:900000006", "--trained", "0:2"], "belongs to another run"),
    ):
        with pytest.raises(SystemExit) as stop:
            main(["values", *bad, "--workers", "1"])
        assert stop.value.code == 2
        assert message in capsys.readouterr().err.strip().splitlines()[-1]
