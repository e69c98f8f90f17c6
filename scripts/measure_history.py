"""Measure an agent at every time of its training that its history holds, into `agents/NAME/history.csv`.

    python scripts/measure_history.py --agent rand_region_5_easy_scratch

A run with `history: N` in its configuration keeps N checkpoints in `agents/NAME/history.safetensors`.
"""

from __future__ import annotations

from pathlib import Path

from maze_interp.bundled import HELD_OUT
from maze_interp.commands.options import run_script
from maze_interp.policies.agents import agent_info, load_network, training_region
from maze_interp.policies.history import kept_updates
from maze_interp.results.files import write_whole
from maze_interp.studies.compare.measures import measures
from maze_interp.studies.statistics.data import FinishedSweep
from maze_interp.sweeps.experiment import run_experiment
from maze_interp.sweeps.levels import LevelSet
from maze_interp.sweeps.spread import cluster
from maze_interp.sweeps.sweep import LevelSweep


def main(agent: str = "rand_region_5_easy_scratch", levels: int = 100) -> None:
    """Write a row for each checkpoint and measure; a stopped run goes on where it was.

    Args:
        agent: Its name.
        levels: Held-out levels to measure on, the cheese where procgen puts it.
    """
    info = agent_info(agent)
    places = LevelSet(range(HELD_OUT, HELD_OUT + levels), info.distribution_mode)
    sweeps = {}
    with cluster():
        for updates in kept_updates(info.path):
            name = f"{agent}@{updates}"
            sweep = LevelSweep(load_network(name), name, places)
            rows = run_experiment(sweep, Path("runs/history") / agent / str(updates))
            sweeps[str(updates)] = FinishedSweep(sweep.settings, rows, training_region(agent))
    table = measures(sweeps).rename(columns={"agent": "updates"})
    write_whole(info.path / "history.csv", table.to_csv(index=False))
    print(info.path / "history.csv")


if __name__ == "__main__":
    run_script(main)
