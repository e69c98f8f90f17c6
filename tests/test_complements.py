"""Levels to which a condition on the cheese does not apply are on neither side of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import maze_interp as mi
from maze_interp.policies.architectures.impala import Impala
from maze_interp.probing.scoring import parts
from maze_interp.probing.targets import Observed
from maze_interp.recording.columns import level_labels
from maze_interp.report.context import Context
from maze_interp.results.files import write_csv
from maze_interp.studies.compare.measures import parts_of
from maze_interp.studies.statistics.data import select
from maze_interp.sweeps.groups import by_place, groups, in_region

LEVELS = mi.LevelSet(range(900_000_000, 900_000_040), "easy", "half")
MAZES = [LEVELS.maze(seed) for seed in LEVELS.seeds]
REGION = 3
INSIDE = [maze.cheese is not None and maze.cheese in maze.region(REGION) for maze in MAZES]
OUTSIDE = [maze.cheese is not None and maze.cheese not in maze.region(REGION) for maze in MAZES]
NONE = [maze.cheese is None for maze in MAZES]


@pytest.fixture(scope="module")
def levels(untrained: Impala) -> pd.DataFrame:
    return mi.sweep(untrained, LEVELS.seeds, "easy", "half", horizon=5)


def test_the_levels_have_all_three() -> None:
    assert sum(NONE) == 20
    assert sum(INSIDE) > 1
    assert sum(OUTSIDE) > 1


def test_groups_of_a_sweep(levels: pd.DataFrame) -> None:
    assert in_region(levels, REGION).tolist() == INSIDE
    by_name = groups(levels, REGION)
    assert by_name["cheese outside the 3×3"].index.tolist() == np.flatnonzero(OUTSIDE).tolist()
    assert sum(by_place(levels)["n"]) == sum(INSIDE) + sum(OUTSIDE)
    chosen = by_name["decision square, cheese outside the 3×3"]
    assert chosen["cheese_x"].notna().all()
    if len(chosen) > 12:
        assert select(levels, REGION)["seed"].tolist() == chosen["seed"].tolist()


def test_groups_of_a_comparison(levels: pd.DataFrame) -> None:
    everywhere, *parted = parts_of(levels, REGION).values()
    assert len(everywhere) == len(levels)
    assert all(part["cheese_x"].notna().all() for part in parted)


def test_the_report(levels: pd.DataFrame, tmp_path: Path) -> None:
    context = Context("rand_region_3_easy_imitation", len(levels), "easy", tmp_path)
    for name in context.sweeps:
        write_csv(context.folder(name) / "levels.csv", levels)
    assert context.outside.tolist() == OUTSIDE


def test_groups_of_scored_observations() -> None:
    labels = [level_labels(maze, [(maze.start, "left")]) for maze in MAZES]
    columns = {name: np.concatenate([label[name] for label in labels]) for name in labels[0]}
    masks = dict(parts(Observed("easy", {**columns, "value": np.zeros(len(MAZES))}), REGION))
    assert masks["cheese in the top-right 3×3"].tolist() == INSIDE
    assert masks["cheese outside the top-right 3×3"].tolist() == OUTSIDE
    for name, mask in masks.items():
        assert name.startswith("maze of") or not mask[NONE].any()
