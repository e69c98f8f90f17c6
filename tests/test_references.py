"""Reference policies: moves and behaviour worked out by hand, a second walker, and what they refuse."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_mazes import TREE
from torch import Tensor, nn

import maze_interp as mi
from maze_interp import LevelSet, Maze, MazeInterpError, edits
from maze_interp.commands.agents import agents_show
from maze_interp.commands.main import main
from maze_interp.mazes.maze import Square
from maze_interp.measure.edited import evaluate_edits
from maze_interp.policies.references import REFERENCES, UNIFORM, Reference

ROOM = Maze.from_ascii("..C\n...\nM..", "easy")


@pytest.mark.parametrize(
    ("name", "moves", "over"),
    [
        ("shortest-to-cheese", 4, (0, 3)),
        ("local-search-4", 4, (0, 3)),
        ("right-wall", 4, (0, 3)),  # up, up, and to the right as soon as it can
        ("left-wall", 10, None),  # up to the top left and back before it turns to the cheese
    ],
)
def test_ways_to_the_cheese_by_hand(name: str, moves: int, over: Square | None) -> None:
    policy = mi.load_policy(f"reference:{name}")
    assert [mi.behaviour(policy, TREE, horizon=h).p_cheese for h in (moves - 1, moves)] == [0, 1]
    result = mi.behaviour(policy, TREE)
    assert (result.expected_steps, result.p_top_right, result.p_cheese_limit) == (moves, 0, 1)
    assert result.occupancy[3, 0] == (0 if over else 2)
    assert result.p_visit((0, 3)) == (0 if over else 1)
    assert result.first_exit is not None
    assert result.first_exit.cheese == 1  # the decision square is the start


@pytest.mark.parametrize("name", ["shortest-to-corner", "local-search-3"])
def test_the_way_to_the_corner_by_hand(name: str) -> None:
    policy = mi.load_policy(f"reference:{name}")
    assert [mi.behaviour(policy, TREE, horizon=h).p_top_right for h in (7, 8)] == [0, 1]
    result = mi.behaviour(policy, TREE)
    assert (result.p_cheese, result.expected_steps) == (0, 500)
    assert result.occupancy[4, 4] == 500 - 8  # where it stays
    assert result.field.prob((4, 4), "noop") == 1
    assert (result.field.p_cheese, result.field.p_top_right) == (0, 1)


def test_the_local_search_turns_where_the_cheese_comes_near() -> None:
    moves = mi.vector_field(mi.load_policy("reference:local-search-4"), TREE)
    assert [moves.prob(square, move) for square, move in (((0, 0), "up"), ((1, 0), "right"), ((0, 4), "down"))] == [
        1
    ] * 3
    far = mi.vector_field(mi.load_policy("reference:local-search-3"), TREE)
    assert [far.prob(square, "down") for square in ((0, 1), (0, 2), (0, 3), (0, 4))] == [0, 0, 1, 1]
    assert far.prob((0, 1), "up") == 1
    assert mi.behaviour(mi.load_policy("reference:local-search-3"), TREE.with_start((0, 4))).p_cheese == 1


def test_the_greedy_mover_by_hand() -> None:
    """From the start both ways come as near; to the right it is caught between (1, 0), (2, 0) and (3, 0)."""
    result = mi.behaviour(mi.load_policy("reference:greedy-euclidean"), TREE)
    assert (result.field.prob((0, 0), "up"), result.field.prob((0, 0), "right")) == (0.5, 0.5)
    assert (result.field.prob((2, 0), "left"), result.field.prob((2, 0), "right")) == (0.5, 0.5)
    assert (result.p_cheese, result.p_cheese_limit, result.expected_steps) == (0.5, 0.5, 0.5 * 4 + 0.5 * 500)
    assert result.occupancy[0, 2] == 0.5 * 249
    assert result.occupancy[0, 4] == 0


def test_ties_are_split_evenly() -> None:
    result = mi.behaviour(mi.load_policy("reference:shortest-to-cheese"), ROOM)
    assert result.field.probs[0].tolist() == [0, 0, 0.5, 0.5, 0]
    assert (result.p_cheese, result.expected_steps, result.p_visit((1, 1)), result.p_visit((0, 2))) == (1, 4, 0.5, 0.25)


class Flat(nn.Module):
    """A network that draws its fifteen actions evenly."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return torch.zeros(len(x), 15), torch.zeros(len(x))


