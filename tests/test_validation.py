"""Files checked against types: the config of an agent, and any content at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from pydantic import BaseModel

from maze_interp.bundled import bundled_path
from maze_interp.documents import dump_yaml, load_yaml
from maze_interp.errors import MazeInterpError, unknown_name
from maze_interp.policies.agent_config import AgentConfig
from maze_interp.questions.forecasts import ForecastFile
from maze_interp.questions.question import Question
from maze_interp.questions.resolutions import Resolutions
from maze_interp.validation import read_document

TYPES: list[type[BaseModel]] = [AgentConfig, ForecastFile, Question, Resolutions]
NAMES = sorted({name for kind in TYPES for name in kind.model_fields} | {"probe-70", "rule", "yes", "binary"})
CONTENT = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=5) | some.sampled_from(NAMES),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.sampled_from(NAMES), inner, max_size=9),
    max_leaves=20,
)


def test_configs_of_the_agents_in_the_box() -> None:
    configs = sorted(bundled_path("agents").glob("*/config.yaml"))
    assert len(configs) >= 9
    for path in configs:
        assert read_document(path, AgentConfig).model_dump(exclude_unset=True) == load_yaml(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("region: 3\ntraining: x\ndistribution_mod: easy", "3: distribution_mod: unknown field .* distribution_mode"),
        (
            "region: 3\ntraining: x\nmode: easy",
            "3: mode: unknown field .* distribution_mode.*; missing: distribution_mode$",
        ),
        ("region: 3\ntraining: x", "1: distribution_mode: is missing"),
        ("region: 3\ntraining: x\ndistribution_mode: esay", "3: distribution_mode: unknown .*did you mean easy"),
        ("region: 0\ntraining: x\ndistribution_mode: easy", "1: region: should be greater than or equal to 1, not 0"),
        ("region: '3'\ntraining: x\ndistribution_mode: easy", '1: region: should be a valid integer, not "3"'),
        ("region: 3\ntraining: [x]\ndistribution_mode: easy", "2: training: should be text"),
        ("region: 3\ntraining: ' '\ndistribution_mode: easy", "2: training: should have at least 1 character"),
        ("region: 3\nregion: 4", "2: not valid YAML: 'region' is there twice, first in line 1"),
        ("- region: 3", "1: should be fields, each a name and a colon"),
        ("!!set {a}", "1: not valid YAML: the tag 'tag:yaml.org,2002:set'; leave it out"),
    ],
)
def test_a_mistake_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(MazeInterpError, match=f"config.yaml:{message}") as caught:
        read_document(path, AgentConfig)
    assert "\n" not in str(caught.value)


def test_names_that_are_not_listed_are_farther_than_those_that_are() -> None:
    fields = str(unknown_name("field", "text", Question.model_fields))
    assert all(name in fields for name in Question.model_fields)
    layers = [f"embedder.block{block}.conv{conv}" for block in range(9) for conv in range(9)]
    assert "did you mean head, " in str(unknown_name("layer", "hxyz", [*layers, "head"]))
    assert str(unknown_name("layer", "hxyz", [*layers, "head"])).endswith(", or another of 82?")
    assert str(unknown_name("layer", "CONV", ["a", "Conv"])).endswith("did you mean Conv?")
    assert str(unknown_name("layer", "a", [])).endswith("there are none")


@given(CONTENT)
def test_any_content_is_read_or_refused_in_one_line(tmp_path_factory: pytest.TempPathFactory, content: Any) -> None:
    path = tmp_path_factory.mktemp("any") / "any.yaml"
    path.write_text(dump_yaml(content))
    for kind in TYPES:
        refusal = str(path)
        try:
            read_document(path, kind)
        except MazeInterpError as error:
            refusal = str(error)
        assert refusal.startswith(str(path))
        assert "\n" not in refusal
