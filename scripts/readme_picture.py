"""Make the picture of the README's section "Use" by the lines that stand above it there.

python scripts/readme_picture.py
"""

from __future__ import annotations

import re
from pathlib import Path

from matplotlib import pyplot

from maze_interp.commands.options import run_script
from maze_interp.plots.style import DPI

ROOT = Path(__file__).parent.parent


def main(out: Path = ROOT / "docs" / "cheese_vector.png") -> None:
    """Run the README's lines and save what they draw.

    Args:
        out: The picture.
    """
    pyplot.switch_backend("agg")
    (lines,) = re.findall(r"```python\n([^`]*mi\.plots\.difference[^`]*)```", (ROOT / "README.md").read_text())
    exec(lines, {})
    pyplot.gcf().savefig(out, dpi=DPI, bbox_inches="tight", metadata={"Software": None})


if __name__ == "__main__":
    run_script(main)
