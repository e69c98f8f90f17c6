"""Results as HTML: a section of the report, the output of a notebook cell, and a page of sections."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup
from typing_extensions import Self

from maze_interp.results.tables import readable
from maze_interp.studies.result import Picture, Result

SHOWN_LINES = 5
"""Lines of figures that a section shows; `summary.json` and the tables hold every figure."""

_ROWS = 8  # of a table on a page; the CSV file holds them all
_CSS_PIXELS_PER_INCH = 96


class Section(NamedTuple):
    """A result as a part of a page: its HTML, and the numbers of its summary."""

    name: str
    title: str
    html: Markup
    numbers: Mapping[str, Any]

    @classmethod
    def of(cls, result: Result) -> Self:
        """The section of a result."""
        return cls(result.name, result.title, section(result), result.numbers)


def section(result: Result, framed: bool = False) -> Markup:
    """The result as a `<section>`: statement, main picture and figures; the rest unfolds.

    Framed, it is the output of a notebook cell: its title is no heading, which would open a part of the notebook.
    """
    html = template("maze_interp.studies", "section.html").render(
        result=result, framed=framed, figure=figure, table=_table, shown_lines=SHOWN_LINES
    )
    return Markup(html)


def render_page(title: str, lead: Markup, sections: Iterable[Section], facts: Mapping[str, str]) -> str:
    """A page: its heading, what stands before the list of sections, the sections, short facts by name."""
    return template("maze_interp.studies", "page.html").render(
        title=title, lead=lead, sections=list(sections), facts=facts
    )


def template(package: str, name: str) -> Template:
    """A template of a package; what it is given is escaped, and nothing that it asks for may be missing."""
    environment = Environment(
        loader=PackageLoader(package), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template(name)


def figure(picture: Picture) -> Markup:
    """A picture with its caption, its bytes in the page itself."""
    width = round(picture.figure.get_figwidth() * _CSS_PIXELS_PER_INCH)
    source = "data:image/png;base64," + base64.b64encode(picture.png).decode()
    return Markup('<figure><img{} src="{}" width="{}" alt="{}"><figcaption>{}</figcaption></figure>').format(
        Markup(' class="wide"') if width > 800 else "", source, width, picture.alt, picture.caption
    )


def _table(table: pd.DataFrame, caption: str, name: str) -> Markup:
    shown = readable(table.head(_ROWS))
    more = f" (the first {_ROWS} of {len(table)} rows; all are in {name}.csv)" if len(table) > _ROWS else ""
    heading = Markup("").join(Markup('<th scope="col">{}</th>').format(name) for name in shown.columns)
    rows = Markup("").join(
        Markup("<tr>{}</tr>").format(Markup("").join(Markup("<td>{}</td>").format(cell) for cell in row))
        for row in shown.itertuples(index=False, name=None)
    )
    return Markup("<table><caption>{}{}</caption><thead><tr>{}</tr></thead><tbody>{}</tbody></table>").format(
        caption, more, heading, rows
    )
