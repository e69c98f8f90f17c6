"""Make the pictures of the live explorer in `docs/explorer`, in a browser that is led through its tabs.

    python scripts/explorer_pictures.py

It needs Chromium on the path and what `pip install '.[test]'` installs.
"""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path

from PIL import Image, ImageOps
from playwright.sync_api import sync_playwright

from maze_interp import Maze, load_policy
from maze_interp.bundled import DEFAULT_AGENT
from maze_interp.commands.options import run_script
from maze_interp.errors import MazeInterpError
from maze_interp.explorer.agents import Agents
from maze_interp.explorer.session import Opening

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from explorer_page import Explorer, opened, pane_of, serving  # noqa: E402

OTHER = "rand_region_1_easy"
FILM, SECONDS = (1000, 625), (2.0, 2.2, 2.6, 2.6, 2.6)
"""The size of the moving picture, and how long each of its views is shown."""

_SOLVED = 300_000  # milliseconds to wait for the solve rate


def main(out: Path = ROOT / "docs" / "explorer", agent: str = DEFAULT_AGENT, seed: int = 900_000_318) -> None:
    """Make `explorer.gif`, `edit.png` and `two_agents.png`.

    Args:
        out: The folder.
        agent: The agent that is shown.
        seed: The easy level that is shown.
    """
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        raise MazeInterpError("no browser: neither chromium nor google-chrome is on the path")
    maze = Maze.from_seed(seed, "easy")
    with sync_playwright() as driver, serving(Opening(Agents(load_policy(agent), "easy"), maze)) as address:
        chromium = driver.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        with opened(chromium, address) as explorer:
            explorer.page.set_viewport_size({"width": 1280, "height": 800})
            explorer.open(pane_of(maze, agent))
            views, edited, compared = _views(explorer)
        chromium.close()
    out.mkdir(parents=True, exist_ok=True)
    first, *more = (_reduced(view.resize(FILM, Image.Resampling.LANCZOS)) for view in views)
    milliseconds = [int(1000 * seconds) for seconds in SECONDS]
    first.save(out / "explorer.gif", save_all=True, append_images=more, duration=milliseconds, loop=0, optimize=True)
    for name, view in {"edit": edited, "two_agents": compared}.items():
        view.save(out / f"{name}.png", optimize=True)


def _views(explorer: Explorer) -> tuple[list[Image.Image], Image.Image, Image.Image]:
    """The maze, an edit added, what it costs in solve rate, channels, two agents; the third and the last also whole."""
    page, views = explorer.page, [_view(explorer)]
    explorer.tab("edits")
    explorer.field("New edit").select_option("cheese_vector")
    explorer.button("Add").click()
    page.get_by_role("group", name="Show:").locator("visible=true").get_by_label(
        "as it is, with the edits, and the difference", exact=True
    ).check()
    views.append(_view(explorer))
    page.get_by_text("levels, 95% intervals").locator("visible=true").wait_for(timeout=_SOLVED)
    views.append(_view(explorer))
    edited = _whole(explorer)
    explorer.tab("inside")
    page.locator(".thumbnails button").nth(5).click()
    views.append(_view(explorer))
    explorer.button("Reset").click()
    explorer.tab("compare")
    page.get_by_label("two side by side").check()
    explorer.field("Agent B").select_option(OTHER)
    return [*views, _view(explorer)], edited, _whole(explorer)


def _view(explorer: Explorer) -> Image.Image:
    explorer.settle()
    explorer.page.evaluate("scrollTo(0, 0)")
    return Image.open(io.BytesIO(explorer.page.screenshot())).convert("RGB")


def _whole(explorer: Explorer) -> Image.Image:
    """All of the page, down to what stands lowest."""
    page = Image.open(io.BytesIO(explorer.page.screenshot(full_page=True))).convert("RGB")
    _, _, _, lowest = ImageOps.invert(page).getbbox() or (0, 0, *page.size)
    return page.crop((0, 0, page.width, min(lowest + 16, page.height)))


def _reduced(view: Image.Image) -> Image.Image:
    """The picture in 256 colours, those of small marks among them."""
    return view.quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)


if __name__ == "__main__":
    run_script(main)
