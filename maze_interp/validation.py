"""Files checked against a type: every mistake is one line, `FILE:LINE: FIELD: what is wrong`.

A type is a `Document`, pydantic's base of models with the settings that files need, or a dataclass. Nothing is
converted: text is no number, and a field that the type does not have is refused with the nearest that it has.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    Strict,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from maze_interp.arguments import LARGEST
from maze_interp.documents import load_yaml
from maze_interp.errors import MazeInterpError, unknown_name

Content = TypeVar("Content")

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
"""Text that is not empty."""

Items = Annotated[tuple[Content, ...], Strict(False)]
"""A list in the file, a tuple in Python."""

Probability = Annotated[float, Field(ge=0, le=1)]

Finite = Annotated[float, Field(ge=0, le=LARGEST, allow_inf_nan=False)]
"""A number from 0."""

Count = Annotated[int, Field(ge=0, le=2**31 - 2)]
"""A whole number from 0."""

Positive = Annotated[int, Field(ge=1, le=2**31 - 2)]
"""A whole number from 1."""

_EXPECTED = {
    "missing": "is missing",
    "string_type": "should be text",
    "list_type": "should be a list, each item after a dash",
    "tuple_type": "should be a list, each item after a dash",
    "dict_type": "should be fields, each a name and a colon",
    "model_type": "should be fields, each a name and a colon",
    "dataclass_type": "should be fields, each a name and a colon",
}
"""Our words where pydantic speaks of JSON or of Python."""


class Document(BaseModel):
    """The base of types for files: immutable, strict, without other fields than its own."""

    model_config = ConfigDict(frozen=True, strict=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _no_other_fields(cls, content: Any) -> Any:
        for name in content if isinstance(content, dict) else ():
            if name not in cls.model_fields:
                missing = [
                    need for need, field in cls.model_fields.items() if field.is_required() and need not in content
                ]
                also = f"; missing: {', '.join(missing)}" if missing else ""
                raise fault(unknown("field", str(name), cls.model_fields) + also, str(name))
        return content


def names_document(name: str) -> bool:
    """Whether `name` is the path of a file rather than the name of a bundled one: it has a folder in it, or .yaml."""
    return Path(name).name != name or Path(name).suffix in (".yaml", ".yml")


def fault(message: str, *field: str | int) -> PydanticCustomError:
    """The error for a validator to raise: what is wrong, and in which field below the validated one."""
    return PydanticCustomError("fault", "{message}", {"message": message, "field": field})


def unknown(kind: str, name: str, valid: Iterable[str]) -> str:
    """What is wrong with a name that does not exist, and the nearest that do."""
    return str(unknown_name(kind, name, valid))


def read_document(path: Path, kind: type[Content]) -> Content:
    """The content of a YAML file.

    Args:
        path: the file.
        kind: its type.

    Raises:
        MazeInterpError: no such file, or a mistake in it.
    """
    return check(load_yaml(path), kind, path)


def check(content: Any, kind: type[Content], path: Path, strict: bool | None = None) -> Content:
    """A value of a type, made of plain content.

    Args:
        content: of `load_yaml` or `load_json`.
        kind: the type.
        path: the file that it came from, for the message.
        strict: convert nothing, for a dataclass; None for what the type says, as a `Document` does.

    Raises:
        MazeInterpError: it does not fit the type.
    """
    if content is None:
        raise MazeInterpError(f"{path} is empty")
    try:  # as JSON, which has one kind of key, and from which a strict dataclass can be made
        return TypeAdapter(kind).validate_json(json.dumps(content), strict=strict)
    except ValidationError as error:
        first = error.errors()[0]
        raise mistake(path, (*first["loc"], *first.get("ctx", {}).get("field", ())), reason(first)) from error
    except (TypeError, ValueError, RecursionError) as error:  # what YAML has and JSON has not, such as a set
        raise MazeInterpError(f"{path}: not plain text, numbers, lists and fields: {error}") from error


def mistake(path: Path, field: Sequence[str | int], message: str) -> MazeInterpError:
    """The error for a field of a file: file, line, field, and what is wrong.

    The names, and numbers of list items from 0, lead to the field; those that the file does not have are passed over,
    and the message is `is missing` then.
    """
    line, names = _place(path, field)
    if message.startswith("is missing"):
        names += f".{field[-1]}" if names else str(field[-1])
    return MazeInterpError(f"{path}:{line}: {names}{names and ': '}{message}")


def line_of(path: Path, *field: str | int) -> int:
    """The line, from 1, in which a field of a YAML file stands."""
    return _place(path, field)[0]


def _place(path: Path, field: Sequence[str | int]) -> tuple[int, str]:
    """The line of a field, and its name."""
    node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    line, names = 1, ""
    for number, part in enumerate(field):
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
            names += f"[{part}]" if number else ""  # in a file that is a list, the line says which
            continue
        pairs = node.value if isinstance(node, yaml.MappingNode) else ()
        named = [(key, value) for key, value in pairs if str(key.value) == part]
        if named:
            key, node = named[0]
            line = key.start_mark.line + 1
            names += f".{part}" if names else str(part)
    return line, names


def reason(error: ErrorDetails) -> str:
    """What is wrong with a value that does not fit its type, in our words and pydantic's."""
    value = error["input"]
    if error["type"] == "literal_error":
        return unknown(str(error["loc"][-1]), str(value), re.findall(r"'([^']*)'", error["ctx"]["expected"]))
    if error["type"] in ("fault", "missing"):
        return _EXPECTED.get(error["type"], error["msg"])
    words = _EXPECTED.get(error["type"]) or re.sub(r"^(Value error, |\w+ (?=should))", "", error["msg"])
    return words if isinstance(value, dict | list) else f"{words}, not {json.dumps(value, ensure_ascii=False)}"
