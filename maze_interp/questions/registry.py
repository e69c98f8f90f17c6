"""The questions that there are: the YAML files of a folder."""

from __future__ import annotations

from pathlib import Path

from maze_interp.bundled import bundled_path
from maze_interp.documents import load_yaml
from maze_interp.errors import MazeInterpError
from maze_interp.questions.question import Question
from maze_interp.validation import check, mistake


def load_questions(folder: Path | None = None) -> dict[str, Question]:
    """All questions in a folder's YAML files, by id, files in order of their names.

    Args:
        folder: the folder; None for the bundled questions.

    Raises:
        MazeInterpError: no questions there, or a mistake in one: the message names file, line and field.
    """
    folder = bundled_path("data", "questions") if folder is None else folder
    questions: dict[str, Question] = {}
    for path in sorted(path for path in folder.glob("*") if path.suffix in (".yaml", ".yml")):
        for number, question in enumerate(check(load_yaml(path), list[Question], path)):
            question._group = path.stem
            if question.id in questions:
                group = questions[question.id].group
                raise mistake(path, (number, "id"), f"there is already a question {question.id!r} in {group}.yaml")
            questions[question.id] = question
    if not questions:
        raise MazeInterpError(f"there are no questions in {folder}; expected .yaml files there")
    return questions
