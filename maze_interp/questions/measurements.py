"""The vocabulary of question files: each measurement, its parameters, and the figures it gives.

`levels` are always held out: procgen seeds from 900,000,000 that qualify for the measurement. Whatever is chosen (an
edit, a channel, a fit) is chosen on other levels, `chosen_on` of them, from 100,000,000. Probabilities of reaching a
square are exact, within an episode of 500 moves. Distances are in squares.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

CHEESE = {
    "anywhere": "procgen's own place",
    "region": "a random square of the agent's training region",
    "outside": "procgen's own place, levels with it in the agent's training region left out",
    "none": "no cheese",
    "constructed": "where the measurement puts it",
}
"""Where the cheese lies, the values of the parameter `cheese`."""

_LEVELS = {"levels": "how many levels it is reported on", "cheese": "where the cheese lies: " + ", ".join(CHEESE)}
_CHOSEN = _LEVELS | {"chosen_on": "how many other levels the choice is made on"}
_LAYER = {"layer": "module path of the layer"}
_CONFIDENCE = {"confidence": "of the lower bounds by which a candidate is chosen; .5 takes the luckiest"}
_REGION = {"region": "to which region distances are: own, the agent's training region, or study, the top-right 5×5"}
_NEAR = {"variable": "a distance feature", "nearest": "least distance", "farthest": "greatest distance"}


@dataclass(frozen=True)
class Measure:
    """One word of the vocabulary.

    Attributes:
        what: what is measured.
        parameters: meaning of each; a question names all of them.
        figures: meaning of each; rules speak of these. A share runs from 0 to 1.
    """

    what: str
    parameters: Mapping[str, str]
    figures: Mapping[str, str]


MEASUREMENTS: dict[str, Measure] = {
    "edit-search": Measure(
        "The change of P(cheese) by the edit of the given families that, on other levels, most surely changes enough "
        "of it and keeps enough of something else; levels with a decision square.",
        _CHOSEN
        | {
            "layers": "module paths of the layers to edit",
            "families": "of edits: ablation, scaling, resampling, cheese-vector, cheese-channels, patch",
            "direction": "less or more cheese",
            "keep": "top_right (P(top-right square)) or ability (P(cheese), cheese in the training region)",
            "keep_share": "share of it that a candidate must keep on the levels for choosing",
            "aim": "change that is enough: of the edits that surely reach it the one that keeps most is taken",
        }
        | _CONFIDENCE,
        {
            "change": "P(cheese) lost (or gained) over that without edit, of mean probabilities",
            "kept": "what was to be kept, with the edit over without, of mean probabilities",
        },
    ),
    "probe-accuracy": Measure(
        "A linear probe of a whole layer, fitted on other levels, the mouse on random squares.",
        _CHOSEN | _LAYER | {"target": "what is read", "probe": "ridge-classes, logistic or ridge (rounded)"},
        {
            "accuracy": "share of observations read right",
            "majority": "the same, always saying what is most frequent",
            "pixels": "the same, from the image instead of the layer",
            "untrained": "the same, from an untrained network",
        },
    ),
    "coordinate-frames": Measure(
        "Which frame of reference a linear probe reads the cheese's (x, y) from best, each from the whole layer.",
        _CHOSEN | _LAYER | {"probe": "ridge-classes, logistic or ridge (rounded)"},
        {
            "world_lead": "accuracy for the place in the padded world, less the better of the other two",
            "mouse_lead": "accuracy for the place seen from the mouse, less the better of the other two",
            "maze_lead": "accuracy for the place counted from the maze's own corner, less the better of the other two",
        },
    ),
    "square-probe": Measure(
        "A per-square convolutional probe of a layer, fitted on other levels.",
        _CHOSEN | _LAYER | {"target": "what is read of each square", "window": "side of the window, in squares"},
        {
            "balanced_accuracy": "mean over both classes of the share read right",
            "lead": "balanced accuracy less the best of raw pixels and an untrained network",
        },
    ),
    "dissociation": Measure(
        "Two sets of 1 to 8 channels of one layer each, chosen on other levels, zeroed in turn: one whose loss costs "
        "most P(towards cheese) at the decision square and least P(towards corner), and one the other way round.",
        _CHOSEN | {"layers": "module paths of the layers to choose from"} | _CONFIDENCE,
        {
            "cheese_set": "share of P(towards cheese) lost less share of P(towards corner) lost, first set",
            "corner_set": "share of P(towards corner) lost less share of P(towards cheese) lost, second set",
            "reached": "P(top-right square) without the first set, and P(cheese) without the second, over those of the "
            "whole network; the lesser",
            "ability": "P(cheese), cheese in the training region, with over without edit; the worse of both sets",
        },
    ),
    "tuning-against-editing": Measure(
        "Change of P(cheese) by fine-tuning for the cheese and for the corner, against that by the best edits towards "
        "more and towards less cheese that keep the solve rate in the training region; mean of the two directions.",
        _CHOSEN
        | {
            "steps": "states that fine-tuning evaluates, for each goal",
            "families": "of edits, as in edit-search",
            "layers": "module paths of the layers to edit",
            "keep_share": "share of the solve rate to be kept",
        }
        | _CONFIDENCE,
        {
            "tuning": "change of P(cheese) by fine-tuning, upwards and downwards",
            "editing": "change of P(cheese) by the best edits",
            "lead": "tuning less editing",
        },
    ),
    "finetune-compute": Measure(
        "Fine-tuning by reinforcement (exact policy gradients) on levels with the cheese anywhere.",
        _LEVELS | {"steps": "states that fine-tuning evaluates"},
        {
            "flop_share": "floating-point operations spent over those of the agent's training",
            "step_share": "states evaluated over the environment steps (or samples) of the agent's training",
            "ratio": "P(cheese), cheese outside the training region, after, over the agent's with it inside, before",
        },
    ),
    "retarget": Measure(
        "Writing to a share of all activations, at places chosen by a recipe fixed on other levels, to send the agent "
        "to destinations drawn from the open squares.",
        _CHOSEN
        | {
            "layers": "module paths of the layers whose channels are written to",
            "overwrite": "layer that may be overwritten whole by the run with the cheese at the destination, or none",
            "shares": "shares of activations to edit at most, rising",
            "destinations": "how many are drawn in each level",
            "below": "destinations are squares that it reaches with a lower probability than this without edit",
            "reached_if": "least probability of standing on a destination that counts as navigating to it",
            "range": "share of a level's destinations that counts as a range of them",
            "levels_share": "share of levels in which a range of destinations must be reached",
        },
        {
            "share_needed": "smallest of the shares that sends it to a range of destinations in that share of levels; "
            "1 if none does",
            "levels_reached": "share of levels with a range of destinations reached, at the largest share",
        },
    ),
    "move-against-arrival": Measure(
        "Setting the channels that track the cheese at a far destination: the move towards it at the last square that "
        "the path there shares with the unedited agent's most probable path, against arriving on it.",
        _CHOSEN | _LAYER | {"destinations": "how many far ones are drawn in each level", "nearest": "steps to far"},
        {
            "right_move": "mean probability of the move towards the destination",
            "arrival": "mean probability of standing on it",
            "lead": "right_move less arrival",
        },
    ),
    "goal-models": Measure(
        "How well reference policies fitted on other levels predict its moves: the share of log-likelihood gained over "
        "uniform moves, where predicting its own probabilities would gain 1.",
        _CHOSEN | {"goals": "squares that references walk to", "contexts": "distances that may switch between goals"},
        {
            "single": "the best one goal, with a fitted firmness",
            "contextual": "the best mixture of goals whose weights depend on the contexts",
        },
    ),
    "reference-lead": Measure(
        "How well one reference policy predicts its moves against others, each with a fitted firmness, in nats per "
        "move on held-out levels.",
        _CHOSEN | {"reference": "the policy", "others": "those it is set against"},
        {
            "agreement": "share of states in which the most probable moves are the same",
            "lead": "log-likelihood per move less that of the best of the others",
        },
    ),
    "reference-behaviour": Measure(
        "What a reference policy itself does in the agent's levels.",
        _LEVELS | {"reference": "the policy"},
        {"p_cheese": "P(cheese)"},
    ),
    "steering-channels": Measure(
        "Channels whose peak tracks a place the agent may head for, and what writing a peak there does to the chance "
        "of getting there, of all of them together or the best alone, chosen on other levels, against as many random "
        "channels of the layer; the cheese absent.",
        _CHOSEN
        | {"layers": "module paths of the layers to search", "destinations": "how many are drawn in each level"}
        | _CONFIDENCE,
        {
            "channels": "how many track it beyond chance and an untrained network, corrected for many comparisons",
            "gain": "P(standing on the destination) with the edit less without",
            "lead": "that gain less the gain of random channels",
        },
    ),
    "simple-channels": Measure(
        "Channels of a layer whose map is explained by one plain feature of the picture at the same place.",
        _LEVELS
        | _LAYER
        | {
            "features": "plain features of a square",
            "explained": "least R² that counts",
            "units": "of the interval: channels",
        },
        {
            "share": "share of the layer's channels with one feature that explains so much; channels are the units",
            "untrained": "of an untrained network",
        },
    ),
    "value-agreement": Measure(
        "How often the most probable move leads to the state that the value head rates highest, among the states that "
        "moves lead to, facing left. Bumping into a wall and not moving lead to where it is; squares next to the "
        "cheese, which no state follows, are left out.",
        _LEVELS | {"squares": "decision, all or region", "split": "test (held out) or train (the agent's own levels)"},
        {
            "agreement": "mean over levels of the share of squares where it does",
            "moving": "the same among moves to other squares alone, so that to stay is no move and no next state",
        },
    ),
    "distance-coefficient": Measure(
        "Fractional logistic regression of P(cheese) on distances of `maze_features`, in standard deviations; levels "
        "with a decision square.",
        _LEVELS
        | {
            "variable": "the distance in question",
            "controls": "distances held fixed: others (all but it), or their names",
        }
        | _REGION,
        {"coefficient": "of the variable, log-odds per standard deviation; below 0: the closer, the more often"},
    ),
    "luck-coefficient": Measure(
        "The same regression of the single move at the decision square, of which no chain of samples is part.",
        _LEVELS
        | {
            "variable": "the distance in question",
            "controls": "distances held fixed: others (all but it), or their names",
        }
        | _REGION,
        {
            "coefficient": "for P(towards cheese) at the decision square",
            "whole_coefficient": "for P(cheese), which a longer chain of samples lowers",
        },
    ),
    "first-exit": Measure(
        "The first way out of the decision square, for cheeses in a range of distances.",
        _LEVELS | _NEAR,
        {
            "cheese": "probability of leaving towards the cheese",
            "corner_lead": "probability of leaving towards the corner less that of leaving towards the cheese",
        },
    ),
    "change-point": Measure(
        "P(towards cheese) at the decision square against distance: one step down against a logistic curve, in nats "
        "per held-out level.",
        _LEVELS | {"variable": "the distance"},
        {
            "place": "distance of the step",
            "drop": "P before less P after it",
            "lead": "log-likelihood of the step less that of the logistic curve",
        },
    ),
    "predictive-power": Measure(
        "What variables add to the prediction of P(cheese) by a fractional logistic regression, as shares of the "
        "deviance explained on held-out levels.",
        _LEVELS | {"base": "variables already in", "added": "variables added to them"},
        {"base": "explained by the base", "gain": "explained by both less explained by the base"},
    ),
    "matched-difference": Measure(
        "P(towards cheese) at the decision square in one group of levels less that in another, matched for the "
        "distance from decision square to cheese.",
        _LEVELS | {"group": "the levels in question", "against": "those they are set against"},
        {"difference": "mean over the matched levels"},
    ),
    "dead-ends": Measure(
        "Dead-end branches that hold neither cheese nor corner, off the way to the corner, by depth.",
        _LEVELS | {"shallowest": "least depth, in squares", "deepest": "greatest depth"},
        {
            "entered": "probability of stepping into one on first leaving its mouth, over all that are passed",
            "time_lost": "expected moves spent inside, per branch passed",
        },
    ),
    "branch-swap": Measure(
        "Constructed levels: two long branches that both end in the training region, the cheese in one; then the same "
        "with the cheese in the other.",
        _LEVELS | {"shortest": "least length of a branch, in squares"},
        {
            "follows": "probability of taking the cheese's branch at the fork, mean of both placements",
            "switch": "probability of taking a branch with the cheese in it less that without",
        },
    ),
    "ablation-agreement": Measure(
        "Effects of removing each channel on P(towards cheese) at the decision square, zero and mean ablation; "
        "positive means that the channel mattered.",
        _LEVELS | _LAYER,
        {"correlation": "Spearman rank correlation over channels of the two kinds' effects"},
    ),
    "tracking-importance": Measure(
        "Channels whose strongest responses lie on the cheese, found on other levels, against random sets of as many "
        "channels: loss of P(towards cheese) at the decision square when zeroed together.",
        _CHOSEN | _LAYER,
        {"loss": "of the tracking channels", "lead": "that less the mean loss of the random sets"},
    ),
}
"""The measurements by name."""
