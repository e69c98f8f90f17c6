"""Settings of the documentation; `make docs` builds it, and a warning is an error."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from jupyter_client import KernelManager

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "maze-interp"
author = "The maze-interp authors"
copyright = author
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_design",
    "commands",
    "figures",
    "links",
    "public_names",
    "streams",
]
exclude_patterns = ["_build", "_ext"]
nitpicky = False
default_role = "literal"  # what docstrings have in single backticks
smartquotes_action = "qe"  # quotes and ellipses, not dashes: `--layers` is an option

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
nb_execution_mode = "cache"  # a page is run again only if its code changed
nb_execution_timeout = 240
nb_execution_in_temp = True  # what cells write is gone with the folder
nb_execution_raise_on_error = True
nb_merge_streams = True
nb_output_stderr = "remove"  # progress bars
nb_code_prompt_show = "Answer"  # the hidden cells are answers to exercises
nb_code_prompt_hide = "Answer"

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_type_aliases = {"ArrayLike": "ArrayLike"}  # spelt out, it fills lines
napoleon_google_docstring = True
napoleon_use_rtype = False
napoleon_use_ivar = True
napoleon_attr_annotations = False

html_theme = "pydata_sphinx_theme"
html_title = "maze-interp"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["enlarge.js", "wide_tables.js"]
html_show_sourcelink = False
html_show_search_summary = False  # a page opened from the disk cannot fetch what it would show
html_context = {"default_mode": "auto"}  # light or dark as the reader's system
html_sidebars = {name: [] for name in ("index", "explorer", "agents", "engineering")}  # pages without pages below
html_theme_options = {
    "show_prev_next": True,
    "navbar_end": ["theme-switcher"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": {name: ["page-toc"] for name in ("index", "engineering", "tutorials/*", "reference/*")},
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}

# Notebook cells run commands of this installation.
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
os.environ["OMP_NUM_THREADS"] = "1"
KernelManager.transport_encryption.default_value = "auto"  # unencrypted, a kernel warns
