"""Pictures of mazes, vector fields and sweeps. Functions return a matplotlib `Figure`; `style.save` writes it."""
