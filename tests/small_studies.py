"""Every study at its smallest, of an agent with random weights of another architecture."""

from __future__ import annotations

from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import nn

import maze_interp as mi
from maze_interp.policies.architectures.nature_cnn import NatureCNN
from maze_interp.policies.checkpoints import write_weights
from maze_interp.studies.registry import STUDIES
from maze_interp.studies.statistics.data import LEAST
from maze_interp.studies.study import Study

FEW = range(900000002, 900000005)
CHOICE = "levels that call for a choice"
SMALL: dict[str, dict[str, Any]] = {
    "sweep": {"seeds": range(900000000, 900000006)},
    "field": {"seed": 900000003},
    "statistics": {"seeds": CHOICE, "repeats": 1, "refits": 2},
    "compare": {"seeds": CHOICE, "study_levels": 1, "repeats": 1, "refits": 2},
    "references": {"seeds": FEW, "choose": range(800000000, 800000003)},
    "dead-ends": {"seeds": FEW},
    "constructed": {"seeds": range(900000000, 900000001)},
    "values": {"seeds": FEW, "trained": range(3)},
    "channels": {"seeds": range(900000000, 900000002), "choose": range(2), "placements": 4, "untrained": 2},
    "probe": {"levels": 40, "layers": ("conv2",), "targets": ("cheese_here", "wall"), "without_controls": True},
    "ablate": {"seeds": range(900000003, 900000006), "layers": ("conv1",), "kinds": ("zero",), "exact_levels": 2},
    "resample": {"seeds": FEW, "channels": (1, 2), "draws": 1},
    "vectors": {"seeds": FEW, "coefficients": (-1, 1), "exact_levels": 2, "draws": 1, "sources": 1},
    "retarget": {"seeds": FEW[:2], "channels": (1, 2), "value": 3.0, "visits": 1, "draws": 1},
    "patch": {"seeds": range(900000000, 900000006), "layers": ("conv2",)},
    "finetune": {"seeds": FEW[:2], "steps": 600},
}
"""The smallest settings at which there is something to measure."""


def random_agent(folder: Path) -> Path:
    """Random weights, written to a file, whose moves differ from square to square and with the cheese."""
    torch.manual_seed(0)
    policy = NatureCNN().eval().requires_grad_(False)
    for name, parameter in policy.named_parameters():
        if parameter.ndim == 1:
            nn.init.zeros_(parameter)
        elif not name.startswith("fc_"):
            nn.init.kaiming_normal_(parameter)
    policy.fc_policy.weight *= 30
    mazes = [mi.Maze.from_seed(seed, "easy") for seed in range(6)]
    x = torch.cat([mi.to_input(mi.observe(maze, maze.squares[:12])) for maze in mazes])
    policy.fc_policy.bias.sub_(policy(x)[0].mean(0))  # else the same move everywhere
    path = folder / "plain.safetensors"
    write_weights(policy, path)
    return path


@cache
def choices() -> list[int]:
    """Some levels, and as many small ones with a decision square, the cheese far away, as statistics need."""
    every = iter(range(900000000, 901000000))
    mazes = (mi.Maze.from_seed(seed, "easy") for seed in every)
    small = (maze for maze in mazes if maze.size <= 11)
    chosen = (maze.seed for maze in small if maze.decision_square and maze.cheese not in maze.region(5))
    return sorted({*range(900000000, 900000006), *islice(chosen, LEAST)})


def small_study(name: str, agent: Path) -> Study:
    """The study with the settings above."""
    given = {"agents": (f"{agent}:easy",)} if name == "compare" else {"agent": str(agent), "mode": "easy"}
    options = given | SMALL[name]
    return STUDIES[name](**options | ({"seeds": choices()} if options.get("seeds") == CHOICE else {}))
