"""The studies there are: what the command line, the report, the comparison of agents and `mi.studies` read."""

from __future__ import annotations

from maze_interp.errors import MazeInterpError
from maze_interp.studies.study import Study

STUDIES: dict[str, type[Study]] = {}
"""Every study by name, in the order of the report; `maze_interp.studies` registers its own."""


def register(study: type[Study]) -> type[Study]:
    """Add a study to the registry; works as a class decorator.

    Raises:
        MazeInterpError: there is another study of its name.
    """
    if STUDIES.setdefault(study.name, study) is not study:
        raise MazeInterpError(f"there is already a study {study.name!r}; choose another name")
    return study
