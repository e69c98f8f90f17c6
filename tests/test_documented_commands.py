"""Every `maze-interp …` line that the project prints or documents is one that the command line takes."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from maze_interp.commands.main import commands, make_parser

ROOT = Path(__file__).parent.parent
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("*/README.md"), *ROOT.glob("agents/*/README.md")]
PLACEHOLDERS = re.compile(r"\b(AGENT|NAME|FILE|FOLDER|STORE|SEED)\b")


def in_pages() -> Iterator[tuple[str, str]]:
    """Command lines in code blocks and in inline code; a line that ends in a backslash goes on."""
    for page in PAGES:
        text = page.read_text().replace("\\\n", " ")
        blocks = re.findall(r"^```\w*\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
        inline = re.findall(r"`(maze-interp [^`]*)`", text)
        lines = [line for block in blocks for line in block.splitlines() if line.lstrip().startswith("maze-interp ")]
        for line in [*lines, *inline]:
            for part in line.split(" #")[0].split("&&"):
                yield str(page.relative_to(ROOT)), part.strip()


def in_resolutions() -> Iterator[tuple[str, str]]:
    """The commands that resolutions record beside their figures."""
    for path in sorted((ROOT / "data" / "resolutions").glob("*.yaml")):
        content = yaml.safe_load(path.read_text())
        yield path.name, content["command"]
        for answer in content["answers"].values():
            for part in (answer.get("command") or "").split("&&"):
                if part.strip():
                    yield path.name, part.strip()


DOCUMENTED = sorted(set(in_pages()) | set(in_resolutions()))


def test_there_are_commands_to_check() -> None:
    assert len(DOCUMENTED) > 40
    assert {line.split()[1] for _, line in DOCUMENTED} >= {name.split()[0] for name in commands()}


@pytest.mark.parametrize(("where", "line"), DOCUMENTED)
def test_the_command_line_takes_it(where: str, line: str) -> None:
    line = PLACEHOLDERS.sub("x", line).replace("…", "x")
    arguments = shlex.split(line)[1:]
    if len(arguments) == 1 and any(name.startswith(f"{arguments[0]} ") for name in commands()):
        return  # the name of a group
    if all(not argument.startswith("-") for argument in arguments) and " ".join(arguments) in commands():
        return  # a command by its name, in a text
    name = next(name for name in commands() if arguments[: len(name.split())] == name.split())
    given = {argument[2:].partition("=")[0].replace("-", "_") for argument in arguments if argument.startswith("--")}
    assert given <= {*commands()[name].options, "help"}, "an option is documented by its whole name"
    parsed = make_parser().parse_args(arguments)
    assert callable(parsed.run_command)
    if hasattr(parsed, "study"):
        assert parsed.study(parsed).name == arguments[0]
