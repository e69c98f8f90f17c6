"""Training runs as YAML files: `method: ppo`, `imitation` or `exact`, and the settings of that method's config."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from jsonargparse import ArgumentError, ArgumentParser

from maze_interp.environment.levels import HELD_OUT
from maze_interp.errors import MazeInterpError, unknown_name
from maze_interp.training.exact import ExactConfig
from maze_interp.training.imitation import ImitationConfig
from maze_interp.training.ppo import PPOConfig

Config = ImitationConfig | PPOConfig | ExactConfig

METHODS: dict[str, type[Config]] = {"imitation": ImitationConfig, "ppo": PPOConfig, "exact": ExactConfig}


def read_config(path: Path, **overrides: Any) -> Config:
    """The run that a file describes.

    Args:
        path: the YAML file.
        overrides: settings that go before the file's; None for none.

    Raises:
        MazeInterpError: the file cannot be read, or names an unknown method or setting, or gives a
            setting a value it cannot have; the message names the file.
    """
    try:
        content = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise MazeInterpError(f"{path} cannot be read as YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict) or "method" not in content:
        raise MazeInterpError(f"{path} names no method; one of {', '.join(METHODS)}")
    if content["method"] not in METHODS:
        raise unknown_name(f"method in {path}:", str(content["method"]), METHODS)
    given = {key: value for key, value in content.items() if key != "method"}
    given |= {key: value for key, value in overrides.items() if value is not None}
    return _config(METHODS[content["method"]], given, path)


def _config(kind: type[Config], given: dict[str, Any], path: Path) -> Config:
    for key in given:
        if key not in kind.__dataclass_fields__:
            raise unknown_name(f"setting in {path}:", str(key), kind.__dataclass_fields__)
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(kind)
    try:
        config: Config = kind(**parser.parse_object(given).as_dict())
    except ArgumentError as error:
        raise MazeInterpError(f"{path}: {' '.join(str(error).split())}") from error
    if isinstance(config, PPOConfig) and not 0 < config.levels <= HELD_OUT:
        raise MazeInterpError(f"{path}: levels is 1 to {HELD_OUT}, the seeds above are for measuring")
    return config
