"""Probes of a network whose layers hold a known linear code, or noise: the one is found, the other not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from maze_interp import LevelSet, Recording, record
from maze_interp.studies.probe.figures import top_channels_figure
from maze_interp.studies.probe.measure import measure, top_part
from maze_interp.studies.probe.plan import Plan
from maze_interp.studies.probe.trial import Trial


class Planted(nn.Module):
    """A network whose value is a known linear code of one layer; another layer is noise."""

    def __init__(self) -> None:
        super().__init__()
        self.code, self.noise = nn.Identity(), nn.Identity()
        self.weights = torch.arange(1.0, 9) / 8
        self.random = torch.Generator().manual_seed(1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Logits that say nothing, and the value."""
        code = self.code(torch.randn(len(x), 8, generator=self.random))
        self.noise(torch.randn(len(x), 30, generator=self.random))
        return torch.zeros(len(x), 15), code @ self.weights


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    network = Planted().eval().requires_grad_(False)
    levels = LevelSet(range(200), "easy")
    wanted = Recording(network, "planted", levels, ["code", "noise"], squares=1, facings=["left"])
    store = record(wanted, tmp_path_factory.mktemp("planted") / "store", workers=1)
    return Plan(
        store=store, policy=network, layers=["code", "noise"], targets=["value", "maze_size"], region=3, folds=4
    )


def rows_of(study: Plan, layer: str, target: str, **where: Any) -> dict[str, dict[str, Any]]:
    """The rows of a figure by metric."""
    wanted = {"network": "agent", "labels": "true", "part": "all", **where}
    return {
        row["metric"]: row
        for row in measure(study, (layer, target)).tables["scores"]
        if all(row[key] == value for key, value in wanted.items())
    }


def test_a_planted_code_is_found_and_noise_is_not(planted: Plan) -> None:
    asked = planted.examples("code", "value")
    (fitted,) = Trial(planted, "value", asked).fit(asked.y)[0]
    assert fitted.probe.coef_ == pytest.approx(np.arange(1, 9) / 8, rel=0.05)
    found = rows_of(planted, "code", "value")
    assert found["r2"]["low"] > 0.99
    assert found["selectivity"]["low"] > 0.99
    for target, metric in (("value", "r2"), ("maze_size", "accuracy")):
        nothing = rows_of(planted, "noise", target)
        assert nothing["selectivity"]["low"] <= 0 <= nothing["selectivity"]["high"]
        assert nothing[metric]["value"] < 0.4


def test_the_best_channels_of_a_planted_code(planted: Plan) -> None:
    study = replace(planted, top_channels=(1, 2, 7))
    trial = Trial(study, "value", study.examples("code", "value"))
    ((fitted,), *_) = trial.fit(trial.asked.y, channels=2)
    train = trial.folds[0].train
    code = np.concatenate(list(trial.asked.X[train].batches()))
    alone = np.corrcoef(code.T, trial.asked.y[train, 0])[-1, :8] ** 2
    assert fitted.channels is not None
    assert list(fitted.channels) == list(np.argsort(-alone)[:2])
    for k in study.top_channels:
        best = np.sort(np.arange(1, 9) ** 2)[-k:].sum() / 204  # share of the variance that these weights carry
        assert rows_of(study, "code", "value", part=top_part(k))["r2"]["value"] == pytest.approx(best, abs=0.12)


def test_the_picture_of_the_best_channels(planted: Plan) -> None:
    study = replace(planted, layers=["code"], targets=["value"], top_channels=(1, 4), controls=False)
    scores = pd.DataFrame(
        [{"layer": "code", "target": "value", **row} for row in measure(study, ("code", "value")).tables["scores"]]
    )
    axes = top_channels_figure(scores, "value").axes[0]
    drawn = np.asarray(axes.lines[0].get_ydata())
    assert drawn.tolist() == [rows_of(study, "code", "value", part=top_part(k))["r2"]["value"] for k in (1, 4)]
