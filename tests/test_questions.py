"""Question files, their mistakes, and how figures become outcomes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from maze_interp.commands.main import main
from maze_interp.errors import MazeInterpError, Unmeasurable
from maze_interp.mazes.features import FEATURE_NAMES
from maze_interp.policies.architectures.impala import Impala
from maze_interp.policies.hooks import resolve_layer
from maze_interp.questions.measured import METHOD, Draws, Measured, outcome, resample_levels, resolve
from maze_interp.questions.measurements import measurements
from maze_interp.questions.question import Question
from maze_interp.questions.registry import load_questions
from maze_interp.questions.resolution_files import find_resolutions, read_resolutions, write_resolutions
from maze_interp.questions.resolutions import Override, Resolution, Resolutions

QUESTIONS = load_questions()

ASKED = [
    "edit-reduction",
    "probe-70",
    "two-subpolicies",
    "finetune-better",
    "finetune-cheap",
    "retarget",
    "goal-structure",
    "steering-interpretable",
    "channels-interpretable",
    "shards-disjoint",
    "value-agree-decision",
    "value-agree-test",
    "value-agree-train",
]

GOOD = """\
- id: reads-it
  kind: binary
  wording: Does it?
  measurement: reference-behaviour
  parameters: {levels: 10, cheese: anywhere, reference: right-hand wall follower}
  rule: {p_cheese: above 0.7}
  source: a test
