"""Everything about a set of forecasts and a set of measured agents: scores, standings, files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from maze_interp.errors import MazeInterpError
from maze_interp.questions import comparison
from maze_interp.questions.forecasts import Forecast
from maze_interp.questions.question import Question
from maze_interp.questions.resolutions import Resolutions
from maze_interp.questions.scoring import BOUND
from maze_interp.results.estimates import Estimate
from maze_interp.results.files import write_csv, write_json
from maze_interp.results.tables import records

Standings = dict[str, dict[str, dict[str, Estimate]]]


@dataclass(frozen=True)
class Scoreboard:
    """Forecasts held against measurements; outcomes are the mean over the agents.

    Attributes:
        forecasts: of different forecasters.
        questions: by id.
        resolutions: of different agents.

    Raises:
        MazeInterpError: two forecasts of one name, or none answers a question that has an outcome.
    """

    forecasts: Sequence[Forecast]
    questions: dict[str, Question]
    resolutions: Sequence[Resolutions]

    def __post_init__(self) -> None:
        names = [forecast.forecaster for forecast in self.forecasts]
        for i, name in enumerate(names):
            if name in names[:i]:
                raise MazeInterpError(f"two forecasts are by {name!r}; give one of them another forecaster")
        if not len(self.table):
            raise MazeInterpError(
                f"nothing to score: {len(self.outcomes)} of {len(self.questions)} questions have an outcome, and the "
                "forecasts answer none of these"
            )

    @cached_property
    def recorded(self) -> dict[str, dict[str, NDArray[np.float64]]]:
        """Of `recorded_outcomes`."""
        return comparison.recorded_outcomes(self.resolutions, self.questions)

    @cached_property
    def outcomes(self) -> dict[str, NDArray[np.float64]]:
        """Those that count."""
        return comparison.counted(self.recorded)

    @cached_property
    def table(self) -> pd.DataFrame:
        """Of `score_table`."""
        return comparison.score_table(self.forecasts, self.questions, self.recorded)

    @cached_property
    def standings(self) -> dict[str, Standings]:
        """Of `standings`, by which questions are taken.

        `all` that are answered; `common`, if there are several forecasters, those that each of them answered.
        """
        taken = {"all": self.table}
        if len(self.forecasts) > 1:
            taken["common"] = comparison.common_questions(self.table)
        return {name: comparison.standings(table) for name, table in taken.items()}

    @cached_property
    def ranges(self) -> pd.DataFrame:
        """Of `score_ranges`."""
        return comparison.score_ranges(self.table)

    @cached_property
    def agents(self) -> pd.DataFrame:
        """Of `leave_one_agent_out`."""
        return comparison.leave_one_agent_out(self.forecasts, self.questions, self.resolutions)

    def calibration(self, forecast: Forecast) -> pd.DataFrame | None:
        """Of one forecaster."""
        return comparison.calibration(self.table[self.table["forecaster"] == forecast.forecaster])

    def coverage(self, forecast: Forecast) -> dict[str, int]:
        """Of one forecaster."""
        return comparison.coverage(forecast, self.questions, self.outcomes)

    def write(self, out: Path) -> None:
        """Write `scores.csv`, `ranges.csv`, `agents.csv` and `summary.json` into a folder."""
        for name, table in {"scores": self.table, "ranges": self.ranges, "agents": self.agents}.items():
            write_csv(out / f"{name}.csv", table)
        summary = {
            "brier": "half the sum of squared differences over outcomes; for yes or no the one-sided score",
            "log": f"-ln of the probability of what happened, nats, probabilities below {BOUND} raised to it",
            "rps": "mean over thresholds of the one-sided Brier score of its being met",
            "outcomes": "expected scores where an outcome is uncertain; the mean over agents",
            "interval": "95%, bootstrap over measurements, whose questions stay together, 2000 resamples, seed 0",
            "agents": [
                each.model_dump(include={"agent", "agent_hash", "setting", "command"}) for each in self.resolutions
            ],
            "questions": {name: question.hash for name, question in self.questions.items()},
            "forecasts": {forecast.forecaster: self._about(forecast) for forecast in self.forecasts},
            "standings": self.standings,
            "ranges": records(self.ranges),
        }
        write_json(out / "summary.json", summary)

    def _about(self, forecast: Forecast) -> dict[str, Any]:
        curve = self.calibration(forecast)
        return {
            "date": forecast.date,
            "lock": forecast.lock and forecast.lock.model_dump(),
            **self.coverage(forecast),
            "repairs": {
                f"{name} ({reading.form})": reading.repair
                for name, answer in forecast.answers.items()
                for reading in answer.readings
                if reading.repair
            },
            "calibration": None if curve is None else records(curve),
        }
