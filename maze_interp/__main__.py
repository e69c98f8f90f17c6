"""The command line: `maze-interp`, and `python -m maze_interp`."""

import sys


def run() -> None:
    """Load and run the command line, which can be interrupted while it loads and while it stops, too."""
    try:
        from maze_interp.commands.main import run as run_command

        run_command()
    except KeyboardInterrupt:
        print("maze-interp: stopped", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    run()
