"""Resolution by measurement: every word of the vocabulary on a few levels, repeated, stopped, and of another agent."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

import maze_interp as mi
from maze_interp.bundled import HELD_OUT
from maze_interp.commands.main import main
from maze_interp.environment.levels import maze_from_seed
from maze_interp.errors import MazeInterpError, Unmeasurable
from maze_interp.mazes.constructed import swapped_branches
from maze_interp.policies.agents import load_network
from maze_interp.policies.architectures.impala import Impala
from maze_interp.policies.checkpoints import agent_hash, write_weights
from maze_interp.questions.measurements import measurements
from maze_interp.questions.question import Question
from maze_interp.questions.registry import load_questions
from maze_interp.questions.resolution_files import read_resolutions
from maze_interp.questions.resolutions import Resolution, Resolutions
from maze_interp.questions.resolvers.resolve import RESOLVERS, resolve_all
from maze_interp.questions.resolvers.setting import Setting

FEW: dict[str, Any] = {"levels": 4, "chosen_on": 3, "steps": 1000, "destinations": 2}
LAYER = "embedder.block2.res1.resadd"
FITTED = {"distance-coefficient", "luck-coefficient", "first-exit", "change-point", "predictive-power"}
"""Measurements of the statistics of a sweep, which refuse fewer than 50 levels."""


def small(question: Question) -> Question:
    """The question asked of a few levels."""
    few = {name: few for name, few in FEW.items() if name in question.parameters}
    if question.measurement in ("retarget", "steering-channels", "move-against-arrival"):
        few["chosen_on"] = 1  # every channel is tried on it with several values
    if question.measurement == "edit-search":
        few["levels"] = 8
    if question.measurement in FITTED:
        few["levels"] = 60
    if question.measurement in ("probe-accuracy", "coordinate-frames", "square-probe"):
        few |= {"chosen_on": 40, "levels": 20}
    if "layers" in question.parameters:
        few |= {"layers": [LAYER]}
    if "families" in question.parameters:
        few |= {"families": ["ablation", "cheese-vector"]}
    return question.model_copy(update={"parameters": question.parameters | few, "earlier": ()})


def one_each() -> dict[str, Question]:
    """The first bundled question of each measurement, small."""
    found: dict[str, Question] = {}
    for question in load_questions().values():
        found.setdefault(question.measurement, small(question))
    return {question.id: question for question in found.values()}


QUESTIONS = one_each()


def setting(out: Path, agent: str = mi.DEFAULT_AGENT) -> Setting:
    return Setting(agent, "easy", 3, "medium", out, workers=1)


def resolved(where: Path, questions: dict[str, Question], agent: str = mi.DEFAULT_AGENT) -> Resolutions:
    list(resolve_all(setting(where / "runs", agent), questions, where / "resolution.yaml", "a test"))
    return read_resolutions(where / "resolution.yaml", questions)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which every question was resolved on the default agent."""
    where = tmp_path_factory.mktemp("resolved")
    resolved(where, QUESTIONS)
    return where


@pytest.fixture(scope="module")
def answers(run: Path) -> dict[str, Resolution]:
    return dict(read_resolutions(run / "resolution.yaml", QUESTIONS).answers)


