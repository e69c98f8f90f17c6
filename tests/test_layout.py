"""Layout attributes of mazes, by hand and by brute force."""

from __future__ import annotations

from maze_interp import Maze
from maze_interp.studies.statistics.layout import layout
from maze_interp.sweeps.levels import LevelSet


def test_layout_by_hand() -> None:
    maze = Maze.from_ascii(
        """
        .#.....
        .#####.
        ..C#...
        .###.##
        .#.....
        .#####.
        M......
        """,
        "easy",
    )
    found = layout(maze, region=3)
    assert (found["turns_to_cheese"], found["turns_to_corner"]) == (1, 5)
    assert (found["junctions"], found["junctions_to_cheese"], found["junctions_to_corner"]) == (2, 1, 1)
    assert (found["cheese_left"], found["cheese_right"], found["cheese_bottom"], found["cheese_top"]) == (2, 4, 4, 2)
    assert (found["size"], found["to_world_wall"], found["region_parts"]) == (7, 4, 1)
    assert layout(maze.with_open((5, 6), False), region=3)["region_parts"] == 2
    assert layout(maze, region=5)["region_parts"] == 2  # the cheese's square cannot leave the 5×5 but to the left


def test_branching_by_brute_force() -> None:
    levels = LevelSet(range(8), "easy")
    for maze in map(levels.maze, levels.seeds):
        squares = set(maze.squares)
        beside = {
            (x, y): sum((x + dx, y + dy) in squares for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)))
            for x, y in squares
        }
        junctions = {square for square, ways in beside.items() if ways >= 3}
        found = layout(maze, region=3)
        assert found["junctions"] == len(junctions)
        assert maze.cheese is not None
        assert found["junctions_to_cheese"] == sum(square in junctions for square in maze.path((0, 0), maze.cheese))
        assert found["junctions_to_corner"] == sum(square in junctions for square in maze.path((0, 0), maze.top_right))
