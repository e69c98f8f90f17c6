"""P(cheese) by the cheese's place."""

from __future__ import annotations

from maze_interp.report.section import Picture, Section
from maze_interp.report.study import Study
from maze_interp.studies.sweep.place import place_figure
from maze_interp.sweeps.groups import by_place


def place_section(study: Study) -> Section:
    """A map of P(cheese), mazes of all sizes laid corner on corner."""
    table = by_place(study.anywhere)
    return Section(
        name="place",
        title="By the place of the cheese",
        body=["The same levels, mazes of all sizes laid on top of each other with their top-right corners together."],
        pictures=[
            Picture(
                "p_cheese_by_place",
                place_figure(study.anywhere, study.region),
                "Mean P(cheese) by the cheese's place, counted from the top-right corner. The numbers are levels.",
                f"A map of {len(table)} places with a colour for the mean P(cheese) at each and the number of levels "
                f"written in; places without levels are hatched, the {study.region_name} squares are outlined.",
            )
        ],
        how_to_read=(
            "The number in a place is how many levels had their cheese there: most means are of few levels, so look "
            "at neighbourhoods and not at single squares. Hatched places had none, which is not a probability of 0. "
            "Places both an odd number left of the corner and an odd number below it are always wall.",
            "Places far from the corner exist in large mazes only.",
        ),
        how_to_reproduce=[study.sweep_command(study.anywhere_sweep)],
    )
