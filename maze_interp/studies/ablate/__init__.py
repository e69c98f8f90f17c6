"""`ablate`: the effect of every channel of some layers, ablated one at a time."""
