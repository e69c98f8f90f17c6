"""procgen's pictures without those that no maze shows.

The first environment of a process decodes the pictures of all of procgen's games, 370 MB of memory
and a second of time, three quarters of it backdrops of other games. A process that will only ever
play mazes can do without; one that may also play other games must not, so it is never the default.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from maze_interp.errors import MazeInterpError

MAZES_ONLY = "MAZE_INTERP_MAZES_ONLY"
"""Environment variable by which a process leaves the other games' backdrops out."""

_BACKDROPS = ("platform_backgrounds", "platform_backgrounds_2", "space_backgrounds", "water_backgrounds")
_STAND_IN = "misc_assets/cheese.png"  # a small picture to decode in each backdrop's place


@contextmanager
def maze_assets() -> Iterator[str]:
    """A temporary folder like procgen's assets, with a small picture in place of each backdrop.

    It is needed only while the first environment is made. The path ends in a separator, as procgen wants it.

    Raises:
        MazeInterpError: procgen is not installed.
    """
    package = find_spec("procgen")  # found, not imported: importing it prints gym's notice
    if package is None or package.origin is None:
        raise MazeInterpError("the pictures of mazes come from the package procgen, which is not installed here")
    assets = Path(package.origin).parent / "data" / "assets"
    with TemporaryDirectory(prefix="maze-interp-") as name:
        root = Path(name)
        for folder in assets.iterdir():
            if folder.name not in _BACKDROPS:
                (root / folder.name).symlink_to(folder)
        for picture in (picture for name in _BACKDROPS for picture in (assets / name).rglob("*") if picture.is_file()):
            stand_in = root / picture.relative_to(assets)
            stand_in.parent.mkdir(parents=True, exist_ok=True)
            stand_in.symlink_to(assets / _STAND_IN)
        yield str(root) + os.sep
