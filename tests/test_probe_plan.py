"""What a plan asks of a store: folds by level, features, and probes that are scikit-learn's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from stores import BLOCK2, FC, LEVELS, make_plan

from maze_interp import ActivationStore, LevelSet, Maze, MazeInterpError
from maze_interp.policies.architectures.impala import Impala
from maze_interp.policies.pixels import activation_pixel
from maze_interp.probing.channels import channel_shares
from maze_interp.probing.controls import PIXELS, features, untrained_like
from maze_interp.probing.examples import as_maps
from maze_interp.probing.kinds import ProbeKind
from maze_interp.probing.rows import Rows
from maze_interp.probing.scoring import folds_by_level
from maze_interp.studies.probe.measure import measure
from maze_interp.studies.probe.plan import Plan
from maze_interp.studies.probe.trial import Trial


@pytest.fixture
def plan(store: ActivationStore, untrained: Impala) -> Plan:
    return make_plan(store, untrained, [PIXELS, FC], ["maze_size"])


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


def test_no_probe_is_fitted_to_a_level_that_it_is_scored_on(plan: Plan) -> None:
    for name in ("maze_size", "wall"):
        trial = Trial(plan, name, plan.examples(PIXELS, name))
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
    options: dict[str, Any] = {"kernel": kernel, "top_channels": (2,), "controls": False}
    plan = make_plan(store, untrained, [BLOCK2], ["cheese_here"], **options)
    trial = Trial(plan, "cheese_here", plan.examples(BLOCK2, "cheese_here"))
    channels = store.columns[BLOCK2].shape[0]
    assert trial.asked.X.shape[1:] == (channels, kernel, kernel)
    ((fitted,),) = trial.fit(trial.asked.y, channels=2)
    assert fitted.probe.n_features_in_ == 2 * kernel**2
    scores = pd.DataFrame(measure(plan, (BLOCK2, "cheese_here")).tables["scores"])
    assert {"located", "balanced_accuracy"} <= set(scores.query("part == '2 best channels'")["metric"])


@pytest.mark.parametrize(
    ("target", "probe", "plain"),
    [
        ("maze_size", "logistic", lambda C: LogisticRegression(C=C, max_iter=5000, tol=1e-8)),
        ("maze_size", "ridge-classes", RidgeClassifier),
        ("maze_size", "ridge", Ridge),
        ("value", "logistic", Ridge),  # a number is predicted as one, whatever is fitted to coordinates
    ],
)
def test_probes_are_scikit_learns(plan: Plan, target: str, probe: ProbeKind, plain: Callable[[float], Any]) -> None:
    plan = replace(plan, probe=probe)
    asked = plan.examples(FC, target)
    trial = Trial(plan, target, asked)
    by_fold = trial.fit(asked.y)
    (fitted,), (fold,) = by_fold[0], trial.folds
    X = plan.store[FC][:].astype(float)
    pipeline = make_pipeline(StandardScaler(), plain(fitted.penalty)).fit(X[fold.train], asked.y[fold.train, 0])
    assert trial.guess(by_fold)[:, 0] == pytest.approx(pipeline.predict(X[fold.test]), abs=1e-4)


def test_squares_are_predicted_from_where_they_are(plan: Plan) -> None:
    """Each example's features are its pixel's channels (and with a kernel of 3 its neighbours'), in its own level."""
    for kernel in (1, 3):
        some = replace(plan, kernel=kernel)
        asked = some.examples(BLOCK2, "cheese_here")
        cheese = np.flatnonzero(asked.y[:, 0] == 1)
        assert len(cheese) == LEVELS // 2
        rows = some.rows("cheese_here")
        assert len(set(plan.store["seed"][rows])) == len(rows) == LEVELS
        for example in cheese:
            row = rows[asked.observation[example]]
            maze = Maze.from_seed(int(plan.store["seed"][row]), "easy")
            assert maze.cheese is not None
            y, x = activation_pixel(maze, maze.cheese, BLOCK2)
            padded = np.pad(plan.store[BLOCK2][row], ((0, 0), (1, 1), (1, 1)))
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
