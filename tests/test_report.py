"""The report is one self-contained page, and every figure on it is the one that was measured."""

from __future__ import annotations

import base64
import json
import re
import shlex
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from small_studies import random_agent

from maze_interp.bundled import HELD_OUT
from maze_interp.commands.main import make_parser
from maze_interp.errors import MazeInterpError
from maze_interp.policies.agents import import_agent
from maze_interp.policies.architectures.impala import Impala
from maze_interp.policies.checkpoints import write_weights
from maze_interp.report.build import build_report
from maze_interp.results.estimates import Estimate
from maze_interp.results.tables import readable
from maze_interp.results.text import amount, percent, points, sign
from maze_interp.studies.registry import STUDIES

LEVELS = 12
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
        build_report("tiny", folder / "report", LEVELS, workers=1)
        return folder / "report"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network of the other architecture, of which nothing is on record."""
    return random_agent(tmp_path_factory.mktemp("checkpoint"))


@pytest.fixture(scope="module")
def foreign(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a report of one level on it."""
    out = tmp_path_factory.mktemp("foreign") / "report"
    build_report(str(checkpoint), out, levels=1, mode="easy", workers=1)
    return out


@pytest.fixture(scope="module")
def page(report: Path) -> Page:
    return parse((report / "report.html").read_text())


