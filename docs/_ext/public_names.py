"""Signatures as people read them: types without the checks that `Annotated` carries."""

from __future__ import annotations

import inspect
import re
import sys
from contextlib import suppress
from typing import Any, get_type_hints

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.pycode import ModuleAnalyzer


def plain(
    app: Sphinx, what: str, name: str, found: Any, options: Any, signature: str | None, returned: str | None
) -> Any:
    """The signature with `Annotated[T, ...]` written as `T`."""
    return (_bare(signature), _bare(returned)) if signature else None


def plain_properties(app: Sphinx) -> None:
    """The types of properties without their checks; autodoc asks of no property how its signature is to be written."""
    modules = [module for name, module in sys.modules.items() if name.startswith("maze_interp.")]
    owners = {value for module in modules for value in vars(module).values() if inspect.isclass(value)}
    for owner in owners:
        if owner.__module__.startswith("maze_interp."):
            for member in vars(owner).values():
                if getter := getattr(member, "fget", None) or getattr(member, "func", None):
                    with suppress(NameError):  # a name that is imported for type checkers alone
                        getter.__annotations__["return"] = get_type_hints(getter)["return"]


def constants(app: Sphinx, what: str, name: str, found: Any, options: Any, lines: list[str]) -> None:
    """The sentence below a constant of `bundled`; the constant itself has the docstring of `str`."""
    if what == "data":
        lines[:] = ModuleAnalyzer.for_module("maze_interp.bundled").find_attr_docs()["", name.rpartition(".")[2]]


def dashes(app: Sphinx, tree: nodes.document) -> None:
    """A dash between a parameter and what it is, where Sphinx puts two hyphens."""
    for text in list(tree.findall(nodes.Text)):
        if text == " -- ":
            text.parent.replace(text, nodes.Text(" – "))


def _bare(text: str | None) -> str | None:
    while text and (start := text.find("Annotated[")) >= 0:
        end, comma = _parts(text, start + len("Annotated["))
        text = text[:start] + text[start + len("Annotated[") : comma] + text[end + 1 :]
    return re.sub(r"~(?:[\w~]+\.)*|maze_interp(\.\w+)+\.", "", text).replace("<factory>", "…") if text else text


def _parts(text: str, begin: int) -> tuple[int, int]:
    """Where the bracket closes, and the first comma at its own depth."""
    depth, comma = 0, -1
    for place in range(begin, len(text)):
        character = text[place]
        if character in "[(":
            depth += 1
        elif character in "])":
            if depth == 0:
                return place, comma if comma >= 0 else place
            depth -= 1
        elif character == "," and depth == 0 and comma < 0:
            comma = place
    raise ValueError(f"no end of Annotated in {text}")


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to autodoc and to the pages that it made."""
    app.connect("autodoc-process-signature", plain)
    app.connect("autodoc-process-docstring", constants)
    app.connect("builder-inited", plain_properties)
    app.connect("doctree-read", dashes)
    return {"parallel_read_safe": True}
