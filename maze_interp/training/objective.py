"""What a run of exact policy gradients maximises, and its settings.

The objective is the logarithm of the expected discounted return, its mean over the states that episodes begin in. The
return of a level is the probability of reaching the goal if every move ends the episode with probability
1 − discount, so the objective is the log-likelihood of success (Toussaint and Storkey 2006). Its gradient does not
vanish where success is rare.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from maze_interp.errors import MazeInterpError
from maze_interp.mazes.maze import WORLD_SIZE, DistributionMode
from maze_interp.policies.names import require_agent_name
from maze_interp.validation import Count, Finite, Positive, Probability, fault

Goal = Literal["cheese", "corner"]


def _agent_name(name: str) -> str:
    try:
        return require_agent_name(name)
    except MazeInterpError as error:
        raise fault(str(error)) from error


AgentName = Annotated[str, AfterValidator(_agent_name)]
"""What an agent may be called."""

Region = Annotated[int, Field(ge=1, le=max(WORLD_SIZE.values()))]
"""The n of the top-right n×n squares."""

Width = Annotated[int, Field(ge=1, le=64)]
"""A factor on channel counts; the published networks have 1 and 4."""

Share = Annotated[float, Field(ge=0, lt=1)]
"""A number from 0 to less than 1."""


@dataclass(frozen=True)
class ExactConfig:
    """One run of exact policy gradients.

    Attributes:
        name: the agent's name.
        distribution_mode: `"easy"` or `"hard"`.
        region: the cheese lies in the top-right region × region squares; None for anywhere.
        goal: what is rewarded, once: reaching the cheese, or standing on the top-right corner. Either way the
            episode ends on the cheese.
        width: channel factor k of the network.
        updates: evaluations of new levels, each followed by `steps` of the optimiser.
        levels: new levels in one update.
        curriculum: draw levels by what they still teach (`maze_interp.training.curriculum`): the smallest mazes
            first, then those sizes that are solved the worst. False draws them as procgen does.
        repeat: largest share of the levels of one update that are repeated: earlier ones that the policy failed, each
            until it is solved. Above 0 the curriculum is about success, not about short paths.
        states: drawn for the gradient of one step.
        steps: of the optimiser in one update, each with states drawn from the same levels
            (`maze_interp.training.gradient`).
        value_loss: factor of the value head's mean squared error in the loss, so that the layers before the heads
            learn values too; 0 for the policy alone.
        learning_rate: AdamW's, at its peak.
        muon: learning rate of Muon at its peak, which then trains the matrices of the embedder instead of AdamW
            (`maze_interp.training.muon`); 0 for AdamW alone.
        decay: share of the updates, the last ones, over which the learning rate falls to zero by a cosine.
        average: decay per update of the moving average of the weights that the agent is made of; 0 takes the
            last weights.
        discount: of the return, per move.
        elsewhere: share of episodes that begin in a random state instead of on the start.
        value_levels: new levels that the value head is fitted on at the end (`maze_interp.training.critic`).
        seed: of the network's weights and of the levels drawn.
        start_from: agent or weights to begin with; None for new weights.
        bfloat16: run the network in bfloat16: faster on a CPU with instructions for it, ten times slower on one
            without. The gradient is exact for the policy as it runs.
        history: checkpoints that are kept, spaced by the logarithm of the updates (`maze_interp.training.history`).
    """

    name: AgentName
    distribution_mode: DistributionMode = "easy"
    region: Region | None = None
    goal: Goal = "cheese"
    width: Width = 1
    updates: Positive = 1000
    levels: Positive = 6
    curriculum: bool = False
    repeat: Probability = 0.0
    states: Positive = 256
    steps: Positive = 1
    value_loss: Finite = 0.0
    learning_rate: Finite = 3e-4
    muon: Finite = 0.0
    decay: Probability = 1.0
    average: Share = 0.0
    discount: Share = 0.99
    elsewhere: Probability = 0.2
    value_levels: Positive = 100
    seed: Count = 0
    start_from: str | None = None
    bfloat16: bool = False
    history: Count = 0
