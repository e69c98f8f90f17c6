"""`train`."""

from __future__ import annotations

from pathlib import Path

from maze_interp.studies.options import Positive


def train_agent(file: Path, out: Path | None = None, into: Path | None = None, threads: Positive = 1) -> None:
    """Make an agent: train it, measure it on held-out levels, write its card.

    Killed at any moment, the same command goes on from the last checkpoint and ends in the same weights.

    Args:
        file: A YAML file: method, imitation or exact, and its settings.
        out: Folder of the run; runs/train/<name> unless given.
        into: Where the agent's folder goes; agent/ in the run's folder unless given. Agents in ./agents are found by
            name.
        threads: Threads of the network on the CPU.
    """
    import torch

    from maze_interp.results.run_directory import check_place, run_directory
    from maze_interp.sweeps.provenance import provenance
    from maze_interp.training.card import bundle_agent, require_own_folder, run_settings
    from maze_interp.training.config import read_config
    from maze_interp.training.exact import train_exactly
    from maze_interp.training.imitation import ImitationConfig, imitate

    run = read_config(file)
    folder = out or Path("runs/train") / run.name
    agent = (into or folder / "agent") / run.name  # apart from the run's own files, whose names it may have
    if into is not None:
        check_place(agent)
    require_own_folder(agent, run)
    torch.manual_seed(run.seed)
    begin = provenance(run.first_network(), run.name)
    torch.set_num_threads(threads)
    with run_directory(folder, {"command": "train", **begin, **run_settings(run), "threads": threads}):
        policy = imitate(run, folder) if isinstance(run, ImitationConfig) else train_exactly(run, folder)
        print(f"written to {bundle_agent(policy, run, folder, agent)}")
