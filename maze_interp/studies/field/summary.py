"""The result of `field`: exact figures of one maze, its field as a table and a picture."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from maze_interp.measure.behaviour import Behaviour, behaviour
from maze_interp.measure.field import VectorField
from maze_interp.plots.field import behaviour_figure, change_figure
from maze_interp.policies.moves import MOVES
from maze_interp.studies.field.study import Field
from maze_interp.studies.result import Picture, Result

WORDS = {
    "p_cheese": "P(cheese)",
    "p_top_right": "P(corner)",
    "p_region": "P(top-right 5×5)",
    "expected_steps": "expected moves of an episode",
    "decision_p_cheese": "next move at the decision square towards the cheese",
    "decision_p_top_right": "next move at the decision square towards the corner",
}
"""The exact figures in words."""

_NOTES = (
    "An arrow is the net move from its square: the probability of right minus left, and of up minus down; a dot "
    "is no net move. The figures are exact for this maze and carry no interval.",
)


def summarise(study: Field, rows: Mapping[str, pd.DataFrame]) -> Result:
    """See `Study`: one maze is measured here."""
    maze, edits = study.level, study.loaded_edits
    results = {"before": behaviour(study.policy, maze)}
    if edits:
        results["after"] = behaviour(study.policy, maze, edits)
    numbers = {name: _numbers(result) for name, result in results.items()}
    tables = [_rows(result.field).assign(policy=name) for name, result in results.items()]
    return Result(
        statement=_statement(study, results),
        lines=[
            f"{WORDS[quantity]}{' (edited)' if name == 'after' else ''}: {value:.4f}"
            for name, of_network in numbers.items()
            for quantity, value in of_network.items()
            if value is not None
        ],
        numbers=numbers,
        tables={"field": pd.concat(tables)},
        pictures={"field": _picture(study, results)},
        notes=_NOTES,
    )


def _statement(study: Field, results: dict[str, Behaviour]) -> str:
    result = results["before"]
    maze = result.maze
    where = f"In level {maze.seed} ({maze.size}×{maze.size}, cheese on {maze.cheese})"
    parts = [f"{where} it reaches the cheese with probability {result.p_cheese:.3f}"]
    if result.first_exit is not None:
        parts.append(
            f"and first leaves the decision square {maze.decision_square} towards the cheese with "
            f"{result.first_exit.cheese:.3f}, towards the corner with {result.first_exit.top_right:.3f}"
        )
    if "after" in results:
        parts.append(f"; edited, it reaches the cheese with {results['after'].p_cheese:.3f}")
    return " ".join(parts).replace(" ;", ";") + "."


def _picture(study: Field, results: dict[str, Behaviour]) -> Picture:
    before = results["before"]
    if "after" in results:
        return Picture(
            change_figure(before.field, results["after"].field),
            "The vector field as it is, with the edits, and the difference.",
            "Three mazes with an arrow on every square.",
        )
    return Picture(
        behaviour_figure(before, study.training_region),
        "The vector field (left), and the expected moves that an episode spends on each square (right).",
        "A maze with an arrow on every square, and the same maze coloured by expected moves.",
    )


def _rows(field: VectorField) -> pd.DataFrame:
    squares = pd.DataFrame(field.squares, columns=["x", "y"])
    probabilities = pd.DataFrame(field.probs, columns=list(MOVES))
    return pd.concat([squares, probabilities, pd.Series(field.value, name="value")], axis=1)


def _numbers(result: Behaviour) -> dict[str, float | None]:
    choices = result.maze.decision_square is not None
    return {
        "p_cheese": result.p_cheese,
        "p_top_right": result.p_top_right,
        "p_region": result.p_region,
        "expected_steps": result.expected_steps,
        "decision_p_cheese": result.field.p_cheese if choices else None,
        "decision_p_top_right": result.field.p_top_right if choices else None,
    }
