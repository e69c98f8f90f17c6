"""Reinforcement learning: its parts against hand-made figures, learning, and the same weights after a kill."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from maze_interp.errors import MazeInterpError
from maze_interp.policies.agents import load_network
from maze_interp.policies.checkpoints import write_weights
from maze_interp.training.checkpoint import load_checkpoint, save_checkpoint
from maze_interp.training.ppo import Played, PPOConfig, Trainer, train

TINY = PPOConfig(
    "tiny",
    "easy",
    region=1,
    levels=3,
    steps=4 * 6 * 5,
    environments=4,
    rollout=6,
    epochs=2,
    minibatches=2,
    checkpoint_minutes=0,
)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The weights of a run that was left alone."""
    policy = train(TINY, tmp_path_factory.mktemp("ppo"))
    return b"".join(tensor.numpy().tobytes() for tensor in policy.state_dict().values())


def test_advantages_by_hand() -> None:
    trainer = Trainer(replace(TINY, discount=0.5, trace=0.5))
    played = Played(
        observations=np.zeros((3, 1, 64, 64, 3), np.uint8),
        actions=torch.zeros(3, 1, dtype=torch.int64),
        log_probs=torch.zeros(3, 1),
        values=torch.tensor([[1.0], [2.0], [4.0], [8.0]]),
        rewards=torch.tensor([[0.0], [10.0], [0.0]]),
        ended=torch.tensor([[False], [True], [False]]),
        solved=[True],
    )
    last = 0 + 0.5 * 8 - 4  # the third move begins another episode
    second = 10 - 2  # the episode is over: nothing follows
    first = (0 + 0.5 * 2 - 1) + 0.25 * second
    assert trainer.advantages(played).squeeze(1).tolist() == [first, second, last]


@pytest.mark.parametrize("beyond", [False, True])
def test_a_step_raises_what_paid_until_the_clip(beyond: bool) -> None:
    """A ratio that lies beyond the clip on the side that pays has no gradient: nothing moves."""
    trainer = Trainer(replace(TINY, entropy_weight=0.0, value_weight=0.0))
    played = trainer.play()
    paid = played.actions >= 7
    assert paid.any()
    assert not paid.all()
    if beyond:
        played = replace(played, log_probs=played.log_probs + torch.where(paid, -0.5, 0.5))
    before = trainer.policy.linear("fc_policy").weight.detach().clone()
    advantages = torch.where(paid, 1.0, -1.0)
    for _ in range(2):
        trainer.learn(played, advantages, torch.arange(paid.numel()))
    assert torch.equal(trainer.policy.linear("fc_policy").weight, before) == beyond
    logits, _ = trainer.outputs(played.observations.reshape(-1, 64, 64, 3))
    now = logits.log_softmax(1).gather(1, played.actions.reshape(-1, 1)).reshape(paid.shape)
    if not beyond:
        assert (now - played.log_probs)[paid].mean() > 0 > (now - played.log_probs)[~paid].mean()


def test_value_first_leaves_the_policy_alone() -> None:
    trainer = Trainer(replace(TINY, value_first=1))
    before = {name: tensor.clone() for name, tensor in trainer.policy.state_dict().items()}
    trainer.iterate()
    changed = {name for name, tensor in trainer.policy.state_dict().items() if not torch.equal(tensor, before[name])}
    assert changed == {"fc_value.weight", "fc_value.bias"}
    trainer.iterate()
    assert not torch.equal(trainer.policy.linear("fc_policy").weight, before["fc_policy.weight"])


def test_the_anchor_holds_the_policy_near_its_start() -> None:
    drift = []
    for weight in (0.0, 100.0):
        config = replace(TINY, start_from="rand_region_3_easy", learning_rate=1e-3, anchor_weight=weight)
        trainer = Trainer(config)
        start = trainer.outputs(trainer.observation)[0].log_softmax(1)
        shown = trainer.observation
        for _ in range(2):
            trainer.iterate()
        now = trainer.outputs(shown)[0].log_softmax(1)
        drift.append(float((start.exp() * (start - now)).sum(1).mean()))
    assert drift[1] < drift[0] / 2


def test_return_rises(tmp_path: Path) -> None:
    """From an agent made undecided: more episodes reach the cheese in the same number of moves."""
    undecided = load_network("rand_region_3_easy")
    undecided.linear("fc_policy").weight.mul_(0.15)
    undecided.linear("fc_policy").bias.mul_(0.15)
    write_weights(undecided, tmp_path / "undecided.safetensors")
    config = PPOConfig(
        "undecided",
        "easy",
        region=1,
        levels=3,
        start_from=str(tmp_path / "undecided.safetensors"),
        steps=8 * 32 * 9,
        environments=8,
        rollout=32,
        epochs=2,
        minibatches=2,
        discount=0.95,
        learning_rate=2e-4,
        entropy_weight=0.0,
        value_weight=0.1,
        value_first=2,
    )
    train(config, tmp_path / "run")
    curve = [json.loads(line) for line in (tmp_path / "run" / "curve.jsonl").read_text().splitlines()]
    assert all(row["return"] == 1.0 for row in curve)  # no episode is long enough to be cut off
    assert np.mean([row["episodes"] for row in curve[-3:]]) > 1.5 * np.mean([row["episodes"] for row in curve[:2]])
    assert list((tmp_path / "run" / "tensorboard").iterdir())


def test_killed_and_resumed_gives_the_same_weights(undisturbed: bytes, tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; import torch; torch.set_num_threads(1)\n"
        "sys.path.insert(0, sys.argv[2]); from test_ppo import TINY; from maze_interp.training.ppo import train\n"
        "train(TINY, Path(sys.argv[1]))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path), str(Path(__file__).parent)], stderr=subprocess.DEVNULL
    )
    while process.poll() is None and not (tmp_path / "checkpoint.pt").exists():
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert (tmp_path / "checkpoint.pt").exists()
    with (tmp_path / "curve.jsonl").open("a") as log:
        log.write('{"iteration": "lost with the kill"}\n')
    policy = train(TINY, tmp_path)
    assert b"".join(tensor.numpy().tobytes() for tensor in policy.state_dict().values()) == undisturbed
    curve = [json.loads(line)["iteration"] for line in (tmp_path / "curve.jsonl").read_text().splitlines()]
    assert curve == list(range(1, TINY.iterations + 1))


def test_another_config_and_a_damaged_checkpoint_are_refused(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, TINY, {"iteration": 1})
    with pytest.raises(MazeInterpError, match=r"another run: its learning_rate is 0\.0005, not 0\.1"):
        load_checkpoint(tmp_path, replace(TINY, learning_rate=0.1))
    whole = (tmp_path / "checkpoint.pt").read_bytes()
    (tmp_path / "checkpoint.pt").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(MazeInterpError, match=r"checkpoint.pt is damaged .*; remove it to begin anew"):
        load_checkpoint(tmp_path, TINY)


def test_a_full_disk_leaves_the_last_checkpoint(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, TINY, {"iteration": 1})
    (tmp_path / "checkpoint.pt.partial").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        save_checkpoint(tmp_path, TINY, {"iteration": 2})
    (tmp_path / "checkpoint.pt.partial").unlink()
    assert load_checkpoint(tmp_path, TINY) == {"iteration": 1}
