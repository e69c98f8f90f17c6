"""Saved probes: what comes back, and files that are damaged, hostile or another agent's."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from safetensors.numpy import load_file, save_file

import maze_interp as mi
from maze_interp import MazeInterpError
from maze_interp.environment.levels import maze_from_seed
from maze_interp.policies.agents import load_network
from maze_interp.policies.architectures.impala import Impala
from maze_interp.policies.checkpoints import agent_hash
from maze_interp.probing.convolutional import ConvProbe
from maze_interp.probing.errors import ProbeError
from maze_interp.probing.files import Card, load_probe, read_probe, save_probe, saved_probes
from maze_interp.probing.linear import LinearProbe
from maze_interp.probing.logistic import LogisticProbe
from maze_interp.probing.ridge import RidgeProbe
from maze_interp.probing.ridge_classes import RidgeClassProbe
from maze_interp.probing.sparse import TopKProbe

LAYER = "embedder.block3"
RANDOM = np.random.default_rng(0)
MAPS = RANDOM.normal(size=(40, 6, 3, 3)).astype(np.float32)
CLASSES = np.arange(40) % 3 - 1.0
LEVELS = np.arange(40) // 4

FITTED: dict[str, Callable[[], Any]] = {
    "logistic": lambda: LogisticProbe(np.logspace(-3, 0, 3), 3).fit(MAPS, CLASSES, LEVELS),
    "two_classes": lambda: LogisticProbe(0.1).fit(MAPS.astype(float), CLASSES > 0),
    "ridge": lambda: RidgeProbe((1.0, 10.0), 2).fit(MAPS, CLASSES),
    "ridge_classes": lambda: RidgeClassProbe((1.0, 10.0), 2).fit(MAPS, CLASSES),
    "ridge_of_two": lambda: RidgeProbe(2).fit(MAPS, np.stack([CLASSES, LEVELS], 1)),
    "channels": lambda: TopKProbe(2, LogisticProbe(0.1)).fit(MAPS, CLASSES),
    "convolution": lambda: ConvProbe(3, RidgeProbe()).fit(MAPS, MAPS[:, 1] - MAPS[:, 2]),
    "both": lambda: ConvProbe(1, TopKProbe(3)).fit(MAPS, (MAPS[:, 1] > 0).astype(int)),
}


def card(policy: Impala, target: str = "cheese_x") -> Card:
    scores = {"accuracy": {"n": 400, "mean": 0.72, "low": 0.7, "high": 0.74}}
    about = {"agent": policy.name, "agent_hash": agent_hash(policy), "layer": LAYER, "levels": "0:100"}
    return Card(target=target, scores=scores, **about)


def fitted(name: str) -> LinearProbe:
    return LinearProbe.of(FITTED[name]())


@pytest.fixture
def folder(untrained: Impala, tmp_path: Path) -> Path:
    return save_probe(fitted("logistic"), card(untrained), tmp_path)


@pytest.mark.parametrize("name", FITTED)
def test_round_trip(name: str, untrained: Impala, tmp_path: Path) -> None:
    estimator = FITTED[name]()
    folder = save_probe(LinearProbe.of(estimator), card(untrained, name), tmp_path)
    assert folder == tmp_path / "untrained" / LAYER / name
    assert sorted(path.name for path in folder.iterdir()) == ["card.yaml", "probe.safetensors"]
    again, found = load_probe(untrained, f"{LAYER}_out", name, [tmp_path])
    assert found == card(untrained, name)
    assert again.predict(MAPS).dtype == estimator.predict(MAPS).dtype
    assert np.array_equal(again.predict(MAPS), estimator.predict(MAPS))
    if hasattr(estimator, "predict_proba"):
        assert np.array_equal(again.predict_proba(MAPS), estimator.predict_proba(MAPS))
    else:
        with pytest.raises(ProbeError, match="has no probabilities"):
            again.predict_proba(MAPS)
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    save_probe(again, found, tmp_path)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == first


def test_the_card_can_be_read(folder: Path) -> None:
    text = (folder / "card.yaml").read_text()
    content = yaml.safe_load(text)
    assert content["layer"] == LAYER
    assert content["scores"]["accuracy"]["mean"] == 0.72
    assert (content["probe"], content["kernel"]) == ("logistic", None)
    assert content["penalty"] == FITTED["logistic"]().C_
    assert len(text.splitlines()) < 20
    assert load_file(folder / "probe.safetensors").keys() == {"coef", "intercept", "classes"}


def test_a_probe_of_other_features_is_refused(untrained: Impala) -> None:
    for name in ("logistic", "channels", "convolution"):
        with pytest.raises(ProbeError, match=r"gives \d+ features, and the probe takes \d+"):
            fitted(name).predict(MAPS[:, :1] if name != "logistic" else MAPS[:, :2])


def test_saved_probes_are_listed_and_the_first_folder_wins(folder: Path, untrained: Impala, tmp_path: Path) -> None:
    other = tmp_path / "other"
    second = save_probe(fitted("ridge"), card(untrained), other)
    third = save_probe(fitted("ridge"), card(untrained, "value"), other)
    name = f"untrained/{LAYER}"
    assert saved_probes([tmp_path, other]) == {f"{name}/cheese_x": folder, f"{name}/value": third}
    assert saved_probes([other, tmp_path])[f"{name}/cheese_x"] == second
    with pytest.raises(MazeInterpError, match=rf"unknown saved probe '{name}/cheese_y': did you mean {name}/cheese_x"):
        load_probe(untrained, LAYER, "cheese_y", [tmp_path])


def test_a_probe_of_another_agent_is_refused(folder: Path, untrained: Impala, tmp_path: Path) -> None:
    torch.manual_seed(1)
    other = Impala(1)
    with pytest.raises(MazeInterpError, match=f"fitted on weights {agent_hash(untrained)}, not on {agent_hash(other)}"):
        load_probe(other, LAYER, "cheese_x", [tmp_path])
    shutil.copytree(folder, folder.parent / "cheese_y")
    with pytest.raises(MazeInterpError, match=r"is the card of .*cheese_x, not of"):
        load_probe(untrained, LAYER, "cheese_y", [tmp_path])


@pytest.mark.parametrize("kept", [0, 7, 100, -1])
@pytest.mark.parametrize("name", ["card.yaml", "probe.safetensors"])
def test_files_cut_short(folder: Path, name: str, kept: int) -> None:
    path = folder / name
    path.write_bytes(path.read_bytes()[:kept] if name.endswith("safetensors") or kept >= 0 else b"\xff\xfe\x00")
    with pytest.raises(MazeInterpError, match=name) as error:
        read_probe(folder)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["card.yaml", "probe.safetensors"])
def test_files_missing(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(MazeInterpError, match=name):
        read_probe(folder)


def test_numbers_of_another_probe_are_refused(folder: Path, untrained: Impala, tmp_path: Path) -> None:
    other = save_probe(fitted("ridge"), card(untrained, "other"), tmp_path)
    shutil.copy(other / "probe.safetensors", folder)
    with pytest.raises(MazeInterpError, match=r"not the file that .*card\.yaml describes"):
        read_probe(folder)


def _set(*keys: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(content: dict[str, Any]) -> None:
        for key in keys[:-1]:
            content = content[key]
        content[keys[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content.pop("layer"), r"card\.yaml:1: layer: is missing"),
        (_set("extra", value=1), "unknown field 'extra'"),
        (_set("agent", value=3), r"card\.yaml:1: agent: .*not 3"),
        (_set("scores", value="high"), "scores: should be fields"),
        (_set("probe", value=None), "probe: "),
        (_set("probe", value="logistc"), "unknown probe 'logistc': did you mean logistic"),
        (_set("probe", value="ridge"), "the arrays of the probe do not fit together"),
        (_set("kernel", value="os.system"), "kernel: "),
        (_set("penalty", value=[1.0]), "penalty: "),
    ],
)
def test_altered_cards(folder: Path, change: Callable[[dict[str, Any]], None], message: str) -> None:
    path = folder / "card.yaml"
    content = yaml.safe_load(path.read_text())
    change(content)
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    with pytest.raises(MazeInterpError, match=message):
        read_probe(folder)


def test_a_key_twice_in_a_card(folder: Path) -> None:
    path = folder / "card.yaml"
    path.write_text(path.read_text() + "layer: another\n")
    line = len(path.read_text().splitlines())
    with pytest.raises(MazeInterpError, match=rf"card\.yaml:{line}: not valid YAML: 'layer' is there twice"):
        read_probe(folder)


@pytest.mark.parametrize("text", ["!!python/object/apply:os.system [exit 1]", "[" * 500, "agent: [", "- 1", "1"])
def test_hostile_cards(folder: Path, text: str) -> None:
    (folder / "card.yaml").write_text(text)
    with pytest.raises(MazeInterpError, match=r"card\.yaml"):
        read_probe(folder)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("logistic", lambda a: a.pop("coef"), "lacks the array coef"),
        ("logistic", lambda a: a.update(other=a["coef"]), "unknown array in .*: 'other'"),
        ("logistic", lambda a: a.update(coef=a["coef"] * np.nan), "the coef of a probe are finite numbers"),
        ("logistic", lambda a: a.update(coef=a["coef"][1:]), "do not fit together"),
        ("logistic", lambda a: a.update(classes=a["classes"][1:]), "do not fit together"),
        ("ridge", lambda a: a.update(intercept=a["coef"]), "do not fit together"),
        ("ridge", lambda a: a.update(classes=np.arange(2.0)), "do not fit together"),
        ("channels", lambda a: a.update(channels=np.array([0, -1])), "do not fit together"),
        ("channels", lambda a: a.update(channels=np.array([0, 0])), "do not fit together"),
        ("channels", lambda a: a.update(channels=np.array([0.0, 1.0])), "do not fit together"),
        ("channels", lambda a: a.update(coef=a["coef"][:, 1:]), "do not fit together"),
    ],
)
def test_altered_numbers(
    name: str, change: Callable[[dict[str, Any]], Any], message: str, untrained: Impala, tmp_path: Path
) -> None:
    folder = save_probe(fitted(name), card(untrained), tmp_path)
    arrays = load_file(folder / "probe.safetensors")
    change(arrays)
    _replace_numbers(folder, arrays)
    with pytest.raises(MazeInterpError, match=message):
        read_probe(folder)


def _replace_numbers(folder: Path, arrays: dict[str, Any]) -> None:
    """With a card that says so: what somebody who means harm can do."""
    save_file({name: np.array(array, order="C") for name, array in arrays.items()}, folder / "probe.safetensors")
    content = yaml.safe_load((folder / "card.yaml").read_text())
    content["sha256"] = hashlib.sha256((folder / "probe.safetensors").read_bytes()).hexdigest()
    (folder / "card.yaml").write_text(yaml.safe_dump(content))


@pytest.mark.parametrize(
    ("make", "where", "message"),
    [
        (lambda: LogisticProbe(), "cheese_x", "a LogisticProbe is saved after it was fitted"),
        (
            lambda: LogisticProbe().fit(MAPS, CLASSES.astype(str)),
            "cheese_x",
            "the classes of a probe are finite numbers",
        ),
        (lambda: "text", "cheese_x", "a str is no probe; probes are RidgeClassProbe, LogisticProbe"),
        (FITTED["ridge"], "../cheese_x", "does not name a folder"),
        (FITTED["ridge"], ".hidden", "does not name a folder"),
    ],
)
def test_what_cannot_be_saved(
    make: Callable[[], Any], where: str, message: str, untrained: Impala, tmp_path: Path
) -> None:
    with pytest.raises(MazeInterpError, match=message):
        save_probe(LinearProbe.of(make()), card(untrained, where), tmp_path)
    assert not list(tmp_path.iterdir())


PREDICTED = {
    "cheese_here": "3255cfa7db05",
    "cheese_x_world": "029f0635564c",
    "cheese_y_world": "1547fad30d82",
    "mouse_x_world": "db13d27c7fe0",
    "mouse_y_world": "3d664799ed12",
    "move_to_cheese": "8a190f7a2398",
    "wall": "7efc1e9a1d25",
}
"""Hashes of what the bundled probes predicted when they were fitted, on the starts of twenty levels."""


def test_bundled_probes_predict_what_they_did_when_fitted() -> None:
    policy, layer = load_network(), "embedder.block2.res1.resadd"
    mazes = [maze_from_seed(seed, "easy") for seed in range(950_000_000, 950_000_020)]
    seen = np.concatenate([mi.observe(maze, [maze.start]) for maze in mazes])
    maps = policy.run_with_cache(mi.to_input(seen), [layer])[2][layer]
    assert [name.rpartition("/")[2] for name in saved_probes() if name.startswith(mi.DEFAULT_AGENT)] == [*PREDICTED]
    for target, digest in PREDICTED.items():
        predicted = mi.probes.load(policy, layer, target).predict(maps)
        assert hashlib.sha256(predicted.astype(np.int8).tobytes()).hexdigest()[:12] == digest, target


def test_bundled_probes_score_what_their_cards_say() -> None:
    policy, layer = load_network(), "embedder.block2.res1.resadd"
    names = [name for name in saved_probes() if name.startswith(f"{mi.DEFAULT_AGENT}/{layer}/")]
    assert len(names) == len(PREDICTED)
    mazes = [maze_from_seed(seed, "easy") for seed in range(950_000_000, 950_000_060)]  # others than in the card
    squares = [maze.squares[maze.seed % len(maze.squares)] for maze in mazes]
    squares = [maze.start if square == maze.cheese else square for maze, square in zip(mazes, squares, strict=True)]
    seen = np.concatenate([mi.observe(maze, [square]) for maze, square in zip(mazes, squares, strict=True)])
    _, _, cache = policy.run_with_cache(mi.to_input(seen), [layer])
    features = cache[layer].flatten(1).numpy()
    for axis, target in enumerate(("mouse_x_world", "mouse_y_world")):
        probe, card = load_probe(policy, layer, target)
        truth = [maze.padding + square[axis] for maze, square in zip(mazes, squares, strict=True)]
        (claimed,) = (one["value"] for one in card.scores["mouse_square_world"] if _is_accuracy(one, "xy"[axis]))
        share = float(np.mean(probe.predict(features) == truth))
        assert abs(share - claimed) < 0.15  # four standard errors of 60 levels


def _is_accuracy(one: dict[str, object], axis: str) -> bool:
    return (one["metric"], one["labels"]) == (f"{axis}_accuracy", "true")
