"""A recording of a few levels of a small network, for the tests of recording and of reading back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from maze_interp import LevelSet, Recording
from maze_interp.policies.architectures.impala import Impala

BLOCK2, BLOCK3, FC = LAYERS = ("embedder.block2.res1.resadd", "embedder.block3", "embedder.fc")
SHARD_BYTES = 2**20  # a level or two


def recording(policy: Impala, seeds: range, **options: Any) -> Recording:
    levels = LevelSet(seeds, options.pop("mode", "easy"), options.pop("cheese", "anywhere"))
    return Recording(policy, "agent", levels, **{"layers": LAYERS, "shard_bytes": SHARD_BYTES, **options})


def files(out: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(out.iterdir()) if file.name != ".lock"}
