"""Joins the pieces in which a cell's printed text arrives, as they were printed.

myst-nb ends every piece with a newline, but the pieces of a shell cell end in the middle of words.
"""

from __future__ import annotations

from typing import Any

from myst_nb.core import render
from nbformat import NotebookNode
from sphinx.application import Sphinx


def joined(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """The outputs with one for all that was printed to the same stream, in the place of its first piece."""
    kept: list[NotebookNode] = []
    streams: dict[str, NotebookNode] = {}
    for output in outputs:
        if output["output_type"] != "stream":
            kept.append(output)
        elif output["name"] in streams:
            streams[output["name"]]["text"] += output["text"]
        else:
            streams[output["name"]] = NotebookNode(output)
            kept.append(streams[output["name"]])
    return kept


def setup(app: Sphinx) -> dict[str, Any]:
    """Use it in place of myst-nb's own."""
    render.coalesce_streams = joined
    return {"parallel_read_safe": True}
