"""Fully connected conditional random field: every pixel speaks to every other, by Gaussians of place and colour.

Paper: Krähenbühl & Koltun, "Efficient Inference in Fully Connected CRFs with Gaussian Edge Potentials", NIPS 2011,
arXiv:1210.5644:

    probabilities (K, H, W) + image -> mean field: message (two lattices) -> Potts -> softmax, repeated -> probabilities

Differs from the paper: kernels are normalised symmetrically, D^(-1/2) K D^(-1/2), as in the authors' later code, and a
pixel's message to itself stays in, as there. Colour models of the method (Gaussians of box, seeds or k-means) are ours.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from ..core.errors import InputError, OptionError, PromptError
from ..core.image import Image, as_image
from ..core.method import method
from ..core.options import Option
from ..core.prompts import Prompts
from ..core.segmentation import BACKGROUND, Segmentation

_CERTAIN = 1e-4  # probability left to the other labels at a pixel that a person marked
_SAMPLE = 8_000  # pixels a colour model is fitted to


@method
def dense_crf(
    image: Image,
    prompts: Prompts | None = None,
    *,
    labels: Annotated[int, Option("number of colour classes when there are no prompts", 2, 64, "classes")] = 6,
    iterations: Annotated[int, Option("mean-field steps", 0, 1000)] = 10,
    sxy: Annotated[float, Option("reach of the colour kernel", 0.1, 10_000, "pixels")] = 80.0,
    srgb: Annotated[float, Option("colour difference that counts, of 255", 0.1, 1000)] = 13.0,
    weight: Annotated[float, Option("weight of the colour kernel", 0, 1000)] = 10.0,
    smooth_sxy: Annotated[float, Option("reach of the smoothness kernel", 0.1, 10_000, "pixels")] = 3.0,
    smooth_weight: Annotated[float, Option("weight of the smoothness kernel", 0, 1000)] = 3.0,
    seed: Annotated[int, Option("random seed of the colour models", 0)] = 0,
) -> Segmentation:
    """Label pixels by colour models, made coherent by a fully connected CRF.

    With seeds, each label gets five Gaussians of its marked colours. With boxes, the outside is background, each box
    one more object, and models and labels are improved in turn, three times. Without prompts, `labels` k-means colours
    compete and each becomes a segment. Any number of bands, scaled to 0..255. Seeds of fewer than two labels (a box
    counts as background and object), or a box that leaves no background, raise PromptError.
    """
    colours = image.unit().reshape(image.height * image.width, image.channels) * np.float32(255)
    rng = np.random.default_rng(seed)

    def refined(probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
        return refine_probabilities(
            probabilities, image, iterations=iterations, sxy=sxy, srgb=srgb, weight=weight,
            smooth_sxy=smooth_sxy, smooth_weight=smooth_weight,
        )  # fmt: skip

    if prompts is None:
        soft = _soft_clusters(colours, labels, rng)
        return Segmentation.from_labels(refined(soft.reshape(-1, *image.shape)).argmax(axis=0))
    names, allowed, marked = _possible(prompts, image.shape)
    state = marked.copy()
    for _ in range(3 if prompts.boxes else 1):
        probabilities = _posterior(colours, state.ravel(), len(names), rng).reshape(-1, *image.shape)
        probabilities[~allowed] = _CERTAIN
        probabilities /= probabilities.sum(axis=0)
        state = refined(probabilities).argmax(axis=0).astype(np.int32)
        state = np.where(allowed[state, np.arange(image.height)[:, None], np.arange(image.width)], state, 0)
    return Segmentation.from_ids(names[state], background=BACKGROUND if names[0] == BACKGROUND else None)


def refine_probabilities(
    probabilities: NDArray,
    image: Image | NDArray,
    *,
    iterations: int = 10,
    sxy: float = 80.0,
    srgb: float = 13.0,
    weight: float = 10.0,
    smooth_sxy: float = 3.0,
    smooth_weight: float = 3.0,
) -> NDArray[np.float32]:
    """Make any probability map follow the image: the CRF's marginals, in the layout of the input, float32.

    probabilities: (K, H, W) or (H, W, K), finite, not negative; each pixel is scaled to sum 1 (all zero: uniform).
                   If both layouts fit, (K, H, W) is meant.
    image:         (H, W) or (H, W, C), any number of bands, scaled to 0..255.
    sxy, srgb, weight:          the colour kernel exp(-|Δp|²/2 sxy² - |ΔI|²/2 srgb²), pixels and grey levels of 255.
    smooth_sxy, smooth_weight:  the kernel of place alone. A weight of 0 leaves a kernel out.

    Raises InputError for shapes that do not fit or values that are no probabilities, OptionError for a scale <= 0.
    """
    from ..kernels.mean_field import as_energies, many_labels, two_labels

    image = as_image(image)
    for name, value in {"sxy": sxy, "srgb": srgb, "smooth_sxy": smooth_sxy}.items():
        if not (np.isfinite(value) and value > 0):
            raise OptionError(f"option {name}: expected a number above 0, got {value!r}")
    for name, value in {"weight": weight, "smooth_weight": smooth_weight, "iterations": iterations}.items():
        if not (np.isfinite(value) and value >= 0):
            raise OptionError(f"option {name}: expected a number of 0 or more, got {value!r}")
    values, labels_first = _planes(probabilities, image.shape)
    count = values.shape[0]
    if count == 1:
        return np.ones(np.shape(probabilities), np.float32)
    near = _kernel(_places(image.shape, smooth_sxy), smooth_weight)
    far = _kernel(_places_and_colours(image, sxy, srgb), weight)
    # Whole vector registers; the labels that fill them up are impossible.
    width = 2 if count == 2 else -(-count // 8) * 8
    energies = as_energies(values.reshape(count, -1), width)
    if count == 2:
        second = two_labels(energies[:, 0] - energies[:, 1], *near, *far, int(iterations))
        planes = np.stack([1 - second, second])
    else:
        many_labels(energies, *near, *far, int(iterations))
        planes = np.ascontiguousarray(energies[:, :count].T)
    planes = planes.reshape(count, *image.shape)
    return planes if labels_first else np.ascontiguousarray(np.moveaxis(planes, 0, -1))


def _planes(probabilities: NDArray, shape: tuple[int, int]) -> tuple[NDArray[np.float32], bool]:
    """Checked and as (K, H, W) float32; and whether they came that way."""
    given = np.asarray(probabilities)
    numeric = given.dtype.kind in "fiub"
    if numeric and given.ndim == 3 and given.size and given.shape[1:] == shape:
        planes, labels_first = given, True
    elif numeric and given.ndim == 3 and given.size and given.shape[:2] == shape:
        planes, labels_first = np.moveaxis(given, -1, 0), False
    else:
        raise InputError(
            f"probabilities: expected numbers (K, {shape[0]}, {shape[1]}) or ({shape[0]}, {shape[1]}, K) "
            f"for this image, got {given.dtype} {given.shape}"
        )
    planes = np.ascontiguousarray(planes, np.float32)
    low, high = float(planes.min()), float(planes.max())
    if not (low >= 0 and high < np.inf):
        raise InputError(
            f"probabilities: expected finite values of 0 or more, got {low:g}..{high:g}. "
            "Apply a softmax to logits first."
        )
    return planes, labels_first


def _places(shape: tuple[int, int], sxy: float) -> NDArray[np.float32]:
    rows, columns = np.indices(shape, np.float32).reshape(2, -1) / np.float32(sxy)
    return np.stack([columns, rows], axis=1)


def _places_and_colours(image: Image, sxy: float, srgb: float) -> NDArray[np.float32]:
    colours = image.unit().reshape(image.height * image.width, image.channels) * np.float32(255 / srgb)
    return np.concatenate([_places(image.shape, sxy), colours], axis=1)


def _kernel(features: NDArray[np.float32], weight: float) -> tuple[NDArray, NDArray, NDArray]:
    """Corners, weights and neighbours of the lattice, normalised and scaled by the kernel's weight."""
    from ..kernels.mean_field import norms
    from ..kernels.permutohedral import Lattice

    if weight == 0:
        return (
            np.empty((len(features), 0), np.int32),
            np.empty((len(features), 0), np.float32),
            np.empty((0, 0, 2), np.int32),
        )
    lattice = Lattice.of(features)
    norms(lattice.corners, lattice.neighbours, lattice.weights, np.float32(weight))
    return lattice.corners, lattice.weights, lattice.neighbours


