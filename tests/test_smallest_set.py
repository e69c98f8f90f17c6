"""The search against enumeration, planted answers, and plain reruns of what it found."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from maze_interp import DEFAULT_AGENT, LevelSet
from maze_interp.measure.behaviour import behaviour
from maze_interp.policies.agents import load_network
from maze_interp.policies.architectures.impala import Impala
from maze_interp.studies.patch.attribution import integrated
from maze_interp.studies.patch.curves import PatchCurves
from maze_interp.studies.patch.fixed_sets import ChannelSets, EpisodeSets, channel_order
from maze_interp.studies.patch.pairs import Pair, make_pair
from maze_interp.studies.patch.runs import arrivals, run_pair, run_states
from maze_interp.studies.patch.sets import SHARES, SmallestSets, effect_of
from maze_interp.studies.patch.smallest_set import Effect, disjoint_sets, prefixes, shortest_length, smallest_set
from maze_interp.studies.patch.transfer import TransferredSets, found_sets
from maze_interp.sweeps.experiment import run_experiment

LAYER = "embedder.block2.res1.resadd"
SEED = 900_000_471
LEVELS = LevelSet(range(SEED, SEED + 2), "easy")


@pytest.fixture(scope="module")
def agent() -> Impala:
    return cast(Impala, load_network(DEFAULT_AGENT))


@pytest.fixture(scope="module")
def pair() -> Pair:
    found = make_pair(LEVELS.maze(SEED), "cheese-to-corner", 3)
    assert found is not None
    return found


# The search


def additive(values: list[float]) -> Effect:
    """Each activation adds its value; together they make 1."""
    amounts = np.array(values) / sum(values)
    return lambda sets: sets.numpy() @ amounts


def interacting(seed: int, n: int) -> Effect:
    """A random smooth effect with pairs that help and hinder each other, saturating as chances do."""
    random = np.random.default_rng(seed)
    single, paired = random.exponential(1, n) * random.choice([1, -0.3], n, p=[0.8, 0.2]), random.normal(0, 0.3, (n, n))

    def raw(sets: NDArray[np.bool_]) -> NDArray[np.float64]:
        some = sets.astype(float)
        sums: NDArray[np.float64] = some @ single + np.einsum("mi,ij,mj->m", some, np.triu(paired, 1), some)
        return np.tanh(sums / 2)

    whole = raw(np.ones((1, n), bool))[0]
    return lambda sets: raw(sets.numpy()) / whole


def optimum(effect: Effect, n: int, share: float) -> int:
    """The size of the smallest of all sets, by trying every one."""
    for size in range(1, n + 1):
        members = torch.tensor(list(combinations(range(n), size)))
        if (effect(torch.nn.functional.one_hot(members, n).sum(1).bool()) >= share).any():
            return size
    raise AssertionError("all together have the whole effect")


def test_additive_effects_have_the_obvious_answer() -> None:
    effect, ranking = additive([5, 3, 1, 1, 0, 0]), torch.tensor([0, 1, 2, 3, 4, 5])
    for share, size in ((0.5, 1), (0.7, 2), (0.9, 3), (0.99, 4)):
        assert smallest_set(effect, ranking, share).sum() == size
    # A ranking the wrong way round costs: 3 + 1 + 1 is half of it too, and none of the three can be dropped.
    assert smallest_set(effect, ranking.flip(0), 0.5).nonzero().flatten().tolist() == [1, 2, 3]


@pytest.mark.parametrize("share", SHARES)
def test_an_upper_bound_close_to_the_optimum(share: float) -> None:
    excess = []
    for seed in range(25):
        n = 10
        effect = interacting(seed, n)
        if effect(torch.ones(1, n, dtype=torch.bool))[0] < 0:
            continue
        singles = torch.from_numpy(effect(torch.eye(n, dtype=torch.bool)))
        found = smallest_set(effect, singles.argsort(descending=True), share)
        assert effect(found[None])[0] >= share
        members = found.nonzero().flatten()
        for one in members[: len(members) if len(members) > 1 else 0]:
            fewer = found.clone()
            fewer[one] = False
            assert effect(fewer[None])[0] < share
        excess.append(int(found.sum()) - optimum(effect, n, share))
    assert min(excess) == 0
    assert max(excess) <= 2
    assert np.mean(excess) < 0.5


def test_the_cut_is_where_one_less_falls_short() -> None:
    for k, wanted in ((1, 1), (7, 3), (5000, 4321), (5000, 1), (5000, 5000)):
        asked: list[int] = []

        def effect(lengths: list[int], wanted: int = wanted, asked: list[int] = asked) -> NDArray[np.float64]:
            asked.extend(lengths)
            return np.array([1.0 if length >= wanted else 0.0 for length in lengths])

        assert shortest_length(effect, k, 0.9) == wanted  # type: ignore[arg-type]
        assert len(asked) < 60
    sets = prefixes(torch.tensor([3, 0, 2]), [0, 2, 3], 5)
    assert sets.int().tolist() == [[0, 0, 0, 0, 0], [1, 0, 0, 1, 0], [1, 0, 1, 1, 0]]


# Planted in a network


class Planted(nn.Module):
    """A policy that looks at a few pixels: each, once it is the donor's, moves so much chance from up to right."""

    def __init__(self, pixels: Tensor, weights: Tensor, recipient: Tensor) -> None:
        super().__init__()
        self.seen = nn.Identity()
        self.pixels, self.weights, self.recipient = pixels, weights, recipient

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        moved = (self.seen(x).flatten(1)[:, self.pixels] - self.recipient) @ self.weights
        logits = torch.full((len(x), 15), -60.0).index_copy(
            1, torch.tensor([5, 7]), torch.stack([0.9 - moved, 0.1 + moved], 1).log()
        )
        return logits, moved


