"""The command line among settings of notebooks, other locales, and streams that cannot be written."""

from __future__ import annotations

import os
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
            status, _, errors = run(tmp_path, "agents", "show", "rand_region_3_easy", stdout=output)
            assert (status, errors) == (2, f"maze-interp: {why}; finished files are intact\n")
    os.close(closed)
