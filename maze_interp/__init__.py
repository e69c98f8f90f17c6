"""maze-interp: understand and change a maze-solving reinforcement-learning agent.

Names are imported from their modules on first use, so that `import maze_interp` and the command
line start at once. They are listed in `__init__.pyi`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
