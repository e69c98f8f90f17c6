"""Linear probes in a notebook: fit one to a store, score it on other levels, save it, load a saved one.

    store = mi.ActivationStore("runs/record")
    probe = mi.probes.fit(store, "embedder.fc", "cheese_x_world", levels=store.levels[:300])
    mi.probes.score(probe, store, "embedder.fc", "cheese_x_world", levels=store.levels[300:])
    mi.probes.load(policy, "embedder.block2.res1.resadd", "cheese_here").predict(cache["embedder.block2.res1.resadd"])

The study `mi.studies.probe` does this for many layers and targets, with controls.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd

from maze_interp.arguments import as_whole, checked, several, shown, whole
from maze_interp.errors import MazeInterpError
from maze_interp.policies.network import PolicyNetwork
from maze_interp.policies.threads import repeatable
from maze_interp.probing.convolutional import ConvProbe
from maze_interp.probing.examples import KNOWN, Examples, needs_agent, per_square
from maze_interp.probing.files import Card, load_probe, save_probe, saved_probes
from maze_interp.probing.fitting import fit_axis, kind_of_probe
from maze_interp.probing.kinds import ProbeKind
from maze_interp.probing.linear import LinearProbe
from maze_interp.probing.logistic import LogisticProbe
from maze_interp.probing.ridge import RidgeProbe
from maze_interp.probing.ridge_classes import RidgeClassProbe
from maze_interp.probing.scoring import score as score_guesses
from maze_interp.probing.source import Source
from maze_interp.probing.sparse import TopKProbe
from maze_interp.probing.targets import known_targets
from maze_interp.recording.store import ActivationStore
from maze_interp.results.estimates import Estimate

__all__ = [
    "ConvProbe",
    "LinearProbe",
    "LogisticProbe",
    "RidgeClassProbe",
    "RidgeProbe",
    "TopKProbe",
    "fit",
    "list_targets",
    "load",
    "save",
    "saved_probes",
    "score",
]


Levels = Annotated[Sequence[int], several(whole(0), "level seeds")]


def _as_kernel(value: Any, name: str) -> int:
    if (side := as_whole(value)) not in (1, 3):
        raise MazeInterpError(f"{name} is 1 or 3, not {shown(value)}")
    return side


def list_targets() -> pd.DataFrame:
    """What probes can predict: a row per target, with its kind, its meaning, and whether it is of squares."""
    return pd.DataFrame(
        {"target": name, "kind": target.kind, "of": "square" if per_square(name) else "observation"}
        | {"description": target.description}
        for name, target in KNOWN.items()
    ).set_index("target")


@checked
def fit(
    store: ActivationStore,
    layer: str,
    target: str,
    levels: Levels | None = None,
    probe: ProbeKind = "ridge-classes",
    kernel: Annotated[int, _as_kernel] = 1,
) -> LinearProbe:
    """Fit a probe; C or alpha is chosen by cross-validation over the levels.

    Args:
        store: the activations.
        layer: a recorded layer, or `"pixels"` for the picture itself.
        target: what it predicts, one of `list_targets()` with a single axis.
        levels: seeds of the store's levels to fit to; None for all.
        probe: how coordinates are predicted; classes are by a logistic probe, numbers by ridge.
        kernel: side of the patch that targets of single squares are predicted from, 1 or 3.

    Raises:
        MazeInterpError: an unknown layer, target or level, a target that the store alone does not answer, or labels
            that no probe can be fitted to.
    """
    examples = _examples(store, layer, target, levels, kernel)
    kind = kind_of_probe(examples.kind, probe)
    with repeatable:
        fitted = fit_axis(kind, examples.X, examples.y[:, 0], examples.levels, per_square(target))
    return LinearProbe.of(fitted.probe, kernel if per_square(target) else None)


@checked
def score(
    probe: LinearProbe, store: ActivationStore, layer: str, target: str, levels: Levels | None = None
) -> dict[str, Estimate]:
    """How well a probe predicts, with 95% intervals over levels: accuracy, R² and so on, by kind of target.

    Args:
        probe: a probe of the layer and target.
        store: the activations.
        layer: as for `fit`.
        target: as for `fit`.
        levels: seeds of the levels to score on, others than it was fitted to; None for all.

    Raises:
        MazeInterpError: as `fit`, or a probe of another number of features.
    """
    examples = _examples(store, layer, target, levels, probe.kernel or 1)
    guess = np.asarray(probe.without_kernel().predict(examples.X), float).reshape(len(examples.y), -1)
    return score_guesses(examples.kind, examples.y, guess, examples.levels)


@checked
def load(policy: PolicyNetwork, layer: str, target: str, roots: Sequence[Path] | None = None) -> LinearProbe:
    """A saved probe of this network: a bundled one, or one under `./probes`; see `saved_probes()`.

    Args:
        policy: the agent.
        layer: module path or published name (`_out`).
        target: what it predicts.
        roots: look into these folders instead.

    Raises:
        MazeInterpError: there is none, it is another network's, or its files are damaged.
    """
    return load_probe(policy, layer, target, roots)[0]


@checked
def save(
    probe: LinearProbe, policy: PolicyNetwork, layer: str, target: str, levels: str, into: Path | str = "probes"
) -> Path:
    """Save a probe so that `load` finds it.

    Args:
        probe: the probe.
        policy: the agent whose activations it takes.
        layer: module path.
        target: what it predicts.
        levels: those it was fitted to, in words or as a range of seeds.
        into: the folder.

    Returns:
        its folder, `into/<agent>/<layer>/<target>`.
    """
    from maze_interp.policies.checkpoints import agent_hash

    card = Card(agent=policy.name, agent_hash=agent_hash(policy), layer=layer, target=target, levels=levels)
    return save_probe(probe, card, Path(into))


def _examples(store: ActivationStore, layer: str, target: str, levels: Sequence[int] | None, kernel: int) -> Examples:
    known_targets([target], KNOWN)
    if "_square_" in target:
        x, y = (target.replace("_square_", f"_{axis}_") for axis in "xy")
        raise MazeInterpError(f"{target} has two axes; use {x} and {y}")
    if needs_agent(target):
        raise MazeInterpError(f"{target} asks what the agent does; mi.studies.probe measures that")
    return Source(store=store, levels=levels, kernel=kernel).examples(layer, target)
