"""The study of reference policies: what is fitted where, tables that add up, pictures, bad input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import maze_interp as mi
from maze_interp import MazeInterpError
from maze_interp.studies.references.measure import COMPARED, RANDOM, SQUARES
from maze_interp.studies.references.mixtures import MODELS
from maze_interp.studies.references.scores import OWN, gain, held_out_scores

FITTED, REPORTED = range(800_000_000, 800_000_010), range(900_000_000, 900_000_010)


def test_the_rule_that_an_agent_is_predicts_it_best(tmp_path: Path) -> None:
    agent, rule = "reference:right-wall", "right-wall"
    result = mi.studies.references(agent=agent, seeds=REPORTED, choose=FITTED, mode="easy").run(tmp_path / "run")
    assert "right hand on the wall: 100.0% [100.0, 100.0] of the possible gain" in result.text
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert (summary["agent"], summary["seeds"], summary["choose"]) == (
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
    table = result.tables["weights"]
    assert len(table) == 16
    assert table[["shortest-to-cheese", "shortest-to-corner", "random"]].sum(axis=1).to_numpy() == pytest.approx(1)


def test_models_are_fitted_on_other_levels_than_scored(tmp_path: Path) -> None:
    result = mi.studies.references(seeds=REPORTED, choose=FITTED).run(tmp_path / "run")
    fitted, reported = (
        pd.read_csv(tmp_path / "run" / "rows" / name / "reference_moves.csv") for name in ("fitted", "reported")
    )
    assert (set(fitted["seed"]), set(reported["seed"])) == (set(FITTED), set(REPORTED))
    scores = held_out_scores(MODELS, fitted, reported)
    mixture = gain(scores, "mixture")
    assert result.numbers["scores"]["visited"]["mixture"]["gain"] == pytest.approx(mixture.mean)
    assert scores[OWN].mean() > scores["mixture"].mean() > scores[RANDOM].mean()
    assert mixture.mean is not None
    assert f"cheese or corner, one weight: {100 * mixture.mean:.1f}%" in result.text
    figures = result.figures
    assert len(figures["scores"].axes) == len(figures["agreement"].axes) == len(SQUARES)
    assert len(figures["scores"].axes[0].get_yticklabels()) == len(MODELS) == len(COMPARED) + 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"choose": range(900_000_005, 900_000_007)},
            "level 900000005 is among those to choose on and those to report on",
        ),
        ({"agent": "reference:left"}, "unknown reference policy 'reference:left'"),
        (
            {"seeds": range(900_000_000, 900_000_001), "choose": range(800_000_002, 800_000_003)},
            "there is no square to fit the mixture on",
        ),
    ],
)
def test_what_cannot_be_measured(options: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(MazeInterpError, match=message):
        mi.studies.references(**options).run(tmp_path / "run")
    assert "square" in message or not (tmp_path / "run").exists()


def test_smaller_sizes() -> None:
    study = mi.studies.references().sized(80)
    assert (len(study.seeds), len(study.choose)) == (80, 60)
