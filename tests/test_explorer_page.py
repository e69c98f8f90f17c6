"""The live explorer's page in a real browser: every control by mouse and by keyboard, and the numbers it shows."""

from __future__ import annotations

import base64
import json
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Thread
from typing import Any

import numpy as np
import pytest
import uvicorn

import maze_interp as mi
from maze_interp import edits
from maze_interp.edits.base import Edit
from maze_interp.edits.files import to_yaml
from maze_interp.explorer.agents import Agents
from maze_interp.explorer.files import bundle
from maze_interp.explorer.server import Site, listen
from maze_interp.explorer.session import Opening
from maze_interp.mazes.maze import Maze, Square

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

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
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def policy() -> Any:
    """The agent that is shown first."""
    return mi.load_policy(AGENT)


@pytest.fixture(scope="module")
def address(policy: Any) -> Iterator[str]:
    """A running server's address, with its token."""
    site = Site(Opening(Agents(policy, "easy"), Maze.from_seed(SEED, "easy")))
    with listen("127.0.0.1", 0) as listening:
        server = uvicorn.Server(uvicorn.Config(site.app, log_level="error", lifespan="off", ws="websockets-sansio"))
        thread = Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/?token={site.token}"
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

    def button(self, name: str) -> Any:
        """The visible button of that name."""
        return self.page.get_by_role("button", name=name, exact=True)

    def field(self, name: str) -> Any:
        """The visible control with that label."""
        return self.page.get_by_label(name, exact=True).locator("visible=true")

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
        for row in self.page.locator("table.figures tbody tr").all():
            name = row.locator("th").inner_text().split("\n")[0]
            if row.locator("th.part").count():
                name = f"{group}: {name}"
            else:
                group = name.split(":")[0]
            rows[name] = [number(text) for text in row.locator("td").all_inner_texts()]
        return rows

    def square(self) -> dict[str, list[float | None]]:
        """The columns of the table of a square, by head: as it is, edited, change."""
        heads = self.page.locator("table.square thead th").all_inner_texts()
        rows = [row.locator("td").all_inner_texts() for row in self.page.locator("table.square tbody tr").all()]
        rows = [[number(text) for text in row if text.strip()] for row in rows]
        return {head: [row[i] for row in rows] for i, head in enumerate(heads)}


def number(text: str) -> float | None:
    """A number as the page writes it."""
    first = text.split("\n")[0].replace("−", "-")
    return None if first == "–" else float(first)


def test_maze_by_mouse(explorer: Explorer) -> None:
    page, maze = explorer.page, Maze.from_seed(SEED, "easy")
    explorer.click((1, 0))
    assert explorer.maze == maze.with_open((1, 0), True)
    explorer.click((1, 0))
    assert explorer.maze == maze
    explorer.drag([(3, 0), (3, 1), (1, 1)])
    assert explorer.maze == maze.with_open((3, 0), True).with_open((3, 1), True).with_open((2, 1), True).with_open(
        (1, 1), True
    )
    explorer.button("Undo").click()
    assert explorer.maze == maze, "a drag is undone at once"
    explorer.button("Redo").click()
    assert explorer.maze != maze
    explorer.button("Reset").click()
    explorer.drag([(6, 0), (5, 0), (4, 0), (4, 1), (4, 2)])
    assert explorer.maze == maze.with_cheese((4, 2))
    explorer.drag([(0, 0), (0, 1), (0, 2)])
    assert explorer.maze == maze.with_cheese((4, 2)).with_start((0, 2))
    page.get_by_label("put the mouse there").check()
    explorer.click((2, 0))
    assert explorer.panes[0]["mouse"] == [2, 0]
    page.get_by_label("open or close it").check()
    explorer.drag([(2, 0), (2, 1)])
    assert explorer.panes[0]["mouse"] == [2, 1]
    page.get_by_label("put the cheese there").check()
    explorer.click((6, 6))
    page.get_by_label("put the start there").check()
    explorer.click((6, 2))
    assert explorer.maze == maze.with_cheese((6, 6)).with_start((6, 2))
    explorer.click((6, 6))
    assert "cannot be the cheese's square" in page.inner_text(".status")
    explorer.button("none").click()
    assert explorer.maze.cheese is None
    explorer.button("anywhere").click()
    assert explorer.maze.cheese is not None
    explorer.field("n").fill("1")
    explorer.button("in the top-right n×n").click()
    assert explorer.maze.cheese == (6, 6)
    explorer.field("Level").fill("55")
    explorer.button("Open again").click()
    assert explorer.maze == Maze.from_seed(55, "easy")
    explorer.field("size").select_option("5×5")
    assert explorer.maze.size == 5
    assert explorer.maze.cheese is not None
    explorer.field("mode").select_option("hard")
    assert explorer.maze == Maze.from_seed(55, "hard")
    page.click("summary:has-text('As text')")
    explorer.field("# wall, . open, C cheese, M start").fill("..C\n.#.\n.M.")
    explorer.button("Use this drawing").click()
    assert explorer.maze == Maze.from_ascii("..C\n.#.\n.M.", "hard", 55), "a loop is fine"
    explorer.field("# wall, . open, C cheese, M start").fill("..\n.")
    explorer.button("Use this drawing").click()
    explorer.settle()
    assert "line 2" in page.inner_text("[role=alert]")
    assert explorer.maze.size == 3


