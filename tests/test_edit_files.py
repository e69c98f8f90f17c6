"""Edits as files: round trips, and mistakes answered in one line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from test_edits import CASES, CONV, vector

from maze_interp import edits
from maze_interp.edits.observations import Observations
from maze_interp.errors import MazeInterpError
from maze_interp.policies.architectures.impala import Impala


@pytest.mark.parametrize("suffix", ["yaml", "yml", "json"])
def test_a_file_gives_back_equal_edits(tmp_path: Path, suffix: str) -> None:
    some = tuple(case[1] for case in CASES) + (
        edits.Mean(CONV, source=Observations(range(30), "hard", [(0, 0), (0, 1)], cheese=(4, 2))),
        edits.Resample(CONV, source=Observations([3], cheese=5), seed=9, positions=[(0, 0)]),
        edits.SetPixel(CONV, 0, (0, 0), 1e-05),
        edits.Add(CONV, vector(32, 16, 16) * np.float32(1e-20), 1e20),
    )
    path = tmp_path / f"some.{suffix}"
    edits.save(path, some)
    assert edits.load(path) == some
    assert edits.load(str(path)) == some


def test_a_file_is_readable_and_leaves_out_defaults(tmp_path: Path) -> None:
    edits.save(tmp_path / "e.json", [edits.SetPixel(CONV, [7, 8], (3, 12), 2.3)])
    expected = {"kind": "SetPixel", "layer": CONV, "channels": [7, 8], "pixel": [3, 12], "value": 2.3}
    assert json.loads((tmp_path / "e.json").read_text()) == [expected]


def test_no_edits_are_a_file_too(tmp_path: Path) -> None:
    edits.save(tmp_path / "none.yaml", [])
    assert edits.load(tmp_path / "none.yaml") == ()


def test_a_moved_file_takes_its_vectors_along(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    edits.save(tmp_path / "a" / "e.yaml", [edits.Add(CONV, vector(32, 16, 16))])
    (tmp_path / "a").rename(tmp_path / "b")
    assert edits.load(tmp_path / "b" / "e.yaml") == (edits.Add(CONV, vector(32, 16, 16)),)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- kind: Zer\n  layer: a", r"edit 1: unknown kind 'Zer': did you mean Zero"),
        ("- layer: a", r"edit 1: expected fields, 'kind' among them"),
        ("- kind: [Zero]\n  layer: a", r"edit 1: unknown kind"),
        ("- kind: Zero\n  layr: a", r"edit 1: unknown field of Zero 'layr': did you mean layer"),
        (
            "- kind: Zero\n  layer: a\n- kind: Zero\n  layer: b\n  chanels: 3",
            r"edit 2: .*'chanels': did you mean channels",
        ),
        ("- kind: Zero", r"edit 1: Zero needs the field 'layer'"),
        ("- kind: Mean\n  layer: a", r"edit 1: Mean needs the field 'source'"),
        ("- kind: Mean\n  layer: a\n  source: {level: [1]}", r"field of Observations 'level': did you mean levels"),
        ("- kind: Mean\n  layer: a\n  source: {levels: []}", r"levels is empty"),
        ("- kind: Mean\n  layer: a\n  source: [1]", r"source should be of type Observations, not list"),
        ("- kind: Zero\n  layer: a\n  channels: seven", r"channels are whole numbers or a mask, not 'seven'"),
        ("- kind: Zero\n  layer: a\n  channels: [1.5]", r"channels are whole numbers or a mask, not \[1.5\]"),
        ("- kind: Zero\n  layer: a\n  channels: []", r"channels is empty"),
        ("- kind: Zero\n  layer: 3", r"layer is a string, not 3"),
        ("- kind: Scale\n  layer: a\n  factor: big", r"factor is a finite number, not 'big'"),
        ("- kind: Scale\n  layer: a\n  factor: .inf", r"factor is a finite number, not inf"),
        ("- kind: SetPixel\n  layer: a\n  channels: 1\n  pixel: 4\n  value: 1", r"pixel is \(row, column\)"),
        ("- kind: Add\n  layer: a\n  vector: [[1, 2], [3]]", r"vector is an array or evenly nested list"),
        ("- kind: Add\n  layer: a\n  vector: gone.npy", r"gone\.npy is missing or no \.npy file"),
        ("- kind: Resample\n  layer: a\n  seed: -1\n  source: {levels: [1]}", r"seed is a whole number from 0"),
        ("- kind: Zero\n  layer: a\n  channels:", r"edit 1: the field 'channels' is blank; leave it out"),
        ("- kind: Mean\n  layer: a\n  source: {levels: [1], cheese: }", r"edit 1: the field 'cheese' is blank"),
        (
            "- kind: Zero\n  layer: a\n  channels: [1, ]\n  channels: 2",
            r":4: .*'channels' is there twice, first in line 3",
        ),
        ("- kind: Zero\n  layer: a\n  channels: 1:30", r"channels are whole numbers or a mask, not '1:30'"),
        ("kind: Zero", r"holds no list of edits"),
        ("- kind: 'Zero", r"not valid YAML"),
        ("[" * 5000, r"not valid YAML"),
        ("\x00", r"not valid YAML"),
    ],
)
def test_a_mistake_in_a_file_is_one_clear_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "typo.yaml"
    path.write_text(text)
    with pytest.raises(MazeInterpError, match=message) as caught:
        edits.load(path)
    assert "typo.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_are_none_are_named(tmp_path: Path) -> None:
    with pytest.raises(MazeInterpError, match=r"there is no file .*gone\.yaml"):
        edits.load(tmp_path / "gone.yaml")
    with pytest.raises(MazeInterpError, match=r"expected a name ending in \.yaml"):
        edits.save(tmp_path / "e.txt", [])
    with pytest.raises(MazeInterpError, match="there is no folder"):
        edits.save(tmp_path / "no" / "e.yaml", [])
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(MazeInterpError, match="is not text in UTF-8"):
        edits.load(tmp_path / "binary.yaml")
    (tmp_path / "v.npy").write_bytes(b"junk")
    (tmp_path / "junk.yaml").write_text("- kind: Add\n  layer: a\n  vector: v.npy")
    with pytest.raises(MazeInterpError, match=r"v\.npy is missing or no \.npy file"):
        edits.load(tmp_path / "junk.yaml")


def test_an_edit_of_a_kind_of_its_own_is_not_written(untrained: Impala, tmp_path: Path) -> None:
    with pytest.raises(MazeInterpError, match="an edit of kind Bound cannot be written"):
        edits.save(tmp_path / "e.yaml", edits.bind(untrained, [edits.Zero(CONV)]))
    assert not (tmp_path / "e.yaml").exists()
