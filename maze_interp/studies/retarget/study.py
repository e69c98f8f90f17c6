"""The study `retarget`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from maze_interp.bundled import HELD_OUT
from maze_interp.errors import OptionError, Unmeasurable
from maze_interp.studies.agent_study import CHOOSING, LayerStudy
from maze_interp.studies.options import Channels, Count, Positive, Real, Seeds, Squares
from maze_interp.sweeps.selection import require_apart

if TYPE_CHECKING:
    import pandas as pd
    from typing_extensions import Self

    from maze_interp.edits.base import Edit
    from maze_interp.studies.retarget.marks import Mark
    from maze_interp.studies.runner import Run


@dataclass(frozen=True, kw_only=True)
class Retarget(LayerStudy):
    """Overwrite some channels at one position and measure to which squares of each level that sends the agent.

    The cheese is taken away and every square is the target in turn. Conditions: the unedited agent, the best single
    channel, the best subset, the channels that track the cheese, random ones, and the cheese itself moved to the
    target. Channels and values are chosen on levels of their own.

    Attributes:
        seeds: Levels to report on, first:end, the end not included; one level for its heat map.
        layers: One layer with a spatial map, by module path; default is the network's most studied one.
        channels: Channels to choose among instead of all of the layer: numbers with commas, or auto for those that
            track the cheese.
        value: Value to write into the channels of --channels; then nothing is chosen.
        choose: Levels on which channels and values are chosen; none of them among --seeds.
        targets: Targets of each level to choose on.
        squares: Targets as x,y separated by spaces, open in every level; every open square unless given.
        visits: Number of targets of each level, drawn by its seed, whose exact probability of a visit is measured too;
            or all.
        draws: Random sets of channels.
        edits: A YAML file of other edits to the network, in force throughout what is reported.
    """

    name: ClassVar[str] = "retarget"
    title: ClassVar[str] = "Sending the agent to any square by writing into some channels"
    report_levels: ClassVar[int] = 8

    seeds: Seeds = range(HELD_OUT, HELD_OUT + 100)
    channels: Channels | None = None
    value: Real | None = None
    choose: Seeds = range(CHOOSING, CHOOSING + 12)
    targets: Positive = 12
    squares: Squares | None = None
    visits: Count | Literal["all"] = 8
    draws: Count = 3
    edits: Path | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.value is None:
            require_apart(self.choose, self.seeds)
            return
        if self.channels is None:
            raise OptionError("--value needs --channels; name them, or leave both to be chosen")
        defaults = {field.name: field.default for field in fields(self)}
        for option in ("choose", "targets"):
            if getattr(self, option) != defaults[option]:
                raise OptionError(f"--{option} has no effect with --value, which leaves nothing to be chosen")

    @cached_property
    def named_channels(self) -> tuple[int, ...] | None:
        """The channels given; None to choose from all of the layer.

        Raises:
            MazeInterpError: a channel that the layer does not have.
        """
        from maze_interp.studies.channels.scores import channel_numbers

        if self.channels is None:
            return None
        return tuple(sorted(channel_numbers(self.policy, self.layer, self.channels, self.distribution_mode)))

    @cached_property
    def loaded_edits(self) -> tuple[Edit, ...]:
        """The edits in the file."""
        from maze_interp.edits import load

        return tuple(load(self.edits)) if self.edits else ()

    def settings(self) -> dict[str, Any]:
        """See `Study`."""
        chosen = {
            "layers": [self.layer],
            "channels": self.named_channels and list(self.named_channels),
            "edits": [repr(edit) for edit in self.loaded_edits],
        }
        unused = {"choose": None, "targets": None} if self.value is not None else {}
        return {**super().settings(), **chosen, **unused}

    def sized(self, levels: int) -> Self:
        """See `Study`: chosen on fewer levels, with fewer targets and draws."""
        smaller = replace(super().sized(levels), visits=2, draws=1)
        if self.value is not None:
            return smaller
        return replace(smaller, choose=self.choose[: -(-levels // 2)], targets=6)

    def measure(self, run: Run) -> Mapping[str, pd.DataFrame]:
        """See `Study`.

        Raises:
            Unmeasurable: no level has a target beside the start.
        """
        import pandas as pd

        from maze_interp.studies.retarget.measure import Targets

        marks = self._given(self.value) if self.value is not None else self._chosen(run)
        visits = None if self.visits == "all" else int(self.visits)
        squares = None if self.squares is None else tuple(self.squares)
        levels, options = self.levels(cheese="none"), (self.layer, visits, squares, self.loaded_edits)
        rows = run.rows(Targets(self.policy, self.agent, levels, marks, *options))
        if not len(rows):
            raise Unmeasurable("there is no target beside the start; name other squares")
        return {"targets": rows, "marks": pd.DataFrame({"mark": marks})}

    def _given(self, value: float) -> tuple[Mark, ...]:
        """The value in the channels named, and in random ones."""
        from maze_interp.measure.channels import count_channels
        from maze_interp.studies.retarget.marks import Mark, random_sets

        channels = self.named_channels or ()
        others = [channel for channel in range(count_channels(self.policy, self.layer)) if channel not in channels]
        sets = {"given": channels, **random_sets(others, len(channels), self.draws)}
        return tuple(Mark(name, numbers, value) for name, numbers in sets.items())

    def _chosen(self, run: Run) -> tuple[Mark, ...]:
        """The best channels and values on the levels to choose on."""
        from maze_interp.studies.retarget.marks import MULTIPLES, natural_peak
        from maze_interp.studies.retarget.search import Steering, choose_marks

        levels = self.levels(self.choose)
        search = Steering(self.policy, self.agent, levels, (), self.layer, self.targets)
        values = [multiple * natural_peak(self.policy, self.layer, levels) for multiple in MULTIPLES]
        sets = self._tracking(run) if self.named_channels is None else {"given": self.named_channels}

        def measured(search: Steering, step: str) -> pd.DataFrame:
            return run.rows(search, f"search/{step}")

        return choose_marks(search, measured, values, self.named_channels, sets, self.draws)

    def _tracking(self, run: Run) -> Mapping[str, tuple[int, ...]]:
        """The channels that track the cheese, by the condition's name; nothing if none does."""
        from maze_interp.studies.channels.scores import CHOOSING as TRACKING
        from maze_interp.studies.channels.scores import measured_scores, tracking_channels

        require_apart(TRACKING.seeds, self.seeds)
        tracking = tracking_channels(measured_scores(self, run), [1])
        return {"tracking": tuple(sorted(tracking))} if tracking else {}
