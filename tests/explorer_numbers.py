"""The numbers that the live explorer's page shows, beside the library's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from explorer_page import LAYER, Explorer, pane_of

import maze_interp as mi
from maze_interp import edits
from maze_interp.mazes.maze import Maze


def network_edits(policy: Any, maze: Maze, changes: Sequence[dict[str, Any]]) -> list[Any]:
    """The edits that are on, made without the explorer."""
    made: list[Any] = []
    for each in changes:
        layer, channels = each["layer"], each.get("channels")
        if not each["on"]:
            continue
        if each["kind"] == "zero":
            made.append(edits.Zero(layer, channels=channels))
        elif each["kind"] == "scale":
            made.append(edits.Scale(layer, channels=channels, factor=each["factor"]))
        elif each["kind"] == "set_square":
            pixel = mi.activation_pixel(maze, tuple(each["square"]), layer)
            made.append(edits.SetPixel(layer, channels, pixel, each["value"], each["fill"]))
        elif each["kind"] == "set_pixel":
            made.append(edits.SetPixel(layer, channels, tuple(each["pixel"]), each["value"], each["fill"]))
        elif each["kind"] == "cheese_vector":
            made.append(edits.Add(layer, mi.cheese_vector(policy, maze, layer), each["coefficient"]))
        else:
            made.append(edits.Add(layer, mi.top_right_vector(policy, maze, layer), each["coefficient"]))
    return made


def random_maze(random: np.random.Generator) -> Maze:
    """A level with squares opened and closed, so that it has loops and closed rooms, cheese and start anywhere."""
    maze = Maze.from_seed(int(random.integers(10_000)), "easy")
    for x, y in random.integers(0, maze.size, (int(random.integers(8)), 2)):
        square = (int(x), int(y))
        if square not in (maze.start, maze.cheese):
            maze = maze.with_open(square, not maze.open[y, x])
    start, cheese = random.permutation(maze.squares)[:2].tolist()
    return maze.with_cheese(None).with_start(tuple(start)).with_cheese(tuple(cheese))


def random_edits(random: np.random.Generator, maze: Maze) -> list[dict[str, Any]]:
    """One to three edits of any kind but patches and means."""
    channels = sorted(random.choice(32, 3, replace=False).tolist())
    square = list(maze.squares[int(random.integers(len(maze.squares)))])
    strength = round(float(random.uniform(-10, 10)), 1)
    written = {"channels": channels, "value": strength, "fill": None}
    choices: list[dict[str, Any]] = [
        {"kind": "zero", "channels": channels},
        {"kind": "scale", "channels": channels, "factor": strength},
        {"kind": "set_square", "square": square, **written},
        {"kind": "set_pixel", "pixel": random.integers(8, size=2).tolist(), **written},
        {"kind": "cheese_vector", "coefficient": strength},
    ]
    if maze.padding:
        choices.append({"kind": "top_right_vector", "coefficient": strength})
    chosen = random.choice(len(choices), int(random.integers(1, 4)), replace=False)
    return [{"on": True, "layer": LAYER, **choices[i]} for i in chosen]


def check_numbers(explorer: Explorer, policy: Any, seed: int) -> None:
    """All figures, and the field on some squares, of a random maze and edits."""
    random = np.random.default_rng(seed)
    maze = random_maze(random)
    changes = random_edits(random, maze)
    explorer.open(pane_of(maze, changes=changes))
    made = network_edits(policy, maze, changes)
    before, after = mi.behaviour(policy, maze), mi.behaviour(policy, maze, made)
    shown = explorer.figures()
    expected: dict[str, list[float | None]] = {
        "P(cheese)": [one.p_cheese for one in (before, after)],
        "P(cheese), no time limit": [one.p_cheese_limit for one in (before, after)],
        "P(top-right corner)": [one.p_top_right for one in (before, after)],
        "P(top-right 5×5)": [one.p_region for one in (before, after)],
        "expected moves": [one.expected_steps for one in (before, after)],
        "decision square: p(to the cheese)": [one.field.p_cheese for one in (before, after)],
        "decision square: p(to the corner)": [one.field.p_top_right for one in (before, after)],
        "first exit: to the cheese": [one.first_exit.cheese if one.first_exit else None for one in (before, after)],
        "first exit: elsewhere": [one.first_exit.other if one.first_exit else None for one in (before, after)],
    }
    for name, values in expected.items():
        check_row(shown[name], values, 1 if name == "expected moves" else 3)
    for i in random.choice(len(before.field.squares), 2, replace=False):
        x, y = before.field.squares[i]
        explorer.page.mouse.move(*explorer.at((x, y), explorer.svg("after")))
        explorer.settle()
        assert explorer.cursor == (x, y)
        columns = explorer.square()
        for move, name in enumerate(("left", "down", "up", "right", "no-op")):
            check_row(columns[name], [float(one.field.probs[i, move]) for one in (before, after)])
        check_row(columns["value"], [float(one.field.value[i]) for one in (before, after)])
        check_row(columns["visits"], [float(one.occupancy[y, x]) for one in (before, after)])


def check_row(shown: Sequence[float | None], values: Sequence[float | None], places: int = 3) -> None:
    """As it is, with the edits and the change, to the digits shown."""
    first, second = values
    change = None if first is None or second is None else second - first
    for each, value in zip(shown, (first, second, change), strict=True):
        if value is None:
            assert each is None
        else:
            assert each == pytest.approx(value, abs=0.5 * 10**-places + 2e-5 * max(1, abs(value)))
