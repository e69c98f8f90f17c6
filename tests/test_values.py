"""Agreement of policy and value head: on planted fields, by brute force on the bundled agent, the command."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd
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
from maze_interp.results.estimates import estimate
from maze_interp.studies.values.measure import QUANTITIES, SQUARES, ValueAgreement, agreements
from maze_interp.studies.values.tables import value_figures
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


def test_without_staying_moves_to_other_squares_alone_are_compared() -> None:
    walk = walking(1)
    row = {square: i for i, square in enumerate(walk.squares)}
    lazy = replace(walk, probs=np.full_like(walk.probs, 0.02) + 0.9 * np.eye(5)[4])  # stays, else anything
    lazy.probs[:, 2] += 0.05  # rather up than elsewhere
    agrees, chance = agreements(lazy, staying=False)
    assert (agreements(lazy)[0][row[0, 2]], agrees[row[0, 2]], chance[row[0, 2]]) == (0, 1, 1 / 2)
    assert (agrees[row[4, 0]], chance[row[4, 0]]) == (1, 1)  # the dead end has one way out
    falling, _ = agreements(walking(-1), staying=False)
    assert falling[row[0, 2]] == 0


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
    assert {(row["network"], row["draw"]) for row in rows} == {("agent", 0), *(("untrained", n + 1) for n in range(10))}
    assert len({row["agreement"] for row in rows if row["squares"] == "all"}) > 3, "untrained networks differ"
    assert found["agent", "region"]["agreement"] == pytest.approx(np.mean(inside))
    assert found["agent", "region"]["count"] == len(inside)
    assert found["agent", "all"]["agreement"] == pytest.approx(np.nanmean(agrees))


def test_figures_are_means_over_levels(bundled: Impala, tmp_path: Path) -> None:
    levels = LevelSet(range(900_000_003, 900_000_006), "easy")
    rows = run_experiment(ValueAgreement(bundled, "", levels, 3), tmp_path / "run", 1)
    some = rows[(rows["network"] == "agent") & (rows["squares"] == "all")]
    figures = value_figures(rows)["agent"]["all"]
    assert figures["agreement"].mean == pytest.approx(some["agreement"].mean())
    assert figures["above_chance"].mean == pytest.approx((some["agreement"] - some["chance"]).mean())


def test_the_control_is_over_networks_of_means_over_levels() -> None:
    random = np.random.default_rng(0)
    rows = pd.DataFrame(
        [
            {
                "network": "untrained",
                "draw": draw,
                "squares": "all",
                "seed": seed,
                "count": 9,
                **dict.fromkeys(QUANTITIES, p),
            }
            for draw in range(1, 11)
            for seed in range(4)
            for p in [random.random()]
        ]
    )
    found = value_figures(rows)["untrained"]["all"]["agreement"]
    assert (found.n, found.over) == (10, "networks")
    assert found.mean == pytest.approx(rows["agreement"].mean())
    assert found == estimate(rows.groupby("draw")["agreement"].mean(), over="networks")


def test_the_study_keeps_each_set_of_squares_on_its_own_levels(tmp_path: Path) -> None:
    study = mi.studies.values(seeds=range(900_000_003, 900_000_005), trained=range(2))
    result = study.run(tmp_path / "run")
    rows = pd.read_csv(tmp_path / "run" / "values.csv")
    by_squares = {squares: set(part["seed"]) for squares, part in rows.groupby("squares")}
    assert by_squares["all"] == {900_000_003, 900_000_004}
    assert by_squares["region"] == {0, 1}
    mean = rows.query("network == 'agent' and squares == 'all'")["agreement"].mean()
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["figures"]["agent"]["all"]["agreement"]["mean"] == pytest.approx(mean)
    assert f"all squares in {100 * mean:.1f}%" in result.statement
    (axes,) = result.figures["values"].axes
    assert len(axes.get_xticklabels()) == len(by_squares) <= len(SQUARES)
    assert [text.get_text() for text in result.figures["values"].legends[0].get_texts()] == [
        "the agent",
        "ten untrained networks",
        "a random next state",
    ]


def test_a_smaller_size_has_fewer_levels_of_both_kinds() -> None:
    study = mi.studies.values().sized(7)
    assert (len(study.seeds), study.trained) == (7, range(7))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--agent", "reference:random"], "is a rule, not a network"),
        (["--seeds", "5:5"], "5:5"),
    ],
)
def test_mistakes(options: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["values", *options, "--workers", "1", "--out", str(tmp_path / "run")])
    assert stop.value.code == 2
    assert message in capsys.readouterr().err.strip().splitlines()[-1]
    assert not (tmp_path / "run").exists()
