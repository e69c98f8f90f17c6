from .activation_maps import activations as activations
from .show import difference as difference
