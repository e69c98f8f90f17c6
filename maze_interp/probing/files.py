"""Fitted probes on disk: `<agent>/<layer>/<target>/` with `probe.safetensors` and `card.yaml`, which anyone can read.

A card says whose activations the probe reads, what was asked and what it scored; then the probe's
kind and settings, and the hash of the file of numbers, so that neither is taken for another's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml
from safetensors import SafetensorError
from safetensors.numpy import load, save

from maze_interp.bundled import bundled_path
from maze_interp.errors import MazeInterpError, unknown_name
from maze_interp.policies.checkpoints import agent_hash
from maze_interp.policies.network import PolicyNetwork
from maze_interp.probing.convolutional import ConvProbe
from maze_interp.probing.logistic import LogisticProbe
from maze_interp.probing.ridge import RidgeProbe
from maze_interp.probing.ridge_classes import RidgeClassProbe
from maze_interp.probing.sparse import TopKProbe
from maze_interp.probing.state import ProbeState, probe_of, state_of
from maze_interp.results.files import write_whole

Probe = LogisticProbe | RidgeClassProbe | RidgeProbe | TopKProbe | ConvProbe

_NUMBERS, _CARD = "probe.safetensors", "card.yaml"


@dataclass(frozen=True)
class Card:
    """What a saved probe is.

    Attributes:
        agent: its name.
        agent_hash: of the network whose activations the probe reads.
        layer: module path.
        target: what was asked.
        levels: those it was fitted to, in words or as a range of seeds.
        scores: what it scored on others, plain values: numbers, text, or lists and dicts of them.
    """

    agent: str
    agent_hash: str
    layer: str
    target: str
    levels: str
    scores: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """`<agent>/<layer>/<target>`."""
        return f"{self.agent}/{self.layer}/{self.target}"


def save_probe(probe: Probe, card: Card, into: Path = Path("probes")) -> Path:
    """Write a fitted probe; a saved one of the same name is replaced.

    Returns:
        its folder, `into/<agent>/<layer>/<target>`.

    Raises:
        MazeInterpError: a probe that is not fitted or whose classes are not numbers, or a name
            that is no name of a folder.
    """
    state = state_of(probe)
    for part in (card.agent, card.layer, card.target):
        if not part or part.startswith(".") or "/" in part or "\\" in part:
            raise MazeInterpError(f"a probe cannot be saved under {part!r}, which does not name a folder")
    image = save(state.arrays)
    content = {**asdict(card), "sha256": hashlib.sha256(image).hexdigest(), "probe": state.settings}
    text = yaml.safe_dump(content, sort_keys=False, default_flow_style=None, allow_unicode=True, width=120)
    folder = into / card.agent / card.layer / card.target
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f"{_NUMBERS}.partial"
    partial.write_bytes(image)
    partial.replace(folder / _NUMBERS)
    write_whole(folder / _CARD, text)
    return folder


def saved_probes(roots: Sequence[Path] | None = None) -> dict[str, Path]:
    """Folders of the saved probes by name, `<agent>/<layer>/<target>`: the bundled ones and those under `./probes`.

    Args:
        roots: look into these instead, the first first.
    """
    places = [Path("probes"), bundled_path("probes")] if roots is None else roots
    found = {
        path.parent.relative_to(root).as_posix(): path.parent for root in reversed(places) for path in _cards(root)
    }
    return dict(sorted(found.items()))


def _cards(root: Path) -> list[Path]:
    return sorted(root.glob(f"*/*/*/{_CARD}"))


def load_probe(
    policy: PolicyNetwork, layer: str, target: str, roots: Sequence[Path] | None = None
) -> tuple[Probe, Card]:
    """A saved probe of this network, giving the same predictions bit for bit.

    Args:
        policy: the agent; its `name` finds the probe and its weights must be those that it was fitted on.
        layer: module path or published name (`_out`).
        target: what was asked.
        roots: look into these folders instead of the bundled probes and `./probes`.

    Raises:
        MazeInterpError: there is none, it is another network's, or its files are missing, damaged or altered.
    """
    name, there = f"{policy.name}/{layer.removesuffix('_out')}/{target}", saved_probes(roots)
    if name not in there:
        raise unknown_name("saved probe", name, there)
    card, probe = read_probe(there[name])
    if card.name != name:
        raise MazeInterpError(f"{there[name] / _CARD} is the card of {card.name}, not of {name}")
    found = agent_hash(policy)
    if card.agent_hash != found:
        raise MazeInterpError(f"probe {name} was fitted on weights {card.agent_hash}, not on {found}, which are given")
    return probe, card


def read_probe(folder: Path) -> tuple[Card, Probe]:
    """What lies in a probe's folder.

    Raises:
        MazeInterpError: its files are missing, damaged or altered.
    """
    card, sha256, settings = _read_card(folder / _CARD)
    path = folder / _NUMBERS
    try:
        image = path.read_bytes()
        if hashlib.sha256(image).hexdigest() != sha256:
            raise MazeInterpError(f"{path} is damaged, cut short or not the file that {folder / _CARD} describes")
        arrays = load(image)
    except (OSError, SafetensorError, KeyError, ValueError, TypeError) as error:
        raise MazeInterpError(f"{path} is missing or no whole safetensors file: {error}") from error
    try:
        return card, probe_of(ProbeState(settings, arrays))
    except MazeInterpError as error:
        raise MazeInterpError(f"{folder} holds no probe: {error}") from error


def _read_card(path: Path) -> tuple[Card, str, Any]:
    """The card, the hash of the numbers, and the probe's settings."""
    try:
        content = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError, ValueError, RecursionError) as error:
        raise MazeInterpError(f"{path} cannot be read: {' '.join(str(error).split())}") from error
    own = {one.name for one in fields(Card)}
    if not isinstance(content, dict) or content.keys() != own | {"sha256", "probe"}:
        raise MazeInterpError(f"{path} is no card of a probe, with {', '.join(sorted(own))}, sha256 and probe")
    sha256, settings = content.pop("sha256"), content.pop("probe")
    if not isinstance(content["scores"], dict) or not all(isinstance(content[key], str) for key in own - {"scores"}):
        raise MazeInterpError(f"{path}: scores are a mapping, everything else of a card is text")
    return Card(**content), str(sha256), settings
