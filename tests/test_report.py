"""The report is one self-contained page, and every figure on it is the one that was measured."""

from __future__ import annotations

import base64
import csv
import json
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from maze_interp.environment.levels import HELD_OUT
from maze_interp.errors import MazeInterpError
from maze_interp.policies.agents import import_agent
from maze_interp.policies.architectures.impala import Impala
from maze_interp.policies.checkpoints import write_weights
from maze_interp.report.build import build_report
from maze_interp.report.page import render
from maze_interp.report.section import Number, Section, Table, exact
from maze_interp.report.study import tells
from maze_interp.results.estimates import Estimate

LEVELS = 20
VOID = {"meta", "img", "link", "br", "hr", "input"}
HOSTILE = '<script>alert("card")</script>'


@dataclass
class Element:
    """An element of the page: its tag, attributes and text."""

    tag: str
    attributes: dict[str, str | None]
    text: str = ""


@dataclass
class Page(HTMLParser):
    """A parsed page; parsing fails where an element is not closed in order."""

    elements: list[Element] = field(default_factory=list)
    open: list[Element] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs)
        self.elements.append(Element(tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(self.elements[-1])

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        for element in self.open:
            element.text += data

    def all(self, tag: str) -> list[Element]:
        return [element for element in self.elements if element.tag == tag]


def parse(html: str) -> Page:
    page = Page()
    page.feed(html)
    page.close()
    assert page.open == []
    return page


@pytest.fixture(scope="module")
def folder(untrained: Impala, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an agent in `agents/`, trained (so its card says) on the top-right 3×3."""
    path = tmp_path_factory.mktemp("project")
    write_weights(untrained, path / "tiny.safetensors")
    agent = import_agent(path / "tiny.safetensors", "tiny", "easy", 3, into=path / "agents")
    (agent / "README.md").write_text(f"# tiny\n\n{HOSTILE}\n")
    return path


@pytest.fixture(scope="module")
def report(folder: Path) -> Path:
    """The folder of a finished report."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return build_report("tiny", folder / "report", LEVELS, workers=1).parent


@pytest.fixture(scope="module")
def page(report: Path) -> Page:
    return parse((report / "report.html").read_text())


@pytest.fixture(scope="module")
def summary(report: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((report / "summary.json").read_text())
    return found


@pytest.fixture(scope="module")
def rows(report: Path) -> dict[str, pd.DataFrame]:
    return {name: pd.read_csv(report / "sweeps" / name / "levels.csv") for name in ("region", "anywhere")}


def content(report: Path) -> dict[str, bytes]:
    """Every file of a report by its path."""
    return {str(path.relative_to(report)): path.read_bytes() for path in report.rglob("*") if path.is_file()}


# The page.


def test_nothing_is_fetched_from_elsewhere(page: Page, report: Path) -> None:
    html = re.sub(r"data:image/png;base64,[^\"]*", "", (report / "report.html").read_text())
    assert "http" not in html
    assert not page.all("script")
    assert not page.all("link")
    assert not page.all("iframe")
    for style in page.all("style"):
        assert "url(" not in style.text
        assert "@import" not in style.text
    for element in page.elements:
        for name in ("src", "href", "srcset", "data", "action"):
            value = element.attributes.get(name) or "#"
            assert value.startswith(("#", "data:image/png;base64,"))
        assert not any(name.startswith("on") for name in element.attributes)


def test_links_lead_to_sections(page: Page, summary: dict[str, Any]) -> None:
    ids = [element.attributes["id"] for element in page.elements if "id" in element.attributes]
    assert len(set(ids)) == len(ids)
    assert [(link.attributes["href"] or "")[1:] for link in page.all("a")] == ids == list(summary["figures"])


def test_every_picture_is_described_and_is_the_file_beside_the_page(page: Page, report: Path) -> None:
    images = page.all("img")
    assert len(images) == len(page.all("figcaption"))
    embedded = [base64.b64decode((image.attributes["src"] or "").partition(",")[2]) for image in images]
    assert sorted(embedded) == sorted(path.read_bytes() for path in (report / "pictures").iterdir())
    alts = [image.attributes["alt"] or "" for image in images]
    assert all(len(alt) > 40 for alt in alts)
    assert len(set(alts)) == len(alts)


def test_every_section_with_figures_says_how_to_reproduce_them(page: Page, summary: dict[str, Any]) -> None:
    notes = [element.text for element in page.all("div") if element.attributes["class"] == "notes"]
    measured = [section for section in page.all("section") if summary["figures"][section.attributes["id"]]]
    assert len(measured) >= 6
    assert all("maze-interp " in section.text for section in measured)
    seeds = f"--seeds {HELD_OUT}:{HELD_OUT + LEVELS}"
    assert any(f"maze-interp sweep --agent tiny {seeds} --region 3 --out runs/region\n" in text for text in notes)
    assert any(
        f"maze-interp sweep --agent tiny {seeds} --region anywhere --out runs/anywhere\n" in text for text in notes
    )


def test_text_from_outside_stays_text(page: Page) -> None:
    assert not page.all("script")
    assert any(HOSTILE in element.text for element in page.all("pre"))


# The figures.


def test_figures_of_the_summary_are_those_of_the_page(page: Page, summary: dict[str, Any]) -> None:
    shown = {element.attributes.get("value"): element.text for element in page.all("data")}
    figures = [figure for section in summary["figures"].values() for figure in section.values()]
    assert len(figures) > 50
    by_name = {f"{section}.{name}": one for section, some in summary["figures"].items() for name, one in some.items()}
    for element in page.all("data"):
        name = element.attributes.get("data-figure")
        if name is not None:
            value = element.attributes.get("value")  # none of a figure that no level gives
            assert (None if value is None else float(value)) == by_name[name]["mean"]
    for name in by_name:
        if name.startswith(("headline", "spread", "one-level")):
            assert name in {element.attributes.get("data-figure") for element in page.all("data")}
    for name, figure in by_name.items():
        if name.startswith("outcomes") and "decision square" not in name and "all levels" not in name and figure["n"]:
            one = Number(Estimate(*(figure[key] for key in ("n", "mean", "low", "high"))), figure["unit"])
            if "limit" not in name:
                assert shown[str(figure["mean"])] == str(one)


def test_the_headline_is_the_mean_over_the_levels_it_names(
    summary: dict[str, Any], rows: dict[str, pd.DataFrame]
) -> None:
    region, anywhere = rows["region"], rows["anywhere"]
    assert list(region["seed"]) == list(anywhere["seed"]) == list(range(HELD_OUT, HELD_OUT + LEVELS))
    for levels, inside in ((region, True), (anywhere, False)):
        distance = np.maximum(levels["size"] - 1 - levels["cheese_x"], levels["size"] - 1 - levels["cheese_y"])
        assert (distance < 3).all() == inside
    outside = distance >= 3
    figures = summary["figures"]["headline"]
    expected = {
        "trained": region["p_cheese"],
        "outside": anywhere["p_cheese"][outside],
        "same_mazes": region["p_cheese"][outside],
        "difference": (anywhere["p_cheese"] - region["p_cheese"])[outside],
        "exit_cheese": anywhere["exit_cheese"][outside].dropna(),
        "exit_difference": (anywhere["exit_cheese"] - anywhere["exit_top_right"])[outside].dropna(),
    }
    for name, values in expected.items():
        assert figures[name]["mean"] == pytest.approx(values.mean())
        assert figures[name]["n"] == len(values)
        assert figures[name]["low"] <= values.mean() <= figures[name]["high"]


def test_tables_hold_the_figures_of_the_page_unrounded(page: Page, report: Path) -> None:
    shown = {element.attributes["value"] for element in page.all("data") if "value" in element.attributes}
    with (report / "tables" / "episodes.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert len(table) == 6
    for row in table:
        assert row["reaches the cheese"] in shown or row["n"] == "0"
    files = {path.stem for path in (report / "tables").iterdir()}
    assert files >= {"agent", "episodes", "choices", "p_cheese_by_size", "most_surprising"}


def test_the_summary_says_where_the_figures_come_from(summary: dict[str, Any]) -> None:
    assert summary["command"] == f"maze-interp report --agent tiny --levels {LEVELS}"
    assert summary["mode"] == "easy"
    assert summary["region"] == 3
    assert set(summary["versions"]) >= {"python", "torch", "numpy", "maze-interp"}
    assert len(summary["agent_hash"]) == 12


# Runs.


def test_a_stopped_report_goes_on_to_the_same_bytes(
    folder: Path, report: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    before = content(report)
    (report / "report.html").unlink()
    (report / "summary.json").unlink()
    levels = report / "sweeps" / "anywhere" / "levels.csv"
    levels.write_bytes(levels.read_bytes()[:-300])
    build_report("tiny", report, LEVELS, workers=2)
    assert content(report) == before


def test_a_folder_of_another_report_is_left_alone(folder: Path, report: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    before = content(report)
    with pytest.raises(MazeInterpError, match="belongs to another run"):
        build_report("tiny", report, LEVELS + 1, workers=1)
    assert content(report) == before


def test_one_level_of_a_foreign_checkpoint_makes_a_page_too(folder: Path, tmp_path: Path) -> None:
    """No region on record, and most groups empty."""
    path = build_report(str(folder / "tiny.safetensors"), tmp_path / "report", levels=1, mode="easy", workers=1)
    text = parse(path.read_text()).all("html")[0].text
    assert "not on record" in text
    assert not re.search(r"\bnan\b", text)
    assert json.loads((path.parent / "summary.json").read_text())["command"].endswith("--mode easy")


def test_bad_input_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(MazeInterpError, match="unknown agent"):
        build_report("nobody", tmp_path / "report")
    with pytest.raises(MazeInterpError, match="at least 1 level"):
        build_report("tiny", tmp_path / "report", levels=0)
    assert not (tmp_path / "report").exists()


# Parts.


def test_numbers_are_written_with_their_interval_and_without_minus_zero() -> None:
    assert str(Number(Estimate(9, 0.91349, 0.85, 0.9999))) == "91.3% [85.0, 100.0]"
    assert str(Number(Estimate(9, -0.084, -0.143, -0.0001), "difference")) == "−8.4 points [−14.3, +0.0]"
    assert str(Number(Estimate(2, 57.37, 32.86, 85.3), "moves")) == "57.4 moves [32.9, 85.3]"
    assert str(exact(-7e-17)) == "0.0%"
    assert str(Number(Estimate(0, None, None, None))) == "no levels"


def test_a_number_that_a_text_lacks_is_an_error() -> None:
    with pytest.raises(KeyError):
        render("title", {}, [Section("a", "A", ["It is {missing}."])])


def test_a_text_points_at_its_numbers() -> None:
    html = render("A < B", {}, [Section("a", "A", ["P < {p}"], {"p": Number(Estimate(3, 0.5, 0.25, 0.75))})])
    assert '<p>P &lt; <data value="0.5" data-figure="a.p">50.0% <span>[25.0, 75.0]</span></data></p>' in html
    assert "<h1>A &lt; B</h1>" in html


def test_a_column_of_numbers_becomes_four_in_csv() -> None:
    table = Table("t", "T", ("levels", "P"), [("all, of them", Number(Estimate(3, 0.5, 0.25, 0.75))), ("none", None)])
    assert table.csv() == 'levels,P,P: low,P: high,P: n\n"all, of them",0.5,0.25,0.75,3\nnone,,,,\n'


@pytest.mark.parametrize(
    ("low", "high", "told"), [(0.1, 0.2, 1), (-0.2, -0.1, -1), (-0.1, 0.1, 0), (0.0, 0.1, 0), (None, None, 0)]
)
def test_a_difference_is_told_only_where_its_interval_leaves_zero_out(
    low: float | None, high: float | None, told: int
) -> None:
    assert tells(Estimate(9, 0.05, low, high)) == told
