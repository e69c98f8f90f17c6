"""The agents in the box, by name, and loading any agent by name or file."""

from __future__ import annotations

import filecmp
import tempfile
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd

from maze_interp.arguments import checked, file_path
from maze_interp.bundled import DEFAULT_AGENT, bundled_path
from maze_interp.display import Tabled
from maze_interp.documents import dump_yaml, read_text
from maze_interp.errors import MazeInterpError, unknown_name
from maze_interp.mazes.features import REGION
from maze_interp.mazes.maze import WORLD_SIZE, DistributionMode
from maze_interp.policies.agent_config import AgentConfig
from maze_interp.policies.checkpoints import agent_hash, policy_from_weights, read_weights, weights_hash, write_weights
from maze_interp.policies.devices import Device, placed
from maze_interp.policies.history import FILE as HISTORY
from maze_interp.policies.history import read_checkpoint, split_name
from maze_interp.policies.names import agent_label, names_file, require_agent_name
from maze_interp.policies.network import PolicyNetwork
from maze_interp.policies.placement import Precision
from maze_interp.policies.references import REFERENCES, Reference, is_reference
from maze_interp.validation import read_document

_WEIGHTS, _CONFIG = "weights.safetensors", "config.yaml"  # either makes an agent, which lacks the other then


@dataclass(frozen=True, repr=False)
class AgentInfo(Tabled):
    """What `agents/<name>/config.yaml` says of an agent.

    Attributes:
        distribution_mode: the levels it was trained on, `"easy"` or `"hard"`.
        region: the cheese lay in the top-right region × region squares in training; `"anywhere"` where procgen
            puts it; None if that is not known.
        training: how it was made, in a few words.
        architecture: of `maze_interp.policies.architectures`; None to find it from the names of the weights.
        success: exact probability of reaching the cheese on held-out levels as in training; None if not measured.
        anywhere: the same with the cheese where procgen puts it.
        run: the settings of its training, the method among them; None if they are not known.
    """

    name: str
    path: Path
    distribution_mode: DistributionMode
    region: int | Literal["anywhere"] | None
    training: str
    architecture: str | None = None
    success: float | None = None
    anywhere: float | None = None
    run: dict[str, Any] | None = field(default=None, hash=False)

    @property
    def start_from(self) -> str | None:
        """The agent or file that its training began from; None for new weights or if not known."""
        return (self.run or {}).get("start_from")

    @property
    def card(self) -> str:
        """The agent's README."""
        return read_text(self.path / "README.md")


def agent_folders() -> dict[str, Path]:
    """Folders of the agents at hand, by name: those under `./agents`, then the bundled ones."""
    bundled = _folders(bundled_path("agents"))
    return {**{name: folder for name, folder in _folders(Path("agents")).items() if name not in bundled}, **bundled}


def _folders(root: Path) -> dict[str, Path]:
    return {file.parent.name: file.parent for file in sorted(root.glob("*/*")) if file.name in (_WEIGHTS, _CONFIG)}


def is_agent(agent: str | Path) -> bool:
    """Whether this is the name of an agent at hand, or `NAME@UPDATES` of one."""
    return split_name(str(agent))[0] in agent_folders()


def agent_folder(agent: str) -> Path:
    """The folder of an agent, or of `NAME@UPDATES`.

    Raises:
        MazeInterpError: there is none, or another one of that name under `./agents`.
    """
    name, _ = split_name(agent)
    folders = agent_folders()
    if name not in folders:
        raise unknown_name("agent", name, [*folders, *REFERENCES])
    folder, own = folders[name], Path("agents") / name
    weights, shadowed = folder / _WEIGHTS, own / _WEIGHTS
    if own.resolve() != folder.resolve() and shadowed.is_file() and not filecmp.cmp(weights, shadowed, shallow=False):
        raise MazeInterpError(
            f"{own} has the name of the bundled agent {name!r} and other weights; rename it, or give the path of the "
            f"file you mean: {shadowed} or {weights}"
        )
    return folder


def agent_info(name: str) -> AgentInfo:
    """What is recorded about an agent.

    Raises:
        MazeInterpError: no such agent, two of them, a reference policy, or its `config.yaml` is missing or damaged.
    """
    if is_reference(name):
        raise MazeInterpError(f"{Reference(name).name} is a rule, not a network: it has no layers and was not trained")
    folder = agent_folder(name)
    config = read_document(folder / _CONFIG, AgentConfig)
    return AgentInfo(name, folder, **{known.name: getattr(config, known.name) for known in fields(AgentInfo)[2:]})


def stored_hash(name: str) -> str:
    """`agent_hash` of an agent at hand, from its file alone."""
    return weights_hash(read_weights(agent_folder(name) / _WEIGHTS))


def list_agents() -> pd.DataFrame:
    """The agents at hand, one per row.

    Returns:
        indexed by name; columns mode, region, training, success (as in training) and anywhere (exact probabilities of
        reaching the cheese on held-out levels, NaN where not measured), hash (of the weights), and problem: empty, or
        why the agent cannot be used.

    Examples:
        >>> import maze_interp as mi
        >>> mi.list_agents().loc["rand_region_5", ["mode", "region"]].tolist()
        ['hard', 5]
    """
    table = pd.DataFrame([_row(name) for name in sorted(agent_folders())], columns=["name", *_COLUMNS])
    return table.set_index("name").astype({"success": float, "anywhere": float})


