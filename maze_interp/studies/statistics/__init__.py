"""`statistics`: what predicts over levels whether an agent takes the cheese."""
