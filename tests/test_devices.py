"""Measuring follows the network to its device and precision: equal figures, and copies back to the host counted."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from small_studies import random_agent, small_study
from standin import NAME, OnDevice, StandIn
from torch import Tensor

import maze_interp as mi
from maze_interp import edits
from maze_interp.measure.channels import ablated_outputs
from maze_interp.policies import as_built
from maze_interp.policies.agents import load_network
from maze_interp.policies.architectures.impala import Impala
from maze_interp.policies.checkpoints import agent_hash
from maze_interp.policies.devices import batch_size, device_of, on_host, placed
from maze_interp.probing.controls import untrained_like
from maze_interp.studies.finetune.measure import interpolate
from maze_interp.sweeps.provenance import provenance

LAYER = "embedder.block2.res1.resadd"
MAZES = [mi.Maze.from_seed(seed, "easy") for seed in (3, 4)]
MAZE = MAZES[0]
SOURCE = edits.Observations(range(2), "easy")

Work = Callable[[Any], Any]

# What is measured, and how many copies to the host it may take: one for the figures, one more where a network is cut
# for the first time and both ways of running it are compared.
MEASURES: dict[str, tuple[Work, int]] = {
    "fields of two mazes": (lambda p: np.concatenate([field.probs for field in mi.vector_fields(p, MAZES)]), 1),
    "behaviours of two mazes": (lambda p: [one.p_cheese for one in mi.behaviours(p, MAZES)], 1),
    "zeroed": (lambda p: mi.vector_field(p, MAZE, edits.Zero(LAYER, 3)).probs, 1),
    "zeroed at a position": (lambda p: mi.vector_field(p, MAZE, edits.Zero(LAYER, 3, positions=[(1, 2)])).probs, 1),
    "scaled early": (lambda p: mi.vector_field(p, MAZE, edits.Scale("embedder.block1", 3, factor=2)).probs, 1),
    "resampled": (lambda p: mi.vector_field(p, MAZE, edits.Resample(LAYER, source=SOURCE)).probs, 1),
    "a pixel set": (lambda p: mi.vector_field(p, MAZE, edits.SetPixel(LAYER, [3], (2, 3), 2.0)).probs, 1),
    "a vector added": (lambda p: mi.vector_field(p, MAZE, edits.Add(LAYER, np.linspace(-1, 1, 32))).probs, 1),
    "retargeted": (lambda p: mi.retarget(p, MAZE, MAZE.squares[:9:4], channels=[3], value=2.0, layer=LAYER).p_visit, 2),
    "by the cheese": (lambda p: mi.retarget_by_cheese(p, MAZE, MAZE.squares[5:7]).p_visit, 2),
    "channels ablated": (
        lambda p: ablated_outputs(
            p, LAYER, mi.to_input(mi.observe(MAZE)), [3, 5], torch.zeros(2, 16, 16, device="cpu")
        ),
        2,
    ),
    "cheese vector": (lambda p: mi.cheese_vector(p, MAZE, LAYER), 0),
    "top-right vector": (lambda p: mi.top_right_vector(p, MAZE, LAYER), 0),
    "cache": (lambda p: p.run_with_cache(mi.to_input(mi.observe(MAZE)), LAYER)[2][LAYER], 0),
    "hooks": (lambda p: p.run_with_hooks(mi.to_input(mi.observe(MAZE)), [(LAYER, lambda a, _: 2 * a)])[0], 0),
}


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """The stand-in; its tensors, a subclass, count as plain ones, as a GPU's are."""
    plain = as_built._shapes
    raw: Work = lambda tensor: tensor.raw if isinstance(tensor, OnDevice) else tensor  # noqa: E731
    monkeypatch.setattr(as_built, "_shapes", lambda tensors: plain({k: raw(v) for k, v in tensors.items()}))
    with StandIn() as stand_in:
        yield stand_in


@pytest.fixture
def there(untrained: Impala, device: StandIn) -> Impala:
    return copy.deepcopy(untrained).to(NAME)


@pytest.fixture(scope="module")
def random_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return random_agent(tmp_path_factory.mktemp("agent"))


