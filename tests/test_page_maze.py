"""The live explorer's page: mazes by mouse and by keyboard, and the numbers and colours of their squares."""

from __future__ import annotations

from typing import Any

import pytest
from explorer_numbers import check_numbers
from explorer_page import SEED, Explorer
from playwright.sync_api import expect

import maze_interp as mi
from maze_interp.mazes.maze import Maze

pytest_plugins = ["explorer_page"]


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


def test_numbers_are_the_librarys(explorer: Explorer, first_agent: Any) -> None:
    for seed in range(2):
        check_numbers(explorer, first_agent, seed)


def test_colours_of_the_squares(explorer: Explorer, first_agent: Any) -> None:
    page, maze = explorer.page, Maze.from_seed(SEED, "easy")
    result = mi.behaviour(first_agent, maze)
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
    expect(page.locator("table.square tbody td").last).not_to_have_text("–")
    shown = explorer.square()["P(cheese) there"][0]
    assert shown == pytest.approx(mi.behaviour(first_agent, maze.with_cheese(square)).p_cheese, abs=6e-4)
    choice.focus()
    explorer.press("Home", "ArrowDown")
    assert choice.input_value() == "visits", "chosen by keyboard"
    explorer.go_to(maze.decision_square or maze.start)
    x, y = explorer.cursor
    assert explorer.square()["visits"][0] == pytest.approx(result.occupancy[y, x], abs=6e-4)


def test_episode(explorer: Explorer, first_agent: Any) -> None:
    page = explorer.page
    explorer.tab("episode")
    shown = page.locator("[role=tabpanel]:visible .numbers")
    p_cheese = mi.behaviour(first_agent, explorer.maze).p_cheese
    assert f"{p_cheese:.3f}" in shown.inner_text(), "at the start the chance is the figure"
    explorer.button("One move forward").click()
    explorer.settle()
    assert shown.inner_text().startswith("After 1 move on")
    explorer.button("Play").press("Enter")
    expect(shown).to_contain_text("the end", timeout=60_000)
    explorer.button("Play").click()
    explorer.button("Pause").click()
    slider = explorer.field("Moves made")
    slider.focus()
    explorer.press("End")
    assert "the end" in shown.inner_text()
    assert page.locator("[data-mark=walker]").count() == 1
    explorer.button("One move back").press("Enter")
    assert "next move" in shown.inner_text()
    explorer.field("Random seed").fill("7")
    explorer.press("Enter")
    assert shown.inner_text().startswith("After 0 moves")
