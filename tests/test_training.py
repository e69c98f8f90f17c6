"""Exact policy gradients: right by finite differences and by other ways to the same value; they learn and resume."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from copy import deepcopy
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from maze_interp import Maze, MazeInterpError, behaviour
from maze_interp.bundled import HELD_OUT
from maze_interp.environment.levels import maze_from_seed
from maze_interp.policies.agents import agent_mode, import_agent, load_network, training_region
from maze_interp.policies.architectures.impala import Impala
from maze_interp.policies.history import FILE, kept_updates, read_checkpoint
from maze_interp.policies.moves import move_probabilities, to_input
from maze_interp.policies.network import PolicyNetwork
from maze_interp.sweeps.spread import cluster
from maze_interp.training import history
from maze_interp.training.card import bundle_agent, training_words
from maze_interp.training.critic import fit_value, value_r2
from maze_interp.training.curriculum import Curriculum, draw_level
from maze_interp.training.exact import ExactConfig, Goal, train_exactly
from maze_interp.training.gradient import draw_states, update
from maze_interp.training.muon import make_optimisers, orthogonalised
from maze_interp.training.returns import level_returns

TINY = ExactConfig(
    "tiny",
    region=1,
    updates=6,
    levels=2,
    repeat=0.5,
    states=24,
    steps=2,
    value_loss=1.0,
    seed=3,
    curriculum=True,
    muon=0.02,
    decay=0.5,
    average=0.9,
    value_levels=2,
    history=2,
)
MAZE = Maze.from_ascii("...C.\n.###.\n.#...\n.#.#.\nM..#.", "easy", 5)


@pytest.fixture
def learner(untrained: Impala) -> Impala:
    """A small network of its own to train."""
    return deepcopy(untrained).requires_grad_(True)


@pytest.mark.parametrize("goal", ["cheese", "corner"])
def test_the_gradient_is_that_of_finite_differences(learner: Impala, goal: Goal) -> None:
    """d log V(start) / d bias, the policy's head."""
    config = replace(TINY, goal=goal, elsewhere=0.0)
    level = level_returns(learner, MAZE, config)
    bias = learner.fc_policy.bias
    logits = learner(to_input(level.observations))[0].detach().double().requires_grad_()
    assert torch.allclose(move_probabilities(logits).double(), torch.from_numpy(level.probs), atol=1e-6)
    (move_probabilities(logits).double() * torch.from_numpy(level.gain)).sum().backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    gradient = logits.grad.sum(0)
    for action in (1, 4, 8):
        ends = []
        for step in (1e-2, -1e-2):
            with torch.no_grad():
                bias[action] += step
            ends.append(np.log(level_returns(learner, MAZE, config).start_value))
            with torch.no_grad():
                bias[action] -= step
        assert (ends[0] - ends[1]) / 2e-2 == pytest.approx(gradient[action].item(), rel=2e-2, abs=1e-4)


def test_value_and_success_are_what_stepping_the_chain_gives(untrained: Impala) -> None:
    patient = replace(TINY, discount=0.9999999)
    value = level_returns(untrained, MAZE, patient).start_value
    assert value == pytest.approx(behaviour(untrained, MAZE).p_cheese_limit, abs=1e-3)
    maze = maze_from_seed(HELD_OUT + 3, "easy")
    level = level_returns(untrained, maze, replace(TINY, elsewhere=0.0))
    assert level.success == pytest.approx(behaviour(untrained, maze).p_cheese, abs=1e-6)
    # discounted length of an episode by the value of its end: Σ γᵗ = (1 − E γᵀ) / (1 − γ)
    expected = (1 - level.start_value) / (1 - TINY.discount) / level.start_value
    assert level.visits.sum() == pytest.approx(expected, rel=1e-6)


def test_a_shortest_path_has_efficiency_1(learner: Impala) -> None:
    corridor = Maze.from_ascii("###\n###\nM.C", "easy", 5)
    with torch.no_grad():
        learner.fc_policy.bias[7] += 60  # right
    assert level_returns(learner, corridor, TINY).efficiency == pytest.approx(1, abs=1e-6)
    with torch.no_grad():
        learner.fc_policy.bias[1] += 120  # left, into the wall
    assert level_returns(learner, corridor, TINY).efficiency < 0.01


