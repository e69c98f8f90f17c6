"""What a probe's score is held against: labels that mean nothing, and features that nobody trained."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import nn

from maze_interp.policies.devices import BATCH, on_host
from maze_interp.policies.hooks import run_with_cache, without_hooks
from maze_interp.policies.moves import to_input
from maze_interp.policies.network import Network
from maze_interp.policies.threads import one_thread
from maze_interp.probing.rows import Rows
from maze_interp.probing.targets import Labels
from maze_interp.recording.store import ActivationStore

UNTRAINED = 10
"""Networks with random weights that a control is the spread of: one differs from the next."""

PIXELS = "pixels"
"""The name under which the picture itself is probed like a layer."""


def shuffled(labels: Labels, seed: int = 0) -> Labels:
    """The labels `[n, ...]` in random order: nothing is left to be found in the features."""
    return labels[np.random.default_rng(seed).permutation(len(labels))]


def random_per_type(labels: Labels, types: ArrayLike, seed: int = 0) -> Labels:
    """The control task of Hewitt and Liang (2019): one random label for each type of example, `[n, axes]`.

    The labels have the distribution of the target's. Types, `[n]`, are levels where an observation is asked about, and
    single squares of levels where squares are: what a probe can only know by heart.
    """
    found, place = np.unique(np.asarray(types), return_inverse=True)
    drawn = np.random.default_rng(seed).integers(len(labels), size=len(found))
    return labels[drawn][place]


def majority(labels: Labels) -> Labels:
    """The most frequent of the labels `[n, axes]`, `[axes]`."""
    values, counts = np.unique(labels, axis=0, return_counts=True)
    found: Labels = values[counts.argmax()]
    return found


def untrained_like(policy: Network, seed: int = 0) -> Network:
    """A network of the same shape with random weights, drawn as training begins with them."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return policy.untrained(f"untrained {policy.name}").eval().requires_grad_(False)


def features(store: ActivationStore, layer: str, rows: NDArray[np.intp], network: nn.Module | None = None) -> Rows:
    """What a layer makes of some observations.

    Args:
        store: the store.
        layer: a recorded layer, or `"pixels"` for the picture itself.
        rows: int `[n]`, the observations.
        network: another network than the one recorded, to run on the store's pictures; it takes any layer.

    Returns:
        n rows, read when they are needed; of another network, held in memory.

    Raises:
        MazeInterpError: an unknown layer.
    """
    if layer == PIXELS:
        return Rows(store["observation"], rows)
    if network is None:
        return Rows(store[layer], rows)
    parts = [
        _run(network, layer, some[first : first + BATCH])
        for some in Rows(store["observation"], rows).batches()
        for first in range(0, len(some), BATCH)
    ]
    return Rows(np.concatenate(parts))


def _run(network: nn.Module, layer: str, observations: NDArray[np.uint8]) -> NDArray[np.float32]:
    with torch.inference_mode(), one_thread(), without_hooks():
        return on_host(run_with_cache(network, to_input(observations), [layer])[1][layer])
