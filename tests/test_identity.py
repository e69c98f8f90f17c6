"""What a run knows its network by: whatever decides the figures makes another run, or is refused."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils import prune

import maze_interp as mi
from maze_interp.errors import MazeInterpError
from maze_interp.policies.agents import import_agent
from maze_interp.policies.architectures.impala import Impala
from maze_interp.policies.identity import structure_hash
from maze_interp.studies.registry import STUDIES
from maze_interp.sweeps.experiment import run_experiment
from maze_interp.sweeps.provenance import provenance
from maze_interp.sweeps.sweep import LevelSweep

LAYER = "embedder.block2.res1.resadd"
LEVELS = mi.LevelSet(range(2), "easy")
SOURCE = mi.edits.Observations([1, 2], "easy")


class Turned(Impala):
    """A network of a user's own."""

    def outputs(self, x: Tensor) -> tuple[Tensor, Tensor]:
        logits, value = super().outputs(x.flip(3))
        return logits, value


class Scaled(nn.Module):
    """A layer of a user's own, whose repr says nothing of what it does."""

    shift: Tensor

    def __init__(self, factor: float = 1.0) -> None:
        super().__init__()
        self.factor = factor
        self.register_buffer("shift", torch.zeros(1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor + self.shift


def scaled_again() -> type[nn.Module]:
    """The class as it is after a cell of a notebook was changed and run again."""

    class Scaled(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x * 0.5

    return Scaled


def scaled_otherwise() -> type[nn.Module]:
    class Scaled(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x * 0.25

    Scaled.__qualname__ = scaled_again().__qualname__
    return Scaled


def put(module: nn.Module) -> Callable[[Impala], object]:
    return lambda policy: policy.set_submodule("embedder.relu3", module)


def shifted(by: float) -> nn.Module:
    module = Scaled()
    module.shift += by
    return module


OTHER_NETWORKS: dict[str, tuple[Callable[[Impala], object], Callable[[Impala], object]]] = {
    "a setting of torch's layer": (put(nn.LeakyReLU(0.1)), put(nn.LeakyReLU(0.2))),
    "an attribute of a layer of one's own": (put(Scaled(0.5)), put(Scaled(0.25))),
    "its code": (put(scaled_again()()), put(scaled_otherwise()())),
    "a buffer that no file holds": (put(shifted(0)), put(shifted(1))),
    "the precision": (lambda policy: None, lambda policy: policy.double()),
    "the weights": (lambda policy: None, lambda policy: policy.embedder.fc.weight.mul_(2)),
}


@pytest.mark.parametrize("name", OTHER_NETWORKS)
def test_another_network_is_another_run(policy: Impala, name: str, tmp_path: Path) -> None:
    one, other = copy.deepcopy(policy), copy.deepcopy(policy)
    for network, change in zip((one, other), OTHER_NETWORKS[name], strict=True):
        change(network)
    again = copy.deepcopy(one)
    assert provenance(one, "a") == provenance(again, "a")
    run_experiment(LevelSweep(one, "a", LEVELS, horizon=5), tmp_path / "run", 1)
    run_experiment(LevelSweep(again, "a", LEVELS, horizon=5), tmp_path / "run", 1)
    with pytest.raises(MazeInterpError, match=r"belongs to another run: its (agent|network)_hash"):
        run_experiment(LevelSweep(other, "a", LEVELS, horizon=5), tmp_path / "run", 1)


def made(forward: Callable[..., Tensor], **attributes: Any) -> nn.Module:
    """A layer whose class a user wrote, with attributes of the class."""
    return type("Made", (nn.Module,), {"forward": forward, **attributes})()


class Times:
    """An object that shows nothing of what it holds."""

    def __init__(self, by: float) -> None:
        self.by = by

    def __repr__(self) -> str:
        return "Times"

    def __call__(self, x: Tensor) -> Tensor:
        return x * self.by


GLOBAL = 1.0


def times_global(x: Tensor) -> Tensor:
    return x * GLOBAL


def with_helper(by: float, monkeypatch: pytest.MonkeyPatch) -> nn.Module:
    monkeypatch.setitem(globals(), "GLOBAL", by)
    return made(lambda self, x: times_global(x))


class Held(nn.Module):
    """A layer that is what it holds."""

    def __init__(self, _held: Any) -> None:
        super().__init__()
        self._held = _held

    def forward(self, x: Tensor) -> Tensor:
        return self._held(x)


def long_array(by: float) -> NDArray[np.float64]:
    """Numbers that a repr leaves out."""
    numbers = np.ones(5000)
    numbers[2500] = by
    return numbers


LAYERS: dict[str, Callable[[float], nn.Module]] = {
    "a variable around its code": lambda by: made(lambda self, x: x * by),
    "a default": lambda by: made(lambda self, x, factor=by: x * factor),
    "an attribute of the class": lambda by: made(lambda self, x: x * self.factor, factor=by),
    "a property": lambda by: made(lambda self, x: x * self.factor, factor=property(lambda self: by)),
    "an object": lambda by: Held(Times(by)),
    "a bound method": lambda by: Held(Times(by).__call__),
    "a partial function": lambda by: Held(partial(torch.mul, torch.tensor(by))),
    "a long array": lambda by: Scaled(long_array(by)),  # type: ignore[arg-type]
    "digits that a repr leaves out": lambda by: Scaled(np.array([1 + by * 1e-12])),  # type: ignore[arg-type]
    "what pooling divides by": lambda by: nn.AvgPool2d(3, 1, 1, count_include_pad=by > 1),
    "how corners are aligned": lambda by: nn.Upsample(scale_factor=1, mode="bilinear", align_corners=by > 1),
}


@pytest.mark.parametrize("name", LAYERS)
def test_all_that_a_layer_depends_on_is_recorded(policy: Impala, name: str) -> None:
    def hash_of(by: float) -> str:
        network = copy.deepcopy(policy)
        put(LAYERS[name](by))(network)
        return structure_hash(network)

    assert hash_of(1.0) == hash_of(1.0) != hash_of(2.0)


def test_what_code_reads_elsewhere_is_recorded(policy: Impala, monkeypatch: pytest.MonkeyPatch) -> None:
    def hash_of(by: float) -> str:
        put(with_helper(by, monkeypatch))(policy)
        return structure_hash(policy)

    assert hash_of(1.0) == hash_of(1.0) != hash_of(2.0)


@pytest.mark.parametrize("name", ["field", "sweep", "values", "vectors"])
def test_the_training_region_is_recorded(
    name: str, agent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config = import_agent(agent, "mine", "easy", 3) / "config.yaml"
    study: Any = STUDIES[name]
    before = study(agent="mine").settings()
    config.write_text(config.read_text().replace("region: 3", "region: 4"))
    assert {**before, "training_region": 4} == study(agent="mine").settings() != before


@dataclass(frozen=True)
class Shift:
    """An edit of a user's own."""

    layer: str
    by: float = 1.0

    def bind(self, network: nn.Module) -> Callable[[Tensor], Tensor]:
        return lambda activation: activation + self.by


class Nameless(Shift):
    __repr__ = object.__repr__


def test_edits_and_experiments_of_ones_own_are_known_by_their_code(policy: Impala) -> None:
    def settings(*given: mi.edits.Edit) -> dict[str, Any]:
        return LevelSweep(policy, "a", LEVELS, given).settings

    @dataclass(frozen=True)
    class Again(Shift):
        def bind(self, network: nn.Module) -> Callable[[Tensor], Tensor]:
            return lambda activation: activation + 2 * self.by

    Again.__qualname__ = "Shift"
    assert settings(Shift(LAYER)) == settings(Shift(LAYER))
    assert len({str(settings(edit)["edits"]) for edit in (Shift(LAYER), Shift(LAYER, 2.0), Again(LAYER))}) == 3
    for unnamed in (Nameless(LAYER), mi.edits.bind(policy, Shift(LAYER))[0]):
        with pytest.raises(MazeInterpError, match="does not say all that it is"):
            settings(unnamed)

    class Other(LevelSweep):
        def rows(self, maze: mi.Maze) -> Any:
            return []

    assert Other(policy, "a", LEVELS).settings != LevelSweep(policy, "a", LEVELS).settings


def halved(module: nn.Module, args: Any, out: Any) -> Any:
    return out * 0.5 if isinstance(out, Tensor) else None


def patched(path: str, name: str) -> Callable[[Impala], object]:
    def patch(policy: Impala) -> None:
        module = policy.get_submodule(path)
        plain = getattr(module, name)
        setattr(module, name, lambda *args, **kwargs: plain(*args, **kwargs))

    return patch


UNRECORDED: dict[str, tuple[Callable[[Impala], object], str]] = {
    "a hook": (lambda policy: policy.embedder.register_forward_hook(halved), "embedder has a hook"),
    "a hook on the input": (
        lambda policy: policy.embedder.register_forward_pre_hook(lambda module, args: args),
        "embedder has a hook",
    ),
    "pruning that is not made permanent": (
        lambda policy: prune.l1_unstructured(policy.embedder.fc, "weight", amount=0.5),  # type: ignore[no-untyped-call]
        "embedder.fc has a hook",
    ),
    "a patched forward": (patched("embedder.block1", "forward"), "embedder.block1 has a replaced forward"),
    "a patched network": (patched("", "forward"), "the network has a replaced forward"),
    "patched outputs": (patched("", "outputs"), "the network has a replaced outputs"),
    "a patched convolution": (patched("embedder.block1.conv", "_conv_forward"), "has a replaced _conv_forward"),
    "a patched call": (patched("embedder.block2", "_call_impl"), "has a replaced _call_impl"),
    "dropout": (put(nn.Dropout(0.5).train()), "embedder.relu3 has Dropout in training mode"),
    "statistics of a batch": (put(nn.BatchNorm2d(32).train()), "embedder.relu3 has BatchNorm2d in training mode"),
    "random slopes": (put(nn.RReLU().train()), "embedder.relu3 has RReLU in training mode"),
}


@pytest.mark.parametrize("name", UNRECORDED)
def test_what_no_record_can_name_is_refused_before_the_folder_is_claimed(
    policy: Impala, name: str, tmp_path: Path
) -> None:
    change, message = UNRECORDED[name]
    change(policy)
    with pytest.raises(MazeInterpError, match=message):
        run_experiment(LevelSweep(policy, "a", LEVELS, horizon=5), tmp_path / "run", 1)
    with pytest.raises(MazeInterpError, match=message):
        mi.record(mi.Recording(policy, "a", LEVELS, "embedder.fc", squares=1), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("owner", "name"),
    [(nn.MaxPool2d, "forward"), (nn.Conv2d, "_conv_forward"), (Impala, "outputs"), (Turned, "outputs")],
)
def test_a_patched_class_is_refused(owner: type, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a class of the user's own, whose code is recorded, it is another run."""
    torch.manual_seed(0)
    policy = Turned(1).eval().requires_grad_(False)
    run_experiment(LevelSweep(policy, "a", LEVELS, horizon=5), tmp_path / "run", 1)
    plain = getattr(owner, name)
    monkeypatch.setattr(owner, name, lambda *args: plain(*args))
    message = "belongs to another run" if owner is Turned else f"code that is not in the source of {owner.__name__}"
    with pytest.raises(MazeInterpError, match=message if owner is not Impala else "of Turned"):
        run_experiment(LevelSweep(policy, "a", LEVELS, horizon=5), tmp_path / "run", 1)


@pytest.mark.filterwarnings("ignore:.*deprecated")
@pytest.mark.parametrize(
    "compiled",
    [
        lambda policy: put(torch.jit.script(nn.ReLU()))(policy) or policy,
        lambda policy: put(torch.fx.symbolic_trace(nn.Sequential(nn.ReLU())))(policy) or policy,
    ],
)
def test_code_that_no_source_holds_is_refused(policy: Impala, compiled: Callable[[Impala], nn.Module]) -> None:
    with pytest.raises(MazeInterpError, match="code that is not in the source of"):
        provenance(compiled(policy), "a")


def test_lists_of_layers_have_no_code_of_their_own(policy: Impala) -> None:
    policy.spare = nn.ModuleList([nn.Linear(2, 2), nn.ModuleDict(), nn.Sequential()])
    assert provenance(policy, "a")


def test_a_recording_made_before_a_change_records_the_changed_network(policy: Impala, tmp_path: Path) -> None:
    recording = mi.Recording(policy, "a", LEVELS, "embedder.fc", squares=1, shard_bytes=1)
    first = mi.record(recording, tmp_path / "first")
    policy.embedder.fc.weight.mul_(2)
    second = mi.record(recording, tmp_path / "second")
    assert [first.settings["agent_hash"], second.settings["agent_hash"]] != [mi.agent_hash(policy)] * 2
    second.require_agent(policy)
    assert not np.array_equal(first["embedder.fc"][:], second["embedder.fc"][:])
    (tmp_path / "first" / "shard-00001.h5").unlink()
    with pytest.raises(MazeInterpError, match="belongs to another run: its agent_hash"):
        mi.record(recording, tmp_path / "first")


def test_settings_of_the_whole_process_are_refused(policy: Impala) -> None:
    handle = nn.modules.module.register_module_forward_hook(halved)
    try:
        with pytest.raises(MazeInterpError, match="every module has a hook"):
            provenance(policy, "a")
    finally:
        handle.remove()
    with torch.autocast("cpu", dtype=torch.bfloat16), pytest.raises(MazeInterpError, match="under autocast"):
        provenance(policy, "a")
    with policy.hooks({"embedder": lambda activation, layer: None}):
        with pytest.raises(MazeInterpError, match="embedder has a hook"):
            provenance(policy, "a")
        policy(torch.zeros(1, 3, 64, 64))
    provenance(policy, "a")
