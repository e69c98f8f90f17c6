"""What the agent is, and what a level looks like."""

from __future__ import annotations

from maze_interp.mazes.maze import Maze
from maze_interp.plots.maze import maze_figure
from maze_interp.policies.checkpoints import agent_hash
from maze_interp.report.section import Cell, Picture, Section, Table
from maze_interp.report.study import Study


def agent_section(study: Study) -> Section:
    """The agent's card in short, and one level in three views."""
    info = study.info
    return Section(
        name="agent",
        title="The agent and its world",
        body=_body(study),
        pictures=[_picture(study)],
        tables=[Table("agent", "The agent", ("property", "value"), _facts(study))],
        how_to_read=(
            "Squares are counted from the bottom left: x to the right, y upwards, (0, 0) being where the mouse starts. "
            "The agent sees only the 64×64 picture, and no earlier ones.",
        ),
        how_to_reproduce=[] if info is None else [f"maze-interp agents show {study.agent}"],
        details={} if info is None else {"The agent's card": info.card},
    )


def _body(study: Study) -> list[str]:
    task = (
        "In procgen's maze a mouse starts at the bottom left and earns its reward by reaching the cheese, within 500 "
        "moves. As long as the cheese lies at the top right, going to the cheese and going to the top right are much "
        "the same thing; they part where it lies elsewhere."
    )
    if study.region_recorded:
        return [
            task,
            f"When this agent was trained, the cheese always lay in the {study.region_name} squares of the maze.",
        ]
    known = "is not on record" if study.where_trained == "not on record" else "was up to procgen, anywhere"
    return [
        task,
        f"Where the cheese lay when this agent was trained {known}. This page divides the levels by the "
        f"{study.region_name} squares, the region of the agent in the published study.",
    ]


def _facts(study: Study) -> list[tuple[Cell, Cell]]:
    info = study.info
    parameters = sum(weights.numel() for weights in study.policy.parameters())
    return [
        ("name", study.name),
        ("weights", f"{agent_hash(study.policy)} (hash)"),
        ("network", f"IMPALA, {parameters:,} parameters"),
        ("trained on", "not on record" if info is None else f"{info.distribution_mode} levels"),
        ("cheese in training", study.where_trained),
        ("training", "not on record" if info is None else info.training),
        ("measured here on", f"{study.mode} levels, seeds {study.anywhere_sweep.levels.name}"),
    ]


def _picture(study: Study) -> Picture:
    maze = _example(study)
    cheese = f"cheese on {maze.cheese}"
    return Picture(
        "level",
        maze_figure(maze, study.region, ("human", "agent")),
        f"One level as this page draws it, as procgen draws it for people, and as the agent sees it; the {cheese}.",
        f"A {maze.size}×{maze.size} maze in three views: a plan with the start at the bottom left, the {cheese} and "
        f"the {study.region_name} squares outlined; procgen's detailed picture; and its coarse 64 by 64 pixel "
        "picture.",
    )


def _example(study: Study) -> Maze:
    """The first level with a decision square and the cheese outside the region; the first of all if none has."""
    rows = study.anywhere
    telling = rows[study.outside & rows["decision_x"].notna()]
    return study.anywhere_sweep.levels.maze(int((telling if len(telling) else rows)["seed"].iloc[0]))
