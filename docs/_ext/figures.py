"""Inserts recorded numbers, tables and commands into the pages; what is not recorded is an error of the build.

- ``{figure}`ADDRESS` `` writes a value with its interval, ``{value}`` without, ``{percent}`` so over a hundred, ``{n}``
  its n; `recorded.py` says what an address is. The source stands in the number's tooltip.
- ``{published}`0.723` `` writes a number of the published study, which no run of ours has.
- ``{agent}`RUN` `` names the agent of a run, with the hash of its weights.
- ```` ```{measured} RUN:TABLE.csv ```` is a table with a link to all of it. `:where:` takes the rows of some values
  (`a; column=b|c or …`), `:columns:` names and orders them (`column = heading; …`), `:pivot:` is a column whose values
  become columns, `:limit:` the number of rows.
- ```` ```{run} NAME … ```` shows the commands of runs and what they measured; ```` ```{agents} ```` every agent by its
  card; ```` ```{layers} all ```` the layers of the default agent's network, `grouped` those of a group;
  ```` ```{resolutions} GROUP ```` the outcomes of a file of questions on every agent resolved.
"""

from __future__ import annotations

from typing import ClassVar

import inserted
import page_tables
import recorded
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective, SphinxRole
from sphinx.util.logging import getLogger

from maze_interp.errors import MazeInterpError

logger = getLogger(__name__)


class Inserted(SphinxRole):
    """A recorded value, in one of `inserted.ROLES`."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """The number, with its n and address in the tooltip."""
        address = " ".join(self.text.split())
        try:
            found = recorded.look_up(address)
            shown = recorded.shown(self.name, found)
        except MazeInterpError as error:
            logger.error("%s: %s", address, error, location=self.get_location())
            return [nodes.literal(text=address)], []
        title = f"{address}{'' if found.n is None else f', n = {found.n}'}".replace('"', "'")
        return [nodes.raw("", f'<span class="recorded" title="{title}">{shown}</span>', format="html")], []


class Published(SphinxRole):
    """A number from the published study."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """The number as it stands."""
        return [nodes.inline(text=self.text, classes=["published"])], []


class AgentOf(SphinxRole):
    """The agent of a run."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Its name and the hash of its weights."""
        try:
            found = recorded.summary(self.text.strip())
        except MazeInterpError as error:
            logger.error("%s: %s", self.text, error, location=self.get_location())
            return [], []
        return [nodes.literal(text=str(found["agent"])), nodes.Text(f" ({found['agent_hash']})")], []


class Table(SphinxDirective):
    """One of `page_tables.TABLES`."""

    optional_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar = dict.fromkeys(("where", "columns", "pivot", "limit"), directives.unchanged)

    def run(self) -> list[nodes.Node]:
        """The parsed Markdown; an error names page and line."""
        try:
            made = page_tables.TABLES[self.name](" ".join(self.arguments), self.options)
            return self.parse_text_to_nodes("\n".join(made))
        except MazeInterpError as error:
            logger.error("%s", error, location=self.get_location())
            return []


def renewed(app: Sphinx, *_: object) -> list[str]:
    """The pages with recorded values: results that changed are no change of the pages' own text."""
    known = (app.env.path2doc(str(page)) for page in inserted.pages() if inserted.inserts(page.read_text()))
    return [page for page in known if page in app.env.found_docs]


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the roles and directives."""
    app.connect("env-get-outdated", renewed)
    for name in inserted.ROLES:
        app.add_role(name, Inserted())
    app.add_role("published", Published())
    app.add_role("agent", AgentOf())
    for name in page_tables.TABLES:
        app.add_directive(name, Table)
    return {"parallel_read_safe": True}
