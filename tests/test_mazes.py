"""Mazes: drawings, edits, paths and the eleven features, against an independent search."""

from __future__ import annotations

import math
from collections import deque

import pytest

from maze_interp import Maze, MazeInterpError, maze_features
from maze_interp.mazes.maze import Square

CORRIDOR = "#####\n#####\n#####\n#####\nM..C."
FORKED = """
    .....
    .####
    .###C
    .###.
    M....
"""
LOOP = """
    ..C
    .#.
    M..
"""


def search(maze: Maze, source: Square) -> dict[Square, tuple[int, Square | None]]:
    """Breadth first from `source`: steps and the square before, for every square reached."""
    found: dict[Square, tuple[int, Square | None]] = {source: (0, None)}
    queue = deque([source])
    while queue:
        x, y = queue.popleft()
        for after in ((x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1)):
            inside = 0 <= after[0] < maze.size and 0 <= after[1] < maze.size
            if inside and maze.open[after[1], after[0]] and after not in found:
                found[after] = (found[x, y][0] + 1, (x, y))
                queue.append(after)
    return found


def walk(maze: Maze, a: Square, b: Square) -> list[Square]:
    """The path a → b by following the search backwards."""
    found, way = search(maze, a), [b]
    while (before := found[way[-1]][1]) is not None:
        way.append(before)
    return way[::-1]


def features_again(maze: Maze) -> dict[str, float | None]:
    """The eleven features written out one by one."""
    assert maze.cheese is not None
    corner = (maze.size - 1, maze.size - 1)
    to_cheese, to_corner = walk(maze, (0, 0), maze.cheese), walk(maze, (0, 0), corner)
    forked = to_cheese != to_corner[: len(to_cheese)] and to_corner != to_cheese[: len(to_corner)]
    decision = [a for a, b in zip(to_cheese, to_corner, strict=False) if a == b][-1] if forked else None
    edge = max(0, maze.size - 5)
    region = [(x, y) for x in range(edge, maze.size) for y in range(edge, maze.size) if maze.open[y, x]]
    steps = {
        source: {square: d for square, (d, _) in search(maze, source).items()}
        for source in (maze.cheese, decision)
        if source is not None
    }
    result: dict[str, float | None] = {"cheese_norm": math.hypot(*(c + (25 - maze.size) / 2 for c in maze.cheese))}
    for name, a in (("cheese", maze.cheese), ("decision_square", decision)):
        result[f"euclidean_{name}_top_right"] = a and math.hypot(a[0] - corner[0], a[1] - corner[1])
        result[f"euclidean_{name}_region"] = a and min(math.hypot(a[0] - x, a[1] - y) for x, y in region)
        result[f"steps_{name}_top_right"] = a and steps[a][corner]
        result[f"steps_{name}_region"] = a and min(steps[a][square] for square in region)
    result["euclidean_cheese_decision_square"] = decision and math.dist(maze.cheese, decision)
    result["steps_cheese_decision_square"] = decision and steps[decision][maze.cheese]
    return result


def test_features_of_400_levels_equal_an_independent_computation() -> None:
    undecided = 0
    for seed in range(400):
        maze = Maze.from_seed(seed)
        expected, got = features_again(maze), maze_features(maze)
        assert len(got) == 11
        assert got.keys() == expected.keys()
        undecided += expected["steps_cheese_decision_square"] is None
        for name, value in expected.items():
            assert (got[name] is None) == (value is None), (seed, name)
            assert value is None or got[name] == pytest.approx(value, abs=1e-9), (seed, name)
    assert 100 < undecided < 300  # both kinds of level were met


def test_paths_have_both_ends_and_steps_are_their_length_less_one() -> None:
    maze = Maze.from_seed(7)
    for square in maze.squares:
        path = maze.path((0, 0), square)
        assert list(path) == walk(maze, (0, 0), square)
        assert maze.steps((0, 0), square) == len(path) - 1


@pytest.mark.parametrize("mode", ["easy", "hard"])
def test_ascii_round_trip_of_procgen_levels(mode: str) -> None:
    sizes = set()
    for seed in range(60):
        maze = Maze.from_seed(seed, mode)  # type: ignore[arg-type]
        assert Maze.from_ascii(maze.to_ascii(), mode, seed) == maze  # type: ignore[arg-type]
        sizes.add(maze.size)
    assert sizes <= set(range(3, 26, 2))
    assert len(sizes) > 5


def test_ascii_is_top_row_first_and_squares_count_from_the_bottom_left() -> None:
    maze = Maze.from_ascii(FORKED)
    assert (maze.start, maze.cheese, maze.top_right) == ((0, 0), (4, 2), (4, 4))
    assert maze.open[4].all()
    assert maze.open[0].all()
    assert not maze.open[3, 1]
    assert maze.decision_square == (0, 0)


