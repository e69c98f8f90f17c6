"""A pane as a program, a file of edits and a drawing, to go on with elsewhere."""

from __future__ import annotations

from typing import Any

from maze_interp.edits.files import to_yaml
from maze_interp.explorer import state
from maze_interp.explorer.pane import MEAN_LEVELS, Pane, map_shape
from maze_interp.mazes.maze import Maze
from maze_interp.policies.hooks import resolve_layer
from maze_interp.policies.pixels import pixel_in

Data = dict[str, Any]


def export(pane: Pane) -> Data:
    """What the page offers to take away; the edits are those that are on."""
    return {
        "python": python_text(pane),
        "yaml": to_yaml(pane.edits) if pane.edits else None,
        "ascii": pane.maze.to_ascii(),
        "state": pane.text.model_copy(update={"hash": pane.hash}).model_dump(),
    }


def python_text(pane: Pane) -> str:
    """A program that measures the pane with the library alone."""
    changes = [change for change in pane.text.edits if change.on]
    lines = [
        "import maze_interp as mi",
        "",
        f"policy = mi.load_policy({pane.text.agent!r})" + (f"  # weights {pane.hash}" if pane.hash else ""),
        f"maze = {_maze(pane.maze)}",
    ]
    if any(isinstance(change, state.Patched) for change in changes) and pane.donor:
        lines.append(f"donor = {_maze(pane.donor)}")
        lines.append("donor_view = mi.to_input(mi.observe(donor, [donor.start]))")
    if any(isinstance(change, state.Given) for change in changes):
        lines.append('given = mi.edits.load("edits.yaml")')
    lines += ["edits = [", *(f"    {edit}," for change in changes for edit in _edits(pane, change)), "]"]
    lines += [
        "result = mi.behaviour(policy, maze, edits)",
        "print(result.p_cheese, result.p_top_right, result.expected_steps, result.first_exit)",
        "mi.vector_field(policy, maze, edits).plot()",
    ]
    return "\n".join(lines) + "\n"


def _maze(maze: Maze) -> str:
    drawing = "\n".join(f"    {line}" for line in maze.to_ascii().splitlines())
    return f'mi.Maze.from_ascii(\n    """\n{drawing}\n    """,\n    {maze.distribution_mode!r},\n    {maze.seed},\n)'


def _edits(pane: Pane, change: state.Change) -> list[str]:
    """The calls that make the edits of one change."""
    if isinstance(change, state.Given):
        return [f"given[{change.number}]"]
    layer = resolve_layer(pane.policy, change.layer)
    match change:
        case state.Zeroed():
            return [_call("Zero", layer, *_part(change))]
        case state.Scaled():
            return [_call("Scale", layer, *_part(change), f"factor={change.factor!r}")]
        case state.Averaged():
            levels = f"range({MEAN_LEVELS.start}, {MEAN_LEVELS.stop})"
            source = f"source=mi.edits.Observations({levels}, {pane.mode!r})"
            return [_call("Mean", layer, *_part(change), source)]
        case state.PixelSet():
            return [_set_pixel(change, layer, change.pixel)]
        case state.SquareSet():
            return [_set_pixel(change, layer, pixel_in(pane.maze, change.square, map_shape(pane.policy, layer)))]
        case state.CheeseVector() | state.TopRightVector():
            name = "cheese_vector" if isinstance(change, state.CheeseVector) else "top_right_vector"
            return [_call("Add", layer, f"mi.{name}(policy, maze, {layer!r})", repr(change.coefficient))]
        case state.Patched():
            vector = f"policy.run_with_cache(donor_view, [{layer!r}])[2][{layer!r}][0]"
            return [_call("Zero", layer, *_part(change)), _call("Add", layer, vector, *_part(change))]


def _set_pixel(change: state.PixelSet | state.SquareSet, layer: str, pixel: tuple[int, int]) -> str:
    fill = [] if change.fill is None else [f"fill={change.fill!r}"]
    return _call("SetPixel", layer, repr(change.channels), repr(pixel), repr(change.value), *fill)


def _part(change: state.Zeroed | state.Scaled | state.Averaged | state.Patched) -> list[str]:
    named = {"channels": change.channels, "positions": change.positions}
    return [f"{name}={value!r}" for name, value in named.items() if value is not None]


def _call(kind: str, layer: str, *arguments: str) -> str:
    return f"mi.edits.{kind}({', '.join([repr(layer), *arguments])})"
