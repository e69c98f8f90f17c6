"""Make an agent's folder of trained weights: measured on held-out levels, with a card."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from textwrap import fill
from typing import Any

import pandas as pd
import yaml

from maze_interp.bundled import HELD_OUT
from maze_interp.documents import load_yaml
from maze_interp.errors import MazeInterpError
from maze_interp.policies.agents import agent_folders, agent_info, is_agent
from maze_interp.policies.checkpoints import agent_hash, write_weights
from maze_interp.policies.history import FILE as HISTORY
from maze_interp.policies.names import agent_of, names_file
from maze_interp.policies.network import PolicyNetwork
from maze_interp.results.estimates import Estimate, estimate
from maze_interp.sweeps.experiment import run_experiment
from maze_interp.sweeps.groups import in_region
from maze_interp.sweeps.levels import LevelSet
from maze_interp.sweeps.sweep import LevelSweep
from maze_interp.training import history
from maze_interp.training.checkpoint import read_log
from maze_interp.training.compute import forward_flops
from maze_interp.training.config import METHODS, Config
from maze_interp.training.critic import value_r2
from maze_interp.training.imitation import ImitationConfig, value_task
from maze_interp.training.objective import ExactConfig
from maze_interp.writing import PARTIAL, write_whole

LEVELS = 400
"""Held-out levels on which an agent is measured, each with the cheese as in training and anywhere."""


def bundle_agent(policy: PolicyNetwork, config: Config, run: Path, folder: Path, levels: int = LEVELS) -> Path:
    """Measure a trained policy on held-out levels; write weights, config, learning curve and card to its folder.

    The training run's folder, with `curve.jsonl`, gets the measurements too.
    """
    places: dict[str, int | str] = {_region(config): "anywhere" if config.region is None else config.region}
    places["anywhere"] = "anywhere"
    tables = {
        where: _measure(policy, config, cheese, levels, run / f"held_out_{cheese}") for where, cheese in places.items()
    }
    measured = {"success": _region(config), "anywhere": "anywhere"}
    task = config if isinstance(config, ExactConfig) else value_task(config)
    some = LevelSet(range(HELD_OUT, HELD_OUT + levels // 4 + 1), config.distribution_mode, next(iter(places.values())))
    r2 = value_r2(policy, task, map(some.maze, some.seeds))
    curve = read_log(run / "curve.jsonl")
    content = {
        "distribution_mode": config.distribution_mode,
        "region": "anywhere" if config.region is None else config.region,
        "training": training_words(config),
        "architecture": policy.architecture,
        **{key: round(float(tables[where]["p_cheese"].mean()), 4) for key, where in measured.items()},
        "run": run_settings(config),
    }
    write_whole(folder / "config.yaml", yaml.safe_dump(content, sort_keys=False))
    write_whole(folder / "curve.jsonl", (run / "curve.jsonl").read_bytes())
    write_whole(folder / "README.md", _card(policy, config, curve, tables, r2))
    write_weights(policy, folder / "weights.safetensors")
    if isinstance(config, ExactConfig) and config.history:
        history.pack(run, history.kept(config.updates, config.history), folder / HISTORY)
    return folder


def require_own_folder(folder: Path, config: Config) -> None:
    """Refuse a folder for the agent of a run that is another's, or whose name another agent has.

    Raises:
        MazeInterpError: the folder holds another agent or no agent, or its name is that of another one.
    """
    if folder.exists() and (not folder.is_dir() or any(path.suffix != PARTIAL for path in folder.iterdir())):
        there = load_yaml(folder / "config.yaml") if (folder / "config.yaml").is_file() else None
        if not isinstance(there, dict) or there.get("run") != run_settings(config):
            raise MazeInterpError(f"{folder} is there and not made by this run; move it or choose another name")
    elif not folder.exists() and folder.parent.resolve() == Path("agents").resolve() and folder.name in agent_folders():
        raise MazeInterpError(f"there is already an agent {folder.name!r}; choose another name")


def run_settings(config: Config) -> dict[str, Any]:
    """The method of a run and its settings, as plain values."""
    return {"method": next(name for name, kind in METHODS.items() if isinstance(config, kind)), **asdict(config)}


def _measure(policy: PolicyNetwork, config: Config, cheese: int | str, levels: int, out: Path) -> pd.DataFrame:
    seeds = range(HELD_OUT, HELD_OUT + levels)
    return run_experiment(LevelSweep(policy, config.name, LevelSet(seeds, config.distribution_mode, cheese)), out)


def _region(config: Config) -> str:
    return "anywhere" if config.region is None else f"in the top-right {config.region}×{config.region}"


def training_words(config: Config) -> str:
    """How an agent was made, in a few words; "no imitation" if there was none before either."""
    if isinstance(config, ImitationConfig):
        words = "imitation of shortest paths, no reinforcement learning"
    else:
        words = "reinforcement learning (exact policy gradient)"
    if config.start_from is None:
        return words if isinstance(config, ImitationConfig) else f"{words}, no imitation"
    known = not names_file(config.start_from) and is_agent(config.start_from)
    if known and agent_info(config.start_from).training.endswith("no imitation"):
        return f"{words} from the weights of {config.start_from}, no imitation"
    return f"{words}, from the weights of {agent_of(config.start_from)}"


def _imitated(config: ImitationConfig, curve: list[dict[str, Any]], forward: int) -> str:
    last, before = curve[-1], curve[-2] if len(curve) > 1 else {"samples": 0}
    return (
        f"{last['samples']:,} observations of squares of procgen levels with seeds below {HELD_OUT:,}, labelled with "
        "the move of the shortest path to the cheese: about "
        f"{3 * forward * last['samples']:.1e} floating-point operations. It is no reinforcement-learning agent; what "
        "it does with the cheese elsewhere is how this training generalises. "
        f"The most probable move was right on {last['greedy_accuracy']:.3f} of the last "
        f"{last['samples'] - before['samples']:,} observations, all from new levels."
    )


def _exactly(config: ExactConfig, curve: list[dict[str, Any]]) -> str:
    last = curve[-1]
    hard = ", most of the sizes that it solves worst" if config.curriculum else ""
    repeated = ", and on levels that it had failed" if config.repeat else ""
    return (
        f"{last['updates']:,} updates, {last['steps']:,} states evaluated of procgen levels with seeds below "
        f"{HELD_OUT:,}, about {last['flops']:.1e} floating-point operations. It was rewarded once for "
        f"{GOALS[config.goal]}. The objective is the logarithm of the exact discounted return. In the last updates, on "
        f"new levels{hard}{repeated}, it reached its goal within 500 moves with probability {last['success']:.3f}."
    )


def _critic(config: Config) -> str:
    """How the value head was trained."""
    fitted = f"fitted afterwards to the exact return of the policy, discounted by {config.discount} per move, on "
    fitted += f"{config.value_levels:,} other levels"
    if isinstance(config, ExactConfig) and config.value_loss:
        return f"The value head learned the same returns as the policy did, through the same layers, and was {fitted}."
    return f"The value head was {fitted}; the policy does not depend on it."


GOALS = {"cheese": "reaching the cheese", "corner": "standing on the top-right corner"}
"""What is rewarded, in words."""


def _card(
    policy: PolicyNetwork, config: Config, curve: list[dict[str, Any]], tables: Mapping[str, pd.DataFrame], r2: float
) -> str:
    if isinstance(config, ImitationConfig):
        how = _imitated(config, curve, forward_flops(policy))
    else:
        how = _exactly(config, curve)
    levels = len(next(iter(tables.values())))
    parameters = sum(parameter.numel() for parameter in policy.parameters())
    kind = policy.architecture.replace("_", " ").upper()
    paragraphs = [
        f"{kind}, width k = {config.width} ({parameters:,} parameters), {config.distribution_mode} mode, cheese "
        f"{_region(config)} in training. Weights {agent_hash(policy)}.",
        f"**Made by {training_words(config)}**: {how}",
        f"{_hours(curve):.2f} core hours on {platform.machine()}, seed {config.seed}. The settings are in "
        f"`config.yaml`, the learning curve in `curve.jsonl`. {_critic(config)} On a quarter of the held-out levels, "
        f"as in training, R² = {r2:.3f} over all states.",
    ]
    about = "\n\n".join(fill(paragraph, 120) for paragraph in paragraphs)
    return f"""# {config.name}

