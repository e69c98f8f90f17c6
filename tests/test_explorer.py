"""`explore`: the page holds what was measured, and its script shows it."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from maze_interp import LevelSet, Maze, behaviour, cheese_vector, edits, load_policy
from maze_interp.bundled import HELD_OUT
from maze_interp.commands.explore import explore
from maze_interp.commands.main import main
from maze_interp.edits.files import save
from maze_interp.explorer.page import explorer_page
from maze_interp.explorer.record import CORNER, NETWORKS, NO_CHEESE, NO_VALUE, OWN, PLAIN, Explored
from maze_interp.policies.architectures.impala import Impala
from maze_interp.policies.checkpoints import write_weights
from maze_interp.sweeps.experiment import run_experiment

LAYER = Impala.default_layer

SEEDS = range(HELD_OUT + 5, HELD_OUT + 7)  # of sizes 5 and 3
ZERO = edits.Zero(LAYER, channels=[1, 2, 3])


@pytest.fixture(scope="module")
def explored(untrained: Impala, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The finished run of an agent whose name is hostile to pages, with edits."""
    folder = tmp_path_factory.mktemp("explored")
    write_weights(untrained, folder / "<b>agent.safetensors")
    save(folder / "edits.yaml", [ZERO])
    explore(
        str(folder / "<b>agent.safetensors"),
        SEEDS.start,
        "easy",
        folder / "edits.yaml",
        export=folder / "run.html",
        levels=len(SEEDS),
        workers=1,
    )
    return folder / "run"


def unpacked(text: str, n: int) -> tuple[Any, Any, Any]:
    """Probabilities `[n, 5]`, visits `[n]` and value `[n]` of a cell of `squares`."""
    packed = zlib.decompress(base64.b64decode(text))
    assert len(packed) == 9 * n
    probs = np.frombuffer(packed, "u1", 5 * n).reshape(n, 5) / 255
    visits = np.frombuffer(packed, "<u2", n, 5 * n) / 100
    return probs, visits, np.frombuffer(packed, "<i2", n, 7 * n) / 100


def test_rows_are_the_exact_behaviour(untrained: Impala, explored: Path) -> None:
    rows = pd.read_csv(explored / "explored.csv")
    for seed in SEEDS:
        maze = Maze.from_seed(seed, "easy")
        places = [one for one in maze.squares if one != maze.start]
        some = rows[rows["seed"] == seed]
        assert len(some) == len(NETWORKS) * len(places) + len(NETWORKS) - 1
        for place in (None, places[0], places[-1]):
            one = maze.with_cheese(place)
            here = some[some["x"].isna()] if place is None else some[(some["x"] == place[0]) & (some["y"] == place[1])]
            told = here.set_index("network")
            assert (NO_CHEESE in told.index) == (place is not None)
            wanted: dict[str, list[Any]] = {PLAIN: [], OWN: [ZERO]}
            if place is not None:
                wanted[NO_CHEESE] = [edits.Add(LAYER, cheese_vector(untrained, one, LAYER), -1)]
            for network, changes in wanted.items():
                result, row = behaviour(untrained, one, changes), told.loc[network]
                assert row["p_cheese"] == pytest.approx(result.p_cheese, abs=1e-5)
                assert row["p_top_right"] == pytest.approx(result.p_top_right, abs=1e-5)
                assert row["moves"] == pytest.approx(result.expected_steps, abs=1e-2)
                assert row["to_cheese"] == pytest.approx(result.field.p_cheese, abs=1e-5, nan_ok=True) or (
                    np.isnan(row["to_cheese"]) and result.field.p_cheese is None
                )
                probs, visits, value = unpacked(row["squares"], len(maze.squares))
                for square, true, worth in zip(
                    result.field.squares, result.field.probs, result.field.value, strict=True
                ):
                    i = maze.squares.index(square)
                    assert probs[i] == pytest.approx(true, abs=0.51 / 255)
                    assert value[i] == pytest.approx(worth, abs=0.00501)
                    assert visits[i] == pytest.approx(result.occupancy[square[1], square[0]], abs=0.0051)