def test_the_corner_ends_an_episode_and_so_does_the_cheese(untrained: Impala) -> None:
    near = MAZE.with_cheese((1, 4))
    to_corner = replace(TINY, goal="corner")
    assert near.top_right == (4, 4)
    level = level_returns(untrained, near, to_corner)
    assert level.success == pytest.approx(behaviour(untrained, near).p_top_right, abs=1e-6)
    assert level.success < level_returns(untrained, near.with_cheese(None), to_corner).success


@pytest.mark.parametrize("uniform", [0.0, 0.5])
def test_states_drawn_for_the_gradient_do_not_bias_it(untrained: Impala, uniform: float) -> None:
    levels = [level_returns(untrained, maze, TINY) for maze in (MAZE, MAZE.with_cheese((4, 4)))]
    draws = [draw_states(levels, 6, np.random.default_rng(seed), uniform) for seed in range(400)]
    assert max(len(states.gain) for states in draws) <= 6
    whole = np.concatenate([level.gain for level in levels]).sum(axis=0) / 2
    assert np.mean([states.gain.sum(axis=0) for states in draws], axis=0) == pytest.approx(whole, rel=0.05)
    if uniform:
        value = np.concatenate([level.value for level in levels]).mean()
        assert np.mean([states.share @ states.value for states in draws]) == pytest.approx(value, rel=0.05)


def test_levels_are_below_the_held_out_ones_and_leave_the_corner_free() -> None:
    rng = np.random.default_rng(0)
    for size in (None, 3, 7):
        maze = draw_level(TINY, rng, size)
        assert maze.seed < HELD_OUT
        assert maze.cheese == maze.top_right
        assert size in (None, maze.size)
    mazes = [draw_level(replace(TINY, goal="corner", region=None), rng) for _ in range(30)]
    assert all(maze.top_right not in (maze.cheese, maze.start) for maze in mazes)


@pytest.mark.parametrize("repeat", [0.0, 0.5])
def test_the_curriculum_opens_a_size_when_the_one_before_is_solved(untrained: Impala, repeat: float) -> None:
    task = replace(TINY, repeat=repeat)
    curriculum = Curriculum(task)
    assert set(curriculum.weights()) == {3}
    small = draw_level(TINY, np.random.default_rng(0), 3)
    solved = level_returns(untrained, small, TINY)._replace(efficiency=0.9, success=0.9)
    curriculum.learn([small] * 50, [solved] * 50)
    weights = curriculum.weights()
    assert set(weights) == {3, 5}
    assert weights[5] > 5 * weights[3]
    assert Curriculum(task, curriculum.by_size).weights() == weights
    assert {
        maze.size for maze in Curriculum(replace(TINY, curriculum=False, levels=60)).draw(np.random.default_rng(0))
    } == {*range(3, 16, 2)}


def test_a_failed_level_comes_again_until_it_is_solved(untrained: Impala) -> None:
    curriculum, rng = Curriculum(TINY), np.random.default_rng(1)
    first, second = curriculum.draw(rng)
    solved = level_returns(untrained, first, TINY)._replace(success=1.0)
    failed = solved._replace(success=0.5)
    curriculum.learn([first, second], [failed, solved])
    by_size = dict(curriculum.by_size)
    again, new = Curriculum(TINY, by_size, curriculum.failed).draw(np.random.default_rng(2))
    assert [maze.seed for maze in curriculum.draw(np.random.default_rng(2))] == [again.seed, new.seed]
    assert (again.seed, again.cheese) == (first.seed, first.cheese)
    curriculum.learn([again, new], [failed, solved])
    assert curriculum.failed == [first.seed]
    curriculum.learn(curriculum.draw(rng), [solved, solved])
    assert curriculum.failed == []
    assert first.seed not in [maze.seed for maze in curriculum.draw(rng)]


def test_values_are_learned_with_the_policy(learner: Impala) -> None:
    """The value head's mean squared error, of the policy after the same number of updates with and without."""
    errors = []
    for value_loss in (0.0, 5.0):
        policy, config = deepcopy(learner), replace(TINY, value_loss=value_loss)
        optimisers = make_optimisers(policy, adamw=1e-3, muon=0.02)
        for number in range(10):
            update(policy, optimisers, [level_returns(policy, MAZE, config)], config, np.random.default_rng(number))
        level = level_returns(policy, MAZE, config)
        with torch.no_grad():
            errors.append(np.square(policy(to_input(level.observations))[1].numpy() - level.value).mean())
    assert errors[1] < errors[0] / 4


