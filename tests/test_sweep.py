"""Sweeps: the rows, and the same bytes whatever happens on the way."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import pandas as pd
import pytest
from distributed import LocalCluster
from small_mazes import SMALL

from maze_interp import Maze, MazeInterpError, behaviour, maze_features
from maze_interp.commands.main import main
from maze_interp.environment.levels import region_maze
from maze_interp.policies.architectures.impala import Impala
from maze_interp.results.estimates import estimate
from maze_interp.results.run_directory import run_directory
from maze_interp.sweeps.groups import binned, by_place, groups, in_region, outcome_table, surprises
from maze_interp.sweeps.selection import parse_cheese, parse_seeds
from maze_interp.sweeps.sweep import sweep

SEEDS = SMALL[:24]  # a whole job and a half
LEVELS = f"{SEEDS.start}:{SEEDS.stop}"


def command(agent: Path, out: Path, *options: str) -> list[str]:
    """The command line; options in pairs, which take the place of those here."""
    given = {"--agent": str(agent), "--mode": "easy", "--seeds": LEVELS, "--out": str(out)}
    given |= dict(zip(options[::2], options[1::2], strict=True))
    return [sys.executable, "-m", "maze_interp.commands.main", "sweep", *chain.from_iterable(given.items())]


def files(out: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


@pytest.fixture(scope="module")
def finished(agent: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An undisturbed run with one worker."""
    out = tmp_path_factory.mktemp("finished") / "run"
    done = subprocess.run(command(agent, out, "--workers", "1"), capture_output=True, text=True, check=True)
    assert "P(cheese), all levels: " in done.stdout
    assert "Gym" not in done.stderr
    return out


def test_rows_are_features_and_exact_behaviour(finished: Path, untrained: Impala) -> None:
    rows = pd.read_csv(finished / "levels.csv")
    assert list(rows["seed"]) == list(SEEDS)
    for row in rows.iloc[::3].to_dict("records"):
        maze = Maze.from_seed(row["seed"], "easy")
        result = behaviour(untrained, maze)
        assert (row["size"], row["cheese_x"], row["cheese_y"]) == (maze.size, *(maze.cheese or ()))
        for name, value in maze_features(maze).items():
            assert pd.isna(row[name]) if value is None else row[name] == pytest.approx(value)
        for name in ("p_cheese", "p_top_right", "p_region", "expected_steps"):
            assert row[name] == pytest.approx(getattr(result, name), abs=1e-5), name
        if maze.decision_square is not None:
            assert row["decision_p_cheese"] == pytest.approx(result.field.p_cheese, abs=1e-6)
            assert result.first_exit is not None
            assert row["exit_other"] == pytest.approx(result.first_exit.other, abs=1e-5)


def test_two_workers_write_the_same_bytes(agent: Path, finished: Path, tmp_path: Path) -> None:
    main(command(agent, tmp_path / "run", "--workers", "2")[3:])
    assert files(tmp_path / "run") == files(finished)


def test_a_given_scheduler_is_used_and_writes_the_same_bytes(agent: Path, finished: Path, tmp_path: Path) -> None:
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0") as elsewhere:
        main(command(agent, tmp_path / "run", "--scheduler", elsewhere.scheduler_address)[3:])
    assert (tmp_path / "run" / "levels.csv").read_bytes() == (finished / "levels.csv").read_bytes()