@pytest.fixture(scope="module")
def summary(report: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((report / "summary.json").read_text())
    return found


@pytest.fixture(scope="module")
def rows(report: Path) -> dict[str, pd.DataFrame]:
    return {name: pd.read_csv(report / f"sweep-{name}" / "levels.csv") for name in ("region", "anywhere")}


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
    linked = [(link.attributes["href"] or "")[1:] for link in page.all("a")]
    assert linked == ids == [name for name in summary["figures"] if name != "headline"]
    assert set(ids) <= {*STUDIES, "questions"}


def test_the_first_screen_has_the_question_five_figures_a_picture_and_what_stands_out(report: Path, page: Page) -> None:
    html = (report / "report.html").read_text()
    first = html[: html.index("<section")]
    assert "In training the cheese always lay in the top-right 3×3 squares" in first
    figures = re.findall(r"<li>(.*?: \d\.\d{3} \[.*?\] \(n = \d+\))</li>", first)
    assert len(figures) == 5
    assert first.index("<figure>") < first.index("What stands out") < first.index("<nav")


def test_every_picture_is_described_and_is_a_file_of_its_study(page: Page, report: Path) -> None:
    images = page.all("img")
    assert len(images) == len(page.all("figcaption"))
    embedded = {base64.b64decode((image.attributes["src"] or "").partition(",")[2]) for image in images}
    files = {path.read_bytes() for path in report.rglob("*.png")}
    assert len(embedded - files) <= 3  # of the first screen, and of the questions
    assert all(len(image.attributes["alt"] or "") > 20 for image in images)


def test_every_section_states_a_result_and_how_to_reproduce_it(page: Page, report: Path) -> None:
    for section in page.all("section"):
        assert re.search(r"Reproduce: maze-interp \S+", section.text), section.text
    shown = [element.text for element in page.all("p") if element.attributes.get("class") == "statement"]
    assert len(shown) == len(page.all("section")) + 1


def test_each_command_on_the_page_makes_the_settings_of_its_figures(
    page: Page, report: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stands under "Reproduce" is parsed as the command line would parse it."""
    monkeypatch.chdir(folder)
    checked = []
    for code in page.all("code"):
        arguments = shlex.split(code.text)[1:]
        parsed = make_parser().parse_args(arguments)
        unmeasured = not (report / arguments[0]).exists() and arguments[0] != "sweep"
        if arguments[0] in STUDIES and unmeasured:
            assert "Not measured: " in next(
                section.text for section in page.all("section") if section.attributes["id"] == arguments[0]
            )
            checked.append(arguments[0])
        elif arguments[0] in STUDIES:
            settings = parsed.study(parsed).settings()
            folder = report / ("sweep-anywhere" if arguments[0] == "sweep" else arguments[0])
            recorded = json.loads((folder / "run.json").read_text())
            assert json.loads(json.dumps(settings)) == recorded
            checked.append(arguments[0])
    assert set(checked) == {section.attributes["id"] for section in page.all("section")} - {"questions"}


def test_the_page_is_short(page: Page) -> None:
    (main,) = page.all("main")
    tables = sum(len(table.text.split()) for table in page.all("table"))
    assert len(main.text.split()) - tables < 6000


def test_text_from_outside_stays_text(page: Page) -> None:
    assert not page.all("script")
    assert any(HOSTILE in element.text for element in page.all("pre"))


# The figures.


def test_figures_of_the_summary_are_those_of_the_page(report: Path, summary: dict[str, Any]) -> None:
    html = (report / "report.html").read_text()
    for name in ("trained", "outside", "same_mazes", "exit_cheese", "exit_top_right"):
        assert str(Estimate(**summary["figures"]["headline"][name])) in html


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


def test_the_summary_says_where_the_figures_come_from(summary: dict[str, Any]) -> None:
    assert summary["command"] == f"maze-interp report --agent tiny --levels {LEVELS}"
    assert summary["mode"] == "easy"
    assert summary["region"] == 3
    assert set(summary["versions"]) >= {"python", "torch", "numpy", "maze-interp"}
    assert len(summary["agent_hash"]) == 12


# Runs.


def test_a_stopped_report_goes_on_to_the_same_bytes(checkpoint: Path, foreign: Path) -> None:
    before = content(foreign)
    (foreign / "report.html").unlink()
    (foreign / "summary.json").unlink()
    (foreign / "sweep-anywhere" / "levels.csv").unlink()
    (foreign / "sweep-anywhere" / "rows" / "levels" / "levels.csv").unlink()
    build_report(str(checkpoint), foreign, levels=1, mode="easy", workers=2)
    assert content(foreign) == before


def test_a_folder_of_another_report_is_left_alone(folder: Path, report: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    before = content(report)
    with pytest.raises(MazeInterpError, match="belongs to another run"):
        build_report("tiny", report, LEVELS + 1, workers=1)
    assert content(report) == before


def test_one_level_of_a_foreign_checkpoint_makes_a_page_too(foreign: Path) -> None:
    """No region on record, and most groups empty."""
    text = parse((foreign / "report.html").read_text()).all("html")[0].text
    assert "is not known" in text
    assert not re.search(r"\bnan\b", text)
    assert json.loads((foreign / "summary.json").read_text())["command"].endswith("--mode easy")


def test_bad_input_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(MazeInterpError, match="unknown agent"):
        build_report("nobody", tmp_path / "report")
    with pytest.raises(MazeInterpError, match="at least 1 level"):
        build_report("tiny", tmp_path / "report", levels=0)
    assert not (tmp_path / "report").exists()


# Parts.


def test_numbers_are_written_with_their_interval_and_without_minus_zero() -> None:
    assert percent(Estimate(9, 0.91349, 0.85, 0.9999)) == "91.3% [85.0, 100.0]"
    assert points(Estimate(9, -0.084, -0.143, -0.0001)) == "−8.4 points [−14.3, +0.0]"
    assert amount(Estimate(2, 57.37, 32.86, 85.3), "moves") == "57.4 moves [32.9, 85.3]"
    assert percent(Estimate(1, -7e-17, None, None)) == "0.0%"
    assert percent(Estimate(0, None, None, None)) == "no levels"


def test_tables_for_people() -> None:
    table = pd.DataFrame(
        {"a_b": ["x", None], "n": [3, 0], "mean": [0.5, None], "low": [0.25, None], "high": [0.75, None]}
    )
    assert readable(table).to_dict("list") == {"a b": ["x", ""], "n": ["3", "0"], "mean": ["0.500 [0.250, 0.750]", ""]}
    beside = pd.DataFrame({"gain": [1.0], "gain_low": [0.5], "gain_high": [2.0]})
    assert readable(beside).to_dict("list") == {"gain": ["1.000 [0.500, 2]"]}
    negative = pd.DataFrame({"change": [-0.25, -0.0, -3.0]})
    assert readable(negative).to_dict("list") == {"change": ["−0.250", "0.000", "−3"]}


@pytest.mark.parametrize(
    ("low", "high", "expected"), [(0.1, 0.2, 1), (-0.2, -0.1, -1), (-0.1, 0.1, 0), (0.0, 0.1, 0), (None, None, 0)]
)
def test_a_sign_is_significant_only_where_its_interval_leaves_zero_out(
    low: float | None, high: float | None, expected: int
) -> None:
    assert sign(Estimate(9, 0.05, low, high)) == expected
