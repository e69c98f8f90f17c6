"""`maze-interp patch`: its files, its figures against its rows, and bad input in one line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from maze_interp.commands.main import COMMANDS, main
from maze_interp.commands.patch import patch
from maze_interp.policies.architectures.impala import Impala
from maze_interp.report.patching import records
from maze_interp.studies.patch_tables import network_size, position_map, position_table, set_table
from maze_interp.sweeps.spread import cluster

SEEDS = "900000471:900000473"


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(COMMANDS, "patch", patch)


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    with pytest.raises(SystemExit) as ended:
        main(["patch", *map(str, arguments)])
    assert ended.value.code == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("maze-interp: ")]
    assert len(lines) == 1, lines
    return lines[0]


def test_a_run_writes_figures_tables_and_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    with cluster(1):
        main(["patch", "--seeds", SEEDS, "--layers", "embedder.block3_out", "--out", str(out)])
        printed = capsys.readouterr().out
        corner = refused(
            capsys, "--seeds", "900000000:900000001", "--layers", "embedder.fc", "--out", tmp_path / "none"
        )
    assert (
        "none of the levels 900000000:900000001 has a decision square and its cheese outside the top-right 3×3"
        in corner
    )
    assert "pairs: 2" in printed
    summary = json.loads((out / "summary.json").read_text())
    assert summary["layers"] == ["embedder.block3"]
    assert summary["seeds"] == SEEDS
    figures = summary["figures"]
    rows = pd.read_csv(out / "layers" / "layers.csv")
    lead = rows.query("metric == 'lead' and part == 'whole' and layer == 'embedder.block3'")
    assert figures["unpatched"]["lead"]["donor"]["mean"] == pytest.approx(lead["donor"].mean())
    whole = next(row for row in figures["by_layer"] if (row["layer"], row["part"]) == ("embedder.block3", "whole"))
    assert whole["mean"] == pytest.approx(1, abs=1e-4)
    sets = pd.read_csv(out / "sets" / "sets.csv").query("share == 0.9")
    count = next(row for row in figures["smallest_sets"] if row["share"] == 0.9 and row["figure"] == "count")
    assert count["mean"] == sets["count"].median()
    assert f"90% of the effect, block3: median {count['mean']:.3f}" in printed
    pictures = {path.stem for path in out.glob("*.png")}
    assert {"by_layer", "by_channel", "by_count", "counts", "channel_sets"} <= pictures
    assert {"field_whole"} <= pictures


def test_bad_input_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    unknown = refused(capsys, "--layers", "embedder.block2.res1.resad", "--out", out)
    assert "unknown layer 'embedder.block2.res1.resad': did you mean embedder.block2.res1.resadd" in unknown
    kind = refused(capsys, "--kind", "cheese-move", "--out", out)
    assert "cheese-move" in kind
    assert "cheese-moved" in kind
    assert "unknown agent 'rand_region_33'" in refused(capsys, "--agent", "rand_region_33", "--out", out)
    assert "the seed range 5:5 is empty" in refused(capsys, "--seeds", "5:5", "--out", out)
    assert not out.exists()


def test_the_size_of_the_network_counts_every_module() -> None:
    sides = {1: 16 * 32 * 32, 2: 32 * 16 * 16, 3: 32 * 8 * 8}
    # Each block: its convolution at full side, the pool, and two residuals of five modules.
    blocks = sum(side * (4 + 1 + 2 * 5) for side in sides.values())
    assert network_size(Impala(1)) == blocks + 2 * sides[3] + 2 * 256 + 15 + 1


def test_positions_are_counted_from_the_places() -> None:
    rows = [
        {
            **{"seed": seed, "layer": "a", "row": row, "column": column},
            **{
                "here_row": seed,
                "here_column": 1,
                "there_row": 0,
                "there_column": 2,
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
    here = table[table["place"] == "here"].set_index(["down", "right"])
    assert here.loc[(0, 0), "share"] == pytest.approx(0.2)
    assert here["n"].min() == 2, "offsets of less than a quarter of the five levels are left out"
    assert here["share"].drop((0, 0)).abs().max() == pytest.approx(0)
    image, extent = position_map(table[table["place"] == "there"])
    assert image.shape == (5, 3)
    assert extent == (-2.5, 0.5, 4.5, -0.5)
    assert np.nansum(image[:, 1]) == pytest.approx(5 * 0.1 / (5 * 0.5))


def test_set_figures_are_medians_of_counts_and_means_of_effects() -> None:
    rows = pd.DataFrame(
        {
            **{"layer": "a", "share": 0.9, "activations": 200, "count": [2, 4, 9], "reached": [0.9, 0.95, 1.0]},
            **{"random": [0.0, 0.1, 0.2], "here": [1, 2, 0], "p_here_after": [0.1, 0.2, 0.3]},
        }
    )
    table = set_table(rows, 1000).set_index("figure")["mean"]
    assert table["count"] == 4
    assert table["of_layer"] == pytest.approx(0.02)
    assert table["of_network"] == pytest.approx(0.004)
    assert table["random"] == pytest.approx(0.1)
    assert table["at_here"] == pytest.approx((0.5 + 0.5 + 0) / 3)
    assert table["p_here_after"] == pytest.approx(0.2)
    assert records(pd.DataFrame({"low": [np.nan, 1.0]})) == [{"low": None}, {"low": 1.0}]
