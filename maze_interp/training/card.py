"""Turn trained weights into an agent of the box: measured on held-out levels, with a card that says so."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from maze_interp.environment.levels import HELD_OUT
from maze_interp.policies.checkpoints import agent_hash, write_weights
from maze_interp.policies.names import names_file
from maze_interp.policies.network import PolicyNetwork
from maze_interp.results.estimates import Estimate, estimate
from maze_interp.sweeps.experiment import run_experiment
from maze_interp.sweeps.levels import LevelSet
from maze_interp.sweeps.sweep import LevelSweep
from maze_interp.training.checkpoint import read_log
from maze_interp.training.config import METHODS, Config
from maze_interp.training.exact import ExactConfig
from maze_interp.training.flops import forward_flops
from maze_interp.training.imitation import ImitationConfig
from maze_interp.training.ppo import PPOConfig

LEVELS = 400
"""Held-out levels on which an agent is measured, each with the cheese as in training and anywhere."""


def bundle_agent(policy: PolicyNetwork, config: Config, run: Path, folder: Path, levels: int = LEVELS) -> Path:
    """Measure a trained policy and write weights, config, learning curve and card.

    Args:
        policy: the trained network.
        config: how it was trained.
        run: the training run's folder, with `curve.jsonl`; the measurements go there too.
        folder: the agent's folder, `agents/<name>`.
        levels: held-out levels to measure it on.

    Returns:
        the folder.
    """
    places: dict[str, int | str] = {_region(config): "anywhere" if config.region is None else config.region}
    places["anywhere"] = "anywhere"
    tables = {
        where: _measure(policy, config, cheese, levels, run / f"held_out_{cheese}") for where, cheese in places.items()
    }
    measured = {"success": _region(config), "anywhere": "anywhere"}
    curve = read_log(run / "curve.jsonl")
    folder.mkdir(parents=True, exist_ok=True)
    content = {
        "distribution_mode": config.distribution_mode,
        "region": "anywhere" if config.region is None else config.region,
        "training": _training(config),
        "architecture": policy.architecture,
        **{key: round(float(tables[where]["p_cheese"].mean()), 4) for key, where in measured.items()},
        "run": {"method": next(name for name, kind in METHODS.items() if isinstance(config, kind)), **asdict(config)},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    (folder / "curve.jsonl").write_text((run / "curve.jsonl").read_text())
    (folder / "README.md").write_text(_card(policy, config, curve, tables))
    write_weights(policy, folder / "weights.safetensors")
    return folder


def _measure(policy: PolicyNetwork, config: Config, cheese: int | str, levels: int, out: Path) -> pd.DataFrame:
    seeds = range(HELD_OUT, HELD_OUT + levels)
    return run_experiment(LevelSweep(policy, config.name, LevelSet(seeds, config.distribution_mode, cheese)), out)


def _region(config: Config) -> str:
    return "anywhere" if config.region is None else f"in the top-right {config.region}×{config.region}"


def _training(config: Config) -> str:
    """How it was made, in a few words."""
    if isinstance(config, ImitationConfig):
        words = "imitation of shortest paths, no reinforcement learning"
    elif isinstance(config, ExactConfig):
        words = "reinforcement learning (exact policy gradients)"
    else:
        words = "reinforcement learning (PPO)"
    return words if config.start_from is None else f"{words}, from the weights of {_start(config.start_from)}"


def _start(start_from: str) -> str:
    return Path(start_from).parent.name if names_file(start_from) else start_from


def _imitated(config: ImitationConfig, curve: list[dict[str, Any]], forward: int) -> str:
    last, before = curve[-1], curve[-2] if len(curve) > 1 else {"samples": 0}
    return f"""{last["samples"]:,} observations of squares of procgen levels with