"""


def thresholds(text: str) -> str:
    return GOOD.replace("binary", "thresholds").replace("  rule: {p_cheese: above 0.7}", f"  thresholds:\n{text}")


def options(text: str) -> str:
    return GOOD.replace("binary", "exclusive").replace("  rule: {p_cheese: above 0.7}", f"  options: {text}")


def draws(*values: float) -> Draws:
    return Draws(float(np.mean(values)), np.array(values), 10)


def test_every_question_is_there_and_can_be_measured() -> None:
    groups = {group: [q.id for q in QUESTIONS.values() if q.group == group] for group in ("asked", "distances")}
    assert groups["asked"] == ASKED
    assert len(groups["distances"]) == 11
    variables = {q.parameters["variable"] for q in QUESTIONS.values() if q.measurement == "distance-coefficient"}
    assert variables == set(FEATURE_NAMES) - {"cheese_norm"}
    predictions = {q.source.split(" of ")[0] for q in QUESTIONS.values() if q.group == "hypotheses"}
    assert predictions == {f"open-ended prediction {number}" for number in range(1, 11)}
    assert {q.measurement for q in QUESTIONS.values()} == set(measurements())
    assert all(q.proxy for q in QUESTIONS.values() if q.kind == "judgement")


def test_the_layers_that_questions_name_exist() -> None:
    policy = Impala(1)
    for question in QUESTIONS.values():
        named = [question.parameters.get("layer"), *question.parameters.get("layers", ())]
        assert [layer for layer in named if layer and resolve_layer(policy, layer) != layer] == []


def test_labels_and_forms_by_kind() -> None:
    assert QUESTIONS["probe-70"].labels == ("yes", "no")
    assert QUESTIONS["retarget"].labels == ("none", "10%", "1%", "0.1%", "0.01%")
    assert QUESTIONS["retarget"].forms == ("cumulative", "bins")
    assert QUESTIONS["goal-structure"].labels == ("single-goal", "contextual-goals", "weirder")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD.replace("wording: Does it?", "wroding: Does it?"), ":3: wroding: unknown field 'wroding': did you"),
        (GOOD.replace("  source: a test\n", ""), ":1: source: is missing"),
        (GOOD.replace("binary", "binry"), ":2: kind: unknown kind 'binry': did you mean binary"),
        (GOOD.replace("binary", "judgement"), ":1: proxy: is missing; a judgement needs one"),
        (GOOD.replace("reads-it", "Reads it"), ":1: id: should match pattern"),
        (GOOD.replace("-behaviour", "-behavior"), ":4: measurement: .*did you mean reference-behaviour"),
        (GOOD.replace("levels: 10", "levels: 1.5"), ":5: parameters.levels: should be a whole number from 1, not 1.5"),
        (GOOD.replace("levels: 10", "level: 10"), ":5: parameters.level: unknown parameter .* did you mean levels"),
        (GOOD.replace("anywhere", "everywhere"), ":5: parameters.cheese: .*did you mean anywhere"),
        (GOOD.replace("right-hand wall follower", ""), ":5: parameters.reference: is empty"),
        (GOOD.replace("p_cheese", "p_chese"), ":6: rule.p_chese: unknown figure .* did you mean p_cheese"),
        (GOOD.replace("above 0.7", "over 0.7"), ":6: rule.p_cheese: should be at least 0.5, above 0.5"),
        (GOOD.replace("above 0.7", "from 2 to 1"), ":6: rule.p_cheese: should be .* from 0.4 to 0.6"),
        (GOOD + "  kind: binary\n", ":8: not valid YAML: 'kind' is there twice, first in line 2"),
        (GOOD + GOOD, ":8: id: there is already a question 'reads-it' in q.yaml"),
        (GOOD.replace("wording: Does it?", "wording: [a]"), ":3: wording: should be text"),
        (thresholds("    none: {p_cheese: above 0.1}"), ":7: thresholds.none: .* choose another than 'none'"),
        (
            thresholds("    a: {p_cheese: above 0.5}\n    b: {p_cheese: above 0.4}"),
            ":8: thresholds.b: is not harder than 'a'",
        ),
        (
            options("{a: {p_cheese: above 0.5}, b: {p_cheese: below 0.2}}"),
            ":6: options: the last option, and no other, should be 'otherwise'",
        ),
        (options("{a: otherwise}"), ":6: options: should have at least 2 items"),
        ("id: a", ":1: should be a list"),
        ("- a", ":1: should be fields"),
        ("- 'a", "not valid YAML"),
        ("[" * 1500, "not valid YAML"),
        ("# nothing", "is empty"),
    ],
)
def test_a_mistake_is_one_line_with_file_line_and_field(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "q.yaml").write_text(text)
    with pytest.raises(MazeInterpError, match=message) as caught:
        load_questions(tmp_path)
    assert str(caught.value).startswith(str(tmp_path / "q.yaml"))
    assert "\n" not in str(caught.value)


def test_a_folder_without_questions(tmp_path: Path) -> None:
    with pytest.raises(MazeInterpError, match="there are no questions in"):
        load_questions(tmp_path)


def question(tmp_path: Path, text: str) -> Question:
    (tmp_path / "q.yaml").write_text(text)
    return load_questions(tmp_path)["reads-it"]


def test_an_outcome_is_the_share_of_resamples_in_which_the_rule_holds(tmp_path: Path) -> None:
    yes = question(tmp_path, GOOD)
    assert outcome(yes, {"p_cheese": draws(0.6, 0.7, 0.8, 0.9)}) == {"yes": 0.5, "no": 0.5}  # 0.7 is not above 0.7
    assert outcome(yes, {"p_cheese": draws(0.2, 0.3)}) == {"yes": 0.0, "no": 1.0}
    between = question(tmp_path, GOOD.replace("above 0.7", "from 0.7 to 0.8"))
    assert outcome(between, {"p_cheese": draws(0.6, 0.7, 0.8, 0.9)})["yes"] == 0.5


def test_nested_thresholds_give_the_hardest_one_met(tmp_path: Path) -> None:
    nested = question(tmp_path, thresholds("    low: {p_cheese: at least 0.2}\n    high: {p_cheese: at least 0.6}"))
    found = outcome(nested, {"p_cheese": draws(0.1, 0.2, 0.5, 0.6, 0.9)})
    assert found == {"none": 0.2, "low": 0.4, "high": 0.4}


def test_the_first_option_that_holds_counts(tmp_path: Path) -> None:
    either = question(tmp_path, options("{a: {p_cheese: above 0.5}, b: {p_cheese: above 0.2}, c: otherwise}"))
    assert outcome(either, {"p_cheese": draws(0.9, 0.3, 0.1, 0.1)}) == {"a": 0.25, "b": 0.25, "c": 0.5}


def test_conditions_on_several_figures_hold_in_the_same_resample() -> None:
    asked = QUESTIONS["shards-disjoint"].readings["as found"]
    figures = {"change": draws(0.9, 0.9, 0.1, 0.1), "kept": draws(0.1, 0.1, 0.99, 0.99)}
    assert outcome(asked, figures)["yes"] == 0.0  # each holds in half of the resamples, never both
    fixed = figures | {"kept": draws(0.95)}  # a figure without resamples of its own
    assert outcome(asked, fixed)["yes"] == 0.5


def test_resampled_levels_share_their_resamples_and_repeat() -> None:
    levels = pd.DataFrame({"a": np.arange(20.0), "b": np.arange(20.0) * 2 + 1})

    def means(each: pd.DataFrame) -> dict[str, pd.Series]:
        return {"a": each["a"], "b": each["b"]}

    found, again = (resample_levels(levels, means, 300) for _ in range(2))
    assert found["a"].value == 9.5
    assert found["a"].n == 20
    assert found["b"].resamples == pytest.approx(2 * found["a"].resamples + 1)
    assert (found["a"].resamples == again["a"].resamples).all()
    rng = np.random.default_rng(0)
    by_hand = [levels["a"].iloc[rng.integers(0, 20, 20)].mean() for _ in range(300)]
    assert found["a"].resamples == pytest.approx(by_hand)
    gap = levels.assign(b=levels["b"].where(levels["a"] > 0))
    assert resample_levels(gap, means, 300)["b"].value == 2 * 10 + 1
    assert found["a"].resamples.std() == pytest.approx(levels["a"].std(ddof=0) / np.sqrt(20), rel=0.15)
    with pytest.raises(Unmeasurable, match="only 1 of the levels"):
        resample_levels(levels[:1], means)
    with pytest.raises(Unmeasurable, match="not finite"):
        resample_levels(levels * np.nan, means, 10)


def example() -> Resolutions:
    figures = {"accuracy": Draws(0.71, np.linspace(0.6, 0.9, 300), 50)}

    def works(parameters: object) -> Measured:
        return Measured(figures, "900:950", "maze-interp probe", evidence=["probe.png"])

    def fails(parameters: object) -> Measured:
        raise Unmeasurable("only 0 of the levels qualify")

    plain = QUESTIONS["probe-70"].model_copy(update={"alternatives": {}})
    answers = {"retarget": resolve(QUESTIONS["retarget"], fails), "probe-70": resolve(plain, works)}
    return Resolutions(
        agent="some", agent_hash="12345e678901", setting="quick", command="by hand", outcomes=METHOD, answers=answers
    )


def test_a_resolution_file_repeats_and_reads_back(tmp_path: Path) -> None:
    resolutions, path = example(), tmp_path / "new" / "resolution.yaml"
    assert resolutions.answers["retarget"].unresolved == "only 0 of the levels qualify"
    assert resolutions.answers["probe-70"].measured == {"yes": 0.666667, "no": 0.333333}
    figure = resolutions.answers["probe-70"].figures["accuracy"]
    assert (figure.value, figure.low, figure.high, figure.n) == (0.71, 0.6075, 0.8925, 50)
    write_resolutions(path, resolutions, QUESTIONS)
    first = path.read_bytes()
    assert read_resolutions(path, QUESTIONS) == resolutions
    write_resolutions(path, read_resolutions(path, QUESTIONS), QUESTIONS)
    assert path.read_bytes() == first


def test_an_override_counts_and_outlives_a_new_measurement(tmp_path: Path) -> None:
    path = tmp_path / "resolution.yaml"
    write_resolutions(path, example(), QUESTIONS)
    by_hand = "    override: {outcome: {yes: 0, no: 1}, reason: seen, name: A. Reader}\n"
    path.write_text(path.read_text().replace("  probe-70:\n", "  probe-70:\n" + by_hand))
    overridden = read_resolutions(path, QUESTIONS)
    answer = overridden.answers["probe-70"]
    assert answer.override == Override(outcome={"yes": 0, "no": 1}, reason="seen", name="A. Reader")
    assert answer.outcome == {"yes": 0, "no": 1}
    assert answer.measured == {"yes": 0.666667, "no": 0.333333}
    assert answer.outcomes(QUESTIONS["probe-70"]) == {"counted": answer.outcome, "measured": answer.measured}
    again = example().after(overridden)
    assert again == overridden
    write_resolutions(path, again, QUESTIONS)
    assert read_resolutions(path, QUESTIONS) == overridden


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("  probe-70:", "  probe-7:", ": answers.probe-7: unknown question 'probe-7': did you mean probe-70"),
        ("'yes': 0.666667", "'yes': 0.9", "answers.probe-70.measured: the probabilities of the outcomes sum to 1.233"),
        ("'yes': 0.666667", "'yes': 66.7", "measured.yes: should be less than or equal to 1, not 66.7"),
        ("'yes': 0.666667", "maybe: 0.666667", "probe-70.measured: should have a probability for each of yes, no"),
        ("setting: quick", "setting: quik", ":3: setting: unknown setting 'quik': did you mean quick"),
        ("unresolved: only", "because: only", "retarget.because: unknown field 'because'"),
        (
            "unresolved: only 0 of the levels qualify",
            "seeds: '1:2'",
            "answers.retarget: should have either an outcome",
        ),
        (
            "    seeds:",
            "    override: {outcome: {yes: 1, no: 0}, name: A}\n    seeds:",
            "override.reason: is missing",
        ),
    ],
)
def test_mistakes_in_a_resolution_file(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "resolution.yaml"
    write_resolutions(path, example(), QUESTIONS)
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(MazeInterpError, match=message):
        read_resolutions(path, QUESTIONS)


def test_resolutions_are_found_one_per_agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MazeInterpError, match="there is no resolution file under runs/questions"):
        find_resolutions(QUESTIONS)
    some = example()
    for name, digest in (("a", "1"), ("b", "2")):
        path = Path("runs/questions") / name / "resolution.yaml"
        write_resolutions(path, some.model_copy(update={"agent": name, "agent_hash": digest}), QUESTIONS)
    assert [one.agent for one in find_resolutions(QUESTIONS)] == ["a", "b"]
    with pytest.raises(MazeInterpError, match="are of the same agent 2"):
        find_resolutions(QUESTIONS, [path, path])


def test_an_answer_needs_no_measurement_to_be_overridden() -> None:
    override = Override(outcome={"none": 1.0}, reason="by eye", name="A. Reader")
    answer = Resolution(question_hash="abc", unresolved="no map", override=override)
    assert answer.outcome == {"none": 1.0}


def test_the_list_names_every_question(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    main(["questions", "list"])
    printed = capsys.readouterr().out
    assert [name for name in QUESTIONS if name not in printed] == []
    assert "coefficient below 0" in printed


def test_own_questions_are_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.yaml").write_text(GOOD)
    main(["questions", "list", "--questions", str(tmp_path)])
    assert "Does it?" in capsys.readouterr().out
    (tmp_path / "mine.yaml").write_text(GOOD.replace("binary", "binry"))
    with pytest.raises(SystemExit) as ended:
        main(["questions", "list", "--questions", str(tmp_path)])
    assert ended.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
