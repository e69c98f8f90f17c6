"""Run every recorded case again and compare the tables it writes with the recorded ones, byte for byte.

    python tests/ruler/check.py [case ...] [--old] [--keep FOLDER]

`cases.yaml` lists the cases; the folder of a case holds its tables as they were when it was recorded, and the figures
of its `summary.json`. The code is the `maze_interp` that Python imports. A line per file says `same`, `differs` or
`missing`; the exit status is 1 if a file differs for which the case states no reason. Of a large table the first rows
are kept, and the SHA-256 of all but the ends of intervals.

The ends of intervals are not compared: since the recording they are made by the kind of quantity.

A case is recorded with `--record`, from the commands under `old`. What its folder held before is replaced.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import hashlib
import io
import json
import os
import shlex
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported: sums keep their order

import pandas as pd
import yaml

HERE = Path(__file__).resolve().parent
FIGURES = "figures.json"
LARGE = 100_000
"""Bytes beyond which not all of a table is kept."""
KEPT = 20
"""Rows that are kept of it."""


@dataclass(frozen=True)
class Case:
    """Commands that write tables, and what was renamed since the tables were recorded.

    Attributes:
        name: of the case and of its folder.
        old: command lines of the code that the tables were recorded with; they write to `out`.
        new: the same for the code of today.
        files: recorded file → the file that holds this table today, where the names differ.
        words: column, cell or key of a figure as recorded → as it is called today.
        reasons: recorded file → why its contents must differ today.
        quick: whether the test suite runs it too.
    """

    name: str
    old: Sequence[str]
    new: Sequence[str]
    files: Mapping[str, str] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    quick: bool = False

    @property
    def folder(self) -> Path:
        """Where the recorded files lie."""
        return HERE / self.name

    @property
    def recorded(self) -> list[Path]:
        """The recorded files."""
        return sorted(path for path in self.folder.rglob("*") if path.suffix in (".csv", ".json"))


@dataclass(frozen=True)
class Comparison:
    """One recorded file beside what was written.

    Attributes:
        file: name of the recorded file.
        verdict: `same`, `differs` or `missing`.
        detail: the first difference.
        reason: why it must differ, if it must.
    """

    file: str
    verdict: str
    detail: str = ""
    reason: str = ""

    @property
    def passed(self) -> bool:
        """Whether it is the same, or differs for a stated reason."""
        return self.verdict == "same" or bool(self.reason)


def load_cases() -> dict[str, Case]:
    """The cases of `cases.yaml` by name; words listed for all cases are among each case's own."""
    listed = yaml.safe_load((HERE / "cases.yaml").read_text())
    shared = listed["words"] or {}
    return {
        name: Case(name, **{**options, "words": {**shared, **options.get("words", {})}})
        for name, options in listed["cases"].items()
    }


def run_case(lines: Sequence[str], folder: Path) -> Path:
    """Run command lines in a folder, `{here}` standing for this one; returns the folder `out` in it."""
    from maze_interp.commands.main import main

    with in_folder(folder):
        for line in lines:
            main(shlex.split(line.format(here=HERE)))
    return folder / "out"


