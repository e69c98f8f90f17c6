"""YAML and JSON files as plain Python values: a mistake in one is answered with the file and the line.

What the standard loaders pass over in silence is refused, or read as written. Of a key that stands twice they keep
the last. YAML 1.1 takes `1:30` for 90, `010` for 8, `no` for False and `2026-03-01` for a date; here numbers and truth
values are those of YAML 1.2's core schema, and all else is text.
"""

from __future__ import annotations

import json
import re
from json.decoder import JSONDecodeError, JSONDecoder, JSONObject  # type: ignore[attr-defined]  # not in its stub
from json.scanner import py_make_scanner  # type: ignore[attr-defined]
from pathlib import Path
from typing import Any, ClassVar

import yaml

from maze_interp.errors import MazeInterpError


def load_yaml(path: str | Path) -> Any:
    """The content of a YAML file; None if it is empty.

    Raises:
        MazeInterpError: no such file, not YAML, or a key twice in one mapping.
    """
    try:
        return yaml.load(read_text(path), _Loader)
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        what = " ".join(filter(None, (error.context, error.problem)))
        raise MazeInterpError(f"{path}{line}: not valid YAML: {what}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise MazeInterpError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from error


def dump_yaml(value: Any) -> str:
    """The YAML text of a plain value, which `load_yaml` reads back as the same; keys keep their order."""
    text: str = yaml.dump(
        value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120, default_flow_style=None
    )
    return text


def load_json(path: str | Path) -> Any:
    """The content of a JSON file.

    Raises:
        MazeInterpError: no such file, not JSON, or a name twice in one object.
    """
    try:
        return json.loads(read_text(path), cls=_Decoder)
    except JSONDecodeError as error:
        raise MazeInterpError(f"{path}:{error.lineno}: not valid JSON: {error.msg}") from error
    except (ValueError, RecursionError) as error:
        raise MazeInterpError(f"{path}: not valid JSON: {error}") from error


def read_text(path: str | Path) -> str:
    """The text of a file in UTF-8.

    Raises:
        MazeInterpError: no such file, or one that is no such text.
    """
    try:
        return Path(path).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise MazeInterpError(f"there is no file {path}") from error
    except UnicodeDecodeError as error:
        raise MazeInterpError(f"{path} is not text in UTF-8: {error}") from error
    except (OSError, ValueError) as error:
        raise MazeInterpError(f"{path} cannot be read: {error}") from error


_MERGE = "tag:yaml.org,2002:merge"
_REPLACED = ("bool", "int", "float", "timestamp")


class _Loader(yaml.SafeLoader):  # type: ignore[misc]  # yaml is published without types
    """PyYAML's safe loader, with numbers and truth values as in YAML 1.2, and no key twice."""

    yaml_implicit_resolvers: ClassVar[Any] = {
        first: [(tag, form) for tag, form in forms if tag.rpartition(":")[2] not in _REPLACED]
        for first, forms in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def compose_node(self, parent: Any, index: Any) -> yaml.Node:
        """The node as written, without a tag: the types of YAML 1.1 and of Python would come back with them."""
        event = self.peek_event()
        if getattr(event, "tag", None):
            raise yaml.MarkedYAMLError(problem=f"the tag {event.tag!r}; leave it out", problem_mark=event.start_mark)
        return super().compose_node(parent, index)

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """The mapping as written, its keys all different: in Python 1 is 1.0 and true, in JSON "1"."""
        node = super().compose_mapping_node(anchor)
        lines: dict[Any, int] = {}
        for key, _ in node.value:
            plain = isinstance(key, yaml.ScalarNode) and key.tag != _MERGE
            value = self.construct_object(key) if plain else str(key.value)
            if value in lines or str(value) in lines:
                problem = f"{key.value!r} is there twice, first in line {lines.get(value) or lines[str(value)]}"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
            lines |= dict.fromkeys((value, str(value)), key.start_mark.line + 1)
        return node


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]
    """PyYAML's safe dumper, which also quotes text that `_Loader` would take for a number or not read back."""

    def represent_str(self, text: str) -> yaml.ScalarNode:
        """Text in quotes where it has line breaks that are none of ASCII, which only quotes keep."""
        style = '"' if set(text) & set("\x85\u2028\u2029\ufeff") else None
        return self.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _Dumper.represent_str)


for _tag, _form, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?(0|[1-9][0-9]*)", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+0123456789."),
    ("float", r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", "-+."),
):
    for _class in (_Loader, _Dumper):
        _class.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"({_form})$"), list(_first))


class _Decoder(JSONDecoder):
    """The standard decoder in its Python form, which passes by each value's place, refusing a name twice."""

    def __init__(self) -> None:
        super().__init__()
        self.parse_object = self._object
        self.scan_once = py_make_scanner(self)

    def _object(self, text_and_start: tuple[str, int], strict: bool, scan_once: Any, *_: Any) -> tuple[Any, int]:
        text, starts = text_and_start[0], []

        def scan(text: str, start: int) -> tuple[Any, int]:
            starts.append(start)
            return scan_once(text, start)

        pairs, end = JSONObject(text_and_start, strict, scan, None, list)
        values: dict[str, Any] = {}
        for (name, value), start in zip(pairs, starts, strict=True):
            if name in values:
                raise JSONDecodeError(f"{name!r} is there twice", text, start)
            values[name] = value
        return values, end
