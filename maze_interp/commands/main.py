"""`maze-interp`: find the command, run it, and turn errors into one line and exit status 2."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from maze_interp.commands.agents import agents_import, agents_list, agents_show
from maze_interp.commands.explore import explore
from maze_interp.commands.options import Command, Parser, add_command, function_command
from maze_interp.commands.questions import (
    questions_list,
    questions_new_forecast,
    questions_readings,
    questions_resolve,
    questions_score,
)
from maze_interp.commands.record import record
from maze_interp.commands.report import report
from maze_interp.commands.study import command_of
from maze_interp.commands.surroundings import drop_unwritten, settle
from maze_interp.commands.train import train_agent
from maze_interp.errors import MazeInterpError, on_command_line
from maze_interp.studies.registry import STUDIES

FUNCTIONS: dict[str, Callable[..., None]] = {
    "report": report,
    "explore": explore,
    "record": record,
    "questions list": questions_list,
    "questions resolve": questions_resolve,
    "questions score": questions_score,
    "questions new-forecast": questions_new_forecast,
    "questions readings": questions_readings,
    "train": train_agent,
    "agents list": agents_list,
    "agents show": agents_show,
    "agents import": agents_import,
}


GROUPS = {
    "questions": "Prediction questions: list them, measure the answers, score forecasts, write or lock one.",
    "agents": "The agents at hand: list them, show one, import a foreign checkpoint.",
}
"""Commands that have commands of their own, and their help."""


def commands() -> dict[str, Command]:
    """Every command by name: the studies', and those that are no study."""
    studies = {name: command_of(study) for name, study in STUDIES.items()}
    return studies | {name: function_command(function) for name, function in FUNCTIONS.items()}


def make_parser() -> Parser:
    """The parser of the whole command line."""
    parser = Parser(prog="maze-interp", description="Measure and edit agents in procgen mazes.")
    top = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    groups = {}
    for name, command in commands().items():
        group, _, own = name.rpartition(" ")
        if group and group not in groups:
            added = top.add_parser(group, help=GROUPS[group], description=GROUPS[group])
            groups[group] = added.add_subparsers(title="commands", metavar="COMMAND", required=True)
        add_command(groups[group] if group else top, own, command)
    return parser


@on_command_line()
def main(arguments: list[str] | None = None) -> None:
    """Run the command line; exits with status 2 on bad input and 130 when interrupted."""
    try:
        Path.cwd()  # raises where it has been removed, in which torch would abort the process
        parsed = make_parser().parse_args(arguments)
        parsed.run_command(parsed)
        if sys.stdout is not None:
            sys.stdout.flush()
    except MazeInterpError as error:
        fail(str(error))
    except OSError as error:
        fail(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}; finished files are intact")
    except KeyboardInterrupt:
        print("maze-interp: stopped; the same command resumes the run", file=sys.stderr)
        sys.exit(130)


def fail(message: str) -> NoReturn:
    """One line to stderr and exit status 2."""
    print(f"maze-interp: {message}", file=sys.stderr)
    sys.exit(2)


def run() -> None:
    """The command line in a process of its own."""
    settle()
    try:
        main()
    finally:
        drop_unwritten()


if __name__ == "__main__":
    run()
