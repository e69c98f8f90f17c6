"""Loading policies: names, files, foreign and hostile checkpoints."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.utils.prune
from safetensors.torch import save_file

from maze_interp import DEFAULT_AGENT, Maze, MazeInterpError, agent_hash, load_policy, vector_field
from maze_interp.bundled import bundled_path
from maze_interp.policies.agents import (
    agent_info,
    agent_mode,
    import_agent,
    load_network,
    trained_anywhere,
    training_region,
)
from maze_interp.policies.architectures.impala import Impala
from maze_interp.studies.compare.plan import last_stages

BUNDLED = {
    "rand_region_1_easy": ("easy", 1),
    "rand_region_1_easy_stage_1": ("easy", 1),
    "rand_region_1_easy_imitation": ("easy", 1),
    "rand_region_2_easy": ("easy", 2),
    "rand_region_2_easy_stage_1": ("easy", 2),
    "rand_region_2_easy_imitation": ("easy", 2),
    "rand_region_3_easy": ("easy", 3),
    "rand_region_3_easy_imitation": ("easy", 3),
    "rand_region_5_easy": ("easy", 5),
    "rand_region_5_easy_stage_1": ("easy", 5),
    "rand_region_10_easy": ("easy", 10),
    "rand_region_10_easy_stage_1": ("easy", 10),
    "rand_region_5_easy_scratch": ("easy", 5),
    **{f"rand_region_5_easy_scratch_seed_{seed}": ("easy", 5) for seed in (1, 2, 3, 4)},
    "rand_region_5_easy_rl_stage_2": ("easy", 5),
    "rand_region_5_easy_rl_stage_3": ("easy", 5),
    "rand_region_5_easy_rl": ("easy", 5),
    "rand_anywhere_easy": ("easy", "anywhere"),
    "rand_anywhere_easy_stage_1": ("easy", "anywhere"),
    "rand_region_5": ("hard", 5),
    "rand_region_5_short": ("hard", 5),
    "rand_region_5_stage_1": ("hard", 5),
    "rand_region_5_imitation": ("hard", 5),
    "rand_region_5_seed_1": ("hard", 5),
    "rand_region_5_seed_1_stage_1": ("hard", 5),
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
    assert info.training.startswith(("reinforcement learning", "imitation"))
    policy = load_policy(name)
    assert policy.name == name
    assert not policy.training
    assert agent_hash(policy) in info.card


def test_the_default_agent_is_bundled() -> None:
    assert DEFAULT_AGENT in BUNDLED
    assert {path.name for path in bundled_path("agents").iterdir() if path.is_dir()} == BUNDLED.keys()


def test_the_agents_that_are_compared_solve_their_training_levels() -> None:
    success = {name: agent_info(name).success for name in last_stages()}
    assert {DEFAULT_AGENT, "rand_region_5"} <= success.keys()
    assert all(share is not None and share >= 0.97 for share in success.values()), success


@pytest.mark.parametrize("width", [1, 2])
@pytest.mark.parametrize("key", ["model_state_dict", "state_dict"])
def test_both_published_keys_and_any_width(tmp_path: Path, width: int, key: str) -> None:
    source = weights(width)
    torch.save({key: source, "optimizer_state_dict": {}}, tmp_path / "foreign.pth")
    policy = load_policy(tmp_path / "foreign.pth")
    assert policy.settings == {"width": width}
    assert all(torch.equal(policy.state_dict()[name], tensor) for name, tensor in source.items())


def conv_seqs(name: str) -> str:
    """The names of a widespread PyTorch port of the competition's network, by regular expressions of its own."""
    heads = {"embedder.fc.": "hidden_fc.", "fc_policy.": "logits_fc.", "fc_value.": "value_fc."}
    for ours, theirs in heads.items():
        name = name.replace(ours, theirs)
    name = re.sub(r"embedder\.block(\d)", lambda found: f"conv_seqs.{int(found[1]) - 1}", name)
    return re.sub(r"res(\d)\.conv(\d)", lambda found: f"res_block{int(found[1]) - 1}.conv{int(found[2]) - 1}", name)


