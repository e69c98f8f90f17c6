"""Resolution files: one per agent, the same bytes for the same figures, open to overrides by hand.

agent: rand_region_3_easy
...
answers:
  probe-70:
    outcome: {yes: 1.0, no: 0.0}
    figures:
      accuracy: {value: 0.83, low: 0.8, high: 0.86, n: 500}
    ...
    override:                       # written by a person; a new measurement keeps it
      outcome: {yes: 0.0, no: 1.0}
      reason: one in ten levels was in the training set
      name: A. Reader
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from maze_interp.bundled import bundled_path
from maze_interp.errors import MazeInterpError
from maze_interp.questions.documents import Entry, read_document
from maze_interp.questions.forecasts import TOLERANCE
from maze_interp.questions.registry import Question
from maze_interp.questions.resolutions import METHOD, Figure, Override, Resolution, Resolutions
from maze_interp.results.files import write_whole

FOLDER = Path("runs/questions")
"""Where resolutions are written and looked for, each in a folder of its agent's name."""

NAME = "resolution.yaml"

_HEADING = ("agent", "agent_hash", "setting", "command", "outcomes", "answers")
_WORDS = ("unresolved", "seeds", "command", "chosen")
_OPTIONAL = ("figures", "outcome", "seeds", "command", "chosen", "evidence", "unresolved", "override", "proxy")


def write_resolutions(path: Path, resolutions: Resolutions, questions: Mapping[str, Question]) -> None:
    """Write a resolution file, whole or not at all; answers come in the questions' order."""
    content = {
        "agent": resolutions.agent,
        "agent_hash": resolutions.agent_hash,
        "setting": resolutions.setting,
        "command": resolutions.command,
        "outcomes": METHOD,
        "answers": {
            name: _entry(resolutions.answers[name], questions[name])
            for name in questions
            if name in resolutions.answers
        },
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120, default_flow_style=None))


def read_resolutions(path: Path, questions: Mapping[str, Question]) -> Resolutions:
    """Read a resolution file.

    Raises:
        MazeInterpError: a mistake, named by file, line and field.
    """
    fields = read_document(path, "resolution file").fields(_HEADING)
    answers = {}
    for name, entry in fields["answers"].children().items():
        if name not in questions:
            raise entry.unknown("question", name, questions)
        answers[name] = _resolution(entry, questions[name])
    agent, digest, setting, command = (fields[name].text() for name in _HEADING[:4])
    return Resolutions(agent, digest, setting, command, answers)


def named_resolution(name: str) -> Path:
    """A resolution file, by its path or by the name of a bundled agent that was measured, such as `rand_region_5`."""
    path = Path(name)
    return path if path.suffix else bundled_path("data", "resolutions", f"{name}.yaml")


def find_resolutions(questions: Mapping[str, Question], paths: list[Path] | None = None) -> list[Resolutions]:
    """Read resolution files of different agents.

    Args:
        questions: those they may answer.
        paths: the files; None for every `runs/questions/*/resolution.yaml`.

    Raises:
        MazeInterpError: none are there, a mistake in one, or two of the same agent.
    """
    paths = sorted(FOLDER.glob(f"*/{NAME}")) if paths is None else paths
    if not paths:
        raise MazeInterpError(f"there is no resolution file under {FOLDER}; `maze-interp questions resolve` writes one")
    found: dict[str, Path] = {}
    resolutions = []
    for path in paths:
        resolutions.append(read_resolutions(path, questions))
        digest = resolutions[-1].agent_hash
        if digest in found:
            raise MazeInterpError(f"{path} and {found[digest]} are of the same agent {digest}; give one of them")
        found[digest] = path
    return resolutions


def _entry(resolution: Resolution, question: Question) -> dict[str, Any]:
    override = resolution.override
    entry = {
        "outcome": resolution.measured and {label: resolution.measured[label] for label in question.labels},
        "unresolved": resolution.unresolved,
        "figures": {name: vars(figure) for name, figure in resolution.figures.items()},
        "proxy": question.proxy,
        "seeds": resolution.seeds,
        "command": resolution.command,
        "chosen": resolution.chosen,
        "evidence": list(resolution.evidence),
        "override": override and {**vars(override), "outcome": dict(override.outcome)},
    }
    return {name: value for name, value in entry.items() if value}


def _resolution(entry: Entry, question: Question) -> Resolution:
    fields = entry.fields((), _OPTIONAL)
    if ("outcome" in fields) == ("unresolved" in fields):
        raise entry.error("expected either an outcome, or under 'unresolved' why there is none")
    figures = fields["figures"].children() if "figures" in fields else {}
    words = {name: fields[name].text() if name in fields else None for name in _WORDS}
    return Resolution(
        question=question.id,
        figures={name: _figure(child) for name, child in figures.items()},
        measured=_outcome(fields["outcome"], question) if "outcome" in fields else None,
        evidence=tuple(item.text() for item in fields["evidence"].items()) if "evidence" in fields else (),
        override=_override(fields["override"], question) if "override" in fields else None,
        **words,
    )


def _figure(entry: Entry) -> Figure:
    fields = entry.fields(("value", "low", "high", "n"))
    value, low, high, n = (fields[name].number() for name in ("value", "low", "high", "n"))
    return Figure(value, low, high, int(n))


def _override(entry: Entry, question: Question) -> Override:
    fields = entry.fields(("outcome", "reason", "name"))
    return Override(_outcome(fields["outcome"], question), fields["reason"].text(), fields["name"].text())


def _outcome(entry: Entry, question: Question) -> dict[str, float]:
    fields = entry.fields(question.labels)
    outcome = {label: fields[label].probability() for label in question.labels}
    if abs(sum(outcome.values()) - 1) > TOLERANCE * len(outcome):
        raise entry.error(f"the probabilities of the outcomes sum to {sum(outcome.values()):.4g}, not 1")
    return outcome
