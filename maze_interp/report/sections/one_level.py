"""One level in full: its vector field, where the mouse spends its moves, and the exact figures."""

from __future__ import annotations

from maze_interp.mazes.maze import Maze
from maze_interp.measure.behaviour import Behaviour, behaviour
from maze_interp.plots.field import behaviour_figure
from maze_interp.report.section import Number, Picture, Section, exact
from maze_interp.report.study import Study

_TITLE = "One level in full"


def one_level_section(study: Study) -> Section:
    """The level where reaching the cheese is nearest to a toss-up."""
    levels = study.anywhere[study.outside & study.anywhere["exit_cheese"].notna()]
    if not len(levels):
        return Section(
            "one-level",
            _TITLE,
            [
                f"In none of these levels does the cheese lie outside the {study.region_name} squares and the way to "
                "it part from the way to the corner."
            ],
        )
    row = levels.loc[(levels["p_cheese"] - 0.5).abs().idxmin()]
    result = behaviour(study.policy, study.anywhere_sweep.levels.maze(int(row["seed"])))
    numbers = {name: exact(float(row[column])) for name, column in _COLUMNS.items()}
    return Section(
        name="one-level",
        title=_TITLE,
        body=_body(study, result.maze),
        numbers={**numbers, "length": exact(float(row["expected_steps"]), "moves")},
        pictures=[_picture(study, result, numbers)],
        how_to_read=_HOW_TO_READ,
        how_to_reproduce=[study.command("field", seed=result.maze.seed, out="runs/field")],
    )


_COLUMNS = {
    "move_cheese": "decision_p_cheese",
    "move_corner": "decision_p_top_right",
    "exit_cheese": "exit_cheese",
    "exit_corner": "exit_top_right",
    "exit_other": "exit_other",
    "p_cheese": "p_cheese",
    "p_corner": "p_top_right",
}

_HOW_TO_READ = (
    "Left: an arrow is the net move from its square (rightward less leftward probability, upward less downward), of "
    "full length for a certain move; a dot is no net move. Right: the expected number of moves that an episode "
    "spends on each square; squares with less than a hundredth of a move are left blank.",
)


def _body(study: Study, maze: Maze) -> list[str]:
    return [
        f"Level {maze.seed}, {maze.size}×{maze.size}, the cheese on {maze.cheese}. Of the levels with the cheese "
        f"outside the {study.region_name} squares and a decision square, here {maze.decision_square}, it was picked "
        "because its P(cheese) is nearest to one half.",
        "Put on the decision square, it makes the next move towards the cheese with probability {move_cheese} and "
        "towards the corner with {move_corner}. However long it takes to leave, it first leaves towards the "
        "cheese with {exit_cheese}, towards the corner with {exit_corner}, another way with {exit_other}.",
        "From the start it reaches the cheese within 500 moves with probability {p_cheese}. It "
        "stands on the corner square at some time with {p_corner}. An episode lasts {length} on average.",
    ]


def _picture(study: Study, result: Behaviour, numbers: dict[str, Number]) -> Picture:
    maze = result.maze
    return Picture(
        "one_level",
        behaviour_figure(result, study.region),
        f"Level {maze.seed}: the vector field (left), and where the mouse spends its moves (right).",
        f"A {maze.size}×{maze.size} maze with an arrow on every square, and the same maze coloured by the expected "
        f"moves spent on each. It reaches the cheese on {maze.cheese} with {numbers['p_cheese']} and the corner with "
        f"{numbers['p_corner']}.",
    )
