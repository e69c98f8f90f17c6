"""Making agents."""