seeds below {HELD_OUT:,} (never above), labelled with the move of the shortest path to the cheese: about
{3 * forward * last["samples"]:.1e} floating-point operations. It is no reinforcement-learning agent; what it
does with the cheese elsewhere is how this training generalises. The value head learned
{config.discount} ** (steps to the cheese). The most probable move was right on {last["greedy_accuracy"]:.3f}
of the last {last["samples"] - before["samples"]:,} observations, all from levels not seen before."""


def _reinforced(config: PPOConfig, curve: list[dict[str, Any]], forward: int) -> str:
    steps = curve[-1]["steps"]
    passes = 1 + 3 * config.epochs  # a backward pass costs two forward ones
    return f"""{steps:,} environment steps in procgen levels with seeds below {config.levels:,},
about {passes * forward * steps:.1e} floating-point operations. It was rewarded for reaching the cheese and for
nothing else. Of the episodes that ended in the last iteration {curve[-1]["return"]:.3f} ended on the cheese."""


def _exactly(config: ExactConfig, curve: list[dict[str, Any]]) -> str:
    last = curve[-1]
    return f"""{last["steps"]:,} states of procgen levels with seeds below {HELD_OUT:,} evaluated in
{last["updates"]:,} updates, about {last["flops"]:.1e} floating-point operations. It was rewarded once for
{GOALS[config.goal]}, and learned by the exact gradient of {OBJECTIVES[config.objective]}. In the
levels of the last updates, all new to it, it got there within 500 moves with a probability of {last["success"]:.3f}."""


GOALS = {"cheese": "reaching the cheese", "corner": "standing on the top-right corner"}
"""What is rewarded, in words."""

OBJECTIVES = {"return": "the exact discounted return", "log": "the logarithm of the exact discounted return"}
"""What is raised, in words."""


def _card(
    policy: PolicyNetwork, config: Config, curve: list[dict[str, Any]], tables: Mapping[str, pd.DataFrame]
) -> str:
    forward = forward_flops(policy)
    if isinstance(config, ImitationConfig):
        how = _imitated(config, curve, forward)
    elif isinstance(config, ExactConfig):
        how = _exactly(config, curve)
    else:
        how = _reinforced(config, curve, forward)
    results = "\n".join(_row(f"cheese {where}", table) for where, table in tables.items())
    by_size = "\n".join(
        _row(f"size {size}, cheese {where}", some)
        for where, table in tables.items()
        for size, some in table.groupby("size")
    )
    levels = len(next(iter(tables.values())))
    parameters = sum(parameter.numel() for parameter in policy.parameters())
    return f"""# {config.name}

IMPALA, width k = {config.width} ({parameters:,} parameters), {config.distribution_mode} mode, cheese
{_region(config)} in training. Weights {agent_hash(policy)}.

**Made by {_training(config)}**: {how}

{_hours(curve):.1f} hours on {platform.machine()}, seed {config.seed}. The settings are in `config.yaml`, the
learning curve in `curve.jsonl`.

## Measured

Exact probability of reaching the cheese within 500 moves, actions sampled, mean over {levels} held-out levels
(seeds {HELD_OUT:,} to {HELD_OUT + levels - 1:,}) with 95% bootstrap intervals over levels.

| levels | n | P(cheese) | interval |
|-|-|-|-|
{results}
{by_size}

## Weaknesses

A sampled policy errs on a share of moves, and one wrong turn in a large maze can cost the episode: see the large sizes.
One training seed; nothing here says how much another would differ.
"""


def _hours(curve: list[dict[str, Any]]) -> float:
    unit = "samples" if "samples" in curve[0] else "steps"
    ends = [row[unit] for row in curve]
    rates = [row[f"{unit}_per_second"] for row in curve]
    return sum((end - begin) / rate for end, begin, rate in zip(ends, [0, *ends], rates, strict=False)) / 3600


def _row(name: str, table: pd.DataFrame) -> str:
    found: Estimate = estimate(table["p_cheese"])
    interval = "" if found.low is None else f"{found.low:.3f} – {found.high:.3f}"
    return f"| {name} | {found.n} | {found.mean:.3f} | {interval} |"
