"""Reference policies and models, in words."""

from __future__ import annotations

from maze_interp.studies.references.measure import CHEESE, CORNER, RANDOM

NAMES = {
    CHEESE: "shortest path to the cheese",
    CORNER: "shortest path to the corner",
    **{f"local-search-{radius}": f"cheese within {radius} steps, else corner" for radius in (5, 8, 12)},
    "greedy-euclidean": "straight towards the cheese",
    "left-wall": "left hand on the wall",
    "right-wall": "right hand on the wall",
    RANDOM: "random actions",
    "mixture": "cheese or corner, one weight",
    "mixture by distance to the mouse": "cheese or corner, by distance cheese – mouse",
    "mixture by decision square": "cheese or corner, by decision square",
    "mixture of all": "all of the rules, one weight each",
}
"""By the names in the tables."""