def test_every_word_of_the_vocabulary_is_measured(run: Path, answers: dict[str, Resolution]) -> None:
    assert set(RESOLVERS) == set(measurements())
    assert {question.measurement for question in QUESTIONS.values()} == set(measurements())
    assert set(answers) == set(QUESTIONS)
    for name, answer in answers.items():
        question = QUESTIONS[name]
        if answer.unresolved is None:
            assert answer.measured is not None
            assert sum(answer.measured.values()) == pytest.approx(1)
            assert set(answer.figures) == set(measurements()[question.measurement].figures)
            for figure in answer.figures.values():
                assert figure.low <= figure.high
                assert figure.n >= 1
            assert str(answer.command).startswith("maze-interp ")
            assert answer.evidence
            assert all((run / "runs" / name).is_dir() for name in answer.evidence)
        else:
            assert "\n" not in answer.unresolved
    unresolved = {QUESTIONS[name].measurement for name, answer in answers.items() if answer.unresolved}
    few = {"matched-difference", "branch-swap", "dead-ends"}  # too few of the levels qualify
    assert unresolved <= {*few, "luck-coefficient"}
    luck = next(answer for name, answer in answers.items() if QUESTIONS[name].measurement == "luck-coefficient")
    assert str(luck.unresolved).startswith("not identified: in all 60 levels steps_cheese_decision_square follows from")
    for name, answer in answers.items():  # every alternative that can be measured has its outcome
        assert set(answer.readings) == (set(QUESTIONS[name].readings) if answer.measured else set())


def test_figures_are_those_of_the_machinery_below(answers: dict[str, Resolution]) -> None:
    policy = load_network(mi.DEFAULT_AGENT)
    names = {QUESTIONS[name].measurement: name for name in answers}
    by_measurement = {measurement: answers[name] for measurement, name in names.items()}
    mazes = (maze_from_seed(seed, "easy") for seed in itertools.count(HELD_OUT))
    asked = QUESTIONS[names["first-exit"]].parameters
    outside = (maze for maze in mazes if maze.decision_square and maze.cheese not in maze.region(3))
    chosen = list(itertools.islice(outside, 60))
    near = [
        maze for maze in chosen if asked["nearest"] <= mi.maze_features(maze)[asked["variable"]] <= asked["farthest"]
    ]
    exits = [mi.behaviour(policy, maze).first_exit for maze in near]
    figures = by_measurement["first-exit"].figures
    assert (asked["cheese"], figures["cheese"].n) == ("outside", len(near))
    assert figures["cheese"].value == pytest.approx(np.mean([one.cheese for one in exits if one]), abs=1e-4)
    rule = by_measurement["reference-behaviour"]
    assert rule.figures["p_cheese"].value == pytest.approx(1)  # the right hand solves every perfect maze


def test_stopped_and_gone_on_with_it_is_the_same_file(run: Path, tmp_path: Path) -> None:
    cheap = ("simple-channels", "reference-behaviour", "value-agreement")
    some = {name: question for name, question in QUESTIONS.items() if question.measurement in cheap}
    assert len(some) == 3
    path = tmp_path / "resolution.yaml"
    going = resolve_all(setting(tmp_path / "runs"), some, path, "a test")
    next(going)
    next(going)
    del going  # as when the process ends here
    assert not path.exists()
    again = resolved(tmp_path, some)
    assert {name: again.answers[name] for name in some} == {
        name: read_resolutions(run / "resolution.yaml", QUESTIONS).answers[name] for name in some
    }
    before = path.read_bytes()
    list(resolve_all(setting(tmp_path / "elsewhere"), some, path, "a test"))
    assert path.read_bytes() == before


def test_another_agent_and_one_whose_training_is_not_recorded(tmp_path: Path, untrained: Impala) -> None:
    weights = tmp_path / "other.safetensors"
    write_weights(untrained, weights)
    some = {name: one for name, one in QUESTIONS.items() if one.measurement in ("finetune-compute", "value-agreement")}
    found = resolved(tmp_path, some, str(weights))
    assert found.agent_hash == agent_hash(untrained)
    by_measurement = {some[name].measurement: answer for name, answer in found.answers.items()}
    assert "how" in str(by_measurement["finetune-compute"].unresolved)
    assert "is not recorded" in str(by_measurement["finetune-compute"].unresolved)
    assert by_measurement["value-agreement"].measured is not None


