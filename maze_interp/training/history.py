"""Checkpoints that a training run keeps, spaced by the logarithm of its updates (`maze_interp.policies.history`)."""

from __future__ import annotations

from pathlib import Path

from safetensors.torch import load_file, save
from torch import Tensor

from maze_interp.writing import write_whole

_FOLDER = "history"


def is_kept(updates: int) -> bool:
    """Whether a run keeps its weights after so many updates: powers of two."""
    return updates > 0 and updates & (updates - 1) == 0


def keep(weights: dict[str, Tensor], run: Path, updates: int) -> None:
    """Save weights in half precision under a run's folder."""
    halves = {name: tensor.half().contiguous() for name, tensor in weights.items()}
    write_whole(run / _FOLDER / f"{updates}.safetensors", save(halves))


def pack(run: Path, checkpoints: int, file: Path) -> None:
    """Write the last so many checkpoints of a run into one file."""
    kept = {int(path.stem): path for path in (run / _FOLDER).glob("*.safetensors")}
    tensors = {
        f"{updates}/{name}": tensor
        for updates in sorted(kept)[-checkpoints:]
        for name, tensor in load_file(kept[updates]).items()
    }
    write_whole(file, save(tensors))
