"""Ablation against forward passes and behaviour computed one channel at a time; its summaries against hand counts."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import false_discovery_control, spearmanr, ttest_1samp
from torch import Tensor, nn

import maze_interp as mi
from maze_interp import DEFAULT_AGENT, LevelSet, Maze, MazeInterpError, behaviour, observe, to_input
from maze_interp.commands.main import main
from maze_interp.environment.levels import region_maze
from maze_interp.measure.channels import ablated_outputs
from maze_interp.policies.agents import load_network
from maze_interp.policies.architectures.impala import Impala
from maze_interp.policies.hooks import activation_layers
from maze_interp.policies.moves import move_probabilities
from maze_interp.policies.network import parse_layers
from maze_interp.studies.ablate.agreement import compare, kind_agreement, metric_overlap, separable
from maze_interp.studies.ablate.effects import RATE, channel_effects, level_effects, strongest, unedited
from maze_interp.studies.ablate.measure import (
    METRICS,
    UNEDITED,
    Ablation,
    DecisionAblation,
    ExactAblation,
    squares_before_cheese,
)

LAYERS = ("embedder.block1.conv", "embedder.block2.res1.resadd", "embedder.fc")
REFERENCE = range(70, 72)
LEVELS = LevelSet(range(900_000_000, 900_000_012), "easy")
HORIZON = 12
SEEDS = [seed for seed in LEVELS.seeds if LEVELS.maze(seed).decision_square]


@pytest.fixture(params=["default", "published"])
def policy(request: pytest.FixtureRequest) -> Impala:
    default = request.param == "default"
    return cast(Impala, load_network(DEFAULT_AGENT) if default else request.getfixturevalue("published"))


def probabilities(policy: nn.Module, x: Tensor, layer: str, channel: int, value: Tensor) -> np.ndarray[Any, Any]:
    """Move probabilities `[n, 5]` with one channel overwritten by a plain torch hook."""

    def overwrite(module: nn.Module, args: Any, output: Tensor) -> Tensor:
        changed = output.clone()
        changed[:, channel] = value
        return changed

    handle = policy.get_submodule(layer).register_forward_hook(overwrite)
    try:
        with torch.no_grad():
            return move_probabilities(policy(x)[0]).numpy()
    finally:
        handle.remove()


def outputs_at(policy: nn.Module, layer: str, x: Tensor) -> Tensor:
    seen: list[Tensor] = []
    handle = policy.get_submodule(layer).register_forward_hook(lambda module, args, output: seen.append(output))
    with torch.no_grad():
        policy(x)
    handle.remove()
    return seen[0]


def direction(a: tuple[int, int], b: tuple[int, int]) -> int:
    return [(-1, 0), (0, -1), (0, 1), (1, 0)].index((b[0] - a[0], b[1] - a[1]))


def test_every_kind_equals_a_forward_pass_written_by_hand(policy: Impala) -> None:
    experiment = DecisionAblation(policy, "", LEVELS, LAYERS, reference=REFERENCE)
    maze = LEVELS.maze(SEEDS[0])
    assert maze.decision_square is not None
    assert maze.cheese is not None
    table = pd.DataFrame(experiment.rows(maze)).set_index(["kind", "layer", "channel"])
    others = [Maze.from_seed(seed, "easy") for seed in REFERENCE]
    squares = [[square for square in other.squares if square != other.cheese] for other in others]
    everywhere = to_input(np.concatenate([observe(other, some) for other, some in zip(others, squares, strict=True)]))
    x = to_input(observe(maze, [maze.decision_square]))
    moves = [
        direction(maze.decision_square, maze.path(maze.decision_square, goal)[1])
        for goal in (maze.cheese, maze.top_right)
    ]
    changed = 0.0
    for layer in LAYERS:
        values = {
            "zero": torch.zeros(()),
            "mean": outputs_at(policy, layer, everywhere).double().mean(0).float(),
            "resample": outputs_at(policy, layer, experiment.source.draw(maze.seed))[0],
        }
        for kind, value in values.items():
            for channel in (0, 7, 15):
                one = value if kind == "zero" else value[channel]
                expected = probabilities(policy, x, layer, channel, one)[0, moves]
                got = table.loc[(kind, layer, channel)].to_numpy(float)
                np.testing.assert_allclose(got, expected, atol=1e-5)
                changed = max(changed, np.abs(got - table.iloc[0].to_numpy(float)).max())
    assert changed > 1e-3
    assert len(table) == 1 + 3 * (16 + 32 + 256)


@pytest.mark.parametrize("name", ["untrained", "published"])
def test_the_exact_sweep_equals_behaviour_under_one_edit_at_a_time(name: str, request: pytest.FixtureRequest) -> None:
    policy: Impala = request.getfixturevalue(name)
    layers = ("embedder.block2.res2.resadd", "embedder.block3.res2.conv2")
    experiment = ExactAblation(policy, "", LEVELS, layers, reference=REFERENCE, region=3, horizon=HORIZON)
    maze = min((LEVELS.maze(seed) for seed in SEEDS), key=lambda one: one.size)
    table = pd.DataFrame(experiment.rows(maze)).set_index(["kind", "layer", "channel"])
    solvable = region_maze(maze.seed, 3, "easy")
    plain = [behaviour(policy, one, horizon=HORIZON).p_cheese for one in (maze, solvable)]
    np.testing.assert_allclose(table.iloc[0].to_numpy(float), plain, atol=1e-5)
    assert table.index[0][0] == UNEDITED
    for layer in layers:
        for kind in experiment.kinds:
            for channel in (3, 30):
                edit = experiment.edit(kind, layer, channel, maze.seed)
                expected = [behaviour(policy, one, [edit], horizon=HORIZON).p_cheese for one in (maze, solvable)]
                np.testing.assert_allclose(table.loc[(kind, layer, channel)].to_numpy(float), expected, atol=1e-5)
    assert table["p_cheese"].nunique() > (100 if name == "untrained" else 1)


class Planted(nn.Module):
    """Moves by two constant channels: the first makes it go right, the second stay; a third does nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Linear(1, 3)
        self.features.weight.data.zero_()
        self.features.bias.data = torch.tensor([2.0, 1.0, 5.0])

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        features = self.features(x[:, 0, 0, :1])
        logits = torch.zeros(len(x), 15)
        logits[:, 6:9] = features[:, :1]  # procgen's actions to the right
        logits[:, 4] = features[:, 1]
        return logits, features[:, 2]


