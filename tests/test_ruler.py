"""The quickest cases of the ruler: the tables of a few commands are those recorded before.

Numbers may differ by rounding here, for another machine; `python tests/ruler/check.py` compares bytes, and all cases.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from ruler.check import Case, compare_case, load_cases, record, run_case

CASES = load_cases()
TABLE = "level,agent,p_cheese\n7,random,0.25\n8,random,0.5\n"


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.quick])
def test_a_command_writes_what_it_wrote_before(tmp_path: Path, name: str) -> None:
    out = run_case(CASES[name].new, tmp_path)
    different = [result for result in compare_case(CASES[name], out, 1e-5, 1e-6) if not result.passed]
    assert not different


def test_every_case_is_recorded_and_what_is_said_of_files_is_of_recorded_ones() -> None:
    recorded = {name: {str(path.relative_to(case.folder)) for path in case.recorded} for name, case in CASES.items()}
    assert all(recorded.values())
    everything = set().union(*recorded.values())  # cases of one study share what they say
    assert {file for case in CASES.values() for file in (*case.files, *case.reasons)} <= everything


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    """A recorded table, and the same table as written today, in `out`."""
    monkeypatch.setattr("ruler.check.HERE", tmp_path)
    for folder in ("toy", "out"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "rows.csv").write_text(TABLE)
    return Case("toy", [], [])


@pytest.mark.parametrize(
    ("old", "new", "detail"),
    [
        ("0.25", "0.250001", "line 2.*largest difference 1e-06 in p_cheese"),
        ("random", "chance", "line 2.*recorded 7,random,0.25 now 7,chance,0.25"),
        ("p_cheese", "p", "line 1.*columns gone: .'p_cheese'., new: .'p'."),
        ("8,random,0.5\n", "", "recorded 3 lines, now 2"),
        ("0.25", "0.2500", "line 2"),
        ("\n", "\r\n", "other bytes"),
    ],
)
def test_a_difference_is_found_and_shown(toy: Case, tmp_path: Path, old: str, new: str, detail: str) -> None:
    written = tmp_path / "out" / "rows.csv"
    (result,) = compare_case(toy, tmp_path / "out")
    assert (result.verdict, result.passed) == ("same", True)
    written.write_bytes(TABLE.replace(old, new).encode())
    (result,) = compare_case(toy, tmp_path / "out")
    assert (result.verdict, result.passed) == ("differs", False)
    assert re.search(detail, result.detail)


def test_renamed_tables_columns_and_cells_are_the_same(toy: Case, tmp_path: Path) -> None:
    (tmp_path / "out" / "rows.csv").rename(tmp_path / "out" / "levels.csv")
    (tmp_path / "out" / "levels.csv").write_text(TABLE.replace("random", "chance").replace("level,", "seed,"))
    (result,) = compare_case(toy, tmp_path / "out")
    assert result.verdict == "missing"
    words, files = {"random": "chance", "level": "seed"}, {"rows.csv": "levels.csv"}
    (result,) = compare_case(Case("toy", [], [], files, words), tmp_path / "out")
    assert result.verdict == "same"


def test_tolerance_forgives_rounding_and_no_more(toy: Case, tmp_path: Path) -> None:
    for now, verdict in (("0.250001", "same"), ("0.26", "differs")):
        (tmp_path / "out" / "rows.csv").write_text(TABLE.replace("0.25", now))
        (result,) = compare_case(toy, tmp_path / "out", 1e-5, 1e-6)
        assert result.verdict == verdict


def test_a_stated_reason_lets_a_table_differ(toy: Case, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "out")
    (result,) = compare_case(Case("toy", [], [], reasons={"rows.csv": "no longer written"}), tmp_path / "out")
    assert (result.verdict, result.passed, result.reason) == ("missing", True, "no longer written")


def test_figures_are_compared_by_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ruler.check.HERE", tmp_path)
    for folder in ("toy", "out"):
        (tmp_path / folder).mkdir()
    (tmp_path / "toy" / "figures.json").write_text('{"lead": {"mean": 0.5, "low": null}, "kinds": ["zero"]}')
    summary = tmp_path / "out" / "summary.json"
    summary.write_text('{"agent": "a", "figures": {"kinds": ["zero"], "difference": {"low": null, "mean": 0.5}}}')
    (result,) = compare_case(Case("toy", [], []), tmp_path / "out")
    assert "1 figures are missing, the first lead/mean" in result.detail
    (result,) = compare_case(Case("toy", [], [], words={"lead": "difference"}), tmp_path / "out")
    assert result.verdict == "same"
    summary.write_text('{"figures": {"kinds": ["mean"], "lead": {"low": null, "mean": 0.5}}}')
    (result,) = compare_case(Case("toy", [], []), tmp_path / "out")
    assert result.detail == "1 of 2 figures, the first kinds/0: recorded zero now mean"


def test_a_large_table_is_compared_by_its_first_rows_and_its_hash(toy: Case, tmp_path: Path) -> None:
    whole = "level,lead\n" + "".join(f"{level},0.5\n" for level in range(20_000))
    written = tmp_path / "out" / "rows.csv"
    written.write_text(whole)
    record(toy, tmp_path / "out")
    assert (tmp_path / "toy" / "rows.csv").read_text().splitlines() == whole.splitlines()[:21]
    written.write_text(whole.replace("lead", "difference"))
    (result,) = compare_case(Case("toy", [], [], words={"lead": "difference"}), tmp_path / "out")
    assert result.verdict == "same"
    for level, detail in ((7, "line 9: recorded 7,0.5 now 7,0.25"), (15_000, "a row after the first 20")):
        written.write_text(whole.replace(f"\n{level},0.5", f"\n{level},0.25"))
        (result,) = compare_case(toy, tmp_path / "out")
        assert result.verdict == "differs"
        assert detail in result.detail
