"""Where the artefacts that come with the library are found."""

from __future__ import annotations

from pathlib import Path

import pytest

from maze_interp.bundled import bundled_path
from maze_interp.errors import MazeInterpError

ROOT = Path(__file__).parents[1]


def test_a_checkout_uses_its_top_level_folder() -> None:
    assert bundled_path("agents") == ROOT / "agents"


def test_what_is_not_bundled_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(MazeInterpError, match=r"unknown bundled file 'agent': did you mean agents"):
        bundled_path("agent")


def test_a_path_through_a_folder_that_does_not_exist_is_an_error_too() -> None:
    with pytest.raises(MazeInterpError, match=r"unknown bundled file 'agent/x/weights\.safetensors'"):
        bundled_path("agent", "x", "weights.safetensors")
