"""YAML files written by hand: every mistake is answered with file, line and field."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from maze_interp.errors import MazeInterpError, unknown_name


@dataclass(frozen=True)
class Entry:
    """One value in a YAML file, and where it stands.

    Attributes:
        path: the file.
        line: its line, from 1; of a field, the line of its name.
        field: the names of the fields that lead to it, joined by dots; empty for the whole file.
        node: the value.
    """

    path: Path
    line: int
    field: str
    node: yaml.Node

    def error(self, message: str) -> MazeInterpError:
        """The error for this value: file, line, field, and what is wrong."""
        return MazeInterpError(f"{self.path}, line {self.line}{self.field and f', {self.field}'}: {message}")

    def unknown(self, kind: str, name: str, valid: Iterable[str]) -> MazeInterpError:
        """The error for a name that does not exist, with the nearest that do."""
        return self.error(str(unknown_name(kind, name, valid)))

    @property
    def empty(self) -> bool:
        """Nothing was written."""
        return self.node.tag == "tag:yaml.org,2002:null"

    def children(self) -> dict[str, Entry]:
        """The fields, by name, in the file's order.

        Raises:
            MazeInterpError: no fields, or a name twice.
        """
        if not isinstance(self.node, yaml.MappingNode):
            raise self.error("expected fields, each a name and a colon")
        found: dict[str, Entry] = {}
        for key, value in self.node.value:
            line = key.start_mark.line + 1
            name = str(key.value)
            child = Entry(self.path, line, f"{self.field}.{name}" if self.field else name, value)
            if name in found:
                raise child.error(f"is there twice, first in line {found[name].line}")
            found[name] = child
        return found

    def fields(self, required: Collection[str], optional: Collection[str] = ()) -> dict[str, Entry]:
        """The fields, when all of `required` must and only `optional` may be there besides.

        Raises:
            MazeInterpError: one is unknown, missing, or there twice.
        """
        found = self.children()
        for name, child in found.items():
            if name not in (*required, *optional):
                raise child.unknown("field", name, (*required, *optional))
        for name in required:
            if name not in found:
                raise self.error(f"the field {name!r} is missing")
        return found

    def items(self) -> list[Entry]:
        """The items of a list; their fields are named as if each stood alone.

        Raises:
            MazeInterpError: no list.
        """
        if not isinstance(self.node, yaml.SequenceNode):
            raise self.error("expected a list, each item after a dash")
        return [Entry(self.path, item.start_mark.line + 1, self.field, item) for item in self.node.value]

    def text(self) -> str:
        """Words, as written.

        Raises:
            MazeInterpError: fields, a list, or nothing.
        """
        if not isinstance(self.node, yaml.ScalarNode) or not self.node.value.strip():
            raise self.error("expected words")
        return str(self.node.value).strip()

    def choice(self, kind: str, valid: Collection[str]) -> str:
        """One of some words.

        Raises:
            MazeInterpError: another; the message names the nearest.
        """
        word = self.text()
        if word not in valid:
            raise self.unknown(kind, word, valid)
        return word

    def number(self) -> float:
        """A finite number.

        Raises:
            MazeInterpError: anything else.
        """
        try:
            number = float(self.text())
        except ValueError as error:
            raise self.error(f"expected a number, not {self.text()!r}") from error
        if not math.isfinite(number):
            raise self.error(f"expected a finite number, not {number}")
        return number

    def probability(self) -> float:
        """A probability, from 0 to 1.

        Raises:
            MazeInterpError: no number, or one outside.
        """
        number = self.number()
        if not 0 <= number <= 1:
            raise self.error(f"a probability runs from 0 to 1 (0.6 for 60%), not {self.text()}")
        return number

    def value(self) -> Any:
        """Whatever was written, as plain Python values."""
        loader = yaml.SafeLoader("")
        try:
            return loader.construct_document(self.node)
        finally:
            loader.dispose()


def read_document(path: Path, what: str) -> Entry:
    """The content of a YAML file.

    Args:
        path: the file.
        what: what it should be, for the messages.

    Raises:
        MazeInterpError: no such file, no YAML, or nothing in it.
    """
    try:
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except FileNotFoundError as error:
        raise MazeInterpError(f"there is no {what} {path}") from error
    except OSError as error:
        raise MazeInterpError(f"{path} cannot be read: {error}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise MazeInterpError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from error
    if node is None:
        raise MazeInterpError(f"{path} is empty; expected a {what}")
    return Entry(path, 1, "", node)