def test_muon_steps_are_nearly_orthogonal_and_reach_every_matrix_before_the_heads(learner: Impala) -> None:
    matrix = torch.randn(20, 50, generator=torch.Generator().manual_seed(0)) @ torch.diag(torch.logspace(0, -2, 50))
    singular = torch.linalg.svdvals(orthogonalised(matrix))
    assert singular.min() > 0.3
    assert singular.max() < 1.3
    before = {name: weight.detach().clone() for name, weight in learner.named_parameters()}
    optimisers = make_optimisers(learner, adamw=0.0, muon=0.1)
    update(learner, optimisers, [level_returns(learner, MAZE, TINY)], TINY, np.random.default_rng(0))
    changed = {name for name, weight in learner.named_parameters() if not torch.equal(weight, before[name])}
    assert changed == {name for name in before if name.endswith("weight") and not name.startswith("fc_")}


def test_the_return_rises(learner: Impala) -> None:
    optimisers = make_optimisers(learner, adamw=1e-3, muon=0.02)
    before = level_returns(learner, MAZE, TINY).start_value
    for number in range(15):
        update(learner, optimisers, [level_returns(learner, MAZE, TINY)], TINY, np.random.default_rng(number))
    assert level_returns(learner, MAZE, TINY).start_value > 1.5 * before


def test_a_killed_run_ends_in_the_same_weights(tmp_path: Path) -> None:
    whole = train_exactly(TINY, tmp_path / "whole", checkpoint_every=2)
    program = (
        "import sys; from pathlib import Path; import torch; torch.set_num_threads(1)\n"
        "from maze_interp.training.exact import ExactConfig, train_exactly\n"
        f"train_exactly(ExactConfig(**{asdict(TINY)!r}), Path(sys.argv[1]), checkpoint_every=2)"
    )
    out = tmp_path / "killed"
    with subprocess.Popen([sys.executable, "-c", program, str(out)], env={**os.environ, "OMP_NUM_THREADS": "1"}) as run:
        while not (out / "checkpoint.pt").exists() and run.poll() is None:
            time.sleep(0.01)
        run.send_signal(signal.SIGKILL)
    resumed = train_exactly(TINY, out, checkpoint_every=2)
    assert _same(whole, resumed)
    assert _same(whole, train_exactly(TINY, out, checkpoint_every=2))
    assert _curve(tmp_path / "whole") == _curve(out)
    history.pack(tmp_path / "whole", [4, 6], tmp_path / "a.safetensors")
    history.pack(out, [4, 6], tmp_path / "b.safetensors")
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()


def _same(a: PolicyNetwork, b: PolicyNetwork) -> bool:
    return all(torch.equal(tensor, b.state_dict()[name]) for name, tensor in a.state_dict().items())


