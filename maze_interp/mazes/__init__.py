"""Maze geometry: squares, walls, shortest paths and distances. Knows nothing of procgen or torch."""
