"""The command line among settings of notebooks, other locales, and streams that cannot be written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from maze_interp.commands.main import main

FIELD = ["field", "--seed", "3", "--mode", "easy"]


def run(
    folder: Path,
    *arguments: str,
    stdout: object = subprocess.PIPE,
    stderr: object = subprocess.PIPE,
    **environment: str,
) -> tuple[int, str, str]:
    """Status, output and errors of the command in a process of its own."""
    program = [sys.executable, "-m", "maze_interp", *arguments]
    done = subprocess.run(
        program,
        stdout=stdout,
        stderr=stderr,
        cwd=folder,
        env=os.environ | environment,
        check=False,  # type: ignore[call-overload]
    )
    return done.returncode, (done.stdout or b"").decode(), (done.stderr or b"").decode()


def test_settings_of_matplotlib_change_no_byte(tmp_path: Path) -> None:
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\n")
    surroundings = {"MPLBACKEND": "module://matplotlib_inline.backend_inline", "MPLCONFIGDIR": str(tmp_path)}
    status, _, errors = run(tmp_path, *FIELD, "--out", "elsewhere", **surroundings)
    assert status == 0, errors
    main([*FIELD, "--out", str(tmp_path / "here")])
    assert (tmp_path / "here" / "field.png").read_bytes() == (tmp_path / "elsewhere" / "field.png").read_bytes()


def test_a_locale_without_utf8_still_prints_it(tmp_path: Path) -> None:
    status, printed, errors = run(tmp_path, "agents", "list", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert status == 0, errors
    assert "3×3" in printed


def test_python_without_docstrings(tmp_path: Path) -> None:
    status, printed, errors = run(tmp_path, "field", "--help", PYTHONOPTIMIZE="2")
    assert (status, errors) == (0, "")
    assert "--edits" in printed


def test_an_argument_that_is_no_text_is_one_line(tmp_path: Path) -> None:
    status, _, errors = run(tmp_path, *FIELD, "--out", os.fsdecode(b"run-\xff"))
    assert (status, len(errors.splitlines())) == (2, 1)
    assert "no text in UTF-8" in errors
    assert not list(tmp_path.iterdir())


def test_a_folder_that_was_removed_is_one_line(tmp_path: Path) -> None:
    enter = "import os, sys; os.rmdir(os.getcwd()); from maze_interp.__main__ import run; run()"
    (tmp_path / "gone").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", enter, "agents", "list"], cwd=tmp_path / "gone", capture_output=True, check=False
    )
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)


def test_interrupted_while_it_loads(tmp_path: Path) -> None:
    program = [sys.executable, "-X", "importtime", "-m", "maze_interp", "agents", "list"]
    started = subprocess.Popen(program, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert started.stderr is not None
    while "argparse" not in started.stderr.readline():
        pass
    started.send_signal(signal.SIGINT)
    lines = [line for line in started.stderr if not line.startswith("import time:")]
    assert started.wait() in (130, -signal.SIGINT)  # a shell calls both 130
    assert lines == ["maze-interp: stopped\n"]


def test_tables_are_whole_in_files_and_on_narrow_terminals(tmp_path: Path) -> None:
    status, printed, _ = run(tmp_path, "questions", "list", COLUMNS="20")
    assert status == 0
    assert "…" not in printed
    assert "channels-interpretable" in printed


def test_a_full_disk_behind_stderr_does_not_end_a_run(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        options = ["--seeds", "0:2", "--mode", "easy", "--workers", "1", "--horizon", "20", "--out", "run"]
        status, printed, _ = run(tmp_path, "sweep", *options, stderr=full)
    assert status == 0
    assert "written to run" in printed


def test_an_output_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    reader, closed = os.pipe()
    os.close(reader)
    with Path("/dev/full").open("w") as full:
        for output, why in ((full, "No space left on device"), (closed, "Broken pipe")):
            status, _, errors = run(tmp_path, "agents", "show", "rand_region_3_easy_imitation", stdout=output)
            assert (status, errors) == (2, f"maze-interp: {why}; finished files are intact\n")
    os.close(closed)
