"""The explorer's answers about activations: channels, probes, attribution."""

from __future__ import annotations

import base64

import numpy as np
import pytest
import torch
from explorer_client import AGENT, LAYER, Client, a_maze, text

from maze_interp import Maze, edits, observe, probes, to_input
from maze_interp.bundled import DEFAULT_AGENT, HELD_OUT
from maze_interp.edits.base import Edit, applied
from maze_interp.explorer.attribution import decision
from maze_interp.policies.agents import load_network
from maze_interp.policies.network import PolicyNetwork
from maze_interp.policies.pixels import activation_pixel


@pytest.fixture(scope="module")
def policy() -> PolicyNetwork:
    return load_network(AGENT)


def test_channels(policy: PolicyNetwork) -> None:
    maze = a_maze()
    client = Client({"maze": text(maze), "mouse": [4, 4]})
    shown = client.ask("channels", layer=LAYER)
    values = np.frombuffer(base64.b64decode(shown["values"]), "<f4").reshape(shown["shape"])
    _, _, cache = policy.run_with_cache(to_input(observe(maze, [(4, 4)])), [LAYER])
    assert np.array_equal(values, cache[LAYER][0])
    for x, y in maze.squares:
        assert (shown["rows"][y], shown["columns"][x]) == activation_pixel(maze, (x, y), LAYER)
    over = client.ask("channel", layer=LAYER, channel=3)
    at = over["squares"].index([4, 4])
    assert over["values"][at] == pytest.approx(values[3][activation_pixel(maze, (4, 4), LAYER)], rel=1e-5, abs=1e-5)
    assert "has channels 0 to 31" in client.ask("channel", layer=LAYER, channel=32)
    assert {row["path"]: tuple(row["shape"]) for row in client.ask("layers")["layers"]}[LAYER] == values.shape


def test_probes() -> None:
    maze, policy = a_maze(), load_network()
    client = Client({"agent": DEFAULT_AGENT, "maze": text(maze)})
    _, _, cache = policy.run_with_cache(to_input(observe(maze, [maze.start])), [LAYER])
    listed = {row["target"]: row for row in client.ask("probes")["probes"]}
    for target, row in listed.items():
        fitted, shown = (
            probes.load(policy, row["layer"], target),
            client.ask("probe", layer=row["layer"], target=target),
        )
        if row["of_squares"]:
            of_classes = fitted.predict_proba(cache[LAYER].numpy())[0]
            assert np.allclose(shown["outputs"], of_classes[..., 1] if len(row["classes"]) == 2 else of_classes)
        else:
            assert shown["prediction"] == fitted.predict(cache[LAYER].numpy())[0]
    assert {"cheese_here", "wall", "move_to_cheese", "cheese_x_world"} <= listed.keys()
    assert "no fitted probe" in client.ask("probe", layer=LAYER, target="../../../etc")


def test_attribution_sums_to_the_decision(policy: PolicyNetwork) -> None:
    maze = Maze.from_seed(HELD_OUT + 12, "easy")
    own: list[Edit] = [edits.Scale("embedder.block3.res1.resadd", factor=1.2), edits.Zero("embedder.block2.conv", [3])]
    client = Client(
        {
            "maze": text(maze),
            "edits": [
                {"kind": "scale", "layer": own[0].layer, "factor": 1.2},
                {"kind": "zero", "layer": own[1].layer, "channels": [3]},
            ],
        }
    )
    x = to_input(observe(maze, [maze.decision_square or maze.start]))
    for layer in (LAYER, "embedder.fc"):
        shown = client.ask("attribution", layer=layer, method="integrated", edited=True)
        with torch.no_grad(), applied(policy, own):
            logits, _ = policy(x)
            with applied(policy, edits.Zero(layer)):
                nothing, _ = policy(x)
        change = decision(logits, *shown["moves"]) - decision(nothing, *shown["moves"])
        assert sum(shown["channels"]) == pytest.approx(float(change), abs=0.05 * abs(float(change)) + 0.02)
        if shown["map"] is not None:
            assert np.sum(shown["map"]) == pytest.approx(sum(shown["channels"]), abs=1e-3)


def test_a_gradient_is_a_small_change(policy: PolicyNetwork) -> None:
    maze = a_maze()
    client = Client({"maze": text(maze)})
    shown = client.ask("attribution", layer=LAYER)
    channel, x, small = (
        int(np.argmax(np.abs(shown["channels"]))),
        to_input(observe(maze, [tuple(shown["square"])])),
        1e-3,
    )
    results = []
    for factor in (1 - small, 1 + small):
        with torch.no_grad(), applied(policy, edits.Scale(LAYER, [channel], factor=factor)):
            results.append(float(decision(policy(x)[0], *shown["moves"])))
    assert shown["channels"][channel] == pytest.approx((results[1] - results[0]) / (2 * small), rel=0.05, abs=0.01)
