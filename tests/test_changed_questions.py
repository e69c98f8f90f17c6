"""A question that is changed after its resolution: noticed, and both outcomes kept, shown and scored."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from maze_interp.commands.main import main
from maze_interp.errors import MazeInterpError
from maze_interp.questions.measured import METHOD, Draws, Measured, outcome, resolve
from maze_interp.questions.question import Question
from maze_interp.questions.registry import load_questions
from maze_interp.questions.resolution_files import read_resolutions, write_resolutions
from maze_interp.questions.resolutions import Override, Resolution, Resolutions
from maze_interp.questions.tables import remarks

QUESTION = """\
- id: solves
  kind: binary
  wording: Does it?
  measurement: reference-behaviour
  parameters: {levels: 10, cheese: anywhere, reference: right-wall}
  rule: {p_cheese: above 0.7}
  source: a test
"""
FORECAST = "forecaster: me\ndate: now\nsource: mine\nanswers:\n  solves: {binary: 0.9}\n"
BEFORE = "  earlier:\n  - rule: {p_cheese: above 0.7}\n    reason: too easy\n"


def registry(folder: Path, text: str) -> dict[str, Question]:
    folder.mkdir(exist_ok=True)
    (folder / "mine.yaml").write_text(text)
    return load_questions(folder)


def resolved(questions: dict[str, Question]) -> Resolutions:
    """A resolution by a measurement of .8 [.8, .8]."""
    figures = {"p_cheese": Draws(0.8, np.array([0.8]), 10)}
    answer = resolve(questions["solves"], lambda parameters: Measured(figures, "1:11", "maze-interp sweep"))
    return Resolutions(
        agent="a", agent_hash="abc", setting="full", command="by hand", outcomes=METHOD, answers={"solves": answer}
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("above 0.7", "above 0.85"),
        ("above 0.7", "at least 0.7"),
        ("levels: 10", "levels: 11"),
        ("right-wall", "left-wall"),
        ("kind: binary", "kind: judgement\n  proxy: none"),
    ],
)
def test_a_change_after_the_resolution_is_noticed(tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "resolution.yaml"
    asked = registry(tmp_path / "questions", QUESTION)
    write_resolutions(path, resolved(asked), asked)
    changed = registry(tmp_path / "questions", QUESTION.replace(old, new))
    with pytest.raises(
        MazeInterpError, match=r"answers.solves.question_hash: the question has changed since"
    ) as caught:
        read_resolutions(path, changed)
    assert str(caught.value).startswith(f"{path}:8: ")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Does it?", "Does it now?"),
        ("a test", "elsewhere"),
        ("levels: 10, cheese: anywhere", "cheese: anywhere, levels: 10"),
    ],
)
def test_another_wording_is_no_other_question(tmp_path: Path, old: str, new: str) -> None:
    (first,), (second,) = (registry(tmp_path, text).values() for text in (QUESTION, QUESTION.replace(old, new)))
    assert first.hash == second.hash


def test_the_former_outcome_stands_beside_the_new_one(tmp_path: Path) -> None:
    path, folder = tmp_path / "resolution.yaml", tmp_path / "questions"
    asked = registry(folder, QUESTION)
    first = resolved(asked)
    assert first.answers["solves"].measured == {"yes": 1.0, "no": 0.0}
    write_resolutions(path, first, asked)

    changed = registry(folder, QUESTION.replace("above 0.7", "above 0.85") + BEFORE)
    question = changed["solves"]
    assert (question.version, question.versions[0].hash) == (2, asked["solves"].hash)
    (remark,) = remarks(question, read_resolutions(path, changed).answers["solves"])  # not yet measured under version 2
    assert remark == (
        "measured under version 1, before rule yes: p_cheese above 0.7 → yes: p_cheese above 0.85: too easy"
    )
    second = resolved(changed).after(read_resolutions(path, changed))
    write_resolutions(path, second, changed)
    answer = read_resolutions(path, changed).answers["solves"]
    assert answer.outcomes(question) == {"counted": {"yes": 0.0, "no": 1.0}, "version 1": {"yes": 1.0, "no": 0.0}}
    assert answer.earlier == (first.answers["solves"],)
    assert list(remarks(question, answer)) == [
        "version 1: yes 100%, before rule yes: p_cheese above 0.7 → yes: p_cheese above 0.85: too easy"
    ]
    assert resolved(changed).after(second) == second  # measured once more, nothing is lost or doubled


def test_an_override_stays_with_the_version_that_it_was_for(tmp_path: Path) -> None:
    asked = registry(tmp_path, QUESTION)
    first = resolved(asked)
    override = Override(outcome={"yes": 0.0, "no": 1.0}, reason="seen", name="me")
    overridden = first.answers["solves"].model_copy(update={"override": override})
    first = first.model_copy(update={"answers": {"solves": overridden}})
    changed = registry(tmp_path, QUESTION.replace("above 0.7", "above 0.75") + BEFORE)
    answer = resolved(changed).after(first).answers["solves"]
    assert answer.override is None
    assert answer.earlier == (overridden,)


@pytest.mark.parametrize(
    ("earlier", "message"),
    [
        ("  - rule: {p_cheese: above 0.7}\n", r"earlier\[0\].reason: is missing"),
        ("  - {reason: none, rule: {p_cheese: above 0.85}}\n", r"earlier\[0\]: says nothing that was different"),
        (
            "  - {reason: none, rules: {p_cheese: above 0.7}}\n",
            r"earlier\[0\].rules: unknown field 'rules': did you mean rule",
        ),
        ("  - {reason: none, rule: {p_cheese: over 0.7}}\n", r"earlier\[0\].rule.p_cheese: should be at least"),
    ],
)
def test_mistakes_in_what_was_earlier(tmp_path: Path, earlier: str, message: str) -> None:
    with pytest.raises(MazeInterpError, match=rf"mine.yaml:9: {message}"):
        registry(tmp_path, QUESTION.replace("above 0.7", "above 0.85") + "  earlier:\n" + earlier)


def test_both_outcomes_are_scored_and_the_range_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    asked = registry(tmp_path / "questions", QUESTION)
    changed = registry(tmp_path / "questions", QUESTION.replace("above 0.7", "above 0.85") + BEFORE)
    write_resolutions(Path("both.yaml"), resolved(changed).after(resolved(asked)), changed)
    Path("me.yaml").write_text(FORECAST)
    main(["questions", "score", "--questions", "questions", "--forecast", "me.yaml", "--resolution", "both.yaml"])
    printed = " ".join(capsys.readouterr().out.split())
    assert "version 1: yes 100%, before rule yes: p_cheese above 0.7 → yes: p_cheese above 0.85: too easy" in printed
    scores = pd.read_csv("runs/score/scores.csv").set_index("resolution")
    assert scores["brier"].to_dict() == pytest.approx({"counted": 0.81, "version 1": 0.01})
    assert scores["counts"].to_dict() == {"counted": True, "version 1": False}
    summary = json.loads(Path("runs/score/summary.json").read_text())
    assert summary["standings"]["all"]["me"]["brier"]["forecaster"]["mean"] == pytest.approx(0.81)
    assert summary["ranges"][0] == pytest.approx(
        {"forecaster": "me", "score": "brier", "low": 0.01, "high": 0.81, "widest": "solves", "moves": 0.8}
    )
    page = Path("runs/score/page.html").read_text()
    assert "too easy" in page
    assert "version 2" in page


ALTERNATIVES = "  alternatives:\n    stricter: {rule: {p_cheese: above 0.85}, reason: ours to say}\n"


def test_alternatives_do_not_change_the_question_and_are_recorded_and_scored(tmp_path: Path) -> None:
    plain = registry(tmp_path / "plain", QUESTION)["solves"]
    questions = registry(tmp_path / "questions", QUESTION + ALTERNATIVES)
    assert questions["solves"].hash == plain.hash
    first = resolved(questions)
    assert first.answers["solves"].readings == {"stricter": {"yes": 0.0, "no": 1.0}}
    path = tmp_path / "resolution.yaml"
    write_resolutions(path, first, questions)
    read = read_resolutions(path, questions).answers["solves"].outcomes(questions["solves"])
    assert read == {"counted": {"yes": 1.0, "no": 0.0}, "stricter": {"yes": 0.0, "no": 1.0}}


@pytest.mark.parametrize(
    ("alternatives", "message"),
    [
        ("    same: {reason: none}\n", r"alternatives.same: says nothing that is different"),
        ("    s: {rule: {p_chees: above 0.8}, reason: none}\n", r"alternatives.s.rule.p_chees: unknown figure of"),
        ("    s: {rule: {p_cheese: above 0.8}}\n", r"alternatives.s.reason: is missing"),
        ("    s: {parameters: {levls: 3}, reason: none}\n", r"alternatives.s.parameters.levls: unknown parameter"),
    ],
)
def test_mistakes_in_alternatives(tmp_path: Path, alternatives: str, message: str) -> None:
    with pytest.raises(MazeInterpError, match=message):
        registry(tmp_path, QUESTION + "  alternatives:\n" + alternatives)


def test_what_a_search_has_missed_may_exist(tmp_path: Path) -> None:
    (question,) = registry(tmp_path, QUESTION + "  missed: 0.25\n").values()
    half = {"p_cheese": Draws(0.7, np.array([0.6, 0.8]), 10)}
    assert outcome(question, half) == {"yes": 0.625, "no": 0.375}
    assert outcome(question.readings["as found"], half) == {"yes": 0.5, "no": 0.5}
    text = QUESTION.replace("kind: binary", "kind: thresholds").replace(
        "rule: {p_cheese: above 0.7}", "thresholds: {easy: {p_cheese: above 0.5}, hard: {p_cheese: above 0.7}}"
    )
    (nested,) = registry(tmp_path, text + "  missed: 0.25\n").values()
    assert outcome(nested, half) == {"none": 0.0, "easy": 0.375, "hard": 0.625}


def test_the_page_of_readings_is_up_to_date(tmp_path: Path) -> None:
    main(["questions", "readings", "--out", str(tmp_path / "page.md")])
    assert (tmp_path / "page.md").read_text() == Path("docs/questions.md").read_text()
    text = (tmp_path / "page.md").read_text()
    assert all(f"## {name}\n" in text for name in load_questions())


def test_the_70_percent_question_keeps_its_first_outcome() -> None:
    questions = load_questions()
    resolution = read_resolutions(Path("data/resolutions/rand_region_5_short.yaml"), questions).answers["probe-70"]
    yes = {name: outcome["yes"] for name, outcome in resolution.outcomes(questions["probe-70"]).items()}
    assert yes == {"counted": 1.0, "measured": 0.0, "version 1": 0.0}
    assert isinstance(resolution.earlier[0], Resolution)
    assert any("probe logistic → ridge-classes" in remark for remark in remarks(questions["probe-70"], resolution))
