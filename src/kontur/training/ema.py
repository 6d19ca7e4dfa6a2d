"""An exponential moving average of a network's weights, Polyak & Juditsky, SIAM J. Control Optim. 30(4), 1992."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Average:
    """average = d average + (1 - d) weights, for parameters and float buffers (batch norm's statistics); others are copied.

    d = min(decay, (1 + n) / (10 + n)) at update n = 0, 1, .., so that the first weights are soon forgotten.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay, self.updates = decay, 0
        self.state = {key: value.detach().clone() for key, value in module.state_dict().items()}

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        self.updates += 1
        averages: list[Tensor] = []
        weights: list[Tensor] = []
        for key, value in module.state_dict().items():
            if value.is_floating_point():
                averages.append(self.state[key])
                weights.append(value)
            else:
                self.state[key].copy_(value)
        torch._foreach_lerp_(averages, weights, 1 - decay)
