"""The live explorer's page as a whole: two at once, levels, exports, access, and the same page in a notebook."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from explorer_page import AGENT, LAYER, SEED, Explorer, opened, pane_of, serving
from playwright.sync_api import expect
from small_mazes import SMALL

import maze_interp as mi
from maze_interp import edits
from maze_interp.edits.files import to_yaml
from maze_interp.explorer.agents import Agents
from maze_interp.explorer.files import bundle
from maze_interp.explorer.session import Opening, open_sweeps
from maze_interp.mazes.maze import Maze
from maze_interp.studies.runner import run_study
from maze_interp.studies.sweep.study import Sweep

pytest_plugins = ["explorer_page"]


def test_two_at_once(explorer: Explorer, first_agent: Any) -> None:
    page, maze = explorer.page, explorer.maze
    explorer.tab("compare")
    page.get_by_label("two side by side").check()
    explorer.field("Agent B").select_option("rand_region_1_easy")
    explorer.settle()
    other = mi.load_policy("rand_region_1_easy")
    shown = explorer.figures()["P(cheese)"]
    assert shown == pytest.approx([mi.behaviour(one, maze).p_cheese for one in (first_agent, other)], abs=6e-4)
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
    explorer.button("Undo").click()
    assert [pane["agent"] for pane in explorer.panes] == ["rand_region_1_easy", AGENT], "both come back"
    assert [pane["edits"] for pane in explorer.panes] == [second["edits"], first["edits"]]
    explorer.button("Redo").press("Enter")
    assert len(explorer.panes) == 1


def test_levels(explorer: Explorer) -> None:
    page = explorer.page
    explorer.tab("levels")
    explorer.field("at most").fill("3")
    for score in ("loops", "conflict"):
        explorer.field("Score").select_option(score)
        explorer.button("Search").click()
        expect(page.locator("[role=tabpanel]:visible .note")).to_have_text("3 of 3 levels")
        assert page.locator("table.levels tbody tr").count() == 3
    seed = int(page.locator("table.levels tbody td").nth(1).inner_text())
    explorer.button(f"Open level {seed}").click()
    assert explorer.maze.seed == seed
    explorer.field("Score").select_option("disagreement")
    explorer.button("Search").press("Enter")
    expect(page.locator("[role=tabpanel]:visible .note")).to_contain_text("two agents")


def test_levels_of_a_sweep(browser: Any, first_agent: Any, tmp_path: Path) -> None:
    study = Sweep(agent=AGENT, seeds=SMALL[:36])
    run_study(study, tmp_path / "small")
    table = pd.read_csv(tmp_path / "small" / "levels.csv").set_index("seed")
    opening = Opening(Agents(first_agent, "easy"), Maze.from_seed(SEED, "easy"), (), open_sweeps([tmp_path / "small"]))
    with serving(opening) as address, opened(browser, address) as explorer:
        explorer.tab("levels")
        explorer.field("From").select_option("small")
        explorer.field("Score").select_option("surprise")
        explorer.button("Search").press("Enter")
        expect(explorer.page.locator("[role=tabpanel]:visible .note")).to_contain_text("levels")
        rows = explorer.page.locator("table.levels tbody tr")
        expect(rows.first).to_be_visible()
        seed, _, p_cheese = rows.first.locator("td").all_inner_texts()[1:]
        assert float(p_cheese) == pytest.approx(table.loc[int(seed), "p_cheese"], abs=6e-4)
        explorer.button(f"Open level {seed}").press("Enter")
        assert explorer.maze == Maze.from_seed(int(seed), "easy")
        assert explorer.figures()["P(cheese)"] == pytest.approx([table.loc[int(seed), "p_cheese"]], abs=6e-4)


def test_export(explorer: Explorer, browser: Any, address: str) -> None:
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


def test_only_the_newest_counts(explorer: Explorer, first_agent: Any) -> None:
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
        expected = mi.behaviour(first_agent, maze.with_cheese((1, 1)))
        assert other.figures()["P(cheese)"] == pytest.approx([expected.p_cheese], abs=6e-4)


TABS = ("maze", "edits", "inside", "episode", "compare", "levels", "export")


@pytest.mark.parametrize(("width", "scheme", "tabs"), [(1280, "light", TABS), (800, "dark", ("inside",))])
def test_accessible_and_nothing_scrolls_sideways(
    browser: Any, address: str, width: int, scheme: str, tabs: Sequence[str]
) -> None:
    """Each tab at both widths; what makes pages inaccessible is looked for on some of them in the second."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="no axe-playwright-python").Axe()
    with opened(browser, address, width, scheme) as explorer:
        for tab in TABS:
            explorer.tab(tab)
            if tab == "edits":
                explorer.field("New edit").select_option("patch")
                explorer.button("Add").click()
            if tab in tabs:
                found = axe.run(explorer.page).response["violations"]
                serious = [each for each in found if each["impact"] in ("serious", "critical")]
                assert not serious, [(each["id"], each["nodes"][0]["html"]) for each in serious]
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


def test_notebook_cell(browser: Any, address: str, first_agent: Any) -> None:
    context = browser.new_context(bypass_csp=True)
    page, errors = context.new_page(), list[str]()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(address.split("?")[0] + "static/help.js")  # an empty page of the same origin
    page.evaluate(STAND_IN, [bundle("widget.js"), address.replace("http", "ws").replace("/?", "/ws?")])
    page.wait_for_selector(".maze-explorer .main")
    explorer = Explorer(page, errors)
    explorer.settle()
    p_cheese = mi.behaviour(first_agent, Maze.from_seed(SEED, "easy")).p_cheese
    assert explorer.figures()["P(cheese)"] == pytest.approx([p_cheese], abs=6e-4)
    explorer.tab("export")
    assert not page.get_by_label("Link", exact=True).is_visible(), "a cell has no address"
    page.evaluate("window.endWidget()")
    context.close()
    assert not errors