def test_maze_by_keyboard(explorer: Explorer) -> None:
    page, maze = explorer.page, Maze.from_seed(SEED, "easy")
    explorer.go_to((1, 0))
    explorer.press("Enter")
    assert explorer.maze == maze.with_open((1, 0), True)
    explorer.press("w")
    assert explorer.maze == maze
    explorer.press("Shift+ArrowUp", "Control+z", "Control+Shift+Z")
    assert explorer.maze == maze.with_open((1, 1), True)
    explorer.press("Control+z", "ArrowUp", "c")
    assert explorer.maze == maze.with_cheese((1, 2))
    explorer.press("ArrowLeft", "s")
    assert explorer.maze == maze.with_cheese((1, 2)).with_start((0, 2))
    explorer.press("x", "ArrowDown", "m")
    assert explorer.panes[0]["mouse"] == [0, 1]
    assert explorer.maze.cheese is None
    explorer.press("w")
    assert explorer.panes[0]["mouse"] is None, "no mouse in a wall"
    explorer.press("?")
    assert page.locator("dialog").is_visible()
    explorer.press("Escape")
    explorer.button("Reset").press("Enter")
    assert explorer.maze == maze
    page.get_by_label("open or close it").focus()
    explorer.press("ArrowRight")
    explorer.go_to((4, 2))
    explorer.press(" ")
    assert explorer.maze == maze.with_cheese((4, 2)), "the tool chosen by the arrow keys"
    explorer.field("Level").fill("20")
    explorer.press("Enter")
    assert explorer.maze == Maze.from_seed(20, "easy")
    explorer.field("mode").focus()
    explorer.press("h")
    assert explorer.maze == Maze.from_seed(20, "hard")
    page.locator("[data-tab=maze]").focus()
    explorer.press("ArrowRight")
    assert page.locator("[data-tab=edits]").get_attribute("aria-selected") == "true"


def network_edits(policy: Any, maze: Maze, changes: Sequence[dict[str, Any]]) -> list[Any]:
    """The edits that are on, made without the explorer."""
    made: list[Any] = []
    for each in changes:
        layer, channels = each["layer"], each.get("channels")
        if not each["on"]:
            continue
        if each["kind"] == "zero":
            made.append(edits.Zero(layer, channels=channels))
        elif each["kind"] == "scale":
            made.append(edits.Scale(layer, channels=channels, factor=each["factor"]))
        elif each["kind"] == "set_square":
            pixel = mi.activation_pixel(maze, tuple(each["square"]), layer)
            made.append(edits.SetPixel(layer, channels, pixel, each["value"], each["fill"]))
        elif each["kind"] == "set_pixel":
            made.append(edits.SetPixel(layer, channels, tuple(each["pixel"]), each["value"], each["fill"]))
        elif each["kind"] == "cheese_vector":
            made.append(edits.Add(layer, mi.cheese_vector(policy, maze, layer), each["coefficient"]))
        else:
            made.append(edits.Add(layer, mi.top_right_vector(policy, maze, layer), each["coefficient"]))
    return made


