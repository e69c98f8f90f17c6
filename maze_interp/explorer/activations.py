"""What is inside the network of a pane: layers, channels, probes of the agent, and what of a layer decides."""

from __future__ import annotations

import base64
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from maze_interp.edits.base import applied
from maze_interp.environment.observe import observe
from maze_interp.errors import MazeInterpError
from maze_interp.explorer.pane import Pane, layer_shapes, network_hash, pixels_of
from maze_interp.policies.devices import batch_size, device_of
from maze_interp.policies.hooks import resolve_layer, run_with_cache
from maze_interp.policies.moves import to_input
from maze_interp.policies.pixels import pixel_in
from maze_interp.policies.threads import one_thread
from maze_interp.probing.files import CARD, Card, read_probe, saved_probes
from maze_interp.probing.linear import LinearProbe

Data = dict[str, Any]


def layers(pane: Pane) -> Data:
    """The layers in the network's order; none of a rule."""
    if pane.is_reference:
        return {"layers": []}
    studied = set(getattr(pane.policy, "studied_layers", ()))
    default = getattr(pane.policy, "default_layer", None)
    rows = [
        {"path": path, "shape": shape, "studied": path in studied, "default": path == default}
        for path, shape in layer_shapes(pane.policy).items()
    ]
    return {"layers": rows}


def channels(pane: Pane, edited: bool, layer: str) -> Data:
    """All channels of a layer with the mouse where it stands, as float32."""
    values = activation(pane, edited, layer, pane.observation())[0].numpy()
    packed = base64.b64encode(values.astype("<f4").tobytes()).decode()
    return {"layer": layer, "shape": values.shape, "values": packed, **_squares(pane, values)}


def channel(pane: Pane, edited: bool, layer: str, number: int) -> Data:
    """One channel over the places of the mouse: in a map the position of the mouse's own square."""
    squares = [square for square in pane.maze.squares if square != pane.maze.cheese]
    seen = observe(pane.maze, squares)
    values = list[float]()
    size = batch_size(device_of(pane.policy))
    for first in range(0, len(squares), size):
        batch = activation(pane, edited, layer, to_input(seen[first : first + size]))
        if number >= batch.shape[1]:
            raise MazeInterpError(f"{layer} has channels 0 to {batch.shape[1] - 1}, none is {number}")
        for square, of_channel in zip(squares[first:], batch[:, number], strict=False):
            at = pixel_in(pane.maze, square, tuple(of_channel.shape)) if of_channel.ndim else ()
            values.append(float(of_channel[at]))
    return {"layer": layer, "channel": number, "squares": squares, "values": values}


def activation(pane: Pane, edited: bool, layer: str, x: Tensor) -> Tensor:
    """What a layer puts out, `[n, ...]`, the edits in force; on the CPU."""
    path, x = resolve_layer(pane.policy, layer), x.to(device_of(pane.policy))
    with torch.inference_mode(), one_thread(), applied(pane.policy, pane.in_force(edited)):
        return run_with_cache(pane.policy, x, [path])[1][path].cpu()


def probes(pane: Pane) -> Data:
    """The probes that were fitted to this network."""
    rows = [
        {"layer": layer, "target": target, "kind": one.kind, "classes": _classes(one), "of_squares": bool(one.kernel)}
        for (layer, target), one in _fitted(pane).items()
    ]
    return {"probes": rows}


def _fitted(pane: Pane) -> dict[tuple[str, str], LinearProbe]:
    """The saved probes that were fitted to this network, by layer and target; none of a rule."""
    if pane.is_reference:
        return {}
    weights = network_hash(pane.policy)
    folders = [folder for name, folder in saved_probes().items() if name.startswith(f"{pane.text.agent}/")]
    read = [_read(folder, (folder / CARD).stat().st_mtime_ns) for folder in folders]
    return {(card.layer, card.target): fitted for card, fitted in read if card.agent_hash == weights}


@lru_cache(maxsize=256)
def _read(folder: Path, written: int) -> tuple[Card, LinearProbe]:
    return read_probe(folder)


def probe(pane: Pane, edited: bool, layer: str, target: str) -> Data:
    """What a probe says of the observation or of each of its squares, the mouse where it stands."""
    known = _fitted(pane)
    if (layer, target) not in known:
        raise MazeInterpError(f"{pane.text.agent} has no fitted probe of {target} at {layer}")
    fitted = known[layer, target]
    x = activation(pane, edited, layer, pane.observation()).numpy()
    data = {"layer": layer, "target": target, "classes": _classes(fitted)}
    if fitted.kernel is None:
        probabilities = fitted.predict_proba(x)[0].tolist() if fitted.kind == "logistic" else None
        return {**data, "prediction": fitted.predict(x)[0].item(), "probabilities": probabilities}
    outputs = fitted.predict_proba(x) if fitted.kind == "logistic" else fitted.outputs(x)
    if fitted.kind == "logistic" and outputs.shape[-1] == 2:
        outputs = outputs[..., 1]
    return {**data, "outputs": outputs[0].tolist(), **_squares(pane, x[0])}


def _classes(fitted: LinearProbe) -> list[Any] | None:
    return None if fitted.classes is None else fitted.classes.tolist()


def _squares(pane: Pane, values: NDArray[Any]) -> Data:
    """Where the maze's squares lie in a map `[channels, h, w]`; None for what is no map."""
    if values.ndim != 3:
        return {"rows": None, "columns": None}
    rows, columns = pixels_of(pane.maze, (values.shape[1], values.shape[2]))
    return {"rows": rows, "columns": columns}
