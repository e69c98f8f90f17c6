"""Loading policies: names, files, foreign and hostile checkpoints."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from maze_interp import DEFAULT_AGENT, Maze, MazeInterpError, agent_hash, load_policy, vector_field
from maze_interp.bundled import bundled_path
from maze_interp.policies.agents import (
    agent_info,
    agent_mode,
    import_agent,
    trained_anywhere,
    training_region,
)
from maze_interp.policies.architectures.impala import Impala

BUNDLED = {
    "rand_region_1_easy": ("easy", 1),
    "rand_region_2_easy": ("easy", 2),
    "rand_region_3_easy": ("easy", 3),
    "rand_region_5_easy": ("easy", 5),
    "rand_anywhere_easy": ("easy", "anywhere"),
    "rand_region_5": ("hard", 5),
    "rand_region_5_imitation": ("hard", 5),
    "rand_region_5_seed_1": ("hard", 5),
    "rand_region_5_imitation_seed_1": ("hard", 5),
}


def weights(width: int = 1) -> dict[str, torch.Tensor]:
    return {name: tensor.contiguous() for name, tensor in Impala(width).state_dict().items()}


@pytest.mark.parametrize("name", BUNDLED)
def test_bundled_agents_load_and_say_what_they_are(name: str) -> None:
    info = agent_info(name)
    assert (info.distribution_mode, info.region) == BUNDLED[name]
    mode, region = BUNDLED[name]
    assert (agent_mode(name), training_region(name)) == (mode, 5 if region == "anywhere" else region)
    assert trained_anywhere(name) == (region == "anywhere")
    assert "imitation" in info.training
    policy = load_policy(name)
    assert policy.name == name
    assert not policy.training
    assert agent_hash(policy) in info.card


def test_the_default_agent_is_bundled() -> None:
    assert DEFAULT_AGENT in BUNDLED
    assert {path.name for path in bundled_path("agents").iterdir() if path.is_dir()} == BUNDLED.keys()


@pytest.mark.parametrize("width", [1, 2])
@pytest.mark.parametrize("key", ["model_state_dict", "state_dict"])
def test_both_published_keys_and_any_width(tmp_path: Path, width: int, key: str) -> None:
    source = weights(width)
    torch.save({key: source, "optimizer_state_dict": {}}, tmp_path / "foreign.pth")
    policy = load_policy(tmp_path / "foreign.pth")
    assert policy.settings == {"width": width}
    assert all(torch.equal(policy.state_dict()[name], tensor) for name, tensor in source.items())


def test_published_checkpoint_equals_a_forward_pass_written_out(published: Impala, published_path: Path) -> None:
    """The network in plain functions on the published tensors, without our modules."""
    state = torch.load(published_path, map_location="cpu", weights_only=True)["state_dict"]

    def conv(x: torch.Tensor, name: str) -> torch.Tensor:
        return torch.conv2d(x, state[f"{name}.weight"], state[f"{name}.bias"], padding=1)

    x = original = torch.rand(4, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    for block in (f"embedder.block{b}" for b in (1, 2, 3)):
        x = torch.max_pool2d(conv(x, f"{block}.conv"), 3, 2, 1)
        for res in ("res1", "res2"):
            x = x + conv(conv(x.relu(), f"{block}.{res}.conv1").relu(), f"{block}.{res}.conv2")
    x = (x.relu().flatten(1) @ state["embedder.fc.weight"].T + state["embedder.fc.bias"]).relu()
    logits, value = published(original)
    assert torch.allclose(logits, x @ state["fc_policy.weight"].T + state["fc_policy.bias"], atol=1e-4)
    assert torch.allclose(value, (x @ state["fc_value.weight"].T + state["fc_value.bias"])[:, 0], atol=1e-4)


def test_hash_names_the_weights_not_the_file(tmp_path: Path) -> None:
    source = weights()
    torch.save({"state_dict": source}, tmp_path / "a.pth")
    save_file(source, tmp_path / "b.safetensors")
    other = {**source, "fc_policy.bias": source["fc_policy.bias"] + 1}
    save_file(other, tmp_path / "c.safetensors")
    a, b, c = (agent_hash(load_policy(tmp_path / name)) for name in ("a.pth", "b.safetensors", "c.safetensors"))
    assert a == b != c
    assert len(a) == 12


def test_import_makes_an_agent_like_any_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    source = weights()
    torch.save({"model_state_dict": source}, "foreign.pth")
    import_agent(Path("foreign.pth"), "mine", "easy", 7)
    assert (agent_mode("mine"), training_region("mine")) == ("easy", 7)
    maze = Maze.from_seed(3, "easy")
    mine, foreign = (vector_field(load_policy(agent), maze) for agent in ("mine", "foreign.pth"))
    assert np.array_equal(mine.probs, foreign.probs)
    with pytest.raises(MazeInterpError, match="already an agent 'mine'"):
        import_agent(Path("foreign.pth"), "mine", "easy", 7)
    with pytest.raises(MazeInterpError, match=f"already an agent '{DEFAULT_AGENT}'"):
        import_agent(Path("foreign.pth"), DEFAULT_AGENT, "easy", 7)


class Hostile:
    """A pickle that would make a folder on loading."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.folder),)


