"""The study `probe`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator

from maze_interp.errors import MazeInterpError, OptionError, Unmeasurable
from maze_interp.probing.kinds import ProbeKind
from maze_interp.studies.options import Mode, Names, Numbers, Positive
from maze_interp.studies.probe.store import RECORDED, StoreStudy

if TYPE_CHECKING:
    import pandas as pd
    from typing_extensions import Self

    from maze_interp.recording.store import ActivationStore
    from maze_interp.studies.probe.plan import Plan
    from maze_interp.studies.runner import Run

Kernel = Annotated[Literal[1, 3], BeforeValidator(lambda value: int(value) if str(value).isdecimal() else value)]

_FEWEST = 12  # levels for which a store is recorded
_EDIT_LEVELS = 100


@dataclass(frozen=True, kw_only=True)
class Probe(StoreStudy):
    """Fit linear probes to each layer and score them on other levels, beside controls.

    Levels are split, never observations. The picture itself, an untrained network, shuffled and random labels are
    probed, too. The fitted probes are kept in the run's folder, as probes/<agent>/<layer>/<target>.

    Attributes:
        targets: What is predicted; maze_interp.probes.list_targets() lists all.
        folds: 1 holds out a quarter of the levels; k holds out each level once, in k fits.
        probe: How coordinates are predicted: as classes, by least squares (ridge-classes) or logistic regression
            (logistic), or as numbers (ridge).
        kernel: Side of the patch of positions that targets of single squares are predicted from, 1 or 3.
        top_channels: Numbers of channels; a probe is also fitted to that many alone, the best on the training levels.
        without_controls: Fit neither the controls nor the learning curve.
        edit_levels: Number of levels on which those edits are measured, the next after the store's.
        save: Another folder for the fitted probes, saved as <agent>/<layer>/<target>.
    """

    name: ClassVar[str] = "probe"
    title: ClassVar[str] = "What probes predict from the layers"
    report_levels: ClassVar[int] = RECORDED

    targets: Names = (
        *("cheese_square_world", "cheese_square_maze", "cheese_square_mouse", "mouse_square_world"),
        *("cheese_here", "wall"),
    )
    folds: Positive = 1
    probe: ProbeKind = "ridge-classes"
    kernel: Kernel = 1
    top_channels: Numbers = ()
    without_controls: bool = False
    edit_levels: Positive = _EDIT_LEVELS
    save: Path | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.edit_layers) > 1:
            raise OptionError(f"--edit-layers takes one layer, not {len(self.edit_layers)}")
        if self.edit_levels != _EDIT_LEVELS and not self.edit_layers:
            raise OptionError("--edit-levels has no effect without --edit-layers")

    def settings(self) -> dict[str, Any]:
        """See `Study`: the store by everything that decides its content."""
        from maze_interp.policies.agents import training_region
        from maze_interp.sweeps.provenance import provenance
        from maze_interp.sweeps.selection import parse_seeds, seeds_name

        self._check()
        recorded, found = dict(self.recorded), provenance(self.policy, self.recorded["agent"])
        digest = hashlib.sha256(json.dumps(recorded, sort_keys=True).encode()).hexdigest()[:12]
        options = ("probe", "kernel", "folds", "without_controls", "edit_levels")
        return {
            "study": self.name,
            **found,
            "versions": {**found["versions"], "scikit-learn": version("scikit-learn")},
            **{name: recorded[name] for name in ("mode", "cheese", "filters")},
            "training_region": training_region(self.agent_name),
            "seeds": seeds_name(parse_seeds(self.used_levels)),
            "dtype": sorted({self.columns[layer].dtype for layer in recorded["layers"]}),
            "store": digest,
            "layers": list(self.probed_layers),
            "edit_layers": list(self.edited_layers),
            "targets": list(dict.fromkeys(self.targets)),
            "top_channels": sorted({*self.top_channels}),
            **{name: value if isinstance(value := getattr(self, name), int | str) else list(value) for name in options},
        }

    def _check(self) -> None:
        """Refuse what cannot be measured, and options without effect."""
        from maze_interp.policies.checkpoints import agent_hash
        from maze_interp.probing.examples import KNOWN, per_square
        from maze_interp.probing.files import require_same_network
        from maze_interp.probing.scoring import folds_by_level
        from maze_interp.probing.targets import known_targets
        from maze_interp.results.run_directory import check_place

        if self.save is not None:
            check_place(self.save / self.policy.name)
            require_same_network(self.save, self.policy.name, agent_hash(self.policy))
        targets, layers = known_targets(self.targets, KNOWN), self.probed_layers
        folds_by_level(self.used_levels, self.folds)
        if self.probe != "ridge-classes" and not any(KNOWN[target].kind == "coordinate" for target in targets):
            raise OptionError(f"--probe {self.probe} has no effect: no target is a coordinate")
        if self.kernel != 1 and not any(map(per_square, targets)):
            raise OptionError(f"--kernel {self.kernel} has no effect: no target is asked of single squares")
        if self.top_channels and len(layers) == 1:
            raise OptionError("--top-channels has no effect on the picture itself; name a layer")
        for layer in layers[1:]:
            there = self.columns[layer].shape[0]
            if not all(0 < count < there for count in self.top_channels):
                raise MazeInterpError(f"the best of the {there} channels of {layer} are 1 to {there - 1}")
        for layer in self.edited_layers:
            if len(self.columns[layer].shape) != 3:
                raise MazeInterpError(f"{layer} has no map of positions, so its probes cannot be tried as edits")

    def plan(self, store: ActivationStore) -> Plan:
        """What is asked of which layers of a store."""
        from maze_interp.policies.agents import training_region
        from maze_interp.studies.probe.plan import Plan

        return Plan(
            store=store,
            levels=tuple(self.used_levels),
            policy=self.policy,
            layers=self.probed_layers,
            targets=tuple(dict.fromkeys(self.targets)),
            region=training_region(self.agent_name),
            probe=self.probe,
            kernel=self.kernel,
            folds=self.folds,
            controls=not self.without_controls,
            top_channels=tuple(sorted({*self.top_channels})),
        )

    def measure(self, run: Run) -> Mapping[str, pd.DataFrame]:
        """See `Study`."""
        from maze_interp.probing.outcomes import AgentOutcomes, outcomes_of
        from maze_interp.recording.recorder import record
        from maze_interp.studies.probe.parts import run_parts, save_probes
        from maze_interp.sweeps.levels import LevelSet

        if self.opened is None and len(self.used_levels) < _FEWEST:
            raise Unmeasurable(f"probes need at least {_FEWEST} levels, not {len(self.used_levels)}")
        store = self.opened or record(self.recording, run.folder / "store", run.workers, run.scheduler)
        plan, settings = self.plan(store), store.settings
        if plan.needs_agent:
            levels = LevelSet(plan.seeds, settings["mode"], settings["cheese"])
            outcomes = run.rows(AgentOutcomes(self.policy, settings["agent"], levels))
            plan = replace(plan, outcomes=outcomes_of(outcomes))
        tables = run_parts(plan, run)
        if self.save is not None:
            save_probes(run, self.save)
        return {**tables, **({"edits": self._edited(plan, run)} if self.edit_layers else {})}

    def _edited(self, plan: Plan, run: Run) -> pd.DataFrame:
        """The probes tried as edits on the levels that follow the store's."""
        from maze_interp.studies.probe.edits import ProbeEdits, fit_place_probes
        from maze_interp.sweeps.levels import LevelSet

        settings, first = plan.store.settings, plan.store.levels[-1] + 1
        levels = LevelSet(range(first, first + self.edit_levels), settings["mode"])
        (layer,) = self.edited_layers
        rows = run.rows(ProbeEdits(self.policy, settings["agent"], levels, fit_place_probes(plan, layer)))
        if not len(rows):
            raise Unmeasurable(f"none of the levels {levels.name} has a decision square; give more of them")
        return rows

    def sized(self, levels: int) -> Self:
        """See `Study`."""
        return replace(self, levels=max(1, levels))

    @classmethod
    def for_report(cls, agent: str, mode: Mode | None, share: float, sweeps: Mapping[str, Path]) -> Self | None:
        """See `Study`: four targets at the outputs of the main parts but the third, which says what the second does."""
        from maze_interp.policies.agents import load_network

        layers = [layer for number, layer in enumerate(load_network(agent).output_layers) if number != 2]
        targets = ("cheese_square_world", "cheese_here", "wall", "move_to_cheese")
        study = cls(agent=agent, mode=mode, layers=tuple(layers), targets=targets)
        return study.sized(-(-round(1000 * share) * cls.report_levels // 1000))
