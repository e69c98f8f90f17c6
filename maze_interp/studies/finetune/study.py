"""The study `finetune`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from maze_interp.bundled import HELD_OUT
from maze_interp.errors import MazeInterpError
from maze_interp.studies.agent_study import AgentStudy
from maze_interp.studies.options import Count, Positive, Rate, Seeds

if TYPE_CHECKING:
    import pandas as pd

    from maze_interp.studies.runner import Run
    from maze_interp.training.compute import Compute

Goal = Literal["cheese", "corner"]


@dataclass(frozen=True, kw_only=True)
class Finetune(AgentStudy):
    """Fine-tune an agent for the cheese or for the corner, and compare it with the original.

    Reinforcement learning with exact returns on levels with the cheese anywhere. Compared are the behaviour of both on
    held-out levels, that of networks between them, how far each layer moved, and what it took of the agent's training.
    The tuned agent's folder, <agent>-<goal>, lies in the run's.

    Attributes:
        seeds: Levels to compare on, first:end, the end not included.
        goal: What is rewarded, cheese or corner; a cheese on the way ends the episode either way.
        steps: About how many states to evaluate in training.
        learning_rate: Peak learning rate; it falls to zero.
        seed: Seed that draws the levels to learn from.
        threads: Threads of the network while it learns.
    """

    name: ClassVar[str] = "finetune"
    title: ClassVar[str] = "Fine-tuning"

    seeds: Seeds = range(HELD_OUT, HELD_OUT + 200)
    goal: Goal = "cheese"
    steps: Positive = 340_000
    learning_rate: Rate = 5e-4
    seed: Count = 0
    threads: Positive = 1

    def measure(self, run: Run) -> Mapping[str, pd.DataFrame]:
        """See `Study`; trains first, or goes on with the training that was stopped."""
        from maze_interp.policies.devices import placed
        from maze_interp.studies.finetune.measure import MIXES, Tuning, weight_change
        from maze_interp.studies.finetune.training import curve_table, tuned_agent, tuning_config

        config = tuning_config(self.agent, self.goal, self.steps, self.distribution_mode, self.learning_rate, self.seed)
        tuned = tuned_agent(config, run.folder, len(self.seeds), self.threads)
        placed(tuned, self.device, self.precision)
        tuning = Tuning(self.network, self.agent, self.levels(), tuned, self.training_region, MIXES)
        return {
            "tuning": run.rows(tuning),
            "weights": weight_change(self.network, tuned),
            "learning": curve_table(run.folder),
        }

    @property
    def training(self) -> Compute | None:
        """What the original's training took; None if that is not recorded."""
        from maze_interp.training.compute import training_compute

        try:
            return training_compute(self.agent)
        except MazeInterpError:
            return None
