"""The live explorer's page in a real browser, for the tests of it: a server, a browser, and what one does there."""

from __future__ import annotations

import base64
import json
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Thread
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import sync_playwright

import maze_interp as mi
from maze_interp.explorer.agents import Agents
from maze_interp.explorer.server import Site, listen
from maze_interp.explorer.session import Opening
from maze_interp.mazes.maze import Maze, Square

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

AGENT = "rand_region_5_easy"

LAYER = "embedder.block2.res1.resadd"

SEED = 54  # an easy level of 7×7 squares

MARGIN = 0.8  # squares of wall drawn around a maze


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """The system's Chromium."""
    path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is on the path")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def first_agent() -> Any:
    """The agent that is shown first."""
    return mi.load_policy(AGENT)


@pytest.fixture(scope="module")
def address(first_agent: Any) -> Iterator[str]:
    """A running server's address, with its token."""
    opening = Opening(Agents(first_agent, "easy"), Maze.from_seed(SEED, "easy"))
    with serving(opening) as address:
        yield address


@contextmanager
def serving(opening: Opening) -> Iterator[str]:
    """A server of one's own; gives its address, with its token."""
    site = Site(opening)
    with listen("127.0.0.1", 0) as listening:
        server = uvicorn.Server(uvicorn.Config(site.app, log_level="error", lifespan="off", ws="websockets-sansio"))
        thread = Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/?token={site.token}"
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def explorer(browser: Any, address: str) -> Iterator[Explorer]:
    """A freshly opened page, which must not write to the console."""
    with opened(browser, address) as explorer:
        yield explorer


