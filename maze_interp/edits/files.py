"""Edits as a YAML or JSON file: a list, each entry its kind and the fields that differ from the defaults.

    - kind: SetPixel
      layer: embedder.block2.res1.resadd
      channels: [7, 8]
      pixel: [3, 12]
      value: 2.3

`channels: all` means every channel. A long vector lies in a .npy file beside it, and the field holds that file's name.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maze_interp.documents import dump_yaml, load_json, load_yaml
from maze_interp.edits.base import Edit, Edits, as_edits
from maze_interp.edits.kinds import Add, Mean, Resample, Scale, SetPixel, Zero
from maze_interp.edits.observations import Observations
from maze_interp.errors import MazeInterpError, unknown_name
from maze_interp.writing import write_whole

KINDS: dict[str, type[Any]] = {kind.__name__: kind for kind in (Zero, Mean, Resample, Scale, SetPixel, Add)}
"""The kinds of edit that a file can name."""

_ALL = "all"  # of the channels, where a file must name some; nothing at all is refused as forgotten
_INLINE = 256  # numbers of a vector that are written into the file itself


def save(path: str | Path, edits: Edits) -> None:
    """Write one edit or several, in order, to a `.yaml`, `.yml` or `.json` file; `load` gives equal ones.

    Vectors of more than 256 numbers go to `.npy` files beside it, named after their content.

    Raises:
        MazeInterpError: another suffix, no such folder, or an edit of a kind of its own.
    """
    path = Path(path)
    _require_suffix(path)
    if not path.parent.is_dir():
        raise MazeInterpError(f"there is no folder {path.parent} to write {path.name} into")
    entries = [_entry(edit, path) for edit in as_edits(edits)]
    text = json.dumps(entries, indent=2) + "\n" if path.suffix == ".json" else dump_yaml(entries)
    write_whole(path, text)


def to_yaml(edits: Edits) -> str:
    """One edit or several, in order, as the text of a `.yaml` file that needs no other beside it.

    Raises:
        MazeInterpError: an edit of a kind of its own.
    """
    entries = [_entry(edit) for edit in as_edits(edits)]
    # JSON is YAML too, and for thousands of numbers written at once.
    is_long = [np.size(entry.get("vector", ())) > _INLINE for entry in entries]
    return "".join(
        f"- {json.dumps(entry)}\n" if long else dump_yaml([entry]) for entry, long in zip(entries, is_long, strict=True)
    )


def load(path: str | Path) -> tuple[Edit, ...]:
    """Read the edits in a `.yaml`, `.yml` or `.json` file, in order.

    Raises:
        MazeInterpError: no such file, or anything in it that makes no edit: the message names the
            file, the entry, the field, and the nearest valid name.
    """
    path = Path(path)
    _require_suffix(path)
    content = load_json(path) if path.suffix == ".json" else load_yaml(path)
    if not isinstance(content, list):
        raise MazeInterpError(f"{path} holds no list of edits, each beginning with '- kind: ...'")
    return tuple(_edit(entry, number, path) for number, entry in enumerate(content, 1))


def _require_suffix(path: Path) -> None:
    if path.suffix not in (".yaml", ".yml", ".json"):
        raise MazeInterpError(f"{path} is no edits file: expected a name ending in .yaml, .yml or .json")


def _entry(edit: Edit, path: Path | None = None) -> dict[str, Any]:
    kind = type(edit).__name__
    if KINDS.get(kind) is not type(edit):
        to = f" to {path}" if path else ""
        raise MazeInterpError(f"an edit of kind {kind} cannot be written{to}; those that can: {', '.join(KINDS)}")
    entry = {"kind": kind, **_plain(edit)}
    if entry.get("channels", _ALL) is None:
        entry["channels"] = _ALL
    if path and isinstance(edit, Add) and edit.vector.size > _INLINE:
        entry["vector"] = _write_vector(edit, path)
    return entry


def _plain(value: Any) -> Any:
    """The fields of an edit or a set of observations that differ from their defaults, as lists and numbers."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if not hasattr(value, "__dataclass_fields__"):
        return value
    given = ((field, getattr(value, field.name)) for field in fields(value))
    return {field.name: _plain(one) for field, one in given if field.default is MISSING or one != field.default}


def _write_vector(edit: Add, path: Path) -> str:
    name = f"{path.stem}-{edit.fingerprint}.npy"
    image = io.BytesIO()
    np.save(image, edit.vector)
    write_whole(path.with_name(name), image.getvalue())
    return name


def _edit(entry: Any, number: int, path: Path) -> Edit:
    where = f"{path}, edit {number}"
    if not isinstance(entry, dict) or "kind" not in entry:
        raise MazeInterpError(f"{where}: expected fields, 'kind' among them, one of {', '.join(KINDS)}")
    values = {name: value for name, value in entry.items() if name != "kind"}
    try:
        kind = str(entry["kind"])
        if kind not in KINDS:
            raise unknown_name("kind", kind, KINDS)
        if isinstance(values.get("vector"), str):
            values["vector"] = _read_vector(path.parent / values["vector"])
        if isinstance(values.get("source"), dict):
            values["source"] = _build(Observations, values["source"])
        edit: Edit = _build(KINDS[kind], values)
        return edit
    except MazeInterpError as error:
        raise MazeInterpError(f"{where}: {error}") from error


def _build(kind: type[Any], values: Mapping[Any, Any]) -> Any:
    known = [field.name for field in fields(kind)]
    for name in values:
        if name not in known:
            raise unknown_name(f"field of {kind.__name__}", str(name), known)
        if values[name] is None:
            raise MazeInterpError(f"the field {name!r} is blank; leave it out for its default")
    for field in fields(kind):
        if field.default is MISSING and field.name not in values:
            raise MazeInterpError(f"{kind.__name__} needs the field {field.name!r}")
    return kind(**{name: None if (name, value) == ("channels", _ALL) else value for name, value in values.items()})


def _read_vector(path: Path) -> NDArray[np.float32]:
    try:
        vector = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise MazeInterpError(f"vector: {path} is missing or no .npy file of numbers: {error}") from error
    if not isinstance(vector, np.ndarray):
        raise MazeInterpError(f"vector: {path} is an archive of arrays, not one .npy file")
    return vector
