"""Global thresholds: one number for the whole image, found on its histogram.

    image (H, W[, C]) -> intensity (H, W) -> threshold t -> foreground = intensity > t

Papers, one a function: Otsu 1979; Liao, Chen & Chung 2001 (several levels); Zack, Rogers & Latt 1977 (triangle);
Li & Lee 1993 and Li & Tam 1998 (cross entropy); Yen, Chang & Chang 1995; Ridler & Calvard 1978 (isodata);
Prewitt & Mendelsohn 1966 (minimum).

What is thresholded is `Image.intensity()`: the native values of a one-band image, so that the threshold is in the
image's own units; luma in [0, 1] of RGB; the mean of the scaled bands of any other image. The thresholds equal those of
scikit-image's `filters.threshold_*` on that map; the one found stands in the provenance. In a constant image there is
nothing to separate: every pixel is background.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray

from ..core.image import Image
from ..core.method import method
from ..core.options import Option
from ..core.segmentation import Provenance, Segmentation

Polarity = Annotated[Literal["bright", "dark"], Option("which side of the threshold is the object")]

BINS = 256
"""Bins of the histogram of float images, and of integer images where a method's cost grows with their number."""


@method
def threshold(
    image: Image,
    *,
    value: Annotated[float, Option("threshold on the scaled image, 0 black to 1 white", 0, 1)] = 0.5,
    polarity: Polarity = "bright",
) -> Segmentation:
    """Fixed threshold: brighter than a given value of the image scaled to [0, 1].

    A pixel of exactly `value` is not brighter. How the image was scaled is in the provenance.

    One region on a photo: the photo has no pixel above (or none below) the fixed value.

    Source: Gonzalez & Woods, Digital Image Processing, ch. 10.
    """
    grey = image.grey()
    return _cut(grey, float(np.float32(value)), polarity)


@method
def otsu(image: Image, *, polarity: Polarity = "bright") -> Segmentation:
    """Otsu's threshold: the one with the largest variance between the two classes.

    Float images are counted in 256 bins between their extremes, integer images in one bin a value.

    Source: Otsu, "A Threshold Selection Method from Gray-Level Histograms", IEEE Trans. SMC 9(1), 1979.
    """
    return _found(image, polarity, otsu_threshold)


@method
def multi_otsu(
    image: Image, *, classes: Annotated[int, Option("number of grey classes", 2, 5, "classes")] = 3
) -> Segmentation:
    """Otsu's criterion with several thresholds: one segment a class, darkest first; `split()` gives connected parts.

    Integer images with more than 256 levels are counted in 256 bins, because the search grows with bins^(classes - 1).
    An image with fewer values than classes gets one segment a value.

    Source: Liao, Chen & Chung, "A Fast Algorithm for Multilevel Thresholding", J. Inf. Sci. Eng. 17, 2001.
    """
    values = image.intensity()
    thresholds = multi_otsu_thresholds(values, classes)
    labels = np.digitize(values, thresholds, right=True)
    return _noted(Segmentation.from_labels(labels), f"thresholds {', '.join(f'{t:.9g}' for t in thresholds)}")


@method
def triangle(image: Image, *, polarity: Polarity = "bright") -> Segmentation:
    """Triangle: the histogram bin farthest from the line between its peak and its longer tail's end.

    Source: Zack, Rogers & Latt, "Automatic Measurement of Sister Chromatid Exchange Frequency",
    J. Histochem. Cytochem. 25(7), 1977.
    """
    from skimage.filters import threshold_triangle

    return _found(image, polarity, threshold_triangle)


@method
def li(image: Image, *, polarity: Polarity = "bright") -> Segmentation:
    """Li: the threshold of least cross entropy between the image and its two class means.

    Source: Li & Tam, "An Iterative Algorithm for Minimum Cross Entropy Thresholding",
    Pattern Recognition Letters 18(8), 1998.
    """
    from skimage.filters import threshold_li

    return _found(image, polarity, threshold_li)


@method
def yen(image: Image, *, polarity: Polarity = "bright") -> Segmentation:
    """Yen: the threshold of largest entropic correlation of the two classes.

    Source: Yen, Chang & Chang, "A New Criterion for Automatic Multilevel Thresholding",
    IEEE Trans. Image Processing 4(3), 1995.
    """
    from skimage.filters import threshold_yen

    return _found(image, polarity, threshold_yen)


@method
def isodata(image: Image, *, polarity: Polarity = "bright") -> Segmentation:
    """Isodata: the lowest threshold that lies half way between the means of its two classes.

    Source: Ridler & Calvard, "Picture Thresholding Using an Iterative Selection Method", IEEE Trans. SMC 8(8), 1978.
    """
    from skimage.filters import threshold_isodata

    return _found(image, polarity, threshold_isodata)


