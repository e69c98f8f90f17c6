"""Every file of ours that is read: a key that stands twice is refused, with the file and the line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from maze_interp import ActivationStore, edits
from maze_interp.bundled import DEFAULT_AGENT, bundled_path
from maze_interp.errors import MazeInterpError
from maze_interp.policies.agents import agent_info
from maze_interp.probing.files import read_probe
from maze_interp.questions.forecasts import load_forecast
from maze_interp.questions.registry import load_questions
from maze_interp.questions.resolution_files import read_resolutions
from maze_interp.results.run_directory import run_directory
from maze_interp.studies.statistics.data import read_sweep
from maze_interp.training.config import read_config


def claim(path: Path) -> None:
    with run_directory(path.parent, {"study": "sweep"}):
        raise AssertionError("another run's folder was claimed")


def data(*parts: str) -> Callable[[], str]:
    """A reader of a bundled file's text."""
    return lambda: bundled_path("data", *parts).read_text()


def bundled_probe() -> Path:
    return next(bundled_path("probes").glob("*/*/*"))


RUN = json.dumps({"study": "sweep", "agent": "a", "horizon": 5}, indent=1)
EDITS = [{"kind": "Zero", "layer": "embedder.fc", "channels": [1]}]
READERS: dict[str, tuple[str, str, Callable[[], str], Callable[[Path], object]]] = {
    "edits": ("edits.yaml", "layer: ", lambda: "- kind: Zero\n  layer: embedder.fc\n  channels: [1]\n", edits.load),
    "edits as JSON": ("edits.json", '"layer": ', lambda: json.dumps(EDITS, indent=1), edits.load),
    "a training run": ("run.yaml", "name: ", lambda: "method: exact\nname: mine\nupdates: 3\n", read_config),
    "a forecast": (
        "forecast.yaml",
        "forecaster: ",
        data("forecasts", "nanda-2023.yaml"),
        lambda path: load_forecast(path, load_questions()),
    ),
    "questions": (
        "questions/asked.yaml",
        "kind: ",
        data("questions", "asked.yaml"),
        lambda path: load_questions(path.parent),
    ),
    "resolutions": (
        "resolution.yaml",
        "agent: ",
        data("resolutions", "rand_region_5_short.yaml"),
        lambda path: read_resolutions(path, load_questions()),
    ),
    "an agent's config": (
        "agents/mine/config.yaml",
        "training: ",
        lambda: (bundled_path("agents", DEFAULT_AGENT) / "config.yaml").read_text(),
        lambda path: agent_info("mine"),
    ),
    "a probe's card": (
        "probe/card.yaml",
        "layer: ",
        lambda: (bundled_probe() / "card.yaml").read_text(),
        lambda path: read_probe(path.parent),
    ),
    "the record of a run": ("run/run.json", '"agent": ', lambda: RUN, claim),
    "the record of a sweep": ("run/run.json", '"agent": ', lambda: RUN, lambda path: read_sweep(path.parent)),
    "the record of a store": ("run/run.json", '"agent": ', lambda: RUN, lambda path: ActivationStore(path.parent)),
}


@pytest.mark.parametrize("name", READERS)
def test_a_key_twice_is_refused_with_its_line(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file, key, text, read = READERS[name]
    path = tmp_path / file
    path.parent.mkdir(parents=True, exist_ok=True)
    if name == "an agent's config":
        shutil.copy(bundled_path("agents", DEFAULT_AGENT) / "weights.safetensors", path.parent)
    lines = text().splitlines()
    number = next(n for n, line in enumerate(lines) if line.lstrip(" -").startswith(key))
    again = lines[number].replace("-", " ", 1) if lines[number].lstrip().startswith("- ") else lines[number]
    twice = [*lines[: number + 1], again, *lines[number + 1 :]]
    path.write_text("\n".join(twice) + "\n")
    with pytest.raises(MazeInterpError, match="is there twice") as caught:
        read(path)
    assert f"{path.name}:{number + 2}:" in str(caught.value)
    assert "\n" not in str(caught.value)
    path.write_text("\n".join(lines) + "\n")
    message = refusal(read, path)
    assert message is None or "is there twice" not in message


def refusal(read: Callable[[Path], Any], path: Path) -> str | None:
    try:
        read(path)
    except (MazeInterpError, AssertionError) as error:
        return str(error)
    return None
