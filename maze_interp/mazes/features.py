"""The eleven distances by which the published study predicts cheese-getting (arXiv 2310.08043)."""

from __future__ import annotations

import math
from collections.abc import Callable

from maze_interp.arguments import checked
from maze_interp.mazes.maze import Maze, Square

REGION = 5
"""The study's region: the top-right 5×5 squares, where its agent met the cheese in training."""

FEATURE_NAMES: tuple[str, ...] = tuple(
    f"{metric}_{pair}"
    for metric in ("euclidean", "steps")
    for pair in (
        "cheese_decision_square",
        "cheese_top_right",
        "decision_square_top_right",
        "cheese_region",
        "decision_square_region",
    )
) + ("cheese_norm",)


@checked
def maze_features(maze: Maze, region: int = REGION) -> dict[str, float | None]:
    """Distances between cheese, decision square, top-right corner and region.

    Args:
        maze: the maze.
        region: the n of the region, the top-right n×n.

    Returns:
        `euclidean_` (in squares) and `steps_` (along the maze, inf if unreachable) for each pair,
        a distance to the region being the one to the nearest open square of the region;
        and `cheese_norm`, the L2 norm of the cheese's (x, y) in procgen's padded world. A feature
        that needs a decision square or a cheese is None where the maze has none.

    Examples:
        >>> import maze_interp as mi
        >>> mi.maze_features(mi.Maze.from_seed(0, "easy"))["steps_cheese_top_right"]
        5.0
    """
    ends: dict[str, list[Square]] = {
        "cheese": [maze.cheese] if maze.cheese else [],
        "decision_square": [maze.decision_square] if maze.decision_square else [],
        "top_right": [maze.top_right] if maze.open[maze.top_right[::-1]] else [],
        "region": list(maze.region(region)),
    }
    pairs = [name.removeprefix("euclidean_") for name in FEATURE_NAMES if name.startswith("euclidean_")]
    features: dict[str, float | None] = {}
    metrics: dict[str, Callable[[Square, Square], float]] = {"euclidean": math.dist, "steps": maze.steps}
    for metric, distance in metrics.items():
        for pair in pairs:
            source = "cheese" if pair.startswith("cheese") else "decision_square"
            target = pair.removeprefix(f"{source}_")
            between = [distance(a, b) for a in ends[source] for b in ends[target]]
            features[f"{metric}_{pair}"] = min(between, default=None)
    features["cheese_norm"] = (
        math.hypot(maze.cheese[0] + maze.padding, maze.cheese[1] + maze.padding) if maze.cheese else None
    )
    return features
