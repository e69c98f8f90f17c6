"""`finetune`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from maze_interp.bundled import DEFAULT_AGENT


def finetune_agent(
    agent: str = DEFAULT_AGENT,
    goal: Literal["cheese", "corner"] = "cheese",
    steps: int = 340_000,
    out: Path | None = None,
    learning_rate: float = 5e-4,
    seed: int = 0,
    levels: int = 200,
    mode: Literal["easy", "hard"] | None = None,
    threads: int = 1,
    workers: int | None = None,
    scheduler: str | None = None,
) -> None:
    """Change what an agent goes for, the cheese wherever it lies or the corner, and compare the two.

    Reinforcement learning with exact returns on levels with the cheese anywhere. Compared: what both do on held-out
    levels, what networks between them do, how far each layer moved, and what it took of the agent's training.
    Killed at any moment, the same command goes on where it was and ends in the same weights.

    Args:
        agent: Name of an agent, or a .safetensors or .pth file.
        goal: What is rewarded, cheese or corner; a cheese on the way ends the episode either way.
        steps: States to evaluate, about.
        out: Folder of the run, runs/finetune/<agent>-<goal> unless given; the tuned agent's own folder lies in it.
        learning_rate: At its peak; it falls to zero.
        seed: Of the levels to learn from.
        levels: Held-out levels to compare on, from 900000000 up.
        mode: Distribution of levels; the agent's own unless given (hard for a file).
        threads: Threads of the network while it learns.
        workers: Processes of the comparison on this machine; one per core unless given.
        scheduler: Address of a dask scheduler for the comparison, tcp://host:port.
    """
    import torch

    from maze_interp.environment.levels import HELD_OUT
    from maze_interp.errors import MazeInterpError
    from maze_interp.policies.agents import load_network, training_region
    from maze_interp.report.tuning import write_tuning
    from maze_interp.studies.tuning import MIXES, Tuning
    from maze_interp.sweeps.levels import LevelSet
    from maze_interp.sweeps.spread import cluster
    from maze_interp.training.card import bundle_agent
    from maze_interp.training.checkpoint import read_log
    from maze_interp.training.compute import training_compute
    from maze_interp.training.exact import train_exactly
    from maze_interp.training.finetune import tuning_config

    if levels < 1:
        raise MazeInterpError(f"a comparison needs at least 1 level, not {levels}")
    config = tuning_config(agent, goal, steps, mode, learning_rate, seed)
    folder = out or Path("runs/finetune") / config.name
    torch.set_num_threads(threads)
    tuned = train_exactly(config, folder, checkpoint_every=10).requires_grad_(False)
    held_out = LevelSet(range(HELD_OUT, HELD_OUT + levels), config.distribution_mode)
    comparison = Tuning(load_network(agent), agent, held_out, tuned, training_region(agent), MIXES)
    training = None if Path(agent).suffix else training_compute(agent)
    with cluster(workers, scheduler):
        bundle_agent(tuned, config, folder, folder / config.name, levels)
        lines = write_tuning(comparison, read_log(folder / "curve.jsonl"), training, folder / "comparison")
    print("\n".join(lines))
