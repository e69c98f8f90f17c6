"""What a user's own type checker sees: a script of theirs, checked strictly."""

from __future__ import annotations

from pathlib import Path

from mypy import api

ROOT = Path(__file__).parent.parent

SCRIPT = """
from collections.abc import Iterator

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor, device
from typing_extensions import assert_type

import maze_interp as mi
from maze_interp.measure.behaviour import Behaviour, FirstExit
from maze_interp.measure.field import VectorField
from maze_interp.measure.retarget import Retargeting
from maze_interp.policies.cache import ActivationCache
from maze_interp.policies.network import PolicyNetwork
from maze_interp.probing.linear import LinearProbe
from maze_interp.results.estimates import Estimate
from maze_interp.studies.result import Result

layer = "embedder.block2.res1.resadd"
maze = mi.Maze.from_seed(0, "easy")
assert_type(maze, mi.Maze)
assert_type(maze.open, mi.arrays.SquareMask)
assert_type(maze.cheese, tuple[int, int] | None)
assert_type(maze.path((0, 0), (1, 1)), tuple[tuple[int, int], ...])
assert_type(mi.maze_features(maze), dict[str, float | None])
assert_type(maze.plot(), Axes)

policy = mi.load_network("rand_region_5", device="cpu", precision="float32")
assert_type(policy, PolicyNetwork)
assert_type(policy.device, device)
assert_type(policy.layers, tuple[str, ...])
pictures = mi.observe(maze, [maze.start], facing="left")
assert_type(pictures, mi.arrays.Pictures)
x = mi.to_input(pictures)
assert_type(x, Tensor)
assert_type(policy(x), tuple[Tensor, Tensor])
logits, value, cache = policy.run_with_cache(x, layers=lambda path: path.endswith("fc"))
assert_type(cache, ActivationCache)
assert_type(cache[layer], Tensor)
assert_type(cache.detach().to("cpu"), ActivationCache)


def double(activation: Tensor, path: str) -> Tensor:
    return 2 * activation


with policy.hooks({layer: double}):
    policy(x)
assert_type(policy.run_with_hooks(x, hooks=[(layer, double)]), tuple[Tensor, Tensor])

any_policy = mi.load_policy()  # may be a rule without layers
outputs = any_policy.run_with_cache(x, "embedder.fc")
assert_type(outputs, tuple[Tensor, Tensor, ActivationCache])
any_policy.run_with_hooks(x, [(layer, double)])

zero = mi.edits.Zero(layer, channels=[3])
field = mi.vector_field(any_policy, maze, edits=zero)
assert_type(field, VectorField)
assert_type(field.probs, mi.arrays.MoveProbabilities)
assert_type(field.p_cheese, float | None)
result = mi.behaviour(policy, maze, edits=[zero, mi.edits.Scale(layer, 3, factor=2.0)])
assert_type(result, Behaviour)
assert_type(result.occupancy, mi.arrays.SquareValues)
assert_type(result.first_exit, FirstExit | None)
assert_type(mi.behaviours(policy, [maze]), Iterator[Behaviour])
assert_type(mi.plots.difference(field, result.field), Axes)
assert_type(mi.plot.activations(maze, cache[layer], channels=3), Axes)
assert_type(mi.plots.activations(maze, cache[layer], channels=[3, 4]), list[Axes])
assert_type(mi.cheese_vector(policy, maze, layer), Tensor)
assert_type(mi.activation_pixel(maze, (0, 0), layer), tuple[int, int])
assert_type(mi.retarget(policy, maze, channels=[3], value=1.0, layer=layer), Retargeting)

done = mi.studies.ablate(seeds=range(3), layers=[layer]).run()
assert_type(done, Result)
assert_type(done.figures, dict[str, Figure])
store = mi.record(mi.Recording(policy, "x", mi.LevelSet(range(3), "easy"), [layer]), "store")
assert_type(store, mi.ActivationStore)
probe = mi.probes.fit(store, layer, "cheese_here")
assert_type(probe, LinearProbe)
assert_type(mi.probes.score(probe, store, layer, "cheese_here"), dict[str, Estimate])
assert_type(mi.cheese_channels(policy, layer), tuple[int, ...])
assert_type(mi.agent_hash(policy), str)
"""

WRONG = """
import maze_interp as mi

maze = mi.Maze.from_seed("zero")
mi.vector_feild
mi.vector_field(maze, maze)
mi.edits.Scale("embedder.fc")
mi.load_policy(precision="float16")
mi.plots.activations(maze, maze)
"""


def check(script: str, folder: Path) -> tuple[str, int]:
    """mypy's report and exit status; with the settings (strict), and so the cache, of this project's own check."""
    path = folder / "script.py"
    path.write_text(script)
    report, errors, status = api.run(["--config-file", str(ROOT / "pyproject.toml"), str(path)])
    assert not errors, errors
    return report, status


def test_a_users_script_has_real_types(tmp_path: Path) -> None:
    report, status = check(SCRIPT, tmp_path)
    assert status == 0, report


def test_a_users_mistakes_are_found(tmp_path: Path) -> None:
    report, status = check(WRONG, tmp_path)
    assert status == 1
    lines = {int(line.split(":")[1]) for line in report.splitlines() if ": error: " in line}
    assert lines == {4, 5, 6, 7, 8, 9}
