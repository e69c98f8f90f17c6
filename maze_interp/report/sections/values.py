"""Whether policy and value head agree."""

from __future__ import annotations

from maze_interp.plots.values import values_figure
from maze_interp.report.section import Number, Picture, Section
from maze_interp.report.study import Study
from maze_interp.report.values import value_rows
from maze_interp.studies.values import ValueAgreement, value_figures
from maze_interp.sweeps.levels import LevelSet

_LEVELS = 60


def values_section(study: Study) -> Section:
    """How often the likeliest move leads to the state that the value head rates highest."""
    seeds = study.some(_LEVELS)
    anywhere = ValueAgreement(study.policy, study.agent, LevelSet(seeds, study.mode), study.region)
    trained = ValueAgreement(
        study.policy, study.agent, LevelSet(range(len(seeds)), study.mode, study.region), study.region
    )
    figures = value_figures(value_rows(anywhere, trained, study.out / "values"))
    numbers = {
        f"{squares}_{quantity}": Number(some[quantity])
        for squares, some in figures["agent"].items()
        for quantity in ("agreement", "chance")
    }
    told = ["On all squares of a level the likeliest move leads to the highest value with {all_agreement}"]
    if "decision_agreement" in numbers:
        told.append(", at decision squares with {decision_agreement}")
    if "region_agreement" in numbers:
        told.append(", in the training region of levels as in training with {region_agreement}")
    told.append("; a random one of the next states would with {all_chance}.")
    return Section(
        name="values",
        title="Do policy and value head agree?",
        body=["".join(told)],
        numbers=numbers,
        pictures=[
            Picture(
                "values",
                values_figure(figures),
                "Agreement of policy and value head, with 95% intervals over levels.",
                "Points by set of squares: the agent, an untrained network, and chance.",
            )
        ],
        how_to_read=(
            "The next states are the open squares beside the mouse and, for moves into walls and none, where it is; it "
            "faces left. Squares next to the cheese, which no state follows, are left out.",
        ),
        how_to_reproduce=[study.command("values")],
    )
