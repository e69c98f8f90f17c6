"""Every public name has a docstring and a place in the reference, and every example in a docstring is right."""

from __future__ import annotations

import doctest
import importlib
import inspect
import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import maze_interp as mi

ROOT = Path(__file__).parent.parent
WITH_EXAMPLES = sorted(path for path in (ROOT / "maze_interp").rglob("*.py") if ">>> " in path.read_text())


def public(owner: Any, path: str, seen: set[int]) -> Iterator[tuple[str, Any]]:
    """Every module, class, function, method and property of ours that can be reached from a name, once each."""
    names = getattr(owner, "__all__", dir(owner)) if isinstance(owner, ModuleType) else vars(owner)
    for name in sorted(name for name in names if not name.startswith("_")):
        value = getattr(owner, name) if isinstance(owner, ModuleType) else vars(owner)[name]
        value = value.fget if isinstance(value, property) else value
        value = value.func if isinstance(value, cached_property) else getattr(value, "__func__", value)
        own = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
        described = isinstance(value, ModuleType) or inspect.isclass(value) or inspect.isroutine(value)
        if not described or not str(own).startswith("maze_interp") or id(value) in seen:
            continue
        seen.add(id(value))
        yield f"{path}.{name}", value
        if isinstance(value, ModuleType) or inspect.isclass(value):
            yield from public(value, f"{path}.{name}", seen)


def test_every_public_name_is_described() -> None:
    found = dict(public(mi, "mi", set()))
    assert len(found) > 200
    generated = {name for name, value in found.items() if (value.__doc__ or "").startswith(f"{value.__name__}(")}
    assert [name for name, value in found.items() if not value.__doc__ or name in generated] == []


def test_every_public_name_is_in_the_reference() -> None:
    """The studies are: their options are the commands', whose reference is made from them."""
    text = (ROOT / "docs" / "reference" / "python.md").read_text()
    owners = {"": mi, "edits.": mi.edits, "probes.": mi.probes, "questions.": mi.questions, "plots.": mi.plots}
    names = {f"{prefix}{name}" for prefix, owner in owners.items() for name in owner.__all__}
    names -= {name for name in names if isinstance(getattr(mi, name, None), ModuleType)}
    listed = set(re.findall(r"^\.\. auto\w+:: maze_interp\.(\S+)$", text, re.MULTILINE))
    assert sorted(names - listed) == []


def test_the_most_used_have_examples() -> None:
    used = [mi.Maze.from_seed, mi.Maze.from_ascii, mi.observe, mi.to_input, mi.load_policy, mi.list_agents]
    used += [mi.vector_field, mi.behaviour, mi.maze_features, mi.activation_pixel, mi.cheese_vector, mi.sweep]
    assert [function for function in used if ">>> " not in (inspect.getdoc(function) or "")] == []


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=lambda path: path.stem)
def test_examples_are_right(path: Path) -> None:
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    module = importlib.import_module(name)
    runner = doctest.DocTestRunner(verbose=False)
    for test in doctest.DocTestFinder().find(module, name):
        runner.run(test)
    assert runner.tries >= 2
    assert runner.failures == 0, "see the captured output"