_COLUMNS = ("mode", "region", "training", "success", "anywhere", "hash", "problem")


def _row(name: str) -> tuple[object, ...]:
    try:
        info = agent_info(name)
        own_hash = agent_hash(load_network(name))
    except MazeInterpError as error:
        return name, "", "", "", None, None, "", str(error)
    region = "" if info.region is None else info.region
    return name, info.distribution_mode, region, info.training, info.success, info.anywhere, own_hash, ""


@checked
def load_policy(
    agent: Annotated[str | Path, file_path] = DEFAULT_AGENT,
    device: Device = "cpu",
    precision: Precision = "float32",
) -> PolicyNetwork | Reference:
    """A policy by the name of an agent or of a reference policy, or from a `.safetensors`, `.pth` or `.pt` file.

    Args:
        agent: the name or path; the default agent's unless given. `NAME@UPDATES` is the agent after so many updates
            of its training, where its folder holds a history.
        device: where the weights go, and with them all that is measured; `"auto"` is a GPU where there is one.
        precision: of weights and activations; `"bfloat16"` is faster where the hardware has it, and less exact.

    Returns:
        the network in evaluation mode, without gradients on its weights; its `name` is the
        agent's, or the file's without suffix. Or the reference policy.

    Raises:
        MazeInterpError: an unknown name, a file that is missing, damaged, hostile, or holds another network, or a
            device that is not there.

    Examples:
        >>> import maze_interp as mi
        >>> policy = mi.load_policy("rand_region_5")
        >>> x = mi.to_input(mi.observe(mi.Maze.from_seed(0)))
        >>> logits, value, cache = policy.run_with_cache(x, layers="embedder.fc")
        >>> cache["embedder.fc"].shape[1:]
        torch.Size([256])
    """
    return Reference(str(agent)) if is_reference(agent) else load_network(agent, device, precision)


@checked
def load_network(
    agent: Annotated[str | Path, file_path] = DEFAULT_AGENT,
    device: Device = "cpu",
    precision: Precision = "float32",
) -> PolicyNetwork:
    """`load_policy` for what reads or edits activations: a reference policy, which has none, is refused."""
    if names_file(agent):
        policy = policy_from_weights(read_weights(Path(agent)), agent_label(agent), Path(agent))
    else:
        info = agent_info(str(agent))
        updates = split_name(info.name)[1]
        weights = info.path / (_WEIGHTS if updates is None else HISTORY)
        content = read_weights(weights) if updates is None else read_checkpoint(info.path, updates)
        policy = policy_from_weights(content, info.name, weights, info.architecture)
    return placed(policy, device, precision)


def agent_mode(agent: str | Path) -> DistributionMode:
    """The levels an agent was trained on; hard mode for a file, which does not say, and for a reference policy."""
    return "hard" if names_file(agent) or is_reference(agent) else agent_info(str(agent)).distribution_mode


def training_region(agent: str | Path) -> int:
    """The n of the top-right n×n an agent was trained with; the published 5 where that is not known or anywhere."""
    region = None if names_file(agent) or is_reference(agent) else agent_info(str(agent)).region
    return region if isinstance(region, int) else REGION


def trained_anywhere(agent: str | Path) -> bool:
    """Whether an agent is known to have been trained with the cheese wherever procgen puts it."""
    return is_agent(agent) and agent_info(str(agent)).region == "anywhere"


def import_agent(
    source: Path, name: str, distribution_mode: DistributionMode, region: int | None, into: Path = Path("agents")
) -> Path:
    """Copy a foreign checkpoint into `into/<name>/` as safetensors with a config and a card, whole or not at all.

    Raises:
        MazeInterpError: the file does not load, the region is no number from 1, or the name is taken or cannot be one.
    """
    require_agent_name(name)
    if region is not None and not 1 <= region <= max(WORLD_SIZE.values()):
        raise MazeInterpError(f"region is n of the top-right n×n, 1 to {max(WORLD_SIZE.values())}, not {region}")
    policy = policy_from_weights(read_weights(source), name, source)
    folder = into / name
    if folder.exists() or name in agent_folders():
        raise MazeInterpError(f"there is already an agent {name!r}; choose another name")
    into.mkdir(parents=True, exist_ok=True)
    training = f"imported from {source.name}; how it was trained is not recorded here"
    config = {
        "distribution_mode": distribution_mode,
        "region": region,
        "training": training,
        "architecture": policy.architecture,
    }
    with tempfile.TemporaryDirectory(dir=into, prefix=".import-") as partial:
        whole = Path(partial) / name
        whole.mkdir()
        (whole / _CONFIG).write_text(dump_yaml(config), encoding="utf-8")
        (whole / "README.md").write_text(f"# {name}\n\n{policy.description}, {training}.\n", encoding="utf-8")
        write_weights(policy, whole / _WEIGHTS)
        whole.rename(folder)
    return folder
