"""The estimators against scikit-learn's on data that fits in memory, against planted codes, and from stores."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_selection import f_classif, f_regression
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from maze_interp import ActivationStore, LevelSet, MazeInterpError, Recording, record
from maze_interp.policies.architectures.impala import Impala
from maze_interp.probing.checks import fold_numbers
from maze_interp.probing.convolutional import ConvProbe
from maze_interp.probing.errors import ProbeError
from maze_interp.probing.logistic import LogisticProbe
from maze_interp.probing.ridge import RidgeProbe
from maze_interp.probing.ridge_classes import RidgeClassProbe
from maze_interp.probing.rows import Rows
from maze_interp.probing.sparse import TopKProbe
from maze_interp.results.estimates import estimate

BLOCK3, FC = LAYERS = ("embedder.block3.res1.resadd", "embedder.fc")
PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)

Floats = NDArray[np.floating[Any]]


@pytest.fixture(scope="module")
def path(untrained: Impala, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten squares of each of forty levels, in several shards."""
    out = tmp_path_factory.mktemp("probes") / "store"
    levels = LevelSet(range(40), "easy", "anywhere")
    record(Recording(untrained, "agent", levels, LAYERS, 10, ("left",), "float16", 2**20), out, workers=1)
    return out


@pytest.fixture(scope="module")
def store(path: Path) -> ActivationStore:
    return ActivationStore(path)


def correlated(n: int, features: int, classes: int, seed: int = 0) -> tuple[Floats, NDArray[np.intp], NDArray[np.intp]]:
    """Features on unlike scales that share a few directions, noisy classes, and levels of ten rows."""
    random = np.random.default_rng(seed)
    hidden = random.normal(size=(n, 5))
    X = hidden @ random.normal(size=(5, features)) + 0.5 * random.normal(size=(n, features))
    X = X * random.uniform(0.1, 10, features) + 5 * random.normal(size=features)
    y = (hidden @ random.normal(size=(5, classes)) + random.normal(size=(n, classes))).argmax(1)
    return X, y, np.arange(n) // 10


def scaled(model: Any) -> Any:
    return make_pipeline(StandardScaler(), model)


READS_CHOSEN = {"check_estimators_nan_inf": "features that were not chosen are not read in predict"}


@parametrize_with_checks(  # type: ignore[untyped-decorator]
    [LogisticProbe(), RidgeClassProbe(), RidgeProbe(), TopKProbe(2), TopKProbe(2, RidgeProbe())],
    expected_failed_checks=lambda probe: READS_CHOSEN if isinstance(probe, TopKProbe) else {},
)
@pytest.mark.filterwarnings("ignore")
def test_scikit_learns_own_checks(estimator: Any, check: Callable[[Any], None]) -> None:
    assert check(estimator) is None  # type: ignore[func-returns-value]


@pytest.mark.parametrize("classes", [2, 3, 7])
@pytest.mark.parametrize(("n", "features"), [(300, 20), (60, 100)])
@pytest.mark.parametrize("C", [1e-3, 1.0, 100.0])
def test_logistic_equals_scikit_learn(n: int, features: int, classes: int, C: float) -> None:
    X, y, _ = correlated(n, features, classes)
    probe = LogisticProbe(C, tol=1e-9, max_iter=10_000).fit(X, y)
    model = scaled(LogisticRegression(C=C, tol=1e-9, max_iter=100_000)).fit(X, y)
    assert np.allclose(probe.predict_proba(X), model.predict_proba(X), rtol=0, atol=1e-5)
    assert np.allclose(probe.decision_function(X), model.decision_function(X), rtol=1e-4, atol=1e-3)
    assert np.allclose(probe.coef_ * model[0].scale_, model[1].coef_, rtol=1e-4, atol=1e-4)
    assert (probe.predict(X) == model.predict(X)).all()
    assert probe.score(X, y) == model.score(X, y)
    assert probe.coef_.shape == (1 if classes == 2 else classes, features)


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_logistic_in_single_precision(dtype: Any) -> None:
    X, y, _ = correlated(400, 30, 4)
    X = X.astype(dtype)
    probe = LogisticProbe(0.1).fit(X, y)
    model = scaled(LogisticRegression(C=0.1, tol=1e-8, max_iter=10_000)).fit(X.astype(float), y)
    assert probe.coef_.dtype == np.float32
    assert np.allclose(probe.predict_proba(X), model.predict_proba(X.astype(float)), rtol=0, atol=2e-3)


