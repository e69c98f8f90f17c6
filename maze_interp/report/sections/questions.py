"""The recorded forecast beside what was measured on this agent."""

from __future__ import annotations

from maze_interp.bundled import bundled_path
from maze_interp.policies.checkpoints import agent_hash
from maze_interp.questions.forecasts import forecast_path, load_forecast
from maze_interp.questions.registry import Question, load_questions
from maze_interp.questions.resolution_files import FOLDER, NAME, read_resolutions
from maze_interp.questions.resolutions import Resolutions
from maze_interp.questions.scoreboard import Scoreboard
from maze_interp.questions.tables import outcome_words
from maze_interp.report.questions import standings_section
from maze_interp.report.section import Cell, Section, Table
from maze_interp.report.study import Study

FORECAST = "nanda-2023"
"""The bundled forecast that the section scores."""


def questions_section(study: Study) -> Section:
    """What an earlier `questions resolve` measured on this agent, or the one that comes with the library."""
    questions = load_questions()
    commands = [study.command("questions resolve"), f"maze-interp questions score --forecast {FORECAST}"]
    found = _resolutions(study, questions)
    if found is None:
        return Section(
            name="questions",
            title="Forecasts and what was measured",
            body=["The prediction questions have not been measured on this agent; the first command below does that."],
            how_to_reproduce=commands,
        )
    board = Scoreboard([load_forecast(forecast_path(FORECAST), questions)], questions, [found])
    section = standings_section(board, commands)
    told = f"Measured beforehand on these weights, setting {found.setting}, by {found.command}."
    return Section(
        name=section.name,
        title=section.title,
        body=[*section.body, told],
        pictures=section.pictures,
        tables=[*section.tables, _table(questions, found, board)],
        how_to_read=section.how_to_read,
        how_to_reproduce=commands,
    )


def _resolutions(study: Study, questions: dict[str, Question]) -> Resolutions | None:
    """What was measured on these very weights: found in the working folder, else among what comes with the library."""
    bundled = bundled_path("data", "resolutions")
    for path in (FOLDER / study.name / NAME, bundled / f"{study.name}.yaml"):
        if path.exists():
            found = read_resolutions(path, questions)
            if found.agent_hash == agent_hash(study.policy):
                return found
    return None


def _table(questions: dict[str, Question], found: Resolutions, board: Scoreboard) -> Table:
    scores = board.table[board.table["counts"]].set_index("question")["brier"].to_dict()
    rows: list[tuple[Cell, ...]] = []
    for name, question in questions.items():
        score = f"{scores[name]:.3f}" if name in scores else None
        answer = found.answers.get(name)
        outcome = "not asked" if answer is None else f"unresolved: {answer.unresolved}"
        if answer and answer.outcome:
            outcome = outcome_words(answer.outcome)
        rows.append((name, question.wording, outcome, score))
    return Table("outcomes", "Every question and its outcome", ("question", "asks", "outcome", "Brier"), rows, True)
