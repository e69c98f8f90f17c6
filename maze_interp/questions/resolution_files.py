"""Resolution files: one per agent, the same bytes for the same figures, open to overrides by hand.

agent: rand_region_3_easy
...
answers:
  probe-70:
    question_hash: 176b267c27ea
    measured: {yes: 1.0, no: 0.0}
    figures:
      accuracy: {value: 0.83, low: 0.8, high: 0.86, n: 500}
    ...
    override:                       # written by a person; a new measurement keeps it
      outcome: {yes: 0.0, no: 1.0}
      reason: one in ten levels was in the training set
      name: A. Reader
    earlier:                        # answers under former versions of the question, kept beside the new one
    - question_hash: 9a0f6b0e1c2d
      ...
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from maze_interp.bundled import named_document
from maze_interp.documents import dump_yaml
from maze_interp.errors import MazeInterpError
from maze_interp.questions.question import Question
from maze_interp.questions.resolutions import Resolution, Resolutions
from maze_interp.results.files import write_whole
from maze_interp.validation import mistake, names_document, read_document, unknown

FOLDER = Path("runs/questions")
"""Where resolutions are written and looked for, each in a folder of its agent's name."""

NAME = "resolution.yaml"


def write_resolutions(path: Path, resolutions: Resolutions, questions: Mapping[str, Question]) -> None:
    """Write a resolution file, whole or not at all; answers come in the questions' order."""
    answers = {name: resolutions.answers[name] for name in questions if name in resolutions.answers}
    content = resolutions.model_copy(update={"answers": answers}).model_dump(mode="json", exclude_defaults=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, dump_yaml(content))


def read_resolutions(path: Path, questions: Mapping[str, Question]) -> Resolutions:
    """Read a resolution file.

    Raises:
        MazeInterpError: a mistake, named by file, line and field; or a question was changed after its resolution
            without its former version being kept.
    """
    resolutions = read_document(path, Resolutions)
    for name, answer in resolutions.answers.items():
        if name not in questions:
            raise mistake(path, ("answers", name), unknown("question", name, questions))
        _check(path, ("answers", name), answer, questions[name])
        for number, earlier in enumerate(answer.earlier):
            _check(path, ("answers", name, "earlier", number), earlier, questions[name])
    return resolutions


def _check(path: Path, field: tuple[str | int, ...], answer: Resolution, question: Question) -> None:
    """Refuse an answer to another question than this one, in any of its versions."""
    if question.version_of(answer.question_hash) is None:
        known = ", ".join(f"{version.hash} (version {number})" for number, version in enumerate(question.versions, 1))
        raise mistake(
            path,
            (*field, "question_hash"),
            f"the question has changed since this was measured: its hash is {known}; list what was different "
            f"under 'earlier' in {question.group}.yaml, with the reason",
        )
    given = {"measured": answer.measured, "override": answer.override and answer.override.outcome, **answer.readings}
    for part, outcome in given.items():
        if outcome is not None and set(outcome) != set(question.labels):
            places = {"measured": (part,), "override": (part, "outcome")}
            place = (*field, *places.get(part, ("readings", part)))
            raise mistake(path, place, f"should have a probability for each of {', '.join(question.labels)}")


def named_resolution(name: str) -> Path:
    """A resolution file, by its path or by the name of a bundled agent that was measured, such as `rand_region_5`."""
    return Path(name) if names_document(name) else named_document("resolution", name)


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
    read: dict[str, tuple[Path, Resolutions]] = {}
    for path in paths:
        resolutions = read_resolutions(path, questions)
        digest = resolutions.agent_hash
        if digest in read:
            raise MazeInterpError(f"{path} and {read[digest][0]} are of the same agent {digest}; give one of them")
        read[digest] = path, resolutions
    return [resolutions for _, resolutions in read.values()]
