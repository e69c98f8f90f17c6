"""Questions on what probes predict: fitted to some levels, scored on others, beside pixels and no training."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from shlex import quote
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import nn

from maze_interp.probing.controls import PIXELS, majority, untrained_like
from maze_interp.probing.examples import Examples
from maze_interp.probing.fitting import fit_axis
from maze_interp.probing.kinds import ProbeKind
from maze_interp.probing.source import Source
from maze_interp.questions.measured import Measured, mean_draws
from maze_interp.questions.resolvers.setting import CHOOSING, Setting, level_figures
from maze_interp.recording.recorder import record
from maze_interp.recording.recording import Recording
from maze_interp.studies.probe.study import Probe
from maze_interp.sweeps.levels import LevelSet
from maze_interp.sweeps.spread import cluster, ordered

FRAMES = ("world", "mouse", "maze")
"""Frames of reference of the cheese's place, as targets end."""

Floats = NDArray[np.float64]


def probe_accuracy(setting: Setting, parameters: Mapping[str, Any]) -> Measured:
    """`probe-accuracy`: predicted in procgen's world, each coordinate by itself, both must be right."""
    sides = Sides.recorded(setting, parameters)
    layer, target = parameters["layer"], f"{parameters['target']}_world"

    def make() -> pd.DataFrame:
        asked = {
            "accuracy": Asked(layer, target),
            "pixels": Asked(PIXELS, target),
            "untrained": Asked(layer, target, untrained_like(setting.policy)),
        }
        right = whole_layer_right(setting, sides, asked, parameters["probe"])
        return right.assign(majority=_majority_right(sides, target))

    table = setting.keep(f"probe-{target}-{layer}", sides.about(parameters), make)
    figures = mean_draws(table.dropna())
    return setting.measured(figures, sides.levels, _command(setting, layer, target, parameters["probe"]))


def coordinate_frames(setting: Setting, parameters: Mapping[str, Any]) -> Measured:
    """`coordinate-frames`: exact square, in each frame."""
    sides = Sides.recorded(setting, parameters)
    layer, kind = parameters["layer"], parameters["probe"]

    def make() -> pd.DataFrame:
        asked = {frame: Asked(layer, f"cheese_square_{frame}") for frame in FRAMES}
        return whole_layer_right(setting, sides, asked, kind)

    def statistic(means: pd.DataFrame) -> dict[str, pd.Series]:
        return {f"{frame}_lead": means[frame] - means.drop(columns=frame).max(axis=1) for frame in FRAMES}

    table = setting.keep(f"frames-{layer}", sides.about(parameters), make)
    targets = ",".join(f"cheese_square_{frame}" for frame in FRAMES)
    return setting.measured(
        level_figures(table, statistic, FRAMES), sides.levels, _command(setting, layer, targets, kind)
    )


def square_probe(setting: Setting, parameters: Mapping[str, Any]) -> Measured:
    """`square-probe`: per level and class how many squares were right, of how many."""
    sides = Sides.recorded(setting, parameters)
    layer, target = parameters["layer"], f"near_cheese_{parameters['window']}"

    def make() -> pd.DataFrame:
        networks = {
            "agent": (layer, None),
            "pixels": (PIXELS, None),
            "untrained": (layer, untrained_like(setting.policy)),
        }
        parts = [
            _class_counts(sides, where, target, net).add_prefix(f"{name}_") for name, (where, net) in networks.items()
        ]
        return pd.concat(parts, axis=1)

    def statistic(means: pd.DataFrame) -> dict[str, pd.Series]:
        balanced = {
            name: sum(means[f"{name}_right_{c}"] / means[f"{name}_of_{c}"] for c in (0, 1)) / 2
            for name in ("agent", "pixels", "untrained")
        }
        others = np.maximum(balanced["pixels"], balanced["untrained"])
        return {"balanced_accuracy": balanced["agent"], "lead": balanced["agent"] - others}

    table = setting.keep(f"squares-{target}-{layer}", sides.about(parameters), make)
    return setting.measured(
        level_figures(table, statistic, tuple(table)), sides.levels, _command(setting, layer, target)
    )


