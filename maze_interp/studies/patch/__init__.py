"""`patch`: activations taken from a maze that differs in one thing, and the fewest that have the effect."""
