"""What the channels of one layer respond to."""

from __future__ import annotations

from maze_interp.environment.levels import HELD_OUT
from maze_interp.plots.responses import mark_name
from maze_interp.policies.architectures import DEFAULT
from maze_interp.report.channels import ChannelStudy, study_channels
from maze_interp.report.section import Cell, Number, Picture, Section, Table
from maze_interp.report.study import Study
from maze_interp.studies.channels.responses import Responses
from maze_interp.studies.channels.scores import CHOOSING
from maze_interp.studies.channels.tracking import TARGETS
from maze_interp.sweeps.levels import LevelSet

LAYER = DEFAULT.default_layer

_TITLE = "What channels respond to"
_FULL = 100  # levels of the full-size figures


def channels_section(study: Study) -> Section:
    """Which channels track the cheese, the mouse, the corner and the walls, against untrained networks."""
    count = min(len(CHOOSING.seeds), len(study.seeds))
    if count < 2:
        return Section(
            "channels",
            _TITLE,
            ["Whether a channel tracks anything is tested over levels, and one is too few."],
            how_to_reproduce=[_command(study)],
        )
    choosing = Responses(study.policy, study.agent, LevelSet(CHOOSING.seeds[:count], study.mode))
    found = study_channels(choosing, LevelSet(study.seeds[:count], study.mode), study.out / "channels")
    return Section(
        name="channels",
        title=_TITLE,
        body=_body(found),
        numbers=_numbers(found),
        pictures=_pictures(found),
        tables=[_table(found)],
        how_to_read=_HOW_TO_READ,
        how_to_reproduce=[_command(study)],
    )


_HOW_TO_READ = (
    "A channel marks a thing with its highest or with its lowest value, so both are looked at (↓: the lowest). Chance "
    "is where the thing lies in the other observations of the same maze, so a liking for one place counts for nothing; "
    "for the corner, which lies still, it is where the corners of mazes of other sizes lie; for walls, the correlation "
    "with the same maze turned and mirrored.",
    "To track is not to be used: a channel that shows the cheese need not move the mouse. A network with random "
    "weights passes on what it sees and tracks some of it; only what goes beyond that was learned.",
)


def _command(study: Study) -> str:
    return study.command("channels", seeds=f"{HELD_OUT}:{HELD_OUT + _FULL}", out="runs/channels")


def _body(found: ChannelStudy) -> list[str]:
    one, total = found.choosing, len(found.mean)
    counts = ", ".join(f"{found.counts.loc[0, target]} the {target}" for target in TARGETS)
    untrained = ", ".join(f"{found.counts.drop(0)[target].mean():.1f} the {target}" for target in TARGETS)
    body = [
        f"The layer {LAYER} has {total} channels. In each of {len(one.levels.seeds)} mazes cheese and mouse were put "
        f"on {one.placements} random squares (fewer where the maze has fewer). A channel tracks a thing if its "
        "highest or its lowest value lies within one position of it more often than chance (or its map goes with the "
        f"walls), and more so than in 99% of the channels of {one.untrained} networks with random weights.",
        f"How many of the {total} channels track what: {counts}. In a network with random weights, set against the "
        f"others, it is on average {untrained}.",
    ]
    for channel, sign in found.marks("cheese")[:1]:
        body.append(
            f"The channel that tracks the cheese best, number {channel}, has its {'highest' if sign > 0 else 'lowest'} "
            f"value on it in {{cheese_share}} of the observations in {len(found.reporting.levels.seeds)} other levels, "
            "against {cheese_chance} by chance."
        )
    return body


def _numbers(found: ChannelStudy) -> dict[str, Number]:
    """Shares of hits of the channel that tracks each thing best, on the other levels."""
    best = {target: found.figures(target).get("best") for target in TARGETS if target != "walls"}
    return {
        f"{target}_{what}": Number(one[what]) for target, one in best.items() if one for what in ("share", "chance")
    }


def _table(found: ChannelStudy) -> Table:
    numbers = _numbers(found)
    rows: list[tuple[Cell, ...]] = []
    for target in TARGETS:
        names = list(dict.fromkeys(mark_name(mark) for mark in found.marks(target)))
        figures = found.figures(target)
        share, chance = (numbers.get(f"{target}_{what}") for what in ("share", "chance"))
        untrained = f"{figures['tracking_untrained_mean']:.1f}, at most {figures['tracking_untrained_most']}"
        rows.append((target, figures["tracking"], untrained, ", ".join(names), share, chance))
    headings = ("target", "channels", "untrained, mean", "best first", "hits of the best", "by chance")
    return Table("channels", "Channels that track each thing; hits are of other levels", headings, rows)


def _pictures(found: ChannelStudy) -> list[Picture]:
    counts = "; ".join(f"{target}: {found.counts.loc[0, target]}" for target in TARGETS)
    pictures = [
        Picture(
            "channel_scores",
            found.scores_picture(),
            "How well channels track each thing beyond chance, best first, with 95% intervals; grey, the networks with "
            "random weights.",
            f"Four panels of ranked scores over grey lines of untrained networks. Channels that track: {counts}.",
        )
    ]
    if cheese := list(dict.fromkeys(channel for channel, _ in found.marks("cheese"))):
        pictures.append(
            Picture(
                "cheese_moved",
                found.moved_picture(cheese[:3]),
                "One maze, its cheese moved: what the agent sees (above) and the channels that track the cheese best. "
                "The box is the cheese's position; red is above 0, blue below.",
                f"A maze with the cheese on five squares and maps of the channels {', '.join(map(str, cheese[:3]))}, "
                "each with a box where the cheese lies.",
            )
        )
    if marks := list(dict.fromkeys(mark for target in TARGETS for mark in found.marks(target)[:2])):
        pictures.append(
            Picture(
                "most_exciting",
                found.gallery(marks),
                "The observations that excite each channel most, the peak and what it would hit boxed, with the value; "
                "its map of the first, and its mean map. Red is above 0, blue below.",
                "Rows of observations with a box on each, and maps, for the channels and signs "
                f"{', '.join(mark_name(mark) for mark in marks)}.",
            )
        )
    return pictures