def test_a_planted_set_is_found() -> None:
    levels = LevelSet(range(900_000_003, 900_000_004), "easy")  # up to the cheese, right to the corner
    maze = levels.maze(900_000_003)
    pair = make_pair(maze, "cheese-to-corner", 3)
    assert pair is not None
    looking = run_pair(Planted(torch.tensor([0]), torch.zeros(1), torch.zeros(1)), pair, "seen")
    difference = looking.activation_difference.flatten()
    pixels = difference.nonzero().flatten()[::12][:4]
    weights = torch.tensor([0.4, 0.24, 0.08, 0.08]) / difference[pixels]
    network = Planted(pixels, weights, looking.recipient.activation.flatten()[pixels])
    rows = SmallestSets(network, "planted", levels, "cheese-to-corner", 3, ("seen",)).rows(maze)
    for row, count in zip(rows, (1, 2, 3, 4), strict=True):
        assert row["whole"] == pytest.approx(1.6, abs=1e-4)
        assert row["count"] == count
        members = {
            int(c) * 64 * 64 + int(h) * 64 + int(w) for c, h, w in (m.split("/") for m in row["members"].split())
        }
        assert members == set(pixels[:count].tolist()) or count == 3
        assert members <= set(pixels.tolist())
        assert row["activations"] == 3 * 64 * 64
        assert row["changed"] == len(difference.nonzero())
    assert [row["reached"] for row in rows] == pytest.approx([0.5, 0.8, 0.9, 1.0], abs=1e-4)


# In the agent