{about}

## Measured

Exact probability of reaching the cheese within 500 moves, actions sampled, mean over {levels} held-out levels
(seeds {HELD_OUT:,} to {HELD_OUT + levels - 1:,}) with 95% intervals over levels.

| levels | n | P(cheese) | interval |
|-|-|-|-|
{_rows(config, tables)}

## Limits

The policy is sampled. A wrong turn in a large maze can cost the episode: see the large sizes. The figures are of one
training seed.
"""


def _rows(config: Config, tables: Mapping[str, pd.DataFrame]) -> str:
    """As in training, at the largest size, anywhere, where the agent must choose; then every size as in training."""
    anywhere, (where, trained) = tables["anywhere"], next(iter(tables.items()))
    largest = trained["size"].max()
    rows = [
        _row(f"cheese {where}", trained["p_cheese"]),
        _row(f"cheese {where}, size {largest}", trained["p_cheese"][trained["size"] == largest]),
    ]
    if config.region is not None:
        decides = anywhere["decision_x"].notna() & ~in_region(anywhere, config.region)
        rows += [
            _row("cheese anywhere", anywhere["p_cheese"]),
            _row(f"decision square, cheese outside the {config.region}×{config.region}", anywhere["p_cheese"][decides]),
        ]
    rows += [_row(f"cheese {where}, size {size}", of_size["p_cheese"]) for size, of_size in trained.groupby("size")]
    return "\n".join(rows)


def _hours(curve: list[dict[str, Any]]) -> float:
    if "core_seconds" in curve[-1]:
        return float(curve[-1]["core_seconds"]) / 3600
    ends = [row["samples"] for row in curve]
    rates = [row["samples_per_second"] for row in curve]
    return sum((end - begin) / rate for end, begin, rate in zip(ends, [0, *ends], rates, strict=False)) / 3600


def _row(name: str, p_cheese: pd.Series) -> str:
    mean: Estimate = estimate(p_cheese)
    value = "" if mean.mean is None else f"{mean.mean:.3f}"
    interval = "" if mean.low is None else f"{mean.low:.3f} – {mean.high:.3f}"
    return f"| {name} | {mean.n} | {value} | {interval} |"
