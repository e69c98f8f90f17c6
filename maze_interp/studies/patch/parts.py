"""Patching over many pairs of mazes: layers whole and by place, single channels, single positions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from maze_interp.policies.pixels import pixel_in
from maze_interp.studies.patch.attribution import attribution, integrated
from maze_interp.studies.patch.pairs import LayerwiseExperiment, Pair, PairExperiment
from maze_interp.studies.patch.runs import (
    PLACES,
    PairRun,
    StateRuns,
    arrivals,
    channel_masks,
    place_masks,
    places,
    position_masks,
    run_pair,
    run_states,
    unpatched_states,
)


@dataclass(frozen=True)
class LayerPatching(PairExperiment):
    """Layers patched whole, and around the places that matter.

    A row per layer, part and metric. The metrics are the probabilities of the moves towards the recipient's goal and
    the donor's, and the probability difference, all on the decision square, and the exact P(cheese) of whole episodes,
    with the whole layer patched on every square. `donor` is what the network does in the donor maze, `patched` what it
    does in the recipient with the part taken from there.
    """

    name: ClassVar[str] = "layers"
    columns: ClassVar[Sequence[str]] = ("layer", "part", "metric", "recipient", "donor", "patched")
    layers: tuple[str, ...]

    def pair_rows(self, pair: Pair) -> Iterator[dict[str, Any]]:
        """See `PairExperiment`."""
        recipient, donor = (arrivals(states, pair.aim)[0] for states in unpatched_states(self.policy, pair))
        states: StateRuns | None = None
        for layer in self.layers:
            run = run_pair(self.policy, pair, layer)
            yield from self._move_rows(pair, layer, run)
            patched = donor  # as in the donor, if nothing goes around the layer
            if run.recipient.kept:
                states = run_states(self.policy, pair, layer, states)
                patched = arrivals(states.patched(run.whole)[0], pair.aim)[0]
            yield _row(layer, "whole", "p_cheese", recipient, donor, patched)

    def _move_rows(self, pair: Pair, layer: str, run: PairRun) -> Iterator[dict[str, Any]]:
        recipient, donor = _metrics(run.probabilities(run.none)[0, 0]), _metrics(run.donor_probabilities[0])
        around = place_masks(pair, run.shape) if len(run.shape) == 3 else {}
        for part, mask in {"whole": run.whole, **around}.items():
            patched = _metrics(run.probabilities(mask)[0, 0])
            for metric, value in patched.items():
                yield _row(layer, part, metric, recipient[metric], donor[metric], value)


def _metrics(probabilities: NDArray[np.float64]) -> dict[str, float]:
    recipient, donor = probabilities.tolist()
    return {"recipient_goal": recipient, "donor_goal": donor, "probability_difference": donor - recipient}


def _row(layer: str, part: str, metric: str, recipient: float, donor: float, patched: float) -> dict[str, Any]:
    return {"layer": layer, "part": part, "metric": metric, "recipient": recipient, "donor": donor, "patched": patched}


@dataclass(frozen=True)
class PartPatching(LayerwiseExperiment):
    """Every single channel and every single position of some layers, patched, and estimates by gradients.

    A row per layer and channel (`channel` filled) or position (`row` and `column` filled, and the positions of the
    two goals and the mouse). All effects are on the probability difference at the decision square.
    """

    name: ClassVar[str] = "parts"
    columns: ClassVar[Sequence[str]] = (
        *("layer", "channel", "row", "column"),
        *(f"{place}_{axis}" for place in PLACES for axis in ("row", "column")),
        *("recipient", "donor", "patched", "gradient", "integrated"),
    )

    def layer_rows(self, pair: Pair, layer: str) -> Iterator[dict[str, Any]]:
        """See `LayerwiseExperiment`."""
        run = run_pair(self.policy, pair, layer)
        shared = {"layer": layer, **run.unpatched}
        guesses = {"gradient": attribution(run)[0], "integrated": integrated(run)[0]}
        by_channel = {name: guess.flatten(1).sum(1) if guess.ndim > 1 else guess for name, guess in guesses.items()}
        for channel, effects in enumerate(_patched(run, channel_masks(run.shape), by_channel)):
            yield {**dict.fromkeys(self.columns), **shared, "channel": channel, **effects}
        if len(run.shape) == 3:
            size = run.shape[1], run.shape[2]
            pixels = _pixels(pair, size)
            by_position = {name: guess.sum(0).flatten() for name, guess in guesses.items()}
            for position, effects in enumerate(_patched(run, position_masks(run.shape), by_position)):
                row, column = divmod(position, size[1])
                yield {**dict.fromkeys(self.columns), **shared, **pixels, "row": row, "column": column, **effects}


def _patched(run: PairRun, masks: Tensor, guesses: dict[str, Tensor]) -> list[dict[str, float]]:
    """For each mask the probability difference under it, and each method's estimate of what it adds."""
    estimates = {name: guess.tolist() for name, guess in guesses.items()}
    values = {"patched": run.probability_difference(masks).tolist(), **estimates}
    return [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]


def _pixels(pair: Pair, size: tuple[int, int]) -> dict[str, int]:
    pixels = {name: pixel_in(pair.recipient, square, size) for name, square in places(pair).items()}
    return {
        f"{name}_{axis}": number
        for name, pixel in pixels.items()
        for axis, number in zip(("row", "column"), pixel, strict=True)
    }