def page_data(page: str) -> Any:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found
    return json.loads(found[1])


def test_the_page_holds_every_row(explored: Path) -> None:
    rows = pd.read_csv(explored / "explored.csv")
    page = explored.with_suffix(".html").read_text()
    levels = page_data(page)["levels"]
    assert [level["seed"] for level in levels] == list(SEEDS)
    assert "<b>agent" not in page
    assert "://" not in page  # it asks for nothing
    records = [record for level in levels for record in level["records"]]
    assert [record["p_cheese"] for record in records] == rows["p_cheese"].tolist()
    for level in levels:
        maze = Maze.from_seed(level["seed"], "easy")
        squares = [tuple(square) for square in level["squares"]]
        assert squares == list(maze.squares)
        assert squares[level["cheese"]] == maze.cheese
        for place, square in enumerate(squares):
            if square != maze.start:
                decision = maze.with_cheese(square).decision_square
                told = level["decision"].get(str(place))
                assert (None if told is None else squares[told]) == decision


def test_the_script_shows_the_figures(explored: Path) -> None:
    """In a real browser: the first table of the page, of the largest level with procgen's cheese."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("there is no Chromium to run the page's script in")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=5000", "--dump-dom"]
    address = explored.with_suffix(".html").resolve().as_uri()
    shown = subprocess.run([browser, *options, address], capture_output=True, text=True, timeout=120).stdout
    level = max(page_data(shown)["levels"], key=lambda level: len(level["squares"]))
    maze = Maze.from_seed(level["seed"], "easy")
    rows = pd.read_csv(explored / "explored.csv").query("seed == @maze.seed")
    assert maze.cheese is not None
    here = rows[(rows["x"] == maze.cheese[0]) & (rows["y"] == maze.cheese[1])].set_index("network")
    told = re.findall(r'<th scope="row">(.*?)</th>(.*?)</tr>', shown)
    table = {words: re.findall(r"<td[^>]*>(.*?)</td>", cells) for words, cells in told}
    assert table["P(cheese)"] == [f"{here.loc[network, 'p_cheese']:.3f}" for network in NETWORKS]
    assert table["expected moves"] == [f"{here.loc[network, 'moves']:.1f}" for network in NETWORKS]
    assert shown.count('id="cheese"') == 1


def test_a_rule_has_no_vectors_and_no_value(tmp_path: Path) -> None:
    agent = "reference:shortest-to-cheese"
    experiment = Explored(load_policy(agent), agent, LevelSet(SEEDS[:1], "easy"))
    rows = run_experiment(experiment, tmp_path / "run", 1)
    assert set(rows["network"]) == {PLAIN}
    assert (rows["p_cheese"][rows["x"].notna()] == 1).all()
    (level,) = page_data(explorer_page(experiment, rows, 5))["levels"]
    _, _, value = unpacked(rows["squares"].iloc[-1], len(level["squares"]))
    assert sorted(set(value * 100)) == [NO_VALUE, 0]
    assert CORNER not in level["networks"]


def test_bad_input(capsys: pytest.CaptureFixture[str], explored: Path, tmp_path: Path) -> None:
    for arguments, message in (
        (["--agent", "rand_region_4"], "unknown agent 'rand_region_4': did you mean"),
        (["--levels", "0"], "greater than or equal to 1"),
        (["--edits", str(tmp_path / "no.yaml")], "there is no file"),
        (["--seed", "5", "--levels", "1", "--export", str(explored.with_suffix(".html"))], "belongs to another run"),
        (["--export", str(tmp_path / "new.htm")], "a name ending in .html"),
    ):
        with pytest.raises(SystemExit) as ended:
            main(
                ["explore", *arguments, *(() if "--export" in arguments else ("--export", str(tmp_path / "new.html")))]
            )
        assert ended.value.code == 2
        told = capsys.readouterr().err
        assert message in told
        assert told.count("\n") == 1
    assert not (tmp_path / "new").exists()
