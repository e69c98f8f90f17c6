"""Several agents in one table: figures recomputed by hand from the sweeps, modes mixed, nothing measured twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from scipy import stats

import maze_interp as mi
from maze_interp import DEFAULT_AGENT, MazeInterpError
from maze_interp.policies.agents import agent_folders, import_agent, load_policy
from maze_interp.policies.architectures.impala import Impala
from maze_interp.policies.checkpoints import write_weights
from maze_interp.studies.compare.figures import coefficients_figure, measures_figure, region_figure
from maze_interp.studies.compare.fits import fit_three
from maze_interp.studies.compare.measures import MEASURES, by_region, differences, measures
from maze_interp.studies.compare.plan import Planned, last_stages, parse_agent, planned, require_comparable
from maze_interp.studies.compare.seeds import over_seeds, way_of_training
from maze_interp.studies.statistics import published
from maze_interp.studies.statistics.data import FinishedSweep
from maze_interp.studies.statistics.fits import Effort
from maze_interp.studies.statistics.regression import coefficients, single_regressions
from maze_interp.sweeps.groups import groups
from maze_interp.sweeps.sweep import COLUMNS

FIRST = 900_000_000
SEEDS = range(FIRST, FIRST + 11)
STUDIED = 1  # of 5×5, where the cheese on every square is soon measured


@pytest.fixture(scope="module")
def files(untrained: Impala, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two small agents as files, whose training region counts as the published 5."""
    folder = tmp_path_factory.mktemp("agents")
    torch.manual_seed(1)
    other = Impala(1).eval().requires_grad_(False)
    for name, policy in (("one", untrained), ("two", other)):
        write_weights(policy, folder / f"{name}.safetensors")
    return folder / "one.safetensors", folder / "two.safetensors"


