"""`constructed`: what moving the cheese alone does."""
