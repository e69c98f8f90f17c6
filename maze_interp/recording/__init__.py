"""Activations with their labels over many levels: recorded to sharded HDF5, read back in constant memory."""
