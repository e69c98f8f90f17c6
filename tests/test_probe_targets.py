"""Targets of probes: labels worked out by hand, at the resolution of a layer, and of the real agent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from maze_interp import LevelSet, Maze, MazeInterpError, Recording, behaviour, record, vector_field
from maze_interp.mazes.maze import Square
from maze_interp.policies.architectures.impala import Impala
from maze_interp.policies.moves import MOVES
from maze_interp.policies.pixels import activation_pixel
from maze_interp.probing.outcomes import AgentOutcomes, Outcome, outcomes_of
from maze_interp.probing.squares import SQUARE_TARGETS, label_maps, near_cheese, to_pixels
from maze_interp.probing.targets import TARGETS, Observed, observed, target_labels
from maze_interp.recording.columns import level_labels
from maze_interp.sweeps.experiment import run_experiment

# A comb: three teeth of different depth on a bottom corridor, the cheese at the tip of the right one.
COMB = """
    .#####C
    .#####.
    .#####.
    .#.###.
    .#.###.
    .#.###.
    .......
"""
CORRIDOR = """
    ###
    ###
    .C.
"""


def seen(states: Sequence[tuple[Maze, Sequence[Square]]], outcomes: Mapping[int, Outcome] | None = None) -> Observed:
    parts = [level_labels(maze, [(square, "left") for square in squares]) for maze, squares in states]
    columns: dict[str, Any] = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    columns["value"] = np.arange(len(columns["seed"])) / 2
    return Observed(states[0][0].distribution_mode, columns, outcomes)


def comb(seed: int = 1) -> Maze:
    return Maze.from_ascii(COMB, "easy", seed)


def labels(name: str, some: Observed) -> list[Any]:
    found = TARGETS[name].labels(some)
    return found[:, 0].tolist() if found.shape[1] == 1 else found.tolist()


def test_places_in_three_frames() -> None:
    small = Maze.from_ascii(CORRIDOR, "easy", 2)
    some = seen([(comb(), [(0, 0), (2, 3)]), (small, [(2, 0)])])
    # Easy worlds are 15 wide: a maze of 7 has 4 rows of padding, one of 3 has 6.
    assert labels("cheese_square_maze", some) == [[6, 6], [6, 6], [1, 0]]
    assert labels("cheese_square_world", some) == [[10, 10], [10, 10], [7, 6]]
    assert labels("cheese_square_mouse", some) == [[6, 6], [4, 3], [-1, 0]]
    assert labels("cheese_x_mouse", some) == [6, 4, -1]
    assert labels("cheese_y_world", some) == [10, 10, 6]
    assert labels("mouse_square_world", some) == [[4, 4], [6, 7], [8, 6]]
    assert labels("mouse_x_world", some) == [4, 6, 8]
    assert labels("maze_size", some) == [7, 7, 3]
    assert labels("value", some) == [0, 0.5, 1]


def test_cheese_present_and_missing_labels() -> None:
    some = seen([(comb(), [(0, 0)]), (comb(2).with_cheese(None), [(0, 0), (1, 0)])])
    assert labels("cheese_present", some) == [1, 0, 0]
    assert np.isnan(TARGETS["cheese_square_mouse"].labels(some)).tolist() == [[False] * 2, [True] * 2, [True] * 2]
    with pytest.raises(MazeInterpError, match="every observation of the store has the label 10 for cheese_x_world"):
        target_labels(TARGETS["cheese_x_world"], some)
    none = seen([(comb().with_cheese(None), [(0, 0)])])
    with pytest.raises(MazeInterpError, match="no observation of the store has a label for cheese_x_maze"):
        target_labels(TARGETS["cheese_x_maze"], none)


def test_decision_square_and_the_agent() -> None:
    fork = comb().with_cheese((0, 6))
    assert fork.decision_square == (0, 0)
    without = comb(2)
    some = seen(
        [(fork, [(0, 0), (1, 0)]), (without, [(0, 0)])],
        {1: Outcome(0.75, np.zeros(0)), 2: Outcome(0.25, np.zeros(0))},
    )
    assert without.decision_square is None
    assert labels("on_decision_square", some)[:2] == [1, 0]
    assert np.isnan(labels("on_decision_square", some)[2])
    assert labels("p_cheese", some) == [0.75, 0.75, 0.25]
    assert labels("gets_cheese", some) == [1, 1, 0]
    with pytest.raises(MazeInterpError, match="what the agent does in level 1 was not measured"):
        labels("p_cheese", seen([(fork, [(0, 0)])]))


def drawn(grid: NDArray[np.float64]) -> list[str]:
    """A grid as text, top row first: a blank for no label."""
    return ["".join(" " if np.isnan(value) else f"{value:g}" for value in row) for row in grid[::-1]]


def grid(name: str, maze: Maze, mouse: Square = (0, 0)) -> list[str]:
    return drawn(SQUARE_TARGETS[name].grid(seen([(maze, [mouse])]), maze, mouse))


def test_labels_of_squares_by_hand() -> None:
    maze = comb()
    assert grid("wall", maze) == ["0111110", "0111110", "0111110", "0101110", "0101110", "0101110", "0000000"]
    assert grid("cheese_here", maze) == ["0000001", *["0000000"] * 6]
    assert grid("on_path_to_cheese", maze, (2, 2)) == [
        "0     1",
        "0     1",
        "0     1",
        "0 0   1",
        "0 1   1",
        "0 1   1",
        "0011111",
    ]
    assert grid("on_path_to_corner", maze.with_cheese((0, 6)), (5, 0)) == [
        "0     1",
        "0     1",
        "0     1",
        "0 0   1",
        "0 0   1",
        "0 0   1",
        "0000011",
    ]
    left, down, up, right = (MOVES.index(move) for move in ("left", "down", "up", "right"))
    assert (left, down, up, right) == (0, 1, 2, 3)
    assert grid("move_to_cheese", maze) == [
        "1      ",
        "1     2",
        "1     2",
        "1 1   2",
        "1 1   2",
        "1 1   2",
        "3333332",
    ]
    assert grid("dead_end", maze) == [
        "1     1",
        "0     0",
        "0     0",
        "0 1   0",
        "0 0   0",
        "0 0   0",
        "0000000",
    ]
    # The one junction is (2, 0): eight steps from the left tip, three from the middle one, ten from the right one.
    depths = SQUARE_TARGETS["dead_end_depth"].grid(seen([(maze, [(0, 0)])]), maze, (0, 0))
    assert {(int(x), int(y)): depths[y, x] for y, x in np.argwhere(~np.isnan(depths))} == {
        (0, 6): 8,
        (2, 3): 3,
        (6, 6): 10,
    }
    line = Maze.from_ascii(CORRIDOR, "easy")
    assert grid("dead_end", line) == ["   ", "   ", "101"]
    assert grid("dead_end_depth", line) == ["   ", "   ", "   "]


def test_connected_within_a_window() -> None:
    hook = Maze.from_ascii(
        """
        .....
        .###.
        .#C#.
        .#.#.
        ...#.
        """,
        "easy",
    )
    assert drawn(near_cheese(hook, 3)) == ["     ", "     ", "     ", "  1  ", "     "]
    # (0, 2) sees the way round by (0, 0), whose row lies outside the 5×5 around (0, 3); those on the right see no way.
    assert drawn(near_cheese(hook, 5)) == ["00000", "0   0", "1   0", "1 1 0", "111 0"]
    assert drawn(near_cheese(hook, 9)) == ["11111", "1   1", "1   1", "1 1 1", "111 1"]
    assert all(row.strip() == "" for row in drawn(near_cheese(hook.with_cheese(None), 9)))


def brute(maze: Maze, window: int) -> list[str]:
    """Flood from each square through open squares within the window."""
    reach, found = window // 2, np.full(maze.open.shape, np.nan)
    assert maze.cheese is not None
    for square in maze.squares:
        inside = {
            other for other in maze.squares if max(abs(a - b) for a, b in zip(square, other, strict=True)) <= reach
        }
        if maze.cheese not in inside or square == maze.cheese:
            continue
        reached, front = {square}, [square]
        while front:
            x, y = front.pop()
            beside = {(x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1)} & inside - reached
            reached |= beside
            front += beside
        found[square[::-1]] = maze.cheese in reached
    return drawn(found)


@pytest.mark.parametrize("window", [3, 5, 9, 17])
def test_connected_within_a_window_as_by_flooding(window: int) -> None:
    for seed in range(3):
        maze = Maze.from_seed(seed, "hard")
        assert drawn(near_cheese(maze, window)) == brute(maze, window)


def test_pixels_combine_their_squares() -> None:
    maze = comb()
    values = np.full((7, 7), np.nan)
    values[0, 0], values[6, 6] = 3, 1
    found = to_pixels(maze, values, "agree", (16, 16))
    assert found[activation_pixel(maze, (0, 0), "embedder.block2")] == 3
    assert found[activation_pixel(maze, (6, 6), "embedder.block2")] == 1
    assert (~np.isnan(found)).sum() == 2
    # In block 3, 8×8, world columns 4 and 5 fall into pixels 2: ⌊4.5 · 8 / 15⌋ and ⌊5.5 · 8 / 15⌋.
    values[0, 1] = 5
    small = {combine: to_pixels(maze, values, combine, (8, 8)) for combine in ("any", "all", "agree")}
    pixel = activation_pixel(maze, (0, 0), "embedder.block3")
    assert pixel == activation_pixel(maze, (1, 0), "embedder.block3") == (5, 2)
    assert small["any"][pixel] == 5
    assert small["all"][pixel] == 3
    assert np.isnan(small["agree"][pixel])
    values[0, 1] = 3
    assert to_pixels(maze, values, "agree", (8, 8))[pixel] == 3


@pytest.mark.parametrize("mode", ["easy", "hard"])
def test_every_square_lies_where_its_pixel_is(mode: Any) -> None:
    maze = Maze.from_seed(4, mode)
    assert maze.cheese is not None
    for layer, side in (("embedder.block1.res1.resadd", 32), ("embedder.block2", 16), ("embedder.block3", 8)):
        some = seen([(maze, [maze.start, maze.squares[3]])])
        maps = label_maps(SQUARE_TARGETS["cheese_here"], some, (side, side))
        assert maps.shape == (2, side, side)
        for one in maps:
            assert np.argwhere(one == 1).tolist() == [list(activation_pixel(maze, maze.cheese, layer))]
    paths = label_maps(SQUARE_TARGETS["on_path_to_cheese"], some, (32, 32))
    for one, mouse in zip(paths, some.square, strict=True):
        assert (one == 1).sum() == maze.steps((int(mouse[0]), int(mouse[1])), maze.cheese) + 1


def test_labels_of_a_store_are_those_of_its_mazes_and_agent(untrained: Impala, tmp_path: Path) -> None:
    levels = LevelSet(range(20, 24), "easy")
    store = record(
        Recording(untrained, "agent", levels, ["embedder.fc"], squares=2, facings=["left"]), tmp_path / "store", 1
    )
    measured = run_experiment(AgentOutcomes(untrained, "agent", levels), tmp_path / "outcomes", workers=1)
    outcomes = outcomes_of(measured)
    some = observed(store, np.arange(len(store)), outcomes)
    for maze, rows in some.levels():
        assert maze == Maze.from_seed(maze.seed, "easy")
        assert rows.tolist() == list(range(len(store)))[store.level(maze.seed)]
        assert outcomes[maze.seed].p_cheese == pytest.approx(behaviour(untrained, maze).p_cheese, abs=1e-9)
        assert TARGETS["p_cheese"].labels(some)[rows, 0] == pytest.approx(outcomes[maze.seed].p_cheese)
        field = vector_field(untrained, maze)
        moves = SQUARE_TARGETS["agent_move"].grid(some, maze, maze.start)
        assert np.isnan(moves).sum() == maze.size**2 - len(field.squares)
        for square, probs in zip(field.squares, field.probs, strict=True):
            assert moves[square[::-1]] == probs.argmax()
    assert TARGETS["value"].labels(some)[:, 0] == pytest.approx(store["value"][:])
    with pytest.raises(MazeInterpError, match="was recorded from agent agent"):
        store.require_agent(Impala(1))
