"""What holds for every study: it measures an agent of another architecture, and its result is whole."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
from matplotlib.axes import Axes
from small_studies import random_agent, small_study

import maze_interp as mi
from maze_interp.commands.main import make_parser
from maze_interp.results.estimates import INTERVAL
from maze_interp.studies.registry import STUDIES
from maze_interp.studies.result import Result
from maze_interp.studies.study import Study


@dataclass(frozen=True)
class Ran:
    """A study, its folder and its result."""

    study: Study
    folder: Path
    result: Result


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return random_agent(tmp_path_factory.mktemp("agent"))


@pytest.fixture(scope="module", params=STUDIES)
def ran(request: pytest.FixtureRequest, agent: Path, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    study, folder = small_study(request.param, agent), tmp_path_factory.mktemp("runs") / request.param
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
