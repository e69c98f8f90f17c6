"""Random input of every kind: it is taken in its meaning, or refused in one line; never a traceback, never another."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as some

import maze_interp as mi
from maze_interp import edits
from maze_interp.commands.main import commands, make_parser
from maze_interp.errors import MazeInterpError
from maze_interp.mazes.maze import MAX_SEED
from maze_interp.studies.options import option_name, read_value, written
from maze_interp.studies.registry import STUDIES
from maze_interp.sweeps.selection import parse_cheese, parse_seeds
from maze_interp.training.config import read_config

LAYER = "embedder.block2.res1.resadd"
COMMANDS, PARSER = commands(), make_parser()
OPTIONS = [(command, name) for command, content in COMMANDS.items() for name in content.options]

NUMBER = some.one_of(some.integers(-3, 40), some.integers(), some.floats(), some.integers(MAX_SEED - 2, MAX_SEED + 2))
WORDS = (
    " |auto|all|none|half|anywhere|easy|hard|default|true|1_0|0:4|4:0|0:4,2:6|:|3:|1,2|1,,2|1,1 2,2|-1|a:b|\0|٣|nan|1e3"
)
WORD = NUMBER.map(str) | some.sampled_from(["", LAYER, *WORDS.split("|")]) | some.text(max_size=6)
PLAIN = some.recursive(
    some.one_of(some.none(), some.booleans(), NUMBER, some.text(max_size=4), WORD),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)


def in_one_line(call: Callable[[], Any]) -> Any:
    """What a call gives, or None where it refuses."""
    message = ""
    try:
        return call()
    except MazeInterpError as error:
        message = str(error)
    assert "\n" not in message
    assert len(message) < 1000
    return None


@given(some.sampled_from(OPTIONS), WORD | PLAIN)
def test_an_option_is_read_back_as_it_is_written(option: tuple[str, str], value: Any) -> None:
    command, name = option
    kind = COMMANDS[command].options[name].type
    taken = in_one_line(lambda: read_value(kind, name, value))
    if taken is None:
        return
    assert not isinstance(value, bool) or kind is bool
    assert read_value(kind, name, taken) == taken
    if kind is not bool and taken not in ((), None):
        assert read_value(kind, name, written(taken)) == taken
    if isinstance(value, int | float) and isinstance(taken, int | float):
        assert taken == value


@given(some.sampled_from(sorted(STUDIES)), some.lists(some.tuples(some.sampled_from(OPTIONS), WORD), max_size=3))
def test_a_command_line_makes_a_study_or_a_line(command: str, given_options: list[tuple[tuple[str, str], str]]) -> None:
    words = [f"{option_name(name)}={value}" for (_, name), value in given_options]

    def make() -> Any:
        parsed = PARSER.parse_args([command, *words])
        return parsed.study(parsed)

    study = in_one_line(make)
    if study is not None:
        assert study.name == command
        assert in_one_line(study.command) is not None


SPANS = some.lists(
    some.one_of(
        some.integers(0, 60).map(lambda n: (n, n + 1)), some.tuples(some.integers(0, 60), some.integers(0, 60))
    ),
    min_size=1,
    max_size=4,
)


@given(SPANS)
def test_seeds_are_those_of_their_spans(spans: list[tuple[int, int]]) -> None:
    text = ",".join(str(first) if end == first + 1 else f"{first}:{end}" for first, end in spans)
    meant = [seed for first, end in spans for seed in range(first, end)]
    seeds = in_one_line(lambda: parse_seeds(text))
    refused = any(first >= end for first, end in spans) or len(set(meant)) < len(meant)
    assert (seeds is None) == refused
    assert seeds is None or list(seeds) == sorted(meant)


@given(some.one_of(some.lists(PLAIN, max_size=4), PLAIN), some.sampled_from(["easy", "hard"]) | PLAIN, PLAIN)
def test_a_level_set_has_the_levels_meant(seeds: Any, mode: Any, cheese: Any) -> None:
    levels = in_one_line(lambda: mi.LevelSet(seeds, mode, cheese))
    if levels is None:
        return
    if not isinstance(seeds, str):
        given_seeds = seeds if isinstance(seeds, list) else [seeds]
        assert all(type(seed) is int for seed in given_seeds)
        assert list(levels.seeds) == sorted(given_seeds)
    assert levels.distribution_mode == mode
    assert str(levels.cheese) == str(cheese) or int(cheese) == levels.cheese
    assert in_one_line(lambda: parse_cheese(cheese)) == levels.cheese
    maze = in_one_line(lambda: levels.maze(levels.seeds[0]))
    assert maze is None or maze.seed == levels.seeds[0]


@given(some.text(alphabet="#.CM\n x", max_size=40) | some.text(max_size=9))
def test_a_drawing_is_the_maze_it_shows_or_none(text: str) -> None:
    maze = in_one_line(lambda: mi.Maze.from_ascii(text, "easy"))
    if maze is not None:
        drawn = "\n".join(line.strip() for line in text.strip().splitlines())
        assert maze.to_ascii() == (drawn if "M" in drawn else maze.to_ascii())
        assert maze.to_ascii().replace("M", ".") == drawn.replace("M", ".")


FIELDS = some.fixed_dictionaries(
    {"kind": some.sampled_from([*edits.files.KINDS, "zero"])},
    optional={
        "layer": some.just(LAYER) | PLAIN,
        "channels": some.lists(some.integers(0, 31), min_size=1, max_size=3) | some.just("all") | PLAIN,
        "positions": PLAIN,
        "factor": NUMBER | PLAIN,
        "pixel": some.lists(some.integers(0, 9), min_size=2, max_size=2) | PLAIN,
        "value": NUMBER | PLAIN,
        "fill": PLAIN,
        "vector": some.lists(some.floats(-2, 2), min_size=1, max_size=3) | PLAIN,
        "source": some.fixed_dictionaries({"levels": some.lists(some.integers(0, 9), max_size=2)}) | PLAIN,
        "seed": NUMBER,
    },
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")


@given(some.lists(FIELDS, max_size=2), some.sampled_from(["yaml", "json"]))
def test_a_file_of_edits_is_what_it_says_or_refused(folder: Path, entries: list[dict[str, Any]], form: str) -> None:
    path = folder / f"edits.{form}"
    path.write_text(json.dumps(entries) if form == "json" else yaml.safe_dump(entries, allow_unicode=True))
    loaded = in_one_line(lambda: edits.load(path))
    if loaded is None:
        return
    assert [type(edit).__name__ for edit in loaded] == [entry["kind"] for entry in entries]
    for edit, entry in zip(loaded, entries, strict=True):
        for name in ("channels", "factor", "value", "fill", "seed"):
            if name in entry and entry[name] != "all":
                kept = getattr(edit, name)
                assert kept == entry[name] or set(kept) == {
                    *(entry[name] if isinstance(entry[name], list) else [entry[name]])
                }
    again = folder / "again.yaml"
    edits.save(again, loaded)
    assert edits.load(again) == loaded


SETTINGS = some.dictionaries(
    some.sampled_from(
        ["name", "region", "updates", "samples", "batch", "width", "seed", "discount", "learning_rate", "x"]
    ),
    PLAIN,
    max_size=4,
)


@given(some.sampled_from(["exact", "imitation"]) | PLAIN, SETTINGS)
def test_a_training_run_is_what_its_file_says_or_refused(folder: Path, method: Any, settings: dict[str, Any]) -> None:
    path = folder / "run.yaml"
    path.write_text(yaml.safe_dump({"method": method, "name": "mine", **settings}, allow_unicode=True))
    run = in_one_line(lambda: read_config(path))
    if run is not None:
        for name, value in settings.items():
            assert getattr(run, name) == value
            assert not isinstance(value, bool)
