"""What predicts cheese-getting over levels: regressions, curves over distance and layout, from a finished sweep."""