def test_planted_redundancy_is_found() -> None:
    """Three groups of two, three and four of 20 activations each carry the effect alone; the rest does nothing."""
    groups = [[0, 5], [1, 2, 3], [8, 9, 10, 11]]

    def effect(sets: Tensor) -> NDArray[np.float64]:
        found: NDArray[np.float64] = np.max([sets[:, group].float().mean(1).numpy() for group in groups], axis=0)
        return found

    ranking = torch.tensor(
        [0, 5, 1, 2, 3, 8, 9, 10, 11, *sorted(set(range(20)) - {n for group in groups for n in group})]
    )
    first = smallest_set(effect, ranking, 0.9)
    assert first.nonzero().flatten().tolist() == groups[0]
    assert effect(~first[None])[0] == 1, "sufficient, not necessary"
    further = disjoint_sets(effect, ranking, 0.9, first, 5)
    assert [some.nonzero().flatten().tolist() for some in further] == groups[1:]
    assert len(disjoint_sets(effect, ranking, 0.9, first, 1)) == 1


def test_sets_of_one_level_in_another(agent: Impala, pair: Pair) -> None:
    rows = pd.DataFrame(SmallestSets(agent, "", LEVELS, "cheese-to-corner", 3, (LAYER,)).pair_rows(pair))
    sets = found_sets(rows)
    (row,) = TransferredSets(agent, "", LEVELS, "cheese-to-corner", 3, sets).pair_rows(pair)
    own = rows[rows["share"] == 0.9].iloc[0]
    assert (row["sets"], row["union_count"]) == (1, own["count"])
    assert row["other"] == pytest.approx(own["reached"], abs=1e-5)  # the set's own level
    assert row["union"] == pytest.approx(own["reached"], abs=1e-5)
    assert row["random"] < own["reached"]
    # Without the set: patched by hand.
    run = run_pair(agent, pair, LAYER)
    members = torch.zeros(run.shape, dtype=torch.bool)
    for member in own["members"].split():
        members[tuple(int(part) for part in member.split("/"))] = True
    assert own["without"] == pytest.approx(effect_of(run)(~members[None])[0], abs=1e-5)
    assert own["further"] == own[["further_1", "further_2", "further_3"]].notna().sum()


def test_sets_of_the_agent_do_what_their_rows_say(agent: Impala, pair: Pair) -> None:
    rows = SmallestSets(agent, DEFAULT_AGENT, LEVELS, "cheese-to-corner", 3, (LAYER,)).rows(pair.recipient)
    run = run_pair(agent, pair, LAYER)
    before, whole = run.probability_difference(torch.cat([run.none, run.whole]))
    assert [row["share"] for row in rows] == list(SHARES)
    for row in rows:
        mask = torch.zeros_like(run.none)
        for member in row["members"].split():
            channel, line, column = map(int, member.split("/"))
            mask[0, channel, line, column] = True
        assert mask.sum() == row["count"]
        reached = (run.probability_difference(mask)[0] - before) / (whole - before)
        assert reached == pytest.approx(row["reached"], abs=1e-5)
        assert reached > row["share"] - 1e-5
        after = [row["p_recipient_goal_after"], row["p_donor_goal_after"]]
        assert run.probabilities(mask)[0, 0] == pytest.approx(after, abs=1e-5)
        assert row["random"] < reached
        assert row["random_changed"] < reached
    counts = [row["count"] for row in rows]
    assert counts == sorted(counts)
    assert counts[-1] < 0.05 * rows[0]["activations"]


def test_curves_end_in_the_whole_effect(agent: Impala, pair: Pair) -> None:
    table = pd.DataFrame(
        PatchCurves(agent, DEFAULT_AGENT, LEVELS, "cheese-to-corner", 3, ("embedder.fc",)).rows(pair.recipient)
    )
    last = table[table["count"] == 256]
    assert len(last) == 5
    np.testing.assert_allclose(last["patched"], last["donor"], atol=1e-5)
    run = run_pair(agent, pair, "embedder.fc")
    order = integrated(run)[0].argsort(descending=True, stable=True)
    row = table.query("ranking == 'integrated' and count == 4")
    effect = effect_of(run)(prefixes(order, [4], 256))[0]
    shares = (row["patched"] - row["recipient"]) / (row["donor"] - row["recipient"])
    assert shares.item() == pytest.approx(effect, abs=1e-4)