# --- colour models of the method ------------------------------------------------------------------------------------


def _possible(
    prompts: Prompts, shape: tuple[int, int]
) -> tuple[NDArray[np.int32], NDArray[np.bool_], NDArray[np.int32]]:
    """The K labels' ids, which of them each pixel may have (K, H, W), and where colours are learnt: index (H, W), -1 = nowhere."""
    seeds = prompts.seeds(shape)
    first_box = int(seeds.max(initial=1)) + 1
    used = [int(v) for v in np.unique(seeds) if v]
    names = sorted(
        {*used, *(first_box + i for i in range(len(prompts.boxes))), *([BACKGROUND] if prompts.boxes else [])}
    )
    if len(names) < 2:
        raise PromptError(
            f"seeds: expected at least two labels, got only label {names[0]}. Mark background (1) and objects (2..)."
        )
    index = {name: k for k, name in enumerate(names)}
    allowed = np.ones((len(names), *shape), bool)
    learn = np.full(shape, -1, np.int32)
    if prompts.boxes:
        learn[:] = index[BACKGROUND]
        for i, (x0, y0, x1, y1) in enumerate(prompts.boxes):
            outside = np.ones(shape, bool)
            outside[y0:y1, x0:x1] = False
            allowed[index[first_box + i]] &= ~outside
            learn[y0:y1, x0:x1] = index[first_box + i]
        if not (learn == index[BACKGROUND]).any() and BACKGROUND not in used:
            raise PromptError(
                "box: expected background around it, got boxes that cover the whole image. Draw a smaller box."
            )
        for name in used:
            if name != BACKGROUND:
                allowed[index[name]] &= (learn != index[BACKGROUND]) | (seeds == name)
    for name in used:
        here = seeds == name
        learn[here] = index[name]
        allowed[:, here] = False
        allowed[index[name], here] = True
    return np.array(names, np.int32), allowed, learn


