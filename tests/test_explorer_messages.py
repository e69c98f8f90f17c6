"""Strange messages: no fault, and the session goes on."""

from __future__ import annotations

import copy
import json
import logging
import random
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from explorer_client import MAZE, Running, receive, send, state


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    server = Running()
    yield server
    server.stop()


def test_random_messages(running: Running, caplog: pytest.LogCaptureFixture) -> None:
    """10,000 messages, from noise to nearly right: no fault, and the session goes on."""
    caplog.set_level(logging.WARNING)
    draw = random.Random(0)
    with running.visit() as visit:
        send(visit, 1, "state", version=1, state=state(MAZE))
        messages = [strange(draw) for _ in range(10_000)]
        last = 10**9

        def send_all() -> None:
            for message in messages:
                visit.send(message)
            send(visit, last, "hello")

        threading.Thread(target=send_all).start()
        while (answer := json.loads(visit.recv(timeout=60)))["id"] != last:
            assert "a fault of the explorer" not in answer.get("error", ""), answer
            assert "Traceback" not in answer.get("error", "")
        send(visit, last + 1, "state", version=10**9, state=state(MAZE))
        send(visit, last + 2, "field", version=10**9)
        assert "data" in receive(visit, last + 2)
    assert not caplog.records


WORDS = ("hello", "state", "field", "figures", "episode", "layers", "channels", "channel", "probe", "probes", "maze")
VALUES: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    1,
    3,
    1e9,
    2**70,
    1e400,
    "",
    "x",
    "../../etc/passwd",
    [],
    {},
    [[1]],
    "\ud800",
)


def strange(draw: random.Random) -> str | bytes:
    """Noise, or a message with something wrong in it."""
    kind = draw.randrange(4)
    if kind == 0:
        return draw.randbytes(draw.randrange(40))
    if kind == 1:
        return "".join(chr(draw.randrange(32, 0x2000)) for _ in range(draw.randrange(60)))
    edit = {"kind": draw.choice(("zero", "scale", "patch", "given")), "layer": "embedder.fc", "number": 0, "factor": 2}
    message: dict[str, Any] = {"id": draw.randrange(100), "version": draw.randrange(3), "what": draw.choice(WORDS)}
    message |= {"layer": "embedder.fc", "channel": draw.randrange(300), "mode": "easy", "seed": draw.randrange(9)}
    if message["what"] == "state":
        message = {**message, "state": state(MAZE, edits=[edit])}
    else:
        message |= {"pane": draw.randrange(3), "edited": draw.random() < 0.5}
    for _ in range(draw.randrange(1, 4)):
        spoil(draw, message)
    return json.dumps(message)


def spoil(draw: random.Random, content: Any) -> None:
    """Change, drop or add something somewhere inside."""
    keys = list(content) if isinstance(content, dict) else list(range(len(content)))
    if not keys or draw.random() < 0.1:
        if isinstance(content, dict):
            content[draw.choice(WORDS)] = copy.deepcopy(draw.choice(VALUES))
        return
    key = draw.choice(keys)
    if isinstance(content[key], dict | list) and draw.random() < 0.8:
        spoil(draw, content[key])
    elif draw.random() < 0.4:
        del content[key]
    else:
        content[key] = copy.deepcopy(draw.choice(VALUES))