def test_decision_square_is_none_when_one_path_contains_the_other() -> None:
    assert Maze.from_ascii(FORKED).with_cheese((0, 2)).decision_square is None
    assert Maze.from_ascii(FORKED).with_cheese((4, 4)).decision_square is None
    assert Maze.from_ascii(FORKED).with_cheese(None).decision_square is None


def test_loops_leave_the_path_and_what_needs_it_undefined() -> None:
    maze = Maze.from_ascii(LOOP)
    assert maze.steps((0, 0), (2, 2)) == 4
    assert len(maze.path((0, 0), (2, 0))) == 3
    with pytest.raises(MazeInterpError, match="several shortest paths"):
        maze.path((0, 0), (2, 2))
    assert maze.decision_square is None
    assert maze_features(maze)["steps_cheese_decision_square"] is None


def test_unreachable_squares_are_infinitely_far() -> None:
    maze = Maze.from_ascii(FORKED).with_open((2, 0), False)
    assert maze.steps((0, 0), (4, 2)) == math.inf
    assert maze.decision_square is None
    assert maze_features(maze)["steps_cheese_top_right"] == math.inf
    assert maze_features(maze)["euclidean_cheese_top_right"] == 2
    with pytest.raises(MazeInterpError, match="no path"):
        maze.path((0, 0), (4, 2))


def test_a_maze_cannot_be_changed_and_copies_can() -> None:
    maze = Maze.from_seed(0)
    with pytest.raises(ValueError, match="read-only"):
        maze.open[0, 0] = False
    with pytest.raises(AttributeError):
        maze.cheese = (0, 0)  # type: ignore[misc]
    moved = maze.with_cheese(maze.top_right)
    assert maze.cheese != moved.cheese == maze.top_right
    assert len({maze, moved, maze.with_cheese(maze.cheese)}) == 2


def test_only_copies_with_the_same_open_squares_share_distances() -> None:
    maze = Maze.from_ascii("..C\n.##\nM..")
    moved, started, opened = maze.with_cheese((1, 0)), maze.with_start((0, 1)), maze.with_open((2, 1), True)
    assert moved.distances((0, 0)) is started.distances((0, 0)) is maze.distances((0, 0))
    assert (maze.steps((2, 0), (2, 2)), opened.steps((2, 0), (2, 2))) == (6, 2)
    with pytest.raises(ValueError, match="read-only"):
        moved.distances((0, 0))[0, 0] = 1


def test_padding_keeps_the_maze_and_moves_its_squares() -> None:
    maze = Maze.from_seed(0)
    padded = maze.padded()
    assert (padded.size, padded.padding) == (25, 0)
    assert padded.start == (maze.padding, maze.padding)
    assert len(padded.squares) == len(maze.squares)
    assert padded.cheese is not None
    assert maze.cheese is not None
    assert padded.steps(padded.start, padded.cheese) == maze.steps(maze.start, maze.cheese)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("...\n..\n...", "line 2 has 2 squares"),
        ("...\n.x.\n...", "line 2: 'x' is none of"),
        ("M..\n.M.\n...", "2 squares marked 'M'"),
        ("....\n....\n....\n....", "odd side of 3 to 25"),
        (".", "odd side of 3 to 25"),
        ("...\n...\n#..", "the start \\(0, 0\\) is in a wall"),
        ("", "the drawing of the maze is empty"),
    ],
)
def test_malformed_drawings_are_refused_in_one_line(text: str, message: str) -> None:
    with pytest.raises(MazeInterpError, match=message) as caught:
        Maze.from_ascii(text)
    assert "\n" not in str(caught.value)


def test_bad_squares_are_refused_with_the_nearest_open_one() -> None:
    maze = Maze.from_ascii(FORKED)
    with pytest.raises(MazeInterpError, match=r"cheese \(1, 1\) is in a wall; \((0, 1|1, 0)\) is the nearest open"):
        maze.with_cheese((1, 1))
    with pytest.raises(MazeInterpError, match="off the maze"):
        maze.with_cheese((5, 0))
    with pytest.raises(MazeInterpError, match="cannot lie on the start"):
        maze.with_cheese((0, 0))
    with pytest.raises(MazeInterpError, match="unknown distribution mode 'hart': did you mean hard"):
        Maze.from_seed(0, "hart")  # type: ignore[arg-type]
    with pytest.raises(MazeInterpError, match="odd side of 3 to 15"):
        Maze.from_ascii("\n".join(["." * 17] * 17), "easy")