@pytest.fixture(scope="module")
def finished(files: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The comparison of both on easy levels."""
    out = tmp_path_factory.mktemp("compare") / "run"
    mi.studies.compare(agents=tuple(f"{file}:easy" for file in files), seeds=SEEDS, study_levels=STUDIED).run(out)
    return out


def rows_of(finished: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(finished / "rows" / "sweeps" / name / "levels.csv")


def test_the_table_is_what_the_sweeps_say(finished: Path) -> None:
    table = pd.read_csv(finished / "measures.csv").set_index(["agent", "measure"])
    assert set(table.index.levels[0]) == {"one (easy)", "two (easy)", "untrained (easy)"}
    assert len(table) == 3 * len(MEASURES)
    for name in ("one", "two", "untrained"):
        rows = rows_of(finished, f"{name}-easy")
        edge = np.maximum(rows["size"] - 5, 0)
        inside = (rows["cheese_x"] >= edge) & (rows["cheese_y"] >= edge)
        choosing = rows[rows["decision_x"].notna() & ~inside]
        for measure, values in {
            "P(cheese), cheese in the region": rows["p_cheese"][inside],
            "P(cheese), cheese outside it": rows["p_cheese"][~inside],
            "P(cheese), cheese anywhere": rows["p_cheese"],
            "P(corner), cheese outside": rows["p_top_right"][~inside],
            "P(top-right 5×5), where it must choose": choosing["p_region"],
            "P(cheese), where it must choose": choosing["p_cheese"],
            "P(cheese | decision square), where it must choose": choosing["decision_p_cheese"],
            "first leaves to the cheese, where it must choose": choosing["exit_cheese"],
            "first leaves to the corner, where it must choose": choosing["exit_top_right"],
        }.items():
            found = table.loc[(f"{name} (easy)", measure)]
            assert found["n"] == values.notna().sum()
            assert found["mean"] == pytest.approx(values.mean())
            assert found["low"] <= found["mean"] <= found["high"]
            assert found["seeds"] == "900000000:900000011"


def test_differences_are_paired_by_level(finished: Path) -> None:
    table = pd.read_csv(finished / "differences.csv").set_index(["agent", "other", "measure"])
    assert len(table) == 3 * len(MEASURES)
    one, two = (rows_of(finished, f"{name}-easy") for name in ("one", "two"))
    found = table.loc[("one (easy)", "two (easy)", "P(cheese), cheese anywhere")]
    gaps = one["p_cheese"] - two["p_cheese"]
    assert found["mean"] == pytest.approx(gaps.mean())
    assert found["high"] - found["low"] < 5 * gaps.std() / len(gaps) ** 0.5
    assert found["correlation"] == pytest.approx(np.corrcoef(one["p_cheese"], two["p_cheese"])[0, 1])
    assert found["correlation_low"] < found["correlation"] < found["correlation_high"] <= 1


def test_other_studies_stand_side_by_side_too(finished: Path) -> None:
    table = pd.read_csv(finished / "studies.csv").set_index(["agent", "figure"])
    assert set(table.index.levels[0]) == {"one (easy)", "two (easy)", "untrained (easy)"}
    assert set(table["study"]) == {"values", "references", "dead-ends", "constructed"}
    for name in ("one", "two", "untrained"):
        folder = finished / "rows" / "studies" / f"{name}-easy"
        values = pd.read_csv(folder / "values" / "rows" / "anywhere" / "value_agreement.csv")
        agreement = values.query("network == 'agent' and squares == 'all'")["agreement"]
        found = table.loc[(f"{name} (easy)", "most probable move leads to the highest value, all squares")]
        assert (found["n"], found["mean"]) == (STUDIED, pytest.approx(agreement.mean()))
        ends = pd.read_csv(folder / "dead-ends" / "rows" / "dead_ends" / "dead_ends.csv")
        ends = ends.query("policy == 'agent'").fillna({"p_first": 0})
        entered = (ends["p_mouth"] * ends["p_first"]).sum() / ends["p_mouth"].sum()
        found = table.loc[(f"{name} (easy)", "dead ends: P(goes in on first leaving the mouth)")]
        assert found["mean"] == pytest.approx(entered)
    gain = table.xs("shortest path to the cheese, share of the possible gain", level="figure")
    assert (gain["mean"] < 1).all()


def test_what_cannot_be_fitted_is_said(finished: Path) -> None:
    summary = json.loads((finished / "summary.json").read_text())
    reasons = {row["agent"]: row["reason"] for row in summary["figures"]["not_fitted"]}
    assert "statistics need at least 50" in reasons["one (easy)"]
    hashes = pd.read_csv(finished / "measures.csv")["agent_hash"].drop_duplicates()
    assert [one["agent_hash"] for one in summary["agents"]] == list(hashes)
    assert {path.name for path in finished.glob("*.png")} == {"measures.png", "by_region.png", "studies.png"}


def test_finished_sweeps_are_not_measured_again(files: tuple[Path, Path], finished: Path, tmp_path: Path) -> None:
    folders = tuple(str(tmp_path / name) for name in ("one", "two"))
    for file, folder in zip(files, folders, strict=True):
        mi.studies.sweep(agent=str(file), seeds=SEEDS, mode="easy").run(folder)
    result = mi.studies.compare(sweeps=folders, seeds=SEEDS, study_levels=0).run(tmp_path / "run")
    assert [path.name for path in (tmp_path / "run" / "rows" / "sweeps").iterdir()] == ["untrained-easy"]
    for name in ("measures", "by_region", "differences"):
        assert (tmp_path / "run" / f"{name}.csv").read_bytes() == (finished / f"{name}.csv").read_bytes()
    assert result.statement.startswith("Where it must choose, one (easy) reaches the cheese with probability ")
    assert "in the same mazes" in result.statement


def made(name: str, levels: int = 300, region: int = 3, draw: int = 0, **changes: Any) -> FinishedSweep:
    """A sweep of an agent that likes cheeses near the decision square; mazes and outcomes are drawn, not real."""
    places, dice = np.random.default_rng(7), np.random.default_rng(draw)
    rows = pd.DataFrame(places.random((levels, len(COLUMNS))) * 10, columns=list(COLUMNS))
    rows["seed"], rows["size"] = np.arange(levels), 15
    rows["cheese_x"], rows["cheese_y"] = places.integers(0, 15, (2, levels)).astype(float)
    rows.loc[places.random(levels) < 0.4, ["decision_x", "decision_y"]] = np.nan
    noise = dice.normal(0, 1, levels)
    rows["p_cheese"] = 1 / (1 + np.exp(rows["euclidean_cheese_decision_square"] - 5 + noise))
    settings = {"agent": name, "agent_hash": name * 2, "versions": {}, "horizon": 500}
    settings |= {"seeds": f"0:{levels}", "mode": "easy", "cheese": "anywhere", "edits": [], **changes}
    return FinishedSweep(settings, rows, region)


def named(sweeps: list[FinishedSweep]) -> dict[str, FinishedSweep]:
    plan = [Planned(sweep, sweep.region) for sweep in sweeps]
    require_comparable(plan)
    return {one.name: sweep for one, sweep in zip(plan, sweeps, strict=True)}


def test_modes_and_regions_mixed() -> None:
    sweeps = named([made("a"), made("b", region=5, draw=1), made("a", draw=2, mode="hard"), made("c", 40)])
    assert list(sweeps) == ["a (easy)", "b (easy)", "a (hard)", "c (easy)"]
    table = measures(sweeps).set_index(["agent", "measure"])
    for name, region in (("a (easy)", 3), ("b (easy)", 5)):
        *_, choosing = groups(sweeps[name].levels, region).values()
        assert table.loc[(name, "P(cheese), where it must choose"), "n"] == len(choosing)

    gaps = differences(sweeps).set_index(["agent", "other", "measure"])
    assert {pair[:2] for pair in gaps.index} == {
        ("a (easy)", "b (easy)"),
        ("a (easy)", "c (easy)"),
        ("b (easy)", "c (easy)"),
    }
    levels, others = sweeps["a (easy)"].levels, sweeps["b (easy)"].levels
    far = ((levels["cheese_x"] < 10) | (levels["cheese_y"] < 10)) & levels["decision_x"].notna()  # outside both regions
    near = (levels["cheese_x"] >= 12) & (levels["cheese_y"] >= 12)  # inside both
    gap = levels["p_cheese"] - others["p_cheese"]
    for measure, which in (("P(cheese), where it must choose", far), ("P(cheese), cheese in the region", near)):
        found = gaps.loc[("a (easy)", "b (easy)", measure)]
        assert (found["n"], found["mean"]) == (which.sum(), pytest.approx(gap[which].mean()))
    assert gaps.loc[("a (easy)", "c (easy)", "P(cheese), cheese anywhere"), "n"] == 40
    assert gaps.loc[("a (easy)", "c (easy)", "P(cheese), cheese anywhere"), "mean"] == 0


def test_published_agents_stand_beside_ours() -> None:
    table = by_region(named([made("a"), made("b", region=17), made("untrained", region=5)])).set_index("region")
    assert list(table.index) == [*range(1, 16), 17]
    assert table["published"].notna().sum() == len(published.BY_REGION) == 15
    assert (table.loc[3, "published"], table.loc[5, "published"]) == (0.161, 0.723)
    assert table["agent"].dropna().to_dict() == {3: "a (easy)", 17: "b (easy)"}  # random weights had no training
    *_, choosing = groups(made("a").levels, 3).values()
    assert table.loc[3, "mean"] == pytest.approx(choosing["p_cheese"].mean())


def test_regions_are_compared_on_the_same_levels_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_weights(Impala(1), tmp_path / "w.safetensors")
    folder = import_agent(tmp_path / "w.safetensors", "d", "easy", None)
    config = yaml.safe_load((folder / "config.yaml").read_text())
    (folder / "config.yaml").write_text(yaml.safe_dump({**config, "region": "anywhere"}))
    sweeps = named([made("a"), made("b", region=9), made("c", region=12, mode="hard"), made("d", region=5)])
    table = by_region(sweeps).dropna(subset="agent").set_index("agent")
    *_, far = groups(sweeps["a (easy)"].levels, 9).values()
    assert table["outside"].to_dict() == {"a (easy)": 9, "b (easy)": 9, "c (hard)": 12, "d (easy)": 9}
    for name in ("a (easy)", "b (easy)", "d (easy)"):
        found = table.loc[name]
        assert (found["same_n"], found["same_mean"]) == (len(far), pytest.approx(far["p_cheese"].mean()))
    assert table.loc["b (easy)", "n"] == len(far) < table.loc["a (easy)", "n"]
    assert table["region"].isna().to_dict() == {name: name == "d (easy)" for name in table.index}
    ticks = [tick.get_text() for tick in region_figure(by_region(sweeps)).axes[0].get_xticklabels()]
    assert ticks[-2:] == ["15", "anywhere\n(outside 5×5)"]


def test_coefficients_are_those_of_the_statistics() -> None:
    sweep, effort = made("a"), Effort(repeats=1, refits=8)
    *_, choosing = groups(sweep.levels, 3).values()
    found = fit_three(sweep, effort).set_index("variable")
    alone = single_regressions(choosing, "p_cheese", effort).set_index("variable")
    together = coefficients(choosing, "p_cheese", effort).query("model == 'three stable'").set_index("variable")
    for variable, row in found.iterrows():
        for end in ("", "_low", "_high"):
            assert row[f"alone{end}"] == pytest.approx(alone.loc[variable, f"coefficient{end}"])
            assert row[f"together{end}"] == pytest.approx(together.loc[variable, f"coefficient{end}"])
        assert row["published"] == published.THREE[str(variable)]
    assert found.loc["euclidean_cheese_decision_square", "together_high"] < -1


def test_pictures_show_the_tables() -> None:
    sweeps = named([made("a"), made("b", region=5, draw=1)])
    table = measures(sweeps)
    first = measures_figure(table).axes[0]
    assert [label.get_text() for label in first.get_yticklabels()] == list(sweeps)
    drawn = sorted(np.asarray(line.get_xdata(), float)[0] for line in first.lines if line.get_marker() in ("o", "s"))
    assert drawn == sorted(table[table["measure"] == next(iter(MEASURES))]["mean"])
    legend = region_figure(by_region(sweeps)).legends[0]
    assert [text.get_text().split(",")[0] for text in legend.texts] == ["published", *sweeps]
    fits = pd.concat(fit_three(one, Effort(1, 3)).assign(agent=name) for name, one in sweeps.items())
    assert len(coefficients_figure(fits).axes) == 3


def test_agents_are_read_with_their_modes() -> None:
    assert [parse_agent(text) for text in (DEFAULT_AGENT, "rand_region_5", "folder/w.pth:easy")] == [
        (DEFAULT_AGENT, "easy"),
        ("rand_region_5", "hard"),
        ("folder/w.pth", "easy"),
    ]
    plan = planned([], (DEFAULT_AGENT, "rand_region_5"), SEEDS, load_policy)
    assert [(one.settings["agent"], one.settings["mode"], one.region) for one in plan[-2:]] == [
        ("untrained", "easy", 5),
        ("untrained", "hard", 5),
    ]


def test_names_with_dots_stand_apart() -> None:
    sweeps = named([made("mine.v2"), made("mine"), made("mine.v3")])
    assert list(sweeps) == ["mine.v2 (easy)", "mine (easy)", "mine.v3 (easy)"]


def test_the_report_has_its_own_sweep_first(tmp_path: Path) -> None:
    study = mi.studies.compare.for_report(DEFAULT_AGENT, None, 0.5, {"anywhere": tmp_path})
    assert study is not None
    assert (len(study.seeds), study.sweeps, study.study_levels) == (20, (str(tmp_path),), 0)
    assert DEFAULT_AGENT not in study.agents
    assert set(study.agents) < set(agent_folders())
    assert not {"rand_region_5_easy_rl_stage_2", "rand_region_2_easy_imitation"} & set(study.agents), "earlier stages"
    assert "rand_region_5" in study.agents
    assert not {"rand_region_5_short", "rand_region_5_easy_scratch_seed_1"} & set(study.agents), "solve too little"


def test_bad_input(files: tuple[Path, Path], finished: Path, tmp_path: Path) -> None:
    def bad(message: str, **options: Any) -> None:
        with pytest.raises(MazeInterpError, match=message) as caught:
            mi.studies.compare(**{"seeds": SEEDS, **options}).run(tmp_path / "new")
        assert "\n" not in str(caught.value)
        assert not (tmp_path / "new").exists()

    bad("unknown agent 'rand_regoin_5'", agents=("rand_regoin_5:hard",))
    bad(r"no checkpoint file nowhere\.pth", agents=("nowhere.pth:easy",))
    bad("are one agent .*name it once", agents=(DEFAULT_AGENT, f"{DEFAULT_AGENT}:easy"))
    bad("is no sweep", sweeps=(str(tmp_path / "nowhere"),))
    bad("no sweep but another run", sweeps=(str(finished),))
    bad("empty", seeds="5:5")
    odd: dict[str, dict[str, Any]] = {
        "cheese: 3; comparing needs it anywhere": {"cheese": 3},
        "episodes of 100 moves, not 500": {"horizon": 100},
        "both called a": {"agent_hash": "another"},
    }
    for message, changes in odd.items():
        with pytest.raises(MazeInterpError, match=message):
            named([made("a"), made("a", draw=1, **changes)])
    with pytest.raises(MazeInterpError, match="nothing to compare"):
        require_comparable([])

    before = {path.name: path.read_bytes() for path in finished.glob("*.*")}
    with pytest.raises(MazeInterpError, match="belongs to another run: its agents"):
        mi.studies.compare(agents=(f"{files[1]}:easy",), seeds=SEEDS, study_levels=STUDIED).run(finished)
    assert {path.name: path.read_bytes() for path in finished.glob("*.*")} == before


def trained(folder: Path, name: str, seed: int, **settings: object) -> str:
    """An agent of one's own with random weights, said to be trained with these settings."""
    torch.manual_seed(seed)
    write_weights(Impala(1), folder / name / "weights.safetensors")
    run = {"method": "exact", "name": name, "seed": seed, "history": seed, "start_from": None, **settings}
    config = {"distribution_mode": "easy", "region": 5, "training": "said to be trained", "run": run}
    (folder / name / "config.yaml").write_text(yaml.safe_dump(config))
    return name


def test_seeds_of_one_way_of_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks as units beside levels; another setting, or another beginning, is another way."""
    monkeypatch.chdir(tmp_path)
    agents = Path("agents")
    same = [trained(agents, f"mine_{seed}", seed, updates=7) for seed in range(3)]
    other = trained(agents, "other", 3, updates=8)
    later = [trained(agents, f"later_{seed}", 4 + seed, start_from=same[seed]) for seed in range(2)]
    assert len(set(map(way_of_training, same))) == 1
    assert len({way_of_training(name) for name in (same[0], other, later[0], "rand_region_5_easy_rl")}) == 4
    assert way_of_training(later[0]) == way_of_training(later[1])
    assert {*same, *later, other} & set(last_stages()) == {other, "later_0"}  # all of `same` are an earlier stage

    sweeps = {}
    for number, name in enumerate([*same, other]):
        rows = mi.sweep(mi.load_policy(name), SEEDS, "easy", workers=1)
        sweeps[name] = FinishedSweep({"agent": name, "mode": "easy", "seeds": "some"}, rows, 5)
        assert number == 0 or not rows["p_cheese"].equals(sweeps[same[0]].levels["p_cheese"])
    table = over_seeds(sweeps)
    assert set(table["measure"]) <= set(MEASURES)
    assert set(table["agent"]) == {same[0]}
    found = table.set_index("measure").loc["P(cheese), cheese anywhere"]
    each = [sweeps[name].levels["p_cheese"].mean() for name in same]
    low, high = stats.t.interval(0.95, 2, np.mean(each), stats.sem(each))
    assert found["n"] == 3
    assert found["mean"] == pytest.approx(np.mean(each))
    assert found["spread"] == pytest.approx(np.std(each, ddof=1))
    assert (found["low"], found["high"]) == pytest.approx((max(low, 0), min(high, 1)))
    assert found["level_n"] == len(SEEDS)
    assert found["level_mean"] == pytest.approx(found["mean"])
    assert found["level_low"] < found["mean"] < found["level_high"]