def _curve(run: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (run / "curve.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "core_seconds"} for line in lines]


def test_the_agent_is_the_average_of_the_weights(tmp_path: Path) -> None:
    """Whose last checkpoint in half precision is the history's last."""
    policy = train_exactly(TINY, tmp_path / "run", checkpoint_every=3)
    history.pack(tmp_path / "run", history.kept(TINY.updates, TINY.history), tmp_path / FILE)
    assert kept_updates(tmp_path) == [4, 6]
    last = read_checkpoint(tmp_path, "6")
    for name, tensor in policy.state_dict().items():
        if not name.startswith(policy.value_head):
            assert torch.equal(last[name], tensor.half().float()), name
    plain = train_exactly(replace(TINY, average=0.0), tmp_path / "plain", checkpoint_every=3)
    assert not _same(policy, plain)
    with pytest.raises(MazeInterpError, match=r"unknown update of .*: '5': did you mean 4, 6"):
        read_checkpoint(tmp_path, "5")
    with pytest.raises(MazeInterpError, match="has no history"):
        read_checkpoint(tmp_path / "plain", "5")
    (tmp_path / FILE).write_bytes(b"{}")
    with pytest.raises(MazeInterpError, match="is damaged"):
        read_checkpoint(tmp_path, "6")


@pytest.mark.parametrize(
    ("updates", "checkpoints", "kept"),
    [
        (1700, 6, [64, 128, 256, 512, 1024, 1700]),
        (1024, 3, [256, 512, 1024]),
        (6, 2, [4, 6]),
        (3, 10, [1, 2, 3]),
        (1, 1, [1]),
    ],
)
def test_checkpoints_are_spaced_by_the_logarithm(updates: int, checkpoints: int, kept: list[int]) -> None:
    assert history.kept(updates, checkpoints) == kept


def test_many_checkpoints_are_spaced_closely() -> None:
    kept = np.array(history.kept(1700, 40))
    assert len(kept) == 40
    assert kept[-1] == 1700
    late = kept[kept > 50]
    assert (late[1:-1] / late[:-2]).round(2).tolist() == pytest.approx([2**0.2] * (len(late) - 2), abs=0.02)


def test_a_folder_is_one_runs(tmp_path: Path) -> None:
    train_exactly(TINY, tmp_path, checkpoint_every=3)
    with pytest.raises(MazeInterpError, match="belongs to another run: its name is 'tiny', not 'other'"):
        train_exactly(replace(TINY, name="other"), tmp_path)
    (tmp_path / "checkpoint.pt").write_bytes(b"PK")
    with pytest.raises(MazeInterpError, match="is damaged"):
        train_exactly(TINY, tmp_path)


def test_a_fitted_value_head_is_the_least_squares_one_and_the_policy_is_as_before() -> None:
    policy = load_network("rand_region_3_easy_imitation")
    task = ExactConfig("critic", region=3, seed=1)
    rng = np.random.default_rng([task.seed, task.updates])
    mazes = [draw_level(task, rng) for _ in range(6)]
    levels = [level_returns(policy, maze, task) for maze in mazes]
    value = np.concatenate([level.value for level in levels])
    logits, _, cache = policy.run_with_cache(to_input(np.concatenate([level.observations for level in levels])))
    features = cache[policy.features].numpy().astype(float)
    before = value_r2(policy, task, mazes)
    assert fit_value(policy, task, len(mazes)) == len(value)
    after_logits, predicted = policy(to_input(np.concatenate([level.observations for level in levels])))
    assert torch.equal(after_logits, logits)
    assert predicted.numpy() == pytest.approx(Ridge(alpha=0.1).fit(features, value).predict(features), abs=1e-3)
    after = value_r2(policy, task, mazes)
    assert after > max(before, 0.9)
    assert after == pytest.approx(1 - np.square(value - predicted.numpy()).mean() / value.var(), abs=1e-3)


def test_a_name_with_updates_is_the_agent_at_that_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with cluster(1):  # measuring in this process
        bundle_agent(train_exactly(TINY, Path("run")), TINY, Path("run"), Path("agents/tiny"), levels=2)
    early, last = load_network("tiny@4"), load_network("tiny@6")
    assert (early.name, agent_mode("tiny@4"), training_region("tiny@4")) == ("tiny@4", "easy", 1)
    assert not _same(early, last)
    assert torch.equal(last.linear("fc_policy").weight, load_network("tiny").linear("fc_policy").weight.half().float())
    for name, message in {"tiny@5": "unknown update of tiny: '5'", "tinny@4": "unknown agent 'tinny': did you"}.items():
        with pytest.raises(MazeInterpError, match=message):
            load_network(name)
    with pytest.raises(MazeInterpError, match="cannot be the name of an agent"):
        import_agent(Path("agents/tiny/weights.safetensors"), "tiny@4", "easy", 1)


@pytest.mark.parametrize(
    ("start", "words"),
    [
        (None, ", no imitation"),
        ("rand_region_5_easy_scratch", " from the weights of rand_region_5_easy_scratch, no imitation"),
        ("rand_region_3_easy_imitation", ", from the weights of rand_region_3_easy_imitation"),
    ],
)
def test_no_imitation_is_said_of_the_whole_training(start: str | None, words: str) -> None:
    assert training_words(replace(TINY, start_from=start)) == f"reinforcement learning (exact policy gradient){words}"
