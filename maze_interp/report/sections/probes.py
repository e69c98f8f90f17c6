"""What linear probes read off the layers: where the cheese lies, the walls, the way."""

from __future__ import annotations

from typing import Any

from maze_interp.environment.observe import FACINGS
from maze_interp.plots.probe_maps import short
from maze_interp.plots.probes import curve_figure, table_figure
from maze_interp.policies.architectures import DEFAULT
from maze_interp.probing.controls import PIXELS
from maze_interp.probing.plan import ProbeStudy
from maze_interp.probing.study import main_figures, main_metric, run_study
from maze_interp.recording.recorder import record
from maze_interp.recording.recording import Recording
from maze_interp.report.section import Cell, Number, Picture, Section, Table
from maze_interp.report.study import Study
from maze_interp.results.estimates import Estimate
from maze_interp.sweeps.levels import LevelSet

LAYER = DEFAULT.default_layer

_LEVELS, _FULL = 400, 6000
_LAYERS = tuple(layer for number, layer in enumerate(DEFAULT.output_layers) if number != 2)
_PLACE = "cheese_square_world"
_TARGETS = (_PLACE, "cheese_here", "wall", "move_to_cheese")
_WORDS = {
    _PLACE: "the cheese's square, column and row both right",
    "cheese_here": "whether the cheese lies at a position",
    "wall": "whether a square is a wall",
    "move_to_cheese": "the shortest path's move from a square to the cheese",
}
_TITLE = "What probes read off the layers"
_FEWEST = 12


def probes_section(study: Study) -> Section:
    """A small store, a probe of every target at every layer, and their controls."""
    seeds = study.some(_LEVELS)
    if len(seeds) < _FEWEST:
        return Section("probes", _TITLE, [f"Probes need at least {_FEWEST} levels, {len(seeds)} are too few."])
    levels = LevelSet(seeds, study.mode)
    out = study.out / "probes"
    out.mkdir(exist_ok=True)
    store = record(Recording(study.policy, study.agent, levels, _LAYERS, 1, FACINGS[:1]), out / "store")
    tables = run_study(ProbeStudy(store, study.policy, (PIXELS, *_LAYERS), _TARGETS, study.region), out / "run")
    figures = main_figures(tables.scores)
    return Section(
        name="probes",
        title=_TITLE,
        body=_body(figures),
        numbers=_numbers(figures),
        pictures=[
            Picture(
                "probes_table",
                table_figure(tables.scores),
                "What probes of each layer (rows) score on each question (columns), on levels that they were not "
                "fitted to. The picture itself is probed like a layer, as pixels.",
                "A table of coloured cells; its figures are in the table below.",
            ),
            Picture(
                "probes_curve",
                curve_figure(tables.scores, _PLACE),
                "The cheese's square: accuracy on held-out levels by the number of levels fitted to.",
                "Lines of accuracy against training levels; a line that still rises says that more levels would help.",
            ),
        ],
        tables=[_table(figures)],
        how_to_read=_HOW_TO_READ,
        how_to_reproduce=_commands(study),
    )


_HOW_TO_READ = (
    "A probe is a linear classifier fitted to activations on three quarters of the levels and scored on the others; "
    "no level is on both sides. That a probe can read something off a layer does not say that the network uses it.",
    "Questions about an observation are read from the whole layer; questions about a square from the channels at its "
    "position alone, the same weights everywhere. Their score is the mean over classes of the share recognised "
    "(balanced accuracy), by chance one over the number of classes.",
    "What a layer adds is its score above that of the picture itself and of the same layer with random weights. "
    "Shuffled labels show what is left when there is nothing to find, random labels per level how much of a score "
    "could be memory of levels.",
    "With few levels a probe of a whole layer has met each square only a few times: see whether the curve still rises.",
)


def _number(figure: dict[str, Any]) -> Number:
    return Number(Estimate(**{key: figure[key] for key in ("n", "mean", "low", "high")}))


def _numbers(figures: dict[str, Any]) -> dict[str, Number]:
    place, here = (figures[LAYER][target] for target in (_PLACE, "cheese_here"))
    return {
        "x": _number(place["x_accuracy"]),
        "y": _number(place["y_accuracy"]),
        "both": _number(place["accuracy"]),
        "within_1": _number(place["within_1"]),
        "both_pixels": _number(figures[PIXELS][_PLACE]["accuracy"]),
        "both_untrained": _number(place["untrained"]),
        "both_majority": _number(place["majority"]),
        "located": _number(here["located"]),
    }


def _body(figures: dict[str, Any]) -> list[str]:
    fitted = figures[LAYER][_PLACE]["accuracy"]["training_levels"]
    return [
        f"Fitted to one observation of each of {fitted} levels, a linear probe of {short(LAYER)} names the cheese's "
        "column in the world on {x} of held-out levels, its row on {y}, and both on {both}; it is within one "
        "square on {within_1}. The same probe of the picture itself names both on {both_pixels}, of the same layer "
        "with random weights on {both_untrained}, and the most frequent square is right on {both_majority}. The "
        "curve below shows how this grows with the number of levels.",
        "One read-out shared by all positions needs far fewer numbers. The position of that layer that looks most "
        "like cheese to it is the cheese's on {located}.",
    ]


def _table(figures: dict[str, Any]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for layer, targets in figures.items():
        for target, found in targets.items():
            controls = [_number(found[name]) if name in found else None for name in _CONTROLS]
            rows.append((short(layer), _WORDS[target], _number(found[main_metric(target)]), *controls))
    headings = ("layer", "question", "score", *_CONTROLS.values())
    return Table("probes", "Every score and its controls, on held-out levels", headings, rows, folded=True)


_CONTROLS = {
    "untrained": "random weights",
    "shuffled": "shuffled labels",
    "random": "random labels per level",
    "majority": "majority",
}


def _commands(study: Study) -> list[str]:
    seeds = f"{study.seeds.start}:{study.seeds.start + _FULL}"
    made = study.command("record", seeds=seeds, squares=1, facing="left", layers=",".join(_LAYERS), out="runs/store")
    return [made, "maze-interp probe --store runs/store --out runs/probe"]
