"""Exact policy gradients: right by finite differences and by other ways to the same worth; they learn and resume."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from maze_interp import Maze, MazeInterpError, behaviour
from maze_interp.environment.levels import HELD_OUT, maze_from_seed
from maze_interp.policies.architectures.impala import Impala
from maze_interp.policies.moves import move_probabilities, to_input
from maze_interp.training import exact
from maze_interp.training.exact import ExactConfig, lesson, train_exactly

TINY = ExactConfig("tiny", "easy", region=1, updates=6, levels=2, states=24, seed=3)
MAZE = Maze.from_ascii("...C.\n.###.\n.#...\n.#.#.\nM..#.", "easy", 5)


def start_worth(policy: Impala, maze: Maze, config: ExactConfig) -> float:
    return lesson(policy, maze, config).start_worth


@pytest.mark.parametrize("goal", ["cheese", "corner"])
def test_the_gradient_is_that_of_finite_differences(untrained: Impala, goal: exact.Goal) -> None:
    config = replace(TINY, goal=goal, elsewhere=0.0)
    one = lesson(untrained, MAZE, config)
    bias = untrained.fc_policy.bias
    probs = torch.from_numpy(one.probs)
    logits = untrained(to_input(one.observations))[0].double().requires_grad_()
    assert torch.allclose(move_probabilities(logits).double(), probs, atol=1e-6)
    (move_probabilities(logits).double() * torch.from_numpy(one.gain)).sum().backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    found = logits.grad.sum(0)
    for action in (1, 4, 8):
        ends = []
        for step in (1e-2, -1e-2):
            with torch.no_grad():
                bias[action] += step
            ends.append(start_worth(untrained, MAZE, config))
            with torch.no_grad():
                bias[action] -= step
        assert (ends[0] - ends[1]) / 2e-2 == pytest.approx(found[action].item(), rel=2e-2, abs=1e-5)


def test_worth_is_what_stepping_the_chain_gives(untrained: Impala) -> None:
    patient = replace(TINY, discount=0.9999999, elsewhere=0.0)
    assert start_worth(untrained, MAZE, patient) == pytest.approx(behaviour(untrained, MAZE).p_cheese_limit, abs=1e-3)
    maze = maze_from_seed(900_000_003, "easy")
    one = lesson(untrained, maze, TINY)
    assert one.success == pytest.approx(behaviour(untrained, maze).p_cheese, abs=1e-6)
    assert one.visits.sum() == pytest.approx(_expected_visits(untrained, maze), rel=1e-6)


def _expected_visits(policy: Impala, maze: Maze) -> float:
    """Discounted length of an episode from the worth of its end: Σ γᵗ = (1 − E γᵀ) / (1 − γ)."""
    config = replace(TINY, elsewhere=0.0)
    plain, mixed = lesson(policy, maze, config), lesson(policy, maze, TINY)
    assert plain.visits.sum() == pytest.approx((1 - plain.start_worth) / (1 - config.discount), rel=1e-6)
    return float(mixed.visits.sum())


def test_the_corner_ends_an_episode_and_so_does_the_cheese(untrained: Impala) -> None:
    near = MAZE.with_cheese((1, 4))
    to_corner = replace(TINY, goal="corner")
    assert near.top_right == (4, 4)
    one = lesson(untrained, near, to_corner)
    assert one.success == pytest.approx(behaviour(untrained, near).p_top_right, abs=1e-6)
    assert one.success < lesson(untrained, near.with_cheese(None), to_corner).success


def test_levels_are_below_the_held_out_ones_and_leave_the_corner_free() -> None:
    rng = np.random.default_rng(0)
    for _ in range(30):
        maze = exact._level(TINY, rng)
        assert maze.seed < HELD_OUT
        assert maze.cheese == maze.top_right
    mazes = [exact._level(replace(TINY, goal="corner", region=None), rng) for _ in range(30)]
    assert all(maze.top_right not in (maze.cheese, maze.start) for maze in mazes)


def test_the_return_rises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact, "_level", lambda config, rng: MAZE)
    config = replace(TINY, updates=30, levels=1, states=16, learning_rate=1e-3)
    train_exactly(config, tmp_path, checkpoint_every=10)
    returns = [json.loads(line)["return"] for line in (tmp_path / "curve.jsonl").read_text().splitlines()]
    assert returns[-1] > 1.5 * returns[0]


def test_a_stopped_run_ends_in_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = train_exactly(TINY, tmp_path / "whole", checkpoint_every=2)
    update, taken = exact.update, 0

    def stopping(*arguments: Any) -> object:
        nonlocal taken
        taken += 1
        if taken == 4:
            raise KeyboardInterrupt
        return update(*arguments)

    monkeypatch.setattr(exact, "update", stopping)
    with pytest.raises(KeyboardInterrupt):
        train_exactly(TINY, tmp_path / "stopped", checkpoint_every=2)
    monkeypatch.undo()
    resumed = train_exactly(TINY, tmp_path / "stopped", checkpoint_every=2)
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name]), name
    curves = [
        [
            {key: value for key, value in json.loads(line).items() if key != "steps_per_second"}
            for line in (tmp_path / run / "curve.jsonl").read_text().splitlines()
        ]
        for run in ("whole", "stopped")
    ]
    assert curves[0] == curves[1]
    with pytest.raises(MazeInterpError, match="belongs to another run: its name is 'tiny', not 'other'"):
        train_exactly(replace(TINY, name="other"), tmp_path / "stopped")
    (tmp_path / "stopped" / "checkpoint.pt").write_bytes(b"PK")
    with pytest.raises(MazeInterpError, match="is damaged"):
        train_exactly(TINY, tmp_path / "stopped")


def test_the_logarithm_leaves_the_value_head_to_a_fit_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exact, "_level", lambda config, rng: MAZE)
    monkeypatch.setattr(exact, "VALUE_LEVELS", 3)
    with pytest.raises(MazeInterpError, match="entropy and value_weight are 0"):
        replace(TINY, objective="log")
    config = replace(TINY, updates=2, levels=1, objective="log", entropy=0.0, value_weight=0.0)
    policy = train_exactly(config, tmp_path)
    one = lesson(policy, MAZE, config)
    with torch.inference_mode():
        value = policy(to_input(one.observations))[1].numpy()
    residual = np.square(value - one.worth).mean()
    assert residual < 0.2 * one.worth.var()
    line = json.loads((tmp_path / "curve.jsonl").read_text().splitlines()[-1])
    assert line["steps"] == (2 + 3) * len(one.worth)
    assert torch.equal(train_exactly(config, tmp_path).linear("fc_value").weight, policy.linear("fc_value").weight)