@pytest.mark.parametrize("name", MEASURES)
def test_a_measure_runs_where_the_network_is(name: str, untrained: Impala, device: StandIn, there: Impala) -> None:
    work, copies = MEASURES[name]
    expected, before = work(untrained), device.to_host
    found = work(there)
    assert device.to_host - before <= copies
    if isinstance(found, Tensor):
        assert isinstance(found, OnDevice)
        found = found.raw
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


def test_the_default_device_makes_no_difference(untrained: Impala, store: mi.ActivationStore) -> None:
    """What would be made on another device by default; on this one nothing can be computed."""
    resample = partial(mi.studies.resample, seeds=range(1), channels=(3, 5))
    works: dict[str, Work] = {
        **{name: work for name, (work, _) in MEASURES.items()},
        "mean": lambda p: mi.vector_field(p, MAZE, edits.Mean(LAYER, source=SOURCE)).probs,
        "paths": lambda p: mi.retarget(p, MAZE, channels=3, value=2.0, p_visit=False).path_probability,
        "reference": lambda p: mi.behaviour(mi.load_policy("reference:shortest-to-cheese"), MAZE).occupancy,
        "classes": lambda p: mi.probes.fit(store, "embedder.fc", "cheese_x_world").coef,
        "numbers": lambda p: mi.probes.fit(store, "embedder.fc", "cheese_x_world", probe="ridge").coef,
        "squares": lambda p: mi.probes.fit(store, LAYER, "wall", store.levels[:8], kernel=3).coef,
        "loaded": lambda p: next(mi.load_network().parameters()),
        "sweep": lambda p: mi.sweep(p, [3], "easy", horizon=9)["p_cheese"],
        "study": lambda p: [table.to_csv() for table in resample().run().tables.values()],
    }
    for name, work in works.items():
        expected = work(copy.deepcopy(untrained))
        with torch.device("meta"):
            found = work(copy.deepcopy(untrained))
        np.testing.assert_array_equal(found, expected, err_msg=name)


def test_copies_do_not_grow_with_the_mazes(device: StandIn, there: Impala) -> None:
    before = device.to_host
    assert len(list(mi.vector_fields(there, MAZES * 3))) == 6
    assert device.to_host - before == 1


