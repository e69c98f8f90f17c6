"""The study `channels`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from maze_interp.bundled import HELD_OUT
from maze_interp.errors import OptionError
from maze_interp.studies.agent_study import CHOOSING, LayerStudy
from maze_interp.studies.options import Seeds, Several

if TYPE_CHECKING:
    import pandas as pd
    from typing_extensions import Self

    from maze_interp.studies.channels.responses import Responses
    from maze_interp.studies.result import Result
    from maze_interp.studies.runner import Run


@dataclass(frozen=True, kw_only=True)
class Channels(LayerStudy):
    """Find the channels of a layer that track the cheese, the mouse, the corner or the walls.

    Cheese and mouse are moved about many mazes. A channel tracks a thing if its highest or its lowest value lies on it
    more often than by chance, and more often than in 99% of the channels of networks with random weights.

    Attributes:
        seeds: Levels to report on, first:end, the end not included.
        layers: One layer with a spatial map, by module path; default is the network's most studied one.
        choose: Levels on which the tracking channels are chosen; none of them among --seeds.
        placements: Observations of each level.
        untrained: Networks with random weights to compare with, 2 or more.
        gallery: Draw the strongest observations of every channel, not only of those that track something.
    """

    name: ClassVar[str] = "channels"
    title: ClassVar[str] = "What channels track"
    report_levels: ClassVar[int] = 24

    seeds: Seeds = range(HELD_OUT, HELD_OUT + 100)
    choose: Seeds = range(CHOOSING, CHOOSING + 100)
    placements: Several = 16
    untrained: Several = 16
    gallery: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.choose) < 2:
            raise OptionError("whether a channel tracks anything is tested over levels; --choose 2 or more")
        if set(self.choose) & set(self.seeds):
            raise OptionError("--seeds and --choose share levels; report on others than channels are chosen on")

    def responses(self, seeds: Seeds, untrained: int) -> Responses:
        """What is measured.

        Raises:
            MazeInterpError: an unknown layer or one without a map, more than one, or too few placements.
        """
        from maze_interp.studies.channels.responses import Responses

        return Responses(self.policy, self.agent, self.levels(seeds), self.layer, self.placements, untrained)

    def measure(self, run: Run) -> Mapping[str, pd.DataFrame]:
        """See `Study`."""
        return {
            "chosen": run.rows(self.responses(self.choose, self.untrained), "chosen"),
            "reported": run.rows(self.responses(self.seeds, 0), "reported"),
        }

    def summarise(self, rows: Mapping[str, pd.DataFrame]) -> Result:
        """See `Study`."""
        from maze_interp.studies.channels.summary import summarise
        from maze_interp.studies.channels.tables import Findings

        return summarise(Findings(rows["chosen"], rows["reported"]), self.responses(self.seeds, 0), self.gallery)

    def sized(self, levels: int) -> Self:
        """See `Study`: as many levels to choose on, 2 at least."""
        return replace(super().sized(levels), choose=self.choose[: max(2, levels)])
