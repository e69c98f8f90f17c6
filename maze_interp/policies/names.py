"""What agents are called: by name, or by the path of a file with their weights."""

from __future__ import annotations

import re
from pathlib import Path

from maze_interp.errors import MazeInterpError

WEIGHT_SUFFIXES = (".safetensors", ".pth", ".pt")
"""Of the files that weights are read from."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")


def names_file(agent: str | Path) -> bool:
    """Whether `agent` is the path of a file rather than a name: it has a folder in it, or the suffix of weights.

    A name may have dots: `mine.v2` is one. Whether the file exists does not matter.
    """
    path = Path(agent)
    return path.suffix.lower() in WEIGHT_SUFFIXES or path.name != str(agent)


def agent_label(agent: str | Path) -> str:
    """What tables and folders call an agent: its name, or its file's without folder and suffix."""
    return Path(agent).stem if names_file(agent) else str(agent)


def agent_of(start: str) -> str:
    """The agent that a run begins with: its name, or of a file with its weights the folder's."""
    return Path(start).parent.name if names_file(start) else start


def require_agent_name(name: str) -> str:
    """`name`, if an agent may have it.

    Raises:
        MazeInterpError: it is no plain file name, or looks like the path of a file.
    """
    if not _NAME.fullmatch(name) or names_file(name):
        raise MazeInterpError(
            f"{name!r} cannot be the name of an agent: it has letters, digits and . _ + -, begins with a letter or "
            f"digit, and does not end in {', '.join(WEIGHT_SUFFIXES)}"
        )
    return name