def test_positive_means_that_the_channel_served_the_metric() -> None:
    maze = next(
        maze
        for seed in range(50)
        if (maze := Maze.from_seed(seed, "easy")).decision_square
        and maze.cheese
        and maze.path(maze.decision_square, maze.cheese)[1][0] > maze.decision_square[0]
    )
    experiment = DecisionAblation(Planted(), "", LEVELS, ("features",), ("zero",), REFERENCE)
    table = pd.DataFrame(experiment.rows(maze)).assign(seed=maze.seed)
    effects = level_effects(table, "decision_p_cheese").iloc[0]

    def p_right(right: float, stay: float) -> float:
        return 3 * math.exp(right) / (3 * math.exp(right) + math.exp(stay) + 11)

    assert unedited(table, "decision_p_cheese").mean == pytest.approx(p_right(2, 1), abs=1e-6)
    assert effects["zero", "features", 0] == pytest.approx(p_right(2, 1) - p_right(0, 1), abs=1e-6)
    assert effects["zero", "features", 0] > 0.3
    assert effects["zero", "features", 1] == pytest.approx(p_right(2, 1) - p_right(2, 0), abs=1e-6)
    assert effects["zero", "features", 1] < -0.01
    assert effects["zero", "features", 2] == 0


def test_batches_of_any_shape_give_the_same(untrained: Impala) -> None:
    maze = LEVELS.maze(SEEDS[0])
    x = to_input(observe(maze)[:35])
    for layer in ("embedder.block1.res1.relu1", "embedder.block3", "embedder.fc", "fc_policy"):
        values = torch.randn(3, *outputs_at(untrained, layer, x).shape[2:])
        together = ablated_outputs(untrained, layer, x, [4, 0, 4], values)
        for i, channel in enumerate([4, 0, 4]):
            expected = probabilities(untrained, x, layer, channel, values[i])
            np.testing.assert_allclose(together[1 + i, :, :5], expected, atol=1e-5)
        with torch.no_grad():
            np.testing.assert_allclose(together[0, :, :5], move_probabilities(untrained(x)[0]), atol=1e-5)


