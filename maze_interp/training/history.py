"""Checkpoints that a training run keeps, spaced by the logarithm of its updates (`maze_interp.policies.history`).

Every random draw of an update is a function of the run's seed and the update's number, so a checkpoint needs no random
state: a run with `start_from: NAME@UPDATES` goes on from it.
"""

from __future__ import annotations

from itertools import count
from pathlib import Path

from safetensors.torch import load_file, save
from torch import Tensor

from maze_interp.writing import write_whole

_FOLDER = "history"


def kept(updates: int, checkpoints: int) -> list[int]:
    """After which updates a run keeps its weights: so many times, the last being its end.

    They are spaced evenly by the logarithm, as many to a doubling as it takes (one, two, …): a run of 1,000 that keeps
    four has 128, 256, 512 and 1,000. A run of fewer updates than checkpoints keeps all.
    """
    if checkpoints >= updates:
        return list(range(1, updates + 1))
    for per_doubling in count(1):
        last = per_doubling * updates.bit_length()
        spaced = {round(2 ** (k / per_doubling)) for k in range(last)}
        numbers = sorted({number for number in spaced if number < updates} | {updates})
        if len(numbers) >= checkpoints:
            return numbers[-checkpoints:]
    raise AssertionError("the numbers get denser until all are there")


def keep(weights: dict[str, Tensor], run: Path, updates: int) -> None:
    """Save weights in half precision under a run's folder."""
    halves = {name: tensor.half().contiguous() for name, tensor in weights.items()}
    write_whole(run / _FOLDER / f"{updates}.safetensors", save(halves))


def pack(run: Path, updates: list[int], file: Path) -> None:
    """Write these checkpoints of a run into one file."""
    tensors = {
        f"{number}/{name}": tensor
        for number in updates
        for name, tensor in load_file(run / _FOLDER / f"{number}.safetensors").items()
    }
    write_whole(file, save(tensors))