def random_maze(random: np.random.Generator) -> Maze:
    """A level with squares opened and closed, so that it has loops and closed rooms, cheese and start anywhere."""
    maze = Maze.from_seed(int(random.integers(10_000)), "easy")
    for x, y in random.integers(0, maze.size, (int(random.integers(8)), 2)):
        square = (int(x), int(y))
        if square not in (maze.start, maze.cheese):
            maze = maze.with_open(square, not maze.open[y, x])
    start, cheese = random.permutation(maze.squares)[:2].tolist()
    return maze.with_cheese(None).with_start(tuple(start)).with_cheese(tuple(cheese))


def random_edits(random: np.random.Generator, maze: Maze) -> list[dict[str, Any]]:
    """One to three edits of any kind but patches and means."""
    channels = sorted(random.choice(32, 3, replace=False).tolist())
    square = list(maze.squares[int(random.integers(len(maze.squares)))])
    strength = round(float(random.uniform(-10, 10)), 1)
    written = {"channels": channels, "value": strength, "fill": None}
    choices: list[dict[str, Any]] = [
        {"kind": "zero", "channels": channels},
        {"kind": "scale", "channels": channels, "factor": strength},
        {"kind": "set_square", "square": square, **written},
        {"kind": "set_pixel", "pixel": random.integers(8, size=2).tolist(), **written},
        {"kind": "cheese_vector", "coefficient": strength},
    ]
    if maze.padding:
        choices.append({"kind": "top_right_vector", "coefficient": strength})
    chosen = random.choice(len(choices), int(random.integers(1, 4)), replace=False)
    return [{"on": True, "layer": LAYER, **choices[i]} for i in chosen]


def check_numbers(explorer: Explorer, policy: Any, seed: int) -> None:
    """All figures, and the field on some squares, of a random maze and edits."""
    random = np.random.default_rng(seed)
    maze = random_maze(random)
    changes = random_edits(random, maze)
    explorer.open(pane_of(maze, changes=changes))
    made = network_edits(policy, maze, changes)
    before, after = mi.behaviour(policy, maze), mi.behaviour(policy, maze, made)
    shown = explorer.figures()
    expected: dict[str, list[float | None]] = {
        "P(cheese)": [one.p_cheese for one in (before, after)],
        "P(cheese), no time limit": [one.p_cheese_limit for one in (before, after)],
        "P(top-right corner)": [one.p_top_right for one in (before, after)],
        "P(top-right 5×5)": [one.p_region for one in (before, after)],
        "expected moves": [one.expected_steps for one in (before, after)],
        "decision square: p(to the cheese)": [one.field.p_cheese for one in (before, after)],
        "decision square: p(to the corner)": [one.field.p_top_right for one in (before, after)],
        "first exit: to the cheese": [one.first_exit.cheese if one.first_exit else None for one in (before, after)],
        "first exit: elsewhere": [one.first_exit.other if one.first_exit else None for one in (before, after)],
    }
    for name, values in expected.items():
        check_row(shown[name], values, 1 if name == "expected moves" else 3)
    for i in random.choice(len(before.field.squares), 2, replace=False):
        x, y = before.field.squares[i]
        explorer.page.mouse.move(*explorer.at((x, y), explorer.svg("after")))
        explorer.settle()
        assert explorer.cursor == (x, y)
        columns = explorer.square()
        for move, name in enumerate(("left", "down", "up", "right", "no-op")):
            check_row(columns[name], [float(one.field.probs[i, move]) for one in (before, after)])
        check_row(columns["value"], [float(one.field.value[i]) for one in (before, after)])
        check_row(columns["visits"], [float(one.occupancy[y, x]) for one in (before, after)])


