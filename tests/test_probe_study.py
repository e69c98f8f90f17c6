"""Probe studies: splits by level, scores, controls, planted truth, directions as edits, the command."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
from stores import BLOCK2, BLOCK3, FC, LEVELS, make_plan

import maze_interp as mi
from maze_interp import ActivationStore, LevelSet, Maze, MazeInterpError, Recording, behaviour, record
from maze_interp.commands.main import main, make_parser
from maze_interp.edits.vectors import activation_difference
from maze_interp.errors import Unmeasurable
from maze_interp.policies.architectures.impala import Impala
from maze_interp.probing.controls import PIXELS
from maze_interp.probing.files import load_probe
from maze_interp.studies.probe.edits import ProbeEdits, edit_effects, fit_place_probes
from maze_interp.studies.probe.figures import curve_figure, parts_figure, table_figure
from maze_interp.studies.probe.maps import edits_figure, places_figure
from maze_interp.studies.probe.parts import run_parts
from maze_interp.studies.probe.study import Probe
from maze_interp.studies.probe.trial import Trial
from maze_interp.studies.result import Result
from maze_interp.studies.runner import Run

ASKED, TARGETS = (PIXELS, BLOCK3, FC), ("cheese_square_world", "cheese_here", "value")


@pytest.fixture(scope="module")
def study(store: ActivationStore, agent: Path) -> Probe:
    return Probe(store=store.path, agent=str(agent), layers=ASKED, targets=TARGETS, probe="ridge")


@pytest.fixture(scope="module")
def ran(study: Probe, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    out = tmp_path_factory.mktemp("run") / "run"
    return out, study.run(out)


def test_every_control_is_beside_every_figure(ran: tuple[Path, Result]) -> None:
    out, result = ran
    scores, places, channels = (result.tables[name] for name in ("probes", "places", "channels"))
    asked = {(layer, target) for layer in (PIXELS, BLOCK3, FC) for target in ("cheese_square_world", "value")}
    assert set(map(tuple, scores[["layer", "target"]].to_numpy())) == asked | {
        (PIXELS, "cheese_here"),
        (BLOCK3, "cheese_here"),
    }
    for (layer, _), rows in scores.groupby(["layer", "target"]):
        assert {"true", "shuffled", "random", "majority"} == set(rows["labels"])
        assert {"selectivity"} <= set(rows["metric"])
        assert ("untrained" in set(rows["network"])) == (layer != PIXELS)
        curve = rows[(rows["part"] == "learning curve")]["training_levels"]
        assert curve.nunique() == 3
        assert curve.max() < rows["training_levels"].max()
    summary = json.loads((out / "summary.json").read_text())
    figure = summary["figures"][BLOCK3]["cheese_square_world"]
    row = scores.query("layer == @BLOCK3 and target == 'cheese_square_world' and metric == 'x_accuracy'").iloc[0]
    assert figure["x_accuracy"]["mean"] == row["value"]
    assert {"accuracy", "within_1", "untrained", "majority", "shuffled", "random", "selectivity"} <= figure.keys()
    assert (summary["agent"], summary["cheese"], summary["dtype"]) == ("agent", "half", ["float32"])
    at_layer = places.query("layer == @BLOCK3 and target == 'cheese_square_world'")
    assert at_layer["levels"].sum() == 5
    shares = channels.groupby(["layer", "target"])["share"].sum()
    assert shares.to_numpy() == pytest.approx(1)
    assert "a linear probe of fc predicts cheese_square_world" in result.statement
    main = result.tables["main"].set_index(["layer", "target"]).loc[(FC, "cheese_square_world")]
    assert f"{100 * main['mean']:.1f}%" in result.statement
    assert f"random weights {100 * main['untrained']:.1f}%" in result.statement


def test_probes_are_kept_and_saved_by_a_later_run(
    ran: tuple[Path, Result], study: Probe, store: ActivationStore, tmp_path: Path
) -> None:
    policy = study.policy
    cards = sorted((ran[0] / "probes").rglob("card.yaml"))
    assert len(cards) == 3 * 3 + 2  # two axes of a place and the value of three layers, maps of two
    out = Path(shutil.copytree(ran[0], tmp_path / "run"))
    again = replace(study, save=tmp_path / "saved").run(out)
    assert again.text == ran[1].text
    assert sorted(path.name for path in (tmp_path / "saved").rglob("*") if path.is_file()) == sorted(
        ["card.yaml", "probe.safetensors"] * len(cards)
    )
    probe, card = load_probe(policy, BLOCK3, "cheese_x_world", [tmp_path / "saved"])
    assert probe.kind == "ridge"
    assert card.scores["cheese_square_world"][0]["n"] == 5
    plan = study.plan(store)
    trial = Trial(plan, "cheese_square_world", plan.examples(BLOCK3, "cheese_square_world"))
    refitted = trial.fit(trial.asked.y)[0][0].probe
    assert np.array_equal(probe.predict(store[BLOCK3][:]), refitted.predict(store[BLOCK3][:]))
    of_maps, _ = load_probe(policy, BLOCK3, "cheese_here", [tmp_path / "saved"])
    assert of_maps.predict(store[BLOCK3][:2]).shape == (2, 8, 8)


def test_a_stopped_run_goes_on(ran: tuple[Path, Result], study: Probe, tmp_path: Path) -> None:
    out = Path(shutil.copytree(ran[0], tmp_path / "run"))
    parts = sorted((out / "parts").iterdir())
    kept = parts[0].stat().st_mtime_ns
    parts[-1].unlink()
    (out / "probes.csv").unlink()
    study.run(out)
    assert parts[0].stat().st_mtime_ns == kept
    for name in ("probes.csv", "places.csv", "channels.csv", "summary.json", "run.json"):
        assert (out / name).read_bytes() == (ran[0] / name).read_bytes()
    with pytest.raises(MazeInterpError, match="its folds is 1, not 2"):
        replace(study, folds=2).run(out)


def test_another_store_is_another_run(store: ActivationStore, untrained: Impala, agent: Path, tmp_path: Path) -> None:
    levels = LevelSet(range(LEVELS), "easy", "half")
    made = {
        "half": record(Recording(untrained, "agent", levels, [FC], 2, ["left"], "float16"), tmp_path / "half", 1),
        "single": record(Recording(untrained, "agent", levels, [FC], 2, ["left"]), tmp_path / "single", 1),
        "both": record(Recording(untrained, "agent", levels, [FC], 2), tmp_path / "both", 1),
    }
    settings = [Probe(store=store.path, agent=str(agent), targets=("maze_size",)).settings() for store in made.values()]
    assert [one["dtype"] for one in settings] == [["float16"], ["float32"], ["float32"]]
    assert len({one["store"] for one in settings}) == 3
    options: dict[str, Any] = {"agent": str(agent), "targets": ("maze_size",), "without_controls": True}
    Probe(store=made["half"].path, **options).run(tmp_path / "run")
    with pytest.raises(MazeInterpError, match=r"belongs to another run: its dtype is \['float16'\], not \['float32'\]"):
        Probe(store=made["single"].path, **options).run(tmp_path / "run")


def test_pictures_say_what_they_show(ran: tuple[Path, Result]) -> None:
    result = ran[1]
    scores, places = result.tables["probes"], result.tables["places"]
    axes = table_figure(scores).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["pixels", "block3", "fc"]
    metrics = [label.get_text().split("\n")[1] for label in axes.get_xticklabels()]
    assert metrics == ["accuracy", "balanced accuracy", "R²"]
    curve = curve_figure(scores, "cheese_square_world", "x_accuracy").axes[0]
    assert curve.get_xlabel() == "levels fitted to (log scale)"
    assert len(parts_figure(scores, "cheese_square_world").axes) == 3
    assert next(iter(result.figures)) == "table"
    assert set(result.figures) == {"table"} | {
        f"{kind}.{target}" for kind in ("curve", "parts") for target in TARGETS
    } | {f"places.{target}" for target in TARGETS[:2]}
    panels = [panel for panel in places_figure(places, "cheese_square_world", 15).axes if panel.get_title(loc="left")]
    assert [panel.get_title(loc="left") for panel in panels] == [
        f"cheese_square_world from {at}" for at in ("pixels", "block3", "fc")
    ]
    assert all(panel.get_xlim() == (-0.5, 14.5) for panel in panels)
    with pytest.raises(MazeInterpError, match="no scores to draw"):
        table_figure(scores[:0])
    with pytest.raises(MazeInterpError, match="no learning curve"):
        curve_figure(scores[scores["part"] == "all"], "value")


def test_a_store_of_its_own_for_the_report(tmp_path: Path) -> None:
    study = Probe.for_report("rand_region_3_easy_imitation", None, 0.03, {})
    assert study is not None
    assert study.levels == 12
    parsed = make_parser().parse_args(study.command().split()[1:])
    assert parsed.study(parsed) == study
    small = replace(study, layers=(FC,), targets=("maze_size",), without_controls=True)
    result = small.run(tmp_path / "run")
    recorded = ActivationStore(tmp_path / "run" / "store")
    assert recorded.levels == tuple(range(900_000_000, 900_000_012))
    given = Probe(store=recorded.path, targets=("maze_size",), without_controls=True).run(tmp_path / "given")
    pd.testing.assert_frame_equal(given.tables["probes"], result.tables["probes"])
    with pytest.raises(Unmeasurable, match="at least 12 levels, not 11"):
        small.sized(11).run(tmp_path / "few")
    assert not (tmp_path / "few").exists()


def test_what_a_notebook_calls(store: ActivationStore, untrained: Impala, tmp_path: Path) -> None:
    fitted = mi.probes.fit(store, FC, "maze_size", store.levels[:30])
    X, y = store[FC][:], store["size"][:]
    train = np.isin(store["seed"][:], range(30))
    alone = mi.probes.RidgeClassProbe([0.1, 1, 10, 100, 1000, 10000], 3).fit(
        X[train], y[train], store["seed"][:][train]
    )
    assert np.array_equal(fitted.predict(X), alone.predict(X))
    scores = mi.probes.score(fitted, store, FC, "maze_size", store.levels[30:])
    assert scores["accuracy"].mean == pytest.approx((fitted.predict(X) == y)[~train].mean())
    assert scores["accuracy"].n == 10
    mi.probes.save(fitted, untrained, FC, "maze_size", "0:30", tmp_path)
    loaded = mi.probes.load(untrained, FC, "maze_size", [tmp_path])
    assert np.array_equal(loaded.predict(X), fitted.predict(X))
    of_maps = mi.probes.fit(store, BLOCK3, "cheese_here", store.levels[:30])
    located = mi.probes.score(of_maps, store, BLOCK3, "cheese_here", store.levels[30:])
    maps = store[BLOCK3][:]
    assert of_maps.predict(maps).shape == (len(maps), 8, 8)
    assert located["accuracy"].n == 10
    assert {"cheese_x_world", "wall"} <= set(mi.probes.list_targets().index)
    with pytest.raises(MazeInterpError, match="has two axes; use cheese_x_world and cheese_y_world"):
        mi.probes.fit(store, FC, "cheese_square_world")
    with pytest.raises(MazeInterpError, match="asks what the agent does"):
        mi.probes.fit(store, FC, "p_cheese")


def test_directions_are_measured_at_natural_length(store: ActivationStore, untrained: Impala) -> None:
    probes = fit_place_probes(make_plan(store, untrained, [BLOCK2], []), BLOCK2)
    maze = next(
        m
        for m in map(levels_with_decision, range(50, 90))
        if m is not None and m.cheese and probes.knows(m, m.cheese, m.top_right)
    )
    experiment = ProbeEdits(untrained, "agent", LevelSet(range(50, 51), "easy"), probes, coefficients=(1.0,))
    rows = experiment.rows(maze)
    assert [row["edit"] for row in rows] == [
        "none",
        "whole-layer probe",
        "pixel probe",
        "moved cheese",
        "cheese vector",
        "random",
    ]
    natural = activation_difference(untrained, maze.with_cheese(maze.top_right), maze, BLOCK2).norm()
    assert [row["length"] for row in rows[1:]] == pytest.approx([float(natural)] * 5)
    plain = behaviour(untrained, maze)
    assert rows[0]["p_cheese"] == pytest.approx(plain.p_cheese)
    assert rows[0]["decision_p_cheese"] == pytest.approx(plain.field.p_cheese)
    assert len({round(row["decision_p_cheese"], 9) for row in rows}) > 3
    effects = edit_effects(pd.DataFrame(rows))
    assert len(effects) == 6 * 5
    assert edits_figure(effects).axes[0].get_yticklabels()[0].get_text() == "none"
    assert experiment.rows(maze.with_cheese(None)) == []


def levels_with_decision(seed: int) -> Maze | None:
    maze = Maze.from_seed(seed, "easy")
    return maze if maze.decision_square is not None else None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"targets": ("cheese_square",)}, "unknown target 'cheese_square': did you mean cheese_square"),
        ({"layers": ("embedder.fd",)}, "unknown recorded layer 'embedder.fd': did you mean embedder.fc"),
        ({"levels": 41}, "holds 40 levels, not 41"),
        ({"levels": 0}, "levels cannot be 0: it should be greater than or equal to 1"),
        ({"folds": 41}, "41 folds need at least 41 levels, there are 40"),
        ({"top_channels": "1;2"}, "top_channels cannot be '1;2'"),
        ({"layers": (FC,), "top_channels": (1, 256)}, "the best of the 256 channels of embedder.fc are 1 to 255"),
        ({"agent": "rand_region_3_easy_imitation"}, "was recorded from agent agent with weights"),
        ({"mode": "easy"}, "mode has no effect with store"),
        ({"edit_levels": 3}, "edit_levels has no effect without edit_layers"),
        ({"edit_layers": (BLOCK2, BLOCK3)}, "edit_layers takes one layer, not 2"),
        ({"edit_layers": (FC,)}, "embedder.fc has no map of positions"),
        ({"probe": "ridge", "targets": ("wall", "value")}, "probe ridge has no effect: no target is a coordinate"),
        ({"kernel": 3, "targets": ("value",)}, "kernel 3 has no effect: no target is asked of single squares"),
        ({"kernel": 2}, "kernel cannot be 2: it should be 1 or 3"),
        ({"layers": (PIXELS,), "top_channels": (1,)}, "top_channels has no effect on the picture itself"),
        ({"layers": (FC,), "targets": ("dead_end",), "folds": 2}, ""),
    ],
)
def test_bad_input_in_one_line(
    store: ActivationStore, agent: Path, tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    given: dict[str, Any] = {"store": store.path, "agent": str(agent), "without_controls": True}
    if not message:  # the picture has a map
        assert Probe(**{**given, **options}).plan(store).jobs == [(PIXELS, "dead_end")]
        return
    with pytest.raises(MazeInterpError, match=message) as raised:
        Probe(**{**given, **options}).run(tmp_path / "out")
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "out").exists()


def test_the_command_refuses_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["probe", "--store", str(tmp_path), "--workers", "1", "--out", str(tmp_path / "out")])
    assert "there is no activation store in" in capsys.readouterr().err


def test_labels_that_are_all_the_same(store: ActivationStore, untrained: Impala, tmp_path: Path) -> None:
    plan = make_plan(store, untrained, [FC], ["cheese_present"], levels=store.levels[:1])
    with pytest.raises(MazeInterpError, match="every observation of the store has the label 1 for cheese_present"):
        run_parts(plan, Run(tmp_path / "same"))
    with pytest.raises(MazeInterpError, match="no layer named has a map"):
        run_parts(replace(plan, targets=["wall"]), Run(tmp_path / "map"))


def test_activations_that_are_not_numbers(store: ActivationStore, agent: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(store.path, tmp_path / "copy"))
    with h5py.File(copy / "shard-00000.h5", "r+") as file:
        file[FC][5, 7] = np.nan
    with pytest.raises(MazeInterpError, match=r"embedder\.fc holds NaN") as raised:
        Probe(store=copy, agent=str(agent), layers=(FC,), targets=("maze_size",)).run(tmp_path / "run")
    assert "\n" not in str(raised.value)


def test_layers_may_be_a_group() -> None:
    study = Probe(agent="rand_region_5", layers=("trunk", PIXELS, "default"), levels=12)
    assert study.probed_layers == (PIXELS, *study.policy.trunk)
    assert Probe(agent="rand_region_5", levels=12).probed_layers == (PIXELS, *study.policy.output_layers)