def test_the_part_before_the_layer_runs_once(untrained: Impala, rows_through: Any) -> None:
    x = to_input(observe(LEVELS.maze(SEEDS[0]))[:40])
    layer, values = "embedder.block2.res1.resadd", torch.zeros(32, 16, 16)
    ablated_outputs(untrained, layer, x[:1], [0], values[:1])  # after which both ways of running it have been compared
    with (
        rows_through(untrained, "embedder.block1.conv") as before,
        rows_through(untrained, "embedder.block3.conv") as after,
    ):
        ablated_outputs(untrained, layer, x, range(32), values)
    assert before.rows == 40
    assert after.rows == 40 * 33


def test_squares_behind_the_cheese_do_not_count() -> None:
    maze = Maze.from_ascii("....#\n.##.#\n.#C..\n.#.##\nM...#", "easy")
    assert set(maze.squares) - set(squares_before_cheese(maze)) == {(2, 2)}
    closed = Maze.from_ascii("....#\n###.#\n..C..\n.####\nM...#", "easy")
    assert set(squares_before_cheese(closed)) == {(0, 0), (1, 0), (2, 0), (3, 0), (0, 1), (0, 2), (1, 2)}
    with pytest.raises(MazeInterpError, match="no cheese"):
        squares_before_cheese(closed.with_cheese(None))


def made_table(
    effects: Mapping[tuple[str, str, int], Sequence[float]], metric: str, plain: float = 0.5
) -> pd.DataFrame:
    """A table as of an experiment, from each channel's effects by level."""
    rows = []
    for seed in range(len(next(iter(effects.values())))):
        rows.append({"seed": seed, "kind": UNEDITED, "layer": None, "channel": None, metric: plain})
        rows += [
            {"seed": seed, "kind": kind, "layer": layer, "channel": channel, metric: plain - values[seed]}
            for (kind, layer, channel), values in effects.items()
        ]
    return pd.DataFrame(rows)


def test_channels_are_summed_up_over_levels() -> None:
    made = {
        ("zero", "b", 0): [0.1, 0.2, 0.3, 0.2],
        ("zero", "b", 1): [0.0, 1e-7, 0.0, -1e-7],
        ("zero", "a", 0): [-0.1, 0.1, -0.1, 0.2],
    }
    found = channel_effects(made_table(made, "m"), ["m"])
    assert list(zip(found["layer"], found["channel"], strict=True)) == [("b", 0), ("b", 1), ("a", 0)]
    np.testing.assert_allclose(found["mean"], [0.2, 0.0, 0.025], atol=1e-9)
    assert found["n"].tolist() == [4, 4, 4]
    assert (found["low"] <= found["mean"]).all()
    assert 0.1 < found["low"][0] < 0.2 < found["high"][0] < 0.3
    p = [ttest_1samp(made["zero", "b", 0], 0).pvalue, 1.0, ttest_1samp(made["zero", "a", 0], 0).pvalue]
    np.testing.assert_allclose(found["p"], false_discovery_control(p))


def test_the_strongest_are_measured_on_other_levels_than_chosen_on() -> None:
    made = {
        ("zero", "a", 0): [0.1, 0.1, 0.3, 0.3, 0.6],
        ("mean", "a", 0): [0.1, 0.1, 0.4, 0.4, 0.7],
        ("zero", "a", 1): [-0.5, -0.5, 0.0, 0.1, 0.0],
        ("mean", "a", 1): [-0.4, -0.4, 0.0, 0.1, 0.0],
        ("zero", "a", 2): [0.0, 0.0, 0.0, 8.0, 9.0],
        ("mean", "a", 2): [0.0, 0.0, 0.0, 8.0, 9.0],
    }
    found = strongest(made_table(made, "m"), ["m"], 2)
    assert list(zip(found["channel"], found["kind"], strict=True)) == [
        (1, "zero"), (1, "mean"), (0, "zero"), (0, "mean")
    ]  # fmt: skip
    np.testing.assert_allclose(found["mean"], [0.05, 0.05, 0.45, 0.55])
    assert strongest(made_table({key: values[:1] for key, values in made.items()}, "m"), ["m"], 2).empty


