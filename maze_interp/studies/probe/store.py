"""A study of a store of activations: one given, or a small one that is recorded first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maze_interp.bundled import DEFAULT_AGENT, HELD_OUT
from maze_interp.errors import MazeInterpError, OptionError, unknown_name
from maze_interp.studies.agent_study import NetworkOptions
from maze_interp.studies.options import Mode, Names, Positive

if TYPE_CHECKING:
    from maze_interp.policies.network import PolicyNetwork
    from maze_interp.recording.columns import Column
    from maze_interp.recording.recording import Recording
    from maze_interp.recording.store import ActivationStore

DEFAULT_LAYER = "default"
"""Names the network's own, as on every command line."""

RECORDED = 400
"""Levels that are recorded unless said otherwise."""


@dataclass(frozen=True, kw_only=True)
class StoreStudy(NetworkOptions):
    """A study of a store.

    Attributes:
        store: Folder of a store made by record; unless given, a small one is recorded into the run's folder, with one
            square of each level, the mouse facing left.
        layers: Recorded layers by module path, such as embedder.block2.res1.resadd, or a group: studied, main, outputs,
            trunk or all; all is what the store holds, without one the outputs. The picture itself (pixels) is always
            probed too.
        agent: Name or file of the agent that was recorded; the one named in the store unless given.
        mode: Distribution of the levels to record, easy or hard; the agent's own unless given.
        levels: Number of levels: the store's first ones, all unless given; without a store, how many to record, 400
            unless given.
        edit_layers: Also try the probes of this layer as edits that move the represented cheese.
    """

    store: Path | None = None
    layers: Names = ("all",)
    agent: str | None = None
    mode: Mode | None = None
    levels: Positive | None = None
    edit_layers: Names = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("layers", "edit_layers"):
            object.__setattr__(self, name, tuple(layer.removesuffix("_out") for layer in getattr(self, name)))
        if self.store is not None and self.mode is not None:
            raise OptionError("--mode has no effect with --store, whose levels have a mode; leave it out")

    @cached_property
    def opened(self) -> ActivationStore | None:
        """The store, if one is given."""
        from maze_interp.recording.store import ActivationStore

        return None if self.store is None else ActivationStore(self.store)

    @cached_property
    def agent_name(self) -> str:
        """The agent given, else the store's, else the default one."""
        return self.agent or (DEFAULT_AGENT if self.opened is None else str(self.opened.settings["agent"]))

    @cached_property
    def policy(self) -> PolicyNetwork:
        """The agent's network.

        Raises:
            MazeInterpError: no such agent, or not the one that was recorded.
        """
        from maze_interp.policies.agents import load_network

        policy = load_network(self.agent_name, self.device, self.precision)
        if self.opened is not None:
            self.opened.require_agent(policy)
        return policy

    @property
    def edited_layers(self) -> tuple[str, ...]:
        """The layer of `edit_layers` by module path."""
        return tuple(self.policy.default_layer if layer == DEFAULT_LAYER else layer for layer in self.edit_layers)

    @property
    def named_layers(self) -> tuple[str, ...]:
        """The layers of `layers` by module path, those of a group in its place."""
        from maze_interp.policies.network import layer_groups

        known = {DEFAULT_LAYER: (self.policy.default_layer,)} | layer_groups(self.policy)
        return tuple(path for layer in self.layers for path in known.get(layer, (layer,)))

    @cached_property
    def recording(self) -> Recording:
        """What is recorded if no store is given."""
        from maze_interp.environment.observe import FACINGS
        from maze_interp.policies.agents import agent_mode
        from maze_interp.probing.controls import PIXELS
        from maze_interp.recording.recording import Recording
        from maze_interp.sweeps.levels import LevelSet

        named = self.policy.output_layers if self.layers == ("all",) else self.named_layers
        layers = [layer for layer in (*named, *self.edited_layers) if layer != PIXELS]
        seeds = range(HELD_OUT, HELD_OUT + (self.levels or RECORDED))
        levels = LevelSet(seeds, self.mode or agent_mode(self.agent_name))
        return Recording(self.policy, self.agent_name, levels, layers, squares=1, facings=FACINGS[:1])

    @property
    def recorded(self) -> Mapping[str, Any]:
        """The settings of the store, given or to be recorded."""
        return self.recording.settings if self.opened is None else self.opened.settings

    @property
    def columns(self) -> Mapping[str, Column]:
        """What is recorded of an observation."""
        return self.recording.columns if self.opened is None else self.opened.columns

    @property
    def probed_layers(self) -> tuple[str, ...]:
        """The layers by module path, the picture itself first.

        Raises:
            MazeInterpError: one that is not recorded.
        """
        from maze_interp.probing.controls import PIXELS

        there = [PIXELS, *self.recorded["layers"]]
        named = there if self.layers == ("all",) else self.named_layers
        for layer in (*named, *self.edited_layers):
            if layer not in there:
                raise unknown_name("recorded layer", layer, there)
        return tuple(dict.fromkeys([PIXELS, *named]))

    @property
    def used_levels(self) -> Sequence[int]:
        """Seeds of the levels.

        Raises:
            MazeInterpError: the store has fewer than asked for.
        """
        if self.opened is None:
            return self.recording.levels.seeds
        there = self.opened.levels
        if self.levels is not None and self.levels > len(there):
            raise MazeInterpError(f"{self.store} holds {len(there)} levels, not {self.levels}")
        return there[: self.levels]
