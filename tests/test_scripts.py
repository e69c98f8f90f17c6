"""The programs in `scripts/` import what there is, and describe their options."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

SCRIPTS = sorted((Path(__file__).parent.parent / "scripts").glob("*.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_help_and_an_unknown_option_in_one_line(
    script: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for options, status in ((["--help"], 0), (["--colour", "red"], 2)):
        monkeypatch.setattr(sys, "argv", [str(script), *options])
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(script), run_name="__main__")
        assert ended.value.code == status
    said = capsys.readouterr()
    assert said.out.startswith(f"usage: {script.name}")
    assert "options:" in said.out
    assert said.err.startswith(f"{script.name}: unrecognized arguments: --colour red")
    assert said.err.count("\n") == 1


def test_an_option_is_named_as_typed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmark.py", "--sweep-levels", "many"])
    with pytest.raises(SystemExit):
        runpy.run_path(str(SCRIPTS[0].with_name("benchmark.py")), run_name="__main__")
    assert capsys.readouterr().err.startswith("benchmark.py: --sweep-levels cannot be 'many'")
