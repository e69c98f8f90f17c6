"""The study `patch`: its result against its rows, its pictures, and bad input in one line."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import maze_interp as mi
from maze_interp.commands.main import make_parser
from maze_interp.errors import MazeInterpError
from maze_interp.policies.agents import load_network
from maze_interp.policies.architectures.impala import Impala
from maze_interp.studies.patch.tables import channel_table, network_size, position_map, position_table, set_table
from maze_interp.studies.result import Result

LAYER = "embedder.block3"

AGENT = "rand_region_3_easy_imitation"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the run."""
    return tmp_path_factory.mktemp("patch") / "run"


@pytest.fixture(scope="module")
def result(folder: Path) -> Result:
    """The result of the run: two pairs, of which both have an effect."""
    return mi.studies.patch(agent=AGENT, seeds=range(900_000_471, 900_000_473), layers=f"{LAYER}_out").run(folder)


def test_a_result_against_its_rows(result: Result, folder: Path) -> None:
    rows = {path.stem: pd.read_csv(path) for path in (folder / "rows").glob("*/*.csv")}
    assert set(rows) == {"curves", "parts", "sets", "episodes", "layers", "channels", "transfer"}
    assert result.settings["layers"] == [LAYER]
    measured = rows["layers"].query("metric == 'probability_difference' and part == 'whole' and layer == @LAYER")
    assert result.numbers["unpatched"]["probability_difference"]["donor"].mean == pytest.approx(
        measured["donor"].mean()
    )
    by_layer = result.tables["by_layer"].set_index(["layer", "part", "metric"])["mean"]
    assert by_layer[LAYER, "whole", "probability_difference"] == pytest.approx(1, abs=1e-4)
    counts = rows["sets"].query("share == 0.9")["count"]
    figures = result.tables["smallest_sets"].query("share == 0.9").set_index("figure")["mean"]
    assert figures["count"] == counts.median()
    assert f"90% of the effect, block3: median {counts.median():.3f}" in result.text
    words = "the donor's cheese lies on the top-right square), where the whole effect is 0.2 or more"
    assert f"On 2 of 2 pairs of mazes ({words}" in result.statement
    assert f"on the move at the decision square has {counts.median():.0f} " in result.statement
    every = rows["sets"].query("share == 0.9")
    assert figures["without"] == pytest.approx(every["without"].mean())
    assert figures["further"] == every["further"].median()
    transfer = result.tables["transfer"].set_index("figure")["mean"]
    assert transfer["union"] == pytest.approx(rows["transfer"]["union"].mean())
    assert rows["transfer"]["seed"].tolist() == [900_000_472], "sets of the first half, tried on the second"
    assert {path.stem for path in folder.glob("*.csv")} == set(result.tables)


def test_the_pictures_show_what_was_measured(result: Result) -> None:
    assert {"by_count", "by_layer", "by_channel", "by_position_block3", "counts", "channel_sets", "field_whole"} <= set(
        result.figures
    )
    (curves,) = result.figures["by_count"].axes
    assert len(curves.lines) == 5, "a curve for each ranking"
    assert curves.get_title(loc="left") == "block3 (2,048)"
    depth, branches = result.figures["by_layer"].axes
    trunk = load_network(AGENT).trunk
    assert [label.get_text() for label in depth.get_xticklabels()] == [
        layer.removeprefix("embedder.") for layer in trunk if "fc" not in layer
    ]
    assert len(branches.get_xticklabels()) == 6
    assert len(result.figures["by_channel"].axes[0].get_xticklabels()) == 24
    change = result.pictures["field_whole"].figure
    assert len([axes for axes in change.axes if axes.get_title(loc="left")]) == 3


