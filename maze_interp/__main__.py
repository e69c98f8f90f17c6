"""`python -m maze_interp` is the command line."""

from maze_interp.commands.main import run

run()
