"""Vectors in activation space: what a network adds to its activations for one thing in the picture."""

from __future__ import annotations

from torch import Tensor, nn

from maze_interp.arguments import checked
from maze_interp.environment.observe import observe
from maze_interp.errors import MazeInterpError
from maze_interp.mazes.maze import Maze
from maze_interp.policies.hooks import run_with_cache
from maze_interp.policies.moves import to_input
from maze_interp.policies.threads import one_thread


@checked
def cheese_vector(policy: nn.Module, maze: Maze, layer: str) -> Tensor:
    """Activations with the cheese minus without it, the mouse at the start facing left.

    Returns:
        float32, the shape of the layer's output without the batch axis. `edits.Add(layer, vector,
        -1)` hides the cheese, as published (arXiv 2310.08043).

    Raises:
        MazeInterpError: the maze has no cheese, or an unknown layer.

    Examples:
        >>> import maze_interp as mi
        >>> policy, layer = mi.load_policy("rand_region_5"), "embedder.block2.res1.resadd"
        >>> vector = mi.cheese_vector(policy, mi.Maze.from_seed(0), layer)
        >>> hide = mi.edits.Add(layer, vector, coefficient=-1)
        >>> vector.shape
        torch.Size([32, 16, 16])
    """
    if maze.cheese is None:
        raise MazeInterpError("a cheese vector needs a maze with cheese")
    return activation_difference(policy, maze, maze.with_cheese(None), layer)


@checked
def top_right_vector(policy: nn.Module, maze: Maze, layer: str) -> Tensor:
    """Activations with a path opened to the top-right corner of the world, minus without it.

    The mouse is at the start, facing left, and the cheese stays where it is. See `with_corner_path`
    for the squares opened.

    Returns:
        float32, the shape of the layer's output without the batch axis.

    Raises:
        MazeInterpError: the maze fills its world, so that there is no path to open; or an unknown layer.
    """
    return activation_difference(policy, with_corner_path(maze), maze.padded(), layer)


@checked
def with_corner_path(maze: Maze) -> Maze:
    """The maze, padded to the whole world, with the published path to the world's top-right corner.

    Opened are the cells straight up from the maze's own top-right square to the top row of the
    world, then those to the right along that row: an L of twice the padding.

    Raises:
        MazeInterpError: the maze fills its world.
    """
    if not maze.padding:
        raise MazeInterpError(f"the maze of level {maze.seed} fills its world: its corner is the world's already")
    opened, inner = maze.padded(), maze.size - 1 + maze.padding
    edge = opened.size - 1
    for beyond in range(inner + 1, opened.size):
        opened = opened.with_open((inner, beyond), True).with_open((beyond, edge), True)
    return opened


@checked
def activation_difference(policy: nn.Module, a: Maze, b: Maze, layer: str) -> Tensor:
    """Activations in maze `a` minus those in maze `b`, each with the mouse at its start facing left."""
    x = to_input(observe(a, [a.start])), to_input(observe(b, [b.start]))
    with one_thread():
        first, second = (run_with_cache(policy, one, [layer])[1][layer][0] for one in x)
    return first - second
