"""Checks every internal link, picture and anchor of the finished pages; one that leads nowhere is a warning."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup
from sphinx.application import Sphinx
from sphinx.util.logging import getLogger

logger = getLogger(__name__)

PLACES = {"a": "href", "link": "href", "img": "src", "script": "src"}


def check(app: Sphinx, failure: Exception | None) -> None:
    """Warn of each link to a file or an anchor that does not exist."""
    if failure or app.builder.name != "html":
        return
    pages = {app.outdir / app.builder.get_target_uri(name): name for name in app.env.found_docs}
    trees = {page: BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser") for page in pages}
    anchors = {page: {tag["id"] for tag in tree.find_all(id=True)} for page, tree in trees.items()}
    for page, tree in trees.items():
        for tag in tree.find_all(PLACES):
            address = urlsplit(tag.get(PLACES[tag.name]) or "")
            if address.scheme or address.netloc:
                continue
            target = Path(page, "..", unquote(address.path)).resolve() if address.path else page
            lost = target in anchors and address.fragment and unquote(address.fragment) not in anchors[target]
            if lost or not target.exists():
                logger.warning("the link %r leads nowhere", address.geturl(), location=pages[page])


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to the end of a build."""
    app.connect("build-finished", check)
    return {"parallel_read_safe": True}
