"""Policies that several tests use."""

from __future__ import annotations

import copy
import os
import shutil
import signal
from pathlib import Path
from typing import Any, cast

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before NumPy is imported: a test has a core, and so have its processes

import pytest
import torch
from hypothesis import settings
from stores import LAYERS, LEVELS, recording
from torch import nn
from torch.overrides import TorchFunctionMode

from maze_interp.policies.agents import load_network
from maze_interp.policies.architectures.impala import Impala
from maze_interp.policies.checkpoints import write_weights
from maze_interp.recording.recorder import record
from maze_interp.recording.recording import Recording
from maze_interp.recording.store import ActivationStore
from maze_interp.sweeps.levels import LevelSet

torch.set_num_threads(1)  # the networks are small: a second thread costs more than it brings

# A shell starts what it runs in the background with interrupts ignored, which the commands in the tests would inherit.
signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("same every time", derandomize=True, deadline=None, print_blob=False, max_examples=300)
settings.register_profile("many", deadline=None, print_blob=False, max_examples=10_000)  # --hypothesis-profile many
settings.load_profile("same every time")


LONG = (
    *("report", "every_study", "resolve", "spread", "behaviour", "other_options", "sweep", "devices", "page_whole"),
    *("options", "full_disk", "training", "retarget_study", "page_network", "planted", "compare", "page_maze"),
    *("surroundings", "statistics", "vector_env", "recording", "fast_path", "first_hour", "constructed", "probe_study"),
    *("finetune", "threads", "ablate", "retarget", "levels", "vectors_study", "imitation"),
)
"""Test files that take long, the longest first: they come first, so that several processes end at the same time."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the files, not the tests within them."""
    place = {f"test_{name}": number for number, name in enumerate(LONG)}
    items.sort(key=lambda item: place.get(item.path.stem, len(LONG)))


class RowsThrough(TorchFunctionMode):
    """Counts the rows that run through a convolution or linear layer, without a hook that would change the way."""

    def __init__(self, network: nn.Module, layer: str) -> None:
        super().__init__()
        self._weight = network.get_submodule(layer).weight
        self.rows = 0

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if len(args) > 1 and args[1] is self._weight:
            self.rows += len(args[0])
        return function(*args, **(kwargs or {}))


@pytest.fixture(scope="session")
def rows_through() -> type[RowsThrough]:
    """`with rows_through(network, layer) as count:`, then `count.rows`."""
    return RowsThrough


CHECKPOINTS = "MAZE_INTERP_CHECKPOINTS"


@pytest.fixture(scope="session")
def published_path() -> Path:
    """The published easy-mode checkpoint."""
    folder = os.environ.get(CHECKPOINTS)
    if folder is None:
        pytest.skip(f"{CHECKPOINTS} does not name the folder of published checkpoints")
    return Path(folder) / "maze_aisc_easy_rand_region_5_160M.pth"


@pytest.fixture(scope="session")
def published(published_path: Path) -> Impala:
    """The published easy-mode policy."""
    return cast(Impala, load_network(published_path))


@pytest.fixture(scope="session")
def untrained() -> Impala:
    """A small network with random weights whose moves differ from square to square."""
    torch.manual_seed(0)
    policy = Impala(1).eval().requires_grad_(False)
    policy.fc_policy.weight *= 30
    return policy


@pytest.fixture
def policy(untrained: Impala) -> Impala:
    """`untrained`, to be changed by a test."""
    return copy.deepcopy(untrained)


@pytest.fixture(scope="session")
def agent(untrained: Impala, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its weights as a file, which commands take as an agent."""
    path = tmp_path_factory.mktemp("agent") / "agent.safetensors"
    write_weights(untrained, path)
    return path


@pytest.fixture(scope="session")
def store_path(untrained: Impala, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store: five squares, both facings, of twenty levels, in several shards."""
    out = tmp_path_factory.mktemp("store") / "store"
    record(recording(untrained, range(20), squares=5), out, workers=1)
    return out


@pytest.fixture
def store_copy(store_path: Path, tmp_path: Path) -> Path:
    """The same store, to be damaged."""
    return Path(shutil.copytree(store_path, tmp_path / "copy"))


@pytest.fixture(scope="session")
def store(untrained: Impala, tmp_path_factory: pytest.TempPathFactory) -> ActivationStore:
    """Another: two squares of each of forty levels, every second with a cheese, the mouse facing left."""
    wanted = Recording(untrained, "agent", LevelSet(range(LEVELS), "easy", "half"), LAYERS, squares=2, facings=["left"])
    return record(wanted, tmp_path_factory.mktemp("store") / "store", workers=1)
