"""`explore`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from maze_interp.bundled import DEFAULT_AGENT, HELD_OUT
from maze_interp.errors import MazeInterpError
from maze_interp.policies.placement import Device, Precision
from maze_interp.studies.options import Count, Names, Positive

if TYPE_CHECKING:
    from maze_interp.edits import Edit
    from maze_interp.mazes.maze import DistributionMode
    from maze_interp.policies.network import PolicyNetwork
    from maze_interp.policies.references import Reference

Port = Annotated[Count, Field(le=65535)]


def explore(
    agent: str = DEFAULT_AGENT,
    seed: Count = HELD_OUT,
    mode: Literal["easy", "hard"] | None = None,
    edits: Path | None = None,
    sweeps: Names = (),
    host: str = "127.0.0.1",
    port: Port = 0,
    no_browser: bool = False,
    export: Path | None = None,
    levels: Positive = 6,
    workers: Positive | None = None,
    scheduler: str | None = None,
    device: Device = "auto",
    precision: Precision = "float32",
) -> None:
    """Redraw a maze, change the network, and see at once where the agent goes; or write some levels as a page.

    A server on this machine measures what its page shows; every figure is exact. Ctrl-C ends it. With --export
    levels are measured instead with the cheese on every square, into one page that needs neither network nor
    server; a stopped run is resumed by the same command and ends in the same files.

    Args:
        agent: Name of an agent or of a reference policy, or a .safetensors or .pth file.
        seed: The level shown first; with --export the first of the levels.
        mode: Distribution of levels; the agent's own unless given (hard for a file or a reference policy).
        edits: A YAML file of edits to the network, in force at first.
        sweeps: Folders of finished sweeps, from which levels can be chosen.
        host: Address to listen on; only this machine reaches the default.
        port: Port to listen on; 0 takes a free one.
        no_browser: Open no browser.
        export: Write this page, and its table and summary into the folder of the same name without .html.
        levels: Levels of the page that --export writes.
        workers: Processes that --export uses on this machine; one per core unless given.
        scheduler: Address of a dask scheduler, tcp://host:port, to use instead of processes here.
        device: Where the network runs, cpu or cuda; auto is a GPU if there is one.
        precision: Precision of the network: float32, or bfloat16, which is less exact and faster on some hardware.
    """
    served = {"--sweeps": sweeps, "--host": host != "127.0.0.1", "--port": port, "--no-browser": no_browser}
    exported = {"--levels": levels != 6, "--workers": workers, "--scheduler": scheduler}
    _refuse(served if export else exported, "without" if export else "with")
    from maze_interp.edits import load
    from maze_interp.policies.agents import agent_mode, load_policy, training_region

    policy, its_mode = load_policy(agent, device, precision), mode or agent_mode(agent)
    changes = load(edits) if edits else ()
    if export is None:
        _serve(policy, its_mode, seed, changes, sweeps, host, port, not no_browser)
        return
    from maze_interp.explorer.page import write_explorer
    from maze_interp.explorer.record import Explored
    from maze_interp.sweeps.levels import LevelSet

    experiment = Explored(policy, agent, LevelSet(range(seed, seed + levels), its_mode), changes)
    for line in write_explorer(experiment, training_region(agent), export, workers, scheduler):
        print(line)


def _serve(
    policy: PolicyNetwork | Reference,
    mode: DistributionMode,
    seed: int,
    edits: tuple[Edit, ...],
    sweeps: Names,
    host: str,
    port: int,
    browser: bool,
) -> None:
    from maze_interp.environment.levels import maze_from_seed
    from maze_interp.explorer.agents import Agents
    from maze_interp.explorer.server import serve
    from maze_interp.explorer.session import Opening, open_sweeps

    opened = open_sweeps([Path(name) for name in sweeps])
    serve(Opening(Agents(policy, mode), maze_from_seed(seed, mode), edits, opened), host, port, browser)


def _refuse(options: Mapping[str, object], where: str) -> None:
    """Refuse options that were given and would have no effect."""
    given = [option for option, value in options.items() if value]
    if given:
        raise MazeInterpError(f"{given[0]} has an effect only {where} --export")
