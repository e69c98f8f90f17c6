"""The report's section on questions: the outcomes of these weights and of no others; and those that are bundled."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from maze_interp.report.sections.questions import questions_section

import maze_interp as mi
from maze_interp.bundled import bundled_path
from maze_interp.policies.agents import load_network
from maze_interp.policies.checkpoints import agent_hash
from maze_interp.questions.registry import load_questions
from maze_interp.questions.resolution_files import read_resolutions, write_resolutions
from maze_interp.questions.resolutions import METHOD, Figure, Resolution, Resolutions
from maze_interp.report.page import render
from maze_interp.report.study import Study, make_study

QUESTIONS = load_questions()
BUNDLED = sorted(bundled_path("data", "resolutions").glob("*.yaml"))


def by_hand() -> Resolutions:
    """Every question of the recorded forecast resolved by hand, on the default agent's weights."""
    measured = Resolution(
        question_hash=QUESTIONS["probe-70"].hash,
        figures={"accuracy": Figure(value=0.83, low=0.8, high=0.86, n=500)},
        measured={"yes": 0.9, "no": 0.1},
        seeds="1:2",
        command="maze-interp",
    )
    unresolved = Resolution(question_hash=QUESTIONS["retarget"].hash, unresolved="only {0} of the levels qualify")
    return Resolutions(
        agent=mi.DEFAULT_AGENT,
        agent_hash=agent_hash(load_network(mi.DEFAULT_AGENT)),
        setting="quick",
        command="by hand",
        outcomes=METHOD,
        answers={"probe-70": measured, "retarget": unresolved},
    )


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    monkeypatch.chdir(tmp_path)
    return make_study(mi.DEFAULT_AGENT, tmp_path / "report", 2, None)


def test_what_was_measured_here_comes_first(study: Study) -> None:
    path = Path("runs/questions") / mi.DEFAULT_AGENT / "resolution.yaml"
    write_resolutions(path, by_hand(), QUESTIONS)
    section = questions_section(study)
    html = render("page", {}, [section])
    assert "setting quick, by by hand" in html
    assert "yes 90%, no 10%" in html
    assert "unresolved: only {0} of the levels qualify" in html
    rows = {str(row[0]): row for row in section.tables[-1].rows}
    assert set(rows) == set(QUESTIONS)
    assert rows["probe-70"][3] == f"{0.9 * (1 - 0.6) ** 2 + 0.1 * 0.6**2:.3f}"  # the forecast: 60%


def test_other_weights_are_not_spoken_for(study: Study) -> None:
    path = Path("runs/questions") / mi.DEFAULT_AGENT / "resolution.yaml"
    write_resolutions(path, by_hand().model_copy(update={"agent_hash": "of another"}), QUESTIONS)
    other = replace(study, policy=load_network("rand_region_5_imitation"))
    (told,) = questions_section(other).body
    assert "have not been measured on this agent" in told


def test_bundled_resolutions_are_of_the_bundled_agents() -> None:
    assert [path.stem for path in BUNDLED] == ["rand_region_3_easy", "rand_region_5"]
    for path in BUNDLED:
        found = read_resolutions(path, QUESTIONS)
        assert (found.agent, found.setting) == (path.stem, "full")
        assert found.agent_hash == agent_hash(load_network(path.stem))
        assert set(found.answers) == set(QUESTIONS)
