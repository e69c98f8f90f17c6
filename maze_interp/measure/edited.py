"""Run a policy on one maze under many edits of one layer: what lies before the layer runs once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from maze_interp.edits.base import Bound, Edit, Edits, applied, bind, innermost_first
from maze_interp.environment.observe import FACINGS, Facing
from maze_interp.errors import MazeInterpError
from maze_interp.mazes.maze import Maze
from maze_interp.measure.evaluate import Evaluation, first_part, outputs_of, outputs_on_host
from maze_interp.measure.states import states_of
from maze_interp.policies.devices import batch_size, device_of
from maze_interp.policies.hooks import resolve_layer
from maze_interp.policies.moves import to_input
from maze_interp.policies.split import Crossing, Split, concatenate, share, split
from maze_interp.policies.threads import one_thread


def evaluate_edits(
    policy: nn.Module,
    maze: Maze,
    layer: str,
    edits: Sequence[Sequence[Edit]],
    wanted: NDArray[np.bool_] | None = None,
    facings: Sequence[Facing] = FACINGS,
    throughout: Edits = (),
) -> list[Evaluation]:
    """Evaluate `policy` on a maze under each of e combinations of edits to one layer.

    Squares that no edit needs are not run at all, and only one batch of activations is held at a time.

    Args:
        policy: the network, cut after the layer where its architecture can be.
        maze: the maze.
        layer: the layer that all edits change.
        edits: the combinations, each applied in order; an empty one leaves the network as it is.
        wanted: bool `[e, n, facings]`, which of the n squares are needed; None for all. The others are NaN.
        facings: the facings to evaluate.
        throughout: edits of any layer in force beside every combination; those of the same layer act first, and those
            of a module that puts out what the layer does and contains it act last.

    Raises:
        MazeInterpError: an unknown layer, an edit of another layer, or one that does not fit it.
    """
    layer = resolve_layer(policy, layer)
    states = states_of([maze], facings)
    (squares,), (rows,) = states.squares, states.rows
    cut = split(policy, layer)
    always = innermost_first(bind(policy, throughout))
    outside = [
        edit for edit in always if layer.startswith(f"{edit.layer}.") and cut.runs(edit.layer) == cut.runs(layer)
    ]
    bound = [(*_bind(policy, layer, some), *outside) for some in edits]
    needed = np.ones((len(edits), len(states)), bool)
    if wanted is not None:
        needed = np.zeros_like(needed)
        for row, some in zip(needed, wanted, strict=True):
            row[rows[some]] = True
    device = device_of(policy)
    size = batch_size(device)
    outputs = torch.full((len(edits), len(states), 6), torch.nan, dtype=torch.float64, device=device)
    used = np.flatnonzero(needed.any(axis=0))
    always = [Bound(cut.runs(edit.layer), edit.change) for edit in always if edit not in outside]
    with torch.inference_mode(), one_thread():
        shared = share(policy, to_input(states.pictures, device), [layer, *(edit.layer for edit in always)])
        with applied(policy, always):
            for first in range(0, len(used), size):
                part = used[first : first + size]
                crossing = first_part(cut, states, part, shared, device)
                for number, run, result in _run(cut, crossing, bound, needed[:, part], size // 2):
                    outputs[number, torch.from_numpy(part[run]).to(device)] = result
    results = [output[rows] for output in outputs_on_host(outputs)]
    return [Evaluation(maze, squares, result[..., :5], result[..., 5]) for result in results]


def _bind(policy: nn.Module, layer: str, edits: Sequence[Edit]) -> tuple[Bound, ...]:
    bound = bind(policy, edits)
    for edit in bound:
        if edit.layer != layer:
            raise MazeInterpError(f"an edit of {edit.layer} cannot be measured among edits of {layer}")
    return bound


_Piece = tuple[int, NDArray[np.intp], Crossing]  # an edit's number, the rows it needs, and those edited


def _run(
    cut: Split, crossing: Crossing, edits: Sequence[Sequence[Bound]], needed: NDArray[np.bool_], enough: int
) -> Iterator[tuple[int, NDArray[np.intp], Tensor]]:
    """Of each edit its number, the rows it needs (of `[e, n]`) and their outputs `[k, 6]`.

    Small pieces of several edits share a batch; `enough` rows do not wait for more, since joining them takes a copy.
    """
    pieces: list[_Piece] = []
    for number, some in enumerate(edits):
        rows = np.flatnonzero(needed[number])
        if len(rows):
            piece = crossing if len(rows) == len(crossing) else crossing.rows(torch.from_numpy(rows))
            pieces.append((number, rows, piece.with_activation(_changed(piece.activation, some))))
        if pieces and (number + 1 == len(edits) or sum(len(rows) for _, rows, _ in pieces) >= enough):
            results = outputs_of(*cut.suffix(concatenate([piece for _, _, piece in pieces])))
            parts = torch.split(results, [len(rows) for _, rows, _ in pieces])
            yield from ((number, rows, part) for (number, rows, _), part in zip(pieces, parts, strict=True))
            pieces = []


def _changed(activation: Tensor, edits: Sequence[Bound]) -> Tensor:
    for edit in edits:
        activation = edit.change(activation).to(activation.device, activation.dtype)
    return activation
