"""Training runs as files: read into the config of their method, and their mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from maze_interp.errors import MazeInterpError
from maze_interp.training.config import read_config
from maze_interp.training.imitation import ImitationConfig


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("method: exact\nname: a\nupdate: 100", ":3: update: unknown setting 'update': did you mean updates"),
        ("method: exact\nname: a\nupdates: many", ':3: updates: should be a valid integer, not "many"'),
        ("method: exact\nname: a\nupdates: '10'", ':3: updates: should be a valid integer, not "10"'),
        ("method: exact\nname: a\nupdates: 1.5", ":3: updates: should be a valid integer, not 1.5"),
        ("method: exact\nname: a\nbfloat16: 1", ":3: bfloat16: should be a valid boolean, not 1"),
        ("method: exact\nname: a\nseed: 1\nseed: 2", ":4: not valid YAML: 'seed' is there twice, first in line 3"),
        ("method: exact\nname: a\ngoal: chese", ":3: goal: unknown goal 'chese': did you mean cheese"),
        ("method: exact", ":1: name: is missing"),
        ("method: exacct\nname: a", ":1: method: unknown method 'exacct': did you mean exact"),
        ("method: [exact]\nname: a", ":1: method: unknown method"),
        ("name: a", "names no method; one of imitation"),
        ("- a", "names no method"),
        ("a: [", "not valid YAML"),
        ("", "names no method"),
    ],
)
def test_a_mistake_is_one_line(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(MazeInterpError) as caught:
        read_config(path)
    assert str(caught.value).startswith(str(path))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_config_is_what_the_file_says(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("method: imitation\nname: a\nregion: null\nlearning_rate: 1e-4\nsamples: 5120\n")
    assert read_config(path) == ImitationConfig("a", region=None, learning_rate=1e-4, samples=5120)


def test_the_configs_in_the_box_are_read() -> None:
    configs = {path.stem: read_config(path) for path in Path("scripts/configs").glob("*.yaml")}
    assert configs
    assert {name: config.name for name, config in configs.items()} == {name: name for name in configs}