@pytest.mark.parametrize(("n", "features"), [(300, 20), (90, 200)])
def test_cross_validation_chooses_as_grid_search_does(n: int, features: int) -> None:
    X, y, levels = correlated(n, features, 3)
    standard = StandardScaler().fit_transform(X)
    probe = LogisticProbe(PENALTIES, folds=4, tol=1e-8, max_iter=10_000).fit(X, y, levels)
    model = LogisticRegression(tol=1e-8, max_iter=100_000)
    search = GridSearchCV(model, {"C": PENALTIES}, cv=GroupKFold(4)).fit(standard, y, groups=levels)
    assert search.best_params_["C"] == probe.C_
    assert probe.cv_scores_ is not None
    assert probe.cv_scores_.shape == (5, 4)
    assert np.allclose(probe.cv_scores_.mean(1), search.cv_results_["mean_test_score"])
    again = LogisticProbe(probe.C_, tol=1e-8, max_iter=10_000).fit(X, y)
    assert np.array_equal(again.coef_, probe.coef_)
    assert again.cv_scores_ is None


@pytest.mark.parametrize("targets", [None, 3])
@pytest.mark.parametrize(("n", "features"), [(300, 20), (60, 100)])
@pytest.mark.parametrize("alpha", [1e-2, 1.0, 1e3])
def test_ridge_equals_scikit_learn(n: int, features: int, targets: int | None, alpha: float) -> None:
    X, _, _ = correlated(n, features, 3)
    random = np.random.default_rng(1)
    y = X @ random.normal(size=features if targets is None else (features, targets))
    probe, model = RidgeProbe(alpha).fit(X, y), scaled(Ridge(alpha)).fit(X, y)
    assert np.allclose(probe.predict(X), model.predict(X), rtol=1e-6, atol=1e-6 * np.abs(y).max())
    assert np.allclose(probe.coef_ * model[0].scale_, model[1].coef_, rtol=1e-5, atol=1e-6 * np.abs(y).max())
    assert probe.coef_.shape == model[1].coef_.shape
    assert np.shape(probe.intercept_) == np.shape(model[1].intercept_)


@pytest.mark.parametrize(("n", "features"), [(1500, 400), (400, 900)])
def test_ridge_of_nearly_equal_features_in_single_precision(n: int, features: int) -> None:
    """Sums of products rounded to single precision would hide the penalty, and be no sums of squares."""
    random = np.random.default_rng(0)
    X = random.normal(size=(n, 2)) @ random.normal(size=(2, features)) + 1e-4 * random.normal(size=(n, features))
    X, y = X.astype(np.float32), random.normal(size=n)
    theirs = make_pipeline(StandardScaler(), Ridge(1e-2)).fit(X.astype(np.float64), y)
    ours = RidgeProbe(1e-2).fit(X, y)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X.astype(np.float64)), atol=2e-3)


@pytest.mark.parametrize(("n", "features"), [(300, 20), (90, 200)])
def test_ridge_cross_validation_chooses_as_grid_search_does(n: int, features: int) -> None:
    X, y, levels = correlated(n, features, 3)
    targets = np.stack([y, y**2], 1).astype(float)
    standard, alphas = StandardScaler().fit_transform(X), np.logspace(-1, 4, 6)
    probe = RidgeProbe(alphas, folds=4).fit(X, targets, levels)
    search = GridSearchCV(Ridge(), {"alpha": alphas}, cv=GroupKFold(4)).fit(standard, targets, groups=levels)
    assert search.best_params_["alpha"] == probe.alpha_
    assert probe.cv_scores_ is not None
    folds = [search.cv_results_[f"split{fold}_test_score"] for fold in range(4)]
    assert np.allclose(probe.cv_scores_, np.transpose(folds))


