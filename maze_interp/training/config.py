"""Training runs as YAML files: `method: imitation` or `exact`, and the settings of that method's config."""

from __future__ import annotations

from pathlib import Path

from maze_interp.documents import load_yaml
from maze_interp.errors import MazeInterpError
from maze_interp.training.exact import ExactConfig
from maze_interp.training.imitation import ImitationConfig
from maze_interp.validation import check, mistake, unknown

Config = ImitationConfig | ExactConfig

METHODS: dict[str, type[Config]] = {"imitation": ImitationConfig, "exact": ExactConfig}


def read_config(path: Path) -> Config:
    """The run that a file describes.

    Args:
        path: the YAML file.

    Raises:
        MazeInterpError: the file cannot be read, or names an unknown method or setting, or gives a setting a value it
            cannot have; the message names file, line and setting.
    """
    content = load_yaml(path)
    if not isinstance(content, dict) or "method" not in content:
        raise MazeInterpError(f"{path} names no method; one of {', '.join(METHODS)}")
    method = str(content.pop("method"))
    if method not in METHODS:
        raise mistake(path, ["method"], unknown("method", method, METHODS))
    settings = METHODS[method].__dataclass_fields__
    for name in content:
        if name not in settings:
            raise mistake(path, [str(name)], unknown("setting", str(name), settings))
    run = check(content, METHODS[method], path, strict=True)
    if isinstance(run, ImitationConfig) and run.samples < run.batch:
        raise mistake(path, ["samples"], f"should be at least the batch of {run.batch}, not {run.samples}")
    return run
