"""Probe studies: splits by level, scores, controls, planted truth, directions as edits, the command."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from maze_interp import ActivationStore, LevelSet, Maze, MazeInterpError, Recording, behaviour, record
from maze_interp.commands.main import COMMANDS, main
from maze_interp.commands.probe import probe_store
from maze_interp.edits.vectors import activation_difference
from maze_interp.plots.probe_maps import edits_figure, places_figure
from maze_interp.plots.probes import curve_figure, parts_figure, table_figure, write_pictures
from maze_interp.policies.architectures.impala import Impala
from maze_interp.policies.checkpoints import write_weights
from maze_interp.policies.pixels import activation_pixel
from maze_interp.probing.channels import channel_shares
from maze_interp.probing.controls import PIXELS, features, untrained_like
from maze_interp.probing.directions import ProbeEdits, edit_figures, fit_readout
from maze_interp.probing.examples import as_maps
from maze_interp.probing.files import load_probe
from maze_interp.probing.measuring import measure
from maze_interp.probing.plan import ProbeStudy, Reader
from maze_interp.probing.ridge import RidgeProbe
from maze_interp.probing.rows import Rows
from maze_interp.probing.scoring import folds_by_level
from maze_interp.probing.study import Tables, run_study
from maze_interp.probing.trial import Trial

BLOCK2, BLOCK3, FC = "embedder.block2.res1.resadd", "embedder.block3", "embedder.fc"
LEVELS = 40


@pytest.fixture(scope="module")
def store(untrained: Impala, tmp_path_factory: pytest.TempPathFactory) -> ActivationStore:
    """Two squares of each of forty easy levels, the mouse facing left."""
    levels = LevelSet(range(LEVELS), "easy", "half")
    wanted = Recording(untrained, "agent", levels, [BLOCK2, BLOCK3, FC], squares=2, facings=["left"])
    return record(wanted, tmp_path_factory.mktemp("store") / "store", workers=1)


@pytest.fixture
def study(store: ActivationStore, untrained: Impala) -> ProbeStudy:
    return ProbeStudy(store, untrained, [PIXELS, FC], ["maze_size"], region=3)


def test_every_second_level_has_a_cheese(store: ActivationStore) -> None:
    cheese, seed = store["cheese"][:], store["seed"][:]
    assert ((cheese[:, 0] >= 0) == (seed % 2 == 0)).all()
    assert LevelSet(range(2), "easy", "half").maze(0) == Maze.from_seed(0, "easy")


@pytest.mark.parametrize("folds", [1, 4])
def test_no_level_is_on_both_sides(folds: int) -> None:
    random = np.random.default_rng(0)
    levels = random.integers(30, size=400)
    splits = folds_by_level(levels, folds)
    assert len(splits) == folds
    for split in splits:
        assert not set(levels[split.train]) & set(levels[split.test])
        assert sorted([*split.train, *split.test]) == list(range(400))
    held_out = np.concatenate([split.test for split in splits])
    assert len(held_out) == 400 if folds == 4 else len(set(levels[held_out])) == 8
    again = folds_by_level(levels, folds)
    assert all(np.array_equal(a.test, b.test) for a, b in zip(splits, again, strict=True))


def test_a_study_never_fits_to_a_level_that_it_is_scored_on(study: ProbeStudy) -> None:
    for name in ("maze_size", "wall"):
        trial = Trial(study, name, study.examples(PIXELS, name))
        for fold in trial.folds:
            train, test = (set(trial.asked.levels[rows]) for rows in (fold.train, fold.test))
            assert not train & test
            assert train | test == set(range(LEVELS))


def test_too_few_levels() -> None:
    with pytest.raises(MazeInterpError, match="5 folds need at least 5 levels, there are 3"):
        folds_by_level([1, 1, 2, 3], 5)
    with pytest.raises(MazeInterpError, match="1 folds need at least 2 levels, there are 1"):
        folds_by_level([1, 1], 1)
    with pytest.raises(MazeInterpError, match="at least 1 fold, not 0"):
        folds_by_level([1, 2], 0)


def test_features_of_another_network(store: ActivationStore, untrained: Impala) -> None:
    rows = np.array([3, 9, 70])
    again = features(store, BLOCK2, rows, untrained)
    assert np.allclose(np.concatenate(list(again.batches())), store[BLOCK2][rows], atol=1e-5)
    before = torch.get_rng_state()
    other = untrained_like(untrained, seed=1)
    assert torch.equal(torch.get_rng_state(), before)
    assert other.embedder.fc.weight.shape == untrained.embedder.fc.weight.shape
    assert not torch.equal(other.embedder.fc.weight, untrained.embedder.fc.weight)
    pictures = np.concatenate(list(features(store, PIXELS, rows).batches()))
    assert np.array_equal(pictures, store["observation"][rows])
    maps = np.concatenate(list(as_maps(pictures, PIXELS).batches()))
    assert maps.shape == (3, 48, 16, 16)
    assert sorted(maps[1, :, 5, 7].tolist()) == sorted(pictures[1, 20:24, 28:32].ravel().tolist())
    with pytest.raises(MazeInterpError, match=r"embedder\.fc has no map of positions"):
        as_maps(store[FC][:2], FC)


@pytest.mark.parametrize("kernel", [1, 3])
def test_the_best_channels_around_a_square(store: ActivationStore, untrained: Impala, kernel: Literal[1, 3]) -> None:
    study = ProbeStudy(store, untrained, [BLOCK2], ["cheese_here"], 3, kernel=kernel, top_channels=(2,), controls=False)
    trial = Trial(study, "cheese_here", study.examples(BLOCK2, "cheese_here"))
    channels = store.columns[BLOCK2].shape[0]
    assert trial.asked.X.shape[1:] == (channels, kernel, kernel)
    ((reading,),) = trial.fit(trial.asked.y, channels=2)
    assert reading.probe.n_features_in_ == 2 * kernel**2
    scores = pd.DataFrame(measure(study, (BLOCK2, "cheese_here"))["scores"])
    assert {"located", "balanced_accuracy"} <= set(scores.query("part == '2 best channels'")["metric"])


@pytest.mark.parametrize(
    ("target", "reader", "plain"),
    [
        ("maze_size", "logistic", lambda C: LogisticRegression(C=C, max_iter=5000, tol=1e-8)),
        ("maze_size", "ridge-classes", RidgeClassifier),
        ("maze_size", "ridge", Ridge),
        ("value", "logistic", Ridge),  # a number is read as one whatever reads coordinates
    ],
)
def test_probes_are_scikit_learns(
    study: ProbeStudy, target: str, reader: Reader, plain: Callable[[float], Any]
) -> None:
    study = replace(study, reader=reader)
    asked = study.examples(FC, target)
    trial = Trial(study, target, asked)
    fitted = trial.fit(asked.y)
    (reading,), (fold,) = fitted[0], trial.folds
    X = study.store[FC][:].astype(float)
    pipeline = make_pipeline(StandardScaler(), plain(reading.strength)).fit(X[fold.train], asked.y[fold.train, 0])
    assert trial.guess(fitted)[:, 0] == pytest.approx(pipeline.predict(X[fold.test]), abs=1e-4)


def test_squares_are_read_where_they_are(study: ProbeStudy) -> None:
    """Each example's features are its pixel's channels (and with a kernel of 3 its neighbours'), in its own level."""
    for kernel in (1, 3):
        some = replace(study, kernel=kernel)
        asked = some.examples(BLOCK2, "cheese_here")
        cheese = np.flatnonzero(asked.y[:, 0] == 1)
        assert len(cheese) == LEVELS // 2
        rows = some.rows("cheese_here")
        assert len(set(study.store["seed"][rows])) == len(rows) == LEVELS
        for example in cheese:
            row = rows[asked.observation[example]]
            maze = Maze.from_seed(int(study.store["seed"][row]), "easy")
            assert maze.cheese is not None
            y, x = activation_pixel(maze, maze.cheese, BLOCK2)
            padded = np.pad(study.store[BLOCK2][row], ((0, 0), (1, 1), (1, 1)))
            around = padded[:, y + 1 : y + 2, x + 1 : x + 2] if kernel == 1 else padded[:, y : y + 3, x : x + 3]
            assert np.array_equal(asked.X.column[example], around)


def test_shares_of_channels() -> None:
    random = np.random.default_rng(0)
    X = random.normal(size=(500, 3, 2)) * np.array([1.0, 2.0, 1.0])[:, None]
    coef = np.zeros((1, 3, 2))
    coef[0, 0, 0], coef[0, 1, 1] = 2, 1
    shares = channel_shares(coef.reshape(1, -1), Rows(X), 3)
    first, second = (2 * X[:, 0, 0]).var(), X[:, 1, 1].var()
    assert shares == pytest.approx([first / (first + second), second / (first + second), 0])
    same = np.repeat(coef.reshape(1, -1), 3, axis=0)  # every class alike: no guess depends on it
    assert channel_shares(same, Rows(X), 3).tolist() == [0, 0, 0]


ASKED, TARGETS = [PIXELS, BLOCK3, FC], ["cheese_square_world", "cheese_here", "value"]


@pytest.fixture(scope="module")
def ran(store: ActivationStore, untrained: Impala, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Tables]:
    out = tmp_path_factory.mktemp("run")
    save = tmp_path_factory.mktemp("saved")
    study = ProbeStudy(store, untrained, ASKED, TARGETS, region=3, reader="ridge", save=save)
    tables = run_study(study, out / "run", workers=1)
    again = run_study(study, out / "run", workers=1)
    assert all(a.equals(b) for a, b in zip(vars(tables).values(), vars(again).values(), strict=True))
    named = Impala(untrained.settings["width"], "agent").eval()
    named.load_state_dict(untrained.state_dict())
    probe, card = load_probe(named, BLOCK3, "cheese_x_world", [save])
    assert isinstance(probe, RidgeProbe)
    assert card.scores["cheese_square_world"][0]["n"] == 5
    of_maps, _ = load_probe(named, BLOCK3, "cheese_here", [save])
    assert of_maps.predict(store[BLOCK3][:2]).shape == (2, 8, 8)
    return out / "run", tables


def test_a_study_has_every_control_beside_every_figure(ran: tuple[Path, Tables]) -> None:
    out, tables = ran
    scores = tables.scores
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
    assert summary["agent"] == "agent"
    assert summary["cheese"] == "half"
    here = tables.places.query("layer == @BLOCK3 and target == 'cheese_square_world'")
    assert here["levels"].sum() == 5
    shares = tables.channels.groupby(["layer", "target"])["share"].sum()
    assert shares.to_numpy() == pytest.approx(1)


def test_a_stopped_study_goes_on(ran: tuple[Path, Tables], tmp_path: Path, store: Any, untrained: Impala) -> None:
    out = Path(shutil.copytree(ran[0], tmp_path / "run"))
    parts = sorted((out / "parts").iterdir())
    kept = parts[0].stat().st_mtime_ns
    parts[-1].unlink()
    (out / "probes.csv").unlink()
    study = ProbeStudy(store, untrained, ASKED, TARGETS, region=3, reader="ridge")
    run_study(study, out, workers=1)
    assert parts[0].stat().st_mtime_ns == kept
    for name in ("probes.csv", "places.csv", "channels.csv", "summary.json"):
        assert (out / name).read_bytes() == (ran[0] / name).read_bytes()
    with pytest.raises(MazeInterpError, match="its folds is 1, not 2"):
        run_study(replace(study, folds=2), out, workers=1)


def test_pictures_say_what_they_show(ran: tuple[Path, Tables]) -> None:
    scores, places, _ = vars(ran[1]).values()
    axes = table_figure(scores).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["pixels", "block3", "fc"]
    metrics = [label.get_text().split("\n")[1] for label in axes.get_xticklabels()]
    assert metrics == ["accuracy", "balanced accuracy", "R²"]
    curve = curve_figure(scores, "cheese_square_world", "x_accuracy").axes[0]
    assert curve.get_xlabel() == "levels fitted to (log scale)"
    assert len(parts_figure(scores, "cheese_square_world").axes) == 3
    assert len(write_pictures(ran[1], ran[0], 15)) == 1 + 3 + 3 + 5
    assert places_figure(places, BLOCK3, "cheese_square_world", 15).axes[0].get_xlim() == (-0.5, 14.5)
    with pytest.raises(MazeInterpError, match="no scores to draw"):
        table_figure(scores[:0])
    with pytest.raises(MazeInterpError, match="no learning curve"):
        curve_figure(scores[scores["part"] == "all"], "value")


def test_directions_are_measured_at_natural_length(store: ActivationStore, untrained: Impala) -> None:
    readout = fit_readout(ProbeStudy(store, untrained, [BLOCK2], [], region=3), BLOCK2)
    maze = next(
        m
        for m in map(levels_with_decision, range(50, 90))
        if m is not None and m.cheese and readout.knows(m, m.cheese, m.top_right)
    )
    experiment = ProbeEdits(untrained, "agent", LevelSet(range(50, 51), "easy"), readout, strengths=(1.0,))
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
    figures = edit_figures(pd.DataFrame(rows))
    assert len(figures) == 6 * 5
    assert edits_figure(figures).axes[0].get_yticklabels()[0].get_text() == "none"
    assert experiment.rows(maze.with_cheese(None)) == []


def levels_with_decision(seed: int) -> Maze | None:
    maze = Maze.from_seed(seed, "easy")
    return maze if maze.decision_square is not None else None


@pytest.fixture
def agent(untrained: Impala, tmp_path: Path) -> Path:
    path = tmp_path / "agent.safetensors"
    write_weights(untrained, path)
    return path


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(COMMANDS, "probe", probe_store)


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    with pytest.raises(SystemExit) as ended:
        main(["probe", *map(str, arguments)])
    assert ended.value.code == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("maze-interp: ")]
    assert len(lines) == 1, lines
    return lines[0]


