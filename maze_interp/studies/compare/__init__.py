"""`compare`: several agents side by side."""
