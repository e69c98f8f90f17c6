"""Fine-tuning compared: the weights between two agents, the figures of each, and the study from start to end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.patches import Rectangle

import maze_interp as mi
from maze_interp.commands.main import main
from maze_interp.environment.levels import maze_from_seed, region_maze
from maze_interp.errors import MazeInterpError
from maze_interp.mazes.maze import Maze
from maze_interp.policies.agents import agent_info, load_network
from maze_interp.policies.architectures.impala import Impala
from maze_interp.policies.checkpoints import agent_hash
from maze_interp.results.estimates import estimate
from maze_interp.studies.finetune.figures import learning_figure, weights_figure
from maze_interp.studies.finetune.measure import QUANTITIES, Tuning, interpolate, weight_change
from maze_interp.studies.finetune.tables import interpolation_table, tuning_figures
from maze_interp.studies.finetune.training import LEARNING, tuning_config
from maze_interp.sweeps.levels import LevelSet
from maze_interp.training.compute import Compute, training_compute

LEVELS = LevelSet(range(900_000_005, 900_000_009), "easy")  # sizes 5, 3, 11, 5


@pytest.fixture(scope="module")
def original() -> Impala:
    return cast(Impala, load_network(mi.DEFAULT_AGENT))


@pytest.fixture(scope="module")
def tuned(original: Impala) -> Impala:
    """The original with the weights of one layer doubled and those of another a little moved."""
    policy = interpolate(original, original, 0.0)
    policy.name = "other"
    policy.fc_policy.weight *= 2
    policy.embedder.block1.conv.weight += 0.01
    return policy


@pytest.fixture(scope="module")
def rows(original: Impala, tuned: Impala) -> pd.DataFrame:
    experiment = Tuning(original, "", LEVELS, tuned, 3, (0.0, 0.5, 1.0))
    return pd.DataFrame({"seed": seed, **row} for seed in LEVELS.seeds for row in experiment.rows(LEVELS.maze(seed)))


def test_the_ends_of_the_interpolation_are_the_agents(original: Impala, tuned: Impala) -> None:
    assert agent_hash(interpolate(original, tuned, 0.0)) == agent_hash(original)
    assert agent_hash(interpolate(original, tuned, 1.0)) == agent_hash(tuned)
    half = interpolate(original, tuned, 0.5)
    assert torch.allclose(half.fc_policy.weight, 1.5 * original.fc_policy.weight)
    beyond = interpolate(original, tuned, -1.0)
    assert beyond.fc_policy.weight.abs().max() == 0
    assert torch.equal(beyond.fc_policy.bias, original.fc_policy.bias)


def test_the_change_of_weights_by_hand(original: Impala, tuned: Impala) -> None:
    table = weight_change(original, tuned).set_index("layer")
    head = np.concatenate([original.fc_policy.weight.numpy().ravel(), original.fc_policy.bias.numpy()])
    doubled = np.linalg.norm(original.fc_policy.weight.numpy())
    assert table.loc["fc_policy", "relative"] == pytest.approx(doubled / np.linalg.norm(head), rel=1e-5)
    first = original.embedder.block1.conv.weight
    assert table.loc["embedder.block1.conv", "change"] == pytest.approx(0.01 * first.numel() ** 0.5, rel=1e-4)
    assert table.loc["fc_value", "relative"] == 0
    layers = table.drop("all")
    assert layers["share"].sum() == pytest.approx(1)
    assert table.loc["all", "change"] == pytest.approx(np.linalg.norm(layers["change"]))
    assert table.loc["all", "parameters"] == sum(one.numel() for one in original.parameters())
    assert (weight_change(original, original)["share"] == 0).all()
    for compare in (weight_change, lambda a, b: interpolate(a, b, 0.5)):
        with pytest.raises(MazeInterpError, match="do not correspond"):
            compare(original, Impala(2))


def test_rows_are_what_each_agent_does_alone(original: Impala, tuned: Impala, rows: pd.DataFrame) -> None:
    networks = {0.0: original, 0.5: interpolate(original, tuned, 0.5), 1.0: tuned}
    for row in rows.to_dict("records"):
        maze = LEVELS.maze(row["seed"])
        alone, before = (mi.behaviour(policy, maze) for policy in (networks[row["mix"]], original))
        inside = mi.behaviour(networks[row["mix"]], region_maze(maze.seed, 3, "easy"))
        assert row["p_cheese"] == pytest.approx(alone.p_cheese, abs=1e-6)
        assert row["region_p_cheese"] == pytest.approx(inside.p_cheese, abs=1e-6)
        assert row["p_top_right"] == pytest.approx(alone.p_top_right, abs=1e-6)
        apart = np.abs(alone.field.probs - before.field.probs).sum(axis=1) / 2
        assert row["variation"] == pytest.approx(apart.mean(), abs=1e-6)
        assert np.isnan(row["outside_p_cheese"]) == (maze.cheese in maze.region(3))
        on_the_way = maze.cheese in maze.path(maze.start, maze.top_right)
        assert np.isnan(row["free_p_top_right"]) == on_the_way
    assert (rows.loc[rows["mix"] == 0, "variation"] == 0).all()
    assert (rows.loc[rows["mix"] == 1, "variation"] > 0).all()


def test_a_cheese_on_the_way_bars_the_corner(original: Impala) -> None:
    maze = Maze.from_ascii("####.\n####.\n####C\n####.\nM....", "easy", 900_000_006)
    (row,) = Tuning(original, "", LEVELS, original, 1, (0.0,)).rows(maze)
    assert row["p_top_right"] == 0
    assert row["free_p_top_right"] is None
    assert row["decision_p_cheese"] is None


def test_figures_are_paired_by_level(rows: pd.DataFrame) -> None:
    figures = tuning_figures(rows)
    before, after = (rows[rows["mix"] == mix].reset_index() for mix in (0, 1))
    for name in QUANTITIES:
        assert figures[name]["after"] == estimate(after[name])
        assert figures[name]["difference"] == estimate(after[name] - before[name], "number")
    table = interpolation_table(rows)
    half = table[(table["mix"] == 0.5) & (table["quantity"] == "p_cheese")]
    assert half["mean"].item() == pytest.approx(rows.loc[rows["mix"] == 0.5, "p_cheese"].mean())


def test_the_run_is_about_as_long_as_asked() -> None:
    config = tuning_config(mi.DEFAULT_AGENT, "corner", 20_000, seed=3)
    assert (config.name, config.goal, config.region, config.seed) == (f"{mi.DEFAULT_AGENT}-corner", "corner", None, 3)
    sizes = [2 * (len(maze_from_seed(seed, "easy").squares) - 1) for seed in range(200)]
    assert config.updates == round(20_000 / (config.levels * np.mean(sizes)))
    assert tuning_config(mi.DEFAULT_AGENT, "cheese", 40_000).updates == pytest.approx(2 * config.updates, abs=1)


def test_what_the_training_took() -> None:
    first = training_compute("rand_region_3_easy_imitation")
    assert first.steps == 1_799_680
    convolutions = 64**2 * 3 * 16 + 32**2 * (4 * 16 * 16 + 16 * 32) + 16**2 * 5 * 32 * 32 + 8**2 * 4 * 32 * 32
    forward = 2 * (9 * convolutions + 2048 * 256 + 256 * (15 + 1))  # a multiplication and an addition each
    assert first.flops == 3 * forward * first.steps
    both = training_compute("rand_region_5_imitation")
    assert both.steps > first.steps
    assert both == Compute(both.steps, 3 * forward * both.steps)
    last = json.loads((agent_info("rand_region_5_short").path / "curve.jsonl").read_text().splitlines()[-1])
    assert training_compute("rand_region_5_short") == both + Compute(last["steps"], last["flops"])


def test_the_study_from_start_to_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    options = ["--seeds", "900000000:900000002", "--workers", "1", "--out", str(out)]
    main(["finetune", "--steps", "1300", *options])
    folder = out / f"{mi.DEFAULT_AGENT}-cheese"
    tuned = load_network(str(folder / "weights.safetensors"))
    assert agent_hash(tuned) != agent_hash(load_network(mi.DEFAULT_AGENT))
    assert "Made by reinforcement learning" in (folder / "README.md").read_text()
    summary = json.loads((out / "summary.json").read_text())
    spent, training = summary["figures"]["compute"], training_compute(mi.DEFAULT_AGENT)
    assert spent["step_share"] == pytest.approx(spent["steps"] / training.steps)
    assert spent["flop_share"] == pytest.approx(spent["flops"] / training.flops)
    assert (summary["goal"], summary["steps"], summary["seed"]) == ("cheese", 1300, 0)
    table = pd.read_csv(out / "tuning.csv")
    before = table[table["mix"] == 0].set_index("seed")["p_cheese"]
    maze = maze_from_seed(900_000_000, "easy")
    assert before[maze.seed] == pytest.approx(mi.behaviour(load_network(mi.DEFAULT_AGENT), maze).p_cheese, abs=1e-6)
    after = table[(table["mix"] == 1) & (table["seed"] == maze.seed)]["p_cheese"].item()
    assert after == pytest.approx(mi.behaviour(tuned, maze).p_cheese, abs=1e-6)
    assert pd.read_csv(out / "learning.csv")["steps"].iloc[-1] == spent["steps"]
    for picture in ("change", "interpolation", "weights", "learning"):
        assert (out / f"{picture}.png").read_bytes().startswith(b"\x89PNG")
    assert "of the original's training" in capsys.readouterr().out
    again = mi.studies.finetune(steps=1300, seeds=range(900_000_000, 900_000_002)).run(out)
    pd.testing.assert_frame_equal(again.tables["tuning"], table)
    with pytest.raises(SystemExit):
        main(["finetune", "--steps", "2600", *options])
    assert "belongs to another run: its steps is 1300, not 2600" in capsys.readouterr().err


def test_pictures_show_every_layer_and_the_whole_curve(original: Impala, tuned: Impala) -> None:
    table = weight_change(original, tuned)
    bars = weights_figure(table).axes[0]
    assert [label.get_text() for label in bars.get_yticklabels()] == table["layer"].tolist()[:-1]
    assert [cast(Rectangle, bar).get_width() for bar in bars.patches] == pytest.approx(table["relative"].tolist()[:-1])
    curve = pd.DataFrame([(10, 500, 1, 0.1, 0.2, 0.3), (20, 900, 2, 0.2, 0.4, 0.2)], columns=LEARNING)
    axes = learning_figure(curve, 9000).axes[0]
    assert [list(np.asarray(line.get_xdata())) for line in axes.lines] == [[500, 900]] * 2
    assert [list(np.asarray(line.get_ydata())) for line in axes.lines] == [[0.2, 0.4], [0.1, 0.2]]
    assert axes.get_ylim() == (0, 1.02)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"goal": "chese"}, "goal cannot be 'chese'"),
        ({"agent": "rand_region_4"}, "unknown agent 'rand_region_4'"),
        ({"agent": "reference:random"}, "is a rule, not a network"),
        ({"steps": 10}, "10 steps are too few"),
        ({"seeds": "3:3"}, "the seed range '3:3' is empty"),
        ({"threads": 0}, "threads cannot be 0: it should be greater than or equal to 1"),
    ],
)
def test_bad_input_before_anything_is_written(options: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(MazeInterpError, match=message) as caught:
        mi.studies.finetune(**options).run(tmp_path / "run")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()
