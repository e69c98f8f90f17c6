"""From the context and the studies' results to the page of the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from maze_interp.mazes.maze import Maze
from maze_interp.plots.maze import maze_figure
from maze_interp.report.context import Context
from maze_interp.report.headline import headline_lines, headline_picture, question, stands_out
from maze_interp.results.estimates import Estimate
from maze_interp.results.numbers import counted
from maze_interp.studies.result import Picture
from maze_interp.studies.section import Section, figure, render_page, template


def render(
    context: Context, numbers: Mapping[str, Estimate], sections: Sequence[Section], settings: Mapping[str, Any]
) -> str:
    """The page, from `headline_numbers` and the sections.

    `settings` hold agent hash, versions and command, for the foot of the page.
    """
    lead = template("maze_interp.report", "lead.html").render(
        question=question(context),
        lines=headline_lines(context, numbers),
        picture=headline_picture(context, numbers),
        facts=stands_out(context, numbers),
        level=_level(context),
        card="" if context.info is None else context.info.card.partition("## Measured")[0].strip(),
        figure=figure,
    )
    versions = ", ".join(f"{name} {version}" for name, version in settings["versions"].items())
    facts = {
        "Made by": settings["command"],
        "Agent": f"{settings['agent']}, weights {settings['agent_hash']}",
        "Levels": f"{counted(context.levels, f'{context.mode} level')}, seeds {settings['seeds']}",
        "Versions": versions,
    }
    return render_page(f"Where does {settings['agent']} go?", Markup(lead), sections, facts)


def _level(context: Context) -> Picture:
    maze = _example(context)
    return Picture(
        maze_figure(maze, context.region, ("human", "agent")),
        f"Level {maze.seed} as this page draws it, as procgen draws it for people, and as the agent sees it; "
        f"the cheese on {maze.cheese}.",
        f"A {maze.size}×{maze.size} maze in three views: a plan, procgen's detailed picture, and its 64×64 picture.",
    )


def _example(context: Context) -> Maze:
    """The first level with a decision square and the cheese outside the region; the first of all if none has."""
    rows = context.rows["anywhere"]
    chosen = rows[context.outside & rows["decision_x"].notna()]
    seed = int((chosen if len(chosen) else rows)["seed"].iloc[0])
    return context.sweeps["anywhere"].levels(cheese="anywhere").maze(seed)
