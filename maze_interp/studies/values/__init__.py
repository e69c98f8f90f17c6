"""`values`: how often the most probable move leads to the state that the value head rates highest."""