def test_the_report_has_the_same_study_with_the_default_layer() -> None:
    study = mi.studies.patch(kind="cheese-moved").sized(6)
    assert (study.layers, study.seeds) == (("default",), range(900_000_000, 900_000_006))
    parsed = make_parser().parse_args(shlex.split(study.command())[1:])
    assert parsed.study(parsed) == study


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layers": "embedder.block2.res1.resad"}, "unknown layer 'embedder.block2.res1.resad': did you mean"),
        ({"kind": "cheese-move"}, "kind cannot be 'cheese-move': it should be 'cheese-to-corner', 'cheese-moved'"),
        ({"agent": "rand_region_33"}, "unknown agent 'rand_region_33'"),
        ({"seeds": "5:5"}, "the seed range '5:5' is empty"),
        (
            {"seeds": "900000000", "layers": "embedder.fc"},
            r"none of the levels 900000000:900000001 has a decision square and its cheese outside the top-right 5×5",
        ),
    ],
)
def test_bad_input_in_one_line(options: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(MazeInterpError, match=message) as caught:
        mi.studies.patch(**options).run(tmp_path / "run")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run" / "summary.json").exists()


def test_the_size_of_the_network_counts_every_module() -> None:
    sides = {1: 16 * 32 * 32, 2: 32 * 16 * 16, 3: 32 * 8 * 8}
    # Each block: its convolution at full side, the pool, and two residuals of five modules.
    blocks = sum(side * (4 + 1 + 2 * 5) for side in sides.values())
    assert network_size(Impala(1)) == blocks + 2 * sides[3] + 2 * 256 + 15 + 1


def test_channels_are_ordered_on_other_levels_than_those_reported() -> None:
    rows = [
        {
            "seed": seed,
            "layer": "a",
            "channel": channel,
            "row": np.nan,
            "recipient": 0.0,
            "donor": 1.0,
            "patched": effect,
        }
        for seed, effects in {1: (0.1, 0.3, 0.2), 2: (0.5, 0.0, 0.25)}.items()
        for channel, effect in enumerate(effects)
    ]
    table = channel_table(pd.DataFrame(rows), 2)
    assert table["channel"].tolist() == [1, 2, 0]
    assert table["mean"].tolist() == [0.0, 0.25, 0.5]
    assert channel_table(pd.DataFrame(rows), 3).empty
    assert channel_table(pd.DataFrame(rows), 1).empty


def test_positions_are_counted_from_the_places() -> None:
    rows = [
        {
            **{"seed": seed, "layer": "a", "row": row, "column": column},
            **{
                "recipient_goal_row": seed,
                "recipient_goal_column": 1,
                "donor_goal_row": 0,
                "donor_goal_column": 2,
                "mouse_row": 1,
                "mouse_column": 0,
            },
            **{"recipient": 0.5, "donor": 1.0, "patched": 0.5 + 0.1 * (row == seed and column == 1)},
        }
        for seed in range(5)
        for row in range(5)
        for column in range(3)
    ]
    table = position_table(pd.DataFrame(rows))
    goal = table[table["place"] == "recipient_goal"].set_index(["down", "right"])
    assert goal.loc[(0, 0), "share"] == pytest.approx(0.2)
    assert goal["n"].min() == 2, "offsets of less than a quarter of the five levels are left out"
    assert goal["share"].drop((0, 0)).abs().max() == pytest.approx(0)
    image, extent = position_map(table[table["place"] == "donor_goal"])
    assert image.shape == (5, 3)
    assert extent == (-2.5, 0.5, 4.5, -0.5)
    assert np.nansum(image[:, 1]) == pytest.approx(5 * 0.1 / (5 * 0.5))


def test_set_figures_are_medians_of_counts_and_means_of_effects() -> None:
    rows = pd.DataFrame(
        {
            **{"layer": "a", "share": 0.9, "activations": 200, "count": [2, 4, 9], "reached": [0.9, 0.95, 1.0]},
            **{"random": [0.0, 0.1, 0.2], "recipient_goal": [1, 2, 0], "p_recipient_goal_after": [0.1, 0.2, 0.3]},
        }
    )
    table = set_table(rows, 1000).set_index("figure")["mean"]
    assert table["count"] == 4
    assert table["of_layer"] == pytest.approx(0.02)
    assert table["of_network"] == pytest.approx(0.004)
    assert table["random"] == pytest.approx(0.1)
    assert table["at_recipient_goal"] == pytest.approx((0.5 + 0.5 + 0) / 3)
    assert table["p_recipient_goal_after"] == pytest.approx(0.2)
