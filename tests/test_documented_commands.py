"""Every `maze-interp …` line that the project prints or documents is one that the command line takes; other code is
code that can be compiled, or that the shell can read, with targets that the Makefile has."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import CodeType

import pytest
import yaml

from maze_interp.commands.main import commands, make_parser

ROOT = Path(__file__).parent.parent
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("*/README.md"), *ROOT.glob("agents/*/README.md")]
PLACEHOLDERS = re.compile(r"\b(AGENT|NAME|FILE|FOLDER|STORE|SEED)\b")


def blocks(*languages: str) -> Iterator[tuple[str, str]]:
    """The code blocks of the pages in one of these languages, with where they begin.

    `{code-cell} ipython3` is a language; a cell that begins with `%%bash` is in that one.
    """
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for found in re.finditer(r"^```([^\n]*)\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE):
            code = re.sub(r"\A(:[\w-]+:.*\n)+", "", found[2])  # without the options of a cell
            shell = code.startswith("%%bash\n")
            if ("bash" if shell else found[1].strip()) in languages:
                where = f"{page.relative_to(ROOT)}:{text.count(chr(10), 0, found.start()) + 1}"
                yield where, code.removeprefix("%%bash\n")


def in_pages() -> Iterator[tuple[str, str]]:
    """Command lines in code blocks and in inline code; a line that ends in a backslash goes on."""
    for page in PAGES:
        text = page.read_text().replace("\\\n", " ")
        blocks = re.findall(r"^```[^\n]*\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
        inline = re.findall(r"`(maze-interp [^`]*)`", text)
        written = [line.lstrip() for block in blocks for line in block.splitlines()]
        lines = [line for line in written if line.startswith("maze-interp ")]
        for line in [*lines, *inline]:
            for part in re.split(r" (?:#|> )", line)[0].split("&&"):
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


def in_runs() -> Iterator[tuple[str, str]]:
    """The commands whose results the findings show."""
    for name, command in yaml.safe_load((ROOT / "docs" / "findings" / "runs.yaml").read_text()).items():
        yield f"runs.yaml, {name}", " ".join(command.split())


DOCUMENTED = sorted(set(in_pages()) | set(in_resolutions()) | set(in_runs()))
COMMANDS, PARSER = commands(), make_parser()


def test_there_are_commands_to_check() -> None:
    assert len(DOCUMENTED) > 40
    assert {line.split()[1] for _, line in DOCUMENTED} >= {name.split()[0] for name in COMMANDS}


@pytest.mark.parametrize(("where", "line"), DOCUMENTED)
def test_the_command_line_takes_it(where: str, line: str) -> None:
    line = PLACEHOLDERS.sub("x", line).replace("…", "x")
    arguments = shlex.split(line)[1:]
    if len(arguments) == 1 and any(name.startswith(f"{arguments[0]} ") for name in COMMANDS):
        return  # the name of a group
    if all(not argument.startswith("-") for argument in arguments) and " ".join(arguments) in COMMANDS:
        return  # a command by its name, in a text
    name = next(name for name in COMMANDS if arguments[: len(name.split())] == name.split())
    given = {argument[2:].partition("=")[0].replace("-", "_") for argument in arguments if argument.startswith("--")}
    assert given <= {*COMMANDS[name].options, "help"}, "an option is documented by its whole name"
    parsed = PARSER.parse_args(arguments)
    assert callable(parsed.run_command)
    if hasattr(parsed, "study"):
        assert parsed.study(parsed).name == arguments[0]


@pytest.mark.parametrize(("where", "code"), list(blocks("python", "{code-cell} ipython3")))
def test_python_can_be_compiled(where: str, code: str) -> None:
    """Tutorials run when the site is built, README and reference below."""
    tree = ast.parse(code, where)
    assert tree.body, "a block with code in it"
    assert isinstance(compile(tree, where, "exec"), CodeType)


@pytest.mark.parametrize(("where", "code"), list(blocks("sh", "bash")))
def test_the_shell_can_read_it(where: str, code: str) -> None:
    subprocess.run(["bash", "-n"], input=code, text=True, check=True)
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^make (\w+)", code, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), where
    for path in re.findall(r"\b(?:scripts|tests)/\w+\.py\b", code):
        assert (ROOT / path).exists(), where


def test_no_block_is_of_a_language_that_no_test_reads() -> None:
    known = {"", "sh", "bash", "python", "yaml", "toml", "{code-cell} ipython3"}  # text, files and what is tested here
    found = re.compile(r"^```([^\n`{]*|\{code-cell\}[^\n]*)\n", re.MULTILINE)
    assert {language.strip() for page in PAGES for language in found.findall(page.read_text())} <= known


def test_the_lines_of_readme_and_reference_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One after another, as a reader would; the sweep and the study on fewer levels."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    pages = ("README.md", "docs/reference/index.md")
    lines = "\n".join(code for page in pages for where, code in blocks("python") if where.startswith(page))
    study = "(900_000_005, 900_000_008, 900_000_022), layers=layer, kinds='zero', exact_levels=1"  # mazes of 5×5
    sizes = {"range(100)": "range(2)", "range(900_000_000, 900_000_020), layers=layer": study}
    assert all(size in lines for size in sizes)
    for size, smaller in sizes.items():
        lines = lines.replace(size, smaller)
    names: dict[str, object] = {}
    exec(compile(lines, "README.md", "exec"), names)
    assert {"maze", "policy", "cache", "result"} <= {*names}
    assert list(tmp_path.iterdir()) == []
