"""Patching against the network written out by hand, chains against patching square by square, gradients where exact."""

from __future__ import annotations

from typing import cast

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from maze_interp import DEFAULT_AGENT, LevelSet, Maze, observe, to_input
from maze_interp.environment.observe import FACINGS
from maze_interp.errors import MazeInterpError
from maze_interp.measure.behaviour import behaviour
from maze_interp.measure.chain import make_chain, reach_within
from maze_interp.measure.evaluate import Evaluation
from maze_interp.policies.agents import load_network
from maze_interp.policies.architectures.impala import Impala
from maze_interp.policies.hooks import hooked, run_with_cache
from maze_interp.policies.moves import MOVES, move_probabilities
from maze_interp.studies.patch.attribution import agreement, attribution, integrated
from maze_interp.studies.patch.pairs import KINDS, Pair, make_pair
from maze_interp.studies.patch.parts import LayerPatching, PartPatching
from maze_interp.studies.patch.runs import (
    PLACES,
    around,
    arrivals,
    channel_masks,
    place_masks,
    position_masks,
    run_pair,
    run_states,
    unpatched_states,
)
from maze_interp.studies.patch.tables import normalised

LAYER = "embedder.block2.res1.resadd"
SEED = 900_000_003
DRAWING = """
.C.#...
.###.##
...#.#.
##.#.#.
.#.....
.#.###.
M....#.
"""


@pytest.fixture(scope="module")
def agent() -> Impala:
    return cast(Impala, load_network(DEFAULT_AGENT))


@pytest.fixture(scope="module")
def maze() -> Maze:
    found = Maze.from_seed(SEED, "easy")
    assert found == Maze.from_ascii(DRAWING, "easy", SEED)
    return found


def pair_of(maze: Maze, kind: str) -> Pair:
    pair = make_pair(maze, kind, 3)
    assert pair is not None
    return pair


def x_of(maze: Maze, pair: Pair) -> Tensor:
    return to_input(observe(maze, [pair.square]))


# What pairs are


def test_pairs_differ_in_the_one_thing(maze: Maze) -> None:
    up, right = MOVES.index("up"), MOVES.index("right")
    corner = pair_of(maze, "cheese-to-corner")
    assert (corner.recipient, corner.donor) == (maze, maze.with_cheese((6, 6)))
    assert (corner.square, corner.recipient_goal, corner.donor_goal) == ((2, 2), (1, 6), (6, 6))
    assert corner.moves((2, 2)) == (up, right)
    assert corner.moves((2, 3)) == (up, MOVES.index("down"))
    assert corner.between[0] == (0, 6)
    assert (2, 2) in corner.between
    assert {(1, 6), (6, 6)}.isdisjoint(corner.between)
    assert pair_of(maze, "cheese-removed").donor == maze.with_cheese(None)
    opened = pair_of(maze, "corner-path")
    assert opened.recipient == maze.padded()
    assert set(opened.donor.squares) - set(opened.recipient.squares) == {
        *((10, y) for y in range(11, 15)),
        *((x, 14) for x in range(11, 15)),
    }
    assert (opened.square, opened.recipient_goal, opened.donor_goal) == ((6, 6), (5, 10), (14, 14))
    assert opened.moves(opened.square) == (up, right)


def test_the_moved_cheese_lies_another_way_and_outside_the_region() -> None:
    places = set()
    for seed in range(900_000_000, 900_000_040):
        maze = Maze.from_seed(seed, "easy")
        pair = make_pair(maze, "cheese-moved", 3)
        if pair is None:
            continue
        towards_recipient, towards_donor = pair.moves(pair.square)
        assert towards_recipient != towards_donor
        assert pair.donor == maze.with_cheese(pair.donor_goal)
        assert pair.donor_goal not in maze.region(3)
        assert make_pair(maze, "cheese-moved", 3) == pair
        places.add(pair.donor_goal)
    assert len(places) > 5