def test_random_is_what_a_flat_network_does() -> None:
    assert pytest.approx([3 / 15, 1 / 15, 1 / 15, 3 / 15, 7 / 15]) == UNIFORM
    for maze in (TREE, Maze.from_seed(4, "easy")):
        mine, flat = mi.behaviour(mi.load_policy("reference:random"), maze), mi.behaviour(Flat(), maze)
        assert mine.p_cheese == pytest.approx(flat.p_cheese, rel=1e-9)
        np.testing.assert_allclose(mine.occupancy, flat.occupancy, rtol=1e-9)
        np.testing.assert_allclose(mine.field.probs, flat.field.probs)
        assert np.isnan(mine.field.value).all()


def walk(maze: Maze, hand: complex) -> tuple[bool, int, dict[Square, int], dict[Square, complex]]:
    """Follow a wall with complex numbers: whether it finds the cheese, moves, visits and first move of each square."""
    free = {complex(*square) for square in maze.squares}
    at, heading = complex(*maze.start), -1 + 0j
    moves, visits, first = 0, dict.fromkeys(maze.squares, 0), dict[Square, complex]()
    while moves < 500 and (square := (int(at.real), int(at.imag))) != maze.cheese:
        visits[square] += 1
        heading = next(turned for turn in (hand, 1, -hand, -1) if at + (turned := heading * turn) in free)
        first.setdefault(square, heading)
        at += heading
        moves += 1
    return (int(at.real), int(at.imag)) == maze.cheese, moves, visits, first


@pytest.mark.parametrize(("name", "hand"), [("left-wall", 1j), ("right-wall", -1j)])
def test_wall_followers_reach_the_cheese_of_every_tree_as_a_second_walker_does(name: str, hand: complex) -> None:
    policy = mi.load_policy(f"reference:{name}")
    names = {-1: "left", -1j: "down", 1j: "up", 1: "right"}
    mazes = [Maze.from_seed(seed, mode) for mode in ("easy", "hard") for seed in range(12)]
    for maze, result in zip(mazes, mi.behaviours(policy, mazes), strict=True):
        reached, moves, visits, first = walk(maze, hand)
        assert result.p_cheese == reached
        assert result.p_cheese_limit == 1
        assert result.expected_steps == moves
        assert {square: result.occupancy[square[::-1]] for square in maze.squares} == visits
        assert all(result.field.prob(square, names[move]) == 1 for square, move in first.items())


def test_squares_behind_the_cheese_have_a_wall_followers_move_too() -> None:
    moves = mi.vector_field(mi.load_policy("reference:left-wall"), TREE)
    assert [moves.prob(square, move) for square, move in (((0, 2), "up"), ((0, 4), "right"), ((1, 4), "left"))] == [
        1
    ] * 3
    assert moves.prob((1, 0), "right") == 1  # where it would come on its way back from the cheese
    alone = Maze.from_ascii(".#.\n###\nM.C", "easy")
    assert mi.vector_field(mi.load_policy("reference:left-wall"), alone).prob((0, 2), "noop") == 1


