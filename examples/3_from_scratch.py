"""Level 3: a method of your own. Ten lines make it behave like all the others.

    python examples/3_from_scratch.py [PHOTO]        (by default a sample photo of scikit-image)

The decorator turns arrays into an `Image`, checks the options against their ranges, and stamps the result with its
provenance. To make it known by name to `kontur.segment` and the command line, add a row to src/kontur/registry.py.
"""

import sys
from pathlib import Path
from typing import Annotated

import skimage

from kontur import Image, KonturError, Option, Segmentation, overlay, read_image
from kontur.core.method import method
from kontur.io.pictures import write_picture
from kontur.kernels.colour import rgb_to_lab


@method
def unlike_border(
    image: Image,
    *,
    distance: Annotated[float, Option("from the border's mean colour; 100 is black to white", 1, 150)] = 40.0,
) -> Segmentation:
    """The object is what differs in colour from the border of the photo."""
    lab = rgb_to_lab(image.rgb())
    border = [lab[0], lab[-1], lab[:, 0], lab[:, -1]]
    mean = sum(side.sum(axis=0) for side in border) / sum(len(side) for side in border)
    return Segmentation.from_mask(((lab - mean) ** 2).sum(axis=2) > distance**2)


photo = sys.argv[1] if len(sys.argv) > 1 else Path(skimage.__file__).parent / "data" / "coffee.png"
image = read_image(photo)
result = unlike_border(image)
print(result, f"object: {result.foreground.mean():.1%} of the photo, {result.provenance.seconds * 1000:.0f} ms")

# The options are checked without a line of yours.
try:
    unlike_border(image, distance=1000)
except KonturError as error:
    print(f"refused: {error}")

target = Path("demo-out") / "scratch.overlay.png"
write_picture(target, overlay(image, result))
print(f"drawn in {target}")