@pytest.mark.parametrize("classes", [2, 3, 7])
@pytest.mark.parametrize(("n", "features"), [(300, 20), (60, 100)])
@pytest.mark.parametrize("alpha", [1e-2, 1.0, 100.0])
def test_ridge_classes_equal_scikit_learn(n: int, features: int, classes: int, alpha: float) -> None:
    X, y, _ = correlated(n, features, classes)
    probe, model = RidgeClassProbe(alpha).fit(X, y), scaled(RidgeClassifier(alpha)).fit(X, y)
    assert np.allclose(probe.decision_function(X), model.decision_function(X), rtol=0, atol=1e-6)
    assert np.allclose(probe.coef_ * model[0].scale_, model[1].coef_, rtol=1e-5, atol=1e-7)
    assert (probe.predict(X) == model.predict(X)).all()
    assert probe.score(X, y) == model.score(X, y)
    assert probe.coef_.shape == (1 if classes == 2 else classes, features)


@pytest.mark.parametrize(("n", "features", "classes"), [(300, 20, 2), (300, 20, 4), (90, 200, 4)])
def test_ridge_classes_choose_as_grid_search_does(n: int, features: int, classes: int) -> None:
    X, y, levels = correlated(n, features, classes)
    alphas = (1e-2, 1.0, 100.0, 1e4)
    probe = RidgeClassProbe(alphas, folds=3).fit(X, y, levels)
    standard = StandardScaler().fit_transform(X)
    search = GridSearchCV(RidgeClassifier(), {"alpha": alphas}, cv=GroupKFold(3)).fit(standard, y, groups=levels)
    means = search.cv_results_["mean_test_score"]
    assert probe.cv_scores_ is not None
    assert probe.cv_scores_.mean(1) == pytest.approx(means)
    assert probe.alpha_ == max(
        alpha for alpha, mean in zip(alphas, means, strict=True) if np.isclose(mean, means.max())
    )


@pytest.mark.parametrize("make", [lambda: LogisticProbe((1e-3, 1e-2), 2, 1e-2), lambda: RidgeProbe((10.0, 100.0), 2)])
@pytest.mark.parametrize(("layer", "some"), [(FC, slice(None)), (BLOCK3, slice(0, 300, 2))])
def test_a_store_gives_the_bits_of_an_array(
    store: ActivationStore, make: Callable[[], Any], layer: str, some: slice
) -> None:
    several = {"numbers": 64}  # the smallest batch, to have several
    chosen = np.arange(len(store))[some]
    levels, y = store["seed"][chosen], store["cheese"][chosen][:, 0]
    array = store[layer][chosen]
    in_memory = make().fit(Rows(array, **several), y, levels)
    assert array.dtype == np.float16
    kept = make().fit(Rows(store[layer], chosen, **several), y, levels)
    stream = Rows(store[layer], chosen, memory=0, **several)
    streamed = make().fit(stream, y, levels)
    assert stream._kept is None
    for other in (kept, streamed):
        assert np.array_equal(other.coef_, in_memory.coef_)
        assert np.array_equal(other.intercept_, in_memory.intercept_)
        assert np.array_equal(other.cv_scores_, in_memory.cv_scores_)
    assert np.array_equal(streamed.predict(stream), in_memory.predict(array))


def test_one_matrix_serves_several_targets(store: ActivationStore) -> None:
    shared = Rows(store[BLOCK3])
    for y in store["cheese"][:].T:
        alone = LogisticProbe(1e-2).fit(Rows(store[BLOCK3]), y)
        assert np.array_equal(LogisticProbe(1e-2).fit(shared, y).coef_, alone.coef_)


