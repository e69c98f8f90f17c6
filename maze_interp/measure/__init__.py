"""What a policy does in a maze, exactly: vector fields, and the Markov chain over (square, facing)."""