def test_a_quick_run_does_not_take_the_place_of_a_larger_one(run: Path, tmp_path: Path) -> None:
    quick = replace(setting(tmp_path), size="quick")
    before = (run / "resolution.yaml").read_bytes()
    with pytest.raises(MazeInterpError, match="holds a medium resolution; give --out another folder"):
        next(resolve_all(quick, QUESTIONS, run / "resolution.yaml", "a test"))
    assert (run / "resolution.yaml").read_bytes() == before


def test_a_search_for_levels_that_are_not_there_ends(tmp_path: Path) -> None:
    """In a region of 1×1 no two branches end, so that there is no level in which they could be swapped."""
    narrow = replace(setting(tmp_path), region=1)
    with pytest.raises(Unmeasurable, match="of 600 levels 0 qualify, not the 2 needed"):
        narrow.levels(2, decision=False, asked=lambda maze: swapped_branches(maze, 1, 10) is not None)


def test_some_questions_asked_again_leave_the_others_as_they_are(run: Path, tmp_path: Path) -> None:
    path = tmp_path / "resolution.yaml"
    path.write_bytes((run / "resolution.yaml").read_bytes())
    before = read_resolutions(path, QUESTIONS)
    quick = replace(setting(tmp_path / "quick"), size="quick")
    asked = [name for name, _ in resolve_all(quick, QUESTIONS, path, "again", ["right-hand-solves"])]
    after = read_resolutions(path, QUESTIONS)
    assert asked == ["right-hand-solves"]
    assert (after.setting, after.answers["right-hand-solves"].setting) == ("medium", "quick")
    others = set(QUESTIONS) - set(asked)
    assert {name: after.answers[name] for name in others} == {name: before.answers[name] for name in others}
    with pytest.raises(MazeInterpError, match="unknown question 'right-hand': did you mean right-hand-solves"):
        next(resolve_all(quick, QUESTIONS, path, "again", ["right-hand"]))


def test_a_question_of_its_own_through_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "mine"
    folder.mkdir()
    question = {
        "id": "does-it-agree",
        "kind": "binary",
        "wording": "Does it?",
        "measurement": "value-agreement",
        "parameters": {"levels": 3, "cheese": "anywhere", "squares": "all", "split": "test"},
        "rule": {"agreement": "above 0"},
        "source": "a test",
    }
    (folder / "mine.yaml").write_text(yaml.safe_dump([question]))
    main(["questions", "resolve", "--questions", str(folder), "--workers", "1"])
    assert "does-it-agree: yes 100%" in capsys.readouterr().out
    forecast = {"forecaster": "me", "date": "2026-01-01", "source": "here", "answers": {"does-it-agree": {"binary": 1}}}
    (tmp_path / "me.yaml").write_text(yaml.safe_dump(forecast))
    main(["questions", "score", "--questions", str(folder), "--forecast", "me.yaml"])
    page = (tmp_path / "runs/score/page.html").read_text()
    assert all(words in page for words in ("does-it-agree", "Does it?", "0.000"))
    for bad, message in (
        (["--agent", "rand_region_4"], "unknown agent 'rand_region_4'"),
        (["--agent", "reference:random"], "is a rule, not a network"),
        (["--questions", "nowhere"], "there are no questions in nowhere"),
        (["--scheduler", "tcp://127.0.0.1:1"], "127.0.0.1:1"),
    ):
        given = [] if "--questions" in bad else ["--questions", str(folder)]
        with pytest.raises(SystemExit) as stop:
            main(["questions", "resolve", *given, *bad])
        assert stop.value.code == 2
        error = capsys.readouterr().err.strip().splitlines()[-1]
        assert error.startswith("maze-interp: ")
        assert message in error


def test_numbers_of_threads_do_not_matter(run: Path, tmp_path: Path) -> None:
    some = {name: one for name, one in QUESTIONS.items() if one.measurement == "simple-channels"}
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        found = resolved(tmp_path, some)
    finally:
        torch.set_num_threads(before)
    earlier = read_resolutions(run / "resolution.yaml", QUESTIONS)
    assert found.answers == {name: earlier.answers[name] for name in some}