# The same set everywhere


def test_channels_are_ordered_by_their_mean_effect() -> None:
    parts = pd.DataFrame(
        {
            "channel": [0, 1, 2, np.nan, 0, 1, 2],
            "recipient": [0.1, 0.1, 0.1, 0.1, 0.5, 0.5, 0.5],
            "patched": [0.2, 0.0, 0.4, 9.0, 0.5, 0.9, 0.5],
        }
    )
    assert channel_order(parts) == (1, 2, 0)


def test_fixed_channels_on_levels(agent: Impala, pair: Pair) -> None:
    order = tuple(range(31, -1, -1))
    experiment = ChannelSets(agent, DEFAULT_AGENT, LEVELS, "cheese-to-corner", 3, ((LAYER, order),))
    table = pd.DataFrame(experiment.rows(pair.recipient))
    run = run_pair(agent, pair, LAYER)
    mask = torch.zeros(1, 32, 1, 1, dtype=torch.bool)
    mask[:, [31, 30, 29, 28]] = True
    chosen = table[(table["ranking"] == "chosen") & (table["count"] == 4)].set_index("metric")["patched"]
    assert chosen["probability_difference"] == pytest.approx(run.probability_difference(mask)[0], abs=1e-5)
    (states,) = run_states(agent, pair, LAYER).patched(mask)
    assert chosen["p_cheese"] == pytest.approx(arrivals(states, pair.aim)[0], abs=1e-5)
    every = table[table["count"] == 32]
    np.testing.assert_allclose(every["patched"], every["donor"], atol=1e-5)


def test_sets_for_whole_episodes(agent: Impala, pair: Pair) -> None:
    experiment = EpisodeSets(agent, DEFAULT_AGENT, LEVELS, "cheese-to-corner", 3, ("embedder.fc",))
    rows = experiment.rows(LEVELS.maze(SEED))
    assert [row["share"] for row in rows] == list(SHARES)
    before = behaviour(agent, pair.recipient)
    run = run_pair(agent, pair, "embedder.fc", pair.between)
    order = integrated(run).mean(0).argsort(descending=True, stable=True)
    states = run_states(agent, pair, "embedder.fc")
    ends = np.array([arrivals(one, pair.aim) for one in states.patched(torch.cat([run.none, run.whole]))])
    for row in rows:
        start = row["p_cheese_before"], row["p_corner_before"]
        assert start == pytest.approx((before.p_cheese, before.p_top_right), abs=1e-5)
        sets = prefixes(order, [row["count"] - 1, row["count"]], 256)
        reached = np.array([arrivals(one, pair.aim) for one in states.patched(sets)])
        assert tuple(reached[1]) == pytest.approx((row["p_cheese_after"], row["p_corner_after"]), abs=1e-5)
        less, found = ((reached - ends[0]) / (ends[1] - ends[0])).min(axis=1)
        assert found == pytest.approx(row["reached"], abs=1e-4)
        assert row["reached"] >= row["share"] > less


def test_an_interrupted_run_resumes_to_the_same_table(agent: Impala, tmp_path: Path) -> None:
    experiment = SmallestSets(agent, DEFAULT_AGENT, LEVELS, "cheese-to-corner", 3, ("embedder.fc",))
    out = tmp_path / "run"
    assert len(run_experiment(experiment, out, 1)) >= len(SHARES)
    written = (out / "sets.csv").read_bytes()
    _, *lines = written.decode().splitlines(keepends=True)
    (out / "sets.csv").unlink()  # as a kill would have left it: the first level done, the second not
    (out / "parts").mkdir()
    (out / "parts" / f"{SEED}.csv").write_text("".join(line for line in lines if line.startswith(f"{SEED},")))
    run_experiment(experiment, out, 1)
    assert (out / "sets.csv").read_bytes() == written
    assert not (out / "parts").exists()
