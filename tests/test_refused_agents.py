"""Agents and checkpoints that are refused: hostile and foreign files, names that cannot be, damaged folders."""

from __future__ import annotations

import os
import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.utils.prune
from safetensors.torch import save_file

from maze_interp import DEFAULT_AGENT, MazeInterpError, agent_hash, load_policy
from maze_interp.bundled import bundled_path
from maze_interp.commands.agents import agents_list, agents_show
from maze_interp.policies.agents import (
    agent_info,
    agent_mode,
    import_agent,
    list_agents,
    training_region,
)
from maze_interp.policies.architectures.impala import Impala
from maze_interp.policies.names import agent_label


def weights(width: int = 1) -> dict[str, torch.Tensor]:
    return {name: tensor.contiguous() for name, tensor in Impala(width).state_dict().items()}


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
    assert agent_info(DEFAULT_AGENT).region == 5  # a copy with the same weights is the same agent


def test_damaged_agents_end_no_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save(weights(), "foreign.pth")
    for name in ("empty", "broken", "mode", "region", "list", "weights", "kind", "absent", "no-weights", "whole"):
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
    (folder / "no-weights/weights.safetensors").unlink()
    table = list_agents()
    damaged = set(table.index[table["problem"] != ""])
    assert damaged == {"empty", "broken", "mode", "region", "list", "weights", "kind", "absent", "no-weights"}
    assert table.loc["whole", "hash"] == agent_hash(load_policy("foreign.pth"))
    assert np.isnan(table.loc["whole", "success"])
    best = table.loc["rand_region_3_easy_imitation"]
    assert (best["mode"], best["region"], best["success"], best["anywhere"]) == ("easy", 3, 0.991, 0.687)
    agents_list()
    printed = capsys.readouterr().out
    assert "whole" in printed
    assert f"{DEFAULT_AGENT} (default)" in printed
    for name in damaged:
        assert f"\n{name} cannot be used: " in printed


@pytest.mark.parametrize("card", [None, b"\xff\xfe\xfa"])
def test_a_damaged_card_is_one_line(card: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save(weights(), "foreign.pth")
    path = import_agent(Path("foreign.pth"), "mine", "easy", 3) / "README.md"
    path.unlink() if card is None else path.write_bytes(card)
    with pytest.raises(MazeInterpError, match=r"README\.md"):
        agents_show("mine")
    with pytest.raises(MazeInterpError, match="mine has no history"):
        load_policy("mine@")  # no updates are not the last ones


def test_an_unknown_agent_is_answered_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(MazeInterpError, match=r"unknown agent 'RAND_REGION_5': did you mean rand_region_5,"):
        load_policy("RAND_REGION_5")
    with pytest.raises(MazeInterpError, match=r"unknown agent 'rand_regoin_5': did you mean .*rand_region_5"):
        load_policy("rand_regoin_5")
