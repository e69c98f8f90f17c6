"""A recording of a few levels of a small network, for the tests of recording and of reading back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from maze_interp import ActivationStore, LevelSet, Recording
from maze_interp.policies.architectures.impala import Impala
from maze_interp.studies.probe.plan import Plan

BLOCK2, BLOCK3, FC = LAYERS = ("embedder.block2.res1.resadd", "embedder.block3", "embedder.fc")
LEVELS = 40
"""Of the fixture `store`."""
SHARD_BYTES = 2**20  # a level or two


def recording(policy: Impala, seeds: range, **options: Any) -> Recording:
    levels = LevelSet(seeds, options.pop("mode", "easy"), options.pop("cheese", "anywhere"))
    return Recording(policy, "agent", levels, **{"layers": LAYERS, "shard_bytes": SHARD_BYTES, **options})


def files(out: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(out.iterdir()) if file.name != ".lock"}


def make_plan(
    store: ActivationStore, policy: Impala, layers: Sequence[str], targets: Sequence[str], **options: Any
) -> Plan:
    """What a probe study would ask of a store."""
    return Plan(store=store, policy=policy, layers=layers, targets=targets, region=3, **options)
