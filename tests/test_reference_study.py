"""The command and the section on reference policies: what is fitted where, tables that add up, bad input."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import maze_interp as mi
from maze_interp import MazeInterpError
from maze_interp.commands.references import references
from maze_interp.report.sections import references as section
from maze_interp.report.study import make_study
from maze_interp.studies.goal_models import MODELS, OWN, best_reference, gain, held_out_scores
from maze_interp.studies.references import COMPARED, RANDOM, SQUARES
from maze_interp.sweeps.spread import cluster


@pytest.fixture(scope="module")
def workers() -> Iterator[None]:
    """One process for all runs of this module."""
    with cluster(1):
        yield


@pytest.mark.usefixtures("workers")
def test_the_command_finds_the_rule_that_an_agent_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    agent, rule = "reference:right-wall", "right-wall"
    references(agent, "900000000:900000010", "800000000:800000010", mode="easy", out=tmp_path / "run")
    printed = capsys.readouterr().out
    assert "right hand on the wall: gains 1.000" in printed
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert (summary["agent"], summary["seeds"], summary["fitted_on"]) == (
        agent,
        "900000000:900000010",
        "800000000:800000010",
    )
    assert set(summary["figures"]["scores"]) == set(SQUARES)
    for squares in ("all", "visited"):
        scores = summary["figures"]["scores"][squares]
        assert {name for name, row in scores.items() if row["best"]} == {rule}
        assert scores[rule]["gain"] == pytest.approx(1, abs=1e-3)
        assert scores[OWN]["mean"] == 0  # it is certain of its moves
        assert scores[RANDOM]["gain"] == 0
        assert summary["figures"]["agreement"][squares][f"{rule} agreement"]["mean"] == 1
    fitted, reported = (pd.read_csv(tmp_path / "run" / name / "reference_moves.csv") for name in ("fitted", "reported"))
    assert set(fitted["seed"]) == set(range(800_000_000, 800_000_010))
    assert set(reported["seed"]) == set(range(900_000_000, 900_000_010))
    table = pd.read_csv(tmp_path / "run" / "weights.csv")
    assert len(table) == 16
    assert table[["shortest-to-cheese", "shortest-to-corner", "random"]].sum(axis=1).to_numpy() == pytest.approx(1)
    for picture in ("scores", "agreement", "weights"):
        assert (tmp_path / "run" / f"{picture}.png").stat().st_size > 5_000


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"choose": "900000005:900000007"}, "level 900000005 is among those to choose on and those to report on"),
        ({"agent": "reference:left"}, "unknown reference policy 'reference:left'"),
        ({"seeds": "5:5"}, "the seed range 5:5 is empty"),
    ],
)
def test_bad_input_before_anything_is_written(options: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(MazeInterpError, match=message):
        references(out=tmp_path / "run", **options)
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("workers")
def test_the_section_is_fitted_on_other_levels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("_LEVELS", 10), ("_FIT", 8)):
        monkeypatch.setattr(section, name, value)
    monkeypatch.setattr("maze_interp.report.study.FULL", 10)
    found = section.references_section(make_study(mi.DEFAULT_AGENT, tmp_path, 10, None))
    fitted, reported = (
        pd.read_csv(tmp_path / "references" / name / "reference_moves.csv") for name in ("fitted", "reported")
    )
    assert set(fitted["seed"]) == set(range(800_000_000, 800_000_008))
    assert set(reported["seed"]) == set(range(900_000_000, 900_000_010))
    scores = held_out_scores(MODELS, fitted, reported)
    assert found.numbers["visited_mixture_gain"].estimate == gain(scores, "mixture")
    assert best_reference(fitted) in COMPARED
    text = " ".join(found.body).format(**found.numbers)
    assert str(found.numbers["visited_mixture_gain"]) in text
    assert len(found.pictures) == 3
    for table in found.tables:
        assert {len(row) for row in table.rows} == {len(table.headings)}
    assert scores[OWN].mean() > scores["mixture"].mean() > scores[RANDOM].mean()


@pytest.mark.usefixtures("workers")
def test_levels_too_few_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("maze_interp.report.study.FULL", 1)
    monkeypatch.setattr(section, "_FIT", 1)
    monkeypatch.setattr(section, "_FIT_ON", 800_000_002)
    found = section.references_section(make_study(mi.DEFAULT_AGENT, tmp_path, 1, None))
    assert found.body[0].startswith("Not measured here: there is no square to")
