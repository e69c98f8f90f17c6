"""The agents in the box, by name, and loading any agent by name or file."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

import yaml

from maze_interp.bundled import bundled_path
from maze_interp.errors import MazeInterpError, unknown_name
from maze_interp.mazes.features import REGION
from maze_interp.mazes.maze import WORLD_SIZE, DistributionMode
from maze_interp.policies.checkpoints import policy_from_weights, read_weights, write_weights
from maze_interp.policies.network import PolicyNetwork
from maze_interp.policies.references import REFERENCES, Reference, is_reference

_WEIGHTS = "weights.safetensors"


@dataclass(frozen=True)
class AgentInfo:
    """What `agents/<name>/config.yaml` says of an agent.

    Attributes:
        name: the folder's name.
        path: the folder.
        distribution_mode: the levels it was trained on, `"easy"` or `"hard"`.
        region: the cheese lay in the top-right region × region squares in training; `"anywhere"` where procgen
            puts it; None if that is not known.
        training: how it was made, in a few words.
    """

    name: str
    path: Path
    distribution_mode: DistributionMode
    region: int | Literal["anywhere"] | None
    training: str

    @property
    def card(self) -> str:
        """The agent's README."""
        return (self.path / "README.md").read_text()


def agent_folders() -> dict[str, Path]:
    """Folders of the agents at hand, by name: the bundled ones, then those under `./agents`."""
    roots = [Path("agents"), bundled_path("agents")]
    return {weights.parent.name: weights.parent for root in roots for weights in sorted(root.glob(f"*/{_WEIGHTS}"))}


def agent_info(name: str) -> AgentInfo:
    """What is recorded about an agent.

    Raises:
        MazeInterpError: no such agent, a reference policy, or its `config.yaml` is missing or lacks a field.
    """
    if is_reference(name):
        raise MazeInterpError(f"{Reference(name).name} is a rule, not a network: it has no layers and was not trained")
    folders = agent_folders()
    if name not in folders:
        raise unknown_name("agent", name, [*folders, *REFERENCES])
    config = folders[name] / "config.yaml"
    try:
        content: Any = yaml.safe_load(config.read_text())
        recorded = {
            field.name: content[field.name] for field in fields(AgentInfo) if field.name not in ("name", "path")
        }
    except (OSError, yaml.YAMLError, TypeError, KeyError) as error:
        raise MazeInterpError(f"{config} does not describe an agent: {error!r}") from error
    if recorded["distribution_mode"] not in WORLD_SIZE:
        raise unknown_name(f"distribution_mode in {config}:", str(recorded["distribution_mode"]), WORLD_SIZE)
    return AgentInfo(name=name, path=folders[name], **recorded)


def load_policy(agent: str | Path) -> PolicyNetwork | Reference:
    """A policy by the name of an agent or of a reference policy, or from a `.safetensors`, `.pth` or `.pt` file.

    Returns:
        the network in evaluation mode, without gradients on its weights; its `name` is the
        agent's, or the file's without suffix. Or the reference policy.

    Raises:
        MazeInterpError: an unknown name, or a file that is missing, damaged, hostile, or holds
            another network.
    """
    return Reference(str(agent)) if is_reference(agent) else load_network(agent)


def load_network(agent: str | Path) -> PolicyNetwork:
    """`load_policy` for what reads or edits activations: a reference policy, which has none, is refused."""
    path = Path(agent)
    if path.suffix in (".safetensors", ".pth", ".pt"):
        return policy_from_weights(read_weights(path), path.stem, path)
    weights = agent_info(str(agent)).path / _WEIGHTS
    return policy_from_weights(read_weights(weights), str(agent), weights)


def agent_mode(agent: str | Path) -> DistributionMode:
    """The levels an agent was trained on; hard mode for a file, which does not say, and for a reference policy."""
    return "hard" if Path(agent).suffix or is_reference(agent) else agent_info(str(agent)).distribution_mode


def training_region(agent: str | Path) -> int:
    """The n of the top-right n×n an agent was trained with; the published 5 where that is not known or anywhere."""
    region = None if Path(agent).suffix or is_reference(agent) else agent_info(str(agent)).region
    return region if isinstance(region, int) else REGION


def trained_anywhere(agent: str | Path) -> bool:
    """Whether an agent is known to have been trained with the cheese wherever procgen puts it."""
    return str(agent) in agent_folders() and agent_info(str(agent)).region == "anywhere"


def import_agent(
    source: Path, name: str, distribution_mode: DistributionMode, region: int | None, into: Path = Path("agents")
) -> Path:
    """Copy a foreign checkpoint into `into/<name>/` as safetensors with a config and a card.

    Raises:
        MazeInterpError: the file does not load, or the name is taken.
    """
    policy = policy_from_weights(read_weights(source), name, source)
    folder = into / name
    if folder.exists() or name in agent_folders():
        raise MazeInterpError(f"there is already an agent {name!r}; choose another name")
    folder.mkdir(parents=True)
    training = f"imported from {source.name}; how it was trained is not recorded here"
    config = {"distribution_mode": distribution_mode, "region": region, "training": training}
    (folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    (folder / "README.md").write_text(f"# {name}\n\n{policy.architecture} {policy.settings}, {training}.\n")
    write_weights(policy, folder / _WEIGHTS)
    return folder
