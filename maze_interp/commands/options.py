"""From a study's fields or a function's arguments to options of the command line, described by its docstring."""

from __future__ import annotations

import argparse
import difflib
import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, Literal, NoReturn, get_args, get_origin, get_type_hints

from docstring_parser import parse

from maze_interp.errors import MazeInterpError, on_command_line, unknown_name
from maze_interp.studies.agent_study import NetworkOptions
from maze_interp.studies.options import default_of, descriptions, option_name, read_value, summary_of, written
from maze_interp.studies.study import Study


class Help(argparse.HelpFormatter):
    """Help as wide as the terminal, with the paragraphs of a description kept apart."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        parts = (" ".join(part.split()) for part in text.split("\n\n"))
        return "\n\n".join(textwrap.fill(part, width, break_on_hyphens=False) for part in parts)


@dataclass(frozen=True)
class Option:
    """One option or, where it has no default, one argument."""

    name: str
    type: Any
    help: str
    default: Any = inspect.Parameter.empty


@dataclass(frozen=True)
class Command:
    """What a command does, its options, and what runs it.

    Attributes:
        summary: one line of help.
        details: more help.
        options: by name of the argument.
        run: takes the options' values by name.
        study: the study that the options' values make; None for a command that is no study.
    """

    summary: str
    details: str
    options: Mapping[str, Option]
    run: Callable[..., None]
    study: Callable[[dict[str, Any]], Study] | None = None


class Parser(argparse.ArgumentParser):
    """A parser that reports bad options in one line, with exit status 2; an option may be shortened if it is unique."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse; underscores in the name of an option are read as hyphens, and `-1,1` is a value, not an option."""
        given = sys.argv[1:] if args is None else args
        try:
            "".join(given).encode()
        except UnicodeEncodeError:
            self.error("the arguments are no text in UTF-8, which the record of a run would have to hold")
        parsed, unknown = super().parse_known_args(_joined([_hyphened(argument) for argument in given]), namespace)
        if unknown:
            options = (name for action in self._actions for name in action.option_strings)
            close = difflib.get_close_matches(unknown[0].partition("=")[0], options, n=1)
            self.error(f"unrecognized arguments: {' '.join(unknown)}{f': did you mean {close[0]}?' if close else ''}")
        return parsed, unknown

    def error(self, message: str) -> NoReturn:
        """Raise the message as an error of ours."""
        raise MazeInterpError(f"{' '.join(message.split())} (see {self.prog} --help)")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            raise unknown_name("command", value, action.choices)


class _Once(argparse.Action):
    """Takes an option's value; a second value would have no effect, or silently replace the first."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option_string: Any = None
    ) -> None:
        """See `argparse.Action`."""
        if hasattr(namespace, self.dest):
            parser.error(f"{option_string} is given twice; once is enough")
        setattr(namespace, self.dest, values if self.nargs != 0 else True)


@cache
def function_command(function: Callable[..., None]) -> Command:
    """The command that calls a function: its arguments are the options, its docstring the help."""
    docstring = parse(inspect.getdoc(function) or "")
    texts = {param.arg_name: " ".join((param.description or "").split()) for param in docstring.params}
    hints = get_type_hints(function, include_extras=True)
    options = {
        name: Option(name, hints[name], texts.get(name, ""), parameter.default)
        for name, parameter in inspect.signature(function).parameters.items()
    }
    return Command(docstring.short_description or "", docstring.long_description or "", options, function)


def study_command(study: type[Study], run: Callable[..., None], extra: Callable[..., None]) -> Command:
    """The command of a study: its fields, and the arguments of `extra` (folder and workers).

    `extra`'s arguments, defaults and docstring describe the other options; `run` takes the study and their values.
    """
    texts, hints = descriptions(study), get_type_hints(study, include_extras=True)
    shared = [field.name for field in fields(NetworkOptions)]
    own = {
        field.name: Option(field.name, hints[field.name], texts.get(field.name, ""), default_of(field))
        for field in sorted(fields(study), key=lambda field: field.name in shared)
    }

    def make(values: dict[str, Any]) -> Study:
        return study(**{name: values.pop(name) for name in own})

    def start(**values: Any) -> None:
        run(make(values), **values)

    summary, details = summary_of(study)
    return Command(summary, details, own | dict(function_command(extra).options), start, make)


def add_command(parsers: Any, name: str, command: Command) -> None:
    """Add a command's parser to a group of subparsers."""
    _fill(parsers.add_parser(name, help=command.summary, formatter_class=Help), command)


@on_command_line()
def run_script(function: Callable[..., None]) -> None:
    """Run a program that is one function: its arguments are the options, its docstring the help.

    Bad options end the program in one line and exit status 2.
    """
    parser = Parser(formatter_class=Help)
    _fill(parser, function_command(function))
    try:
        parsed = parser.parse_args()
        parsed.run_command(parsed)
    except MazeInterpError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        sys.exit(2)


def _fill(parser: argparse.ArgumentParser, command: Command) -> None:
    parser.description = f"{command.summary}\n\n{command.details}".strip()
    for option in command.options.values():
        _add_option(parser, option)
    parser.set_defaults(run_command=lambda parsed: command.run(**_values(command, parsed)))
    if (make := command.study) is not None:
        parser.set_defaults(study=lambda parsed: make(_values(command, parsed)))


def _add_option(parser: argparse.ArgumentParser, option: Option) -> None:
    required = option.default is inspect.Parameter.empty
    name = option.name if required else option_name(option.name)
    if option.type is bool:
        parser.add_argument(name, action=_Once, nargs=0, help=option.help, default=argparse.SUPPRESS)
        return
    choices = _choices(option.type)
    stated = "" if required or option.default in (None, ()) else f" [{written(option.default)}]"
    parser.add_argument(
        name,
        action=_Once,
        help=f"{option.help}{stated}".replace("%", "%%"),
        metavar=("{" + ",".join(choices) + "}") if choices else option.name.replace("_", "-").upper(),
        default=argparse.SUPPRESS,
    )


def _values(command: Command, parsed: argparse.Namespace) -> dict[str, Any]:
    """The options' values in their types; defaults as they are."""
    values = {}
    for name, option in command.options.items():
        given = getattr(parsed, name, inspect.Parameter.empty)
        values[name] = option.default if given is inspect.Parameter.empty else read_value(option.type, name, given)
    return values


def _hyphened(argument: str) -> str:
    name, equals, value = argument.partition("=")
    return name.replace("_", "-") + equals + value if name.startswith("--") else argument


def _joined(arguments: list[str]) -> list[str]:
    """A value that begins with a minus sign, such as `-1,1`, joined to its option by `=`; else argparse refuses it."""
    joined: list[str] = []
    for argument in arguments:
        if joined and re.fullmatch(r"--[^=]+", joined[-1]) and re.match(r"-\.?\d", argument):
            joined[-1] += f"={argument}"
        else:
            joined.append(argument)
    return joined


def _choices(kind: Any) -> list[str]:
    """The words of a `Literal`, alone or beside others."""
    if get_origin(kind) is Literal:
        return [str(value) for value in get_args(kind)]
    return [word for part in get_args(kind) for word in _choices(part)] if get_args(kind) else []
