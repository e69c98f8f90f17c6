"""How the figures come about."""

from __future__ import annotations

from maze_interp.report.section import Section
from maze_interp.report.study import Study


def method_section(study: Study) -> Section:
    """Exact against sampled, in a few sentences; and what the page leaves open."""
    levels = len(study.seeds)
    return Section(
        name="method",
        title="How these figures were made",
        body=[
            "No episode was sampled. An observation depends only on the maze, the mouse's square and the way it "
            "faces, and the agent has no memory; so in a given maze it is a Markov chain over (square, facing). The "
            "network is run once on every distinct observation and the chain is solved, which gives what the mean "
            "of ever more sampled episodes tends to, the agent drawing its actions from its own probabilities.",
            f"{levels} levels were measured twice: with the cheese on a random open square of the "
            f"{study.region_name}, as in the training of such agents, and where procgen puts it. Intervals are "
            "bootstrap percentiles over levels (2,000 resamples). They do not cover the choice of agent: one agent "
            "stands for no other, not even one trained in the same way with another seed.",
            "Beside this page lie its pictures, its tables unrounded, every level's row in sweeps/, and all figures in "
            "summary.json.",
        ],
        how_to_reproduce=[study.command("report", levels=levels)],
    )