def test_rows_behave_in_scikit_learns_tools(store: ActivationStore) -> None:
    X, y, levels = Rows(store[FC]), store["square"][:][:, 0], store["seed"][:]
    search = GridSearchCV(LogisticProbe(tol=1e-2), {"C": [1e-3, 1.0]}, cv=GroupKFold(3)).fit(X, y, groups=levels)
    expected = GridSearchCV(clone(search.estimator), {"C": [1e-3, 1.0]}, cv=GroupKFold(3))
    expected.fit(store[FC][:], y, groups=levels)
    assert np.array_equal(search.cv_results_["mean_test_score"], expected.cv_results_["mean_test_score"])
    doubled = make_pipeline(FunctionTransformer(lambda x: 2 * x), LogisticProbe()).fit(store[FC][:], y)
    assert doubled.score(store[FC][:], y) == pytest.approx(LogisticProbe().fit(X, y).score(X, y), abs=0.01)


@pytest.mark.parametrize("features", [50, 600])
def test_a_planted_code_is_found(features: int) -> None:
    random = np.random.default_rng(0)
    directions = np.linalg.qr(random.normal(size=(features, 4)))[0].T
    levels = np.arange(600) // 5
    y = random.integers(4, size=120)[levels]
    X = 8 * directions[y] + random.normal(size=(600, features)) + 3
    train = levels < 80
    probe = LogisticProbe(PENALTIES).fit(X[train], y[train], levels[train])
    assert probe.score(X[~train], y[~train]) > 0.99
    seen, planted = probe.coef_ - probe.coef_.mean(0), directions - directions.mean(0)
    assert (np.sum(seen * planted, 1) / np.linalg.norm(seen, axis=1) / np.linalg.norm(planted, axis=1) > 0.8).all()
    number = RidgeProbe((1.0, 10.0, 100.0)).fit(X[train], X[train] @ directions[0], levels[train])
    assert number.score(X[~train], X[~train] @ directions[0]) > 0.9


def test_without_a_code_the_score_is_chance() -> None:
    random = np.random.default_rng(3)
    levels = np.arange(1000) // 5
    y = random.integers(4, size=200)[levels]
    X = random.normal(size=(1000, 100)) + random.normal(size=(200, 100))[levels]  # each level is alike in itself
    train = levels < 100
    probe = LogisticProbe(PENALTIES).fit(X[train], y[train], levels[train])
    right = (probe.predict(X[~train]) == y[~train]).reshape(100, 5).mean(1)
    found = estimate(right - 0.25)
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0 < found.high
    assert probe.score(X[train], y[train]) > 0.4  # it did learn the levels it saw


def test_a_level_is_never_on_both_sides() -> None:
    levels = np.random.default_rng(0).integers(17, size=500)
    folds = fold_numbers(levels, 500, 5)
    assert set(folds) == set(range(5))
    for level in range(17):
        assert len(set(folds[levels == level])) == 1


def maps_with_labels(n: int = 40) -> tuple[Floats, NDArray[np.intp]]:
    """Labels that depend on the channel to the left, which only a kernel of 3 sees."""
    maps = np.random.default_rng(0).normal(size=(n, 3, 6, 5)).astype(np.float32)
    padded = np.pad(maps[:, 1], ((0, 0), (0, 0), (1, 0)))[:, :, :-1]
    return maps, (padded > 0).astype(int)


