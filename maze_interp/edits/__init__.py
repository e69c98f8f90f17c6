"""Changes to a layer's output: frozen, comparable, and accepted wherever a policy is measured."""

from maze_interp.edits.base import Bound, Edit, applied, bind
from maze_interp.edits.files import load, save
from maze_interp.edits.kinds import Add, Mean, Resample, Scale, SetPixel, Zero
from maze_interp.edits.observations import Observations

__all__ = [
    "Add",
    "Bound",
    "Edit",
    "Mean",
    "Observations",
    "Resample",
    "Scale",
    "SetPixel",
    "Zero",
    "applied",
    "bind",
    "load",
    "save",
]
