"""`references`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from maze_interp.bundled import DEFAULT_AGENT


def references(
    agent: str = DEFAULT_AGENT,
    seeds: str = "900000000:900000300",
    choose: str = "800000000:800000300",
    mode: Literal["easy", "hard"] | None = None,
    out: Path = Path("runs/references"),
    workers: int | None = None,
    scheduler: str | None = None,
) -> None:
    """Which simple rule, or mixture of rules, foretells the agent's moves?

    The rules are shortest paths to cheese and corner, a local search, a greedy mover and wall followers; mixtures
    go for the cheese or the corner with weights that depend on distances. They are fitted on some levels and scored
    on others, beside random actions and the agent's own probabilities. Each rule is an agent, too, for commands
    that edit nothing: --agent reference:shortest-to-cheese, reference:shortest-to-corner, reference:left-wall,
    reference:right-wall, reference:greedy-euclidean, reference:local-search-5 (any radius), reference:random.

    Stop it at any moment; the same command goes on where it was and ends in the same files.

    Args:
        agent: Name of an agent or of a rule, or a .safetensors or .pth file.
        seeds: Levels to report on, first:end, the end not included.
        choose: Levels to fit on, others than those.
        mode: Distribution of levels; the agent's own unless given (hard for a file or a rule).
        out: Folder for summary.json, tables, pictures, and rows by level.
        workers: Processes on this machine; one per core unless given.
        scheduler: Address of a dask scheduler to use instead, tcp://host:port.
    """
    from maze_interp.policies.agents import agent_mode, load_policy
    from maze_interp.report.references import write_references
    from maze_interp.studies.references import ReferenceMoves
    from maze_interp.sweeps.levels import LevelSet
    from maze_interp.sweeps.selection import parse_seeds

    policy, distribution_mode = load_policy(agent), mode or agent_mode(agent)
    fitted, reported = (
        ReferenceMoves(policy, agent, LevelSet(parse_seeds(text), distribution_mode)) for text in (choose, seeds)
    )
    for line in write_references(fitted, reported, out, workers, scheduler):
        print(line)
