"""The command line: `maze-interp`, and `python -m maze_interp`."""

import os
import signal
import sys
from types import FrameType


def run() -> None:
    """Load and run the command line, which can be interrupted while it loads and while it stops, too."""
    before = signal.getsignal(signal.SIGINT)
    try:
        if before is signal.default_int_handler:  # which libraries that are being loaded may pass over
            signal.signal(signal.SIGINT, _stop)
        from maze_interp.commands.main import run as run_command

        signal.signal(signal.SIGINT, before)
        run_command()
    except KeyboardInterrupt:
        print("maze-interp: stopped", file=sys.stderr)
        sys.exit(130)


def _stop(number: int, frame: FrameType | None) -> None:
    """End at once: nothing has been begun."""
    os.write(2, b"maze-interp: stopped\n")
    os._exit(130)


if __name__ == "__main__":
    run()
