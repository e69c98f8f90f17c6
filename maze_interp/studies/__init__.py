"""The studies, each callable under its own name: `mi.studies.dead_ends(agent=…, seeds=range(200)).run()`."""

from __future__ import annotations

from maze_interp.studies.ablate.study import Ablate as ablate
from maze_interp.studies.agent_study import AgentStudy
from maze_interp.studies.channels.study import Channels as channels
from maze_interp.studies.compare.study import Compare as compare
from maze_interp.studies.constructed.study import Constructed as constructed
from maze_interp.studies.dead_ends.study import DeadEnds as dead_ends
from maze_interp.studies.field.study import Field as field
from maze_interp.studies.finetune.study import Finetune as finetune
from maze_interp.studies.patch.study import Patch as patch
from maze_interp.studies.probe.study import Probe as probe
from maze_interp.studies.references.study import References as references
from maze_interp.studies.registry import STUDIES, register
from maze_interp.studies.resample.study import Resample as resample
from maze_interp.studies.retarget.study import Retarget as retarget
from maze_interp.studies.statistics.study import Statistics as statistics
from maze_interp.studies.study import Study
from maze_interp.studies.sweep.study import Sweep as sweep
from maze_interp.studies.values.study import Values as values
from maze_interp.studies.vectors.study import Vectors as vectors

__all__ = [
    "STUDIES",
    "AgentStudy",
    "Study",
    "ablate",
    "channels",
    "compare",
    "constructed",
    "dead_ends",
    "field",
    "finetune",
    "patch",
    "probe",
    "references",
    "register",
    "resample",
    "retarget",
    "statistics",
    "sweep",
    "values",
    "vectors",
]

for _study in (
    *(sweep, field, statistics, compare, references, dead_ends, constructed, values),
    *(channels, probe, ablate, resample, vectors, retarget, patch, finetune),
):  # in the order of the report
    register(_study)


def __getattr__(name: str) -> type[Study]:
    """A study that was registered from outside."""
    if (study := STUDIES.get(name.replace("_", "-"))) is not None:
        return study
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
