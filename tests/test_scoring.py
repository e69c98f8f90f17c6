"""Scores worked out by hand for every kind and reading, propriety, baselines, and the command that brings them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.calibration import calibration_curve

from maze_interp.commands.main import main
from maze_interp.errors import MazeInterpError
from maze_interp.plots.style import png
from maze_interp.questions.comparison import (
    base_rate,
    calibration,
    common_questions,
    counted,
    even,
    leave_one_agent_out,
    recorded_outcomes,
    score_ranges,
    score_table,
    standings,
)
from maze_interp.questions.forecasts import Answer, Forecast, Reading, forecast_path, load_forecast
from maze_interp.questions.forecasts_figure import forecasts_figure
from maze_interp.questions.measured import METHOD
from maze_interp.questions.registry import load_questions
from maze_interp.questions.resolution_files import write_resolutions
from maze_interp.questions.resolutions import Override, Resolution, Resolutions
from maze_interp.questions.scoreboard import Scoreboard
from maze_interp.questions.scoring import brier_score, log_score, ranked_probability_score

QUESTIONS = load_questions()
RECORDED = load_forecast(forecast_path("nanda-2023"), QUESTIONS)


def certain(question: str, label: str) -> dict[str, float]:
    return {one: float(one == label) for one in QUESTIONS[question].labels}


def measured(agent: str, outcomes: dict[str, dict[str, float]]) -> Resolutions:
    answers = {
        name: Resolution(question_hash=QUESTIONS[name].hash, measured=outcome) for name, outcome in outcomes.items()
    }
    return Resolutions(
        agent=agent, agent_hash=f"hash of {agent}", setting="quick", command="by hand", outcomes=METHOD, answers=answers
    )


def by_question(table: pd.DataFrame, question: str, form: str) -> dict[str, float]:
    row = table[(table["question"] == question) & (table["form"] == form)]
    assert len(row) == 1
    return dict(row.iloc[0])


HAND = {
    "probe-70": certain("probe-70", "yes"),
    "shards-disjoint": {"yes": 0.2, "no": 0.8},
    "goal-structure": certain("goal-structure", "weirder"),
    "retarget": certain("retarget", "1%"),
    "value-agree-decision": certain("value-agree-decision", "75%"),
}


def test_scores_by_hand_for_every_kind_and_reading() -> None:
    table = score_table([RECORDED], QUESTIONS, recorded_outcomes([measured("a", HAND)], QUESTIONS))
    assert len(table) == 6  # five questions, one of them in two readings
    probe = by_question(table, "probe-70", "binary")
    assert probe["brier"] == pytest.approx(0.16)  # (0.6 - 1)²
    assert probe["log"] == pytest.approx(0.510825624)  # -ln 0.6
    assert np.isnan(probe["rps"])

    shards = by_question(table, "shards-disjoint", "binary")  # 0.25 against an uncertain yes of 0.2
    assert shards["brier"] == pytest.approx(0.2 * 0.75**2 + 0.8 * 0.25**2)
    assert shards["log"] == pytest.approx(-0.2 * np.log(0.25) - 0.8 * np.log(0.75))
    assert shards["brier_best"] == pytest.approx(0.16)

    goals = by_question(table, "goal-structure", "bins")  # 0.1, 0.4, 0.5 and the third happened
    assert goals["brier"] == pytest.approx((0.01 + 0.16 + 0.25) / 2)
    assert goals["log"] == pytest.approx(0.693147181)
    assert goals["brier_even"] == pytest.approx((1 / 9 + 1 / 9 + 4 / 9) / 2)

    nested = by_question(table, "retarget", "cumulative")  # 0.25 0.22 0.20 0.15; the first two are met
    assert nested["rps"] == pytest.approx((0.75**2 + 0.78**2 + 0.20**2 + 0.15**2) / 4)
    assert nested["brier"] == pytest.approx((0.75**2 + 0.03**2 + 0.98**2 + 0.05**2 + 0.15**2) / 2)
    assert nested["log"] == pytest.approx(-np.log(0.02))
    assert nested["rps_even"] == pytest.approx((0.2**2 + 0.4**2 + 0.4**2 + 0.2**2) / 4)

    bins = by_question(table, "value-agree-decision", "bins")  # 0 .30 .45 .20 .04 .01, and 75% is the hardest met
    assert bins["rps"] == pytest.approx((0 + 0.30**2 + 0.75**2 + 0.05**2 + 0.01**2) / 5)
    assert bins["brier"] == pytest.approx((0.30**2 + 0.45**2 + 0.80**2 + 0.04**2 + 0.01**2) / 2)
    assert bins["log"] == pytest.approx(-np.log(0.20 / 1.01))  # the 0 is raised to 0.01

    repaired = by_question(table, "value-agree-decision", "cumulative")  # .375 .375 .20 .04 .01
    assert repaired["rps"] == pytest.approx((0.625**2 + 0.625**2 + 0.80**2 + 0.04**2 + 0.01**2) / 5)
    assert repaired["brier"] == pytest.approx((0.625**2 + 0.175**2 + 0.84**2 + 0.03**2 + 0.01**2) / 2)
    assert repaired["log"] == pytest.approx(-np.log(0.16 / 1.01))
    assert not repaired["counts"]
    assert bins["counts"]
    assert "isotonic" in str(repaired["repair"])


def test_the_log_score_is_bounded() -> None:
    assert log_score(np.array([0.0, 1.0]), np.array([1.0, 0.0])) == pytest.approx(-np.log(0.01 / 1.01))
    assert log_score(np.array([0.0, 1.0]), np.array([0.0, 1.0])) == pytest.approx(-np.log(1 / 1.01))


def test_half_of_the_two_sided_score_is_the_one_sided_one() -> None:
    for p in (0.0, 0.3, 1.0):
        assert brier_score(np.array([p, 1 - p]), np.array([1.0, 0.0])) == pytest.approx((p - 1) ** 2)
    assert brier_score(np.array([0.5, 0.5]), np.array([0.3, 0.7])) == pytest.approx(0.25)


def test_one_threshold_is_a_yes_or_no_question() -> None:
    forecast, outcome = np.array([0.3, 0.7]), np.array([0.6, 0.4])
    assert ranked_probability_score(forecast, outcome) == pytest.approx(brier_score(forecast, outcome))


def test_the_ranked_score_knows_how_far_off_a_forecast_is() -> None:
    outcome = np.array([0.0, 0.0, 0.0, 1.0])
    near, far = np.array([0.0, 0.0, 1.0, 0.0]), np.array([1.0, 0.0, 0.0, 0.0])
    assert ranked_probability_score(near, outcome) == pytest.approx(1 / 3)
    assert ranked_probability_score(far, outcome) == pytest.approx(1.0)
    assert brier_score(near, outcome) == brier_score(far, outcome) == pytest.approx(1.0)


@pytest.mark.parametrize("score", [brier_score, log_score, ranked_probability_score])
@pytest.mark.parametrize("labels", [2, 3, 6])
def test_the_truth_scores_best_in_expectation(score: type, labels: int) -> None:
    random = np.random.default_rng(labels)
    truth = 0.9 * random.dirichlet(np.ones(labels)) + 0.1 / labels

    def expected(forecast: NDArray[np.float64]) -> float:
        return score(forecast, truth)

    best = expected(truth)
    far = random.dirichlet(np.ones(labels), size=30)
    near = [0.95 * truth + 0.05 * forecast for forecast in far]
    worse = np.array([expected(forecast) for forecast in (*far, *near)])
    assert (worse > best).all()
    draws = random.choice(labels, 3000, p=truth)  # the expected score is the mean over what happens
    happened = np.bincount(draws, minlength=labels) / 3000
    assert score(far[0], happened) == pytest.approx(expected(far[0]), rel=0.1)
    singly = [score(far[0], one) for one in np.eye(labels)]
    assert expected(far[0]) == pytest.approx(truth @ singly)


def test_baselines_never_see_the_questions_own_outcome() -> None:
    outcomes = counted(recorded_outcomes([measured("a", HAND)], QUESTIONS))
    assert base_rate(QUESTIONS["probe-70"], QUESTIONS, outcomes) == pytest.approx([0.2, 0.8])
    assert base_rate(QUESTIONS["two-subpolicies"], QUESTIONS, outcomes) == pytest.approx([0.6, 0.4])
    test = base_rate(QUESTIONS["value-agree-test"], QUESTIONS, outcomes)  # one other with the same thresholds
    assert test == pytest.approx([0, 0, 0, 1, 0, 0])
    assert base_rate(QUESTIONS["retarget"], QUESTIONS, outcomes) == pytest.approx(even(QUESTIONS["retarget"]))


def answers(forecaster: str, credences: dict[str, float]) -> Forecast:
    """A forecast of yes-or-no questions."""
    given = {
        name: Answer((Reading("binary", {"yes": p}, np.array([p, 1 - p]), None),), None)
        for name, p in credences.items()
    }
    return Forecast(Path("test.yaml"), forecaster, "today", "a test", given, None)


def test_standings_are_means_over_answered_questions() -> None:
    outcomes = recorded_outcomes([measured("a", HAND)], QUESTIONS)
    one, two = answers("one", {"probe-70": 0.9}), answers("two", {"probe-70": 0.6, "shards-disjoint": 0.2})
    table = score_table([one, two], QUESTIONS, outcomes)
    found = standings(table)
    assert found["one"]["brier"]["forecaster"].mean == pytest.approx(0.01)
    assert found["two"]["brier"]["forecaster"].n == 2
    assert found["two"]["brier"]["forecaster"].mean == pytest.approx((0.16 + 0.16) / 2)
    assert found["two"]["brier"]["less_even"].mean == pytest.approx(0.16 - 0.25)
    assert found["two"]["rps"]["forecaster"].n == 0
    shared = standings(common_questions(table))
    assert shared["two"]["brier"]["forecaster"].n == 1
    assert shared["two"]["brier"]["forecaster"].mean == pytest.approx(0.16)


def test_questions_of_one_measurement_are_not_taken_as_independent() -> None:
    rows = score_table([RECORDED], QUESTIONS, recorded_outcomes([measured("a", HAND)], QUESTIONS))
    two = rows[rows["counts"]].iloc[[0, 1]]
    apart = two.assign(measurement=["one", "another"], brier=[0.1, 0.5])
    again = pd.concat(
        [apart, *[apart.iloc[[1]]] * 8], ignore_index=True
    )  # the second question nine times over, by one measurement
    first, second = (standings(some)["N. Nanda"]["brier"]["forecaster"] for some in (apart, again))
    assert (second.n, second.over) == (10, "questions")
    assert (second.low, second.high) == (first.low, first.high) == (0.1, 0.5)
    alone = standings(apart.assign(measurement="one"))["N. Nanda"]["brier"]["forecaster"]
    assert (alone.n, alone.low) == (2, None), "one measurement is one observation"


def test_ranges_over_forms_and_recorded_outcomes_by_hand() -> None:
    agents = [measured("a", HAND), measured("b", HAND)]
    no = Override(outcome=certain("probe-70", "no"), reason="seen", name="me")
    overridden = agents[1].answers["probe-70"].model_copy(update={"override": no})
    agents[1] = agents[1].model_copy(update={"answers": {**agents[1].answers, "probe-70": overridden}})
    outcomes = recorded_outcomes(agents, QUESTIONS)
    assert outcomes["probe-70"]["counted"] == pytest.approx([0.5, 0.5])
    assert outcomes["probe-70"]["measured"] == pytest.approx([1, 0])
    table = score_table([RECORDED], QUESTIONS, outcomes)
    ranges = score_ranges(table).set_index("score")
    probe = (0.16, (0.16 + 0.36) / 2)  # as measured, and as overridden on one of two agents
    bins, repaired = (by_question(table, "value-agree-decision", form)["brier"] for form in ("bins", "cumulative"))
    fixed = [
        by_question(table, name, form)["brier"]
        for name, form in (("shards-disjoint", "binary"), ("goal-structure", "bins"), ("retarget", "cumulative"))
    ]
    assert ranges["low"]["brier"] == pytest.approx((sum(fixed) + probe[0] + min(bins, repaired)) / 5)
    assert ranges["high"]["brier"] == pytest.approx((sum(fixed) + probe[1] + max(bins, repaired)) / 5)
    assert ranges["widest"]["brier"] == "probe-70"
    assert ranges["moves"]["brier"] == pytest.approx((probe[1] - probe[0]) / 5)


def test_calibration_is_scikit_learns_where_outcomes_are_certain() -> None:
    names = [name for name, question in QUESTIONS.items() if question.labels == ("yes", "no")][:25]
    random = np.random.default_rng(0)
    credences = dict(zip(names, random.random(25).tolist(), strict=True))
    happened = {name: bool(random.random() < p) for name, p in credences.items()}
    results = {name: certain(name, "yes" if yes else "no") for name, yes in happened.items()}
    outcomes = recorded_outcomes([measured("a", results)], QUESTIONS)
    curve = calibration(score_table([answers("me", credences)], QUESTIONS, outcomes))
    assert curve is not None
    true, predicted = calibration_curve(list(happened.values()), list(credences.values()), n_bins=5)
    assert list(curve["outcome"]) == pytest.approx(list(true))
    assert list(curve["credence"]) == pytest.approx(list(predicted))
    assert curve["n"].sum() == 25
    few = dict(list(credences.items())[:19])
    assert calibration(score_table([answers("me", few)], QUESTIONS, outcomes)) is None


def test_one_agent_left_out_by_hand() -> None:
    yes, no = ({"probe-70": certain("probe-70", label)} for label in ("yes", "no"))
    agents = [measured("a", yes), measured("b", yes), measured("c", no)]
    me = answers("me", {"probe-70": 0.9})
    table = leave_one_agent_out([me], QUESTIONS, agents).set_index("left_out")["brier"]
    right, wrong = 0.01, 0.81
    assert table[""] == pytest.approx((2 * right + wrong) / 3)
    assert table["a"] == table["b"] == pytest.approx((right + wrong) / 2)
    assert table["c"] == pytest.approx(right)
    assert len(leave_one_agent_out([me], QUESTIONS, agents[:1])) == 0


def test_an_agent_without_an_answer_is_left_out_of_the_mean() -> None:
    agents = [measured("a", {"probe-70": certain("probe-70", "yes")}), measured("b", {})]
    assert recorded_outcomes(agents, QUESTIONS)["probe-70"]["counted"] == pytest.approx([1, 0])


def test_a_board_needs_something_to_score() -> None:
    with pytest.raises(MazeInterpError, match="nothing to score: 1 of 43 questions have an outcome"):
        Scoreboard([answers("me", {"probe-70": 0.9})], QUESTIONS, [measured("a", {"retarget": HAND["retarget"]})])
    with pytest.raises(MazeInterpError, match=r"two forecasts are by 'N\. Nanda'"):
        Scoreboard([RECORDED, RECORDED], QUESTIONS, [measured("a", HAND)])


def test_the_picture_repeats_and_needs_answers() -> None:
    outcomes = counted(recorded_outcomes([measured("a", HAND)], QUESTIONS))
    both = [RECORDED, answers("me", {"probe-70": 0.9})]
    figure = forecasts_figure(both, QUESTIONS, outcomes)
    rows = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert rows[:3] == ["probe-70", "two-subpolicies", "retarget: 10% met"]
    assert len(rows) == 5 + 4 + 3 + 15
    recorded, mine = figure.axes[0].get_lines()
    assert np.asarray(recorded.get_xdata())[[0, 2, 5]] == pytest.approx([0.6, 0.25, 0.15])
    assert list(np.asarray(mine.get_xdata())) == [0.9]
    assert png(figure) == png(forecasts_figure(both, QUESTIONS, outcomes))
    with pytest.raises(MazeInterpError, match="forecasts that answer something"):
        forecasts_figure([answers("me", {})], QUESTIONS, outcomes)


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which two agents have been measured."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    other = HAND | {"probe-70": certain("probe-70", "no")}
    for name, outcomes in (("first", HAND), ("second", other)):
        write_resolutions(Path("runs/questions") / name / "resolution.yaml", measured(name, outcomes), QUESTIONS)
    return tmp_path


def test_the_command_scores_states_repairs_and_coverage(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["questions", "score"])
    printed = " ".join(capsys.readouterr().out.split())
    assert "an outcome is the mean over these 2 agents" in printed
    assert "answers 10 of 43 questions, 5 of them with an outcome" in printed
    assert "scored as their isotonic regression 0.375, 0.375, 0.2, 0.04, 0.01" in printed
    assert "calibration is shown from 20 yes-or-no answers; there are 2" in printed
    scores = pd.read_csv("runs/score/scores.csv")
    assert by_question(scores, "probe-70", "binary")["brier"] == pytest.approx((0.16 + 0.36) / 2)
    agents = pd.read_csv("runs/score/agents.csv", keep_default_na=False)
    assert list(agents["left_out"]) == ["", "first", "second"]
    summary = json.loads(Path("runs/score/summary.json").read_text())
    assert summary["standings"]["all"]["N. Nanda"]["brier"]["forecaster"]["n"] == 5
    ranges = {row["score"]: row for row in summary["ranges"]}
    thresholds = scores[scores["kind"] == "thresholds"].groupby("question")["rps"]
    assert ranges["rps"]["low"] == pytest.approx(thresholds.min().mean())
    assert ranges["rps"]["high"] == pytest.approx(thresholds.max().mean())
    assert ranges["rps"]["widest"] == "value-agree-decision"
    assert Path("runs/score/forecasts.png").stat().st_size > 10_000


def test_bad_input_ends_in_one_line(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def refused(*arguments: object) -> str:
        with pytest.raises(SystemExit) as ended:
            main(["questions", "score", *map(str, arguments)])
        assert ended.value.code == 2
        (line,) = capsys.readouterr().err.splitlines()
        return line

    head = "forecaster: me\ndate: now\nsource: mine\nanswers:\n"
    for answer, message in {
        "  probe-71: {binary: 0.5}": "did you mean probe-70",
        "  probe-70: {binary: 120}": "should be less than or equal to 1, not 120",
        "  two-subpolicies: {binary: 0.5}": "nothing to score",
    }.items():
        Path("mine.yaml").write_text(head + answer)
        assert message in refused("--forecast", "mine.yaml")
    assert "there is no file gone.yaml" in refused("--forecast", "nanda-2023,gone.yaml")
    assert "there is no file gone.yaml" in refused("--resolution", "gone.yaml")
    assert not Path("runs/score").exists()


def test_two_resolutions_of_one_agent_are_refused(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    same = measured("third", HAND).model_copy(update={"agent_hash": "hash of first"})
    write_resolutions(Path("runs/questions/third/resolution.yaml"), same, QUESTIONS)
    with pytest.raises(SystemExit):
        main(["questions", "score"])
    assert "are of the same agent hash of first; give one of them" in capsys.readouterr().err


def test_no_other_runs_folder_is_written_to(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def contents() -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in Path("run").iterdir()}

    for name, text in (("run.json", '{"agent": "a"}'), ("summary.json", "{}")):
        Path("run").mkdir(exist_ok=True)
        (Path("run") / name).write_text(text)
        before = contents() | {".lock": b""}
        with pytest.raises(SystemExit) as ended:
            main(["questions", "score", "--out", "run"])
        assert ended.value.code == 2
        assert len(capsys.readouterr().err.splitlines()) == 1
        assert contents() | {".lock": b""} == before
    main(["questions", "score", "--out", "mine"])
    first = {path.name: path.read_bytes() for path in Path("mine").iterdir()}
    main(["questions", "score", "--out", "mine"])
    assert {path.name: path.read_bytes() for path in Path("mine").iterdir()} == first
    with pytest.raises(SystemExit):
        main(["questions", "score", "--out", "mine", "--resolution", "runs/questions/first/resolution.yaml"])
    assert "mine belongs to another run: its resolution is None" in capsys.readouterr().err


def test_a_refused_command_claims_no_folder(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["questions", "score", "--out", "mine", "--forecast", "nanda-2032"])
    assert not Path("mine").exists()
