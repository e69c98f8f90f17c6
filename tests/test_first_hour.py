"""What a user of TransformerLens or procgen-tools types first, in a notebook and in a plain script.

The cells are run as they stand by a Jupyter kernel; a script has the same lines with `print` around what a cell shows.
"""

from __future__ import annotations

import ast
import base64
import io
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib.image
import nbclient
import nbformat
import numpy as np
import pytest

PICTURE, TABLE, TEXT = "image/png", "text/html", "text/plain"


class Cell(NamedTuple):
    """A cell, the richest form of what a notebook shows of it, and a pattern for the plain text."""

    code: str
    shows: str | None = None
    text: str = ""


CELLS = [
    Cell("import maze_interp as mi\n\nmaze = mi.Maze.from_seed(3, 'easy')\nmaze", PICTURE, r"<Maze: easy level 3, 9×9"),
    Cell("maze.size, maze.start, maze.cheese, maze.decision_square", TEXT, r"\(9, \(0, 0\), \(8, 4\), \(\d, \d\)\)"),
    Cell("print(maze.to_ascii())", TEXT, r"[#.CM]{9}\n"),
    Cell("maze.plot()", PICTURE, "<Axes: title="),
    Cell("mi.list_agents()[['mode', 'region', 'success']].head(3)", TABLE, r"rand_\w+ +easy"),
    Cell("policy = mi.load_policy()\npolicy", TABLE, r"<Impala: name rand_region_5_easy_rl, architecture impala"),
    Cell("list(policy.layers)[:2]", TEXT, r"\['embedder', 'embedder.block1'\]"),
    Cell("field = mi.vector_field(policy, maze)\nfield", PICTURE, r"<VectorField: \d+ squares of <Maze"),
    Cell("field.p_cheese, field.prob((0, 0), 'up')", TEXT, r"\(0\.\d+, [\d.e-]+\)"),
    Cell("obs = mi.observe(maze, [maze.start])\nobs.shape, obs.dtype", TEXT, r"\(1, 64, 64, 3\), dtype\('uint8'\)"),
    Cell(
        "x = mi.to_input(obs)\nlogits, value, cache = policy.run_with_cache(x)\ncache",
        TEXT,
        "ActivationCache.*and 49 more",
    ),
    Cell(
        "cache['embedder.block1'].shape, cache['embedder.block2.res1.resadd_out'].shape", TEXT, "16, 32, 32.*32, 16, 16"
    ),
    Cell(
        "layer = 'embedder.block2.res1.resadd'\nmi.plots.activations(maze, cache[layer], channels=[3, 5])",
        PICTURE,
        "<Axes",
    ),
    Cell(
        "_, _, cache = policy.run_with_cache(x, layers='embedder.fc')\nlist(cache.keys())", TEXT, r"\['embedder.fc'\]"
    ),
    Cell("zero = mi.edits.Zero(layer, channels=[3, 5])\nzero", TABLE, r"Zero\(layer='embedder\.block2"),
    Cell("edited = mi.behaviour(policy, maze, edits=zero)\nedited", PICTURE, r"<Behaviour: P\(cheese\) \d"),
    Cell("mi.plots.difference(field, edited.field)", PICTURE, "<Axes: title="),
    Cell(
        "def double(activation, layer):\n    return 2 * activation\n\n"
        "with policy.hooks({layer: double}):\n    print(policy(x)[0].shape)",
        TEXT,
        r"\[1, 15\]",
    ),
    Cell("policy.run_with_hooks(x, hooks=[(layer, double)])[1].shape", TEXT, r"\[1\]"),
    Cell(
        "hide = mi.edits.Add(layer, mi.cheese_vector(policy, maze, layer), coefficient=-1)\n"
        "mi.vector_field(policy, maze, edits=[zero, hide]).p_cheese",
        TEXT,
        r"\d\.\d+",
    ),
    Cell(
        "mi.retarget(policy, maze, [maze.top_right], channels=[3], value=5.0, layer=layer)",
        TEXT,
        "<Retargeting: 1 target",
    ),
    Cell("mi.sweep(policy, range(3))[['seed', 'p_cheese']]", TABLE, r"seed +p_cheese\n0 +0 +\d"),
    Cell("result = mi.studies.field(seed=3).run()\nresult", TABLE, "<field: "),
    Cell("result.figures['field']", PICTURE, "<Figure size"),
]


def as_script(cells: list[Cell]) -> str:
    """The cells one after another, the last expression of each printed."""
    parts = []
    for cell in cells:
        tree = ast.parse(cell.code)
        last = tree.body[-1]
        if isinstance(last, ast.Expr) and cell.shows is not None and not cell.code.startswith("print"):
            tree.body[-1] = ast.parse(f"print(repr({ast.unparse(last.value)}))").body[0]
        parts.append(f"{ast.unparse(tree)}\nprint('----')")
    return "\n".join(parts)


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> nbformat.NotebookNode:
    new: Any = nbformat.v4
    made = new.new_notebook(cells=[new.new_code_cell(cell.code) for cell in CELLS])
    folder = tmp_path_factory.mktemp("notebook")
    client = nbclient.NotebookClient(made, timeout=120, kernel_name="python3", resources={"metadata": {"path": folder}})
    return client.execute()


@pytest.mark.parametrize("number", range(len(CELLS)), ids=[cell.code.splitlines()[-1][:40] for cell in CELLS])
def test_a_cell_of_a_notebook(number: int, notebook: nbformat.NotebookNode) -> None:
    cell, outputs = CELLS[number], notebook.cells[number].outputs
    shown = [output.data for output in outputs if output.output_type in ("execute_result", "display_data")]
    text = "".join(data[TEXT] for data in shown)
    text += "".join(output.text for output in outputs if output.output_type == "stream" and output.name == "stdout")
    assert re.search(cell.text, text, re.DOTALL), text
    if cell.shows in (PICTURE, TABLE):
        (rich,) = [data[cell.shows] for data in shown if cell.shows in data]
    if cell.shows == PICTURE:
        picture = matplotlib.image.imread(io.BytesIO(base64.b64decode(rich)))
        assert min(picture.shape[:2]) > 150
        assert np.ptp(picture[..., :3]) > 0.5


def test_a_plain_script(tmp_path: Path) -> None:
    (tmp_path / "first_hour.py").write_text(as_script(CELLS))
    environment = {**os.environ, "PYTHONWARNINGS": "error::SyntaxWarning", "MPLBACKEND": "agg"}
    done = subprocess.run(
        [sys.executable, "first_hour.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr
    parts = done.stdout.split("----\n")
    for cell, part in zip(CELLS, parts, strict=False):
        assert re.search(cell.text, part, re.DOTALL), part
        assert len(part) < 700
    assert [path.name for path in tmp_path.iterdir()] == ["first_hour.py"]  # nothing is left behind


def test_importing_costs_no_torch() -> None:
    """Neither `import maze_interp` and what names its parts, nor the help of the command line."""
    lines = [
        "import sys, maze_interp as mi",
        "dir(mi), mi.MazeInterpError, mi.DEFAULT_AGENT",
        "from maze_interp.commands.main import make_parser",
        "make_parser().format_help()",
        "heavy = {'torch', 'matplotlib', 'pandas', 'sklearn', 'procgen', 'dask'} & set(sys.modules)",
        "print(*heavy)",
    ]
    loaded = subprocess.run([sys.executable, "-c", "\n".join(lines)], check=True, stdout=subprocess.PIPE, text=True)
    assert loaded.stdout.split() == []
