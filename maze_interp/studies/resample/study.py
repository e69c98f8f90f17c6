"""The study `resample`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from maze_interp.bundled import HELD_OUT
from maze_interp.studies.agent_study import LayerStudy
from maze_interp.studies.options import Channels, Positive, Seeds

if TYPE_CHECKING:
    import pandas as pd
    from typing_extensions import Self

    from maze_interp.studies.runner import Run

_REPORT_DRAWS = 5


@dataclass(frozen=True, kw_only=True)
class Resample(LayerStudy):
    """Replace channels by their values in another level and measure how far the moves change.

    The cheese of the other level lies on the level's own cheese square, or elsewhere. Controls: random sets of as many
    other channels, and the whole layer.

    Attributes:
        channels: Numbers with commas between them, or auto for those that track the cheese, chosen on other levels.
        draws: Random sets of channels.
    """

    name: ClassVar[str] = "resample"
    title: ClassVar[str] = "Channels resampled from another level"
    report_levels: ClassVar[int] = 60

    seeds: Seeds = range(HELD_OUT, HELD_OUT + 200)
    channels: Channels = "auto"
    draws: Positive = 10

    def measure(self, run: Run) -> Mapping[str, pd.DataFrame]:
        """See `Study`."""
        from maze_interp.studies.channels.scores import channel_numbers, measured_scores
        from maze_interp.studies.resample.measure import Resampling

        levels = self.levels()
        scores = partial(measured_scores, self, run)
        channels = channel_numbers(self.policy, self.layer, self.channels, levels.distribution_mode, scores)
        experiment = Resampling(self.policy, self.agent, levels, channels, self.layer, self.draws)
        return {"resampling": run.rows(experiment), "sets": experiment.set_table()}

    def sized(self, levels: int) -> Self:
        """See `Study`: fewer random sets, too."""
        return replace(super().sized(levels), draws=min(self.draws, _REPORT_DRAWS))
