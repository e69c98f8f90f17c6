"""The page to explore an agent with."""
