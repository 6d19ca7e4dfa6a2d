"""The loops of COCO's average precision: masks as runs, their IoU, greedy matching, precision at fixed recalls.

Masks of many objects lie one after the other: object n has the runs offsets[n]..offsets[n + 1] of (R, 2) int32, first
pixel and one past the last, counted down the columns.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True, nogil=True)
def decode_runs(text: NDArray, ends: NDArray, pixels: NDArray, runs: NDArray, offsets: NDArray) -> np.int64:
    """COCO's compressed counts of N masks, all texts in one, to runs. Returns -1, or the number of the first bad mask.

    text: (M,) uint8. ends: (N,) int64, where each text stops. pixels: (N,) int64, H·W of each.
    runs: (M // 2 + 1, 2) int32 and offsets: (N + 1,) int64 are filled.
    """
    at = np.int64(0)
    found = np.int64(0)
    offsets[0] = 0
    for n in range(ends.size):
        place = np.int64(0)
        before, last = np.int64(0), np.int64(0)  # the count before the last one, and the last one
        number = np.int64(0)
        while at < ends[n]:
            value, shift = np.int64(0), np.int64(0)
            while True:
                if at >= ends[n] or shift > 30:
                    return np.int64(n)
                code = np.int64(text[at]) - 48
                if code < 0 or code > 63:
                    return np.int64(n)
                at += 1
                value |= (code & 31) << shift
                shift += 5
                if not code & 32:
                    if code & 16:
                        value -= np.int64(1) << shift
                    break
            if number > 2:
                value += before
            if value < 0 or place + value > pixels[n]:
                return np.int64(n)
            if number & 1 and value > 0:
                runs[found, 0] = place
                runs[found, 1] = place + value
                found += 1
            place += value
            before, last = last, value
            number += 1
        if place != pixels[n]:
            return np.int64(n)
        offsets[n + 1] = found
    return np.int64(-1)


@njit(cache=True, nogil=True)
def measure_runs(runs: NDArray, offsets: NDArray, heights: NDArray, areas: NDArray, boxes: NDArray) -> None:
    """areas (N,) and boxes (N, 4) float64, x, y, width, height, of masks `heights` (N,) pixels high; 0 when empty."""
    for n in range(heights.size):
        high = heights[n]
        area = np.int64(0)
        top, bottom = high, np.int64(-1)
        for r in range(offsets[n], offsets[n + 1]):
            first, last = np.int64(runs[r, 0]), np.int64(runs[r, 1]) - 1
            area += last + 1 - first
            if first // high != last // high:
                top, bottom = np.int64(0), high - 1
            else:
                top, bottom = min(top, first % high), max(bottom, last % high)
        areas[n] = area
        if area:
            left = np.int64(runs[offsets[n], 0]) // high
            right = (np.int64(runs[offsets[n + 1] - 1, 1]) - 1) // high
            boxes[n, 0], boxes[n, 1] = left, top
            boxes[n, 2], boxes[n, 3] = right - left + 1, bottom - top + 1


@njit(cache=True, nogil=True)
def _common(a: NDArray, a_from: np.int64, a_to: np.int64, b: NDArray, b_from: np.int64, b_to: np.int64) -> np.int64:
    """Pixels that two masks share; run lists are walked side by side."""
    common = np.int64(0)
    while a_from < a_to and b_from < b_to:
        start = max(a[a_from, 0], b[b_from, 0])
        end = min(a[a_from, 1], b[b_from, 1])
        if end > start:
            common += end - start
        if a[a_from, 1] < b[b_from, 1]:
            a_from += 1
        else:
            b_from += 1
    return common


@njit(cache=True, nogil=True)
def _box_iou(a: NDArray, b: NDArray, crowd: np.bool_) -> np.float64:
    wide = min(a[2] + a[0], b[2] + b[0]) - max(a[0], b[0])
    high = min(a[3] + a[1], b[3] + b[1]) - max(a[1], b[1])
    if wide <= 0 or high <= 0:
        return np.float64(0.0)
    common = wide * high
    own = a[2] * a[3]
    return common / (own if crowd else own + b[2] * b[3] - common)


@njit(cache=True, nogil=True)
def match(
    found_groups: NDArray,
    true_groups: NDArray,
    masks: np.bool_,
    found_runs: NDArray,
    found_offsets: NDArray,
    found_mask_areas: NDArray,
    found_boxes: NDArray,
    found_areas: NDArray,
    true_runs: NDArray,
    true_offsets: NDArray,
    true_mask_areas: NDArray,
    true_boxes: NDArray,
    true_areas: NDArray,
    crowd: NDArray,
    named: NDArray,
    thresholds: NDArray,
    ranges: NDArray,
    matched: NDArray,
    ignored: NDArray,
) -> None:
    """Match the detections of each (image, category) group to its objects, best score first, as COCO's scorer does.

    found_groups, true_groups: (G + 1,) int64; group g has the detections found_groups[g]..found_groups[g + 1], in falling
    order of score, and likewise the objects. masks: IoU of masks (else of boxes).
    *_mask_areas (N,) int64: of the runs; *_areas (N,) float64: what the area ranges (A, 2) are compared with.
    crowd, named (N,) bool of the objects: an object without a name (id 0) takes a detection but counts as none.
    matched, ignored: (A, T, D) bool, filled.
    """
    for g in range(found_groups.size - 1):
        d0, d1 = found_groups[g], found_groups[g + 1]
        t0, t1 = true_groups[g], true_groups[g + 1]
        if d0 == d1:
            continue
        iou = np.zeros((d1 - d0, t1 - t0))
        for d in range(d0, d1):
            for t in range(t0, t1):
                value = _box_iou(found_boxes[d], true_boxes[t], crowd[t])
                if masks and value > 0:
                    common = _common(
                        found_runs,
                        found_offsets[d],
                        found_offsets[d + 1],
                        true_runs,
                        true_offsets[t],
                        true_offsets[t + 1],
                    )
                    own = found_mask_areas[d]
                    union = own if crowd[t] else own + true_mask_areas[t] - common
                    value = common / union if common else 0.0
                iou[d - d0, t - t0] = value
        order = np.empty(t1 - t0, np.int64)
        taken = np.empty(t1 - t0, np.bool_)
        outside = np.empty(t1 - t0, np.bool_)
        for area in range(ranges.shape[0]):
            low, high = ranges[area, 0], ranges[area, 1]
            counted = 0
            for t in range(t0, t1):
                outside[t - t0] = crowd[t] or true_areas[t] < low or true_areas[t] > high
                if not outside[t - t0]:
                    order[counted] = t - t0
                    counted += 1
            place = counted
            for t in range(t1 - t0):
                if outside[t]:
                    order[place] = t
                    place += 1
            for k in range(thresholds.size):
                taken[:] = False
                for d in range(d0, d1):
                    best, choice = min(thresholds[k], 1 - 1e-10), np.int64(-1)
                    for o in range(t1 - t0):
                        t = order[o]
                        if taken[t] and not crowd[t0 + t]:
                            continue
                        if choice >= 0 and o >= counted and not outside[choice]:
                            break  # a counted object is preferred to those outside the range
                        if iou[d - d0, t] < best:
                            continue
                        best, choice = iou[d - d0, t], t
                    if choice >= 0:
                        taken[choice] = True
                        ignored[area, k, d] = outside[choice]
                        matched[area, k, d] = named[t0 + choice]
                    if not matched[area, k, d] and (found_areas[d] < low or found_areas[d] > high):
                        ignored[area, k, d] = True


@njit(cache=True, nogil=True)
def precision_recall(
    matched: NDArray,
    ignored: NDArray,
    order: NDArray,
    rank: NDArray,
    weight: NDArray,
    most: np.int64,
    positives: np.float64,
    recalls: NDArray,
    precision: NDArray,
) -> np.float64:
    """Precision at fixed recalls, and the last recall, of one category at one threshold and area range.

    matched, ignored: (D,) bool. order: (N,) its detections, best score first. rank: (D,) place within its image; those
    of `most` or more do not count. weight: (D,) float64. positives: weight of the objects to be found, not 0.
    recalls: (R,) rising. precision: (R,), filled.
    """
    n = order.size
    reached = np.empty(n)
    exact = np.empty(n)
    hits, wrong = 0.0, 0.0
    used = 0
    for i in range(n):
        d = order[i]
        if rank[d] >= most:
            continue
        if not ignored[d]:
            if matched[d]:
                hits += weight[d]
            else:
                wrong += weight[d]
        reached[used] = hits / positives
        exact[used] = hits / (wrong + hits + 2.220446049250313e-16)
        used += 1
    for i in range(used - 2, -1, -1):
        exact[i] = max(exact[i], exact[i + 1])
    at = 0
    for r in range(recalls.size):
        while at < used and reached[at] < recalls[r]:
            at += 1
        precision[r] = exact[at] if at < used else 0.0
    return np.float64(reached[used - 1] if used else 0.0)
