"""Which levels, and where their cheese lies, in the forms that users write them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from maze_interp.arguments import as_whole, shown
from maze_interp.errors import MazeInterpError
from maze_interp.mazes.maze import MAX_SEED, WORLD_SIZE

MOST_LEVELS = 10_000_000
"""Levels that a text may name."""


def parse_seeds(value: Any) -> range | tuple[int, ...]:
    """Level seeds: `"0:1000"` (half-open), `"7"`, several of these with commas, a number, or a sequence of numbers.

    Returns:
        the seeds in rising order, as a range where none is left out.

    Raises:
        MazeInterpError: not of that form, empty, negative, or a seed twice.
    """
    seeds = _seeds_of_text(value) if isinstance(value, str) else _seeds_of_numbers(value)
    if not seeds:
        raise MazeInterpError(
            f"the seed range {value if isinstance(value, str) else shown(value)} is empty; the end is not included"
        )
    ends = (seeds[0], seeds[-1]) if isinstance(seeds, range) else seeds
    first, last = min(ends), max(ends)
    if first < 0:
        raise MazeInterpError(f"level seeds start at 0, not {first}")
    if last > MAX_SEED:
        raise MazeInterpError(f"level seeds end at {MAX_SEED}, not {last}")
    if isinstance(seeds, range) and seeds.step == 1:
        return seeds
    if len(set(seeds)) < len(seeds):
        raise MazeInterpError("a level seed is given twice")
    whole = range(first, last + 1)
    return whole if len(whole) == len(seeds) else tuple(sorted(seeds))


def _seeds_of_text(text: str) -> Sequence[int]:
    spans = []
    try:
        for part in text.split(","):
            first, colon, end = part.partition(":")
            spans.append(range(int(first), int(end) if colon else int(first) + 1))
    except ValueError as error:
        raise MazeInterpError(f"seeds are written first:end, such as 0:1000, not {shown(text)}") from error
    if not all(spans):
        raise MazeInterpError(f"the seed range {shown(text)} is empty; the end is not included")
    if sum(span.stop - span.start for span in spans) > MOST_LEVELS:
        raise MazeInterpError(f"{shown(text)} is more than {MOST_LEVELS} levels; give fewer seeds")
    return spans[0] if len(spans) == 1 else [seed for span in spans for seed in span]


def _seeds_of_numbers(value: Any) -> Sequence[int]:
    if isinstance(value, range):
        return value
    numbers = [value] if as_whole(value) is not None else _listed(value)
    wholes = [whole for number in numbers if (whole := as_whole(number)) is not None]
    if len(wholes) < len(numbers):
        raise MazeInterpError(f"level seeds are whole numbers, not {shown(value)}")
    return wholes


def _listed(value: Any) -> list[Any]:
    try:
        return [value] if isinstance(value, bytes | Mapping) else list(value)
    except (TypeError, RuntimeError):
        return [value]


def parse_cheese(value: Any) -> int | str:
    """`"anywhere"`, `"none"`, `"half"`, or the n of a top-right n×n region, as a number or text.

    Raises:
        MazeInterpError: anything else.
    """
    if isinstance(value, str) and value in ("anywhere", "none", "half"):
        return str(value)
    number = int(value) if isinstance(value, str) and value.isdecimal() else as_whole(value)
    if number is not None and 0 < number <= max(WORLD_SIZE.values()):
        return number
    raise MazeInterpError(
        f"the region is a whole number from 1 to 25, or anywhere, or none, or half; not {shown(value)}"
    )


def seeds_text(seeds: Sequence[int]) -> str:
    """Seeds as `parse_seeds` reads them."""
    return f"{seeds.start}:{seeds.stop}" if isinstance(seeds, range) else ",".join(map(str, seeds))


def seeds_name(seeds: Sequence[int]) -> str:
    """A short name for seeds: `first:end`; where some are left out, also their number and a hash."""
    span = f"{seeds[0]}:{seeds[-1] + 1}" if seeds else "0:0"
    if isinstance(seeds, range):
        return span
    digest = hashlib.sha256(json.dumps(list(seeds)).encode()).hexdigest()[:8]
    return f"{span}, {len(seeds)} of them ({digest})"


def require_apart(choosing: Iterable[int], reported: Iterable[int]) -> None:
    """Refuse to report on levels that something was chosen on."""
    shared = sorted(set(choosing) & set(reported))
    if shared:
        raise MazeInterpError(
            f"level {shared[0]} is among those to choose on and those to report on; give two ranges that share none"
        )
