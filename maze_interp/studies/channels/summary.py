"""The result of `channels` in words, with its tables and pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from maze_interp.results.numbers import counted
from maze_interp.results.text import percent, short_layer
from maze_interp.studies.channels.figures import scores_figure
from maze_interp.studies.channels.maps import excitation_figure, moved_figure
from maze_interp.studies.channels.responses import Responses
from maze_interp.studies.channels.tables import Findings, Mark, mark_name
from maze_interp.studies.channels.tracking import TARGETS, Maps, mean_maps
from maze_interp.studies.result import Picture, Result

_PAGE = 8  # channels in one picture of the gallery
_SQUARES = 5  # of the cheese in the picture of one maze
_MOVED = 4  # channels in that picture
_GALLERY = (
    "The observations with the most extreme values of each channel, the peak and what it would hit boxed; its map of "
    "the first, and its mean map. Red is above 0, blue below."
)

_NOTES = (
    "A channel may mark a thing with its highest or with its lowest value, so both are looked at (↓: the lowest). "
    "Chance is where the thing lies in the other observations of the same maze, so a preference for one place counts "
    "for nothing. For the corner, which does not move, it is where the corners of mazes of other sizes lie; for walls, "
    "the correlation with the same maze turned and mirrored.",
    "A channel that tracks the cheese need not influence the moves. A network with random weights passes on what it "
    "sees and tracks some of it; only what exceeds that was learned.",
)


def summarise(findings: Findings, reporting: Responses, gallery: bool) -> Result:
    """The result, with a gallery of every channel if wanted; `reporting` is what the reported rows were measured by."""
    numbers = {target: findings.numbers(target) for target in TARGETS}
    return Result(
        statement=_statement(numbers["cheese"], reporting, findings.chosen["seed"].nunique()),
        lines=[_line(target, of_target) for target, of_target in numbers.items()],
        numbers=numbers,
        tables={
            "scores": findings.score_table(),
            "strongest": findings.strongest_table(),
            "targets": findings.target_table(),
        },
        pictures=_pictures(findings, reporting, gallery),
        captions={"targets": "Channels that track each thing; share of hits (for walls, correlation) of the best one"},
        notes=_NOTES,
    )


def _statement(cheese: Mapping[str, Any], reporting: Responses, levels: int) -> str:
    tracked = (
        f"The cheese is tracked by {cheese['tracking']} of the {cheese['channels']} channels of "
        f"{short_layer(reporting.layer)} on {counted(levels, 'level')} (in untrained networks by "
        f"{cheese['tracking_untrained_mean']:.1f} on average)"
    )
    if (best := cheese.get("best")) is None:
        return f"{tracked}."
    return (
        f"{tracked}; the best, {best['channel']}, has its {'highest' if best['sign'] > 0 else 'lowest'} value on it in "
        f"{percent(best['share'])} of the observations of {counted(best['share'].n, 'other level')}, by chance in "
        f"{percent(best['chance'])}."
    )


def _line(target: str, numbers: Mapping[str, Any]) -> str:
    line = (
        f"{target}: tracked by {numbers['tracking']} of {counted(numbers['channels'], 'channel')}; in an untrained "
        f"network by {numbers['tracking_untrained_mean']:.1f} on average, {numbers['tracking_untrained_most']} at most"
    )
    if best := numbers.get("best"):
        line += f"; channel {best['channel']}: {best['share']}, by chance {best['chance'].mean:.3f}"
    return line


def _pictures(findings: Findings, reporting: Responses, gallery: bool) -> dict[str, Picture]:
    levels = reporting.levels
    mean = mean_maps(reporting.policy, reporting.layer, map(levels.maze, levels.seeds), reporting.placements)
    counts = "; ".join(f"{target}: {findings.counts.loc[0, target]}" for target in TARGETS)
    pictures = {
        "scores": Picture(
            scores_figure(findings.reported, findings.chosen, findings.tracking),
            "How well channels track each thing beyond chance, best first, with 95% intervals; grey, the networks with "
            "random weights.",
            f"Four panels of ranked scores over grey lines of untrained networks. Channels that track: {counts}.",
        )
    }
    if cheese := list(dict.fromkeys(channel for channel, _ in findings.marks("cheese")))[:_MOVED]:
        pictures["cheese_moved"] = Picture(
            _moved(reporting, cheese),
            "One maze with its cheese moved: what the agent sees (above) and the channels that track the cheese best. "
            "The box is the cheese's position; red is above 0, blue below.",
            f"A maze with the cheese on several squares and maps of the channels {', '.join(map(str, cheese))}, each "
            "with a box where the cheese lies.",
        )
    best = list(dict.fromkeys(mark for target in TARGETS for mark in findings.marks(target)[:2]))
    pages = {"strongest": best} if best else {}
    if gallery:
        signs = findings.tracking.groupby("channel", sort=False)["sign"].first()  # that of the best score
        every = [(channel, int(signs.get(channel, 1))) for channel in range(findings.channels)]
        pages |= {f"gallery_{first:03}": every[first : first + _PAGE] for first in range(0, len(every), _PAGE)}
    return pictures | {name: _page(findings, reporting, mean, marks) for name, marks in pages.items()}


def _page(findings: Findings, reporting: Responses, mean: Maps, marks: Sequence[Mark]) -> Picture:
    notes = {mark: findings.note(mark) for mark in marks}
    return Picture(
        excitation_figure(reporting.policy, reporting.layer, reporting.levels, findings.reported, mean, notes),
        _GALLERY,
        "Rows of observations with a box on each, and maps, for the channels and signs "
        f"{', '.join(map(mark_name, marks))}.",
    )


def _moved(reporting: Responses, channels: Sequence[int]) -> Figure:
    """The largest of the mazes to report on, the cheese on squares from all over it."""
    levels = reporting.levels
    maze = max(map(levels.maze, levels.seeds), key=lambda maze: maze.size)
    squares = [square for square in maze.squares if square != maze.start]
    spread = [squares[(2 * i + 1) * len(squares) // (2 * _SQUARES)] for i in range(_SQUARES)]
    return moved_figure(reporting.policy, reporting.layer, maze, list(dict.fromkeys(spread)), channels)