def test_agreement_is_that_of_the_ranks() -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(30, 20)) + np.arange(20)
    y = random.normal(size=(30, 20)) + np.sqrt(np.arange(20))
    found = compare(x, y)
    assert found["rank_correlation"] == pytest.approx(spearmanr(x.mean(axis=0), y.mean(axis=0)).statistic)
    assert found["low"] < found["rank_correlation"] < found["high"] < 1
    assert compare(x, -x)["rank_correlation"] == pytest.approx(-1)
    assert compare(x, -x)["top_shared"] == 1  # two of twenty, by size
    assert compare(x, x[:, ::-1])["top_shared"] == 0
    assert math.isnan(compare(x, np.zeros_like(x))["rank_correlation"])


def test_kinds_and_metrics_are_compared_on_the_same_channels() -> None:
    random = np.random.default_rng(1)
    serving = {("zero", "a", i): random.normal(i, 0.1, 8) for i in range(6)}
    made: dict[tuple[str, str, int], Any] = {
        **serving,
        **{("mean", "a", i): values + 1 for (_, _, i), values in serving.items()},
    }
    table = made_table(made, "goal")
    table["solve"] = table["goal"].to_numpy()[::-1]
    agreement = kind_agreement(table, "goal").set_index(["layer", "a", "b"])["rank_correlation"]
    assert agreement["all", "zero", "mean"] == pytest.approx(1)
    assert agreement["a", "zero", "zero, other levels"] == pytest.approx(1)
    assert metric_overlap(table, "goal", "goal")["top_shared"].tolist() == [1, 1]


def test_separable_channels_change_one_metric_alone() -> None:
    sure = [0.3, 0.31, 0.29, 0.3]
    goal = {("zero", "a", 0): sure, ("zero", "a", 1): sure, ("zero", "a", 2): [0.0] * 4}
    solve = {("zero", "a", 0): [0.0, 0.004, 0.0, 0.001], ("zero", "a", 1): [0.0, 0.1, 0.0, 0.0], ("zero", "a", 2): sure}
    table = made_table(goal, "goal").merge(made_table(solve, "solve"), on=["seed", "kind", "layer", "channel"])
    effects = channel_effects(table, ["goal", "solve"])
    assert separable(effects, "goal", "solve")["channel"].tolist() == [0]
    assert separable(effects, "solve", "goal")["channel"].tolist() == [2]
    assert separable(effects, "goal", "solve")["other_mean"].tolist() == pytest.approx([0.00125])


def test_layers_by_name(untrained: Impala) -> None:
    assert parse_layers(untrained, "main") == Impala.main_layers
    assert parse_layers(untrained, "embedder.fc, embedder.block2.res1.resadd_out") == LAYERS[:0:-1]
    everything = parse_layers(untrained, "all")
    assert set(activation_layers(untrained)) - set(everything) == {"embedder.flatten", "fc_policy", "fc_value"}
    with pytest.raises(MazeInterpError, match=r"unknown layer .*did you mean"):
        parse_layers(untrained, "embedder.block2.res1.resad")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layers": ("embedder.fd",)}, "unknown layer .*did you mean embedder.fc"),
        ({"layers": ()}, "at least one layer"),
        ({"layers": ("embedder.fc", "embedder.fc_out")}, "each once"),
        ({"kinds": ("zero", "mena")}, "unknown kind of ablation 'mena': did you mean mean"),
        ({"kinds": ("zero", "zero")}, "at least one kind, each once"),
        ({"reference": range(900_000_005, 900_000_006)}, "measure on others"),
    ],
)
def test_what_makes_no_sense_is_refused(untrained: Impala, options: dict[str, Any], message: str) -> None:
    for kind in (DecisionAblation, ExactAblation):
        experiment: type[Ablation] = kind
        with pytest.raises(MazeInterpError, match=message):
            experiment(untrained, "", LEVELS, **options)


