"""What of a layer decides: gradient × activation, at one point or integrated from nothing."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from maze_interp.edits.base import applied, bind
from maze_interp.explorer.activations import activation
from maze_interp.explorer.pane import Pane, pixels_of
from maze_interp.measure.field import move_between
from maze_interp.measure.prepared import leaf_of, on_leaves, running_order
from maze_interp.policies.devices import device_of
from maze_interp.policies.hooks import resolve_layer
from maze_interp.policies.moves import MOVES, move_probabilities
from maze_interp.policies.split import split
from maze_interp.policies.threads import one_thread

STEPS = 32
"""Points of the integral, the middles of as many equal steps."""

Data = dict[str, Any]


def attribution(pane: Pane, edited: bool, layer: str, method: str) -> Data:
    """How much each part of a layer's output adds to the decision.

    The decision is ln P(move to the cheese) − ln P(move to the corner) at the decision square; in a maze without one
    it is the log-odds of the most probable move where the mouse stands. The activation, edits included, is multiplied
    by the decision's gradient; by method `"integrated"` by the mean gradient on the straight way to it from 0, so that
    the parts sum to the decision's change (arXiv 1703.01365).

    Raises:
        MazeInterpError: an unknown layer, or a policy without layers.
    """
    path = resolve_layer(pane.policy, layer)
    square = pane.maze.decision_square or pane.mouse
    x, device = pane.observation(square), device_of(pane.policy)
    reached = activation(pane, edited, path, x).to(device)
    with torch.no_grad(), one_thread(), applied(pane.policy, pane.in_force(edited)):
        first = MOVES[int(move_probabilities(pane.policy(x)[0])[0].argmax())]
    wanted, other = _moves(pane) or (first, None)
    points = torch.ones(1, device="cpu") if method == "gradient" else (torch.arange(STEPS, device="cpu") + 0.5) / STEPS
    with one_thread():
        gradient = _gradient(pane, edited, path, x, reached, points.to(device), wanted, other)
    parts = reached[0] * gradient
    is_map = parts.ndim == 3
    rows, columns = pixels_of(pane.maze, (parts.shape[1], parts.shape[2])) if is_map else (None, None)
    against = f"the move {other}" if other else "any other"
    return {
        "layer": layer,
        "method": method,
        "square": square,
        "moves": [wanted, other],
        "target": f"log-odds of the move {wanted} against {against}",
        "shape": parts.shape,
        "map": parts.sum(0).tolist() if is_map else None,
        "channels": (parts.sum((1, 2)) if is_map else parts).tolist(),
        "rows": rows,
        "columns": columns,
    }


def _moves(pane: Pane) -> tuple[str, str] | None:
    """At the decision square, the move to the cheese and that to the corner."""
    maze = pane.maze
    if maze.decision_square is None or maze.cheese is None:
        return None
    cheese, corner = (
        move_between(maze.decision_square, maze.path(maze.decision_square, goal)[1])
        for goal in (maze.cheese, maze.top_right)
    )
    return cheese, corner


def _gradient(
    pane: Pane, edited: bool, layer: str, x: Tensor, reached: Tensor, points: Tensor, wanted: str, other: str | None
) -> Tensor:
    """Mean gradient of the decision at multiples of a layer's output, without the batch axis."""
    cut, order, leaf = split(pane.policy, layer), running_order(pane.policy), leaf_of(pane.policy, layer)
    edits = bind(pane.policy, pane.in_force(edited))
    changes, here = on_leaves(pane.policy, edits), order.index(leaf)
    earlier = [each for each in changes if order.index(each.layer) < here]
    later = [each for each in changes if order.index(each.layer) > here]
    outside = on_leaves(pane.policy, [each for each in edits if layer.startswith(f"{each.layer}.")])
    with torch.no_grad(), applied(pane.policy, earlier):
        crossing = cut.prefix(x)
    scaled = (points.view(-1, *(1,) * (reached.ndim - 1)) * reached).requires_grad_()
    copies = crossing.rows(torch.zeros(len(points), dtype=torch.long, device="cpu"))
    with torch.enable_grad(), applied(pane.policy, later):
        changed = scaled.clone()
        for edit in outside:  # of modules that contain the layer
            changed = edit.change(changed) if edit.layer == leaf else changed
        logits, _ = cut.suffix(copies.with_activation(changed))
        (gradient,) = torch.autograd.grad(decision(logits, wanted, other).sum(), scaled)
    return gradient.mean(0)


def decision(logits: Tensor, wanted: str, other: str | None) -> Tensor:
    """What is attributed, for logits `[n, 15]`: `[n]`."""
    probs = move_probabilities(logits)
    p = probs[:, MOVES.index(wanted)]
    return p.log() - (1 - p if other is None else probs[:, MOVES.index(other)]).log()
