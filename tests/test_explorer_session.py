"""The explorer's answers about moves are the library's figures."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from explorer_client import AGENT, LAYER, Client, a_maze, text
from torch import nn

from maze_interp import (
    ActivationStore,
    Maze,
    agent_hash,
    behaviour,
    cheese_vector,
    edits,
    observe,
    probes,
    to_input,
    top_right_vector,
    vector_field,
)
from maze_interp.bundled import HELD_OUT
from maze_interp.edits.base import Edit
from maze_interp.errors import MazeInterpError
from maze_interp.explorer.agents import Agents
from maze_interp.explorer.attribution import decision
from maze_interp.explorer.session import Opening, Session
from maze_interp.mazes.constructed import random_tree
from maze_interp.policies.agents import import_agent, load_network, load_policy
from maze_interp.policies.architectures.impala import Impala
from maze_interp.policies.checkpoints import write_weights
from maze_interp.policies.moves import MOVES, STEPS
from maze_interp.policies.network import PolicyNetwork
from maze_interp.policies.pixels import activation_pixel


@pytest.fixture(scope="module")
def policy() -> PolicyNetwork:
    return load_network(AGENT)


DONOR = a_maze(9)


def changes_and_edits(policy: PolicyNetwork, maze: Maze) -> list[tuple[dict[str, Any], list[Edit]]]:
    """Every kind of edit, as a message has it and as the library does."""
    pixel = activation_pixel(maze, (2, 4), LAYER)
    donor = policy.run_with_cache(to_input(observe(DONOR, [DONOR.start])), [LAYER])[2][LAYER][0]
    places = [[1, 2], [3, 4]]
    source = edits.Observations(range(HELD_OUT + 1000, HELD_OUT + 1032), "easy")
    return [
        ({"kind": "zero", "channels": [1, 5]}, [edits.Zero(LAYER, [1, 5])]),
        ({"kind": "scale", "factor": -2, "positions": places}, [edits.Scale(LAYER, None, places, factor=-2.0)]),
        ({"kind": "mean", "channels": [3]}, [edits.Mean(LAYER, [3], source=source)]),
        (
            {"kind": "set_pixel", "channels": [7], "pixel": [3, 3], "value": 5.5, "fill": 0},
            [edits.SetPixel(LAYER, [7], (3, 3), 5.5, 0.0)],
        ),
        (
            {"kind": "set_square", "channels": [7], "square": [2, 4], "value": 5.5},
            [edits.SetPixel(LAYER, [7], pixel, 5.5)],
        ),
        (
            {"kind": "cheese_vector", "coefficient": -1.5},
            [edits.Add(LAYER, cheese_vector(policy, maze, LAYER), -1.5)],
        ),
        (
            {"kind": "top_right_vector", "coefficient": 2},
            [edits.Add(LAYER, top_right_vector(policy, maze, LAYER), 2.0)],
        ),
        (
            {"kind": "patch", "channels": [2, 7], "positions": places},
            [edits.Zero(LAYER, [2, 7], places), edits.Add(LAYER, donor, 1.0, [2, 7], places)],
        ),
    ]


def test_figures_are_the_librarys(policy: PolicyNetwork) -> None:
    maze = a_maze(size=5)
    pairs = changes_and_edits(policy, maze)
    client = Client({"maze": text(maze)})
    same_figures(client, policy, maze, [], False)
    for some in (*([pair] for pair in pairs), pairs, pairs[::-1]):
        client.show({"maze": text(maze), "donor": text(DONOR), "edits": [{"layer": LAYER, **one} for one, _ in some]})
        own = [edit for _, group in some for edit in group]
        field, shown = vector_field(policy, maze, own), client.ask("field", edited=True)
        assert [tuple(square) for square in shown["squares"]] == list(field.squares)
        assert np.array_equal(shown["probs"], field.probs)
        np.testing.assert_allclose(shown["value"], field.value, rtol=0, atol=1e-6)
    same_figures(client, policy, maze, own, True)


def same_figures(client: Client, policy: PolicyNetwork, maze: Maze, own: list[Edit], edited: bool) -> None:
    result, figures = behaviour(policy, maze, own), client.ask("figures", edited=edited)
    for name in ("p_cheese", "p_top_right", "p_region", "expected_steps", "p_cheese_limit"):
        assert figures[name] == pytest.approx(getattr(result, name), abs=1e-6), name
    assert np.allclose(figures["occupancy"], result.occupancy)
    exits = result.first_exit
    assert figures["first_exit"] == (exits and pytest.approx(vars(exits), abs=1e-6))


def test_switches_and_refusals(policy: PolicyNetwork) -> None:
    maze, client = a_maze(), Client()
    before = client.ask("field")
    client.show({"maze": text(maze), "edits": [{"kind": "zero", "layer": LAYER, "on": False}]})
    assert client.ask("field", edited=True) == before
    for edit, message in (
        ({"kind": "zero", "layer": "embedder.blok2"}, "did you mean"),
        ({"kind": "zero", "layer": LAYER, "channels": [32]}, "has channels 0 to 31"),
        ({"kind": "zero", "layer": LAYER, "channels": [32], "on": False}, "has channels 0 to 31"),
        ({"kind": "patch", "layer": LAYER}, "needs a donor"),
        ({"kind": "given", "layer": LAYER, "number": 0}, "0 edits were given"),
        ({"kind": "set_square", "layer": "embedder.fc", "square": [0, 0], "value": 1}, "no map"),
    ):
        assert message in client.show({"maze": text(maze), "edits": [edit]}), edit
        assert client.answers("field") == []  # nothing is shown
    assert "fills its world" in client.show(
        {
            "maze": text(random_tree(15, "easy", 1)),
            "edits": [{"kind": "top_right_vector", "layer": LAYER, "coefficient": 1}],
        }
    )
    assert "unknown agent" in client.show({"maze": text(maze), "agent": "agents/rand_region_5/weights.safetensors"})
    assert "other weights" in client.show({"maze": text(maze), "hash": "000000000000"})
    assert "in a wall" in client.show({"maze": {"ascii": "###\n###\n###", "mode": "easy"}})


def test_stale_requests_are_dropped() -> None:
    client = Client()
    client.version += 1
    assert client.answers("field") == []
    assert [answer["data"]["size"] for answer in client.answers("maze", mode="easy", seed=HELD_OUT)] == [5]


def test_edits_from_a_file_are_shown(policy: PolicyNetwork) -> None:
    given: tuple[Edit, ...] = (
        edits.Scale(LAYER, [3], factor=2.0),
        edits.Resample(LAYER, [4], source=edits.Observations([7], "easy")),
    )
    client = Client(given=given)
    (pane,) = client.ask("hello")["state"]["panes"]
    assert [edit["kind"] for edit in pane["edits"]] == ["scale", "given"]
    client.show(pane)
    maze = Maze.from_ascii(pane["maze"]["ascii"], "easy", pane["maze"]["seed"])
    assert np.array_equal(client.ask("field", edited=True)["probs"], vector_field(policy, maze, given).probs)


def test_edits_that_cannot_be_shown(policy: PolicyNetwork) -> None:
    for given, message in (
        ([edits.Zero(LAYER)] * 17, "at most 16 items"),
        ([edits.Zero(LAYER, [99])], "has channels 0 to 31"),
        ([edits.SetPixel(LAYER, 1, (1, 1), 1e9)], "less than or equal to 1000000"),
    ):
        with pytest.raises(MazeInterpError, match=message):
            Opening(Agents(policy), a_maze(), tuple(given))
    with pytest.raises(MazeInterpError, match="needs a network"):
        Opening(Agents(load_policy("reference:shortest-to-cheese")), a_maze(), (edits.Zero("fc_policy"),))


def test_taken_away(policy: PolicyNetwork, tmp_path: Any) -> None:
    maze, client = a_maze(), Client()
    some = [{"layer": LAYER, **one} for one, _ in changes_and_edits(policy, maze)]
    client.show({"maze": text(maze), "donor": text(DONOR), "edits": some})
    taken, figures = client.ask("export"), client.ask("figures", edited=True)
    program = taken["python"].replace("mi.vector_field(policy, maze, edits).plot()", "")
    names: dict[str, Any] = {}
    exec(program, names)
    assert names["result"].p_cheese == pytest.approx(figures["p_cheese"], abs=1e-6)
    assert Maze.from_ascii(taken["ascii"], "easy", maze.seed) == maze
    again = Client()
    assert again.show(taken["state"])["panes"][0]["hash"] == taken["state"]["hash"]
    assert again.ask("figures", edited=True) == figures


def test_edits_as_a_file(tmp_path: Any) -> None:
    some = [
        {"kind": "zero", "layer": LAYER, "channels": [1, 5]},
        {"kind": "mean", "layer": LAYER, "positions": [[1, 2]]},
        {"kind": "patch", "layer": "embedder.block3.res2.resadd", "channels": [2]},
        {"kind": "cheese_vector", "layer": "embedder.fc", "coefficient": -1},
    ]
    client = Client({"maze": text(a_maze()), "donor": text(DONOR), "edits": some})
    (tmp_path / "edits.yaml").write_text(client.ask("export")["yaml"])
    assert edits.load(tmp_path / "edits.yaml") == client.session.panes[0].edits


def test_cheese_map(policy: PolicyNetwork) -> None:
    maze = random_tree(3, "easy", 1).with_cheese((2, 2))
    client = Client({"maze": text(maze)})
    answers = client.answers("cheese_map")
    assert [answer["final"] for answer in answers] == [False] * (len(answers) - 1) + [True]
    found = {tuple(answer["data"]["squares"][0]): answer["data"]["p"][0] for answer in answers}
    assert found.keys() == set(maze.squares) - {maze.start}
    for square in list(found)[:4]:
        assert found[square] == behaviour(policy, maze.with_cheese(square)).p_cheese


def test_episodes_follow_the_chain() -> None:
    maze, client = a_maze(), Client()
    p_cheese = client.ask("figures")["p_cheese"]
    reached = []
    for seed in range(40):
        played = client.ask("episode", seed=seed)
        assert played == client.ask("episode", seed=seed)
        assert played["p_success"][0] == pytest.approx(p_cheese)
        assert (played["p_success"][-1] == 1) == played["reached"]
        for a, b, move in zip(played["squares"], played["squares"][1:], played["moves"], strict=False):
            step = STEPS[MOVES.index(move)]
            x, y = a[0] + step[0], a[1] + step[1]
            is_free = 0 <= x < maze.size and 0 <= y < maze.size and maze.open[y, x]
            assert b == ([x, y] if is_free else a)
        reached.append(played["reached"])
    assert abs(np.mean(reached) - p_cheese) <= 4 * np.sqrt(p_cheese * (1 - p_cheese) / len(reached)) + 1e-9


def test_a_rule_has_no_layers() -> None:
    client = Client({"agent": "reference:shortest-to-cheese", "maze": text(a_maze())})
    assert client.ask("figures")["p_cheese"] == pytest.approx(1)
    assert client.ask("field")["value"][0] is None
    assert client.ask("layers") == {"layers": []}
    assert client.ask("probes") == {"probes": []}
    assert "needs a network" in client.ask("channels", layer=LAYER)
    assert "needs a network" in client.ask("attribution", layer=LAYER)


def asked_of(session: Session, version: int, what: str, **fields: Any) -> Any:
    message = {"id": version, "version": version, "what": what, **fields}
    (answer,) = session.handle(json.dumps(message))
    return answer["data"]


def opened(policy: nn.Module, maze: Maze, change: dict[str, Any] | None = None) -> Session:
    """A session of a network from a notebook, an edit of its on."""
    session = Session(Opening(Agents(policy, "easy"), maze))
    state = asked_of(session, 0, "hello")["state"]
    state["panes"][0]["edits"] = [change] if change else []
    asked_of(session, 1, "state", state=state)
    return session


OTHER_THAN_ITS_NAME: dict[str, Callable[[PolicyNetwork], object]] = {
    "a module": lambda policy: policy.set_submodule("embedder.block2.maxpool", nn.AvgPool2d(3, 2, 1)),
    "the precision": lambda policy: policy.bfloat16(),
    "a hook": lambda policy: policy.get_submodule("embedder").register_forward_hook(lambda module, args, out: out * 0),
    "weights": lambda policy: policy.get_submodule("embedder.fc").weight.mul_(2),  # type: ignore[operator]
}


@pytest.mark.parametrize("name", OTHER_THAN_ITS_NAME)
def test_a_changed_network_is_not_the_agent_of_its_name(name: str) -> None:
    maze, changed = a_maze(), load_network(AGENT)
    OTHER_THAN_ITS_NAME[name](changed)
    shown = asked_of(opened(changed, maze), 1, "field")["probs"]
    np.testing.assert_allclose(shown, vector_field(changed, maze).probs, atol=1e-6)
    assert np.abs(shown - vector_field(load_network(AGENT), maze).probs).max() > 1e-4


def test_a_session_shows_the_network_as_it_was_and_the_next_as_it_is(untrained: Impala) -> None:
    """Its figures, its vectors and its hash."""
    maze, policy = a_maze(), copy.deepcopy(untrained)
    change = {"kind": "cheese_vector", "layer": LAYER, "coefficient": -1}

    def right() -> Any:
        return vector_field(policy, maze, edits.Add(LAYER, cheese_vector(policy, maze, LAYER), -1)).probs

    session, before = opened(policy, maze, change), right()
    np.testing.assert_allclose(asked_of(session, 1, "field", edited=True)["probs"], before, atol=1e-6)
    policy.embedder.block1.conv.weight.mul_(1.5)
    policy.embedder.fc.weight.mul_(1.5)
    again = opened(policy, maze, change)
    for one, expected in ((session, before), (again, right())):
        shown = asked_of(one, 1, "field", edited=True)["probs"]
        np.testing.assert_allclose(shown, expected, atol=1e-6)
        assert asked_of(one, 1, "figures", edited=True)["p_cheese"] >= 0
    assert session.panes[0].hash == agent_hash(untrained) != again.panes[0].hash == agent_hash(policy)


def test_what_is_at_hand_is_read_again_when_it_was_written_again(
    untrained: Impala, agent: Path, store: ActivationStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An agent of one's own that takes the place of another of its name, and a probe that was fitted again."""
    monkeypatch.chdir(tmp_path)
    import_agent(agent, "mine", "easy", 3)
    pane = {"panes": [{"agent": "mine", "maze": text(a_maze())}]}
    other = copy.deepcopy(untrained)
    other.fc_policy.weight.mul_(0.5)
    for policy, mode, levels in ((untrained, "easy", 10), (untrained, "easy", 20), (other, "hard", 20)):
        shutil.rmtree("agents/mine")
        write_weights(policy, tmp_path / "weights.safetensors")
        import_agent(tmp_path / "weights.safetensors", "mine", mode, 3)  # type: ignore[arg-type]
        probe = probes.fit(store, "embedder.fc", "cheese_x_world", levels=store.levels[:levels])
        mine = load_network("mine")
        shutil.rmtree("probes", ignore_errors=True)
        probes.save(probe, mine, "embedder.fc", "cheese_x_world", "some")
        session = opened(load_network(AGENT), a_maze())
        facts = asked_of(session, 1, "state", state=pane)["panes"][0]
        assert (facts["hash"], facts["mode"]) == (agent_hash(mine), mode)
        x = mine.run_with_cache(to_input(observe(a_maze(), [(2, 2)])), "embedder.fc")[2]["embedder.fc"]
        shown = asked_of(session, 1, "probe", layer="embedder.fc", target="cheese_x_world")
        assert shown["prediction"] == probe.predict(x.numpy())[0]


@pytest.mark.parametrize(
    ("layer", "container"),
    [("embedder.block2.res2.resadd", "embedder.block2"), ("embedder.block3.res2", "embedder.block3")],
)
def test_an_edit_of_what_contains_a_layer_counts_in_its_attribution(
    untrained: Impala, layer: str, container: str
) -> None:
    maze = a_maze()
    session = opened(untrained, maze, {"kind": "scale", "layer": container, "factor": 3.0})
    shown = asked_of(session, 1, "attribution", layer=layer, edited=True)
    x = to_input(observe(maze, [tuple(shown["square"])]))
    reached = untrained.run_with_cache(x, layer)[2][layer].requires_grad_()
    with untrained.hooks({layer: lambda activation, _: reached, container: lambda activation, _: activation * 3}):
        (gradient,) = torch.autograd.grad(decision(untrained(x)[0], *shown["moves"]).sum(), reached)
    expected = (reached * gradient)[0].sum((1, 2)).tolist()
    np.testing.assert_allclose(shown["channels"], expected, atol=1e-4)
