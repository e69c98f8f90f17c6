"""What the pages insert: the roles and addresses of recorded values, and the files that they need."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from recorded import ROOT

ROLES = ("figure", "value", "percent", "n")


def addresses(text: str) -> Iterator[tuple[int, str, str]]:
    """The line, the role and the address of every inserted value on a page."""
    for found in re.finditer(rf"\{{({'|'.join(ROLES)})\}}`([^`]+)`", text):
        yield text.count("\n", 0, found.start()) + 1, found[1], " ".join(found[2].split())


def inserts(text: str) -> bool:
    """Whether a page has a recorded value or table."""
    return any(addresses(text)) or bool(re.search(r"\{(measured|run|agents|layers|resolutions)\}", text))


def used(run: str) -> set[str]:
    """The files of a run that the pages name, without its summary; and `summary.json:KEY` for figures in that."""
    files = set()
    for page in [ROOT / "README.md", *pages()]:
        text = page.read_text(encoding="utf-8")
        files |= set(re.findall(rf"results/{run}/([\w./-]+\.(?:png|csv))", text))
        files |= set(re.findall(rf"\{{measured\}} {run}:(\S+\.csv)", text))
        for _, _, address in addresses(text):
            source, name, *rest = (part.strip() for part in address.split(":"))
            if source == run:
                files.add(f"{name}:{rest[0].split('/')[0]}" if name.endswith(".json") else name)
    return files


def pages() -> list[Path]:
    """The pages of the site."""
    return [page for page in sorted((ROOT / "docs").rglob("*.md")) if "_build" not in page.parts]
