"""`vectors`: what the cheese and the top-right vector do when they are added to the activations."""
