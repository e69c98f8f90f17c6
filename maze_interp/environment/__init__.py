"""procgen's maze: its saved states, its levels, its pictures, and a Gymnasium environment."""
