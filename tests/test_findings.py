"""What the pages insert from recorded runs is there, and what is typed with an interval is recorded, too."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from maze_interp.bundled import DEFAULT_AGENT
from maze_interp.errors import MazeInterpError

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "docs" / "_ext"), str(ROOT / "scripts")]

import inserted  # noqa: E402
import page_tables  # noqa: E402
import recorded  # noqa: E402
import renew_findings  # noqa: E402

PAGES = [page for page in inserted.pages() if inserted.inserts(page.read_text())]
FINDINGS = [page for page in inserted.pages() if page.parent.name == "findings"]
NUMBER = r"[−+-]?(?:\d+\.\d+|\.\d+|\d+)"
INTERVAL = re.compile(rf"({NUMBER}) (?:points? )?\[({NUMBER}), ({NUMBER})\]")
MARKED = re.compile(r"\{\w+\}`[^`]*`|```.*?```|`[^`]*`|\]\([^)]*\)", flags=re.DOTALL)
"""Roles, code, and where links lead: not text typed as a result."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_everything_a_page_inserts_is_recorded(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for line, role, address in inserted.addresses(text):
        try:
            assert recorded.shown(role, recorded.look_up(address))
        except MazeInterpError as error:
            pytest.fail(f"{page.name}:{line}: {error}")
    for name, argument, body in re.findall(r"^```\{(\w+)\} ?([^\n]*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
        if name in page_tables.TABLES:
            options = dict(re.findall(r"^:(\w+): (.*)$", body, re.MULTILINE))
            assert page_tables.TABLES[name](argument, options)


def test_findings_have_one_claim_one_picture_and_few_numbers() -> None:
    for page in FINDINGS:
        if page.stem == "index":
            continue
        text = page.read_text(encoding="utf-8")
        assert re.match(r"# .+\n\n\*\*[^*]+\.\*\*\n\n!\[.+\]\(results/.+\.png\)\n", text), page.name
        assert "## What limits this" in text
        assert "```{run}" in text
        assert sum(role == "figure" for _, role, _ in inserted.addresses(text)) <= 5, page.name


@pytest.mark.parametrize("page", FINDINGS, ids=lambda page: page.stem)
def test_no_result_is_typed_into_a_finding(page: Path) -> None:
    typed = MARKED.sub("", page.read_text(encoding="utf-8"))
    assert INTERVAL.findall(typed) == []
    bounds = {".2", ".80"}  # of a setting and of a question's rule
    assert set(re.findall(r"(?<![\w.])\d*\.\d+", typed)) <= bounds


def test_numbers_with_intervals_in_the_readme_are_recorded() -> None:
    found = INTERVAL.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    assert len(found) >= 5
    known = {written for triple in recorded_estimates() for written in _written(triple)}
    assert [numbers for numbers in found if numbers not in known] == []


@cache
def recorded_estimates() -> frozenset[tuple[float, float, float]]:
    """Every estimate in the results, resolutions and cards of the repository."""
    found: set[tuple[float, float, float]] = set()
    for path in recorded.RESULTS.rglob("*.csv"):
        frame = pd.read_csv(path)
        for column in frame.select_dtypes("number"):
            if ends := recorded.ends(list(frame.columns), str(column)):
                found |= {tuple(row) for row in frame[[column, *ends]].dropna().to_numpy(float)}
    documents = [json.loads(path.read_text()) for path in recorded.RESULTS.rglob("*.json")]
    documents += [yaml.safe_load(path.read_text()) for path in (ROOT / "data" / "resolutions").glob("*.yaml")]
    for leaf in (leaf for document in documents for leaf in _leaves(document)):
        found.add(leaf)
    for folder in (ROOT / "agents").iterdir():
        if folder.is_dir():
            cards = recorded.cards(folder.name).values()
            found |= {(float(card.mean), card.low or 0.0, card.high or 0.0) for card in cards}
    return frozenset(found)


def _leaves(document: Any) -> Iterator[tuple[float, float, float]]:
    if isinstance(document, list):
        for part in document:
            yield from _leaves(part)
    elif isinstance(document, dict):
        middle = document.get("mean", document.get("value"))
        if all(isinstance(number, int | float) for number in (middle, document.get("low"), document.get("high"))):
            yield float(middle), float(document["low"]), float(document["high"])  # type: ignore[arg-type]
        for part in document.values():
            yield from _leaves(part)


def _written(triple: tuple[float, float, float]) -> Iterator[tuple[str, ...]]:
    """As probabilities with three digits, with and without the zero before the point, and as points of a hundred."""
    full = tuple(f"{number + 0.0:.3f}" for number in triple)
    yield full
    yield tuple(number.replace("0.", ".", 1) if abs(float(number)) < 1 else number for number in full)
    yield tuple(f"{100 * number:.1f}" for number in triple)


@pytest.mark.parametrize("folder", sorted((ROOT / "agents").glob("*/README.md")), ids=lambda path: path.parent.name)
def test_every_card_can_be_read(folder: Path) -> None:
    card = recorded.cards(folder.parent.name)
    assert "cheese anywhere" in card
    assert sum(levels.startswith("cheese in the top-right") for levels in card) >= 1 or "anywhere" in folder.parent.name
    assert all(0 <= (value.low or 0) <= float(value.mean) <= (value.high or 0) <= 1 for value in card.values())


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("vectors:effects.csv:nothing", "0 rows"),
        ("vectors:effects.csv:cheese", "rows have 'cheese', not 1"),
        ("vectors:effects.csv:both; p_cheese:medain", "no column 'medain'"),
        ("vectors:nothing.csv:cheese", "is missing"),
        ("vector:effects.csv:cheese", "no run of"),
        ("report:summary.json:headline/trainde", "no 'trainde'"),
        ("cards:default:cheese somewhere", "no 'cheese somewhere'"),
        ("resolutions:rand_region_5_short:probe-07:accuracy", "no 'probe-07'"),
        ("anything", "no address"),
    ],
)
def test_an_address_of_nothing_says_what_there_is(address: str, said: str) -> None:
    with pytest.raises(MazeInterpError, match=said):
        recorded.look_up(address)


