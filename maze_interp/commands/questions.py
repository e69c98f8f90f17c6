"""`questions list | resolve | score | new-forecast`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from maze_interp.bundled import DEFAULT_AGENT
from maze_interp.commands.surroundings import show
from maze_interp.policies.placement import Device, Precision
from maze_interp.studies.options import Positive


def questions_list(questions: Path | None = None) -> None:
    """List the questions: what is asked, the measurement that answers, and when the answer is what.

    Args:
        questions: Folder of question files; the bundled ones unless given.
    """
    from maze_interp.questions.registry import load_questions
    from maze_interp.questions.tables import question_tables

    show(*question_tables(load_questions(questions)))


def questions_new_forecast(file: Path, lock: bool = False, questions: Path | None = None) -> None:
    """Write a blank forecast to fill in, or lock one that is filled in.

    Args:
        file: The .yaml file.
        lock: Stamp the file, as it is, with a hash and the time; a file edited after that is refused.
        questions: Folder of question files; the bundled ones unless given.
    """
    from maze_interp.errors import MazeInterpError
    from maze_interp.questions.forecasts import load_forecast
    from maze_interp.questions.locking import lock_forecast
    from maze_interp.questions.registry import load_questions
    from maze_interp.questions.template import write_template
    from maze_interp.results.run_directory import check_place

    known = load_questions(questions)
    if not lock:
        check_place(file)
        write_template(file, known)
        print(f"written to {file}")
        return
    forecast = load_forecast(file, known)
    if not forecast.answered:
        raise MazeInterpError(f"{file} answers no question yet; fill it in, then lock it")
    stamp = lock_forecast(file)
    print(f"locked at {stamp.time} with {len(forecast.answered)} of {len(known)} questions answered")
    print(f"publish this hash to show that it came first: {stamp.sha256}")


def questions_resolve(
    agent: str = DEFAULT_AGENT,
    size: Literal["full", "medium", "quick"] = "full",
    only: str | None = None,
    questions: Path | None = None,
    mode: Literal["easy", "hard"] | None = None,
    out: Path = Path("runs/questions"),
    workers: Positive | None = None,
    scheduler: str | None = None,
    device: Device = "auto",
    precision: Precision = "float32",
) -> None:
    """Answer the questions by measurement: figures, intervals, outcomes, and how sure they are.

    Stop it at any moment; the same command goes on where it was and ends in the same bytes. Outcomes that a person has
    put into the resolution file stay there; those measured before a question was changed stand beside the new ones.

    Args:
        agent: Name of an agent, or a .safetensors or .pth file.
        size: full takes an hour or two of one core; medium a fifth of the levels, quick a twentieth. Intervals are then
            wider, and what is learned (probes, fine-tuning, the choice of an edit) is learned from less, so that its
            figures come out lower.
        only: Questions to answer, separated by commas; the others keep their answers.
        questions: Folder of question files; the bundled ones unless given.
        mode: Distribution of levels; the agent's own unless given (hard for a file).
        out: Folder for AGENT/resolution.yaml and all that was measured.
        workers: Processes on this machine; one per core unless given.
        scheduler: Address of a dask scheduler, tcp://host:port, to use instead of processes here.
        device: Where the network runs, cpu or cuda; auto is a GPU if there is one.
        precision: Precision of the network: float32, or bfloat16, which is less exact and faster on some hardware.
    """
    from maze_interp.policies.agents import agent_mode, training_region
    from maze_interp.questions.registry import load_questions
    from maze_interp.questions.resolvers.resolve import resolution_path, resolve_all
    from maze_interp.questions.resolvers.setting import Setting
    from maze_interp.questions.tables import resolution_lines
    from maze_interp.results.run_directory import check_place
    from maze_interp.sweeps.spread import check_workers

    known = load_questions(questions)
    path = resolution_path(out, agent)
    check_place(path)
    setting = Setting(
        agent=agent,
        mode=mode or agent_mode(agent),
        region=training_region(agent),
        size=size,
        out=path.parent / size,
        workers=workers,
        scheduler=scheduler,
        device=device,
        precision=precision,
    )
    command = _resolve_command(agent, size, questions, mode, precision)
    check_workers(workers, scheduler)
    asked = [name.strip() for name in only.split(",")] if only else ()
    for name, resolution in resolve_all(setting, known, path, command, asked):
        show(*resolution_lines(known[name], resolution), soft_wrap=True)
    print(f"written to {path}")


def _resolve_command(agent: str, size: str, questions: Path | None, mode: str | None, precision: str) -> str:
    """The command line that answers the questions in the same setting."""
    import shlex

    smaller, rounded = None if size == "full" else size, None if precision == "float32" else precision
    places = questions and str(questions)
    given = {"--questions": places, "--mode": mode, "--size": smaller, "--precision": rounded}
    options = [part for name, value in given.items() if value for part in (name, value)]
    return shlex.join(["maze-interp", "questions", "resolve", "--agent", agent, *options])


def questions_score(
    forecast: str = "nanda-2023",
    resolution: str | None = None,
    questions: Path | None = None,
    out: Path = Path("runs/score"),
) -> None:
    """Score forecasts by measured outcomes, beside baselines.

    Args:
        forecast: Forecast files, or names of bundled ones, separated by commas.
        resolution: Resolution files, one per agent, or names of bundled agents measured beforehand, separated by
            commas; every runs/questions/*/resolution.yaml unless given.
        questions: Folder of question files; the bundled ones unless given.
        out: Folder for page.html, scores.csv, ranges.csv, agents.csv, summary.json and forecasts.png.
    """
    import shlex

    from maze_interp.plots.style import save
    from maze_interp.questions.forecasts import forecast_path, load_forecast
    from maze_interp.questions.forecasts_figure import forecasts_figure
    from maze_interp.questions.page import write_page
    from maze_interp.questions.registry import load_questions
    from maze_interp.questions.resolution_files import find_resolutions, named_resolution
    from maze_interp.questions.scoreboard import Scoreboard
    from maze_interp.questions.tables import score_lines
    from maze_interp.results.run_directory import run_directory

    known = load_questions(questions)
    named = [named_resolution(name.strip()) for name in resolution.split(",")] if resolution else None
    board = Scoreboard(
        [load_forecast(forecast_path(name.strip()), known) for name in forecast.split(",")],
        known,
        find_resolutions(known, named),
    )
    figure = forecasts_figure(board.forecasts, known, board.outcomes)
    given = {"forecast": forecast, "resolution": resolution, "questions": questions and str(questions)}
    options = [part for name, value in given.items() if value for part in (f"--{name}", value)]
    with run_directory(out, {"command": "questions score", **given}):
        board.write(out)
        save(figure, out / "forecasts.png")
        write_page(board, shlex.join(["maze-interp", "questions", "score", *options]), out / "page.html")
    show(*score_lines(board))
    print(f"written to {out}")


def questions_readings(out: Path = Path("docs/questions.md"), forecast: str = "nanda-2023") -> None:
    """Write the page on how each question was read: its rule, other defensible ones, and what each gives.

    Args:
        out: The Markdown file.
        forecast: Name of a bundled forecast, or a file, whose score stands at the top.
    """
    from maze_interp.bundled import bundled_path
    from maze_interp.questions.forecasts import forecast_path, load_forecast
    from maze_interp.questions.readings_page import readings_page
    from maze_interp.questions.registry import load_questions
    from maze_interp.questions.resolution_files import find_resolutions
    from maze_interp.questions.scoreboard import Scoreboard
    from maze_interp.results.files import write_whole
    from maze_interp.results.run_directory import check_place

    check_place(out)
    known = load_questions()
    measured = find_resolutions(known, sorted(bundled_path("data", "resolutions").glob("*.yaml")))
    board = Scoreboard([load_forecast(forecast_path(forecast), known)], known, measured)
    print(f"written to {write_whole(out, readings_page(known, measured, board))}")
