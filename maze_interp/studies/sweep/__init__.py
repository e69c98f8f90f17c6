"""`sweep`: exact behaviour on many levels."""