def test_the_command_writes_tables_figures_and_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, layer = tmp_path / "run", "embedder.block3.res2.resadd"
    main(
        ["ablate", "--layers", layer, "--kinds", "zero", "--seeds", "900000000:900000006", "--exact-levels", "4"]
        + ["--exact-layers", layer, "--out", str(out), "--workers", "1"]
    )
    assert "P(cheese | decision square), unedited: 0." in capsys.readouterr().out
    table = pd.read_csv(out / "ablation.csv")
    assert len(table) == (2 + 2) * 32
    summary = json.loads((out / "summary.json").read_text())
    levels = pd.read_csv(out / "rows" / "decision_ablation" / "decision_ablation.csv")
    assert summary["agent"] == DEFAULT_AGENT
    figures = summary["figures"]
    assert figures["unedited"]["decision_p_cheese"]["n"] == levels["seed"].nunique()
    assert {row["metric"] for row in figures["strongest"]} == set(METRICS)
    assert [row["b"] for row in figures["overlap"]] == ["p_solve", "p_solve"]
    for row in figures["significant"]:
        p = table.loc[table["metric"] == row["metric"], "p"]
        assert (row["channels"], row["significant"]) == (32, (p <= RATE).sum())
    assert {path.stem for path in out.glob("*.png")} == {
        "effects_zero",
        "overlap_zero",
        "strongest",
        "strongest_channel",
    }


def test_the_result_shows_every_channel() -> None:
    layer = "embedder.block3.res2.resadd"
    study = mi.studies.ablate(seeds=SEEDS[:3], layers=(layer,), kinds=("zero", "resample"), exact_levels=0)
    result = study.run()
    assert set(result.figures) == {"strongest", "effects_zero", "effects_resample", "strongest_channel"}
    maps = [axes for axes in result.figures["effects_zero"].axes if axes.get_title(loc="left") in METRICS.values()]
    assert len(maps) == 2
    effects = result.tables["ablation"].query("metric == 'decision_p_cheese' and kind == 'zero'")["mean"]
    np.testing.assert_allclose(np.asarray(maps[0].images[0].get_array()).ravel(), effects)
    points, *_ = result.figures["strongest"].axes
    chosen = result.tables["strongest"].query("metric == 'decision_p_cheese'")
    assert [text.get_text() for text in points.get_yticklabels()] == [
        f"block3.res2.resadd  {channel}" for channel in chosen["channel"].unique()
    ]
    assert f"of 32 channels, channel {chosen['channel'].iloc[0]} of block3.res2.resadd" in result.statement
    assert len(result.notes) <= 3
    alone = mi.studies.ablate(seeds=SEEDS[:1], layers=(layer,), kinds=("zero",), exact_levels=0).run()
    assert set(alone.figures) == {"effects_zero"}
    assert "and there is one" in alone.statement


def test_the_report_measures_the_default_layer_exactly() -> None:
    study = mi.studies.ablate.for_report(DEFAULT_AGENT, None, 1, {})
    assert study is not None
    decision, exact = study.experiments
    assert (len(decision.levels.seeds), len(exact.levels.seeds)) == (120, 14)
    assert (decision.layers, exact.layers) == (Impala.main_layers, (Impala.default_layer,))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"agent": "rand_region_4"}, "unknown agent"),
        ({"seeds": "5:5"}, "empty"),
        ({"kinds": "zeros"}, "unknown kind of ablation"),
        (
            {"layers": "embedder.fc", "exact_layers": "embedder.block3"},
            "embedder.block3 is among exact_layers and not among layers",
        ),
        ({"exact_levels": 0, "exact_layers": "embedder.fc"}, "no effect with exact_levels 0"),
        ({"layers": "embedder.block1.conv"}, "none of layers is among embedder.block1.res2.resadd, "),
        ({"exact_levels": -1}, "exact_levels cannot be -1: it should be greater than or equal to 0"),
        ({"seeds": "800000000:800000010"}, "measure on others"),
    ],
)
def test_bad_input_leaves_no_folder(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(MazeInterpError, match=message):
        mi.studies.ablate(**options).run(tmp_path / "run")
    assert not (tmp_path / "run").exists()