def test_levels_without_a_choice_make_no_pair(maze: Maze) -> None:
    assert make_pair(maze.with_cheese((6, 5) if maze.open[5, 6] else (5, 6)), "cheese-removed", 3) is None
    assert make_pair(maze.with_cheese((2, 2)), "cheese-removed", 3) is None  # on the way to the corner
    assert make_pair(maze, "cheese-to-corner", 7) is None  # the whole maze is the region
    full = next(one for one in (Maze.from_seed(seed, "easy") for seed in range(100)) if one.size == 15)
    assert make_pair(full, "corner-path", 1) is None
    with pytest.raises(MazeInterpError, match="unknown kind of pair 'cheese-move': did you mean cheese-moved"):
        make_pair(maze, "cheese-move", 3)


# Patched runs


def by_hand(network: Impala, x: Tensor, donor: Tensor, mask: Tensor) -> Tensor:
    """The network written out, the output of block 2's first residual addition mixed with the donor's."""
    with torch.no_grad():
        found = []
        for one in (x, donor):
            h = network.embedder.block1(one)
            h = network.embedder.block2.maxpool(network.embedder.block2.conv(h))
            residual = network.embedder.block2.res1
            found.append(h + residual.conv2(torch.relu(residual.conv1(torch.relu(h)))))
        h = network.embedder.block2.res2(torch.where(mask, found[1], found[0]))
        h = torch.relu(network.embedder.block3(h)).flatten(1)
        h = torch.relu(network.embedder.fc(h))
        return move_probabilities(network.fc_policy(h))[0]


