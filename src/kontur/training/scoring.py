"""A network in PyTorch as a predictor, and its scores: one confusion matrix over all images, at each image's own size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from ..core.errors import OptionError
from ..core.image import as_image
from ..metrics.confusion import Confusion, SemanticScores
from ..transforms import Compose, Normalise
from .plan import as_network_sees
from .samples import Samples

Predict = Callable[[Any], NDArray[np.integer]]
"""Image -> class indices (H, W)."""


def evaluate(predict: Predict, samples: Samples, *, advance: Callable[[], None] = lambda: None) -> SemanticScores:
    """The scores of `predict` on all samples. Memory does not grow with their number."""
    confusion = Confusion(len(samples.taxonomy), samples.ignore)
    for index in range(len(samples)):
        image, target, _ = samples[index]
        confusion.update(predict(image), target)
        advance()
    return confusion.scores()


class TorchPredictor:
    """Image -> class indices (H, W) uint8 or uint16, logits or probabilities (K, H, W) by a network in eval mode, on its device.

    flips: the mean of the probabilities with those of the mirrored image. scales: factors of the image's size, whose
    probabilities are averaged at its own size. A network with one output has a sigmoid, others a softmax.
    """

    def __init__(
        self,
        network: nn.Module,
        mean: Sequence[float],
        std: Sequence[float],
        *,
        channels: int = 3,
        flips: bool = False,
        scales: Sequence[float] = (1.0,),
        channels_last: bool = True,
    ) -> None:
        self.network, self.channels, self.flips, self.scales = network, channels, flips, tuple(scales)
        self.normalise = Compose([Normalise(mean, std)])
        self.format = torch.channels_last if channels_last else torch.contiguous_format

    def tensor(self, image: Any) -> Tensor:
        """The image as the network takes it, (1, C, H, W) float32, normalised."""
        pixels, _ = self.normalise(as_network_sees(as_image(image), self.channels, "image"))
        return pixels[None]

    def __call__(self, image: Any) -> NDArray[np.integer]:
        scores = self._run(image, self.network if self._one_view else self._averaged)
        best = scores.argmax(dim=1)[0]
        return best.to(torch.uint8 if scores.shape[1] <= 256 else torch.int32).cpu().numpy()

    def logits(self, image: Any) -> NDArray[np.float32]:
        """(K, H, W), of the image as it is."""
        return self._run(image, self.network)[0].cpu().numpy()

    def probabilities(self, image: Any) -> NDArray[np.float32]:
        """(K, H, W) in [0, 1], the mean over all views."""
        return self._run(image, self._averaged)[0].cpu().numpy()

    @property
    def _one_view(self) -> bool:
        return not self.flips and self.scales == (1.0,)

    def detections(self, image: Any) -> tuple[NDArray, NDArray, NDArray, NDArray]:
        """Boxes, labels, scores and small masks by a network of boxes, as `inference.mask_rcnn` takes them.

        Raises OptionError where flips or scales were asked for: boxes are not averaged.
        """
        (found,) = self._run_list(image)
        return _arrays(found)

    def things_and_stuff(self, image: Any) -> tuple[NDArray, NDArray, NDArray, NDArray, NDArray]:
        """The same by Panoptic FPN, and its logits (S + 1, H, W), as `inference.panoptic_fpn` takes them."""
        (found,), (logits,) = self._run_list(image)
        return *_arrays(found), logits.float().cpu().numpy()

    @torch.no_grad()
    def _run_list(self, image: Any) -> Any:
        """What a network that takes lists gives for one of a single image."""
        if self.flips or self.scales != (1.0,):
            raise OptionError(
                "options flips, scales: expected neither with a network of boxes, which has no map to average"
            )
        device = next(self.network.parameters()).device
        training = self.network.training
        self.network.eval()
        try:
            return self.network([self.tensor(image)[0].to(device)])
        finally:
            self.network.train(training)

    @torch.no_grad()
    def _run(self, image: Any, run: Callable[[Tensor], Tensor]) -> Tensor:
        device = next(self.network.parameters()).device
        tensor = self.tensor(image).to(device).contiguous(memory_format=self.format)
        training = self.network.training
        self.network.eval()
        try:
            return run(tensor)
        finally:
            self.network.train(training)

    def _averaged(self, image: Tensor) -> Tensor:
        total: Any = 0.0
        for scale in self.scales:
            size = [max(1, round(side * scale)) for side in image.shape[-2:]]
            scaled = image if scale == 1 else F.interpolate(image, size, mode="bilinear", antialias=scale < 1)
            for flip in (False, True)[: 1 + self.flips]:
                logits = self.network(scaled.flip(-1) if flip else scaled)
                logits = logits.flip(-1) if flip else logits
                if scale != 1:
                    logits = F.interpolate(logits, image.shape[-2:], mode="bilinear", align_corners=False)
                total = total + (logits.sigmoid() if logits.shape[1] == 1 else logits.softmax(dim=1))
        return total / (len(self.scales) * (1 + self.flips))


def _arrays(found: dict[str, Tensor]) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    boxes, labels, scores, masks = (found[key].cpu() for key in ("boxes", "labels", "scores", "masks"))
    return boxes.float().numpy(), labels.numpy(), scores.float().numpy(), masks.float().numpy()
