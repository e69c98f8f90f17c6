"""Vector fields against a brute-force pass through the real environment."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from maze_interp import Maze, MazeInterpError, load_policy, to_input, vector_field, vector_fields
from maze_interp.environment import state as states
from maze_interp.environment.levels import region_maze, state_of_maze
from maze_interp.environment.simulator import procgen_environment
from maze_interp.measure.evaluate import evaluate
from maze_interp.policies.architectures.impala import Impala
from maze_interp.policies.moves import MOVES

NAMES = ["LEFT", "DOWN", "UP", "RIGHT"]


def brute_force(policy: Impala, maze: Maze, mirrored: bool) -> NDArray[np.float64]:
    """Move probabilities `[n, 5]`, one unbatched pass per square on the picture procgen shows there."""
    env = procgen_environment(1, maze.distribution_mode, start_level=maze.seed, num_levels=1)
    rows = []
    for x, y in maze.squares:
        if (x, y) == maze.cheese:
            continue
        state = states.with_mice(state_of_maze(maze), [(x + maze.padding, y + maze.padding)], mirrored)
        env.set_state([state])
        with torch.inference_mode():
            logits = policy(to_input(env.observe()[1]["rgb"]))[0][0]
        by_action = logits.softmax(-1).numpy()
        by_keys = dict(zip(env.get_combos(), by_action, strict=True))
        moves = [sum(p for keys, p in by_keys.items() if effect(keys) == name) for name in [*NAMES, ""]]
        rows.append(moves)
    env.close()
    return np.array(rows)


def effect(keys: tuple[str, ...]) -> str:
    """The key that moves the mouse: sideways wins over up and down."""
    return next((key for key in ("LEFT", "RIGHT", "DOWN", "UP") if key in keys), "")


@pytest.mark.parametrize("mode", ["easy", "hard"])
@pytest.mark.parametrize("facing", [0, 1])
def test_evaluation_equals_brute_force_through_procgen(untrained: Impala, mode: str, facing: int) -> None:
    for seed in (1, 4, 12):
        maze = region_maze(seed, 5, mode)  # type: ignore[arg-type]
        (result,) = evaluate(untrained, [maze])
        assert result.probs[:, facing] == pytest.approx(brute_force(untrained, maze, bool(facing)), abs=1e-5)


def test_published_policy_equals_brute_force(published: Impala) -> None:
    for seed in (0, 3, 9):
        maze = Maze.from_seed(seed, "easy")
        assert vector_field(published, maze).probs == pytest.approx(brute_force(published, maze, False), abs=1e-5)


def test_fields_do_not_depend_on_what_shares_their_batch(untrained: Impala) -> None:
    mazes = [Maze.from_seed(seed, "easy") for seed in range(12)]
    for maze, field in zip(mazes, vector_fields(untrained, mazes), strict=True):
        alone = vector_field(untrained, maze)
        assert field.maze == maze
        assert field.squares == alone.squares
        assert field.probs == pytest.approx(alone.probs, abs=1e-6)
        assert field.value == pytest.approx(alone.value, abs=1e-5)


def test_mazes_of_both_modes_in_turn(untrained: Impala) -> None:
    mazes = [Maze.from_seed(1, "easy"), Maze.from_seed(2), Maze.from_seed(3), Maze.from_seed(4, "easy")]
    for maze, field in zip(mazes, vector_fields(untrained, mazes), strict=True):
        assert field.maze == maze
        assert field.probs == pytest.approx(vector_field(untrained, maze).probs, abs=1e-6)


def test_choices_at_the_decision_square_are_the_moves_along_the_two_paths(untrained: Impala) -> None:
    decided = 0
    for seed in range(30):
        maze = Maze.from_seed(seed, "easy")
        field = vector_field(untrained, maze)
        if maze.decision_square is None:
            assert field.p_cheese is field.p_top_right is field.p_other is None
            continue
        decided += 1
        assert maze.cheese is not None
        expected = []
        for goal in (maze.cheese, maze.top_right):
            nearer = [
                name
                for name, (dx, dy) in {"left": (-1, 0), "right": (1, 0), "up": (0, 1), "down": (0, -1)}.items()
                if (x := maze.decision_square[0] + dx, y := maze.decision_square[1] + dy)
                and 0 <= x < maze.size
                and 0 <= y < maze.size
                and maze.open[y, x]
                and maze.steps((x, y), goal) < maze.steps(maze.decision_square, goal)
            ]
            expected.append(sum(field.prob(maze.decision_square, name) for name in nearer))
        assert (field.p_cheese, field.p_top_right) == pytest.approx(tuple(expected))
        assert field.p_other == pytest.approx(1 - sum(expected))
    assert decided > 8


def test_net_vectors_and_probabilities_by_name(untrained: Impala) -> None:
    field = vector_field(untrained, Maze.from_seed(2))
    square = field.squares[3]
    p = {move: field.prob(square, move) for move in MOVES}
    assert sum(p.values()) == pytest.approx(1)
    assert field.vectors[3] == pytest.approx([p["right"] - p["left"], p["up"] - p["down"]])
    assert field.maze.cheese not in field.squares


def test_bad_questions_to_a_field(untrained: Impala) -> None:
    field = vector_field(untrained, Maze.from_seed(2))
    assert field.maze.cheese is not None
    with pytest.raises(MazeInterpError, match="unknown move 'rigth': did you mean right"):
        field.prob((0, 0), "rigth")
    with pytest.raises(MazeInterpError, match="no vector on the cheese"):
        field.prob(field.maze.cheese, "left")
    with pytest.raises(MazeInterpError, match="in a wall"):
        field.prob((1, 1), "left")


def test_loading_keeps_the_field(untrained: Impala, tmp_path: Path) -> None:
    from maze_interp.policies.checkpoints import write_weights

    write_weights(untrained, tmp_path / "agent.safetensors")
    again = load_policy(tmp_path / "agent.safetensors")
    maze = Maze.from_seed(5, "easy")
    assert np.array_equal(vector_field(again, maze).probs, vector_field(untrained, maze).probs)
