"""The network of the published maze agents (Espeholt et al. 2018, Cobbe et al. 2020)."""

from maze_interp.policies.architectures.impala.network import Impala

__all__ = ["Impala"]