def test_killed_and_resumed_writes_the_same_bytes(agent: Path, finished: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    part = out / "rows" / "levels" / "parts" / f"{SEEDS[0]}.csv"
    process = subprocess.Popen(
        command(agent, out, "--workers", "1"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    while process.poll() is None and not part.exists():
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert files(out) != files(finished)
    cut_short = part.with_name(f"{SEEDS[16]}.csv.partial")  # as a crash of the machine may leave
    cut_short.write_text("73,15,0.12")
    for _ in range(2):  # goes on, then finds all done
        main(command(agent, out, "--workers", "1")[3:])
        assert files(out) == files(finished)


def refused(capsys: pytest.CaptureFixture[str], arguments: Sequence[str]) -> str:
    """The one line with which a command must end, with status 2."""
    with pytest.raises(SystemExit) as ended:
        main(list(arguments[3:]))
    assert ended.value.code == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("maze-interp: ")]
    assert len(lines) == 1
    return lines[0]


def test_the_folder_of_another_run_is_refused_and_kept(
    agent: Path, finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files(finished)
    line = refused(capsys, command(agent, finished, "--horizon", "400"))
    assert f"{finished} belongs to another run: its horizon is 500, not 400" in line
    assert files(finished) == before
    assert "holds other files and no run.json" in refused(capsys, command(agent, agent.parent))
    with run_directory(finished, json.loads(before["run.json"])):
        assert f"another process is writing to {finished}" in refused(capsys, command(agent, finished))


def test_a_full_disk_ends_in_one_line_and_the_run_goes_on_later(agent: Path, finished: Path, tmp_path: Path) -> None:
    """Files are limited to 8 kB, so that writing fails as on a full disk."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (8_000, 8_000))

    out = tmp_path / "run"
    full = subprocess.run(command(agent, out, "--workers", "1"), capture_output=True, text=True, preexec_fn=limit)
    assert full.returncode == 2
    assert "finished files are intact" in full.stderr
    assert "Traceback" not in full.stderr
    main(command(agent, out, "--workers", "1")[3:])
    assert files(out) == files(finished)


def test_bad_input_in_one_line(agent: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for options, message in {
        ("--seeds", "5:5"): "seed range '5:5' is empty",
        ("--seeds", "five"): "first:end",
        ("--region", "0"): "from 1 to 25, or anywhere, or none",
        ("--agent", "rand_regon_3_easy"): "unknown agent 'rand_regon_3_easy': did you mean rand_region_3_easy",
        ("--workers", "0"): "--workers cannot be '0'",
    }.items():
        assert message in refused(capsys, command(agent, tmp_path / "run", *options))


def test_the_cheese_is_put_where_it_is_asked(untrained: Impala) -> None:
    inside, none = (sweep(untrained, SEEDS, "easy", region, horizon=9) for region in (3, "none"))
    for seed, row in zip(SEEDS, inside.to_dict("records"), strict=True):
        maze = region_maze(seed, 3, "easy")
        assert (row["cheese_x"], row["cheese_y"]) == maze.cheese
        assert min(maze.cheese or ()) >= maze.size - 3
    assert none["cheese_x"].isna().all()
    assert set(none["p_cheese"]) == {0.0}


def test_seeds_and_regions_are_read() -> None:
    assert (parse_seeds("3:9"), parse_seeds("4")) == (range(3, 9), range(4, 5))
    assert [parse_cheese(text) for text in ("anywhere", "none", "5")] == ["anywhere", "none", 5]
    with pytest.raises(MazeInterpError, match="start at 0"):
        parse_seeds("-5:3")


def test_summary_figures_by_hand() -> None:
    levels = pd.DataFrame(
        {
            "size": [5, 5, 7, 7],
            "cheese_x": [4.0, 0, 6, None],
            "cheese_y": [4.0, 2, 3, None],
            "decision_x": [None, 0.0, 2.0, None],
            "euclidean_cheese_top_right": [0.0, 4.5, 3.0, None],
            "p_cheese": [1.0, 0.2, 0.6, 0.0],
        }
    )
    assert list(in_region(levels, 3)) == [True, False, False, False]
    assert list(in_region(levels, 5)) == [True, True, True, False]
    assert [len(some) for some in groups(levels, 3).values()] == [4, 1, 2, 2, 2]
    table = binned(levels, "euclidean_cheese_top_right")
    assert list(zip(table["from"], table["below"], table["n"], table["mean"], strict=True)) == [
        (0, 2, 1, 1.0),
        (2, 4, 1, 0.6),
        (4, 6, 1, 0.2),
    ]
    assert list(binned(levels, "size")["from"]) == [5, 7]
    places = by_place(levels)
    assert list(zip(places["left"], places["down"], places["mean"], strict=True)) == [
        (0, 0, 1.0),
        (0, 3, 0.6),
        (4, 2, 0.2),
    ]


def test_intervals_cover_what_they_should() -> None:
    assert str(estimate([])) == "no levels"
    assert (estimate([0.5]).mean, estimate([0.5]).low) == (0.5, None)
    values = pd.Series(range(200)) % 2
    found = estimate(values)
    assert found.n == 200
    assert found.low is not None
    assert found.high is not None
    assert found.low == pytest.approx(0.5 - 1.96 * 0.5 / 200**0.5, abs=0.01)
    assert found.high == pytest.approx(0.5 + 1.96 * 0.5 / 200**0.5, abs=0.01)
    assert estimate([1.0, float("nan"), 3.0]).mean == 2


def test_figures_of_the_summary_are_those_of_the_rows(finished: Path) -> None:
    rows = pd.read_csv(finished / "levels.csv")
    table = outcome_table(rows, 5).set_index(["group", "outcome"])
    whole = table.loc[("all levels", "p_cheese")]
    assert whole["mean"] == pytest.approx(rows["p_cheese"].mean())
    assert whole["n"] == len(SEEDS)
    least, most = surprises(rows, 3)
    gaps = [(some["p_cheese"] - some["usual"]).abs() for some in (least, most)]
    assert gaps[0].max() <= gaps[1].min()
