"""`retarget`.

The function is not called `retarget`: jsonargparse looks a function's name up in the package, and
finding `maze_interp.retarget` there would load torch, for `--help` too.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from maze_interp.bundled import DEFAULT_AGENT


def retarget_levels(
    agent: str = DEFAULT_AGENT,
    layer: str = "default",
    channels: str | None = None,
    value: float | None = None,
    seeds: str = "900000000:900000100",
    choose: str = "800000000:800000012",
    squares: str | None = None,
    visits: int | Literal["all"] = 8,
    edit: Path | None = None,
    mode: Literal["easy", "hard"] | None = None,
    out: Path = Path("runs/retarget"),
    workers: int | None = None,
    scheduler: str | None = None,
) -> None:
    """Overwrite some channels at one position and see to which squares of each level that sends the agent.

    The cheese is taken away and every square is the target in turn. Beside the agent as it is: the best
    single channel, the best subset, the channels that track the cheese, random ones, and the cheese itself
    moved to the target. Channels and values are chosen on levels of their own.

    Stop it at any moment; the same command goes on where it was and ends in the same files.

    Args:
        agent: Name of an agent, or a .safetensors or .pth file.
        layer: A convolutional layer.
        channels: Numbers with commas between them, to choose among them instead of all channels of the layer.
        value: Write this into the channels named, and choose nothing.
        seeds: Levels to report on, first:end, the end not included; one level for its heat map.
        choose: Levels to choose on, others than those.
        squares: Targets as x,y with spaces between them, open in every level; every square unless given.
        visits: Targets of each level whose exact probability of a visit is measured too, drawn by its seed; or all.
        edit: A YAML file of other edits to the network, in force throughout what is reported.
        mode: Distribution of levels; the agent's own unless given (hard for a file).
        out: Folder for summary.json, tables, pictures, and rows by level.
        workers: Processes on this machine; one per core unless given.
        scheduler: Address of a dask scheduler to use instead, tcp://host:port.
    """
    from maze_interp.edits import load
    from maze_interp.policies.agents import agent_mode, load_network
    from maze_interp.report.retargeting import RetargetingStudy, parse_squares, write_retargeting
    from maze_interp.studies.channels.scores import channel_numbers
    from maze_interp.studies.options import parse_channels
    from maze_interp.studies.steering import Steering
    from maze_interp.sweeps.levels import LevelSet
    from maze_interp.sweeps.selection import parse_seeds

    policy, distribution_mode = load_network(agent), mode or agent_mode(agent)
    named = None if channels is None else channel_numbers(policy, layer, parse_channels(channels), distribution_mode)
    study = RetargetingStudy(
        search=Steering(policy, agent, LevelSet(parse_seeds(choose), distribution_mode), (), layer),
        levels=LevelSet(parse_seeds(seeds), distribution_mode, "none"),
        channels=named,
        value=value,
        visits=None if visits == "all" else visits,
        squares=None if squares is None else parse_squares(squares),
        edits=tuple(load(edit)) if edit else (),
    )
    for line in write_retargeting(study, out, workers, scheduler):
        print(line)