def test_mazes_share_batches_and_the_next_is_drawn_before_the_last_is_waited_for(
    device: StandIn, there: Impala, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("maze_interp.measure.evaluate.batch_size", lambda device: 100)
    whole = [field.probs for field in mi.vector_fields(there, MAZES * 2)]
    drawn = 0

    def mazes() -> Iterator[mi.Maze]:
        nonlocal drawn
        for maze in MAZES * 2:
            drawn += 1
            yield maze

    fields = mi.vector_fields(there, mazes())
    first = next(fields)
    assert len(MAZE.squares) < 100 < sum(len(maze.squares) for maze in MAZES)  # two mazes a batch
    assert drawn == 4
    for field, probs in zip([first, *fields], whole, strict=True):
        assert np.array_equal(field.probs, probs)


def test_networks_made_from_one_run_where_it_does(device: StandIn, untrained: Impala, there: Impala) -> None:
    expected = [untrained_like(untrained, 3), interpolate(untrained, untrained_like(untrained), 0.5)]
    made = [untrained_like(there, 3), interpolate(there, untrained_like(there), 0.5)]
    for network, other in zip(made, expected, strict=True):
        assert device_of(network).type == NAME
        assert agent_hash(network) == agent_hash(other)


def test_a_mean_from_before_the_move_is_used_after_it(device: StandIn, untrained: Impala) -> None:
    network, edit = copy.deepcopy(untrained), edits.Mean(LAYER, [1], source=SOURCE)
    expected = mi.vector_field(network, MAZE, edit).probs
    np.testing.assert_allclose(mi.vector_field(network.to(NAME), MAZE, edit).probs, expected, rtol=0, atol=1e-6)


def test_a_sweep_and_a_store_are_the_same(device: StandIn, untrained: Impala, there: Impala, tmp_path: Path) -> None:
    for policy in (untrained, there):
        levels = mi.LevelSet(range(2), "easy")
        mi.record(mi.Recording(policy, "x", levels, [LAYER], squares=9), tmp_path / device_of(policy).type)
    here, away = (mi.ActivationStore(tmp_path / name) for name in ("cpu", NAME))
    assert (here.settings["device"], away.settings["device"]) == ("cpu", NAME)
    for column in (LAYER, "probs", "observation"):
        np.testing.assert_allclose(away[column][:], here[column][:], rtol=0, atol=1e-6)
    swept = [mi.sweep(policy, range(2), "easy") for policy in (untrained, there)]
    np.testing.assert_allclose(swept[1]["p_cheese"], swept[0]["p_cheese"], rtol=0, atol=1e-6)


# Not those that put others together, nor those that take long and whose measures stand above.
@pytest.mark.parametrize("name", ["field", "references", "values", "channels", "probe", "resample", "patch"])
def test_a_study_runs_where_it_is_told(name: str, random_weights: Path, device: StandIn) -> None:
    """Nearly equal, since behaviour is exact to 1e-9 only and ratios of random weights' rare visits show that."""
    fewer = {"seeds": range(900000000, 900000003)} if name == "patch" else {}
    expected = replace(small_study(name, random_weights), **fewer).run()
    study = replace(small_study(name, random_weights), **fewer)
    object.__setattr__(study, "device", NAME)  # which the command line would refuse
    result = study.run()
    assert [one.settings["device"] for one in (expected, result)] == ["cpu", NAME]
    for table, found in result.tables.items():
        pd.testing.assert_frame_equal(found, expected.tables[table], rtol=5e-3, atol=1e-4)


def test_bfloat16_is_near_float32() -> None:
    """Only when asked for. On these levels of the default agent no probability changes by .06, P(cheese) by .01 on
    average."""
    exact = load_network("rand_region_3_easy_imitation")
    rough = load_network("rand_region_3_easy_imitation", precision="bfloat16")
    assert {p.dtype for p in exact.parameters()} == {torch.float32}
    assert {p.dtype for p in rough.parameters()} == {torch.bfloat16}
    mazes = [mi.Maze.from_seed(seed, "easy") for seed in range(900_000_000, 900_000_010)]
    pairs = list(zip(mi.behaviours(exact, mazes), mi.behaviours(rough, mazes), strict=True))
    largest = max(np.abs(a.field.probs - b.field.probs).max() for a, b in pairs)
    mean = float(np.mean([abs(a.p_cheese - b.p_cheese) for a, b in pairs]))
    print(f"largest change of a probability {largest:.4f}, mean change of P(cheese) {mean:.4f}")
    assert 0 < largest < 0.06
    assert 0 < mean < 0.01


def test_a_rounded_network_is_the_same_agent() -> None:
    exact = load_network("rand_region_3_easy_imitation")
    rough = load_network("rand_region_3_easy_imitation", precision="bfloat16")
    assert agent_hash(rough) == agent_hash(copy.deepcopy(rough)) == agent_hash(exact)
    settings = provenance(rough, "x")
    assert (settings["device"], settings["precision"]) == ("cpu", "bfloat16")
    assert provenance(exact, "x")["precision"] == "float32"
    rough.linear("fc_value").bias.data += 1
    assert agent_hash(rough) != agent_hash(exact)


def test_placing() -> None:
    policy = placed(Impala(1), "auto")
    assert device_of(policy).type == ("cuda" if torch.cuda.is_available() else "cpu")
    assert device_of(torch.nn.ReLU()).type == "cpu"
    assert batch_size(torch.device("cpu")) < batch_size(torch.device("cuda"))
    assert on_host([torch.ones(1, dtype=torch.bfloat16), torch.zeros(1)]).dtype == np.float32
    for name in ("cuda:99", "gpu", "mars"):
        with pytest.raises(mi.MazeInterpError, match=f"no device '{name}'"):
            mi.load_policy(device=name)
    with pytest.raises(mi.MazeInterpError, match="unknown precision 'float16': did you mean"):
        mi.load_policy(precision="float16")  # type: ignore[arg-type]
