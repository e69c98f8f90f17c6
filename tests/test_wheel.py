"""A wheel of this repository, installed away from it, brings the agents along and finds them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

import maze_interp as mi

ROOT = Path(__file__).parents[1]
NOT_SOURCE = shutil.ignore_patterns(".*", "__pycache__", "build", "dist", "runs", "*.egg-info")


def run(*command: str | Path, cwd: Path) -> str:
    """What a command prints, run where neither this checkout nor PYTHONPATH leads to the package."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command} failed:\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository, so that building leaves nothing in it and finds no leftovers."""
    return shutil.copytree(ROOT, tmp_path_factory.mktemp("copy") / "source", symlinks=True, ignore=NOT_SOURCE)


@pytest.fixture(scope="module")
def wheel(source: Path) -> Path:
    pip_wheel = ("-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", "wheels")
    run(sys.executable, *pip_wheel, source, cwd=source.parent)
    return next((source.parent / "wheels").glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment with nothing but the wheel, which then borrows the dependencies of this one.

    A plain path in a .pth file comes last in sys.path, and the .pth files in that path are not read, so the editable
    install of this checkout stays out of sight.
    """
    folder = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder)
    run(sys.executable, "-m", "pip", "--python", folder, "install", "--quiet", "--no-deps", wheel, cwd=folder)
    site_packages = next(folder.glob("lib/python*/site-packages"))
    (site_packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder


def test_the_wheel_holds_the_package_and_all_artefacts_and_nothing_else(source: Path, wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    artefacts = [path for top in ("agents", "data", "probes") for path in (source / top).rglob("*") if path.is_file()]
    assert source / "agents" / mi.DEFAULT_AGENT / "weights.safetensors" in artefacts
    assert {f"maze_interp/bundled/{path.relative_to(source).as_posix()}" for path in artefacts} <= names
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"maze_interp"}


def test_the_installed_package_is_the_wheel_not_the_checkout(installed: Path, tmp_path: Path) -> None:
    where = run(installed / "bin/python", "-c", "import maze_interp; print(maze_interp.__file__)", cwd=tmp_path)
    assert Path(where.strip()).is_relative_to(installed)


def test_the_installed_package_loads_the_default_agent(installed: Path, tmp_path: Path) -> None:
    total = "float(sum(weights.double().sum() for weights in mi.load_policy(mi.DEFAULT_AGENT).parameters()))"
    printed = run(installed / "bin/python", "-c", f"import maze_interp as mi; print({total})", cwd=tmp_path)
    here = sum(weights.double().sum().item() for weights in mi.load_policy(mi.DEFAULT_AGENT).parameters())
    assert float(printed) == pytest.approx(here, rel=1e-9)


def test_the_installed_command_lists_the_default_agent(installed: Path, tmp_path: Path) -> None:
    assert mi.DEFAULT_AGENT in run(installed / "bin/maze-interp", "agents", "list", cwd=tmp_path)
