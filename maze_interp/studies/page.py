"""Results as one self-contained page of HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from maze_interp.studies.result import Result
from maze_interp.studies.section import section, template


def render_page(title: str, lead: Markup, results: Sequence[Result], facts: Mapping[str, str]) -> str:
    """The page.

    Args:
        title: its heading.
        lead: what stands before the list of sections.
        results: a section each, in order.
        facts: short facts for the foot of the page, by name.
    """
    return template("maze_interp.studies", "page.html").render(
        title=title, lead=lead, results=results, facts=facts, section=section
    )