@contextmanager
def opened(browser: Any, address: str, width: int = 1280, scheme: str = "light") -> Iterator[Explorer]:
    """A page of its own."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page, errors = context.new_page(), list[str]()
    page.set_default_timeout(15_000)
    page.on("console", lambda message: errors.append(message.text))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(address)
    page.wait_for_selector(".maze-explorer .main")
    explorer = Explorer(page, errors)
    explorer.settle()
    yield explorer
    context.close()
    assert not errors


def fragment_of(panes: Sequence[dict[str, Any]]) -> str:
    """The part of a permalink behind `#`."""
    return base64.urlsafe_b64encode(json.dumps({"panes": panes}).encode()).decode().rstrip("=")


def pane_of(maze: Maze, agent: str = AGENT, changes: Sequence[dict[str, Any]] = (), **more: Any) -> dict[str, Any]:
    """A pane of the protocol."""
    drawing = {"ascii": maze.to_ascii(), "mode": maze.distribution_mode, "seed": maze.seed}
    return {"agent": agent, "maze": drawing, "mouse": None, "edits": list(changes), "donor": None} | more


class Explorer:
    """The page, as one uses it."""

    def __init__(self, page: Any, errors: list[str]) -> None:
        self.page, self.errors = page, errors

    def settle(self) -> None:
        """Wait until what is shown belongs to what was last done."""
        self.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        self.page.wait_for_selector('.maze-explorer[aria-busy="false"]', timeout=60_000)
        assert not self.errors

    def open(self, *panes: dict[str, Any]) -> None:
        """Open a permalink."""
        self.page.evaluate("fragment => { location.hash = fragment }", fragment_of(panes))
        self.settle()

    @property
    def panes(self) -> list[dict[str, Any]]:
        """The state, from the address."""
        self.settle()
        fragment = self.page.evaluate("location.hash")[1:]
        return list(json.loads(base64.urlsafe_b64decode(fragment + "=" * (-len(fragment) % 4)))["panes"])

    @property
    def maze(self) -> Maze:
        """The maze of the first pane."""
        drawing = self.panes[0]["maze"]
        return Maze.from_ascii(drawing["ascii"], drawing["mode"], drawing["seed"])

    @property
    def edits(self) -> list[dict[str, Any]]:
        """The edits of the first pane."""
        return list(self.panes[0]["edits"])

    def tab(self, name: str) -> None:
        """Open a tab."""
        self.page.click(f"[data-tab={name}]")
        self.settle()

    def button(self, name: str) -> Control:
        """The visible button of that name."""
        return Control(self, self.page.get_by_role("button", name=name, exact=True))

    def field(self, name: str) -> Control:
        """The visible control with that label."""
        return Control(self, self.page.get_by_label(name, exact=True).locator("visible=true"))

    def svg(self, kind: str = "before", pane: int = 0) -> Any:
        """A picture of a maze."""
        return self.page.locator(f'svg[data-kind="{kind}"][data-pane="{pane}"]')

    def at(self, square: Square, svg: Any = None) -> tuple[float, float]:
        """Where a square lies on the screen."""
        svg = svg or self.svg()
        svg.scroll_into_view_if_needed()
        box, side = svg.bounding_box(), float(svg.get_attribute("viewBox").split()[2])
        size = round(side + 1 - 2 * MARGIN)
        scale = box["width"] / side
        return box["x"] + scale * (square[0] + MARGIN), box["y"] + scale * (size - 1 - square[1] + MARGIN)

    def click(self, square: Square, svg: Any = None) -> None:
        """Click a square."""
        self.page.mouse.click(*self.at(square, svg))
        self.settle()

    def drag(self, squares: Sequence[Square], svg: Any = None) -> None:
        """Drag over squares."""
        places = [self.at(square, svg) for square in squares]
        self.page.mouse.move(*places[0])
        self.page.mouse.down()
        for place in places[1:]:
            self.page.mouse.move(*place, steps=3)
        self.page.mouse.up()
        self.settle()

    def press(self, *keys: str) -> None:
        """Press keys, one after the other, where the focus is."""
        for key in keys:
            self.page.keyboard.press(key)
        self.settle()

    def go_to(self, square: Square, svg: Any = None) -> None:
        """Move the cursor to a square by the arrow keys."""
        (svg or self.svg()).focus()
        self.settle()
        x, y = self.cursor
        across = ["ArrowRight" if square[0] > x else "ArrowLeft"] * abs(square[0] - x)
        self.press(*across, *["ArrowUp" if square[1] > y else "ArrowDown"] * abs(square[1] - y))

    @property
    def cursor(self) -> Square:
        """The square whose numbers are shown."""
        x, y = re.findall(r"\d+", self.page.inner_text("table.square caption"))[:2]
        return int(x), int(y)

    def figures(self) -> dict[str, list[float | None]]:
        """The rows of the table of figures; a row that goes on is named with the row above."""
        rows, group = {}, ""
        for name, is_part, cells in self._read("table.figures"):
            name = name.split("\n")[0]
            if is_part:
                name = f"{group}: {name}"
            else:
                group = name.split(":")[0]
            rows[name] = [number(text) for text in cells]
        return rows

    def square(self) -> dict[str, list[float | None]]:
        """The columns of the table of a square, by head: as it is, edited, change."""
        heads = self.page.locator("table.square thead th").all_inner_texts()
        rows = [[number(text) for text in cells if text.strip()] for _, _, cells in self._read("table.square")]
        return {head: [row[i] for row in rows] for i, head in enumerate(heads)}

    def _read(self, table: str) -> list[tuple[str, bool, list[str]]]:
        """Each row's head, whether it goes on with the row above, and its cells; all at once, before it is redrawn."""
        return [tuple(row) for row in self.page.locator(table).evaluate(READ)]


READ = """
(table) => [...table.tBodies[0].rows].map((row) => [
  row.querySelector("th")?.innerText ?? "",
  row.querySelector("th.part") !== null,
  [...row.querySelectorAll("td")].map((cell) => cell.innerText),
])
"""


class Control:
    """A control of the page; after whatever is done with it, the page settles."""

    def __init__(self, explorer: Explorer, locator: Any) -> None:
        self._explorer, self.locator = explorer, locator

    def __getattr__(self, name: str) -> Any:
        action = getattr(self.locator, name)

        def act(*values: Any, **options: Any) -> Any:
            result = action(*values, **options)
            self._explorer.settle()
            return result

        return act


def number(text: str) -> float | None:
    """A number as the page writes it."""
    first = text.split("\n")[0].replace("−", "-")
    return None if first == "–" else float(first)