@pytest.mark.parametrize("kernel", [1, 3])
def test_conv_probe_equals_a_probe_of_patches(kernel: int) -> None:
    maps, y = maps_with_labels()
    mask = np.random.default_rng(1).random(y.shape) < 0.7
    reach = kernel // 2
    padded = np.pad(maps, ((0, 0), (0, 0), (reach, reach), (reach, reach)))
    patches = [
        padded[n, :, row : row + kernel, column : column + kernel].ravel() for n, row, column in np.argwhere(mask)
    ]
    levels = np.arange(40) // 4
    inner = LogisticProbe((1e-2, 1.0), folds=3, tol=1e-7)
    probe = ConvProbe(kernel, inner).fit(maps, y, levels, mask)
    expected = clone(inner).fit(np.array(patches), y[mask], levels[np.nonzero(mask)[0]])
    assert np.allclose(probe.probe_.coef_, expected.coef_, atol=1e-4)
    assert np.array_equal(np.asarray(probe.probe_.cv_scores_), np.asarray(expected.cv_scores_))
    assert probe.predict(maps).shape == y.shape
    assert np.allclose(probe.predict_proba(maps)[mask], expected.predict_proba(np.array(patches)), atol=1e-4)
    weights = torch.from_numpy(probe.probe_.coef_).reshape(1, 3, kernel, kernel)
    logits = torch.nn.functional.conv2d(torch.from_numpy(maps), weights, padding=reach)[:, 0].numpy()
    assert np.array_equal(logits + probe.probe_.intercept_ > 0, probe.predict(maps) == 1)
    assert (probe.score(maps, y, mask) > 0.9) == (kernel == 3)


def test_conv_probe_of_numbers_and_of_a_store(store: ActivationStore) -> None:
    maps = store[BLOCK3][:50]
    y = np.broadcast_to(maps[:, 3] * 2 + maps[:, 7], (50, 8, 8)).astype(float)
    for X in (maps, Rows(store[BLOCK3], np.arange(50))):
        probe = ConvProbe(1, RidgeProbe(1e-3)).fit(X, y)
        assert probe.score(X, y) > 0.999
        assert probe.probe_.coef_.argsort()[-2:].tolist() == [7, 3]


def test_top_k_ranks_as_the_analysis_of_variance_does() -> None:
    X, y, _ = correlated(200, 30, 4)
    probe = TopKProbe(6, LogisticProbe(1.0)).fit(X, y)
    order = np.argsort(-f_classif(X, y)[0])[:6]
    assert probe.selected_.tolist() == order.tolist()
    assert np.array_equal(probe.probe_.coef_, LogisticProbe(1.0).fit(X[:, order], y).coef_)
    assert probe.score(X, y) == (probe.predict(X) == y).mean()
    regression = TopKProbe(6, RidgeProbe()).fit(X, y.astype(float))
    assert regression.selected_.tolist() == np.argsort(-f_regression(X, y)[0])[:6].tolist()
    assert not hasattr(regression, "predict_proba")


