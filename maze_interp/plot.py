"""The pictures to ask for by name: `mi.plot.difference(before, after)`, `mi.plot.activations(maze, cache[layer])`."""

from maze_interp.plots import activations, difference

__all__ = ["activations", "difference"]
