"""Forecast files: the recorded one to the digit, repairs, locks, and mistakes in one line."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pytest

from maze_interp.commands.main import main
from maze_interp.errors import MazeInterpError
from maze_interp.questions.forecasts import (
    Forecast,
    coherent_bins,
    coherent_cumulative,
    forecast_path,
    load_forecast,
)
from maze_interp.questions.locking import lock_forecast
from maze_interp.questions.registry import load_questions

QUESTIONS = load_questions()
HEAD = "forecaster: A. Reader\ndate: today\nsource: a test\nanswers:\n"


def forecast(tmp_path: Path, answers: str) -> Forecast:
    path = tmp_path / "f.yaml"
    path.write_text(HEAD + answers)
    return load_forecast(path, QUESTIONS)


def test_the_recorded_forecast_is_complete_and_exact() -> None:
    recorded = load_forecast(forecast_path("nanda-2023"), QUESTIONS)
    given = {
        name: [(reading.form, [100 * p for p in reading.given.values()]) for reading in answer.readings]
        for name, answer in recorded.answers.items()
        if answer.readings
    }
    agree = {
        "value-agree-decision": [30, 45, 20, 4, 1],
        "value-agree-test": [25, 28, 40, 5, 2],
        "value-agree-train": [5, 12, 50, 30, 3],
    }
    expected = {
        "probe-70": [("binary", [60])],
        "two-subpolicies": [("binary", [65])],
        "retarget": [("cumulative", [25, 22, 20, 15])],
        "goal-structure": [("bins", [10, 40, 50])],
        "steering-interpretable": [("binary", [65])],
        "channels-interpretable": [("binary", [55])],
        "shards-disjoint": [("binary", [25])],
    } | {name: [("bins", [0, *figures]), ("cumulative", figures)] for name, figures in agree.items()}
    assert given.keys() == expected.keys()
    for name, readings in expected.items():
        for (form, figures), (expected_form, expected_figures) in zip(given[name], readings, strict=True):
            assert form == expected_form
            assert figures == pytest.approx(expected_figures)
    assert [name for name, question in QUESTIONS.items() if question.group != "distances"] == list(recorded.answers)
    assert all(answer.readings or answer.notes for answer in recorded.answers.values())
    assert recorded.lock is None


def test_both_readings_of_an_ambiguous_answer_can_be_scored() -> None:
    recorded = load_forecast(forecast_path("nanda-2023"), QUESTIONS)
    bins, cumulative = recorded.answers["value-agree-decision"].readings
    assert bins.repair is None
    assert bins.probabilities == pytest.approx([0, 0.30, 0.45, 0.20, 0.04, 0.01])
    # 30 and 45 rise with difficulty: both become their mean, 37.5
    assert cumulative.probabilities == pytest.approx([0.625, 0, 0.175, 0.16, 0.03, 0.01])
    assert cumulative.repair is not None
    assert "isotonic regression 0.375, 0.375, 0.2, 0.04, 0.01" in cumulative.repair
    train = recorded.answers["value-agree-train"].readings[1]
    assert train.probabilities == pytest.approx([0.7575, 0, 0, 0, 0.2125, 0.03])
    assert recorded.answers["retarget"].readings[0].probabilities == pytest.approx([0.75, 0.03, 0.02, 0.05, 0.15])


def test_the_repairs_by_hand_and_as_nearest() -> None:
    values = np.array([0.5, 0.6, 0.7, 0.1])
    probabilities, repair = coherent_cumulative(values)
    assert probabilities == pytest.approx([0.4, 0, 0, 0.5, 0.1])
    assert (
        repair
        == "credences rise with difficulty (0.5, 0.6, 0.7, 0.1); scored as their isotonic regression 0.6, 0.6, 0.6, 0.1"
    )
    repaired = 1 - np.cumsum(probabilities)[:-1]
    random = np.random.default_rng(0)
    others = -np.sort(-random.random((2000, 4)), axis=1)
    assert ((others - values) ** 2).sum(axis=1).min() >= ((repaired - values) ** 2).sum()
    assert coherent_cumulative(np.array([0.5, 0.5, 0.2]))[1] is None

    shares, repair = coherent_bins(np.array([0.3, 0.2, 0.3]))
    assert shares == pytest.approx([0.375, 0.25, 0.375])
    assert repair == "probabilities sum to 0.8, not 1; scored divided by their sum: 0.375, 0.25, 0.375"
    assert coherent_bins(np.array([0.1] * 10))[1] is None  # rounding is no incoherence


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ("  probe-7: {binary: 0.6}", ":5: answers.probe-7: unknown question 'probe-7': did you mean probe-70"),
        ("  probe-70: {binary: 120}", ":5: answers.probe-70.binary: should be less than or equal to 1, not 120"),
        ("  probe-70: {binary: -0.1}", "probe-70.binary: should be greater than or equal to 0, not -0.1"),
        ("  probe-70: {binary: 60%}", 'probe-70.binary: should be a valid number, not "60%"'),
        ("  probe-70: {binary: .nan}", "probe-70.binary: should be a finite number"),
        (
            "  probe-70: {binary: 0.6}\n  probe-70: {binary: 0.5}",
            ":6: not valid YAML: 'probe-70' is there twice, .* line 5",
        ),
        ("  probe-70: {bins: {yes: 1, no: 0}}", "bins: a question of kind binary is answered with binary"),
        ("  probe-70: {binry: 0.6}", "binry: unknown field 'binry': did you mean binary"),
        ("  retarget: {cumulative: {10%: 0.2, 1%: 0.1, .1%: 0.1}}", "outcome of retarget '.1%': did you mean 0.1%"),
        ("  retarget:\n    cumulative: {10%: 0.2, 1%: 0.1}", ":6: .*there is no probability for 0.1%, 0.01%; give"),
        ("  goal-structure: {bins: {single-goal: 0, contextual-goals: 0, weirder: 0}}", "all probabilities are 0"),
        ("  goal-structure: {bins: 0.5}", "bins: should be fields"),
        ("  probe-70: 0.6", "probe-70: should be fields"),
    ],
)
def test_a_mistake_is_one_line(tmp_path: Path, answers: str, message: str) -> None:
    with pytest.raises(MazeInterpError, match=message) as caught:
        forecast(tmp_path, answers)
    assert str(caught.value).startswith(str(tmp_path / "f.yaml"))
    assert "\n" not in str(caught.value)


def test_missing_files_and_names(tmp_path: Path) -> None:
    with pytest.raises(MazeInterpError, match=r"there is no file .*gone\.yaml"):
        load_forecast(tmp_path / "gone.yaml", QUESTIONS)
    with pytest.raises(MazeInterpError, match=r"did you mean nanda-2023"):
        forecast_path("nanda-2032")


def test_what_is_left_empty_is_not_answered(tmp_path: Path) -> None:
    some = forecast(
        tmp_path, "  probe-70:\n    binary:\n    notes:\n  retarget:\n    cumulative:\n      10%:\n      1%:\n"
    )
    assert some.answered == []
    assert some.answers["probe-70"].notes is None


def test_a_blank_forecast_is_filled_in_and_locked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.yaml"
    main(["questions", "new-forecast", str(path)])
    blank = path.read_text()
    assert all(f"\n  {name}:\n" in blank for name in QUESTIONS)
    assert all(form in blank for form in ("binary   ", "cumulative   ", "bins   "))
    with pytest.raises(MazeInterpError, match="forecaster: should be text"):
        load_forecast(path, QUESTIONS)

    filled = blank.replace("forecaster:", "forecaster: me").replace("date:", "date: 2026-03-01")
    path.write_text(filled.replace("source:", "source: mine"))
    assert refused(capsys, "new-forecast", path, "--lock").endswith("fill it in, then lock it")
    filled = path.read_text().replace("  probe-70:\n    binary:", "  probe-70:\n    binary: 0.4")
    path.write_text(filled.replace("      single-goal:\n      contextual", "      single-goal: 0.2\n      contextual"))
    assert "no probability for contextual-goals, weirder" in refused(capsys, "new-forecast", path, "--lock")
    path.write_text(filled)
    main(["questions", "new-forecast", str(path), "--lock"])
    assert "with 1 of 43 questions answered" in capsys.readouterr().out
    assert path.read_text().startswith(filled.rstrip())
    locked = load_forecast(path, QUESTIONS)
    assert locked.answered == ["probe-70"]
    assert locked.lock is not None
    assert "is locked already" in refused(capsys, "new-forecast", path, "--lock")
    assert "exists; choose another name" in refused(capsys, "new-forecast", path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("binary: 0.6", "binary: 0.7"),
        ("date: today", "date: tomorrow"),
        ("answers:", "answers: # of mine"),
        ("12:00:00Z", "11:00:00Z"),
        ("lock:", "\nlock:"),
    ],
)
def test_an_edit_after_the_lock_is_refused(tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "f.yaml"
    path.write_text(HEAD + "  probe-70: {binary: 0.6}\n")
    lock = lock_forecast(path, datetime(2026, 3, 1, 12, tzinfo=timezone.utc))
    assert lock.time == "2026-03-01T12:00:00Z"
    assert load_forecast(path, QUESTIONS).lock == lock
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(MazeInterpError, match=r"lock: the file was edited after it was locked at 2026-03-01T1"):
        load_forecast(path, QUESTIONS)


def test_text_after_the_lock_is_an_edit_too(tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    path.write_text(HEAD + "  probe-70: {binary: 0.6}\n")
    lock_forecast(path)
    path.write_text(path.read_text() + "# afterthought\n")
    with pytest.raises(MazeInterpError, match="was edited after it was locked"):
        load_forecast(path, QUESTIONS)
    path.write_text(HEAD + "  probe-70: {binary: 0.6}\nlock: {time: now}\n")
    with pytest.raises(MazeInterpError, match=r"lock\.sha256: is missing"):
        load_forecast(path, QUESTIONS)


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The one line with which a command must end, with status 2."""
    with pytest.raises(SystemExit) as ended:
        main(["questions", *map(str, arguments)])
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line
