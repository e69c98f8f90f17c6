"""How every picture looks, and how it is written: colours, sizes, fonts, bytes that repeat."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from threading import RLock
from typing import Any, ParamSpec, TypeVar

import matplotlib
from matplotlib import style
from matplotlib.figure import Figure

from maze_interp.results.files import write_whole

# The palette of Okabe and Ito (2008), which all common kinds of colour vision distinguish.
BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILLION, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
WALL, OPEN, GREY = "#8C8C8C", "#FFFFFF", "#595959"

PROBABILITY, HEAT = "viridis", "YlOrBr"
"""Colour maps of probabilities, and of quantities over a maze, whose walls are grey; both read with every kind of
colour vision."""

DIVERGING = "PuOr_r"
"""Colour map of signed quantities: purple below 0, white at 0, orange above; for every kind of colour vision."""

DPI = 144
"""Pixels per inch of a written picture: one and a half per pixel of a screen that shows it at full size."""

STYLE: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": GREY,
    "axes.grid": False,
    "axes.labelsize": 10,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "figure.constrained_layout.h_pad": 0.08,
    "figure.constrained_layout.w_pad": 0.08,
    "font.size": 10,
    "grid.color": "#DDDDDD",
    "text.usetex": False,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
}

_STYLING = RLock()  # matplotlib's settings are the process's: threads draw one after another

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def styled(draw: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Run a drawing function under our style alone: the caller's settings neither matter nor change."""

    @wraps(draw)
    def run(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        with _STYLING:
            with style.context(["default", STYLE]):
                result = draw(*args, **kwargs)
                interactive = matplotlib.is_interactive()  # a notebook's backend turns it on when it is first used
            matplotlib.interactive(interactive)
            return result

    return run


def new_figure(width: float, height: float, square: bool = False) -> Figure:
    """An empty figure of so many inches, laid out so that nothing overlaps.

    `square` says that its panels keep their proportions, as mazes do.
    """
    return Figure(figsize=(width, height), layout="compressed" if square else "constrained")


def own_figure(width: float, height: float, square: bool = False) -> Figure:
    """The same as a figure of pyplot's, for what users draw by hand.

    A notebook shows it below its cell, and `matplotlib.pyplot.show()` in a script.
    """
    from matplotlib import pyplot

    return pyplot.figure(figsize=(width, height), layout="compressed" if square else "constrained")


@styled
def png(figure: Figure) -> bytes:
    """The figure as a PNG file without dates or versions: the same figure gives the same bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, metadata={"Software": None})
    figure.set_layout_engine("none")  # laying out a second time would shift things by a hair
    return buffer.getvalue()


def save(figure: Figure, path: Path) -> Path:
    """Write `png(figure)`, whole or not at all; missing folders are made. Returns the path."""
    return write_whole(path, png(figure))
