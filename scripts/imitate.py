"""Make the bundled agents: imitation, measurement on held-out levels, and the card.

    python scripts/imitate.py rand_region_3_easy
    python scripts/imitate.py rand_region_5        # begins with the other's weights

Stopped at any moment, the same command goes on where it was.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import torch
from jsonargparse import auto_cli

from maze_interp.training.card import bundle_agent
from maze_interp.training.imitation import ImitationConfig, imitate

CONFIGS = {
    "rand_region_3_easy": ImitationConfig("rand_region_3_easy", "easy", region=3, samples=1_800_000),
    "rand_region_5": ImitationConfig(
        "rand_region_5",
        "hard",
        region=5,
        samples=900_000,
        batch=256,
        start_from="agents/rand_region_3_easy/weights.safetensors",
    ),
}


def main(agent: Literal["rand_region_3_easy", "rand_region_5"], threads: int = 1) -> None:
    """Train an agent and write it to agents/.

    Args:
        agent: Which.
        threads: Threads of the training process; rendering has a process of its own.
    """
    torch.set_num_threads(threads)
    config = CONFIGS[agent]
    run = Path("runs/train") / agent
    policy = imitate(config, run).eval()
    print(f"written to {bundle_agent(policy, config, run, Path('agents') / agent)}")


if __name__ == "__main__":
    auto_cli(main)
