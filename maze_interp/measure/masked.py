"""Run a network's second part on activations mixed from two runs."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from maze_interp.measure.evaluate import outputs_of, outputs_on_host
from maze_interp.policies.devices import batch_size
from maze_interp.policies.split import Crossing, Split
from maze_interp.policies.threads import one_thread


@one_thread()
def run_masks(cut: Split, recipient: Crossing, donor: Tensor, masks: Tensor) -> NDArray[np.float64]:
    """Move probabilities and value, float64 `[m, n, 6]`, with the donor's activation where a mask is True.

    The recipient's is elsewhere. `recipient` is what the second part needs of n observations, `donor` the layer's
    output for as many, `[n, ...]`; masks, bool `[m, ...]`, are broadcast over the layer's shape.
    """
    count, device = len(recipient), donor.device
    outputs = []
    together = max(1, batch_size(device) // count)
    for first in range(0, len(masks), together):
        batch = masks[first : first + together].to(device)
        rows = torch.arange(count, device=device).repeat(len(batch))
        picked = recipient.rows(rows)
        mixed = torch.where(batch.repeat_interleave(count, dim=0), donor[rows], picked.activation)
        with torch.no_grad():
            outputs.append(outputs_of(*cut.suffix(picked.with_activation(mixed))))
    return outputs_on_host(outputs).reshape(len(masks), count, 6)