def network_and_actor(name: str) -> str:
    """Those of a single-file PPO."""
    theirs = {"conv_seqs": "network", "hidden_fc": "network.5", "logits_fc": "actor", "value_fc": "critic"}
    name = conv_seqs(name)
    for before, after in theirs.items():
        name = name.replace(before, after)
    return name


WRAPPED: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "data parallel": lambda name: f"module.{name}",
    "compiled": lambda name: f"_orig_mod.{name}",
    "both": lambda name: f"module._orig_mod.{name}",
    "a part compiled": lambda name: name.replace("embedder.", "embedder._orig_mod."),
    "conv_seqs": conv_seqs,
    "compiled conv_seqs": lambda name: f"_orig_mod.{conv_seqs(name)}",
    "network, actor, critic": network_and_actor,
}


@pytest.mark.parametrize("rename", WRAPPED.values(), ids=WRAPPED)
@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_bare_weights_under_the_names_of_wrappers_and_other_trainers(
    tmp_path: Path, rename: Callable[[str], str], suffix: str
) -> None:
    source = weights()
    path = tmp_path / f"foreign.{suffix}"
    (torch.save if suffix == "pth" else save_file)({rename(name): tensor for name, tensor in source.items()}, path)
    loaded = load_network(path).state_dict()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in source.items())


@pytest.mark.parametrize("beside", ["optimiser first", "scheduler and step"])
def test_weights_beside_an_optimiser(tmp_path: Path, beside: str) -> None:
    network = Impala(1)
    optimiser = torch.optim.Adam(network.parameters())
    network(torch.rand(2, 3, 64, 64))[0].sum().backward()  # type: ignore[no-untyped-call]
    optimiser.step()
    content: dict[str, Any] = {"optimizer": optimiser.state_dict(), "agent": network.state_dict()}
    if beside != "optimiser first":
        content = {**network.state_dict(), "step": 3, **content}
    torch.save(content, tmp_path / "run.pth")
    if beside != "optimiser first":
        with pytest.raises(MazeInterpError, match="unexpected tensor"):
            load_network(tmp_path / "run.pth")
        return
    assert agent_hash(load_network(tmp_path / "run.pth")) == agent_hash(network)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("width", [1, 3, 8])
def test_any_precision_and_width_becomes_float32(tmp_path: Path, dtype: torch.dtype, width: int) -> None:
    source = {name: tensor.to(dtype) for name, tensor in weights(width).items()}
    torch.save(source, tmp_path / "foreign.pt")
    policy = load_network(tmp_path / "foreign.pt")
    assert policy.settings == {"width": width}
    assert all(torch.equal(policy.state_dict()[name], tensor.float()) for name, tensor in source.items())


def test_loading_depends_on_no_setting_of_torch_and_changes_none() -> None:
    plain = load_policy()
    assert plain.name == DEFAULT_AGENT
    state = torch.get_rng_state()
    torch.set_default_dtype(torch.float64)
    try:
        double = load_policy()
        field = vector_field(double, Maze.from_seed(3, "easy"))
    finally:
        torch.set_default_dtype(torch.float32)
    assert torch.equal(torch.get_rng_state(), state)
    assert {tensor.dtype for tensor in double.state_dict().values()} == {torch.float32}
    assert agent_hash(double) == agent_hash(plain)
    assert np.array_equal(field.probs, vector_field(plain, Maze.from_seed(3, "easy")).probs)


def test_a_device_by_name_or_an_error() -> None:
    assert load_policy(device="cpu").state_dict()["fc_value.bias"].device.type == "cpu"
    for device in ("warp", "cuda:99"):
        with pytest.raises(MazeInterpError, match=f"no device '{device}'"):
            load_policy(device=device)


def test_loaded_weights_can_be_pruned() -> None:
    policy = load_network()
    conv = policy.get_submodule("embedder.block1.conv")
    torch.nn.utils.prune.l1_unstructured(conv, "weight", amount=0.5)  # type: ignore[no-untyped-call]
    assert (conv.get_buffer("weight_mask") == 0).float().mean() == pytest.approx(0.5, abs=0.01)


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
