"""The live explorer's page: what is inside the network, and edits, by mouse and by keyboard."""

from __future__ import annotations

from typing import Any

import pytest
from explorer_numbers import check_row, network_edits
from explorer_page import LAYER, Explorer, number
from playwright.sync_api import expect

import maze_interp as mi
from maze_interp import edits
from maze_interp.bundled import DEFAULT_AGENT
from maze_interp.edits.base import Edit
from maze_interp.mazes.maze import Maze

pytest_plugins = ["explorer_page"]


def test_channels(explorer: Explorer, first_agent: Any) -> None:
    page, maze = explorer.page, explorer.maze
    explorer.tab("inside")
    explorer.field("Layer").select_option("embedder.block1.conv")
    explorer.settle()
    explorer.field("Layer").select_option(LAYER)
    explorer.settle()
    _, _, cache = first_agent.run_with_cache(mi.to_input(mi.observe(maze, [maze.start])), layers=[LAYER])
    thumbnails = page.locator(".thumbnails button")
    assert thumbnails.count() == cache[LAYER].shape[1]
    thumbnails.nth(5).click()
    explorer.press("ArrowRight")
    assert page.get_by_role("heading", name="Channel 6").is_visible()
    pixels = page.locator(".pixels").first
    pixels.focus()
    explorer.press("ArrowDown", "ArrowRight", "ArrowRight")
    shown = page.inner_text(".numbers.pixel")
    assert shown.startswith("Pixel (1, 2)")
    assert number(shown.split()[-1]) == pytest.approx(float(cache[LAYER][0, 6, 1, 2]), abs=6e-4)
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
    explorer.settle()
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
    explorer.field("Agent").select_option(DEFAULT_AGENT)
    explorer.settle()
    page.locator(".probes").get_by_label("show over the maze").press(" ")
    explorer.settle()
    assert explorer.field("Probe").is_visible()
    assert explorer.field("Colour by").input_value() == "probe"
    page.locator(".mazes .coloured").first.wait_for(state="attached")


def test_edits_by_mouse(explorer: Explorer, first_agent: Any) -> None:
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
    made = network_edits(first_agent, maze, [edit])
    check_row(explorer.figures()["P(cheese)"], [mi.behaviour(first_agent, maze, one).p_cheese for one in ([], made)])
    expect(page.locator(".solve .progress")).to_contain_text("32 levels", timeout=60_000)
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


def test_donor(explorer: Explorer, first_agent: Any) -> None:
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
    activation = first_agent.run_with_cache(mi.to_input(mi.observe(other, [other.start])), layers=[LAYER])[2][LAYER][0]
    made: list[Edit] = [edits.Zero(LAYER), edits.Add(LAYER, activation, 1.0)]
    check_row(explorer.figures()["P(cheese)"], [mi.behaviour(first_agent, maze, one).p_cheese for one in ([], made)])
    explorer.field("level").fill("20")
    explorer.button("Open as donor").press("Enter")
    assert explorer.panes[0]["donor"]["ascii"] == Maze.from_seed(20, "easy").to_ascii()
    explorer.button("Copy this maze").click()
    assert explorer.panes[0]["donor"]["ascii"] == maze.to_ascii()
    explorer.button("Remove donor").click()
    assert explorer.panes[0]["donor"] is None
    assert explorer.edits == []
