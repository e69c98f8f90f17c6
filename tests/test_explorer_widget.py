"""The explorer in a notebook: what is done there is readable from Python, and its modules are one that works."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest

import maze_interp as mi
from maze_interp import edits
from maze_interp.explorer.files import STATIC, bundle
from maze_interp.explorer.widget import Explorer
from maze_interp.mazes.constructed import random_tree

LAYER = "embedder.block2.res1.resadd"
MAZE = random_tree(5, "easy", 3).with_cheese((4, 4))


def wait_for(is_done: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not is_done():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_what_is_done_is_readable(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[Any] = []
    monkeypatch.setattr(Explorer, "send", lambda self, content, buffers=None: answers.append(content))
    policy = mi.load_network("rand_region_3_easy_imitation")
    widget: Any = mi.explore(policy, MAZE, edits.Zero(LAYER, [1]))
    assert widget.maze == MAZE
    assert widget.edits == (edits.Zero(LAYER, [1]),)
    assert widget.behaviour.p_cheese == mi.behaviour(policy, MAZE, widget.edits).p_cheese

    widget._handle_custom_msg({"id": 1, "what": "hello"}, [])
    wait_for(lambda: bool(answers))
    state = answers[0]["data"]["state"]
    redrawn = MAZE.with_cheese(None)
    state["panes"][0] |= {"maze": {"ascii": redrawn.to_ascii(), "mode": "easy", "seed": 3}}
    state["panes"][0]["edits"] = [{"kind": "scale", "layer": LAYER, "factor": 2}]
    widget._handle_custom_msg({"id": 2, "version": 1, "what": "state", "state": state}, [])
    widget._handle_custom_msg({"id": 3, "version": 1, "what": "field", "edited": True}, [])
    wait_for(lambda: len(answers) == 3)
    assert answers[2]["data"]["probs"] == mi.vector_field(policy, redrawn, widget.edits).probs.tolist()
    assert widget.maze == redrawn
    assert widget.edits == (edits.Scale(LAYER, factor=2.0),)
    widget._handle_custom_msg({"id": 4, "version": 2, "what": "state", "state": {"panes": []}}, [])
    assert "at least 1 item" in answers[3]["error"]
    assert widget.maze == redrawn
    widget.close()


def test_bad_arguments() -> None:
    with pytest.raises(mi.MazeInterpError, match="edits is an edit"):
        mi.explore(mi.load_policy("rand_region_3_easy_imitation"), MAZE, [3])  # type: ignore[list-item]


def test_the_modules_are_one(tmp_path: Any) -> None:
    text = bundle("widget.js")
    assert "\nimport " not in text
    assert text.count("export default") == 1
    for path in STATIC.glob("*.js"):
        assert text.count(f"const module_{path.stem.replace('-', '_')} =") <= 1
    if (node := shutil.which("node")) is None:
        pytest.skip("there is no Node to load the module in")
    (tmp_path / "widget.mjs").write_text(text)
    program = "import widget from './widget.mjs'; console.log(typeof widget.render)"
    done = subprocess.run(
        [node, "--input-type=module", "-e", program], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.strip() == "function", done.stderr
