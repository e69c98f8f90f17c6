"""What holds for every study: it measures an agent of another architecture, and its result is whole."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from matplotlib.axes import Axes
from torch import nn

import maze_interp as mi
from maze_interp.commands.main import make_parser
from maze_interp.policies.architectures.nature_cnn import NatureCNN
from maze_interp.policies.checkpoints import write_weights
from maze_interp.results.estimates import INTERVAL
from maze_interp.studies.registry import STUDIES
from maze_interp.studies.result import Result
from maze_interp.studies.statistics.data import LEAST
from maze_interp.studies.study import Study

FEW = range(900000002, 900000005)
CHOICE = "levels that call for a choice"
SMALL: dict[str, dict[str, Any]] = {
    "sweep": {"seeds": range(900000000, 900000006)},
    "field": {"seed": 900000003},
    "statistics": {"seeds": CHOICE, "repeats": 1, "refits": 2},
    "compare": {"seeds": CHOICE, "study_levels": 3, "repeats": 1, "refits": 2},
    "references": {"seeds": FEW, "choose": range(800000000, 800000003)},
    "dead-ends": {"seeds": FEW},
    "constructed": {"seeds": FEW},
    "values": {"seeds": FEW, "trained": range(3)},
    "channels": {"seeds": range(900000000, 900000002), "choose": range(2), "placements": 4, "untrained": 2},
    "probe": {"levels": 40, "layers": ("conv2",), "targets": ("cheese_here", "wall"), "without_controls": True},
    "ablate": {"seeds": range(900000003, 900000006), "layers": ("conv1",), "kinds": ("zero",), "exact_levels": 2},
    "resample": {"seeds": FEW, "channels": (1, 2), "draws": 1},
    "vectors": {"seeds": FEW, "coefficients": (-1, 1), "exact_levels": 2, "draws": 1, "sources": 1},
    "retarget": {"seeds": FEW[:2], "channels": (1, 2), "value": 3.0, "visits": 1, "draws": 1},
    "patch": {"seeds": range(900000000, 900000006), "layers": ("conv2",)},
    "finetune": {"seeds": FEW[:2], "steps": 600},
}
"""The smallest settings at which there is something to measure."""


@dataclass(frozen=True)
class Ran:
    """A study, its folder and its result."""

    study: Study
    folder: Path
    result: Result


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights whose moves differ from square to square and with the cheese."""
    torch.manual_seed(0)
    policy = NatureCNN().eval().requires_grad_(False)
    for name, parameter in policy.named_parameters():
        if parameter.ndim == 1:
            nn.init.zeros_(parameter)
        elif not name.startswith("fc_"):
            nn.init.kaiming_normal_(parameter)
    policy.fc_policy.weight *= 30
    mazes = [mi.Maze.from_seed(seed, "easy") for seed in range(6)]
    x = torch.cat([mi.to_input(mi.observe(maze, maze.squares[:12])) for maze in mazes])
    policy.fc_policy.bias.sub_(policy(x)[0].mean(0))  # else the same move everywhere
    path = tmp_path_factory.mktemp("agent") / "plain.safetensors"
    write_weights(policy, path)
    return path


@cache
def choices() -> list[int]:
    """Some levels, and as many with a decision square and the cheese outside the region as statistics need."""
    every = iter(range(900000000, 901000000))
    mazes = (mi.Maze.from_seed(seed, "easy") for seed in every)
    chosen = (maze.seed for maze in mazes if maze.decision_square and maze.cheese not in maze.region(5))
    return sorted({*range(900000000, 900000006), *islice(chosen, LEAST)})


def small(name: str, agent: Path) -> Study:
    given = {"agents": (f"{agent}:easy",)} if name == "compare" else {"agent": str(agent), "mode": "easy"}
    options = given | SMALL[name]
    return STUDIES[name](**options | ({"seeds": choices()} if options.get("seeds") == CHOICE else {}))


@pytest.fixture(scope="module", params=STUDIES)
def ran(request: pytest.FixtureRequest, agent: Path, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    study, folder = small(request.param, agent), tmp_path_factory.mktemp("runs") / request.param
    return Ran(study, folder, study.run(folder))


def bytes_under(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_the_folder_holds_the_result(ran: Ran) -> None:
    """Each table as CSV, each picture as PNG, and nothing else beside the summary and the rows."""
    written = {path.stem: path for path in ran.folder.glob("*.csv")}
    assert set(written) == set(ran.result.tables) != set()
    for name, table in ran.result.tables.items():
        assert list(pd.read_csv(written[name]).columns) == list(table.columns)
        assert len(pd.read_csv(written[name])) == len(table), name
    assert {path.stem for path in ran.folder.glob("*.png")} == set(ran.result.pictures) != set()
    assert set(ran.result.captions) <= set(ran.result.tables)


def test_the_summary_says_what_was_measured(ran: Ran, agent: Path) -> None:
    summary = json.loads((ran.folder / "summary.json").read_text())
    measured = summary["agents"][0] if ran.study.name == "compare" else summary
    assert measured["agent_hash"] == mi.agent_hash(mi.load_network(agent))
    assert summary["study"] == ran.study.name
    assert summary["interval"] == INTERVAL
    assert "seeds" in measured or "seed" in measured
    assert summary["figures"]


def test_the_command_makes_the_same_study(ran: Ran) -> None:
    summary = json.loads((ran.folder / "summary.json").read_text())
    assert summary["command"] == ran.result.command == ran.study.command()
    parsed = make_parser().parse_args(shlex.split(summary["command"])[1:])
    assert parsed.study(parsed) == ran.study


def test_the_statement_has_its_numbers_with_interval_or_number_of_levels(ran: Ran) -> None:
    statement = ran.result.statement
    assert statement.endswith(".")
    assert "\n" not in statement
    assert "nan" not in statement.lower().split()
    interval, levels = r"\[[+−-]?[\d.]+, [+−-]?[\d.]+\]", r"\d+ (easy )?(levels|pairs)|level \d+"
    assert re.search(f"{interval}|{levels}", statement), statement


def test_it_shows_itself(ran: Ran) -> None:
    assert len(repr(ran.result)) < 400
    assert ran.result.statement[:100] in repr(ran.result)
    html = ran.result._repr_html_()
    assert ran.result.title in html
    assert ran.result.statement.replace("'", "&#39;").replace('"', "&#34;") in html
    assert html.count("<figure>") == len(ran.result.pictures)


def test_every_picture_has_labels_and_a_caption(ran: Ran) -> None:
    for name, picture in ran.result.pictures.items():
        assert picture.caption.endswith("."), name
        assert picture.alt.endswith("."), name
        assert picture.figure.axes, name
        for axes in picture.figure.axes:
            assert is_described(axes), f"an axis of {name} is not described: {axes}"


def is_described(axes: Axes) -> bool:
    """Whether a panel has the label of an axis, a title or a text, or shares an axis with a panel that has a label."""
    if not (axes.get_visible() and axes.axison):
        return True
    shared = [*axes.get_shared_x_axes().get_siblings(axes), *axes.get_shared_y_axes().get_siblings(axes)]
    labels = [label for panel in shared for label in (panel.get_xlabel(), panel.get_ylabel())]
    return any(labels) or any(axes.get_title(place) for place in ("left", "center", "right")) or bool(axes.texts)


def test_a_second_run_changes_no_byte(ran: Ran) -> None:
    before = bytes_under(ran.folder)
    again = ran.study.run(ran.folder)
    assert again.text == ran.result.text
    assert bytes_under(ran.folder) == before
