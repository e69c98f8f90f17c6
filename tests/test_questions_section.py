"""The report's section on questions: the outcomes of these weights and of no others; and those that are bundled."""

from __future__ import annotations

from pathlib import Path

import pytest

import maze_interp as mi
from maze_interp.bundled import DEFAULT_AGENT, bundled_path
from maze_interp.policies.agents import load_network
from maze_interp.policies.checkpoints import agent_hash
from maze_interp.questions.measured import METHOD
from maze_interp.questions.page import questions_result
from maze_interp.questions.registry import load_questions
from maze_interp.questions.resolution_files import read_resolutions, write_resolutions
from maze_interp.questions.resolutions import Figure, Resolution, Resolutions

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


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_what_was_measured_here_comes_first() -> None:
    path = Path("runs/questions") / mi.DEFAULT_AGENT / "resolution.yaml"
    write_resolutions(path, by_hand(), QUESTIONS)
    result = questions_result(mi.DEFAULT_AGENT, "easy")
    html = result._repr_html_()
    assert "setting quick, by by hand" in html
    assert "yes 90%, no 10%" in html
    assert "unresolved: only {0} of the levels qualify" in html
    scores = result.tables["questions"].set_index("question")["Brier"]
    assert set(scores.index) == set(QUESTIONS)
    assert scores["probe-70"] == pytest.approx(0.9 * (1 - 0.6) ** 2 + 0.1 * 0.6**2)  # the forecast: 60%


def test_the_measurements_of_other_weights_are_not_used() -> None:
    path = Path("runs/questions") / "rand_region_5_imitation" / "resolution.yaml"
    write_resolutions(path, by_hand().model_copy(update={"agent_hash": "of another"}), QUESTIONS)
    assert "have not been measured on this agent" in questions_result("rand_region_5_imitation", "hard").statement


def test_bundled_resolutions_are_of_the_bundled_agents() -> None:
    sizes = {}
    for path in BUNDLED:
        found = read_resolutions(path, QUESTIONS)
        sizes[path.stem] = found.setting
        assert found.agent == path.stem
        assert found.agent_hash == agent_hash(load_network(path.stem))
        assert set(found.answers) == set(QUESTIONS)
    assert sizes["rand_region_3_easy_imitation"] == sizes["rand_region_5_short"] == "full"
    assert DEFAULT_AGENT in sizes
