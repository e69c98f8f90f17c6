"""`references`: how well reference policies and mixtures of them predict what an agent does."""