def check_row(shown: Sequence[float | None], values: Sequence[float | None], places: int = 3) -> None:
    """As it is, with the edits and the change, to the digits shown."""
    first, second = values
    change = None if first is None or second is None else second - first
    for each, value in zip(shown, (first, second, change), strict=True):
        if value is None:
            assert each is None
        else:
            assert each == pytest.approx(value, abs=0.5 * 10**-places + 2e-5 * max(1, abs(value)))


def test_numbers_are_the_librarys(explorer: Explorer, policy: Any) -> None:
    for seed in range(2):
        check_numbers(explorer, policy, seed)


def test_colours_of_the_squares(explorer: Explorer, policy: Any) -> None:
    page, maze = explorer.page, Maze.from_seed(SEED, "easy")
    result = mi.behaviour(policy, maze)
    explorer.tab("inside")
    page.click("summary:has-text('Probes')")
    explorer.settle()
    choice = explorer.field("Colour by")
    for overlay in ("visits", "places", "value", "channel", "attribution"):
        choice.select_option(overlay)
        explorer.settle()
        page.locator(".mazes .coloured").first.wait_for(state="attached")
        assert page.locator(".scales .ends").count() == 1
    choice.select_option("places")
    square = next(one for one in maze.squares if one not in (maze.start, maze.cheese))
    explorer.go_to(square)
    playwright.expect(page.locator("table.square tbody td").last).not_to_have_text("–")
    shown = explorer.square()["P(cheese) there"][0]
    assert shown == pytest.approx(mi.behaviour(policy, maze.with_cheese(square)).p_cheese, abs=6e-4)
    choice.focus()
    explorer.press("Home", "ArrowDown")
    assert choice.input_value() == "visits", "chosen by keyboard"
    explorer.go_to(maze.decision_square or maze.start)
    x, y = explorer.cursor
    assert explorer.square()["visits"][0] == pytest.approx(result.occupancy[y, x], abs=6e-4)


def test_episode(explorer: Explorer, policy: Any) -> None:
    page = explorer.page
    explorer.tab("episode")
    told = page.locator("[role=tabpanel]:visible .numbers")
    p_cheese = mi.behaviour(policy, explorer.maze).p_cheese
    assert f"{p_cheese:.3f}" in told.inner_text(), "at the start the chance is the figure"
    explorer.button("One move forward").click()
    explorer.settle()
    assert told.inner_text().startswith("After 1 moves")
    explorer.button("Play").press("Enter")
    playwright.expect(told).to_contain_text("the end", timeout=60_000)
    explorer.button("Play").click()
    explorer.button("Pause").click()
    slider = explorer.field("Moves made")
    slider.focus()
    explorer.press("End")
    assert "the end" in told.inner_text()
    assert page.locator("[data-mark=walker]").count() == 1
    explorer.button("One move back").press("Enter")
    assert "next move" in told.inner_text()
    explorer.field("Random seed").fill("7")
    explorer.press("Enter")
    assert told.inner_text().startswith("After 0 moves")


def test_channels(explorer: Explorer, policy: Any) -> None:
    page, maze = explorer.page, explorer.maze
    explorer.tab("inside")
    explorer.field("Layer").select_option("embedder.block1.conv")
    explorer.settle()
    explorer.field("Layer").select_option(LAYER)
    explorer.settle()
    _, _, cache = policy.run_with_cache(mi.to_input(mi.observe(maze, [maze.start])), layers=[LAYER])
    thumbnails = page.locator(".thumbnails button")
    assert thumbnails.count() == cache[LAYER].shape[1]
    thumbnails.nth(5).click()
    explorer.press("ArrowRight")
    assert page.get_by_role("heading", name="Channel 6").is_visible()
    pixels = page.locator(".pixels").first
    pixels.focus()
    explorer.press("ArrowDown", "ArrowRight", "ArrowRight")
    told = page.inner_text(".numbers.pixel")
    assert told.startswith("Pixel (1, 2)")
    assert number(told.split()[-1]) == pytest.approx(float(cache[LAYER][0, 6, 1, 2]), abs=6e-4)
    page.get_by_label("write a value there").check()
    pixels.focus()
    explorer.press("Enter")
    assert explorer.edits == [
        {"kind": "set_pixel", "on": True, "layer": LAYER, "pixel": [1, 2], "value": 5, "fill": None, "channels": [6]}
    ]
    box = pixels.bounding_box()
    pixels.click(position={"x": box["width"] * 0.99, "y": box["height"] * 0.99})
    rows, columns = cache[LAYER].shape[2:]
    assert [each["pixel"] for each in explorer.edits] == [[rows - 1, columns - 1]]
    assert "5.000 with the edits" in page.inner_text(".numbers.pixel")
    page.get_by_label("set it to zero").check()
    pixels.click(position={"x": 2, "y": 2})
    assert explorer.edits[1]["positions"] == [[0, 0]]
    page.get_by_label("show over the maze: its value").focus()
    explorer.press(" ")
    assert explorer.field("Colour by").input_value() == "channel"
    explorer.field("Layer").select_option("embedder.fc")
    explorer.settle()
    assert page.inner_text(".numbers.pixel").startswith("Value")