def bad_files(folder: Path) -> dict[str, str]:
    """Files that must be refused, and what the message says."""
    source = weights()
    save_file(source, folder / "whole.safetensors")
    torch.save({"state_dict": source}, folder / "whole.pth")
    for whole in ("whole.safetensors", "whole.pth"):
        content = (folder / whole).read_bytes()
        (folder / f"cut_{whole}").write_bytes(content[: len(content) // 2])
        (folder / f"empty_{whole}").write_bytes(b"")
        (folder / f"noise_{whole}").write_bytes(np.random.default_rng(0).bytes(5000))
    (folder / "hostile.pth").write_bytes(pickle.dumps({"state_dict": Hostile(folder / "owned")}))
    torch.save({"state_dict": {**source, "x": Hostile(folder / "owned")}}, folder / "hostile_zip.pth")
    torch.save({"weights": source}, folder / "no_key.pth")
    torch.save(torch.zeros(3), folder / "tensor.pth")
    save_file({k: v for k, v in source.items() if k != "fc_value.bias"}, folder / "missing.safetensors")
    save_file({**source, "extra": torch.zeros(1)}, folder / "extra.safetensors")
    save_file({**source, "fc_policy.weight": torch.zeros(9, 256)}, folder / "shape.safetensors")
    save_file({**source, "embedder.block1.conv.weight": torch.zeros(20, 3, 3, 3)}, folder / "width.safetensors")
    save_file({**source, "fc_policy.bias": torch.full((15,), torch.nan)}, folder / "nan.safetensors")
    (folder / "notes.txt").write_text("hello")
    return {
        "cut_whole.safetensors": "not a whole safetensors file",
        "empty_whole.safetensors": "not a whole safetensors file",
        "noise_whole.safetensors": "not a whole safetensors file",
        "cut_whole.pth": "damaged or cut short",
        "empty_whole.pth": "damaged or cut short",
        "noise_whole.pth": "not loaded",
        "hostile.pth": "more than plain tensors",
        "hostile_zip.pth": "more than plain tensors",
        "no_key.pth": "no weights under 'model_state_dict' or 'state_dict'",
        "tensor.pth": "no weights under",
        "missing.safetensors": "missing tensor 'fc_value.bias'",
        "extra.safetensors": "unexpected tensor 'extra'",
        "shape.safetensors": r"fc_policy.weight has shape \(9, 256\), expected \(15, 256\)",
        "width.safetensors": "no known architecture",
        "nan.safetensors": "not finite",
        "absent.pth": "there is no checkpoint file",
        "notes.txt": "unknown agent",
    }


@pytest.mark.filterwarnings("error")
def test_bad_checkpoints_are_refused_in_one_line_and_run_nothing(tmp_path: Path) -> None:
    for name, message in bad_files(tmp_path).items():
        with pytest.raises(MazeInterpError, match=message) as caught:
            load_policy(tmp_path / name)
        assert "\n" not in str(caught.value), name
    assert not (tmp_path / "owned").exists()


def test_an_unknown_agent_is_answered_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(MazeInterpError, match=r"unknown agent 'rand_regoin_5': did you mean .*rand_region_5"):
        load_policy("rand_regoin_5")
