"""Exact behaviour against episodes sampled in procgen: z-scores, and the bias of counts cut off in time.

    python scripts/exact_against_sampled.py --agent rand_region_3_easy_imitation

plays 400 episodes in each of 40 levels and prints the mean, spread and Kolmogorov–Smirnov p-value
of the z-scores; then plays 64 environments for 1,000 steps and compares the share of the episodes
that ended in that time with the exact mean over the levels.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy import stats

from maze_interp import DEFAULT_AGENT, Maze, agent_hash, behaviours
from maze_interp.commands.options import run_script
from maze_interp.environment.vector_env import MazeVectorEnv
from maze_interp.mazes.maze import DistributionMode
from maze_interp.measure.sampled import compare
from maze_interp.policies.agents import agent_mode, load_network
from maze_interp.policies.moves import to_input
from maze_interp.policies.network import PolicyNetwork
from maze_interp.results.estimates import estimate


def main(
    agent: str = DEFAULT_AGENT, mode: DistributionMode | None = None, levels: int = 40, episodes: int = 400
) -> None:
    """Compare exact behaviour with episodes sampled in procgen, and print the z-scores.

    Args:
        agent: Name of an agent, or a checkpoint file.
        mode: Distribution of levels; the agent's own unless given (hard for a file).
        levels: Levels to sample, the first whose outcome is open.
        episodes: Episodes in each, a multiple of 50.
    """
    torch.set_num_threads(1)
    policy, mode = load_network(agent), mode or agent_mode(agent)
    rows = list(compare(policy, mode, levels, episodes))
    print(f"{agent} ({agent_hash(policy)}), {mode} mode, {levels} levels × {episodes} episodes")
    for outcome in ("p_cheese", "p_top_right"):
        z = np.array([row.z for row in rows if row.outcome == outcome])
        if len(z) > 1:
            shape = stats.kstest(z, "norm").pvalue
            print(
                f"{outcome:12} n = {len(z):3}, z mean {z.mean():+.2f}, spread {z.std(ddof=1):.2f}, KS p = {shape:.2f}"
            )
    ended, reached = truncated(policy, mode)
    mazes = (Maze.from_seed(seed, mode) for seed in range(1000))
    exact = estimate([result.p_cheese for result in behaviours(policy, mazes)])
    print(f"reached the cheese in {reached / ended:.3f} of the {ended} episodes that ended within 1,000 steps")
    print(f"exact mean over levels 0–999: {exact}")


def truncated(policy: PolicyNetwork, mode: DistributionMode, slots: int = 64, steps: int = 1000) -> tuple[int, int]:
    """Episodes that end within a fixed number of steps, and how many of them at the cheese."""
    env = MazeVectorEnv(slots, mode)
    rng = np.random.default_rng(0)
    observations, _ = env.reset(seed=0)
    ended = reached = 0
    for _ in range(steps):
        with torch.inference_mode():
            cumulative = policy(to_input(observations))[0].double().softmax(-1).cumsum(-1).numpy()
        actions = (rng.random((slots, 1)) * cumulative[:, -1:] > cumulative).sum(1)
        observations, _, terminated, cut, _ = env.step(actions)
        ended += int((terminated | cut).sum())
        reached += int(terminated.sum())
    return ended, reached


if __name__ == "__main__":
    run_script(main)
