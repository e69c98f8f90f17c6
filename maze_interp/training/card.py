"""Turn trained weights into an agent of the box: measured on held-out levels, with a card that says so."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from maze_interp.mazes.maze import DistributionMode
from maze_interp.policies.checkpoints import agent_hash, write_weights
from maze_interp.policies.impala import Impala
from maze_interp.sweeps.intervals import Estimate, estimate
from maze_interp.sweeps.levels import LevelSet
from maze_interp.sweeps.summary import read_levels
from maze_interp.sweeps.sweep import Sweep, run_sweep
from maze_interp.training.imitation import HELD_OUT_SEED, ImitationConfig

LEVELS = 400
"""Held-out levels on which an agent is measured, each with the cheese in the region and anywhere."""

TRAINING = "imitation of shortest paths, no reinforcement learning"


def bundle_agent(policy: Impala, config: ImitationConfig, run: Path, folder: Path) -> Path:
    """Measure an imitated policy and write weights, config, learning curve and card.

    Args:
        policy: the trained network.
        config: how it was trained.
        run: the training run's folder, with `curve.jsonl`; the measurements go there too.
        folder: the agent's folder, `agents/<name>`.

    Returns:
        the folder.
    """
    tables = {
        where: _measure(policy, config, cheese, run / f"held_out_{cheese}")
        for where, cheese in (
            (f"in the top-right {config.region}×{config.region}", config.region),
            ("anywhere", "anywhere"),
        )
    }
    curve = [json.loads(line) for line in (run / "curve.jsonl").read_text().splitlines()]
    folder.mkdir(parents=True, exist_ok=True)
    content = {
        "distribution_mode": config.distribution_mode,
        "region": config.region,
        "training": TRAINING,
        "imitation": asdict(config),
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    (folder / "curve.jsonl").write_text((run / "curve.jsonl").read_text())
    (folder / "README.md").write_text(_card(policy, config, curve, tables))
    write_weights(policy, folder / "weights.safetensors")
    return folder


def _measure(policy: Impala, config: ImitationConfig, cheese: int | str, out: Path) -> pd.DataFrame:
    mode: DistributionMode = config.distribution_mode
    seeds = range(HELD_OUT_SEED, HELD_OUT_SEED + LEVELS)
    return read_levels(run_sweep(Sweep(policy, config.name, LevelSet(seeds, mode, cheese)), out))


def _card(
    policy: Impala, config: ImitationConfig, curve: list[dict[str, Any]], tables: Mapping[str, pd.DataFrame]
) -> str:
    samples = [row["samples"] for row in curve]
    drawn = zip(samples, [0, *samples], strict=False)
    hours = (
        sum((now - before) / row["samples_per_second"] for row, (now, before) in zip(curve, drawn, strict=True)) / 3600
    )
    results = "\n".join(_row(f"cheese {where}", table) for where, table in tables.items())
    by_size = "\n".join(
        _row(f"size {size}, cheese {where}", some)
        for where, table in tables.items()
        for size, some in table.groupby("size")
    )
    parameters = sum(parameter.numel() for parameter in policy.parameters())
    start = f", from the weights of {Path(config.start_from).parent.name}" if config.start_from else ""
    last, before = curve[-1], curve[-2]
    return f"""# {config.name}

IMPALA, width k = {config.width} ({parameters:,} parameters), {config.distribution_mode} mode, cheese in the
top-right {config.region}×{config.region} in training. Weights {agent_hash(policy)}.

**Made by {TRAINING}{start}**: {last["samples"]:,} observations of squares of procgen
levels with seeds below {HELD_OUT_SEED:,} (never above), labelled with the move of the shortest path to the cheese.
It is no reinforcement-learning agent; what it does with the cheese elsewhere is how this training generalises.
The value head learned {config.discount} ** (steps to the cheese).

{hours:.1f} hours on {platform.machine()}, one thread beside other work, bfloat16 autocast, seed {config.seed}. The most
probable move was right on {last["greedy_accuracy"]:.3f} of the last {last["samples"] - before["samples"]:,}
observations, all from levels not seen before. The settings are in `config.yaml`, the learning curve in `curve.jsonl`.

## Measured

Exact probability of reaching the cheese within 500 moves, actions sampled, mean over {LEVELS} held-out levels
(seeds {HELD_OUT_SEED:,} to {HELD_OUT_SEED + LEVELS - 1:,}) with 95% bootstrap intervals over levels.

| levels | n | P(cheese) | interval |
|-|-|-|-|
{results}
{by_size}

## Weaknesses

A sampled policy errs on a share of moves, and one wrong turn in a large maze can cost the episode: see the large sizes.
One training seed; nothing here says how much another would differ.
"""


def _row(name: str, table: pd.DataFrame) -> str:
    found: Estimate = estimate(table["p_cheese"])
    interval = "" if found.low is None else f"{found.low:.3f} – {found.high:.3f}"
    return f"| {name} | {found.n} | {found.mean:.3f} | {interval} |"
