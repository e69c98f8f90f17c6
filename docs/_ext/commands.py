"""Writes the reference of the command line from the commands themselves."""

from __future__ import annotations

import inspect
from pathlib import Path

from sphinx.application import Sphinx

from maze_interp.commands.main import GROUPS, commands
from maze_interp.commands.options import Command
from maze_interp.studies.options import option_name, written
from maze_interp.studies.registry import STUDIES

_HEAD = """# Commands

Every command of `maze-interp`, from its own help. A **study** is also a class of `mi.studies` in Python, with the same
options; a hyphen becomes an underscore. `maze-interp dead-ends --seeds 0:100` is, in Python,
`mi.studies.dead_ends(seeds=range(100)).run()`. `--help` after any command prints the same.
[The network](network.md) lists layers and groups of layers for `--layers`.

"""


def write(app: Sphinx) -> None:
    """Write `reference/commands.md` if it differs."""
    page = Path(app.srcdir) / "reference" / "commands.md"
    text = _HEAD + "\n".join(_section(name, command) for name, command in sorted(commands().items(), key=_order))
    if not page.exists() or page.read_text() != text:
        page.write_text(text)


def _order(item: tuple[str, Command]) -> tuple[bool, bool, str]:
    name, _ = item
    return name != "report", name.split()[0] in GROUPS, name


def _section(name: str, command: Command) -> str:
    study = " *(study)*" if name in STUDIES else ""
    lines = [f"## `{name}`{study}", "", _plain(command.summary), ""]
    if command.details:
        lines += [_flowing(_plain(command.details)), ""]
    for key, option in command.options.items():
        required = option.default is inspect.Parameter.empty
        heading = key.upper() if required else option_name(key)
        lines += [f"`{heading}`", f": {_plain(option.help)}{'' if required else _default(option.default)}", ""]
    return "\n".join(lines)


def _default(value: object) -> str:
    if value is None or value is False:
        return ""
    text = written(value) if not isinstance(value, Path) else str(value)
    return f" Default: `{text}`." if text else ""


def _plain(text: str) -> str:
    """The help as Markdown: a placeholder such as <name> is no tag."""
    return text.replace("<", "&lt;")


def _flowing(text: str) -> str:
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to the start of a build."""
    app.connect("builder-inited", write)
    return {"parallel_read_safe": True}
