"""`maze-interp`: find the command, run it, and turn errors into one line and exit status 2."""

from __future__ import annotations

import sys
from typing import Any, NoReturn

from jsonargparse import ArgumentParser, auto_cli

from maze_interp.commands.ablate import ablate
from maze_interp.commands.agents import agents_import, agents_list, agents_show
from maze_interp.commands.channels import channels
from maze_interp.commands.compare import compare
from maze_interp.commands.constructed import constructed
from maze_interp.commands.deadends import deadends
from maze_interp.commands.explore import explore
from maze_interp.commands.field import field
from maze_interp.commands.finetune import finetune_agent
from maze_interp.commands.patch import patch
from maze_interp.commands.probe import probe_store
from maze_interp.commands.questions import questions_list, questions_new_forecast, questions_resolve, questions_score
from maze_interp.commands.record import record_store
from maze_interp.commands.references import references
from maze_interp.commands.report import report
from maze_interp.commands.resample import resample
from maze_interp.commands.retarget import retarget_levels
from maze_interp.commands.statistics import statistics
from maze_interp.commands.sweep import sweep
from maze_interp.commands.train import train_agent
from maze_interp.commands.values import values
from maze_interp.commands.vectors import vectors
from maze_interp.errors import MazeInterpError

COMMANDS: dict[str, Any] = {
    "report": report,
    "sweep": sweep,
    "statistics": statistics,
    "compare": compare,
    "references": references,
    "deadends": deadends,
    "constructed": constructed,
    "values": values,
    "field": field,
    "explore": explore,
    "record": record_store,
    "probe": probe_store,
    "channels": channels,
    "ablate": ablate,
    "resample": resample,
    "vectors": vectors,
    "retarget": retarget_levels,
    "patch": patch,
    "questions": {
        "_help": "Prediction questions: list them, measure the answers, score forecasts, write or lock one.",
        "list": questions_list,
        "resolve": questions_resolve,
        "score": questions_score,
        "new-forecast": questions_new_forecast,
    },
    "train": train_agent,
    "finetune": finetune_agent,
    "agents": {
        "_help": "The agents in the box: list them, show one, import a foreign checkpoint.",
        "list": agents_list,
        "show": agents_show,
        "import": agents_import,
    },
}


class Parser(ArgumentParser):
    """Bad options end in one line, like every other bad input; what is true or false is a switch."""

    def add_argument(self, *args: Any, **kwargs: Any) -> Any:
        """Add an option."""
        if kwargs.get("type") is bool:
            del kwargs["type"]
            kwargs["action"] = "store_true"
        return super().add_argument(*args, **kwargs)

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Print the line and exit with status 2."""
        command = self.prog.replace(" [options]", "")
        fail(f"{' '.join(message.split())} (see {command} --help)")


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; exits with status 2 on bad input and 130 when interrupted."""
    try:
        auto_cli(COMMANDS, args=arguments, prog="maze-interp", parser_class=Parser, as_positional=True)
    except MazeInterpError as error:
        fail(str(error))
    except OSError as error:
        fail(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}; finished files are intact")
    except KeyboardInterrupt:
        print("maze-interp: stopped; the same command goes on where it was", file=sys.stderr)
        sys.exit(130)


def fail(message: str) -> NoReturn:
    """One line to stderr and exit status 2."""
    print(f"maze-interp: {message}", file=sys.stderr)
    sys.exit(2)


if __name__ == "__main__":
    main()
