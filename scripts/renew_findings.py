"""Renew the results behind docs/findings: run what is out of date, copy what the pages need, and the README's figures.

python scripts/renew_findings.py [--only NAME,NAME] [--dry-run]
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

from maze_interp.bundled import DEFAULT_AGENT
from maze_interp.commands.main import commands
from maze_interp.commands.options import run_script
from maze_interp.errors import MazeInterpError, unknown_name
from maze_interp.policies.agents import list_agents
from maze_interp.report.context import FULL, Context
from maze_interp.report.headline import headline_lines
from maze_interp.results.estimates import Estimate
from maze_interp.results.files import write_json, write_whole
from maze_interp.studies.options import Names

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "docs" / "_ext"))

from inserted import used  # noqa: E402
from recorded import RESULTS, agents, inputs, runs  # noqa: E402

FOLDER = Path("runs/findings")
ALWAYS = "maze-interp questions score"  # takes seconds and reads files that no summary names


def main(only: Names = (), dry_run: bool = False) -> None:
    """Run what is out of date among the runs of docs/findings/runs.yaml; say what is left out, and why.

    Args:
        only: Runs to repeat, whether or not they are out of date, and no others.
        dry_run: Only say what is out of date.
    """
    for name in only:
        if name not in runs():
            raise unknown_name("run", name, runs())
    failed = []
    for name, command in runs().items():
        reason = "" if only and name not in only else "asked for" if only else out_of_date(name)
        if not reason or (not used(name) and not only):
            continue
        whole = " ".join([command, *input_commands(command).values()])
        if unset := re.findall(r"[$]\w+", os.path.expandvars(whole)):
            print(f"{name}: {reason}, left out: {unset[0]} is not set")
            continue
        print(f"{name}: {reason}", flush=True)
        if dry_run:
            continue
        if not all(map(run, [*inputs(command), name])):
            failed.append(name)
        elif used(name):  # others are there for runs that read them
            keep(name)
    if not dry_run:
        renew_readme()
    if failed:
        raise MazeInterpError(f"these runs failed and keep their former results: {', '.join(failed)}")


def out_of_date(name: str) -> str:
    """Why the result of a run has to be renewed; empty if it has not."""
    path = RESULTS / name / "summary.json"
    if not path.exists():
        return "no result yet"
    content, files = json.loads(path.read_text(encoding="utf-8")), used(name)
    missing = [file for file in sorted(files) if ":" not in file and not (RESULTS / name / file).exists()]
    keys = {file.partition(":")[2] for file in files} - {""}
    missing += sorted(keys - {*content["figures"], *content})
    return made_otherwise(content, runs()[name]) or (f"{missing[0]} is not there" if missing else "")


def made_otherwise(content: dict[str, Any], command: str) -> str:
    """How a summary differs from what the command would give now; empty if it does not."""
    if (content["command"], content.get("inputs", {})) != (command, input_commands(command)):
        return "made by another command"
    for agent, agent_hash in agents(content):
        if hashes().get(agent, agent_hash) != agent_hash:
            return f"{agent} has other weights"
    if takes_default(command) and DEFAULT_AGENT not in dict(agents(content)):
        return "the default agent is another one"
    return "always renewed" if command.startswith(ALWAYS) else ""


def takes_default(command: str) -> bool:
    """Whether a command, or one whose run it reads, is of the default agent because it names none."""
    if needed := input_commands(command):
        return any(map(takes_default, needed.values()))
    words = shlex.split(command)[1:]
    name = next(name for name in commands() if words[: len(name.split())] == name.split())
    return "agent" in commands()[name].options and "--agent" not in words


def input_commands(command: str) -> dict[str, str]:
    """The commands of the runs that a command reads, by name."""
    return {name: runs()[name] for name in inputs(command)}


@lru_cache
def hashes() -> dict[str, str]:
    """The hash of each agent's weights."""
    return dict(list_agents()["hash"])


def run(name: str) -> bool:
    """Run, or resume, into the run's folder, and whether it succeeded; a folder of another run is removed first."""
    command, folder = runs()[name], ROOT / FOLDER / name
    stamp, named = folder.with_suffix(".stamp"), {DEFAULT_AGENT, *re.findall(r"\w+", command)}
    made_by = [command, *input_commands(command).values()]
    content = "\n".join([*made_by, *(f"{agent} {hashes()[agent]}" for agent in sorted(named & {*hashes()}))])
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != content:
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        write_whole(stamp, content)
    words = shlex.split(os.path.expandvars(command))[1:]
    done = subprocess.run([sys.executable, "-m", "maze_interp", *words, "--out", str(FOLDER / name)], cwd=ROOT)
    return done.returncode == 0


def keep(name: str) -> None:
    """Copy the files that the pages name, and of the summary the figures that they name."""
    source, target = ROOT / FOLDER / name, RESULTS / name
    files = sorted(file for file in used(name) if ":" not in file)
    if missing := [file for file in files if not (source / file).exists()]:
        raise MazeInterpError(f"a page names {', '.join(missing)} of {name}, and the run has no such file")
    shutil.rmtree(target, ignore_errors=True)
    for file in files:
        (target / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / file, target / file)
    content: dict[str, Any] = json.loads((source / "summary.json").read_text(encoding="utf-8"))
    named = {file.partition(":")[2] for file in used(name) if file.startswith("summary.json:")}
    content["figures"] = {key: value for key, value in content.get("figures", {}).items() if key in named}
    target.mkdir(parents=True, exist_ok=True)
    command = runs()[name]
    text = json.dumps({**content, "command": command, "inputs": input_commands(command)})
    for variable in re.findall(r"[$](\w+)", " ".join([command, *input_commands(command).values()])):
        text = text.replace(os.environ[variable], f"${variable}")  # no path of this machine
    write_json(target / "summary.json", json.loads(text))


def renew_readme() -> None:
    """Write what the recorded report prints into the README, between the lines that say so."""
    content = json.loads((RESULTS / "report" / "summary.json").read_text(encoding="utf-8"))
    context = Context(content["agent"], FULL, None, ROOT / FOLDER / "report")
    numbers = {name: Estimate(**number) for name, number in content["figures"]["headline"].items()}
    page = ROOT / "README.md"
    before, prints, after = re.split(r"(`make report` prints[^\n]*\n\n```\n)", page.read_text(encoding="utf-8"))
    lines = "\n".join(headline_lines(context, numbers))
    write_whole(page, f"{before}{prints}{lines}\n{after[after.index('```') :]}")


if __name__ == "__main__":
    run_script(main)
