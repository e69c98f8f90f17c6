"""The fitted probes of a run as they are saved: coefficients, and cards with what they scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from maze_interp.probing.examples import KNOWN, per_square
from maze_interp.probing.files import Card, save_probe
from maze_interp.probing.fitting import Estimator
from maze_interp.probing.linear import LinearProbe
from maze_interp.studies.probe.plan import Plan


class Saved(NamedTuple):
    """A fitted probe and its card."""

    probe: LinearProbe
    card: Card

    def write(self, into: Path) -> None:
        """Save it under a folder, see `save_probe`."""
        save_probe(self.probe, self.card, into)


def saved(
    plan: Plan, layer: str, target: str, estimators: Sequence[Estimator], scores: Sequence[Mapping[str, Any]]
) -> list[Saved]:
    """The probes of a target at a layer, one per axis; those of a square under the names of its two axes.

    `scores` are rows of the table of scores.
    """
    settings = plan.store.settings
    names = [target] if len(estimators) == 1 else [target.replace("_square_", f"_{axis}_") for axis in "xy"]
    whole = [row for row in scores if row["part"] == "all"]
    kernel = plan.kernel if per_square(target) else None
    return [
        Saved(
            LinearProbe.of(estimator, kernel),
            Card(
                agent=plan.agent,
                agent_hash=settings["agent_hash"],
                layer=layer,
                target=name,
                levels=f"{whole[0]['training_levels']} of {settings['seeds']}, {settings['mode']} mode, "
                f"cheese {settings['cheese']}; scored on others of them",
                scores={"description": KNOWN[name].description, target: [_score(row) for row in whole]},
            ),
        )
        for name, estimator in zip(names, estimators, strict=True)
    ]


def _score(row: Mapping[str, Any]) -> dict[str, Any]:
    keys = ("network", "labels", "metric", "n", "value", "low", "high")
    return {key: round(row[key], 4) if isinstance(row[key], float) else row[key] for key in keys}
