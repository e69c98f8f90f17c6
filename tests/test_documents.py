"""The loaders of YAML and JSON: plain values, and every mistake with its file and line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as some

from maze_interp.documents import dump_yaml, load_json, load_yaml
from maze_interp.errors import MazeInterpError

VALUES = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats(allow_nan=False) | some.text(),
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(some.text(), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
@example({"12345e678901": "1e5", "yes": "010"})
def test_what_was_written_is_read(tmp_path_factory: pytest.TempPathFactory, value: Any) -> None:
    folder = tmp_path_factory.mktemp("documents")
    (folder / "a.json").write_text(json.dumps(value))
    (folder / "a.yaml").write_text(dump_yaml(value))
    assert load_json(folder / "a.json") == value
    assert load_yaml(folder / "a.yaml") == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1:30", "1:30"), ("010", "010"), ("no", "no"), ("1_000", "1_000"), ("0x10", "0x10"),  # 1.1: 90, 8, False, …
        ("1e-5", 1e-5), ("-3", -3), (".5", 0.5), ("7.", 7.0), ("-.inf", float("-inf")), ("true", True), ("", None),
        ("2026-03-01", "2026-03-01"),
    ],
)  # fmt: skip
def test_a_yaml_scalar_is_what_it_looks_like(tmp_path: Path, text: str, value: Any) -> None:
    (tmp_path / "a.yaml").write_text(text)
    found = load_yaml(tmp_path / "a.yaml")
    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.yaml", "a: 1\nb: 2\na: 3\n", ":3: not valid YAML: 'a' is there twice, first in line 1"),
        ("a.yaml", "- {a: 1}\n- c:\n    d: 1\n    'd': 2\n", ":4: .*'d' is there twice, first in line 3"),
        ("a.yaml", "a: {1: x, 2: y,\n 1: z}", ":2: .*'1' is there twice"),
        ("a.yaml", "x: &x {a: 1}\ny:\n  <<: *x\n  b: 2\n  b: 3", ":5: .*'b' is there twice"),
        ("a.yaml", "{0.5: x, 0.50: y}", ":1: .*'0.50' is there twice"),  # one key to Python
        ("a.yaml", "1: x\ntrue: y", ":2: .*'true' is there twice, first in line 1"),
        ("a.yaml", "1: x\n'1': y", ":2: .*'1' is there twice"),  # and to JSON
        ("a.yaml", "a: 1\nb: !!bool yes", ":2: not valid YAML: the tag 'tag:yaml.org,2002:bool'; leave it out"),
        ("a.yaml", "a: !!int ''", ":1: not valid YAML: the tag"),
        ("a.yaml", "a: !!timestamp b", ":1: not valid YAML: the tag"),
        ("a.yaml", "a: !!set {1, 2}", ":1: not valid YAML: the tag"),
        ("a.yaml", "a: 'b", ":1: not valid YAML"),
        ("a.yaml", "a: !!python/object:os.system b", ":1: not valid YAML"),
        ("a.yaml", "{[1]: 2, {}: 3}", ": not valid YAML"),
        ("a.yaml", "[" * 5000, ": not valid YAML"),
        ("a.yaml", "\x00", ": not valid YAML"),
        ("a.json", '{"a": 1,\n "b": {"c": 1,\n  "c": 2}}', ":3: not valid JSON: 'c' is there twice"),
        ("a.json", '[{"a": 1},\n{"a": 1, "\\u0061": 2}]', ":2: not valid JSON: 'a' is there twice"),
        ("a.json", '{"a": 1,\n}', ":[12]: not valid JSON"),
        ("a.json", "", ":1: not valid JSON"),
        ("a.json", "[" * 100000, ": not valid JSON"),
    ],
)
def test_a_mistake_names_file_and_line(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(MazeInterpError, match=message) as caught:
        (load_json if name == "a.json" else load_yaml)(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_merged_keys_may_be_overridden(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("x: &x {a: 1, b: 2}\ny: {<<: *x, b: 3}")
    assert load_yaml(tmp_path / "a.yaml")["y"] == {"a": 1, "b": 3}


def test_files_that_are_none_are_named(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b"\xff\xfe\xfa")
    for load in (load_yaml, load_json):
        with pytest.raises(MazeInterpError, match=r"there is no file .*gone"):
            load(tmp_path / "gone")
        with pytest.raises(MazeInterpError, match="cannot be read"):
            load(tmp_path)
        with pytest.raises(MazeInterpError, match="is not text in UTF-8"):
            load(tmp_path / "latin")