@pytest.mark.usefixtures("registered")
def test_bad_input_in_one_line(
    store: ActivationStore, agent: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--store", store.path, "--agent", agent, "--out", tmp_path / "out", "--workers", 1]
    assert "there is no activation store in" in refused(capsys, "--store", tmp_path, "--agent", agent)
    assert "unknown target 'cheese_square': did you mean cheese_square" in refused(
        capsys, *given, "--target", "cheese_square"
    )
    assert "unknown recorded layer 'embedder.fd': did you mean embedder.fc" in refused(
        capsys, *given, "--layer", "embedder.fd"
    )
    assert "holds 40 levels, not 41" in refused(capsys, *given, "--levels", 41)
    assert "41 folds need at least 41 levels, there are 40" in refused(capsys, *given, "--folds", 41)
    assert "such as 1,2,5, not '1;2'" in refused(capsys, *given, "--top_channels", "1;2")
    assert "the best of the 256 channels of embedder.fc are 1 to 255" in refused(
        capsys, *given, "--layer", "embedder.fc", "--top_channels", "1,256"
    )
    assert not (tmp_path / "out" / "probes.csv").exists()
    assert "was recorded from agent agent with weights" in refused(
        capsys, "--store", store.path, "--agent", "rand_region_3_easy", "--out", tmp_path / "out"
    )


def test_nothing_to_learn_from(store: ActivationStore, untrained: Impala, tmp_path: Path) -> None:
    study = ProbeStudy(store, untrained, [FC], ["cheese_present"], region=3, levels=1)
    with pytest.raises(MazeInterpError, match="every observation of the store has the label 1 for cheese_present"):
        run_study(study, tmp_path / "one", workers=1)
    with pytest.raises(MazeInterpError, match="41 folds need at least 41 levels, there are 40"):
        run_study(replace(study, folds=41, levels=None), tmp_path / "folds", workers=1)
    with pytest.raises(MazeInterpError, match="no layer named has a map"):
        run_study(replace(study, targets=["wall"]), tmp_path / "map", workers=1)


def test_activations_that_are_not_numbers(store: ActivationStore, untrained: Impala, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(store.path, tmp_path / "copy"))
    with h5py.File(copy / "shard-00000.h5", "r+") as file:
        file[FC][5, 7] = np.nan
    broken = ProbeStudy(ActivationStore(copy), untrained, [FC], ["maze_size"], region=3)
    with pytest.raises(MazeInterpError, match=r"embedder\.fc holds NaN") as raised:
        run_study(broken, tmp_path / "run", workers=1)
    assert "\n" not in str(raised.value)