def test_probes_and_attribution(explorer: Explorer) -> None:
    page = explorer.page
    explorer.tab("inside")
    page.locator("summary:has-text('Attribution')").press("Enter")
    explorer.settle()
    channels = page.locator(".top li")
    assert channels.count() == 8
    explorer.field("Method").select_option("integrated")
    explorer.settle()
    page.get_by_label("show over the maze, summed over channels").check()
    explorer.settle()
    assert page.locator(".mazes .coloured").count() > 3
    page.locator("summary:has-text('Probes')").press("Enter")
    explorer.settle()
    assert page.locator(".probes .note").inner_text() == "No probes are fitted for this agent."
    explorer.field("Agent").select_option("rand_region_3_easy")
    explorer.settle()
    page.locator(".probes").get_by_label("show over the maze").press(" ")
    explorer.settle()
    assert explorer.field("Probe").is_visible()
    assert explorer.field("Colour by").input_value() == "probe"
    page.locator(".mazes .coloured").first.wait_for(state="attached")


def test_edits_by_mouse(explorer: Explorer, policy: Any) -> None:
    page, maze = explorer.page, explorer.maze
    explorer.tab("edits")
    for kind in ("set_square", "scale", "mean", "cheese_vector", "top_right_vector"):
        explorer.field("New edit").select_option(kind)
        explorer.button("Add").click()
    assert [each["kind"] for each in explorer.edits] == [
        "set_square",
        "scale",
        "mean",
        "cheese_vector",
        "top_right_vector",
    ]
    for _ in range(4):
        explorer.button("Remove edit 2").click()
    target = (maze.size - 1, maze.size - 1)
    assert [each["square"] for each in explorer.edits] == [list(target)]
    explorer.drag([target, (5, 6), (4, 6), (3, 6)], explorer.svg("after"))
    slider = explorer.field("value")
    box = slider.bounding_box()
    page.mouse.click(box["x"] + 0.9 * box["width"], box["y"] + box["height"] / 2)
    (edit,) = explorer.edits
    assert edit["square"] == [3, 6]
    assert 7.5 < edit["value"] < 9
    made = network_edits(policy, maze, [edit])
    check_row(explorer.figures()["P(cheese)"], [mi.behaviour(policy, maze, one).p_cheese for one in ([], made)])
    playwright.expect(page.locator(".solve .told")).to_contain_text("of 32 levels", timeout=60_000)
    solve = explorer.figures()["solve rate in the training region"]
    assert all(each is not None and -1 <= each <= 1 for each in solve)
    for show, count in (
        ("as it is", 1),
        ("with the edits", 1),
        ("difference", 1),
        ("as it is, with the edits, and the difference", 3),
    ):
        page.get_by_role("group", name="Show:").locator("visible=true").get_by_label(show, exact=True).check()
        explorer.settle()
        assert page.locator(".mazes svg[data-kind]").count() == count
    page.get_by_label("1. write a value at a square").uncheck()
    explorer.settle()
    assert not explorer.edits[0]["on"]
    assert page.locator(".mazes svg[data-kind]").count() == 1


