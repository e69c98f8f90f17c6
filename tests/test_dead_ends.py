"""Dead ends by hand, and their probabilities against sampled walks."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from small_mazes import TREE
from torch import Tensor, nn

import maze_interp as mi
from maze_interp import LevelSet, Maze, MazeInterpError
from maze_interp.mazes.maze import Square
from maze_interp.measure.evaluate import evaluate
from maze_interp.policies.architectures.impala import Impala
from maze_interp.policies.moves import STEPS
from maze_interp.policies.references import Reference
from maze_interp.results.estimates import estimate
from maze_interp.studies.dead_ends.measure import Branch, DeadEndVisits, branches, visits
from maze_interp.studies.dead_ends.tables import QUANTITIES, dead_end_figures, dead_end_table, moves_lost
from maze_interp.sweeps.experiment import run_experiment

BEHIND = Maze.from_ascii(
    """
    ####.
    #.##.
    ..#..
    #.##.
    M...C
    """,
    "easy",
)


class Constant(nn.Module):
    """The same probabilities of left, down, up, right and no-op everywhere."""

    def __init__(self, *moves: float) -> None:
        super().__init__()
        self.logits = torch.full((15,), -torch.inf)
        self.logits[[1, 3, 5, 7, 4]] = torch.tensor(moves).log()

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.logits.expand(len(x), 15), torch.zeros(len(x))


def test_branches_by_hand() -> None:
    beyond = Branch((4, 4), (3, 4), ((3, 4),), 1, "corner")
    assert branches(TREE) == [Branch((0, 2), (0, 3), ((0, 3), (0, 4), (1, 4)), 3, "cheese"), beyond]
    pocket = Branch((1, 0), (1, 1), ((1, 1), (0, 2), (1, 2), (1, 3)), 3, "both")
    assert branches(BEHIND) == [pocket]  # that behind the cheese is out of reach
    without = branches(BEHIND.with_cheese(None))
    assert [(one.mouth, one.depth, one.way) for one in without] == [((1, 0), 3, "corner"), ((4, 2), 1, "corner")]
    assert branches(TREE.with_open((0, 3), False)) == [beyond]
    loop = TREE.with_open((1, 3), True)  # joins the way to the cheese a second time
    assert branches(loop) == [beyond]
    with pytest.raises(MazeInterpError, match="no path"):
        branches(TREE.with_open((2, 0), False))


def test_a_walk_with_chances_by_hand() -> None:
    """e = 1/3 + e/6 + f/2 at the mouth and f = e/4 + 3/4 · f/4 beyond it, since it never comes down again."""
    (found,) = visits(Constant(0.1, 0, 0.2, 0.3, 0.4), BEHIND, branches(BEHIND))
    assert found["p_first"] == pytest.approx(1 / 3)
    assert found["p_mouth"] == pytest.approx(1)
    assert found["p_enter"] == pytest.approx(26 / 53)
    (short,) = visits(Constant(0.1, 0, 0.2, 0.3, 0.4), BEHIND, branches(BEHIND), horizon=2)
    assert short["p_mouth"] == pytest.approx(1 - 0.7**2)
    assert short["p_enter"] == pytest.approx(0.3 * 0.2)
    assert short["moves"] == 0  # it would be inside after the last move
    (never,) = visits(Constant(0, 0, 0, 0, 1), BEHIND, branches(BEHIND))
    assert (never["p_mouth"], never["p_enter"], never["moves"]) == (0, 0, 0)
    assert np.isnan(never["p_first"])


@pytest.mark.parametrize(("hand", "expected"), [("left", (1, 1, 1, 5)), ("right", (1, 0, 0, 0))])
def test_wall_followers_by_hand(hand: str, expected: tuple[float, ...]) -> None:
    found, _ = visits(Reference(f"reference:{hand}-wall"), TREE, branches(TREE))
    assert tuple(found[name] for name in ("p_mouth", "p_first", "p_enter", "moves")) == expected


HORIZON, WALKS = 100, 20_000


def sampled(policy: nn.Module, maze: Maze, rng: np.random.Generator) -> np.ndarray[tuple[int, int], np.dtype[np.int_]]:
    """Squares by time of many walks, int `[WALKS, HORIZON + 1]`, as numbers of `maze.squares`."""
    (evaluation,) = evaluate(policy, [maze])
    number = {square: i for i, square in enumerate(maze.squares)}
    probs = np.zeros((len(maze.squares), 2, 5))
    probs[..., 4] = 1  # on the cheese it stays: the episode is over
    for square, known in zip(evaluation.squares, evaluation.probs, strict=True):
        probs[number[square]] = known

    def beside(square: Square, step: tuple[int, int]) -> int:
        return number.get((square[0] + step[0], square[1] + step[1]), number[square])

    after = np.array([[beside(square, step) for step in STEPS.tolist()] for square in maze.squares])
    at, facing = np.full(WALKS, number[maze.start]), np.zeros(WALKS, int)
    walks = [at]
    for _ in range(HORIZON):
        cumulative = probs[at, facing].cumsum(axis=1)
        move = (rng.random((WALKS, 1)) * cumulative[:, -1:] > cumulative).sum(axis=1)
        at = after[at, move]
        facing = np.where(move == 0, 0, np.where(move == 3, 1, facing))
        walks.append(at)
    return np.stack(walks, axis=1)


def test_probabilities_against_sampled_walks(untrained: Impala) -> None:
    compared = 0
    rng = np.random.default_rng(0)
    for maze in (BEHIND, TREE, *(Maze.from_seed(seed, "easy") for seed in (900_000_003, 900_000_006))):
        found = branches(maze)
        number = {square: i for i, square in enumerate(maze.squares)}
        walks = sampled(untrained, maze, rng)
        for branch, exact in zip(found, visits(untrained, maze, found, HORIZON), strict=True):
            inside = np.isin(walks, [number[square] for square in branch.squares])
            mouth = walks == number[branch.mouth]
            left = np.logical_or.accumulate(mouth, axis=1) & ~mouth  # after the first arrival, elsewhere
            gone = left.any(axis=1)
            samples = {
                "p_mouth": mouth.any(axis=1),
                "p_enter": inside.any(axis=1),
                "moves": inside[:, :-1].sum(axis=1),
                "p_first": inside[np.arange(WALKS), left.argmax(axis=1)][gone],
            }
            for name, sample in samples.items():
                if name != "p_first" or gone.sum() > 0.99 * mouth.any(axis=1).sum():  # few are cut off at the mouth
                    error = sample.std() / np.sqrt(len(sample))
                    assert abs(sample.mean() - exact[name]) < 4.5 * error + 1e-4
                    compared += exact[name] > 0.05
    assert compared > 12


def test_tables_by_hand(tmp_path: Path) -> None:
    policy = mi.load_policy(mi.DEFAULT_AGENT)
    levels = LevelSet(range(900_000_005, 900_000_009), "easy")
    rows = run_experiment(DeadEndVisits(policy, mi.DEFAULT_AGENT, levels), tmp_path / "run", workers=1)
    assert list(rows["policy"].unique()) == ["agent", "untrained", "random"]
    mine = rows[rows["policy"] == "random"]
    figures = dead_end_figures(mine)
    by_level = mine.groupby("seed")
    assert figures["ever"] == estimate(by_level["p_enter"].mean())
    assert figures["entered"].mean == pytest.approx((mine["p_mouth"] * mine["p_first"]).sum() / mine["p_mouth"].sum())
    assert figures["moves_per_pass"].mean == pytest.approx(mine["moves"].sum() / mine["p_mouth"].sum())
    assert moves_lost(rows)["random"] == estimate(by_level["moves"].sum())
    table = dead_end_table(rows)
    deep = mine[mine["depth"].between(3, 4)]
    found = table.query("policy == 'random' and depth == '3–4' and quantity == 'moves'")
    assert found[["branches", "mean"]].to_numpy().tolist() == [[len(deep), deep.groupby("seed")["moves"].mean().mean()]]
    assert set(table["quantity"]) == set(QUANTITIES)
    result = mi.behaviour(policy, levels.maze(900_000_007))
    agents = rows.query("policy == 'agent' and seed == 900000007")
    (first, *_) = branches(levels.maze(900_000_007))
    assert agents["p_enter"].iloc[0] == pytest.approx(result.p_visit(first.first))
    assert agents["moves"].iloc[0] == pytest.approx(sum(result.occupancy[y, x] for x, y in first.squares))
    assert json.loads((tmp_path / "run" / "run.json").read_text())["experiment"] == "dead_ends"


def test_a_reference_has_no_untrained_counterpart() -> None:
    experiment = DeadEndVisits(Reference("reference:left-wall"), "", LevelSet(range(1), "easy"))
    rows = pd.DataFrame(experiment.rows(BEHIND))
    assert rows["policy"].tolist() == ["agent", "random"]
    assert experiment.rows(BEHIND.with_open((1, 1), False)) == []


def test_the_study_from_python_and_its_files(tmp_path: Path) -> None:
    study = mi.studies.dead_ends(agent="reference:left-wall", seeds=range(900_000_003, 900_000_005), mode="easy")
    result = study.run(tmp_path / "run")
    rows = pd.read_csv(tmp_path / "run" / "dead_ends.csv")
    assert set(rows["policy"]) == {"agent", "random"}
    lost = rows[rows["policy"] == "agent"].groupby("seed")["moves"].sum()
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["figures"]["moves_lost_per_episode"]["agent"]["mean"] == lost.mean() > 10
    assert f"{lost.mean():.1f} moves" in result.statement
    panels = result.figures["dead_ends"].axes
    assert [axes.get_ylabel() for axes in panels] == [
        QUANTITIES[name] for name in ("entered", "ever", "moves_per_pass")
    ]
    assert {text.get_text() for text in result.figures["dead_ends"].legends[0].get_texts()} == {
        "the agent",
        "random actions",
    }
    assert study.run().text == result.text
    with pytest.raises(MazeInterpError, match="none of the levels 900000005:900000006 has a dead end"):
        mi.studies.dead_ends(agent="reference:left-wall", seeds=[900_000_005], mode="easy").run(tmp_path / "none")
