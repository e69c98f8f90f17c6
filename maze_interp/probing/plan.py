"""What a probe study asks of which layers, and of which observations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from torch import nn

from maze_interp.errors import MazeInterpError, unknown_name
from maze_interp.policies.agents import load_network, training_region
from maze_interp.probing.controls import PIXELS, features
from maze_interp.probing.examples import (
    KNOWN,
    Examples,
    Held,
    as_maps,
    each_square,
    needs_agent,
    per_square,
    whole_layer,
)
from maze_interp.probing.outcomes import Outcome
from maze_interp.probing.scoring import folds_by_level
from maze_interp.probing.targets import known_targets, observed
from maze_interp.recording.store import ActivationStore

Reader = Literal["ridge-classes", "logistic", "ridge"]


@dataclass(frozen=True)
class ProbeStudy:
    """What is asked of which layers.

    Attributes:
        store: the activations.
        policy: the network that they were recorded from; only a `PolicyNetwork` has an untrained counterpart.
        layers: recorded layers, or `"pixels"`.
        targets: names in `TARGETS` or `SQUARE_TARGETS`.
        region: the n of the top-right n×n that the agent was trained with.
        reader: how coordinates are read: as classes, by least squares or by logistic regression, or as numbers.
        kernel: side of the patch that targets of single squares are read from, 1 or 3.
        folds: as in `folds_by_level`.
        levels: use the store's first so many; None for all.
        controls: whether to fit the controls and the learning curve too.
        top_channels: also read so many channels alone, the best ones, for each of these numbers.
        seed: of the splits, the shuffling and the control task.
        outcomes: what the agent does in the levels, if a target asks.
        save: the folder to save the first fold's probes under; None to forget them.
    """

    store: ActivationStore
    policy: nn.Module
    layers: Sequence[str]
    targets: Sequence[str]
    region: int
    reader: Reader = "ridge-classes"
    kernel: int = 1
    folds: int = 1
    levels: int | None = None
    controls: bool = True
    top_channels: tuple[int, ...] = ()
    seed: int = 0
    outcomes: Mapping[int, Outcome] | None = field(default=None, repr=False)
    save: Path | None = None
    _kept: dict[Any, Held] = field(default_factory=dict, repr=False, compare=False)

    @property
    def settings(self) -> dict[str, Any]:
        """Everything that decides the tables, as plain JSON values."""
        kept = ("agent", "agent_hash", "versions", "seeds", "mode", "cheese", "filters")
        own = ("region", "reader", "kernel", "folds", "levels", "controls", "seed")
        return {
            "command": "probe",
            **{name: self.store.settings[name] for name in kept},
            "layers": list(self.layers),
            "targets": list(self.targets),
            "top_channels": list(self.top_channels),
            **{name: getattr(self, name) for name in own},
        }

    @property
    def jobs(self) -> list[tuple[str, str]]:
        """Every (layer, target); what is asked of single squares, only of layers with a map.

        Raises:
            MazeInterpError: there is none.
        """
        found = [
            (layer, target)
            for layer in self.layers
            for target in self.targets
            if not per_square(target) or layer == PIXELS or len(self.store.columns[layer].shape) == 3
        ]
        if not found:
            raise MazeInterpError("no layer named has a map of positions, which every target named is asked of")
        return found

    @property
    def needs_agent(self) -> bool:
        """Whether a target asks what the agent does."""
        return any(map(needs_agent, self.targets))

    @property
    def seeds(self) -> tuple[int, ...]:
        """The levels used.

        Raises:
            MazeInterpError: the store has fewer than asked for.
        """
        there = self.store.levels
        if self.levels is not None and not 0 < self.levels <= len(there):
            raise MazeInterpError(f"{self.store.path} holds {len(there)} levels, not {self.levels}")
        return there[: self.levels]

    def rows(self, name: str) -> NDArray[np.intp]:
        """The observations that a target is put to: all of the levels, or one of each if it is asked per square."""
        random = np.random.default_rng(self.seed)
        of_levels = [np.arange(some.start, some.stop) for some in map(self.store.level, self.seeds)]
        if per_square(name):
            of_levels = [rows[[random.integers(len(rows))]] for rows in of_levels if len(rows)]
        return np.concatenate([np.empty(0, np.intp), *of_levels])

    def examples(self, layer: str, name: str, network: nn.Module | None = None) -> Examples:
        """A target put to a layer, of the recorded network or of another.

        Raises:
            MazeInterpError: an unknown layer, one without a map where the target is asked per square, or labels that
                nothing can be learnt from.
        """
        rows = self.rows(name)
        seen = observed(self.store, rows, self.outcomes)
        if per_square(name):
            read = features(self.store, layer, rows, network)
            return each_square(name, seen, as_maps(np.concatenate(list(read.batches())), layer), self.kernel)
        return whole_layer(name, seen, lambda kept: self._held(layer, rows[kept], network))

    def _held(self, layer: str, rows: NDArray[np.intp], network: nn.Module | None) -> Held:
        """A layer's features, kept for the next target that asks for the same."""
        key = (layer, network is None, rows.tobytes())
        if key not in self._kept:
            for other in [other for other in self._kept if other[1] == key[1]]:
                del self._kept[other]
            self._kept[key] = Held(features(self.store, layer, rows, network), layer)
        return self._kept[key]

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_kept": {}}


def make_study(
    store: Path, layers: Sequence[str], targets: Sequence[str], agent: str | None = None, **options: Any
) -> ProbeStudy:
    """A study of a store.

    Args:
        store: its folder.
        layers: recorded layers, by module path or published name; `["all"]` for every one. The picture is put first.
        targets: their names.
        agent: name or file of the agent that was recorded; the one named in the store unless given.
        options: other fields of `ProbeStudy`.

    Raises:
        MazeInterpError: no store, another agent's, a layer or target that does not exist, too few levels, or as many
            best channels as a layer has.
    """
    opened = ActivationStore(store)
    name = agent or str(opened.settings["agent"])
    policy = load_network(name)
    opened.require_agent(policy)
    wanted = opened.layers if list(layers) == ["all"] else [layer.removesuffix("_out") for layer in layers]
    for layer in wanted:
        if layer not in (PIXELS, *opened.layers):
            raise unknown_name("recorded layer", layer, (PIXELS, *opened.layers))
    ordered = tuple(dict.fromkeys([PIXELS, *wanted]))
    study = ProbeStudy(opened, policy, ordered, known_targets(targets, KNOWN), training_region(name), **options)
    folds_by_level(study.seeds, study.folds)
    for layer in set(wanted) - {PIXELS}:
        there = opened.columns[layer].shape[0]
        if not all(0 < k < there for k in study.top_channels):
            raise MazeInterpError(f"the best of the {there} channels of {layer} are 1 to {there - 1}")
    return study


def channel_numbers(text: str) -> tuple[int, ...]:
    """Numbers with commas between them.

    Raises:
        MazeInterpError: something else.
    """
    try:
        return tuple(sorted({int(number) for number in text.split(",")}))
    except ValueError as error:
        raise MazeInterpError(f"numbers of channels have commas between them, such as 1,2,5, not {text!r}") from error
