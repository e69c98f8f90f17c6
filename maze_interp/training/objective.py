"""What a run of exact policy gradients maximises, and its settings.

The objective is the logarithm of the expected discounted return, its mean over the states that episodes begin in. The
return of a level is the probability of reaching the goal if every move ends the episode with probability
1 − discount, so the objective is the log-likelihood of success (Toussaint and Storkey 2006). Its gradient does not
vanish where success is rare.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from maze_interp.training.run import Share, Training
from maze_interp.validation import Count, Finite, Positive, Probability

Goal = Literal["cheese", "corner"]


@dataclass(frozen=True)
class ExactConfig(Training):
    """One run of exact policy gradients.

    Attributes:
        goal: what is rewarded, once: reaching the cheese, or standing on the top-right corner. Either way the
            episode ends on the cheese.
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
        muon: learning rate of Muon at its peak, which then trains the matrices of the embedder instead of AdamW
            (`maze_interp.training.muon`); 0 for AdamW alone.
        decay: share of the updates, the last ones, over which the learning rate falls to zero by a cosine.
        average: decay per update of the moving average of the weights that the agent is made of; 0 takes the
            last weights.
        elsewhere: share of episodes that begin in a random state instead of on the start.
        bfloat16: run the network in bfloat16: faster on a CPU with instructions for it, ten times slower on one
            without. The gradient is exact for the policy as it runs.
        history: checkpoints that are kept, spaced by the logarithm of the updates (`maze_interp.training.history`).
    """

    goal: Goal = "cheese"
    updates: Positive = 1000
    levels: Positive = 6
    curriculum: bool = False
    repeat: Probability = 0.0
    states: Positive = 256
    steps: Positive = 1
    value_loss: Finite = 0.0
    muon: Finite = 0.0
    decay: Probability = 1.0
    average: Share = 0.0
    elsewhere: Probability = 0.2
    bfloat16: bool = False
    history: Count = 0
