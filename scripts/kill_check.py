"""Kill commands with SIGKILL at random moments, go on with them, and compare each with a run that was left alone.

    python scripts/kill_check.py --commands sweep,patch --kills 20

What depends on the clock (hours of training, observations a second) is left out of the comparison, and so are locks and
files that were not finished.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import tempfile
import time
from pathlib import Path

import numpy as np

from maze_interp.bundled import bundled_path
from maze_interp.commands.main import main as command_line
from maze_interp.commands.options import run_script
from maze_interp.environment.assets import MAZES_ONLY
from maze_interp.studies.options import Names
from maze_interp.sweeps.spread import cluster

FORKS = multiprocessing.get_context("forkserver")
COMMANDS = {
    "report": "report --levels 2 --mode easy --workers 1",
    "sweep": "sweep --seeds 0:80 --mode easy --horizon 50 --workers 1",
    "patch": "patch --seeds 900000471:900000473 --layers embedder.block3 --mode easy --workers 1",
    "probe": "probe --levels 24 --layers embedder.fc --targets cheese_square_world,maze_size --mode easy --workers 1",
    "questions": "questions resolve --size quick --questions {folder}/questions --workers 1",
    "train": "train {folder}/exact.yaml",
    "imitate": "train {folder}/imitation.yaml",
}
"""What is run, at the smallest sizes, without the folder that it writes to."""

CONFIGS = {
    "exact": "method: exact\nname: tiny\nregion: 1\nupdates: 60\nlevels: 1\nstates: 16\nvalue_levels: 2\nhistory: 3\n",
    "imitation": "method: imitation\nname: tiny\nregion: 1\nsamples: 6416\nbatch: 16\nvalue_levels: 2\n",
}
QUESTIONS = ("value-agree-decision", "corner-when-far", "shallow-dead-ends", "channels-interpretable", "probe-70")
"""Of different measurements, some that fit and choose."""

CLOCK = re.compile(rb'"(core_seconds|samples_per_second)": [0-9.e+-]+|[0-9.]+\s+core\s+hours')


def main(commands: Names = tuple(COMMANDS), kills: int = 20, seed: int = 0) -> None:
    """Kill and resume each command: a line for each run, an error at the first difference.

    Args:
        commands: Of report, sweep, patch, probe, questions, train (exact) and imitate.
        kills: Of each.
        seed: Of the moments.
    """
    os.environ[MAZES_ONLY] = "1"
    FORKS.set_forkserver_preload(["maze_interp.report.build", "maze_interp.questions.resolvers.resolve"])
    random = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder)
        for command in commands:
            began = time.monotonic()
            finish(command, folder, alone := folder / command / "alone")
            took, done, runs = time.monotonic() - began, 0, 0
            while done < kills:
                runs += 1
                out = folder / command / f"run-{runs}"
                files = kill(command, folder, out, random.uniform(0, 2 * took / kills, kills - done))
                finish(command, folder, out)
                if different := differing(alone, out):
                    raise SystemExit(f"{command}, run {runs}: {', '.join(different)} differ from the undisturbed run's")
                done += len(files)
                took *= 1 if files else 0.5  # the first run took longer, as it may: earlier moments from now on
                print(f"{command}, run {runs}, seed {seed}: files after each kill {files}, then all as undisturbed")
            print(f"{command}: {done} kills in {runs} runs of {took:.0f} s, the same bytes", flush=True)


def prepare(folder: Path) -> None:
    """Write the files that the commands read."""
    for name, text in CONFIGS.items():
        (folder / f"{name}.yaml").write_text(text)
    (folder / "questions").mkdir()
    asked = "\n".join(path.read_text() for path in sorted(bundled_path("data", "questions").glob("*.yaml")))
    chosen = [
        part for part in re.split(r"(?m)^(?=- id: )", asked) if part.split()[2:3] and part.split()[2] in QUESTIONS
    ]
    (folder / "questions" / "some.yaml").write_text("".join(chosen))


def start(command: str, folder: Path, out: Path) -> multiprocessing.process.BaseProcess:
    """The command in a process of its own."""
    arguments = [*COMMANDS[command].format(folder=folder).split(), "--out", str(out)]
    process = FORKS.Process(target=_run, args=(arguments,))
    process.start()
    return process


def _run(arguments: list[str]) -> None:
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    os.dup2(silent, 2)
    with cluster(1):  # a kill leaves no workers behind
        command_line(arguments)


def finish(command: str, folder: Path, out: Path) -> None:
    """Run a command to its end."""
    process = start(command, folder, out)
    process.join()
    if process.exitcode != 0:
        raise SystemExit(f"{command} ended with status {process.exitcode}")


def kill(command: str, folder: Path, out: Path, moments: np.ndarray[tuple[int], np.dtype[np.float64]]) -> list[int]:
    """Run a command and kill it again and again, so many seconds past its next file or, every third time, its start.

    Returns:
        the finished files after each kill; fewer than moments where the run came to its end before.
    """
    files = []
    for number, moment in enumerate(moments):
        before = len(contents(out))
        process = start(command, folder, out)
        while number % 3 and process.is_alive() and len(contents(out)) <= before:
            process.join(0.005)
        process.join(moment)
        if process.exitcode is not None:
            break
        process.kill()
        process.join()
        files.append(len(contents(out)))
    return files


def contents(out: Path) -> dict[str, Path]:
    """The finished files of a run by name."""
    hidden = (".lock", ".partial", "checkpoint.pt")
    return {
        str(path.relative_to(out)): path for path in out.rglob("*") if path.is_file() and not str(path).endswith(hidden)
    }


def differing(alone: Path, out: Path) -> list[str]:
    """Names of files that one run's folder lacks or that differ, but for the clock and the folder's own name."""
    a, b = contents(alone), contents(out)
    return [
        name
        for name in sorted(a.keys() | b.keys())
        if name not in a or name not in b or _text(a[name], alone) != _text(b[name], out)
    ]


def _text(path: Path, folder: Path) -> bytes:
    return CLOCK.sub(b"", path.read_bytes()).replace(str(folder).encode(), b"")


if __name__ == "__main__":
    run_script(main)
