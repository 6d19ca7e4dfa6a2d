"""Untrained networks whose numbers are as well behaved as trained ones'."""

from __future__ import annotations

import pytest


def _with_statistics(network, size):
    import torch
    from torchvision.models.resnet import Bottleneck

    for module in network.modules():
        if isinstance(module, Bottleneck):
            torch.nn.init.constant_(module.bn3.weight, 0.2)
    norms = [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    if norms:
        for module in network.modules():  # a channel that is dropped has no variance
            if isinstance(module, torch.nn.Dropout | torch.nn.Dropout2d):
                module.p = 0.0
        for norm in norms:
            norm.momentum = 1.0
        with torch.no_grad():
            network.train()(torch.rand(2, network.channels, *size))
    else:
        for module in network.modules():
            if isinstance(module, torch.nn.Conv2d):
                torch.nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
    return network.eval()


@pytest.fixture
def with_statistics():
    """A function of (network, (H, W)): the network in eval mode, batch norm's statistics from one batch.

    Each bottleneck of a ResNet adds a fifth of what it would: with their whole sums 33 untrained ones amplify float32's rounding
    until PyTorch itself is 2e-3 from its own float64 result. Training starts them small too (Goyal et al., arXiv:1706.02677).
    Networks without batch norm start as He et al. start VGG (arXiv:1502.01852): with PyTorch's own start their logits are all but biases.
    """
    return _with_statistics