def test_values_are_written_alike() -> None:
    measured = recorded.Measured
    assert str(measured(0.98101, 0.97122, 0.98793)) == "0.981 [0.971, 0.988]"
    assert str(measured(-0.0134, -0.056, 0.0)) == "−0.013 [−0.056, 0.000]"
    assert str(measured(5.5, 2.0, 9.0)) == "5.5 [2, 9]"
    assert str(measured(12.34, 11.0, 13.6)) == "12.3 [11.0, 13.6]"
    assert recorded.shown("n", measured(0.5, n=1000)) == "1,000"
    assert recorded.shown("percent", measured(0.0966)) == "9.7%"


def test_a_result_of_another_command_or_agent_is_out_of_date() -> None:
    command = "maze-interp channels"
    agent_hash = renew_findings.hashes()[DEFAULT_AGENT]
    content = {"command": command, "agent": DEFAULT_AGENT, "agent_hash": agent_hash}
    assert renew_findings.made_otherwise(content, command) == ""
    assert renew_findings.made_otherwise(content, f"{command} --seeds 0:9") == "made by another command"
    assert (
        renew_findings.made_otherwise({**content, "agent_hash": "0"}, command) == f"{DEFAULT_AGENT} has other weights"
    )
    other = {**content, "agent": "rand_region_5", "agent_hash": renew_findings.hashes()["rand_region_5"]}
    assert renew_findings.made_otherwise(other, command) == "the default agent is another one"
    named = f"{command} --agent rand_region_5"
    assert renew_findings.made_otherwise({**other, "command": named}, named) == ""
    reads = "maze-interp statistics --sweep runs/findings/sweep"
    assert renew_findings.made_otherwise({**content, "command": reads}, reads) == "made by another command"
    inputs = renew_findings.input_commands(reads)
    assert renew_findings.made_otherwise({**content, "command": reads, "inputs": inputs}, reads) == ""
    assert renew_findings.made_otherwise({**other, "command": reads, "inputs": inputs}, reads).startswith("the default")
