"""Level 2: the parts. Call the methods you choose yourself, tell one what you want, draw and export.

python examples/2_parts.py [PHOTO]        (by default a sample photo of scikit-image)
"""

import sys
from pathlib import Path

import numpy as np
import skimage

from kontur import Prompts, read_image
from kontur.classical.kmeans import kmeans
from kontur.classical.mean_shift import mean_shift
from kontur.classical.pixel_forest import pixel_forest
from kontur.classical.thresholds import otsu
from kontur.draw import contact_sheet, mean_colour, overlay
from kontur.io.geojson import write_geojson
from kontur.io.labels import write_labels
from kontur.io.pictures import write_picture
from kontur.superpixels.slic import slic

photo = sys.argv[1] if len(sys.argv) > 1 else Path(skimage.__file__).parent / "data" / "chelsea.png"
out = Path("demo-out")

# Read once, use many times: an Image knows its bands, its path and how its values are scaled.
image = read_image(photo)
print(f"{image.width}x{image.height} pixels, bands {', '.join(image.bands)}, scaling {image.scaling}")

# Every method is a function of its own, with its options as keywords.
results = {
    "otsu": otsu(image),
    "kmeans in HSV": kmeans(image, clusters=4, space="hsv"),
    "mean shift": mean_shift(image, spatial=6, colour=6, smallest=200),
    "superpixels": slic(image, segments=150),
}

# Prompts say what you mean: 1 is background, 2 the first object, 3 the next one.
marks = np.zeros(image.shape, int)
height, width = image.shape
marks[height // 4 :, width * 15 // 16] = 1
marks[:, width // 2] = marks[height // 2, width // 8 : width * 3 // 4] = 2
results["forest from strokes"] = forest = pixel_forest(image, Prompts.of(scribbles=marks))
print(f"the forest took {forest.foreground.mean():.1%} of the photo for the object")

# Draw: over the photo, as mean colours, and all side by side.
write_picture(out / "parts.overlay.png", overlay(image, results["mean shift"], opacity=0.35))
write_picture(out / "parts.mean.png", mean_colour(image, results["superpixels"]))
write_picture(out / "parts.sheet.png", contact_sheet(image, results, columns=3))

# Export: ids as a 16-bit PNG, and outlines for maps; a polygon loses a little, and says how much.
write_labels(out / "parts.labels.png", results["superpixels"].ids)
loss = write_geojson(out / "parts.geojson", results["superpixels"], image)
print(f"wrote {len(list(out.glob('parts.*')))} files to {out}; the outlines lose {loss:.2%} of the masks")