def check_by_hand(network: Impala, pair: Pair) -> None:
    run = run_pair(network, pair, LAYER)
    channels, height, width = run.shape
    x, donor = x_of(pair.recipient, pair), x_of(pair.donor, pair)
    some = torch.rand(1, *run.shape, generator=torch.Generator().manual_seed(0)) < 0.5
    masks = [some, torch.zeros_like(some), torch.zeros_like(some)]
    masks[1][:, 5] = True
    masks[2][:, :, 3, 11] = True
    wholes = [some, channel_masks(run.shape)[5:6], position_masks(run.shape)[3 * width + 11 :][:1]]
    assert len(channel_masks(run.shape)) == channels
    assert len(position_masks(run.shape)) == height * width
    for mask, given in zip(masks, wholes, strict=True):
        expected = by_hand(network, x, donor, mask)
        np.testing.assert_allclose(run.outputs(given)[0, 0, :5], expected, atol=1e-5)
        recipient, towards_donor = expected[run.moves[0]]
        np.testing.assert_allclose(run.probability_difference(given)[0], towards_donor - recipient, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_patches_as_in_the_network_written_out(agent: Impala, maze: Maze, kind: str) -> None:
    check_by_hand(agent, pair_of(maze, kind))


def test_patches_of_the_published_network(published: Impala, maze: Maze) -> None:
    check_by_hand(published, pair_of(maze, "cheese-to-corner"))


@pytest.mark.parametrize("layer", ["embedder.block1", LAYER, "embedder.block3_out", "embedder.fc"])
def test_a_whole_layer_that_all_goes_through_gives_the_donor(agent: Impala, maze: Maze, layer: str) -> None:
    pair = pair_of(maze, "cheese-to-corner")
    run = run_pair(agent, pair, layer)
    recipient, donor = (move_probabilities(agent(x_of(one, pair))[0])[0] for one in (pair.recipient, pair.donor))
    np.testing.assert_allclose(run.outputs(run.whole)[0, 0, :5], donor, atol=1e-6)
    np.testing.assert_allclose(run.outputs(run.none)[0, 0, :5], recipient, atol=1e-6)
    np.testing.assert_allclose(run.donor_probabilities[0], donor[run.moves[0]], atol=1e-6)
    assert np.abs(donor - recipient).max() > 0.01


def test_a_branch_leaves_a_way_around(agent: Impala, maze: Maze) -> None:
    pair = pair_of(maze, "cheese-to-corner")
    branch = "embedder.block2.res1.conv2"
    run = run_pair(agent, pair, branch)
    _, cache = run_with_cache(agent, x_of(pair.donor, pair), [branch])
    with torch.no_grad(), hooked(agent, {branch: lambda _, __: cache[branch]}):
        logits, value = agent(x_of(pair.recipient, pair))
    patched = run.outputs(run.whole)[0, 0]
    np.testing.assert_allclose(patched[:5], move_probabilities(logits)[0], atol=1e-6)
    np.testing.assert_allclose(patched[5], value[0], atol=1e-5)
    assert abs(patched[5] - float(agent(x_of(pair.donor, pair))[1])) > 1e-3


def test_many_squares_and_masks_are_each_run(agent: Impala, maze: Maze) -> None:
    pair = pair_of(maze, "cheese-to-corner")
    masks = channel_masks((32, 16, 16))[:7]
    run = run_pair(agent, pair, LAYER, pair.between)
    together = run.probabilities(masks)
    assert together.shape == (7, len(pair.between), 2)
    for number, square in enumerate(pair.between):
        alone = run_pair(agent, pair, LAYER, [square])
        np.testing.assert_allclose(together[:, number], alone.probabilities(masks)[:, 0], atol=1e-5)
    differences = (together[..., 1] - together[..., 0]).mean(axis=1)
    np.testing.assert_allclose(run.probability_difference(masks), differences, atol=1e-12)


# Whole episodes


def test_episodes_are_patched_on_every_square_from_the_same_square(agent: Impala, maze: Maze) -> None:
    pair = pair_of(maze, "cheese-to-corner")
    mask = torch.zeros(1, 32, 16, 16, dtype=torch.bool)
    mask[:, ::2] = True
    squares = tuple(square for square in maze.squares if square != maze.cheese)
    probs = np.empty((len(squares), 2, 5))
    for number, square in enumerate(squares):
        for facing, name in enumerate(FACINGS):
            x, donor = (to_input(observe(one, [square], name)) for one in (pair.recipient, pair.donor))
            nothing = torch.zeros_like(mask)
            probs[number, facing] = by_hand(agent, x, donor, nothing if square == maze.top_right else mask)
    states = run_states(agent, pair, LAYER).patched(torch.cat([torch.zeros_like(mask), mask]))
    np.testing.assert_allclose(states[1].probs, probs, atol=1e-5)
    chain = make_chain(Evaluation(maze, squares, probs, np.zeros(probs.shape[:2])))
    goal = np.arange(chain.cheese + 1) == chain.cheese
    expected = reach_within(chain.transitions, goal[:, None], 500)[chain.start, 0]
    unpatched = behaviour(agent, maze)
    assert arrivals(states[1], pair.aim)[0] == pytest.approx(expected, abs=1e-5)
    assert arrivals(states[0], pair.aim) == pytest.approx((unpatched.p_cheese, unpatched.p_top_right), abs=1e-5)
    assert abs(expected - unpatched.p_cheese) > 0.01


@pytest.mark.parametrize("kind", KINDS)
def test_whole_layers_on_every_square_walk_as_the_donor_would(agent: Impala, maze: Maze, kind: str) -> None:
    pair = pair_of(maze, kind)
    recipient, donor = unpatched_states(agent, pair)
    run = run_pair(agent, pair, "embedder.fc")
    none, whole = run_states(agent, pair, "embedder.fc").patched(torch.cat([run.none, run.whole]))
    np.testing.assert_allclose(none.probs, recipient.probs, atol=1e-5)
    np.testing.assert_allclose(whole.probs, donor.probs, atol=1e-5)
    number = recipient.squares.index(pair.square)
    np.testing.assert_allclose(donor.probs[number, 0][run.moves[0]], run.donor_probabilities[0], atol=1e-5)


# Places


def test_a_place_is_the_positions_within_a_square_and_a_half(maze: Maze) -> None:
    for size, pitch in ((64, 64 / 15), (16, 16 / 15), (8, 8 / 15)):
        found = around(maze, (1, 6), (size, size)).nonzero().tolist()
        column, row = (1 + 4 + 0.5) * pitch, (15 - 1 - 6 - 4 + 0.5) * pitch  # of the square's centre, padding 4
        expected = [
            [r, c]
            for r in range(size)
            for c in range(size)
            if abs(r + 0.5 - row) <= 1.5 * pitch and abs(c + 0.5 - column) <= 1.5 * pitch
        ]
        assert found == expected
        assert found
    pair = pair_of(maze, "cheese-to-corner")
    masks = place_masks(pair, (32, 16, 16))
    assert torch.stack(list(masks.values())).any(0).all()
    assert not (masks["rest"] & (masks["recipient_goal"] | masks["donor_goal"] | masks["mouse"])).any()


# Gradients


class Chances(nn.Module):
    """A policy whose chances of two moves are linear in the picture: up by half plus, right by half minus a sum."""

    def __init__(self, weights: Tensor) -> None:
        super().__init__()
        self.seen = nn.Identity()
        self.weights = nn.Parameter(weights, requires_grad=False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        part = (self.seen(x) * self.weights).sum((1, 2, 3))
        logits = torch.full((len(x), 15), -60.0)
        logits = logits.index_copy(1, torch.tensor([5, 7]), torch.stack([0.5 - part, 0.5 + part], 1).log())
        return logits, part


def test_attribution_is_patching_where_the_network_is_linear(maze: Maze) -> None:
    weights = 1e-3 * torch.randn(3, 64, 64, generator=torch.Generator().manual_seed(0))
    network, pair = Chances(weights), pair_of(maze, "cheese-to-corner")
    run = run_pair(network, pair, "seen")
    assert np.abs(run.probability_difference(run.whole) - run.probability_difference(run.none))[0] > 1e-3
    true = torch.tensor(run.probability_difference(channel_masks(run.shape)) - run.probability_difference(run.none))
    for method in (attribution, integrated):
        guess = method(run)[0].double()
        torch.testing.assert_close(guess.sum((1, 2)), true, rtol=0, atol=1e-6)
        torch.testing.assert_close(guess, 2 * (weights * run.activation_difference[0]).double(), rtol=0, atol=1e-6)


def test_integrated_gradients_add_up_to_the_whole_effect(agent: Impala, maze: Maze) -> None:
    pair = pair_of(maze, "cheese-to-corner")
    run = run_pair(agent, pair, "embedder.fc")
    whole = (run.probability_difference(run.whole) - run.probability_difference(run.none))[0]
    assert float(integrated(run, 200).sum()) == pytest.approx(whole, abs=0.01)
    coarse = integrated(run, 1) - integrated(run, 200)
    assert coarse.abs().max() > 1e-4
    x = run.recipient.activation.clone()
    step = 1e-3 * run.activation_difference
    ahead, behind = (float(run.probability_difference_at(x + sign * step).detach()) for sign in (1, -1))
    assert float(attribution(run).sum()) == pytest.approx((ahead - behind) / 2e-3, rel=0.02)


def test_agreement_against_plain_correlations() -> None:
    random = np.random.default_rng(0)
    effect = random.normal(0, 0.1, (9, 20))
    guess = effect + random.normal(0, 0.1, effect.shape)
    parts = pd.DataFrame({"seed": np.repeat(range(9), 20), "recipient": 0.3, "patched": 0.3 + effect.ravel()})
    parts["gradient"] = guess.ravel()
    found = agreement(parts, "gradient")
    assert found["pearson"].mean == pytest.approx(np.corrcoef(effect.ravel(), guess.ravel())[0, 1])
    assert found["spearman"].mean == pytest.approx(parts["patched"].corr(parts["gradient"], method="spearman"))
    big = np.abs(effect) >= 0.001
    assert found["sign"].mean == pytest.approx((np.sign(effect) == np.sign(guess))[big].mean())
    for one in found.values():
        assert one.n == 9
        assert one.low is not None
        assert one.mean is not None
        assert one.high is not None
        assert one.low < one.mean < one.high


def test_a_share_is_a_ratio_of_means() -> None:
    rows = pd.DataFrame({"recipient": [0.0, 0.5, 0.2], "donor": [1.0, 0.5, 0.6], "patched": [0.5, 0.9, 0.2]})
    found = normalised(rows)
    assert found.mean == pytest.approx(0.9 / 1.4)
    assert found.n == 3
    assert normalised(rows[1:2]).mean is None
    assert normalised(rows[:1]).mean == 0.5
    assert normalised(rows[:1]).low is None


# Experiments


def test_layers_and_parts_of_a_level(agent: Impala, maze: Maze) -> None:
    levels = LevelSet(range(SEED, SEED + 1), "easy")
    branch = "embedder.block3.res2.conv2"
    layers = LayerPatching(agent, DEFAULT_AGENT, levels, "cheese-to-corner", 3, (LAYER, branch, "embedder.fc"))
    rows = pd.DataFrame(layers.rows(maze)).set_index(["layer", "part", "metric"]).sort_index()
    pair = pair_of(maze, "cheese-to-corner")
    assert rows.loc[("embedder.fc", "whole", "probability_difference"), "donor"] == pytest.approx(
        rows.loc[("embedder.fc", "whole", "probability_difference"), "patched"], abs=1e-5
    )
    assert rows.loc[(LAYER, "whole", "p_cheese"), "recipient"] == pytest.approx(behaviour(agent, maze).p_cheese)
    (walked,) = run_states(agent, pair, branch).patched(run_pair(agent, pair, branch).whole)
    assert rows.loc[(branch, "whole", "p_cheese"), "patched"] == pytest.approx(arrivals(walked, pair.aim)[0], abs=1e-5)
    assert set(rows.loc["embedder.fc"].index.get_level_values("part")) == {"whole"}
    assert set(rows.loc[LAYER].index.get_level_values("part")) == {"whole", *PLACES, "rest"}

    parts = PartPatching(agent, DEFAULT_AGENT, levels, "cheese-to-corner", 3, ("embedder.block3", "embedder.fc"))
    part_rows = pd.DataFrame(parts.rows(maze))
    assert part_rows.groupby("layer").size().to_dict() == {"embedder.block3": 32 + 64, "embedder.fc": 256}
    block = part_rows[part_rows["layer"] == "embedder.block3"]
    run = run_pair(agent, pair, "embedder.block3")
    np.testing.assert_allclose(block["patched"][:32], run.probability_difference(channel_masks(run.shape)), atol=1e-6)
    np.testing.assert_allclose(block["patched"][32:], run.probability_difference(position_masks(run.shape)), atol=1e-6)
    for name, guess in (("gradient", attribution(run)[0]), ("integrated", integrated(run)[0])):
        np.testing.assert_allclose(block[name][:32], guess.sum((1, 2)), atol=1e-5)
        np.testing.assert_allclose(block[name][32:], guess.sum(0).flatten(), atol=1e-5)
    assert block[["mouse_row", "mouse_column"]].iloc[-1].tolist() == [4, 3]  # of the square (2, 2) in a 7×7 maze


def test_unknown_layers_are_named(agent: Impala, maze: Maze) -> None:
    with pytest.raises(MazeInterpError, match=r"unknown layer 'embedder\.bloc3': did you mean embedder\.block3"):
        run_pair(agent, pair_of(maze, "cheese-to-corner"), "embedder.bloc3")
