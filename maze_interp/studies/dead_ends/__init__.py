"""`dead-ends`: how often an agent goes into branches that hold neither cheese nor corner."""
