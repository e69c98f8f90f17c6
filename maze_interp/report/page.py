"""From sections to one self-contained page of HTML."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup, escape

from maze_interp.plots.style import png
from maze_interp.report.section import Cell, Number, Picture, Section

_CSS_PIXELS_PER_INCH = 96


def render(title: str, facts: Mapping[str, str], sections: Sequence[Section]) -> str:
    """The page.

    Args:
        title: its heading.
        facts: short facts for the foot of the page, by name.
        sections: its sections, in order.
    """
    return template("report.html").render(title=title, facts=facts, sections=sections)


def template(name: str) -> Template:
    """A template of this package; what it is given is escaped, and nothing it asks for may be missing."""
    environment = Environment(
        loader=PackageLoader("maze_interp.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(paragraph=_paragraph, cell=_cell, data_uri=_data_uri, width=_width)
    return environment.get_template(name)


def _paragraph(text: str, section: Section) -> Markup:
    """The text, its `{name}`s replaced by the section's numbers."""
    numbers = {name: _number(number, f"{section.name}.{name}") for name, number in section.numbers.items()}
    return escape(text).format(**numbers)


def _number(number: Number, name: str | None = None) -> Markup:
    """A number for people, with the unrounded mean for machines."""
    attributes: dict[str, Any] = {} if number.estimate.mean is None else {"value": number.estimate.mean}
    if name is not None:
        attributes["data-figure"] = name
    written = Markup("").join(Markup(' {}="{}"').format(key, value) for key, value in attributes.items())
    interval = Markup(" <span>{}</span>").format(number.interval) if number.interval else ""
    return Markup("<data{}>{}{}</data>").format(written, number.mean, interval)


def _cell(cell: Cell) -> Markup:
    if isinstance(cell, Number):
        return _number(cell)
    return escape("" if cell is None else cell)


def _data_uri(picture: Picture) -> str:
    return "data:image/png;base64," + base64.b64encode(png(picture.figure)).decode()


def _width(picture: Picture) -> int:
    return round(picture.figure.get_figwidth() * _CSS_PIXELS_PER_INCH)