@method
def minimum(image: Image, *, polarity: Polarity = "bright") -> Segmentation:
    """Minimum: smooth the histogram until two peaks are left, cut at the valley between them.

    Integer images with more than 256 levels are counted in 256 bins, since smoothing 65,536 bins takes minutes.
    A histogram that never has exactly two peaks has no such valley; Otsu's threshold is taken instead, and the
    provenance says so (scikit-image raises an error there).

    Source: Prewitt & Mendelsohn, "The Analysis of Cell Images", Ann. N.Y. Acad. Sci. 128, 1966.
    """
    from skimage.filters import threshold_minimum

    notes: list[str] = []

    def valley(values: NDArray) -> float:
        try:
            return float(threshold_minimum(_few_levels(values)))
        except RuntimeError:
            notes.append("histogram not bimodal: Otsu's threshold instead")
            return float(otsu_threshold(values))

    result = _found(image, polarity, valley)
    return _noted(result, *notes)


def otsu_threshold(values: NDArray) -> float:
    """The value t of largest variance between the classes <= t and > t; the value itself if there is only one.

    values: any shape, integer (one bin a value) or float (256 bins). Equal to scikit-image's `threshold_otsu` to the
    last digit, for which the counts are float32 as there.
    """
    counts, centres = _histogram(values)
    if len(counts) == 1:
        return float(centres[0])
    counts = counts.astype(np.float32)
    mass = counts * centres
    below, above = np.cumsum(counts), np.cumsum(counts[::-1])[::-1]
    mean_below, mean_above = np.cumsum(mass) / below, np.cumsum(mass[::-1])[::-1] / above
    between = below[:-1] * above[1:] * (mean_below[:-1] - mean_above[1:]) ** 2
    return float(centres[np.argmax(between)])


def multi_otsu_thresholds(values: NDArray, classes: int) -> NDArray[np.float64]:
    """Rising thresholds between the classes; with no more values than classes, all values but the highest."""
    distinct = np.unique(values)
    if len(distinct) <= classes:
        return distinct[:-1].astype(np.float64)
    from skimage.filters import threshold_multiotsu

    try:
        return np.asarray(threshold_multiotsu(_few_levels(values), classes), np.float64)
    except ValueError:  # 256 equal bins hold fewer classes than the values do: a far outlier
        kept = distinct[np.linspace(0, len(distinct) - 1, classes + 1).astype(int)[1:-1]]
        return kept.astype(np.float64)


def _histogram(values: NDArray) -> tuple[NDArray[np.int64], NDArray]:
    """Counts and bin centres, from the lowest to the highest value."""
    flat = values.ravel()
    low, high = flat.min(), flat.max()
    if low == high:
        return np.array([flat.size]), np.array([low])
    if np.issubdtype(values.dtype, np.integer):
        counts = np.bincount(flat)[int(low) :]
        return counts, np.arange(int(low), int(high) + 1)
    counts, edges = np.histogram(flat, BINS)
    return counts, (edges[:-1] + edges[1:]) / 2.0


def _few_levels(values: NDArray) -> NDArray:
    """Integers that span more than 256 levels as floats, which are binned; all else as it is."""
    if np.issubdtype(values.dtype, np.integer) and int(values.max()) - int(values.min()) >= BINS:
        return values.astype(np.float64)
    return values


def _found(image: Image, polarity: str, find: Callable[[NDArray], float]) -> Segmentation:
    values = image.intensity()
    if values.min() == values.max():
        result = Segmentation.from_mask(np.zeros(image.shape, bool))
        return _noted(result, f"constant image ({float(values.flat[0]):g}): all background")
    if values.dtype == np.float32 and np.abs(values).max() > 1e12:
        values = values.astype(np.float64)  # sums of squares would overflow
    return _cut(values, find(values), polarity)


def _cut(values: NDArray, level: float, polarity: str) -> Segmentation:
    # A NumPy float64, so that float32 pixels are not compared with a rounded threshold.
    exact = np.float64(level)
    mask = values > exact if polarity == "bright" else values <= exact
    return _noted(Segmentation.from_mask(mask), f"threshold {float(level):.9g}")


def _noted(result: Segmentation, *notes: str) -> Segmentation:
    """The result with notes added for its provenance; `@method` fills in the rest."""
    before = result.provenance.notes if result.provenance else ()
    return replace(result, provenance=Provenance("", notes=before + notes))
