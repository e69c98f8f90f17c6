"""The levels where the agent does most and least what is usual."""

from __future__ import annotations

import pandas as pd

from maze_interp.report.section import Picture, Section, Table, exact
from maze_interp.report.study import Study
from maze_interp.studies.sweep.gallery import surprises_figure
from maze_interp.sweeps.groups import surprises

_SHOWN, _TABLED = 3, 10


def surprises_section(study: Study) -> Section:
    """A gallery, and a table of more of them."""
    least, most = surprises(study.anywhere, _TABLED)
    title = "The least and the most surprising levels"
    if not len(most):
        return Section("surprises", title, ["No two of these levels can be compared at one distance."])
    return Section(
        name="surprises",
        title=title,
        body=[
            "Usual for a level is the mean P(cheese) of the other levels with a decision square whose cheese is "
            "about as far from the corner in a straight line. The levels nearest to and farthest from what is usual:"
        ],
        pictures=[
            Picture(
                "surprises",
                surprises_figure(study.anywhere_sweep, study.anywhere, study.region, _SHOWN),
                "Vector fields of the least (above) and the most surprising levels (below).",
                f"Mazes with an arrow on every square. Least surprising: {_words(least)}. Most surprising: "
                f"{_words(most)}.",
            )
        ],
        tables=[
            _table("least_surprising", "The least surprising levels", least),
            _table("most_surprising", "The most surprising levels", most),
        ],
        how_to_read=(
            "An arrow is the net move from its square: rightward less leftward probability, upward less downward. A "
            "short one means an undecided policy, or one that stays.",
            "The most surprising of many levels are extreme by choice; they show what to look at and prove nothing.",
        ),
        how_to_reproduce=[study.sweep_command(study.anywhere_sweep)],
    )


def _words(rows: pd.DataFrame) -> str:
    shown = rows.head(_SHOWN)[["seed", "p_cheese", "usual"]].itertuples(index=False)
    return "; ".join(f"level {seed}, P(cheese) {p:.1%}, usual {usual:.1%}" for seed, p, usual in shown)


def _table(name: str, caption: str, rows: pd.DataFrame) -> Table:
    cells = rows[["seed", "size", "p_cheese", "usual"]].itertuples(index=False)
    lines = [(int(seed), int(size), exact(p), exact(usual)) for seed, size, p, usual in cells]
    return Table(name, caption, ("level", "size", "P(cheese)", "usual"), lines, folded=True)
