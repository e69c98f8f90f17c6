"""Sections of the former report; goes with the last study that is still to be rebuilt."""
