"""The vocabulary of question files, `data/measurements.yaml`: each measurement, its parameters, and its figures."""

from __future__ import annotations

from functools import lru_cache

from maze_interp.bundled import bundled_path
from maze_interp.documents import load_yaml
from maze_interp.validation import Document, Words, check

CHEESE = ("anywhere", "region", "outside", "none", "constructed")
"""Where the cheese lies, the values of the parameter `cheese`: procgen's own place; a random square of the agent's
training region; procgen's own place, levels with it in that region left out; nowhere; where the measurement puts it."""


class Measure(Document):
    """One word of the vocabulary: what is measured, and the meaning of each parameter and figure."""

    what: Words
    parameters: dict[str, Words]
    figures: dict[str, Words]


@lru_cache
def measurements() -> dict[str, Measure]:
    """The measurements by name."""
    path = bundled_path("data", "measurements.yaml")
    return check(load_yaml(path)["measurements"], dict[str, Measure], path)
