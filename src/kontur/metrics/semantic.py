"""Semantic segmentation over folders: one class id a pixel, files paired by relative name, one confusion matrix.

truth and prediction folders --pair by name--> Confusion of each pair --add--> Evaluation
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core.errors import InputError, OptionError
from ..core.taxonomy import Taxonomy
from ..io.labels import read_labels
from . import label_forms as forms
from .confusion import Confusion, Margins, SemanticScores, protocol_of
from .evaluation import Evaluation, ImageScores, Resampling, Table, gather
from .streaming import LABEL_SUFFIXES, Pair, Progress, pair_files, visible_files

TOTALS = ("pixel_accuracy", "mean_accuracy", "mean_iou", "frequency_weighted_iou")
_COLUMNS = ("iou", "accuracy", "precision", "recall", "dice")


def evaluate_semantic(
    truth_dir: Path | str,
    prediction_dir: Path | str,
    classes: int | None = None,
    ignore: int | None = 255,
    *,
    taxonomy: Taxonomy | None = None,
    allow_missing: bool = False,
    csv: bool = False,
    worst: int = 0,
    bootstrap: int = 0,
    seed: int = 0,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Score the label files (one class id a pixel) of prediction_dir by those of truth_dir, paired by relative name.

    prediction_dir: of a folder of `kontur segment` its category maps (.categories.png, .categories.tif) are taken, or
                    its segment ids (.labels.*) by the categories that the JSON beside them tells.
    classes:   K, ids 0..K-1. May be left out with a taxonomy, whose ids may be any and whose ignore id is then used.
    csv:       keep the scores of each image.   worst: keep the N images of the lowest mean IoU.
    bootstrap: number of resamplings over images for 95 % intervals of the four totals, drawn with `seed`.

    Of the result, `scores` are the SemanticScores. Raises InputError for missing counterparts (both lists), sizes that
    differ, colours, truth ids outside the classes (file, value, pixels). With allow_missing a truth without prediction
    counts as missed everywhere.
    """
    ids, names, ignore = _categories(classes, ignore, taxonomy)
    plain = ids == tuple(range(len(ids)))
    coded_ignore = ignore if plain or ignore is None else len(ids)
    form = _prediction_form(Path(prediction_dir))
    read = forms.categories if form == forms.KONTUR_LABELS else read_labels
    pairing = pair_files(
        truth_dir,
        prediction_dir,
        truth_suffixes=forms.form_of(truth_dir, [forms.KONTUR_CATEGORIES], LABEL_SUFFIXES),
        prediction_suffixes=form,
        allow_missing=allow_missing,
    )

    def measure(pair: Pair) -> tuple[ImageScores, Confusion]:
        truth = _read_truth(pair.truth, ids, ignore)
        if pair.prediction is None:
            prediction: NDArray = np.full(truth.shape, -1, np.int16)
        else:
            prediction = read(pair.prediction)
            prediction = prediction if plain else _positions(prediction, ids)
        one = Confusion(len(ids), coded_ignore)
        try:
            one.update(prediction, truth)
        except InputError as error:
            raise InputError(f"{pair.truth}: {error}") from None
        margins = one.light()
        numbers = {"pixels": int(margins.truth.sum()), "unpredicted": int(one.unpredicted.sum())}
        return ImageScores(pair.name, {**numbers, **_totals(margins)}), one

    total, per_image, intervals = gather(
        pairing.pairs, measure, Confusion(len(ids), coded_ignore), _totals,
        keep=Resampling(csv, worst, bootstrap, seed), by="mean_iou", threads=threads, progress=progress,
    )  # fmt: skip
    protocol = protocol_of(len(ids) if plain else f"the {len(ids)} ids of the taxonomy", ignore)
    scores = replace(total.scores(), protocol=protocol, ids=ids, names=names)
    values = {key: value for key, value in scores.to_dict().items() if key != "protocol"}
    missed = int(scores.unpredicted.sum())
    notes = (f"{missed} pixels are predicted as no class; they are counted as misses",) if missed else ()
    return Evaluation(
        protocol, _tables(scores, len(pairing)), values, len(pairing), pairing.missing, notes,
        per_image, intervals, scores, told=("protocol",),
    )  # fmt: skip


def _totals(margins: Margins) -> dict[str, float]:
    scores = margins.scores()
    return {key: scores[key] for key in TOTALS}


def _tables(scores: SemanticScores, images: int) -> tuple[Table, Table]:
    rows = [
        (i, n, *(float(getattr(scores, c)[k]) for c in _COLUMNS))
        for k, (i, n) in enumerate(zip(scores.ids, scores.names))
    ]
    names = ("pixel accuracy", "mean accuracy", "mean IoU", "frequency-weighted IoU")
    totals = (images, *(getattr(scores, key) for key in TOTALS))
    return Table(("id", "class", *_COLUMNS), tuple(rows)), Table(("images", *names), (totals,))


def _prediction_form(folder: Path) -> tuple[str, ...]:
    form = forms.form_of(folder, [forms.KONTUR_CATEGORIES, forms.KONTUR_LABELS], LABEL_SUFFIXES)
    if form == forms.KONTUR_LABELS and not any(
        forms.document_of(path) for path in visible_files(folder) if path.name.endswith(form)
    ):
        return LABEL_SUFFIXES  # files of another program that are named alike
    return form


def _categories(
    classes: int | None, ignore: int | None, taxonomy: Taxonomy | None
) -> tuple[tuple[int, ...], tuple[str, ...], int | None]:
    """Ids and names in the order of the matrix, and the ignore id."""
    if taxonomy is None:
        if classes is None:
            raise OptionError("classes: expected the number of classes, or a taxonomy, got neither")
        count = Confusion(classes, ignore).classes
        return tuple(range(count)), tuple(map(str, range(count))), ignore
    if classes is not None and classes != len(taxonomy):
        raise OptionError(f"classes: expected {len(taxonomy)}, the number of the taxonomy's categories, got {classes}")
    ordered = sorted(taxonomy, key=lambda c: c.id)
    return tuple(c.id for c in ordered), tuple(c.name for c in ordered), taxonomy.ignore


def _read_truth(path: Path, ids: tuple[int, ...], ignore: int | None) -> NDArray:
    """A truth file in positions 0..K-1 of `ids`, ignored pixels as K."""
    pixels = read_labels(path)
    if ids == tuple(range(len(ids))):  # positions are ids, and Confusion checks them
        return pixels
    coded = _positions(pixels, ids)
    ignored = np.zeros(pixels.shape, bool) if ignore is None else pixels == ignore
    foreign = (coded < 0) & ~ignored
    if foreign.any():
        values, numbers = np.unique(pixels[foreign], return_counts=True)
        shown = ", ".join(f"{v} ({n} pixels)" for v, n in zip(values[:8], numbers[:8]))
        raise InputError(f"{path}: truth ids: expected those of the taxonomy or ignore {ignore}, got {shown}")
    coded[ignored] = len(ids)
    return coded


def _positions(pixels: NDArray, ids: tuple[int, ...]) -> NDArray[np.int32]:
    """The position of each value in `ids`, -1 where it is not there."""
    table = np.full(max(ids) + 2, -1, np.int32)
    table[list(ids)] = np.arange(len(ids))
    known = (pixels >= 0) & (pixels <= max(ids))
    return table[np.where(known, pixels, max(ids) + 1)]
