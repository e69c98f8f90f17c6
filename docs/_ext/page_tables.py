"""Tables of the pages as Markdown: parts of a run's table, the agents, outcomes of questions, commands of runs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import recorded
from layer_tables import layers

from maze_interp.bundled import DEFAULT_AGENT
from maze_interp.errors import MazeInterpError
from maze_interp.mazes.maze import WORLD_SIZE
from maze_interp.policies.agents import AgentInfo, agent_info, list_agents
from maze_interp.questions import load_questions
from maze_interp.questions.tables import outcome_words
from maze_interp.results.numbers import decimal

PUBLISHED = "The published checkpoint is not bundled; `MAZE_INTERP_CHECKPOINTS` names the folder in which it lies."

LINE = 90
"""Letters in a line of a command, about."""

INSIDE = re.compile(r", (?=[−\d.]+\])")
"""The comma within an interval."""


def measured(address: str, options: Mapping[str, Any]) -> list[str]:
    """Rows and columns of `RUN:TABLE.csv`; `figures.py` says what the options are."""
    run, _, name = address.partition(":")
    frame, where = recorded.table(run, name), options.get("where", "")
    frame = frame[[recorded.matches(record, where) for record in frame.to_dict("records")]]
    frame = frame.head(int(options.get("limit", len(frame))))
    if frame.empty:
        raise MazeInterpError(f"no row of {name} has {where!r}")
    shown = _pivoted(frame, options["pivot"]) if "pivot" in options else _merged(frame)
    chosen = _pairs(options.get("columns", "")) or {column: column for column in shown}
    for column in chosen:
        if column not in shown:
            raise MazeInterpError(f"there is no column {column!r}, only {', '.join(shown.columns)}")
    path = (recorded.RESULTS / run / name).relative_to(recorded.ROOT / "docs")
    return [
        *_table(shown[list(chosen)].rename(columns=chosen)),
        "",
        f"{{download}}`All rows and columns </{path}>`",
        "",
    ]


def commands(names: str) -> list[str]:
    """The commands of runs and of those that they read, and what the recorded results are of."""
    lines, facts = [], []
    for name in names.split():
        found, command = recorded.summary(name), recorded.runs()[name]
        lines += [f"{recorded.runs()[needed]} --out runs/findings/{needed}" for needed in recorded.inputs(command)]
        lines.append(command)
        agents = dict.fromkeys(f"`{Path(agent).stem}` ({agent_hash})" for agent, agent_hash in recorded.agents(found))
        levels = f", levels {found['seeds']}" if "seeds" in found else ""
        read = {needed: recorded.runs()[needed] for needed in recorded.inputs(command)}
        as_shown = (found["command"], found["inputs"]) == (command, read)
        made = "`, `".join([*found["inputs"].values(), found["command"]])
        smaller = "" if as_shown else f", here by a smaller run (`{made}`)"
        facts.append(f"- *{name}*{smaller}: {', '.join(agents)}{levels}.")
    published = ["", PUBLISHED] if any("MAZE_INTERP_CHECKPOINTS" in line for line in lines) else []
    return ["```sh", *map(_broken, dict.fromkeys(lines)), "```", *published, "", "The numbers above are of", "", *facts]


def _broken(command: str) -> str:
    """The command with a long line broken before options; the shell reads it as one."""
    lines = [""]
    for part in re.split(r" (?=--)", command):
        fits = not lines[-1] or len(lines[-1]) + len(part) < LINE
        lines[-1:] = [f"{lines[-1]} {part}".lstrip()] if fits else [lines[-1], part]
    return " \\\n    ".join(lines)


def agents() -> list[str]:
    """A row for every agent, by its card, the default first."""
    table, rows = list_agents(), []
    for name, problem in table["problem"].items():
        if problem:
            raise MazeInterpError(f"the agent {name} cannot be used: {problem}")
    for name in sorted(table.index, key=lambda name: (name != DEFAULT_AGENT, table["mode"][name], _width(table, name))):
        info, card = agent_info(name), recorded.cards(name)
        region = f"{info.region}×{info.region}" if info.region != "anywhere" else "anywhere"
        trained = "cheese anywhere" if region == "anywhere" else f"cheese in the top-right {region}"
        chooses = next((value for levels, value in card.items() if levels.startswith("decision square")), None)
        values = [card.get(trained), card.get(f"{trained}, size {WORLD_SIZE[info.distribution_mode]}")]
        values += [card.get("cheese anywhere"), chooses]
        label = f"`{name}`{', the default' if name == DEFAULT_AGENT else ''} ({table['hash'][name]})"
        written = [str(value or "") for value in values]
        rows.append([label, f"{region}, {info.distribution_mode}", *written, _run(info), info.training])
    heads = ["agent", "cheese in training, levels", "P(cheese) as in training", "at the largest size"]
    heads += ["cheese anywhere", "must choose, cheese outside the region", "last run", "trained by"]
    return _table(pd.DataFrame(rows, columns=heads))


def _run(info: AgentInfo) -> str:
    """How long the run that made an agent was, and its seed, by its settings and its card."""
    run, hours = info.run, re.search(r"([\d.]+) (?:core )?hours", info.card)
    if run is None or hours is None:
        raise MazeInterpError(f"the card of {info.name} does not say how long its training took")
    amount = f"{run['updates']:,} updates" if "updates" in run else f"{run['samples']:,} observations"
    return f"{amount}, {hours[1]} core hours, seed {run['seed']}"


def _width(table: pd.DataFrame, name: str) -> tuple[int, str]:
    region = table["region"][name]
    return int(region) if region != "anywhere" else 100, name


def outcomes(group: str) -> list[str]:
    """Two tables of the questions of a file in `data/questions`: the default agent with its figures, and the others."""
    others = sorted(path.stem for path in (recorded.ROOT / "data" / "resolutions").glob("*.yaml"))
    others.remove(DEFAULT_AGENT)
    asked = [name for name, question in load_questions().items() if question.group == group]
    if not asked:
        raise MazeInterpError(f"no question is of the group {group!r}")
    first = [[f"`{name}`", _outcome(DEFAULT_AGENT, name), _evidence(DEFAULT_AGENT, name)] for name in asked]
    second = [[f"`{name}`", *(_outcome(agent, name) for agent in others)] for name in asked]
    return [
        *_table(pd.DataFrame(first, columns=["question", "outcome", "figures"])),
        "",
        "The outcomes of the other agents:",
        "",
        *_table(pd.DataFrame(second, columns=["question", *(f"`{agent}`" for agent in others)])),
    ]


def _outcome(agent: str, question: str) -> str:
    answer = recorded.resolution(agent)["answers"].get(question, {})
    counted = answer.get("override", {}).get("outcome") or answer.get("measured")
    if counted is None:
        return "unresolved" if answer else ""
    words = outcome_words(counted)
    return words if "," in words else words.removesuffix(" 100%").removesuffix(":")


def _evidence(agent: str, question: str) -> str:
    answer = recorded.resolution(agent)["answers"].get(question, {})
    figures = [
        f"{name.replace('_', ' ')} {recorded.Measured(found['value'], found.get('low'), found.get('high'))}"
        for name, found in answer.get("figures", {}).items()
    ]
    return "; ".join(figures) or answer.get("unresolved", "")


def _merged(frame: pd.DataFrame) -> pd.DataFrame:
    """The table with estimates in one column each."""
    columns = list(frame.columns)
    numbers = frame.select_dtypes("number").columns
    ends = {end for column in numbers for end in recorded.ends(columns, str(column))}
    return pd.DataFrame({column: _cells(frame, column) for column in columns if column not in ends})


def _cells(frame: pd.DataFrame, column: str) -> list[str]:
    """A column as it is shown: whole numbers without a point, names with spaces but for those of agents."""
    numeric = pd.api.types.is_numeric_dtype(frame[column])
    if numeric and (frame[column].dropna() % 1 == 0).all() and not recorded.ends(list(frame.columns), column):
        return ["" if pd.isna(value) else decimal(value, 0, ",") for value in frame[column]]
    if numeric:
        return ["" if pd.isna(row[column]) else str(recorded.in_row(row, column)) for _, row in frame.iterrows()]
    texts = [("none" if column == "left_out" else "") if pd.isna(value) else str(value) for value in frame[column]]
    return texts if column in ("agent", "other", "left_out") else [text.replace("_", " ") for text in texts]


def _pivoted(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    """A row for each combination of the columns before `n` but one, whose values become columns of means."""
    if column not in frame:
        raise MazeInterpError(f"there is no column {column!r}, only {', '.join(frame.columns)}")
    merged = _merged(frame).assign(**{column: frame[column].to_list()})
    keys = [key for key in frame.columns[: list(frame.columns).index("n")] if key != column]
    lines: dict[tuple[str, ...], dict[str, str]] = {}
    for row in merged.to_dict("records"):
        line = lines.setdefault(tuple(row[key] for key in keys), {"n": row["n"]})
        line[row[column]] = row["mean"]
    return pd.DataFrame([{**dict(zip(keys, key, strict=True)), **line} for key, line in lines.items()]).fillna("")


def _pairs(text: str) -> dict[str, str]:
    """`column = heading; …` by column."""
    parts = (part.partition("=") for part in " ".join(text.split()).split(";") if part.strip())
    return {column.strip(): (heading.strip() if equals else column.strip()) for column, equals, heading in parts}


def _table(frame: pd.DataFrame) -> list[str]:
    """In Markdown; an interval stays on one line."""
    heads = [column if column.startswith("`") else column.replace("_", " ") for column in map(str, frame)]
    cells = [[INSIDE.sub(",\u00a0", str(cell)) for cell in row] for row in frame.itertuples(index=False)]
    rows = [[cell.replace("|", "\\|") for cell in row] for row in cells]
    return [f"| {' | '.join(row)} |" for row in [heads, ["-"] * len(heads), *rows]]


TABLES: dict[str, Callable[[str, Mapping[str, Any]], list[str]]] = {
    "measured": measured,
    "run": lambda names, _: commands(names),
    "agents": lambda *_: agents(),
    "layers": lambda which, _: layers(which),
    "resolutions": lambda group, _: outcomes(group),
}
"""What each directive writes, from its argument and options."""
