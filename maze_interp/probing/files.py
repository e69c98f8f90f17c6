"""Fitted probes on disk: `<agent>/<layer>/<target>/` with `probe.safetensors` and `card.yaml`, which anyone can read.

The card says whose activations the probe takes, what it predicts and what it scored; and the hash of the file of
coefficients, so that neither is taken for another's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field
from safetensors import SafetensorError
from safetensors.numpy import load, save

from maze_interp.bundled import bundled_path
from maze_interp.documents import dump_yaml
from maze_interp.errors import MazeInterpError, unknown_name
from maze_interp.policies.checkpoints import agent_hash
from maze_interp.policies.network import PolicyNetwork
from maze_interp.probing.kinds import ProbeKind
from maze_interp.probing.linear import LinearProbe
from maze_interp.results.files import write_whole
from maze_interp.validation import Document, Words, read_document

_COEFFICIENTS, CARD = "probe.safetensors", "card.yaml"
_ARRAYS = ("coef", "intercept", "classes", "channels")


class Card(Document):
    """What a saved probe is.

    Attributes:
        agent: its name.
        agent_hash: of the network whose activations the probe takes.
        layer: module path.
        target: what it predicts.
        levels: those it was fitted to, in words or as a range of seeds.
        scores: what it scored on others, plain values: numbers, text, or lists and dicts of them.
    """

    agent: Words
    agent_hash: Words
    layer: Words
    target: Words
    levels: Words
    scores: dict[str, Any] = Field(default_factory=dict)

    @property
    def name(self) -> str:
        """`<agent>/<layer>/<target>`."""
        return f"{self.agent}/{self.layer}/{self.target}"


class _File(Card):
    """A card as it is on disk: with what the coefficients mean, and the hash of their file."""

    probe: ProbeKind
    penalty: float
    kernel: int | None = None
    sha256: Words


def save_probe(probe: LinearProbe, card: Card, into: Path = Path("probes")) -> Path:
    """Write a fitted probe to `into/<agent>/<layer>/<target>`, whose path it returns, in place of a saved one.

    Raises:
        MazeInterpError: a name that is no name of a folder; or probes of another network of the agent's name are there.
    """
    require_same_network(into, card.agent, card.agent_hash)
    for part in (card.agent, card.layer, card.target):
        if not part or part.startswith(".") or "/" in part or "\\" in part:
            raise MazeInterpError(f"a probe cannot be saved under {part!r}, which does not name a folder")
    arrays = {name: value for name in _ARRAYS if (value := getattr(probe, name)) is not None}
    image = save({name: np.array(value, order="C") for name, value in arrays.items()})
    about = {"probe": probe.kind, "penalty": probe.penalty, "kernel": probe.kernel}
    content = {**card.model_dump(), **about, "sha256": hashlib.sha256(image).hexdigest()}
    folder = into / card.agent / card.layer / card.target
    write_whole(folder / _COEFFICIENTS, image)
    write_whole(folder / CARD, dump_yaml(content))
    return folder


def require_same_network(into: Path, agent: str, weights: str) -> None:
    """Refuse a folder in which probes of another network of that name are saved.

    Raises:
        MazeInterpError: it is such a folder.
    """
    for path in sorted((into / agent).glob(f"*/*/{CARD}")):
        if (other := read_document(path, _File).agent_hash) != weights:
            raise MazeInterpError(
                f"{into / agent} holds probes of weights {other}, not of {weights}; remove them or save elsewhere"
            )


def saved_probes(roots: Sequence[Path] | None = None) -> dict[str, Path]:
    """Folders of the saved probes by name, `<agent>/<layer>/<target>`: the bundled ones and those under `./probes`.

    With `roots` those in these folders, the first first.
    """
    places = [Path("probes"), bundled_path("probes")] if roots is None else roots
    folders = {
        path.parent.relative_to(root).as_posix(): path.parent
        for root in reversed(places)
        for path in sorted(root.glob(f"*/*/*/{CARD}"))
    }
    return dict(sorted(folders.items()))


def load_probe(
    policy: PolicyNetwork, layer: str, target: str, roots: Sequence[Path] | None = None
) -> tuple[LinearProbe, Card]:
    """A saved probe of this network, giving the same predictions bit for bit.

    Args:
        policy: the agent; its `name` finds the probe and its weights must be those that it was fitted on.
        layer: module path or published name (`_out`).
        target: what it predicts.
        roots: look into these folders instead of the bundled probes and `./probes`.

    Raises:
        MazeInterpError: there is none, it is another network's, or its files are missing, damaged or altered.
    """
    name, folders = f"{policy.name}/{layer.removesuffix('_out')}/{target}", saved_probes(roots)
    if name not in folders:
        raise unknown_name("saved probe", name, folders)
    card, probe = read_probe(folders[name])
    if card.name != name:
        raise MazeInterpError(f"{folders[name] / CARD} is the card of {card.name}, not of {name}")
    given = agent_hash(policy)
    if card.agent_hash != given:
        raise MazeInterpError(f"probe {name} was fitted on weights {card.agent_hash}, not on {given}, which are given")
    return probe, card


def read_probe(folder: Path) -> tuple[Card, LinearProbe]:
    """What lies in a probe's folder.

    Raises:
        MazeInterpError: its files are missing, damaged or altered.
    """
    file, path = read_document(folder / CARD, _File), folder / _COEFFICIENTS
    try:
        image = path.read_bytes()
        if hashlib.sha256(image).hexdigest() != file.sha256:
            raise MazeInterpError(f"{path} is damaged, cut short or not the file that {folder / CARD} describes")
        arrays = load(image)
    except (OSError, SafetensorError, KeyError, ValueError, TypeError) as error:
        raise MazeInterpError(f"{path} is missing or no whole safetensors file: {error}") from error
    return Card(**{name: getattr(file, name) for name in Card.model_fields}), _probe(file, arrays, path)


def _probe(file: _File, arrays: Mapping[str, Any], path: Path) -> LinearProbe:
    for name in arrays.keys() - set(_ARRAYS):
        raise unknown_name(f"array in {path}:", name, _ARRAYS)
    for name in _ARRAYS[:2]:
        if name not in arrays:
            raise MazeInterpError(f"{path} lacks the array {name}")
    try:
        return LinearProbe(file.probe, penalty=file.penalty, kernel=file.kernel, **arrays)
    except MazeInterpError as error:
        raise MazeInterpError(f"{path}: {error}") from error
