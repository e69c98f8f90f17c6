"""`resample`: how far the moves change when channels come from another level."""