def test_the_hash_is_of_the_name() -> None:
    hashes = {mi.agent_hash(mi.load_policy(name)) for name in (*REFERENCES, "reference:local-search-6")}
    assert len(hashes) == len(REFERENCES) + 1
    again = pickle.loads(pickle.dumps(mi.load_policy("reference:left-wall")))
    assert mi.agent_hash(again) == mi.agent_hash(Reference("reference:left-wall"))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("reference:left-wal", "unknown reference policy 'reference:left-wal': did you mean reference:left-wall"),
        ("reference:local-search-0", "did you mean reference:local-search-5"),
        ("refrence:random", "unknown agent 'refrence:random': did you mean reference:random"),
    ],
)
def test_unknown_names(name: str, message: str) -> None:
    with pytest.raises(MazeInterpError, match=message):
        mi.load_policy(name)


def test_what_a_reference_has_not_is_said_in_one_line() -> None:
    policy = mi.load_policy("reference:left-wall")
    x, layer = mi.to_input(mi.observe(TREE, [(0, 0)])), "embedder.block2"
    calls: list[Callable[[], Any]] = [
        lambda: policy(x),
        lambda: policy.run_with_cache(x, [layer]),
        lambda: policy.hooks({layer: lambda a, _: a}).__enter__(),
        lambda: mi.vector_field(policy, TREE, [edits.Zero(layer)]),
        lambda: mi.behaviour(policy, TREE, [edits.Zero(layer)]),
        lambda: mi.retarget(policy, TREE, [(4, 0)], channels=[0], value=1.0),
        lambda: evaluate_edits(policy, TREE, layer, [[]]),
        lambda: mi.cheese_vector(policy, TREE, layer),
    ]
    for call in calls:
        with pytest.raises(
            MazeInterpError, match=r"no layers|without layers|knows the maze, not its picture"
        ) as caught:
            call()
        assert "\n" not in str(caught.value)


def test_mazes_without_the_goal() -> None:
    bare = TREE.with_cheese(None)
    for name in ("shortest-to-cheese", "greedy-euclidean"):
        with pytest.raises(MazeInterpError, match=f"reference:{name} has nowhere to go in level 0: it has no cheese"):
            mi.behaviour(mi.load_policy(f"reference:{name}"), bare)
    with pytest.raises(MazeInterpError, match=r"nowhere to go in level 0: the top-right corner \(4, 4\) is in a wall"):
        mi.vector_field(mi.load_policy("reference:shortest-to-corner"), TREE.with_open((4, 4), False))
    for name in ("local-search-9", "shortest-to-corner"):
        assert mi.behaviour(mi.load_policy(f"reference:{name}"), bare).p_top_right == 1
    apart = TREE.with_open((2, 0), False)  # the corner is out of reach: nothing brings it nearer
    assert mi.vector_field(mi.load_policy("reference:shortest-to-corner"), apart).prob((0, 0), "noop") == 1


@pytest.mark.parametrize(
    "command", ["ablate", "channels", "patch", "record", "report", "resample", "retarget", "values", "vectors"]
)
def test_commands_that_need_a_network_refuse(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([command, "--agent", "reference:left-wall", "--out", str(tmp_path / "run")])
    assert "reference:left-wall is a rule, not a network" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_reference_has_no_card() -> None:
    with pytest.raises(MazeInterpError, match="reference:left-wall is a rule, not a network"):
        agents_show(agent="reference:left-wall")


def test_what_measures_behaviour_accepts_a_reference(tmp_path: Path) -> None:
    agent = "reference:shortest-to-cheese"
    result = mi.studies.sweep(agent=agent, seeds=range(6), mode="easy").run(tmp_path / "sweep")
    levels = LevelSet(range(6), "easy")
    steps = [maze.steps(maze.start, maze.cheese) for maze in map(levels.maze, levels.seeds) if maze.cheese]
    assert result.tables["levels"]["expected_steps"].tolist() == steps
    assert (result.tables["levels"]["p_cheese"] == 1).all()
    assert result.settings["agent_hash"] == mi.agent_hash(Reference(agent))
    with pytest.raises(MazeInterpError, match="is of reference:shortest-to-cheese"):
        mi.studies.statistics(sweep=tmp_path / "sweep", agent="reference:left-wall").run()