def test_edits_by_keyboard(explorer: Explorer) -> None:
    page = explorer.page
    explorer.tab("edits")
    explorer.field("New edit").select_option("set_square")
    explorer.button("Add").press("Enter")
    explorer.settle()
    slider = explorer.field("value")
    slider.focus()
    explorer.press("ArrowRight", "ArrowRight")
    assert explorer.edits[0]["value"] == pytest.approx(5.2)
    explorer.press("Home")
    assert explorer.edits[0]["value"] == -10
    explorer.field("value, exactly").fill("3.25")
    explorer.press("Enter")
    explorer.field("channels").fill("7, 8, 10:12")
    explorer.press("Enter")
    explorer.field("square").fill("(1, 2)")
    explorer.press("Enter")
    explorer.field("all other positions").fill("0")
    explorer.press("Enter")
    (edit,) = explorer.edits
    assert edit | {"value": 3.25, "channels": [7, 8, 10, 11], "square": [1, 2], "fill": 0} == edit
    explorer.field("channels").fill("seven")
    explorer.press("Enter")
    assert explorer.field("channels").get_attribute("aria-invalid") == "true"
    assert explorer.edits == [edit]
    explorer.go_to((2, 2), explorer.svg("after"))
    explorer.press("t")
    assert explorer.edits[0]["square"] == [2, 2]
    explorer.field("channels").fill("99999")
    explorer.press("Enter")
    explorer.settle()
    assert "99999" in page.inner_text("[role=alert]"), "refused by the server"
    explorer.button("Undo").press("Enter")
    explorer.settle()
    assert page.inner_text("[role=alert]") == ""
    page.get_by_label("1. write a value at a square").press(" ")
    explorer.settle()
    assert not explorer.edits[0]["on"]
    explorer.button("Remove edit 1").press("Enter")
    assert explorer.edits == []


def test_donor(explorer: Explorer, policy: Any) -> None:
    maze = explorer.maze
    explorer.tab("edits")
    explorer.field("New edit").select_option("patch")
    explorer.button("Add").click()
    assert explorer.panes[0]["donor"]["ascii"] == maze.to_ascii(), "the donor begins as a copy"
    donor = explorer.page.locator(".donor svg")
    explorer.drag([(6, 0), (5, 0), (4, 0), (4, 1)], donor)
    donor.focus()
    explorer.press("ArrowRight", "w")
    explorer.field("channels").fill("all")
    explorer.press("Enter")
    pane = explorer.panes[0]
    other = Maze.from_ascii(pane["donor"]["ascii"], "easy", pane["donor"]["seed"])
    assert other.cheese == (4, 1)
    assert explorer.maze == maze
    activation = policy.run_with_cache(mi.to_input(mi.observe(other, [other.start])), layers=[LAYER])[2][LAYER][0]
    made: list[Edit] = [edits.Zero(LAYER), edits.Add(LAYER, activation, 1.0)]
    check_row(explorer.figures()["P(cheese)"], [mi.behaviour(policy, maze, one).p_cheese for one in ([], made)])
    explorer.field("level").fill("20")
    explorer.button("Open as donor").press("Enter")
    assert explorer.panes[0]["donor"]["ascii"] == Maze.from_seed(20, "easy").to_ascii()
    explorer.button("Copy this maze").click()
    assert explorer.panes[0]["donor"]["ascii"] == maze.to_ascii()
    explorer.button("Remove donor").click()
    assert explorer.panes[0]["donor"] is None
    assert explorer.edits == []


