"""How P(cheese) is spread over levels."""

from __future__ import annotations

from maze_interp.report.section import Number, Picture, Section
from maze_interp.report.study import Study
from maze_interp.results.estimates import estimate
from maze_interp.studies.sweep.distribution import distribution_figure


def spread_section(study: Study) -> Section:
    """Whether a mean stands for levels alike, or for some always solved and some never."""
    outside = study.anywhere[study.outside]
    parts = {f"cheese in the {study.region_name}": study.trained, "cheese elsewhere": outside}
    numbers = {
        "nearly_always": Number(estimate(outside["p_cheese"] > 0.9)),
        "nearly_never": Number(estimate(outside["p_cheese"] < 0.1)),
    }
    told = (
        f"With the cheese outside the {study.region_name} squares, the share of levels where P(cheese) is above 90% is "
        "{nearly_always}, and where it is below 10%, {nearly_never}."
    )
    return Section(
        name="spread",
        title="Alike in all levels, or all or nothing?",
        body=[
            "The same mean can come of levels that are all alike or of levels that are nearly always and nearly "
            "never solved.",
            *([told] if len(outside) else []),
        ],
        numbers=numbers if len(outside) else {},
        pictures=[
            Picture(
                "p_cheese_distribution",
                distribution_figure(parts),
                "P(cheese) over levels: by tenths (left), and the share of levels at or below each value (right).",
                f"A histogram and a cumulative curve of P(cheese), for {len(study.trained)} levels with the cheese "
                f"in the {study.region_name} and {len(outside)} with it elsewhere."
                + (
                    f" Elsewhere, above 90%: {numbers['nearly_always']}; below 10%: {numbers['nearly_never']}."
                    if len(outside)
                    else ""
                ),
            )
        ],
        how_to_read=(
            "In the right picture a curve that hugs the right edge means that nearly all levels are solved; a step "
            "at the left edge is the share of levels hardly ever solved.",
        ),
        how_to_reproduce=[study.sweep_command(study.trained_sweep), study.sweep_command(study.anywhere_sweep)],
    )
