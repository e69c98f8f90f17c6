"""`ActivationStore`: a recording as columns over all its observations, read in constant memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from maze_interp.arguments import checked, file_path, several, shown, text, whole
from maze_interp.display import html_table
from maze_interp.errors import MazeInterpError, unknown_name
from maze_interp.mazes.maze import LevelSeed
from maze_interp.policies.checkpoints import agent_hash
from maze_interp.recording.columns import Column, row_bytes
from maze_interp.recording.reading import Rows, equal_runs, mix_pieces, read_rows
from maze_interp.recording.shards import shard_name
from maze_interp.recording.sound import check_shard, read_settings, require_finished, sound_shard
from maze_interp.recording.store_column import StoreColumn

BUFFER = 2**28
"""Bytes that reading in batches holds."""

Batch = dict[str, NDArray[Any]]


class ActivationStore:
    """A finished recording.

    Args:
        path: its folder.
        partial: use what can be read of an unfinished or damaged store. Every byte is then read
            once at the start, to find what is damaged.

    Attributes:
        settings: the provenance: agent and its hash, versions, command, levels, `filters` (what
            was left out), layers, columns.
        layers: module paths of the layers.
        columns: type and shape of one observation's entry in each layer and label; the labels are
            described at `label_columns`.
        skipped: names of the shards that `partial` left out.
        levels: seeds of the levels, in order.

    Raises:
        MazeInterpError: no store; shards that are missing, damaged, or another store's.
    """

    @checked
    def __init__(self, path: Annotated[str | Path, file_path], partial: bool = False) -> None:
        self.path = Path(path)
        self.settings = read_settings(self.path)
        self.layers: tuple[str, ...] = tuple(self.settings["layers"])
        self.columns = {
            name: Column(column["dtype"], tuple(column["shape"])) for name, column in self.settings["columns"].items()
        }
        names = [shard_name(number) for number in range(self.settings["shards"])]
        if not partial:
            require_finished(self.path, names)
        self._shards, skipped, seeds = [], [], []
        for name in names:
            try:
                seeds.append(check_shard(self.path / name, self.settings, self.columns if partial else ()))
                self._shards.append(name)
            except MazeInterpError:
                if not partial:
                    raise
                skipped.append(name)
        self.skipped: tuple[str, ...] = tuple(skipped)
        self._ends = np.cumsum([len(some) for some in seeds], dtype=np.intp)
        self._levels = _level_rows(seeds)

    def __repr__(self) -> str:
        return f"<ActivationStore: {', '.join(f'{name} {value}' for name, value in self._brief().items())}>"

    def _repr_html_(self) -> str:
        return html_table("ActivationStore", self._brief())

    def _brief(self) -> dict[str, object]:
        more = ", …" if len(self.layers) > 3 else ""
        return {
            "path": self.path.name,
            "agent": self.settings["agent"],
            "levels": len(self.levels),
            "observations": len(self),
            "layers": ", ".join(self.layers[:3]) + more,
        }

    @property
    def levels(self) -> tuple[int, ...]:
        """Seeds of the levels, in the order of the rows."""
        return tuple(self._levels)

    def __len__(self) -> int:
        return int(self._ends[-1]) if len(self._ends) else 0

    def __getitem__(self, name: str) -> StoreColumn:
        """A layer, also by its published name (`_out`), or a label.

        Raises:
            MazeInterpError: neither a recorded layer nor a label.
        """
        name = self._resolve(name)
        column = self.columns[name]
        return StoreColumn(self.read, name, (len(self), *column.shape), np.dtype(column.dtype))

    @checked
    def level(self, seed: LevelSeed) -> slice:
        """The rows of a level.

        Raises:
            MazeInterpError: the level was not recorded.
        """
        if seed not in self._levels:
            raise MazeInterpError(f"level {seed} is not in {self.path}, which holds those of {self.settings['seeds']}")
        return self._levels[seed]

    def require_agent(self, policy: nn.Module) -> None:
        """Check that the store was recorded from this very network.

        Raises:
            MazeInterpError: it has other weights.
        """
        found, recorded = agent_hash(policy), self.settings["agent_hash"]
        if found != recorded:
            raise MazeInterpError(
                f"{self.path} was recorded from agent {self.settings['agent']} with weights {recorded}, not {found}"
            )

    @checked
    def batches(
        self,
        size: Annotated[int, whole(1)],
        names: Annotated[Sequence[str], several(text, "layers and labels")] | None = None,
        levels: Annotated[Iterable[int], several(whole(0), "level seeds")] | None = None,
        shuffle_seed: Annotated[int, whole(0)] | None = None,
        buffer: Annotated[int, whole(1)] = BUFFER,
    ) -> Iterator[Batch]:
        """Every observation once, in batches; the last may be smaller.

        Besides the batch, memory holds `buffer` whatever the store's size, and some tens of bytes an
        observation for their order. Shuffling draws pieces of 256 neighbouring rows from all over
        the store, as many as fit the buffer, and mixes their rows.

        Args:
            size: observations in a batch.
            names: layers and labels to read; None for all.
            levels: seeds of the levels to keep; None for all.
            shuffle_seed: mix the observations, always alike for the same arguments; None to keep their order.
            buffer: bytes.

        Yields:
            `{name: [n, ...]}`, named as asked for.

        Raises:
            MazeInterpError: a size below 1, an unknown name or level, a damaged shard.
        """
        columns = {name: self._resolve(name) for name in (self.columns if names is None else names)}
        chosen = self._levels.values() if levels is None else [self.level(seed) for seed in dict.fromkeys(levels)]
        rows = np.concatenate([np.arange(some.start, some.stop) for some in chosen] or [np.empty(0, np.intp)])
        mixed = None if shuffle_seed is None else np.random.default_rng(shuffle_seed)
        if mixed is not None:
            rows = mix_pieces(rows, self._ends, mixed)
        return self._batches(columns, rows, size, self._window(columns, size, buffer // 2), mixed)

    def _batches(
        self, columns: Mapping[str, str], rows: Rows, size: int, window: int, mixed: np.random.Generator | None
    ) -> Iterator[Batch]:
        for first in range(0, len(rows), window):
            some = rows[first : first + window]
            held = self.read(list(columns.values()), some if mixed is None else mixed.permutation(some))
            for start in range(0, len(some), size):
                yield {name: held[column][start : start + size] for name, column in columns.items()}

    def _window(self, columns: Mapping[str, str], size: int, buffer: int) -> int:
        """Rows read at once: as many whole batches as fit in `buffer` bytes."""
        width = row_bytes({column: self.columns[column] for column in columns.values()})
        return max(1, buffer // (size * width)) * size

    def read(self, names: Sequence[str], rows: Rows) -> Batch:
        """Some rows of several columns at once, in the order asked for.

        Args:
            names: layers and labels.
            rows: int `[n]`, 0 … length − 1.

        Returns:
            `{name: [n, ...]}`, named as asked for.

        Raises:
            MazeInterpError: an unknown name, or a damaged shard.
        """
        rows = np.asarray(rows)
        if rows.ndim != 1 or rows.dtype.kind not in "iu" or ((rows < 0) | (rows >= len(self))).any():
            raise MazeInterpError(f"rows are whole numbers from 0 to {len(self) - 1}, not {shown(rows)}")
        columns = {self._resolve(name): self[name] for name in names}
        found = {name: np.empty((len(rows), *column.shape[1:]), column.dtype) for name, column in columns.items()}
        shards = np.searchsorted(self._ends, rows, side="right")
        for places in equal_runs(shards):
            shard = shards[places[0]]
            local = rows[places] - (self._ends[shard - 1] if shard else 0)
            with sound_shard(self.path / self._shards[shard], self.settings) as file:
                for name, column in found.items():
                    read_rows(file[name], local, places, column)
        return {name: found[self._resolve(name)] for name in names}

    def _resolve(self, name: str) -> str:
        for candidate in (name, text(name, "a layer or label").removesuffix("_out")):
            if candidate in self.columns:
                return candidate
        raise unknown_name("recorded layer or label", name, self.columns)


def _level_rows(shards: Sequence[NDArray[np.int32]]) -> dict[int, slice]:
    """The rows of each level, from the level seeds of all rows."""
    seeds = np.concatenate([np.empty(0, np.int32), *shards])
    starts = np.flatnonzero(np.diff(seeds, prepend=-1))
    ends = np.append(starts[1:], len(seeds))
    return {int(seeds[start]): slice(int(start), int(end)) for start, end in zip(starts, ends, strict=False)}
