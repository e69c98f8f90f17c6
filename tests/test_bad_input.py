"""Mistakes in notebooks and scripts: each is answered by one line of ours, with the nearest valid name if any."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import maze_interp as mi
from maze_interp import edits
from maze_interp.policies.architectures.impala import Impala
from maze_interp.policies.architectures.nature_cnn import NatureCNN

LAYER = "embedder.block2.res1.resadd"
MAZE = mi.Maze.from_seed(0, "easy")
PICTURES = mi.observe(MAZE, [MAZE.start])
X = mi.to_input(PICTURES)
OTHER = NatureCNN().eval()

Mistake = Callable[[Any], object]  # with the network of `untrained`

LAYERS: list[tuple[Mistake, str]] = [
    (lambda p: p.run_with_cache(X, layers="embeder.fc"), "'embeder.fc': did you mean embedder.fc"),
    (lambda p: p.run_with_cache(X, layers=3), "layers is a list of module paths, not 3"),
    (lambda p: p.run_with_cache(X, LAYER)[2]["embedder.fc"], f"in this cache 'embedder.fc': did you mean {LAYER}"),
    (lambda p: p.run_with_hooks(X, [("embedder.block9", lambda a, _: a)]), "did you mean embedder.block3"),
    (lambda p: p.run_with_hooks(X, [LAYER]), "pairs of a layer and a function, not 'embedder"),
    (lambda p: p.run_with_hooks(X, None), "pairs of a layer and a function, not None"),
    (lambda p: mi.plots.activations(MAZE, np.zeros((4, 3, 3)), [True] * 3), "4 channels, but the mask is for 3"),
    (lambda p: p.run_with_hooks(X, {LAYER: 3}), r"pairs of a layer and a function, not \('embedder"),
    (
        lambda p: p.run_with_hooks(X, [(LAYER, lambda a, _: a[:, :3])]),
        r"turned \(1, 32, 16, 16\) into \(1, 3, 16, 16\)",
    ),
    (lambda p: mi.vector_field(p, MAZE, edits.Zero("embedder.block2.res1.resad")), f"did you mean {LAYER}"),
    (lambda p: mi.vector_field(p, MAZE, edits.Zero(LAYER, channels=32)), "has channels 0 to 31, none is 32"),
    (lambda p: mi.vector_field(p, MAZE, edits.Zero(LAYER, channels=[-1])), "has channels 0 to 31, none is -1"),
    (lambda p: mi.vector_field(p, MAZE, edits.Add(LAYER, np.zeros(31))), r"\(31,\), but .* puts out \(32, 16, 16\)"),
    (lambda p: mi.vector_field(p, MAZE, edits.SetPixel(LAYER, [3], (16, 0), 1.0)), "rows 0 to 15"),
    (lambda p: mi.vector_field(p, MAZE, edits.SetPixel("embedder.fc", [3], (0, 0), 1.0)), "without positions"),
    (lambda p: mi.vector_field(p, MAZE, "zero"), r"such as edits.Zero\(layer\), or a list of them"),  # type: ignore[arg-type]
    (lambda p: mi.activation_pixel(MAZE, (0, 0), "embedder.fc"), "embedder.fc has no map"),
    (lambda p: mi.retarget(p, MAZE, channels=[3], value=1.0, layer="embedder.fc"), "embedder.fc has no map"),
]

# Layers of one architecture in a network of another.
LAYERS += [
    (lambda p: mi.vector_field(OTHER, MAZE, edits.Zero(LAYER)), "did you mean conv1, conv2, conv3, fc"),
    (lambda p: mi.vector_field(OTHER, MAZE, edits.Add(LAYER, np.zeros(32))), "did you mean conv1"),
    (lambda p: OTHER.run_with_cache(X, LAYER), "did you mean conv1"),
    (lambda p: mi.cheese_vector(OTHER, MAZE, LAYER), "did you mean conv1"),
    (lambda p: mi.vector_field(p, MAZE, edits.Zero("conv2")), "unknown layer 'conv2': did you mean embedder"),
]

OBSERVATIONS: list[tuple[Mistake, str]] = [
    (lambda p: p(PICTURES), "not ndarray; to_input makes them"),
    (lambda p: p(torch.from_numpy(PICTURES)), "not torch.uint8; to_input makes them"),
    (lambda p: p(X * 255), "divide by 255"),
    (lambda p: p(X[0]), r"\[n, 3, 64, 64\], not \[3, 64, 64\]"),
    (lambda p: p(torch.from_numpy(PICTURES).float()), r"\[n, 3, 64, 64\], not \[1, 64, 64, 3\]"),
    (lambda p: mi.to_input(PICTURES.astype(float)), r"uint8 \[n, 64, 64, 3\], not float64"),
    (lambda p: mi.to_input(PICTURES[0]), r"uint8 \[n, 64, 64, 3\], not uint8 \[64, 64, 3\]"),
    (lambda p: mi.observe(MAZE, [(99, 0)]), "off the maze, whose squares run from 0 to 2"),
    (lambda p: mi.observe("maze"), r"maze should be of type Maze, not str: .*; use mi.Maze.from_seed\(seed\)"),  # type: ignore[arg-type]
]

NAMES: list[tuple[Mistake, str]] = [
    (lambda p: mi.load_policy("rand_region5"), "did you mean rand_region_5"),
    (lambda p: mi.vector_field("rand_region_5", MAZE), r"not str: .*; use mi.load_policy\(name\)"),  # type: ignore[arg-type]
    (lambda p: mi.vector_field(MAZE, p), "policy should be of type Module, not Maze"),  # type: ignore[arg-type]
    (lambda p: mi.Maze.from_seed(0, "medium"), "did you mean easy, hard"),  # type: ignore[arg-type]
    (lambda p: mi.sweep(p, range(2), "easy", edits=3), "edits is an edit"),  # type: ignore[arg-type]
    (lambda p: mi.studies.ablate(agent="nobody").run(), "unknown agent 'nobody'"),
]


@pytest.mark.parametrize(("mistake", "message"), [*LAYERS, *OBSERVATIONS, *NAMES])
def test_a_mistake_is_answered_in_one_line(untrained: Impala, mistake: Mistake, message: str) -> None:
    with pytest.raises(mi.MazeInterpError, match=message) as error:
        mistake(untrained)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("layer", ["embedder.block1.conv", "embedder.block1", "embedder.block2.maxpool", LAYER])
def test_a_hook_on_a_layer_that_measuring_could_skip_acts(untrained: Impala, layer: str) -> None:
    """What the pictures of a maze share is not shared while a hook acts on it: the hook sees every observation."""
    with untrained.hooks({layer: lambda activation, _: activation * 0.5}):
        hooked = mi.vector_field(untrained, MAZE).probs
    np.testing.assert_allclose(
        hooked, mi.vector_field(untrained, MAZE, edits.Scale(layer, factor=0.5)).probs, atol=1e-6
    )
    assert np.abs(hooked - mi.vector_field(untrained, MAZE).probs).max() > 1e-5
    with (
        pytest.raises(mi.MazeInterpError, match="use edits instead"),
        untrained.hooks({layer: lambda activation, _: None}),
    ):
        mi.sweep(untrained, range(2), "easy")
