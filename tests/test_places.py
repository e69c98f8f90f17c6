"""Where a command may write: not in the folder of another run, not in a file; refused before anything is measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from maze_interp.commands.main import main
from maze_interp.errors import MazeInterpError
from maze_interp.results.run_directory import run_directory

TRAIN = "method: exact\nname: tiny\nregion: 1\nupdates: 1\n"
PROBE = "probe --levels 12 --layers embedder.fc --targets maze_size"
PLACES = {
    "a study": "field --out {0}/new",
    "record": "record --out {0}/new",
    "report": "report --levels 1 --out {0}/new",
    "train": "train run.yaml --out {0}/new",
    "an agent": "train run.yaml --out new --into {0}",
    "probes": PROBE + " --out new --save {0}",
    "resolutions": "questions resolve --out {0}",
    "resolutions of an agent": "questions resolve --agent {0} --out .",
    "scores": "questions score --resolution rand_region_5_short --out {0}/new",
    "a page of readings": "questions readings --out {0}/new.md",
    "a forecast": "questions new-forecast {0}/new.yaml",
    "a page": "explore --levels 1 --export {0}/new.html",
}


def refused(capsys: pytest.CaptureFixture[str], command: str) -> str:
    before = sorted(Path().rglob("*"))
    with pytest.raises(SystemExit, match="2"):
        main(command.split())
    (line,) = capsys.readouterr().err.splitlines()
    assert sorted(Path().rglob("*")) == before
    return line


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("run.yaml").write_text(TRAIN)


@pytest.mark.parametrize("what", PLACES)
def test_no_command_writes_into_the_folder_of_another_run(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    name = "rand_region_5_easy" if what == "resolutions of an agent" else "theirs"
    for folder in (Path(name), Path("link", name)):
        with run_directory(Path(name), {"study": "another"}):
            Path(name, "rows.csv").write_text("theirs")
        if not Path("link").exists():
            Path("link").symlink_to(Path.cwd())
        assert "is the folder of a run" in refused(capsys, PLACES[what].format(folder if what != name else name))


@pytest.mark.parametrize("what", [what for what in PLACES if what != "resolutions of an agent"])
def test_nothing_is_measured_for_a_place_in_a_file(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("file").write_text("theirs")
    assert "is a file" in refused(capsys, PLACES[what].format("file"))


@pytest.mark.parametrize("option", ["out", "agent", "edits", "scheduler", "maze"])
def test_an_empty_value_is_no_value(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    """As of a variable of the shell that is not set: `--out ""` is no run in this folder."""
    assert f"--{option} is given nothing" in refused(capsys, f"field --{option}=")


def test_a_run_within_a_run_that_is_under_way_is_its_own(tmp_path: Path) -> None:
    with run_directory(tmp_path / "outer", {}), run_directory(tmp_path / "outer" / "inner", {}) as inner:
        (inner / "table.csv").write_text("a")
    with run_directory(tmp_path / "outer" / "inner", {}):  # resumed by itself
        pass
    with pytest.raises(MazeInterpError, match="is the folder of a run"), run_directory(tmp_path / "outer" / "b", {}):
        pass


def test_a_page_of_someone_elses_stays(capsys: pytest.CaptureFixture[str]) -> None:
    Path("index.html").write_text("theirs")
    Path("folder.html").mkdir()
    for page in ("index.html", "folder.html"):
        assert "is there and not the page of a run" in refused(capsys, f"explore --levels 1 --export {page}")
    assert Path("index.html").read_text() == "theirs"
