"""The files of the page, and its modules as one for a notebook."""

from __future__ import annotations

import re
from pathlib import Path

STATIC = Path(__file__).parent / "static"
"""The folder of the page, its style and its modules."""

_IMPORT = re.compile(r'^import (\{[^}]*\}) from "\./([\w-]+)\.js";?$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function\*?|const|let|class) (\w+))", re.MULTILINE)


def bundle(name: str) -> str:
    """One of the page's modules and all that it imports, as one module.

    Each becomes a function that is called once and gives what the module exports, so that no two names collide.

    Args:
        name: the module's file, whose own exports stay.
    """
    parts: dict[str, str] = {}

    def add(module: str) -> None:
        if module not in parts:
            text = (STATIC / f"{module}.js").read_text(encoding="utf-8")
            for _, imported in _IMPORT.findall(text):
                add(imported)
            exported = ", ".join(_EXPORT.findall(text))
            body = _EXPORT.sub("", _IMPORT.sub(_binding, text))
            parts[module] = f"const {_variable(module)} = (() => {{\n{body}\nreturn {{ {exported} }};\n}})();\n"

    own = (STATIC / name).read_text(encoding="utf-8")
    for _, imported in _IMPORT.findall(own):
        add(imported)
    return "".join(parts.values()) + _IMPORT.sub(_binding, own)


def _binding(match: re.Match[str]) -> str:
    """`import {a as b} from "./c.js"` as the names taken from what `c` gives."""
    names = re.sub(r"\b(\w+) as (\w+)\b", r"\1: \2", match[1])
    return f"const {names} = {_variable(match[2])};"


def _variable(module: str) -> str:
    return f"module_{module.replace('-', '_')}"
