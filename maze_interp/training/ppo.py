"""Proximal policy optimisation (Schulman et al. 2017) of a maze policy, one iteration after the other.

An iteration plays `rollout` moves in every environment, estimates advantages (Schulman et al. 2016), and
goes over what was played `epochs` times. Everything random is drawn from generators whose state is part
of a checkpoint, the environments' included: a run that is killed goes on from its last checkpoint to
the same weights as one that was not.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gymnasium.wrappers.utils import RunningMeanStd
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from maze_interp.environment.levels import HELD_OUT
from maze_interp.environment.vector_env import MazeVectorEnv
from maze_interp.mazes.maze import DistributionMode
from maze_interp.policies.agents import load_network
from maze_interp.policies.architectures import new_network
from maze_interp.policies.moves import to_input
from maze_interp.policies.network import PolicyNetwork
from maze_interp.training.checkpoint import load_checkpoint, save_checkpoint, take_up_log

FORWARD = 512  # observations in one forward pass of the network while playing


@dataclass(frozen=True)
class PPOConfig:
    """One run. The defaults are the published ones (80 million steps are their shortest runs).

    Attributes:
        name: the agent's name.
        distribution_mode: `"easy"` or `"hard"`.
        region: the cheese lies in the top-right region × region squares; None for anywhere.
        levels: level seeds 0 to this number are drawn from; never the held-out ones.
        width: channel factor k of the network.
        start_from: agent or weights to begin with; None for new weights.
        seed: of the weights, levels and actions.
        steps: environment steps in all.
        environments: played side by side.
        rollout: moves in each environment in one iteration.
        epochs: times each iteration's moves are gone over.
        minibatches: gradient steps in one epoch.
        discount: γ of the return.
        trace: λ of the advantages' estimate.
        learning_rate: Adam's.
        clip: ε, how far the ratio of new to old probability may pay.
        value_weight: of the value head's squared error.
        entropy_weight: of the policy's entropy.
        anchor_weight: of the divergence from the starting policy, which keeps a warm start from being lost.
        value_first: iterations at the beginning that train the value head alone.
        gradient_clip: largest norm of a gradient.
        device: `"cpu"`, `"cuda"`, or another of torch's.
        bfloat16: run the network in bfloat16, weights and optimiser in float32: four times as fast on a CPU
            with instructions for it, ten times slower on one without.
        checkpoint_minutes: at most this long is lost when the run is killed.
    """

    name: str
    distribution_mode: DistributionMode = "hard"
    region: int | None = 5
    levels: int = HELD_OUT
    width: int = 1
    start_from: str | None = None
    seed: int = 0
    steps: int = 80_000_000
    environments: int = 256
    rollout: int = 256
    epochs: int = 3
    minibatches: int = 8
    discount: float = 0.999
    trace: float = 0.95
    learning_rate: float = 5e-4
    clip: float = 0.2
    value_weight: float = 0.5
    entropy_weight: float = 0.01
    anchor_weight: float = 0.0
    value_first: int = 0
    gradient_clip: float = 0.5
    device: str = "cpu"
    bfloat16: bool = False
    checkpoint_minutes: float = 5.0

    @property
    def iterations(self) -> int:
        """Iterations in all."""
        return -(-self.steps // (self.environments * self.rollout))


@dataclass(frozen=True)
class Played:
    """What was played in an iteration of T moves in E environments.

    Attributes:
        observations: uint8 `[T, E, 64, 64, 3]`, before each move.
        actions: int64 `[T, E]`.
        log_probs: float32 `[T, E]`, of the actions when they were drawn.
        values: float32 `[T + 1, E]`, the value head's, the last before the move that would follow.
        rewards: float32 `[T, E]`, scaled.
        ended: bool `[T, E]`, whether the move ended its episode.
        solved: one truth value per ended episode, whether it ended on the cheese.
    """

    observations: NDArray[np.uint8]
    actions: Tensor
    log_probs: Tensor
    values: Tensor
    rewards: Tensor
    ended: Tensor
    solved: list[bool]


class Trainer:
    """A run in progress: everything that changes from one iteration to the next."""

    def __init__(self, config: PPOConfig) -> None:
        torch.manual_seed(config.seed)
        self.config = config
        self.policy = new_network(config.name, width=config.width)
        if config.start_from is not None:
            self.policy.load_state_dict(load_network(config.start_from).state_dict())
        self.policy.to(config.device)
        self.anchor = load_network(config.start_from).to(config.device) if config.start_from else None
        self.optimiser = torch.optim.Adam(self.policy.parameters(), lr=config.learning_rate, eps=1e-5)
        self.random = torch.Generator().manual_seed(config.seed)
        self.environments = MazeVectorEnv(
            config.environments,
            config.distribution_mode,
            "anywhere" if config.region is None else config.region,
            range(config.levels),
        )
        self.observation, _ = self.environments.reset(seed=config.seed)
        self.return_scale = RunningMeanStd()  # type: ignore[no-untyped-call]
        self.returns = np.zeros(config.environments)  # discounted, so far in each running episode
        self.iteration = 0

    def state(self) -> dict[str, Any]:
        """Everything needed to go on, as tensors, numbers and words."""
        return {
            "policy": self.policy.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "random": self.random.get_state(),
            "environments": [torch.frombuffer(bytearray(one), dtype=torch.uint8) for one in self._snapshots()],
            "return_scale": [float(self.return_scale.mean), float(self.return_scale.var), self.return_scale.count],
            "returns": torch.from_numpy(self.returns.copy()),
            "iteration": self.iteration,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where `state` was taken."""
        self.policy.load_state_dict(state["policy"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.random.set_state(state["random"])
        self.observation, _ = self.environments.restore([one.numpy().tobytes() for one in state["environments"]])
        mean, var, self.return_scale.count = state["return_scale"]
        self.return_scale.mean, self.return_scale.var = np.array(mean), np.array(var)
        self.returns = state["returns"].numpy()
        self.iteration = int(state["iteration"])

    def _snapshots(self) -> list[bytes]:
        return self.environments.snapshot()

    def iterate(self) -> dict[str, float]:
        """Play, learn, and say how it went."""
        played = self.play()
        advantages = self.advantages(played)
        losses = [self.learn(played, advantages, rows) for rows in self.minibatches()]
        self.iteration += 1
        figures = torch.stack(losses).mean(0).tolist()
        return {
            "return": float(np.mean(played.solved)) if played.solved else float("nan"),
            "episodes": len(played.solved),
            **dict(zip(("policy_loss", "value_loss", "entropy", "divergence"), figures, strict=True)),
        }

    def play(self) -> Played:
        """One rollout."""
        config, shape = self.config, (self.config.rollout, self.config.environments)
        observations = np.empty((*shape, 64, 64, 3), np.uint8)
        actions, log_probs = torch.empty(shape, dtype=torch.int64), torch.empty(shape)
        values, rewards = torch.empty(shape[0] + 1, shape[1]), torch.empty(shape)
        ended = torch.empty(shape, dtype=torch.bool)
        solved: list[bool] = []
        for move in range(config.rollout):
            observations[move] = self.observation
            logits, values[move] = self.outputs(self.observation)
            chances = logits.log_softmax(1)
            # Drawing on the CPU keeps the sequence of actions the same on every device.
            actions[move] = torch.multinomial(chances.exp(), 1, generator=self.random).squeeze(1)
            log_probs[move] = chances.gather(1, actions[move][:, None]).squeeze(1)
            self.observation, reward, terminated, truncated, _ = self.environments.step(actions[move].numpy())
            over = terminated | truncated
            rewards[move] = torch.from_numpy(self._scaled(reward, over))
            ended[move] = torch.from_numpy(over)
            solved += terminated[over].tolist()
        values[-1] = self.outputs(self.observation)[1]
        return Played(observations, actions, log_probs, values, rewards, ended, solved)

    def outputs(self, observations: NDArray[np.uint8]) -> tuple[Tensor, Tensor]:
        """Logits and value without gradients, float32 on the CPU."""
        with torch.no_grad():
            parts = [self.network(observations[at : at + FORWARD]) for at in range(0, len(observations), FORWARD)]
        logits, values = zip(*parts, strict=True)
        return torch.cat(logits).cpu(), torch.cat(values).cpu()

    def network(self, observations: NDArray[np.uint8], anchor: bool = False) -> tuple[Tensor, Tensor]:
        """Logits and value in float32, of the policy or of the one it started from."""
        policy = self.anchor if anchor and self.anchor is not None else self.policy
        device = torch.device(self.config.device)
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=self.config.bfloat16):
            logits, values = policy(to_input(observations).to(device))
        return logits.float(), values.float()

    def _scaled(self, rewards: NDArray[np.float64], ended: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Rewards over the standard deviation of the discounted returns, as published; at most ±10."""
        self.returns = self.returns * self.config.discount + rewards
        self.return_scale.update(self.returns)  # type: ignore[no-untyped-call]
        self.returns[ended] = 0
        return np.clip(rewards / np.sqrt(self.return_scale.var + 1e-8), -10, 10)

    def advantages(self, played: Played) -> Tensor:
        """Generalised advantage estimates, float32 `[T, E]`; an episode cut off by its time limit counts as over."""
        advantages = torch.empty_like(played.rewards)
        following = torch.zeros(played.rewards.shape[1])
        for move in reversed(range(len(advantages))):
            goes_on = (~played.ended[move]).float()
            error = (
                played.rewards[move] + self.config.discount * goes_on * played.values[move + 1] - played.values[move]
            )
            following = error + self.config.discount * self.config.trace * goes_on * following
            advantages[move] = following
        return advantages

    def minibatches(self) -> Iterator[Tensor]:
        """Numbers of the moves (flattened `[T · E]`) of each gradient step."""
        for _ in range(self.config.epochs):
            order = torch.randperm(self.config.rollout * self.config.environments, generator=self.random)
            yield from order.chunk(self.config.minibatches)

    def learn(self, played: Played, advantages: Tensor, rows: Tensor) -> Tensor:
        """One gradient step; returns policy loss, value loss, entropy and divergence from the start."""
        config, device = self.config, self.config.device
        observations = played.observations.reshape(-1, 64, 64, 3)[rows.numpy()]
        action, old, advantage = (
            one.reshape(-1)[rows].to(device) for one in (played.actions, played.log_probs, advantages)
        )
        target = advantage + played.values[:-1].reshape(-1)[rows].to(device)
        advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
        logits, values = self.network(observations)
        chances = logits.log_softmax(1)
        ratio = (chances.gather(1, action[:, None]).squeeze(1) - old).exp()
        gain = torch.minimum(ratio * advantage, ratio.clamp(1 - config.clip, 1 + config.clip) * advantage).mean()
        entropy = -(chances.exp() * chances).sum(1).mean()
        divergence = self._divergence(chances, observations)
        error = (values - target).square().mean()
        loss = config.value_weight * error
        if self.iteration >= config.value_first:
            loss = loss - gain - config.entropy_weight * entropy + config.anchor_weight * divergence
        self._step(loss)
        return torch.stack([-gain, error, entropy, divergence]).detach().cpu()

    def _divergence(self, chances: Tensor, observations: NDArray[np.uint8]) -> Tensor:
        """Mean Kullback–Leibler divergence of the starting policy from the present one."""
        if self.anchor is None or not self.config.anchor_weight:
            return torch.zeros((), device=chances.device)
        with torch.no_grad():
            start = self.network(observations, anchor=True)[0].log_softmax(1)
        return (start.exp() * (start - chances)).sum(1).mean()

    def _step(self, loss: Tensor) -> None:
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if self.iteration < self.config.value_first:
            for name, parameter in self.policy.named_parameters():
                if not name.startswith(f"{self.policy.value_head}."):
                    parameter.grad = None
        torch.nn.utils.clip_grad_norm_(self.policy.parameters(), self.config.gradient_clip)
        self.optimiser.step()


def train(config: PPOConfig, out: Path) -> PolicyNetwork:
    """Train, or go on with a run that was stopped.

    Args:
        config: the run.
        out: its folder: `checkpoint.pt`, `curve.jsonl` (a line per iteration) and TensorBoard's logs.

    Returns:
        the trained network, in evaluation mode on the CPU.

    Raises:
        MazeInterpError: the folder is another run's, or its checkpoint is damaged.
    """
    trainer = Trainer(config)
    if (state := load_checkpoint(out, config)) is not None:
        trainer.restore(state)
    take_up_log(out / "curve.jsonl", trainer.iteration)
    per_iteration = config.environments * config.rollout
    saved = time.monotonic()
    with (
        SummaryWriter(str(out / "tensorboard"), purge_step=trainer.iteration) as board,
        tqdm(total=config.iterations, initial=trainer.iteration, unit="iteration", desc=config.name) as bar,
    ):
        while trainer.iteration < config.iterations:
            start = time.monotonic()
            figures = trainer.iterate()
            figures["steps_per_second"] = per_iteration / (time.monotonic() - start)
            for name, value in figures.items():
                board.add_scalar(name, value, trainer.iteration)
            with (out / "curve.jsonl").open("a") as log:
                row = {"iteration": trainer.iteration, "steps": trainer.iteration * per_iteration, **figures}
                log.write(json.dumps(row) + "\n")
            bar.set_postfix(success=figures["return"], entropy=figures["entropy"], refresh=False)
            bar.update()
            due = time.monotonic() - saved > 60 * config.checkpoint_minutes
            if due or trainer.iteration == config.iterations:
                save_checkpoint(out, config, trainer.state())
                saved = time.monotonic()
    trainer.environments.close()
    return trainer.policy.cpu().eval()