@contextlib.contextmanager
def in_folder(folder: Path) -> Iterator[None]:
    """Work in a folder, with output and progress in its file `log`."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        with open("log", "a") as log, contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
            yield
    finally:
        os.chdir(before)


def figures_of(out: Path) -> Any:
    """The figures of a finished run: those of `summary.json`, or all answers of a resolution file; None without."""
    summary = out / "summary.json"
    if summary.exists():
        return json.loads(summary.read_text()).get("figures")
    resolutions = sorted(out.glob("*/resolution.yaml"))
    if resolutions:
        answers = yaml.safe_load(resolutions[0].read_text())["answers"]
        return {
            name: {
                key: answer[written]
                for key, written in (("outcome", "measured"), ("figures", "figures"), ("unresolved", "unresolved"))
                if written in answer
            }
            for name, answer in answers.items()
        }
    return None


def compare_case(case: Case, out: Path, relative: float = 0, absolute: float = 0) -> list[Comparison]:
    """Every recorded file of a case beside what is in `out`; within no tolerance, bytes are compared."""
    results = []
    for path in case.recorded:
        name = str(path.relative_to(case.folder))
        if name == FIGURES:
            detail = figures_difference(path, figures_of(out), case.words, relative, absolute)
        else:
            written = out / case.files.get(name, name)
            detail = table_difference(path, written, case.words, relative, absolute) if written.exists() else None
        verdict = "missing" if detail is None else "differs" if detail else "same"
        results.append(Comparison(name, verdict, detail or "", case.reasons.get(name, "")))
    return results


def table_difference(recorded: Path, written: Path, words: Mapping[str, str], relative: float, absolute: float) -> str:
    """The first difference between two tables, and the largest between their numbers; empty if there is none."""
    expected, actual = renamed(recorded.read_bytes(), words), written.read_bytes()
    if expected == actual or without_ends(expected) == without_ends(actual):
        return ""
    if (digest := hash_file(recorded)).exists():
        back = renamed(actual, {now: before for before, now in words.items()})
        if hashed(back) == digest.read_text().strip():
            return ""
        actual = head(actual)
        if without_ends(expected) == without_ends(actual):
            return "" if relative or absolute else f"a row after the first {KEPT}"
    expected, actual = without_ends(expected), without_ends(actual)
    rows, others = table_rows(expected), table_rows(actual)
    for number, (row, other) in enumerate(zip(rows, others, strict=False), 1):
        if len(row) != len(other) or not all(equal(a, b, relative, absolute) for a, b in zip(row, other, strict=True)):
            return f"line {number}: recorded {','.join(row)} now {','.join(other)}; {largest(expected, actual)}"
    if len(rows) != len(others):
        return f"recorded {len(rows)} lines, now {len(others)}"
    return "" if relative or absolute else "the same cells in other bytes"


def hash_file(recorded: Path) -> Path:
    """Where the SHA-256 of a large table lies, beside its first rows."""
    return recorded.with_name(f"{recorded.name}.sha256")


def hashed(table: bytes) -> str:
    """The SHA-256 of a table without the ends of its intervals."""
    return hashlib.sha256(without_ends(table)).hexdigest()


def head(table: bytes) -> bytes:
    """The header and the first rows of a table."""
    return b"".join(table.splitlines(keepends=True)[: KEPT + 1])


def renamed(table: bytes, words: Mapping[str, str]) -> bytes:
    """The table with every header and cell that is one of the words replaced."""
    rows = table_rows(table)
    if not any(cell in words for row in rows for cell in row):
        return table
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([[words.get(cell, cell) for cell in row] for row in rows])
    return text.getvalue().encode()


def is_end(name: str) -> bool:
    """Whether a column or figure is an end of an interval, or what it is over."""
    return name in ("low", "high", "over") or name.endswith(("_low", "_high"))


def without_ends(table: bytes) -> bytes:
    """The table without the ends of its intervals."""
    rows = table_rows(table)
    kept = [number for number, name in enumerate(rows[0]) if not is_end(name)] if rows else []
    if not rows or len(kept) == len(rows[0]):
        return table
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([[row[number] for number in kept] for row in rows])
    return text.getvalue().encode()


def table_rows(table: bytes) -> list[list[str]]:
    """The cells of a table, header first."""
    return list(csv.reader(io.StringIO(table.decode())))


def equal(recorded: str, now: str, relative: float, absolute: float) -> bool:
    """Whether two cells are the same text, or numbers as close as asked."""
    if recorded == now or not (relative or absolute):
        return recorded == now
    try:
        one, other = float(recorded), float(now)
    except ValueError:
        return False
    return abs(one - other) <= max(absolute, relative * max(abs(one), abs(other)))


def largest(recorded: bytes, now: bytes) -> str:
    """Where the numbers of two tables are farthest apart."""
    one, other = (pd.read_csv(io.BytesIO(table)) for table in (recorded, now))
    if list(one.columns) != list(other.columns):
        gone, new = set(one.columns) - set(other.columns), set(other.columns) - set(one.columns)
        return f"columns gone: {sorted(gone)}, new: {sorted(new)}"
    if len(one) != len(other):
        return f"{len(one)} rows recorded, now {len(other)}"
    numbers = one.select_dtypes("number").columns.intersection(other.select_dtypes("number").columns)
    apart = (one[numbers] - other[numbers]).abs().max()
    if apart.dropna().empty:
        return "no numbers differ"
    return f"largest difference {apart.max():.3g} in {apart.idxmax()}"


def figures_difference(
    recorded: Path, now: Any, words: Mapping[str, str], relative: float, absolute: float
) -> str | None:
    """The first difference between recorded figures and those of today; None if there are none today."""
    if now is None:
        return None
    expected, actual = flat(json.loads(recorded.read_text()), words), flat(now)
    if gone := sorted(set(expected) - set(actual)):
        return f"{len(gone)} figures are missing, the first {gone[0]}"
    if new := sorted(set(actual) - set(expected)):
        return f"{len(new)} figures are new, the first {new[0]}"
    apart = [key for key in expected if not equal(expected[key], actual[key], relative, absolute)]
    if not apart:
        return ""
    key = apart[0]
    return f"{len(apart)} of {len(expected)} figures, the first {key}: recorded {expected[key]} now {actual[key]}"


def flat(figures: Any, words: Mapping[str, str] = {}) -> dict[str, str]:
    """Nested figures as path → value in text, the parts of a path and the texts replaced as `words` says."""
    if isinstance(figures, dict):
        parts = [(words.get(str(key), str(key)), value) for key, value in figures.items() if not is_end(str(key))]
    elif isinstance(figures, list):
        parts = [(str(index), value) for index, value in enumerate(figures)]
    else:
        return {"": words.get(figures, figures) if isinstance(figures, str) else json.dumps(figures)}
    return {f"{key}/{rest}".rstrip("/"): value for key, inner in parts for rest, value in flat(inner, words).items()}


def record(case: Case, out: Path) -> None:
    """Replace the recorded files of a case by what is in `out`.

    Of `questions resolve` only the figures: its tables are the studies', in folders named after hashes of settings.
    """
    shutil.rmtree(case.folder, ignore_errors=True)
    tables = [] if list(out.glob("*/resolution.yaml")) else sorted(out.rglob("*.csv"))
    for table in tables:
        target = case.folder / table.relative_to(out)
        target.parent.mkdir(parents=True, exist_ok=True)
        contents = table.read_bytes()
        if len(contents) > LARGE:
            hash_file(target).write_text(hashed(contents) + "\n")
            contents = head(contents)
        target.write_bytes(contents)
    if (figures := figures_of(out)) is not None:
        case.folder.mkdir(parents=True, exist_ok=True)
        (case.folder / FIGURES).write_text(json.dumps(figures, indent=1) + "\n")


def main() -> int:
    """Check or record the cases named on the command line, all of them without names."""
    cases = load_cases()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="case", help="all unless given")
    parser.add_argument("--old", action="store_true", help="run the commands under `old`")
    parser.add_argument("--record", action="store_true", help="run those and replace the recorded files")
    parser.add_argument("--keep", type=Path, help="work in this folder and keep it")
    options = parser.parse_args()
    if unknown := set(options.names) - set(cases):
        parser.error(f"no such case: {', '.join(sorted(unknown))}; there are {', '.join(cases)}")
    passed = True
    with tempfile.TemporaryDirectory() as scratch:
        for name in options.names or cases:
            case, folder, began = cases[name], (options.keep or Path(scratch)).resolve() / name, time.perf_counter()
            folder.mkdir(parents=True)
            try:
                out = run_case(case.old if options.old or options.record else case.new, folder)
            except (Exception, SystemExit) as error:  # one case must not end the others
                log = (folder / "log").read_text().splitlines() or [""]
                print(f"{name}: ended with {error!r}: {log[-1]}", flush=True)
                passed = False
                continue
            if options.record:
                record(case, out)
            for result in compare_case(case, out):
                passed &= result.passed
                why = f" (stated reason: {result.reason})" if result.reason else ""
                print(f"{name}/{result.file}: {result.verdict}{why} {result.detail}".rstrip())
            print(f"{name}: {time.perf_counter() - began:.0f} s", flush=True)
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
