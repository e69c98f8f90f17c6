"""Measurements over many levels: spread over processes, streamed to disk, resumed after any stop."""
