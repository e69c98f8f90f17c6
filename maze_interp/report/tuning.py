"""Compare an agent with one tuned from it: measure, sum up, draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from maze_interp.plots.style import save
from maze_interp.plots.tuning import change_figure, interpolation_figure, learning_figure, weights_figure
from maze_interp.studies.tuning import QUANTITIES, Tuning, interpolation_table, tuning_figures, weight_change
from maze_interp.sweeps.experiment import run_experiment, write_figures
from maze_interp.training.compute import Compute


def write_tuning(
    experiment: Tuning,
    curve: Sequence[Mapping[str, Any]],
    training: Compute | None,
    out: Path,
    workers: int | None = None,
    scheduler: str | None = None,
) -> list[str]:
    """Run the experiment and write `tuning.csv`, `interpolation.csv`, `weights.csv`, `summary.json` and four pictures.

    Args:
        experiment: the agents and levels; its mixes hold 0 and 1.
        curve: lines of the log of the tuning.
        training: what the original's training took; None if that is not known.
        out: the run's folder.
        workers: local processes, None for one per core.
        scheduler: address of a dask scheduler to use instead.

    Returns:
        the main figures in words, one line each.

    Raises:
        MazeInterpError: the folder is another run's.
    """
    rows = run_experiment(experiment, out, workers, scheduler)
    figures, table = tuning_figures(rows), interpolation_table(rows)
    weights = weight_change(experiment.policy, experiment.tuned)
    spent = compute_shares(curve, training)
    moved = weights.set_index("layer")["relative"].to_dict()
    write_figures(
        out,
        experiment.settings,
        {"quantities": figures, "compute": spent, "relative_weight_change": moved},
        {"interpolation": table, "weights": weights},
    )
    save(change_figure(figures), out / "change.png")
    save(interpolation_figure(table), out / "interpolation.png")
    save(weights_figure(weights), out / "weights.png")
    save(learning_figure(curve, training.steps if training else None), out / "learning.png")
    lines = [
        f"{words}: {one['before']} before, {one['after']} after, difference {one['difference']}"
        for name, words in QUANTITIES.items()
        if (one := figures[name])["before"].n
    ]
    return [*lines, f"weights moved by {moved['all']:.3f} of their length", compute_words(spent), f"written to {out}"]


def compute_shares(curve: Sequence[Mapping[str, Any]], training: Compute | None) -> dict[str, Any]:
    """Steps and operations of a tuning run, and as shares of the original's training (None if not known)."""
    spent = Compute(curve[-1]["steps"], curve[-1]["flops"])
    return {
        **asdict(spent),
        "step_share": training and spent.steps / training.steps,
        "flop_share": training and spent.flops / training.flops,
    }


def compute_words(spent: Mapping[str, Any]) -> str:
    """`compute_shares` in a line."""
    words = f"tuning evaluated {spent['steps']:,} states in {spent['flops']:.2e} floating-point operations"
    if spent["flop_share"] is None:
        return f"{words}; what the original's training took is not recorded"
    return f"{words}: {spent['step_share']:.1%} and {spent['flop_share']:.1%} of the original's training"
