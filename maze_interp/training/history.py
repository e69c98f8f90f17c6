"""Checkpoints that a training run keeps, spaced by the logarithm of its updates (`maze_interp.policies.history`)."""

from __future__ import annotations

from pathlib import Path

from safetensors.torch import load_file, save_file
from torch import Tensor

_FOLDER = "history"


def is_kept(updates: int) -> bool:
    """Whether a run keeps its weights after so many updates: powers of two."""
    return updates > 0 and updates & (updates - 1) == 0


def keep(weights: dict[str, Tensor], run: Path, updates: int) -> None:
    """Save weights in half precision under a run's folder."""
    folder = run / _FOLDER
    folder.mkdir(exist_ok=True)
    partial = folder / f"{updates}.partial"
    save_file({name: tensor.half().contiguous() for name, tensor in weights.items()}, partial)
    partial.replace(folder / f"{updates}.safetensors")


def pack(run: Path, checkpoints: int, file: Path) -> None:
    """Write the last so many checkpoints of a run into one file."""
    kept = {int(path.stem): path for path in (run / _FOLDER).glob("*.safetensors")}
    tensors = {
        f"{updates}/{name}": tensor
        for updates in sorted(kept)[-checkpoints:]
        for name, tensor in load_file(kept[updates]).items()
    }
    save_file(tensors, file)
