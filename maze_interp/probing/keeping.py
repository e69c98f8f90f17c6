"""Probes of a study, kept under the agent's name with what they scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from maze_interp.policies.names import agent_label
from maze_interp.probing.convolutional import ConvProbe
from maze_interp.probing.examples import KNOWN, per_square
from maze_interp.probing.files import Card, Probe, save_probe
from maze_interp.probing.logistic import LogisticProbe
from maze_interp.probing.plan import ProbeStudy
from maze_interp.probing.ridge import RidgeProbe
from maze_interp.probing.ridge_classes import RidgeClassProbe


def save_fitted(
    study: ProbeStudy,
    layer: str,
    target: str,
    probes: Sequence[LogisticProbe | RidgeClassProbe | RidgeProbe],
    scores: Sequence[Mapping[str, Any]],
) -> None:
    """Save the probes of a target, those of a square under the names of its two axes.

    Args:
        study: says where, and whose.
        layer: module path, or `"pixels"`.
        target: what was asked.
        probes: one per axis.
        scores: rows of the study's table.
    """
    assert study.save is not None
    names = [target] if len(probes) == 1 else [target.replace("_square_", f"_{axis}_") for axis in "xy"]
    whole = [row for row in scores if row["part"] == "all"]
    for name, probe in zip(names, probes, strict=True):
        card = Card(
            agent=agent_label(study.store.settings["agent"]),
            agent_hash=study.store.settings["agent_hash"],
            layer=layer,
            target=name,
            levels=f"{whole[0]['training_levels']} of {study.store.settings['seeds']}, {study.store.settings['mode']} "
            f"mode, cheese {study.store.settings['cheese']}; scored on others of them",
            scores={"description": KNOWN[name].description, target: [_figure(row) for row in whole]},
        )
        save_probe(_of_maps(probe, study.kernel) if per_square(target) else probe, card, study.save)


def _figure(row: Mapping[str, Any]) -> dict[str, Any]:
    keys = ("network", "labels", "metric", "n", "value", "low", "high")
    return {key: round(row[key], 4) if isinstance(row[key], float) else row[key] for key in keys}


def _of_maps(probe: LogisticProbe | RidgeClassProbe | RidgeProbe, kernel: int) -> Probe:
    """A probe fitted to patches, as the one on maps that it is the inside of."""
    found = ConvProbe(kernel, type(probe)(**probe.get_params()))
    found.probe_ = probe
    found.n_features_in_ = probe.n_features_in_ // kernel**2
    return found
