"""What moving the cheese alone does."""

from __future__ import annotations

from maze_interp.plots.constructed import cheese_map_figure, detour_figure, pairs_figure
from maze_interp.report.constructed import constructed_figures, shown_level
from maze_interp.report.section import Number, Picture, Section
from maze_interp.report.study import Study
from maze_interp.studies.constructed import SWAP, Constructed, cheese_map, detour_table, pair_table
from maze_interp.sweeps.experiment import run_experiment
from maze_interp.sweeps.levels import LevelSet

_LEVELS = 60
_TITLE = "What does moving the cheese alone do?"


def constructed_section(study: Study) -> Section:
    """Swapped branches, pairs that differ in one metric, detours, and one level with the cheese everywhere."""
    levels = LevelSet(study.some(_LEVELS), study.mode)
    experiment = Constructed(study.policy, study.agent, levels, study.region)
    rows = run_experiment(experiment, study.out / experiment.name)
    commands = [study.command("constructed")]
    if not len(rows):
        return Section("constructed", _TITLE, ["These levels allow no construction."], how_to_reproduce=commands)
    pairs, along, maze = pair_table(rows), detour_table(rows), shown_level(levels)
    pictures = [
        Picture(
            "cheese_map",
            cheese_map_figure(maze, cheese_map(study.policy, maze), study.region),
            f"Level {maze.seed}: where the cheese lies decides whether it is reached.",
            "A maze whose squares are coloured by P(cheese) with the cheese on them.",
        )
    ]
    if len(pairs):
        pictures.append(
            Picture(
                "constructed_pairs",
                pairs_figure(pairs),
                "Pairs of levels with the same walls, with 95% intervals over levels.",
                "Panels for each kind of pair: chances with the cheese in the one place and in the other.",
            )
        )
    if len(along):
        pictures.append(
            Picture(
                "detours",
                detour_figure(along),
                "The cheese farther and farther into a branch beside the way to the corner.",
                "Lines of chances by steps from the way to the corner to the cheese.",
            )
        )
    numbers = {
        name: Number(one, "probability" if name == "follows" else "difference")
        for name, one in constructed_figures(rows).items()
    }
    return Section(
        name="constructed",
        title=_TITLE,
        body=_body(numbers),
        numbers=numbers,
        pictures=pictures,
        how_to_read=_HOW_TO_READ,
        how_to_reproduce=commands,
    )


_HOW_TO_READ = (
    "The walls are procgen's; only the cheese moves, so that two places differ in nothing else. The fork is the square "
    "where the ways to the two places part (to cheese and corner, in a detour); chances there are of moves off it.",
    f"Of the constructions, {SWAP!r} puts the cheese at the end of either of two branches that both end in the "
    "training region; the others leave it outside the region.",
)


def _body(numbers: dict[str, Number]) -> list[str]:
    told = []
    if "follows" in numbers:
        told.append(
            f"Where two long branches end in the region ({numbers['follows'].estimate.n} levels), it takes the one "
            "with the cheese with probability {follows}; the cheese in a branch makes it likelier by {switch}."
        )
    if "p_cheese_per_step_off_the_way" in numbers:
        told.append(
            "Along a branch beside the way to the corner, P(cheese) changes by {p_cheese_per_step_off_the_way} for "
            "every step that the cheese lies farther in."
        )
    return told or ["These levels allow no construction."]
