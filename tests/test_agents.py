"""Loading policies: names, files, foreign and hostile checkpoints."""

from __future__ import annotations

import os
import pickle
import re
import shutil
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
from maze_interp.commands.agents import agents_list
from maze_interp.policies.agents import (
    agent_info,
    agent_mode,
    import_agent,
    list_agents,
    load_network,
    trained_anywhere,
    training_region,
)
from maze_interp.policies.architectures.impala import Impala
from maze_interp.policies.names import agent_label

BUNDLED = {
    "rand_region_1_easy": ("easy", 1),
    "rand_region_2_easy": ("easy", 2),
    "rand_region_3_easy": ("easy", 3),
    "rand_region_5_easy": ("easy", 5),
    "rand_region_10_easy": ("easy", 10),
    "rand_region_5_easy_scratch": ("easy", 5),
    "rand_region_5_easy_rl": ("easy", 5),
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
    assert info.training.startswith(("reinforcement learning", "imitation"))
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


class Hostile:
    """A pickle that would make a folder on loading."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.folder),)


MESSAGES = {
    "cut_whole.safetensors": "not a whole safetensors file",
    "empty_whole.safetensors": "not a whole safetensors file",
    "noise_whole.safetensors": "not a whole safetensors file",
    "cut_whole.pth": "damaged or cut short",
    "empty_whole.pth": "damaged or cut short",
    "noise_whole.pth": "not loaded",
    "hostile.pth": "more than plain tensors",
    "hostile_zip.pth": "more than plain tensors",
    "no_names.pth": "no weights by name",
    "tensor.pth": "no weights by name, but a Tensor",
    "value.pth": "no fc_policy: a network without it chooses no moves",
    "policy.safetensors": "no fc_value: a network without it gives no values",
    "foreign.safetensors": "no known architecture",
    "quantised.pth": r"embedder.fc.weight is quantised \(torch.qint8\)",
    "sparse.pth": r"embedder.fc.weight is sparse \(torch.sparse_coo\)",
    "complex.safetensors": "embedder.fc.weight holds torch.complex64 numbers",
    "whole_numbers.safetensors": "embedder.fc.weight holds torch.int8 numbers",
    "beyond.safetensors": "embedder.fc.weight holds values that float32 cannot hold",
    "infinite.pth": "embedder.fc.weight holds values that are not finite",
    "shapes.pth": "embedder.block1.conv.weight has a shape but no numbers",
    "list.pth": "embedder.fc.weight is a list, not a tensor",
    "missing.safetensors": "missing tensor 'fc_value.bias'",
    "extra.safetensors": "unexpected tensor 'extra'",
    "shape.safetensors": r"fc_policy.weight has shape \(9, 256\), expected \(15, 256\)",
    "width.safetensors": "no known architecture",
    "nan.safetensors": "not finite",
    "absent.pth": "there is no checkpoint file",
    "notes.txt": "notes.txt is no checkpoint: expected a name ending in .safetensors, .pth, .pt",
}
"""What is said of each bad file."""


def write_bad_files(folder: Path) -> None:
    """The files of `MESSAGES`, all but the absent one."""
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
    torch.save({"weights": list(source.values())}, folder / "no_names.pth")
    torch.save(torch.zeros(3), folder / "tensor.pth")
    save_file({k: v for k, v in source.items() if k != "fc_value.bias"}, folder / "missing.safetensors")
    save_file({**source, "extra": torch.zeros(1)}, folder / "extra.safetensors")
    save_file({**source, "fc_policy.weight": torch.zeros(9, 256)}, folder / "shape.safetensors")
    save_file({**source, "embedder.block1.conv.weight": torch.zeros(20, 3, 3, 3)}, folder / "width.safetensors")
    save_file({**source, "fc_policy.bias": torch.full((15,), torch.nan)}, folder / "nan.safetensors")
    linear = source["embedder.fc.weight"]
    changes: dict[str, Any] = {
        "quantised.pth": torch.quantize_per_tensor(linear, 0.1, 0, torch.qint8),
        "sparse.pth": linear.to_sparse(),
        "complex.safetensors": linear * (1 + 1j),
        "whole_numbers.safetensors": linear.to(torch.int8),
        "beyond.safetensors": linear.double() * 1e300,
        "infinite.pth": linear / 0,
        "list.pth": linear.tolist(),
    }
    for name, changed in changes.items():
        write = save_file if name.endswith("safetensors") else torch.save
        write({**source, "embedder.fc.weight": changed}, folder / name)
    torch.save({key: tensor.to("meta") for key, tensor in source.items()}, folder / "shapes.pth")
    torch.save({k: v for k, v in source.items() if "fc_policy" not in k}, folder / "value.pth")
    save_file({k: v for k, v in source.items() if "fc_value" not in k}, folder / "policy.safetensors")
    save_file({"layers.0.weight": torch.zeros(4, 4)}, folder / "foreign.safetensors")
    (folder / "notes.txt").write_text("hello")


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor")
def test_bad_checkpoints_are_refused_in_one_line_and_run_nothing(tmp_path: Path) -> None:
    write_bad_files(tmp_path)
    for name, message in MESSAGES.items():
        with pytest.raises(MazeInterpError, match=message) as caught:
            load_policy(tmp_path / name)
        assert "\n" not in str(caught.value), name
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "a/b",
        "a\\b",
        "../mine",
        "mine.pth",
        "mine.safetensors",
        "reference:random",
        "my agent",
        "é",
        "-x",
    ],
)
def test_names_that_no_agent_can_have(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save(weights(), "foreign.pth")
    with pytest.raises(MazeInterpError, match="cannot be the name of an agent"):
        import_agent(Path("foreign.pth"), name, "easy", 3)
    assert [path.name for path in tmp_path.iterdir()] == ["foreign.pth"]


@pytest.mark.parametrize("name", ["mine.v2", "mine-0.5", "mine+1e-4", "v1.pth.old", "3"])
def test_names_with_dots_are_names(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save(weights(), "foreign.pth")
    import_agent(Path("foreign.pth"), name, "easy", 4)
    assert (agent_mode(name), training_region(name), load_policy(name).name) == ("easy", 4, name)
    assert agent_label(name) == name
    assert agent_info(name).architecture == "impala"
    assert agent_label(f"agents/{name}/weights.safetensors") == "weights"


def test_an_agent_of_ones_own_under_a_bundled_name_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save(weights(), "foreign.pth")
    import_agent(Path("foreign.pth"), "mine", "easy", 3)
    Path("agents/mine").rename(f"agents/{DEFAULT_AGENT}")
    for ask in (load_policy, agent_info, agent_mode, training_region):
        with pytest.raises(MazeInterpError, match=f"agents/{DEFAULT_AGENT} has the name of the bundled agent"):
            ask(DEFAULT_AGENT)
    table = list_agents()
    assert "has the name of the bundled agent" in table.loc[DEFAULT_AGENT, "problem"]
    assert (table.drop(DEFAULT_AGENT)["problem"] == "").all()
    shutil.rmtree("agents")
    shutil.copytree(bundled_path("agents", DEFAULT_AGENT), f"agents/{DEFAULT_AGENT}")
    assert agent_info(DEFAULT_AGENT).region == 3  # a copy with the same weights is the same agent


def test_damaged_agents_end_no_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save(weights(), "foreign.pth")
    for name in ("empty", "broken", "mode", "region", "list", "weights", "kind", "absent", "whole"):
        import_agent(Path("foreign.pth"), name, "easy", 3)
    folder = Path("agents")
    (folder / "empty/config.yaml").write_text("")
    (folder / "broken/config.yaml").write_text("region: [3")
    (folder / "mode/config.yaml").write_text("distribution_mode: medium\nregion: 3\ntraining: x\n")
    (folder / "region/config.yaml").write_text("distribution_mode: easy\nregion: -1\ntraining: x\n")
    (folder / "list/config.yaml").write_text("- easy\n")
    (folder / "weights/weights.safetensors").write_bytes(b"short")
    (folder / "kind/config.yaml").write_text("distribution_mode: easy\nregion: 3\ntraining: x\narchitecture: gru\n")
    (folder / "absent/config.yaml").unlink()
    table = list_agents()
    damaged = set(table.index[table["problem"] != ""])
    assert damaged == {"empty", "broken", "mode", "region", "list", "weights", "kind", "absent"}
    assert table.loc["whole", "hash"] == agent_hash(load_policy("foreign.pth"))
    assert np.isnan(table.loc["whole", "success"])
    best = table.loc["rand_region_3_easy"]
    assert (best["mode"], best["region"], best["success"], best["anywhere"]) == ("easy", 3, 0.991, 0.687)
    agents_list()
    printed = capsys.readouterr().out
    assert "whole" in printed
    assert "rand_region_3_easy (default)" in printed
    for name in damaged:
        assert f"\n{name} cannot be used: " in printed


def test_an_unknown_agent_is_answered_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(MazeInterpError, match=r"unknown agent 'rand_regoin_5': did you mean .*rand_region_5"):
        load_policy("rand_regoin_5")
