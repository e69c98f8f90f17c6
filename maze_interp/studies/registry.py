"""The studies there are: what the command line, the report, the comparison of agents and `mi.studies` read."""

from __future__ import annotations

from maze_interp.errors import MazeInterpError
from maze_interp.studies.ablate.study import Ablate
from maze_interp.studies.channels.study import Channels
from maze_interp.studies.compare.study import Compare
from maze_interp.studies.constructed.study import Constructed
from maze_interp.studies.dead_ends.study import DeadEnds
from maze_interp.studies.field.study import Field
from maze_interp.studies.finetune.study import Finetune
from maze_interp.studies.patch.study import Patch
from maze_interp.studies.probe.study import Probe
from maze_interp.studies.references.study import References
from maze_interp.studies.resample.study import Resample
from maze_interp.studies.retarget.study import Retarget
from maze_interp.studies.statistics.study import Statistics
from maze_interp.studies.study import Study
from maze_interp.studies.sweep.study import Sweep
from maze_interp.studies.values.study import Values
from maze_interp.studies.vectors.study import Vectors

STUDIES: dict[str, type[Study]] = {}
"""Every study by name, in the order of the report."""


def register(study: type[Study]) -> type[Study]:
    """Add a study to the registry; works as a class decorator.

    Raises:
        MazeInterpError: there is another study of its name.
    """
    if STUDIES.setdefault(study.name, study) is not study:
        raise MazeInterpError(f"there is already a study {study.name!r}; choose another name")
    return study


for _study in (
    Sweep,
    Field,
    Statistics,
    Compare,
    References,
    DeadEnds,
    Constructed,
    Values,
    Channels,
    Probe,
    Ablate,
    Resample,
    Vectors,
    Retarget,
    Patch,
    Finetune,
):
    register(_study)
