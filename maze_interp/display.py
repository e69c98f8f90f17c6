"""How things show themselves: a picture or a table in a notebook, a line elsewhere.

What is measured knows nothing of drawing. This module alone looks up to `maze_interp.plots`, and only when something
is drawn; it is the one exception to the order of the packages besides `mazes.maze.set_level_maker`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import html
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LONG = 60  # characters of one field


class Displayed:
    """A maze, a field or a behaviour: it can be drawn, and a notebook shows its picture."""

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw it on `ax`, or on new axes of its own; returns the axes."""
        from maze_interp.plots.show import plot

        return plot(self, ax)

    def _repr_png_(self) -> bytes:
        from maze_interp.plots.show import picture

        return picture(self)


class Tabled:
    """A dataclass of settings: its fields in a line, a long one as its beginning and a hash; in a notebook a table.

    Two that differ in anything have different lines, so that a line can name one in a run's settings.
    """

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value}' for name, value in self._brief().items())})"

    def _repr_html_(self) -> str:
        return html_table(type(self).__name__, self._brief())

    def _brief(self) -> dict[str, str]:
        return {field.name: brief(getattr(self, field.name)) for field in dataclasses.fields(self)}  # type: ignore[arg-type]


def brief(value: Any) -> str:
    """The repr of a value; an array as its shape and hash, anything long as its beginning and hash."""
    if isinstance(value, np.ndarray):
        return f"<{value.dtype} {value.shape} #{fingerprint(value)}>"
    text = repr(value)
    return text if len(text) <= _LONG else f"{text[: _LONG - 20]}… #{_digest(text.encode())}"


def fingerprint(array: NDArray[Any]) -> str:
    """Twelve hex digits that name an array's type, shape and content."""
    return _digest(f"{array.dtype} {array.shape} ".encode() + array.tobytes())


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]


def html_table(title: str, rows: Mapping[str, object]) -> str:
    """A title and two columns, for a notebook."""
    lines = (f"<tr><th>{html.escape(name)}</th><td>{html.escape(str(value))}</td></tr>" for name, value in rows.items())
    return f"<b>{html.escape(title)}</b><table>{''.join(lines)}</table>"