def test_two_at_once(explorer: Explorer, policy: Any) -> None:
    page, maze = explorer.page, explorer.maze
    explorer.tab("compare")
    page.get_by_label("two side by side").check()
    explorer.field("Agent B").select_option("rand_region_1_easy")
    explorer.settle()
    other = mi.load_policy("rand_region_1_easy")
    shown = explorer.figures()["P(cheese)"]
    assert shown == pytest.approx([mi.behaviour(one, maze).p_cheese for one in (policy, other)], abs=6e-4)
    explorer.drag([(6, 0), (5, 0), (4, 0)], explorer.svg(pane=1))
    assert [pane["maze"]["ascii"] for pane in explorer.panes] == [maze.with_cheese((4, 0)).to_ascii()] * 2
    page.get_by_label("the same maze in both").press(" ")
    page.get_by_role("group", name="The controls act on:").get_by_label("A").check()
    explorer.go_to((2, 0), explorer.svg(pane=0))
    explorer.press("c")
    assert [readable["maze"]["ascii"].count("C") for readable in explorer.panes] == [1, 1]
    assert explorer.panes[0]["maze"] != explorer.panes[1]["maze"], "two mazes"
    explorer.tab("edits")
    explorer.field("New edit").select_option("zero")
    explorer.button("Add").click()
    first, second = explorer.panes
    assert first["edits"] == second["edits"] != []
    assert page.locator(".mazes svg[data-kind]").count() == 6
    explorer.tab("compare")
    explorer.button("Swap A and B").press("Enter")
    assert explorer.panes[0]["agent"] == "rand_region_1_easy"
    page.get_by_label("one", exact=True).check()
    assert len(explorer.panes) == 1


def test_levels(explorer: Explorer) -> None:
    page = explorer.page
    explorer.tab("levels")
    explorer.field("at most").fill("3")
    for score in ("loops", "conflict"):
        explorer.field("Score").select_option(score)
        explorer.button("Search").click()
        playwright.expect(page.locator("[role=tabpanel]:visible .note")).to_have_text("3 of 3 levels")
        assert page.locator("table.levels tbody tr").count() == 3
    seed = int(page.locator("table.levels tbody td").nth(1).inner_text())
    explorer.button(f"Open level {seed}").click()
    assert explorer.maze.seed == seed
    explorer.field("Score").select_option("disagreement")
    explorer.button("Search").press("Enter")
    playwright.expect(page.locator("[role=tabpanel]:visible .note")).to_contain_text("two agents")


def test_export(explorer: Explorer, browser: Any, address: str, policy: Any) -> None:
    page, maze = explorer.page, explorer.maze
    change = {"kind": "zero", "on": True, "layer": LAYER, "channels": [3, 4], "positions": None}
    explorer.open(pane_of(maze, changes=[change]))
    explorer.tab("export")
    made = [edits.Zero(LAYER, channels=[3, 4])]
    python = explorer.field("Python").input_value()
    assert "mi.edits.Zero" in python
    assert explorer.field("Edits as YAML").input_value() == to_yaml(made)
    assert Maze.from_ascii(explorer.field("Maze as text").input_value(), "easy", SEED) == maze
    for name, start in (("Save Edits as YAML", b"-"), ("Picture (PNG)", b"\x89PNG")):
        with page.expect_download() as download:
            explorer.button(name).press("Enter")
        assert download.value.path().read_bytes().startswith(start)
    explorer.button("Copy link").click()
    link = explorer.field("Link").input_value()
    with opened(browser, link) as copy:
        assert copy.panes == explorer.panes
        assert copy.figures()["P(cheese)"] == explorer.figures()["P(cheese)"]
        copy.page.reload()
        copy.page.wait_for_selector(".maze-explorer .main")
        assert copy.panes == explorer.panes, "a reload keeps what was done"
    explorer.button("Reset").click()
    explorer.field("Open a link").fill(link)
    explorer.button("Open").click()
    assert explorer.edits == [change]
    other = pane_of(maze, hash="0" * 12)
    explorer.open(other)
    assert "other weights" in page.inner_text("[role=alert]")
    explorer.button("Use the agent here all the same").click()
    explorer.settle()
    assert page.inner_text("[role=alert]") == ""


def test_only_the_newest_counts(explorer: Explorer, policy: Any) -> None:
    page, maze = explorer.page, Maze.from_ascii("\n".join(["." * 9] * 9), "easy", SEED)
    explorer.open(pane_of(maze.with_cheese((8, 8))))
    frames: list[dict[str, Any]] = []
    with opened(page.context.browser, page.url) as other:
        session = other.page.context.new_cdp_session(other.page)
        session.send("Network.enable")
        session.on(
            "Network.webSocketFrameReceived", lambda event: frames.append(json.loads(event["response"]["payloadData"]))
        )
        other.drag([(8, 8), *((x, 8) for x in range(7, 0, -1)), *((1, y) for y in range(7, 0, -1))])
        assert other.maze == maze.with_cheese((1, 1))
        figures = [one for one in frames if one["what"] == "figures"]
        assert 1 <= len(figures) <= 16
        expected = mi.behaviour(policy, maze.with_cheese((1, 1)))
        assert other.figures()["P(cheese)"] == pytest.approx([expected.p_cheese], abs=6e-4)


