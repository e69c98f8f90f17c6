"""Pictures: `difference` and `activations` for notebooks, and the parts that studies and reports are drawn from.

Of the latter, functions return a matplotlib `Figure`, which `style.save` writes. Names are imported on first use.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
