"""Imitation: right targets, fresh levels, learning, and the same weights after a stop."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from maze_interp import Maze, MazeInterpError
from maze_interp.bundled import HELD_OUT
from maze_interp.environment.levels import level_maze, region_maze
from maze_interp.policies.moves import STEPS
from maze_interp.training import imitation, run
from maze_interp.training.imitation import ImitationConfig, ShortestPaths, imitate

TINY = ImitationConfig("tiny", "easy", region=3, samples=320, batch=32, seed=3, value_levels=2, muon=0.01, average=0.5)


def test_every_target_is_a_step_nearer_and_the_value_of_its_distance() -> None:
    for seed in range(20):
        maze = region_maze(seed, 3, "easy")
        assert maze.cheese is not None
        for square in maze.squares:
            if square == maze.cheese:
                continue
            move, value = imitation._target(maze, square, discount=0.9)
            after = (square[0] + int(STEPS[move][0]), square[1] + int(STEPS[move][1]))
            here = maze.steps(square, maze.cheese)
            assert maze.steps(after, maze.cheese) == here - 1
            assert value == pytest.approx(0.9**here)


def test_batches_are_numbered_and_from_levels_below_the_held_out_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []

    def noted(seed: int, *rest: object) -> Maze:
        drawn.append(seed)
        return level_maze(seed, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(run, "level_maze", noted)
    first, again, other = (ShortestPaths(TINY)[number] for number in (0, 0, 1))
    assert [part.tobytes() for part in first] == [part.tobytes() for part in again]
    assert first[0].tobytes() != other[0].tobytes()
    assert max(drawn) < HELD_OUT
    assert len(set(drawn)) > 3


def test_loss_falls(tmp_path: Path) -> None:
    config = ImitationConfig("tiny", "easy", region=1, samples=64 * 30, batch=64, squares_per_sample=2, value_levels=2)
    imitate(config, tmp_path, checkpoint_every=10)
    losses = [json.loads(line)["loss"] for line in (tmp_path / "curve.jsonl").read_text().splitlines()]
    assert len(losses) == 3
    assert losses[-1] < losses[0]


def test_a_stopped_run_ends_in_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = imitate(TINY, tmp_path / "whole", checkpoint_every=4)
    step, taken = imitation.imitate_batch, 0

    def stopping(*arguments: Any) -> torch.Tensor:
        nonlocal taken
        taken += 1
        if taken == 7:
            raise KeyboardInterrupt
        return step(*arguments)

    monkeypatch.setattr(imitation, "imitate_batch", stopping)
    with pytest.raises(KeyboardInterrupt):
        imitate(TINY, tmp_path / "stopped", checkpoint_every=4)
    monkeypatch.undo()
    resumed = imitate(TINY, tmp_path / "stopped", checkpoint_every=4)
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name]), name
    with pytest.raises(MazeInterpError, match="belongs to another run: its name is 'tiny', not 'other'"):
        imitate(ImitationConfig("other"), tmp_path / "stopped")
