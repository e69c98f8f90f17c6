"""A prepared maze gives what `evaluate` gives, and runs less."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from torch import nn

from maze_interp import Maze, behaviour, edits, load_policy, vector_field
from maze_interp.bundled import HELD_OUT
from maze_interp.edits.base import Edit
from maze_interp.measure.behaviour import behaviours_of
from maze_interp.measure.field import field_of
from maze_interp.measure.prepared import PreparedMaze, leaf_of
from maze_interp.policies.architectures.impala import Impala
from maze_interp.policies.architectures.nature_cnn import NatureCNN

LAYER = Impala.default_layer
MAZE = Maze.from_seed(HELD_OUT, "easy")

COMBINATIONS: dict[str, list[Edit]] = {
    "none": [],
    "one": [edits.Zero(LAYER, channels=[1])],
    "before what observations share": [edits.Zero("embedder.block1.conv", 5), edits.Scale("embedder.block2", factor=2)],
    "where observations share": [edits.Scale("embedder.block2.maxpool", factor=0.5), edits.Zero("embedder.fc", 3)],
    "a branch, then what lies before it": [
        edits.SetPixel("embedder.block3.res1.conv2", [3], (2, 3), 4.0),
        edits.Zero(LAYER, channels=[2]),
    ],
    "two of one layer": [edits.Scale(LAYER, factor=2), edits.SetPixel(LAYER, 1, (3, 3), 1.0)],
    "the last": [edits.Zero("embedder.relufc", [5]), edits.Scale("fc_policy", factor=3)],
}


@pytest.mark.parametrize("name", COMBINATIONS)
def test_equal_to_the_library(untrained: Impala, name: str) -> None:
    prepared, some = PreparedMaze(untrained, MAZE), COMBINATIONS[name]
    field, expected = field_of(prepared.evaluation(some, ("left",))), vector_field(untrained, MAZE, some)
    assert field.squares == expected.squares
    assert np.array_equal(field.probs, expected.probs)
    assert np.array_equal(field.value, expected.value)
    result = next(behaviours_of([prepared.evaluation(some)]))
    assert result.p_cheese == pytest.approx(behaviour(untrained, MAZE, some).p_cheese, abs=1e-6)


def test_edits_change_between_calls(untrained: Impala) -> None:
    prepared = PreparedMaze(untrained, MAZE)
    for _ in range(2):
        for some in COMBINATIONS.values():
            probs = field_of(prepared.evaluation(some, ("left",))).probs
            assert np.array_equal(probs, vector_field(untrained, MAZE, some).probs)


def test_what_lies_before_the_edit_runs_once(untrained: Impala, rows_through: Any) -> None:
    prepared = PreparedMaze(untrained, MAZE)

    def run(factor: float) -> tuple[int, int]:
        """Rows through the last layer before the edit, and through one after it."""
        change = edits.Scale("embedder.block3", factor=factor)
        with (
            rows_through(untrained, "embedder.block3.res2.conv2") as before,
            rows_through(untrained, "embedder.fc") as after,
        ):
            prepared.evaluation([change], ("left",))
        return before.rows, after.rows

    first, again = run(2.0), run(3.0)
    assert first[0] == first[1] == again[1] > 0
    assert again[0] == 0
    assert run(3.0) == (0, 0)


@pytest.mark.parametrize(
    "policy", [NatureCNN().eval().requires_grad_(False), load_policy("reference:shortest-to-cheese")]
)
def test_other_policies_are_run_whole(policy: nn.Module) -> None:
    field = field_of(PreparedMaze(policy, MAZE).evaluation())
    assert np.allclose(field.probs, vector_field(policy, MAZE).probs)


def test_a_container_is_its_last_leaf(untrained: Impala) -> None:
    assert leaf_of(untrained, "embedder.block2") == "embedder.block2.res2.resadd"