class Sides(NamedTuple):
    """Recorded levels to fit on and levels to report on.

    Attributes:
        fitting, testing: a store of each.
        levels: those reported on.
    """

    fitting: Source
    testing: Source
    levels: LevelSet

    @classmethod
    def recorded(cls, setting: Setting, parameters: Mapping[str, Any]) -> Sides:
        """Record what a question asks for: one square of each level, drawn by its seed, the mouse facing left."""
        layer, cheese = parameters["layer"], parameters["cheese"]
        chosen = setting.levels(parameters["chosen_on"], cheese, decision=False, first=CHOOSING, least=500)
        levels = setting.levels(parameters["levels"], cheese, decision=False, least=100)
        sources = []
        for name, some in (("fitting", chosen), ("testing", levels)):
            recording = Recording(setting.policy, setting.agent, some, layers=(layer,), squares=1, facings=("left",))
            folder = setting.folder(f"store-{name}-{layer}-{len(some.seeds)}")
            sources.append(Source(store=record(recording, folder, setting.workers, setting.scheduler)))
        return cls(sources[0], sources[1], levels)

    def about(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """What decides a table of these levels."""
        return {**parameters, "fitted on": len(self.fitting.seeds), "levels": len(self.testing.seeds)}

    def examples(self, layer: str, target: str, network: nn.Module | None = None) -> tuple[Examples, Examples]:
        """Those to fit to and those to test on."""
        return self.fitting.examples(layer, target, network), self.testing.examples(layer, target, network)


class Asked(NamedTuple):
    """What is predicted: a square, from a layer of a network, the agent's where it is None."""

    layer: str
    target: str
    network: nn.Module | None = None


def whole_layer_right(setting: Setting, sides: Sides, asked: Mapping[str, Asked], kind: ProbeKind) -> pd.DataFrame:
    """Whether both coordinates were right, a row per level and a column for each thing asked; a fit per axis."""
    jobs = [(one, axis) for one in asked.values() for axis in (0, 1)]
    with cluster(setting.workers, setting.scheduler) as client:
        right = list(ordered(client, _axis_right, (sides, kind), jobs))
    return pd.DataFrame({name: (right[2 * i] & right[2 * i + 1]).astype(float) for i, name in enumerate(asked)})


def _axis_right(about: tuple[Sides, ProbeKind], job: tuple[Asked, int]) -> NDArray[np.bool_]:
    """Whether one coordinate was predicted right, `[levels]`; ridge's numbers are rounded."""
    (sides, kind), (asked, axis) = about, job
    fitting, testing = sides.examples(*asked)
    fitted = fit_axis(kind, fitting.X, fitting.y[:, axis], fitting.levels)
    right: NDArray[np.bool_] = np.rint(fitted.probe.predict(testing.X)) == testing.y[:, axis]
    return right


def _majority_right(sides: Sides, target: str) -> Floats:
    fitting, testing = sides.examples(PIXELS, target)
    return (testing.y == majority(fitting.y)).all(axis=1).astype(float)


def _class_counts(sides: Sides, layer: str, target: str, network: nn.Module | None) -> pd.DataFrame:
    """Per level, how many squares of each class were right, and of how many; classes as likely as each other."""
    fitting, testing = sides.examples(layer, target, network)
    fitted = fit_axis("logistic", fitting.X, fitting.y[:, 0], fitting.levels, position=True)
    right = fitted.guess(testing.X, balanced=True)[:, 1] == testing.y[:, 0]
    found = pd.DataFrame({"seed": testing.levels, "class": testing.y[:, 0].astype(int), "right": right})
    counts = found.groupby(["seed", "class"])["right"].agg(["sum", "size"]).unstack("class", fill_value=0)
    columns = {("sum", c): f"right_{c}" for c in (0, 1)} | {("size", c): f"of_{c}" for c in (0, 1)}
    return pd.DataFrame({name: counts[key].to_numpy() for key, name in columns.items()})


def _command(setting: Setting, layer: str, targets: str, probe: ProbeKind = "ridge-classes") -> str:
    store = "runs/record"
    recorded = f"maze-interp record --agent {quote(setting.agent)} --mode {setting.mode} --layers {layer} --squares 1"
    study = Probe(store=Path(store), layers=(layer,), targets=tuple(targets.split(",")), probe=probe)
    return f"{recorded} --out {store} && {study.command()}"