def _posterior(
    colours: NDArray[np.float32], labels: NDArray[np.int32], count: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """(K, N) probabilities of each pixel's colour under the labels' Gaussian mixtures, equal priors."""
    from ..kernels.colour_models import first_model

    planes = np.ascontiguousarray(colours.T)
    scores = np.full((count, len(colours)), -1e4, np.float32)
    for k in range(count):
        members = np.flatnonzero(labels == k)
        if members.size:
            # At least three grey levels wide in every band.
            scores[k] = -first_model(planes[:, members], 5, 9.0, rng).costs(planes)[0]
    scores -= scores.max(axis=0)
    np.exp(scores, out=scores)
    scores += np.float32(1e-3)  # no colour is impossible: the CRF decides where models are sure by accident
    return scores / scores.sum(axis=0)


def _soft_clusters(colours: NDArray[np.float32], count: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """(K, N): each pixel shared among k-means colours by its distance, by Gaussians as wide as the clusters are."""
    centres = _centres(colours if len(colours) <= _SAMPLE else rng.choice(colours, _SAMPLE, replace=False), count, rng)
    away = np.stack([((colours - centre) ** 2).sum(axis=1) for centre in centres])
    width = max(float(away.min(axis=0).mean()) / colours.shape[1], 1.0)
    soft = np.exp(-(away - away.min(axis=0)) / np.float32(2 * width))
    return soft / soft.sum(axis=0)


def _centres(sample: NDArray[np.float32], count: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """At most `count` k-means centres (k, C), none without pixels: far-apart starts, ten rounds of Lloyd."""
    centres = sample[rng.integers(len(sample))][None]
    nearest = ((sample - centres[0]) ** 2).sum(axis=1)
    while len(centres) < count and nearest.max() > 0:
        pick = sample[rng.choice(len(sample), p=nearest.astype(np.float64) / nearest.sum(dtype=np.float64))]
        centres = np.concatenate([centres, pick[None]])
        nearest = np.minimum(nearest, ((sample - pick) ** 2).sum(axis=1))
    for _ in range(10):
        owner = np.stack([((sample - centre) ** 2).sum(axis=1) for centre in centres]).argmin(axis=0)
        centres = np.stack([sample[owner == k].mean(axis=0) for k in np.unique(owner)])
    return centres
