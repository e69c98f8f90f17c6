"""The artefacts that come with the library: agents, data and fitted probes, in a checkout and in an installed wheel."""

from __future__ import annotations

from pathlib import Path

from maze_interp.errors import unknown_name

DEFAULT_AGENT = "rand_region_5_easy_rl"
"""The agent every command uses unless another is named: reinforcement learning alone, cheese in the top-right 5×5."""

HELD_OUT = 900_000_000
"""Level seeds from here up are for measuring: no bundled agent was trained on any of them."""

_FOLDER = Path(__file__).parent


def bundled_path(*parts: str) -> Path:
    """The absolute path of a bundled file or folder, such as `bundled_path("agents", "rand_region_5")`.

    In a checkout it leads to the top-level `agents/`, `data/` or `probes/`, in an installed wheel to copies of them.

    Raises:
        MazeInterpError: nothing of that name is bundled; the message lists the nearest names that are.
    """
    path = _FOLDER.joinpath(*parts)
    if not path.exists():
        raise unknown_name("bundled file", "/".join(parts), _bundled_names(path.parent))
    return path.resolve()


def named_document(kind: str, name: str) -> Path:
    """The bundled file `data/KINDs/NAME.yaml`, such as the forecast `nanda-2023`.

    Raises:
        MazeInterpError: there is none of that name; the message lists the nearest names.
    """
    files = {path.stem: path for path in bundled_path("data", f"{kind}s").glob("*.yaml")}
    if name not in files:
        raise unknown_name(kind, name, files)
    return files[name]


def _bundled_names(folder: Path) -> list[str]:
    """What exists in a bundled folder, relative to all that is bundled; nothing if the folder does not exist."""
    found = (path for path in folder.glob("*") if path.exists() and not path.name.startswith("__"))
    return [path.relative_to(_FOLDER).as_posix() for path in found]