TABS = ("maze", "edits", "inside", "episode", "compare", "levels", "export")


@pytest.mark.parametrize(("width", "scheme", "tabs"), [(1280, "light", TABS), (800, "dark", ("inside",))])
def test_accessible(browser: Any, address: str, width: int, scheme: str, tabs: Sequence[str]) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="no axe-playwright-python").Axe()
    with opened(browser, address, width, scheme) as explorer:
        explorer.tab("edits")
        explorer.field("New edit").select_option("patch")
        explorer.button("Add").click()
        for tab in tabs:
            explorer.tab(tab)
            found = axe.run(explorer.page).response["violations"]
            serious = [each for each in found if each["impact"] in ("serious", "critical")]
            assert not serious, [(each["id"], each["nodes"][0]["html"]) for each in serious]


@pytest.mark.parametrize("width", [1280, 800])
def test_nothing_scrolls_sideways(browser: Any, address: str, width: int) -> None:
    with opened(browser, address, width) as explorer:
        for tab in TABS:
            explorer.tab(tab)
            if tab == "edits":
                explorer.field("New edit").select_option("scale")
                explorer.button("Add").click()
            if tab == "compare":
                explorer.page.get_by_label("two side by side").check()
                explorer.settle()
            assert explorer.page.evaluate("document.documentElement.scrollWidth") == width, tab


def test_every_control_is_reached_by_the_tab_key(explorer: Explorer) -> None:
    explorer.page.locator("body").click(position={"x": 1, "y": 1})
    seen = set[str]()
    for _ in range(40):
        explorer.page.keyboard.press("Tab")
        seen.add(explorer.page.evaluate("document.activeElement.outerHTML.slice(0, 200)"))
    kinds = "button:enabled:not([tabindex='-1']), select, input:not([type=radio]), svg[tabindex='0'], summary"
    wanted = explorer.page.locator(", ".join(f"{kind}:visible" for kind in kinds.split(", ")))
    missing = {html[:200] for html in wanted.evaluate_all("nodes => nodes.map(node => node.outerHTML)")} - seen
    assert not missing


STAND_IN = """
async ([text, address]) => {
  const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  const { default: widget } = await import(url);
  const listeners = new Set();
  const socket = new WebSocket(address);
  socket.onmessage = (event) => listeners.forEach((hear) => hear(JSON.parse(event.data), []));
  await new Promise((done) => { socket.onopen = done; });
  const model = {
    send: (message) => socket.send(JSON.stringify(message)),
    on: (name, hear) => name === "msg:custom" && listeners.add(hear),
    off: (name, hear) => listeners.delete(hear),
  };
  document.body.innerHTML = "<div id=cell></div>";
  window.endWidget = await widget.render({ model, el: document.getElementById("cell") });
}
"""


def test_notebook_cell(browser: Any, address: str, policy: Any) -> None:
    context = browser.new_context(bypass_csp=True)
    page, errors = context.new_page(), list[str]()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(address.split("?")[0] + "static/help.js")  # an empty page of the same origin
    page.evaluate(STAND_IN, [bundle("widget.js"), address.replace("http", "ws").replace("/?", "/ws?")])
    page.wait_for_selector(".maze-explorer .main")
    explorer = Explorer(page, errors)
    explorer.settle()
    p_cheese = mi.behaviour(policy, Maze.from_seed(SEED, "easy")).p_cheese
    assert explorer.figures()["P(cheese)"] == pytest.approx([p_cheese], abs=6e-4)
    explorer.tab("export")
    assert not page.get_by_label("Link", exact=True).is_visible(), "a cell has no address"
    page.evaluate("window.endWidget()")
    context.close()
    assert not errors
