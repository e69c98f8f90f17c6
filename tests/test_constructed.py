"""Constructed levels meet their conditions by another way of counting, and the study says what happens there."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from pathlib import Path

import networkx
import numpy as np
import pandas as pd
import pytest

import maze_interp as mi
from maze_interp import LevelSet, Maze
from maze_interp.environment.levels import maze_from_seed
from maze_interp.errors import MazeInterpError
from maze_interp.mazes.constructed import (
    LEAST_DIFFERENCE,
    METRICS,
    cheese_everywhere,
    detours,
    equal_pair,
    fork_of,
    random_tree,
    swapped_branches,
)
from maze_interp.policies.agents import load_policy
from maze_interp.policies.references import Reference
from maze_interp.studies.constructed.cheese_map import CheeseMap, cheese_grid, shown_level
from maze_interp.studies.constructed.measure import DETOUR, OUTCOMES, SWAP, ConstructedLevels, leaving
from maze_interp.studies.constructed.tables import detour_slope, pair_table, swap_levels
from maze_interp.sweeps.experiment import run_experiment

SEEDS = range(900_000_000, 900_000_060)


def graph(maze: Maze) -> networkx.Graph:
    """The open squares as networkx joins them."""
    squares = set(maze.squares)
    found = networkx.Graph()
    found.add_nodes_from(squares)
    found.add_edges_from(((x, y), one) for x, y in squares for one in ((x + 1, y), (x, y + 1)) if one in squares)
    return found


@pytest.mark.parametrize("size", [3, 7, 15])
def test_random_trees_are_trees_of_procgens_kind(size: int) -> None:
    for seed in range(5):
        maze = random_tree(size, "easy", seed)
        assert networkx.is_tree(graph(maze))
        assert all(maze.open[y, x] for x in range(0, size, 2) for y in range(0, size, 2))
        assert not any(maze.open[y, x] for x in range(1, size, 2) for y in range(1, size, 2))
    assert random_tree(size, "easy", 0) == random_tree(size, "easy", 0)
    with pytest.raises(MazeInterpError, match="odd side"):
        random_tree(size + 1, "easy", 0)


def test_swapped_branches_end_in_the_region_and_are_long() -> None:
    found = 0
    for seed in SEEDS:
        maze = maze_from_seed(seed, "easy")
        if (pair := swapped_branches(maze, 3, 4)) is None:
            continue
        found += 1
        nodes = graph(maze)
        a, b = (one.cheese for one in pair)
        assert {a, b} <= set(maze.region(3))
        assert all(nodes.degree[end] == 1 for end in (a, b))
        ways = [networkx.shortest_path(nodes, maze.start, end) for end in (a, b)]
        fork = fork_of(maze, a, b)  # type: ignore[arg-type]
        assert fork == [one for one, other in zip(*ways, strict=False) if one == other][-1]
        assert all(len(way) - 1 - way.index(fork) >= 4 for way in ways)
    assert found > 4


@pytest.mark.parametrize("equal", METRICS)
def test_pairs_are_equal_in_one_metric_alone(equal: str) -> None:
    other = METRICS[1 - METRICS.index(equal)]
    found = 0
    for seed in SEEDS:
        if (pair := equal_pair(maze_from_seed(seed, "easy"), equal, 3)) is None:
            continue
        found += 1
        nodes = graph(pair[0])
        squares = [one.decision_square for one in pair]
        assert squares[0] == squares[1]
        distances = {
            "euclidean": [math.dist(square, one.cheese) for square, one in zip(squares, pair, strict=True)],  # type: ignore[arg-type]
            "steps": [
                networkx.shortest_path_length(nodes, square, one.cheese)
                for square, one in zip(squares, pair, strict=True)
            ],
        }
        assert distances[equal][0] == distances[equal][1]
        assert distances[other][1] - distances[other][0] >= LEAST_DIFFERENCE[other]
        assert all(one.cheese not in one.region(3) for one in pair)
    assert found > 3
    with pytest.raises(MazeInterpError, match="unknown metric 'city': did you mean euclidean, steps"):
        equal_pair(maze_from_seed(0, "easy"), "city", 3)


def test_detours_run_along_one_branch() -> None:
    maze = maze_from_seed(900_000_005, "easy")
    found = detours(maze)
    way = set(maze.path(maze.start, maze.top_right))
    nodes = graph(maze)
    assert list(found) == list(range(1, len(found) + 1))
    assert len({one.decision_square for one in found.values()}) == 1
    for steps, one in found.items():
        assert min(networkx.shortest_path_length(nodes, one.cheese, square) for square in way) == steps
    assert all(maze.steps(a.cheese, b.cheese) == 1 for a, b in pairwise(found.values()))  # type: ignore[arg-type]


def test_the_cheese_lies_everywhere_once() -> None:
    maze = maze_from_seed(3, "easy")
    assert [one.cheese for one in cheese_everywhere(maze)] == [one for one in maze.squares if one != maze.start]


def test_rules_do_on_constructed_levels_what_they_say() -> None:
    levels = LevelSet(SEEDS[:24], "easy")
    for name, expected in (("shortest-to-cheese", (1.0, 1.0)), ("shortest-to-corner", (0.5, 0.0))):
        experiment = ConstructedLevels(Reference(f"reference:{name}"), name, levels, region=3, shortest=2)
        rows = pd.DataFrame([{"seed": s, **row} for s in levels.seeds for row in experiment.rows(levels.maze(s))])
        swap = swap_levels(rows)
        assert len(swap) > 2
        if name == "shortest-to-cheese":
            assert (swap[["follows", "switch"]] == expected).all().all()
            assert (rows["p_cheese"] == 1).all()
            assert detour_slope(rows).mean == pytest.approx(0, abs=1e-12)
        else:
            assert (swap["switch"] == 0).all()
            assert (rows.loc[rows["kind"] == DETOUR, "p_cheese"] == 0).all()
        table = pair_table(rows)
        assert set(table["variant"]) == {"0", "1", "1 − 0"}
        assert SWAP in set(table["kind"])


def test_figures_are_those_of_single_behaviours() -> None:
    policy = load_policy(mi.DEFAULT_AGENT)
    levels = LevelSet(range(900_000_003, 900_000_004), "easy")
    maze = levels.maze(900_000_003)
    rows = ConstructedLevels(policy, "", levels, region=3, shortest=2).rows(maze)
    assert rows
    for row in (row for row in rows if row["kind"] == DETOUR):
        result = mi.behaviour(policy, detours(maze)[row["variant"]])
        field, square = result.field, result.maze.decision_square
        assert square is not None
        assert row["p_cheese"] == pytest.approx(result.p_cheese, abs=1e-6)
        onward = {
            move: (square[0] + dx, square[1] + dy)
            for move, (dx, dy) in {"left": (-1, 0), "right": (1, 0), "up": (0, 1), "down": (0, -1)}.items()
        }
        off = sum(field.prob(square, move) for move, to in onward.items() if to in maze.squares)
        assert field.p_cheese is not None
        assert row["towards"] == pytest.approx(field.p_cheese / off, abs=1e-6)


def test_leaving_counts_moves_off_the_fork_alone() -> None:
    maze = Maze.from_ascii("..C\n.##\nM..", "easy")
    field = mi.vector_field(Reference("reference:random"), maze)  # 3, 1, 1, 3, 7 fifteenths
    assert leaving(field, (0, 0), [(0, 2), (2, 0)]) == pytest.approx([1 / 4, 3 / 4])


def test_the_map_of_one_level_is_resumed_place_by_place(tmp_path: Path) -> None:
    policy, levels = Reference("reference:local-search-5"), LevelSet(range(900_000_003, 900_000_005), "easy")
    seed = shown_level(levels)
    maze = levels.maze(seed)
    places = CheeseMap.of_level(policy, "rule", levels, seed)
    whole = places.table(run_experiment(places, tmp_path / "whole", workers=1))
    assert set(whole["seed"]) == {seed}
    grid = cheese_grid(whole, maze.size)
    assert np.isfinite(grid).sum() == len(maze.squares) - 1
    for square in maze.squares[1::7]:
        assert grid[square[::-1]] == mi.behaviour(policy, maze.with_cheese(square)).p_cheese
    run_experiment(places, tmp_path / "run", workers=1)
    (tmp_path / "run" / "cheese_map.csv").unlink()
    parts = tmp_path / "run" / "parts"
    parts.mkdir()
    (parts / "8.csv").write_text("8,1,2,0.125\n")
    assert 0.125 in run_experiment(places, tmp_path / "run", workers=1)["p_cheese"].tolist()


def test_the_study_writes_all_and_refuses_what_gives_nothing(tmp_path: Path) -> None:
    rule = "reference:shortest-to-cheese"
    study = mi.studies.constructed(agent=rule, seeds=range(900_000_000, 900_000_012), shortest=2, mode="easy")
    result = study.run(tmp_path / "run")
    assert "takes the one with the cheese with probability 100.0%" in result.statement
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["figures"]["switch"]["mean"] == 1.0
    assert {path.stem for path in (tmp_path / "run").glob("*.png")} == {"pairs", "detours", "cheese_map"}
    assert (pd.read_csv(tmp_path / "run" / "cheese_map.csv")["p_cheese"] == 1).all()
    assert len(result.figures["pairs"].axes) == result.tables["pairs"]["kind"].nunique()
    assert {text.get_text() for text in result.figures["pairs"].legends[0].get_texts()} == set(OUTCOMES.values())
    with pytest.raises(MazeInterpError, match="allows a construction"):
        mi.studies.constructed(agent=rule, seeds=range(900_000_037, 900_000_038), shortest=90, mode="easy").run()