def test_top_k_finds_the_planted_channels() -> None:
    random = np.random.default_rng(0)
    y = random.integers(16, size=400)
    maps = random.normal(size=(400, 12, 4, 4)).astype(np.float32)
    maps[np.arange(400), 5, y // 4, y % 4] += 4
    maps[np.arange(400), 9, y // 4, y % 4] += 3
    probe = TopKProbe(2, LogisticProbe(1e-2)).fit(maps[:300], y[:300])
    assert probe.selected_.tolist() == [5, 9]
    assert probe.explained_.shape == (12,)
    assert probe.score(maps[300:], y[300:]) > 0.9
    assert probe.probe_.n_features_in_ == 2 * 16


def test_top_k_selects_inside_the_training_part() -> None:
    random = np.random.default_rng(0)
    X, y = random.normal(size=(100, 2000)), random.integers(2, size=100)
    honest = cross_val_score(TopKProbe(10), X, y, cv=5).mean()
    leaked = cross_val_score(LogisticProbe(), X[:, TopKProbe(10).fit(X, y).selected_], y, cv=5).mean()
    assert honest < 0.65
    assert leaked > 0.8


def test_stopping_early_is_said() -> None:
    X, y, _ = correlated(200, 20, 3)
    with pytest.warns(ConvergenceWarning, match="max_iter = 2"):
        probe = LogisticProbe(max_iter=2).fit(X, y)
    assert probe.n_iter_ == 2


X, Y = np.arange(24.0).reshape(8, 3) % 7, np.arange(8) % 2
MIXED = np.sin(np.arange(90.0)).reshape(3, 30)  # to thirty features, of which three say all
SPOILED = np.where(np.arange(24).reshape(8, 3) == 13, np.nan, X)


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: LogisticProbe().fit(X, np.zeros(8)), "only one class among the labels, 0.0"),
        (lambda: LogisticProbe().fit(X, Y[:7]), "inconsistent numbers of samples"),
        (lambda: LogisticProbe((1.0, 2.0)).fit(X, Y, np.zeros(8)), "5 folds needs 5 levels or more, not 1"),
        (lambda: RidgeProbe((1.0, 2.0), 3).fit(X, Y, Y), "3 folds needs 3 levels or more, not 2"),
        (lambda: LogisticProbe((1.0, 2.0)).fit(X, Y, Y[:7]), "8 rows need as many groups"),
        (lambda: LogisticProbe(0.0).fit(X, Y), "C is a positive number or several, not 0.0"),
        (lambda: RidgeProbe(1e-300).fit(X @ MIXED, Y), "alpha 1e-300 is too small for features that depend on"),
        (lambda: LogisticProbe().fit(SPOILED, Y), "holds NaN in row 4, feature 1"),
        (lambda: RidgeProbe().fit(1 / X, Y), "holds infinity in row 0, feature 0"),
        (lambda: RidgeProbe().fit(Rows(SPOILED, [0, 3, 4]), Y[:3]), "holds NaN in row 4, feature 1"),
        (lambda: LogisticProbe().fit(X, Y).predict(SPOILED), "holds NaN in row 4, feature 1"),
        (lambda: LogisticProbe().fit(X, Y).predict(X[:, :2]), "expecting 3 features"),
        (lambda: LogisticProbe().fit(Rows(X), Y).predict(Rows(X[:, :2])), "expecting 3 features"),
        (lambda: LogisticProbe().fit(Rows(X, np.zeros(8, bool)), Y), "there is no row"),
        (lambda: RidgeProbe().fit(X, np.full(8, np.nan)), "contains NaN"),
        (lambda: TopKProbe(4).fit(X, Y), "k is 1 to n_features = 3"),
        (lambda: ConvProbe(2).fit(X.reshape(2, 3, 2, 2), Y.reshape(2, 2, 2)), "odd number of positions on a side"),
        (lambda: ConvProbe().fit(X, Y), "no map of positions"),
        (lambda: ConvProbe().fit(X.reshape(2, 3, 2, 2), Y), "need a label for each"),
        (lambda: ConvProbe().fit(X.reshape(2, 3, 2, 2), Y.reshape(2, 2, 2), mask=False), "no position"),
        (lambda: ConvProbe().fit(X.reshape(2, 3, 2, 2), Y.reshape(2, 2, 2), mask=Y), "a mask of shape"),
        (lambda: ConvProbe().fit(X.reshape(2, 3, 2, 2), Y.reshape(2, 2, 2), groups=Y), "2 maps need as many groups"),
        (lambda: ConvProbe().fit(SPOILED.reshape(2, 3, 2, 2), Y.reshape(2, 2, 2)), "row 1 at or next to position"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_bad_input_is_answered_in_one_line(act: Callable[[], Any], message: str) -> None:
    with pytest.raises(ProbeError, match=message) as error:
        act()
    assert isinstance(error.value, MazeInterpError)
    assert "\n" not in str(error.value)


def test_a_layer_with_nan_is_named(store: ActivationStore, monkeypatch: pytest.MonkeyPatch) -> None:
    spoiled = store[FC][:]
    spoiled[17, 3] = np.nan
    rows = Rows(store[FC], np.arange(10, 40))
    monkeypatch.setattr(rows, "_kept", spoiled[10:40])
    with pytest.raises(ProbeError, match=r"embedder\.fc holds NaN in row 17, feature 3"):
        LogisticProbe().fit(rows, np.arange(30) % 2)
