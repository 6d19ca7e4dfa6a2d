"""The loops of COCO's average precision: masks as runs, their IoU, greedy matching, precision at fixed recalls.

Masks of many objects lie one after the other: object n has the runs offsets[n]..offsets[n + 1] of (R, 2) int32, first
pixel and one past the last, counted down the columns.
"""

# mypy: ignore-errors

import cython
import numpy as np
from cython import bint, cast
from cython.cimports.kontur.kernels.common import cf64, ci32, ci64, cu8, f64, i32, i64, u8


def decode_runs(text: cu8[::1], ends: ci64[::1], pixels: ci64[::1], runs: i32[:, ::1], offsets: i64[::1]) -> int:
    """COCO's compressed counts of N masks, all texts in one, to runs. Returns -1, or the number of the first bad mask.

    text: (M,) uint8. ends: (N,) int64, where each text stops. pixels: (N,) int64, H·W of each.
    runs: (M // 2 + 1, 2) int32 and offsets: (N + 1,) int64 are filled.
    """
    bad: i64
    with cython.nogil:
        bad = _decode(text, ends, pixels, runs, offsets)
    return bad


@cython.cfunc
@cython.nogil
@cython.locals(at=i64, found=i64, n=i64, place=i64, before=i64, last=i64, number=i64, value=i64, shift=i64, code=i64)
def _decode(text: cu8[::1], ends: ci64[::1], pixels: ci64[::1], runs: i32[:, ::1], offsets: i64[::1]) -> i64:
    at = 0
    found = 0
    offsets[0] = 0
    for n in range(ends.shape[0]):
        place = 0
        before, last = 0, 0  # the count before the last one, and the last one
        number = 0
        while at < ends[n]:
            value, shift = 0, 0
            while True:
                if at >= ends[n] or shift > 30:
                    return n
                code = cast(i64, text[at]) - 48
                if code < 0 or code > 63:
                    return n
                at += 1
                value |= (code & 31) << shift
                shift += 5
                if not code & 32:
                    if code & 16:
                        value -= 1 << shift
                    break
            if number > 2:
                value += before
            if value < 0 or place + value > pixels[n]:
                return n
            if number & 1 and value > 0:
                runs[found, 0] = place
                runs[found, 1] = place + value
                found += 1
            place += value
            before, last = last, value
            number += 1
        if place != pixels[n]:
            return n
        offsets[n + 1] = found
    return -1


@cython.locals(n=i64, high=i64, area=i64, top=i64, bottom=i64, r=i64, first=i64, last=i64, left=i64, right=i64)
def measure_runs(runs: ci32[:, ::1], offsets: ci64[::1], heights: ci64[::1], areas: i64[::1], boxes: f64[:, ::1]):
    """areas (N,) and boxes (N, 4) float64, x, y, width, height, of masks `heights` (N,) pixels high; 0 when empty."""
    with cython.nogil:
        for n in range(heights.shape[0]):
            high = heights[n]
            area = 0
            top, bottom = high, -1
            for r in range(offsets[n], offsets[n + 1]):
                first, last = cast(i64, runs[r, 0]), cast(i64, runs[r, 1]) - 1
                area += last + 1 - first
                if first // high != last // high:
                    top, bottom = 0, high - 1
                else:
                    top, bottom = min(top, first % high), max(bottom, last % high)
            areas[n] = area
            if area:
                left = cast(i64, runs[offsets[n], 0]) // high
                right = (cast(i64, runs[offsets[n + 1] - 1, 1]) - 1) // high
                boxes[n, 0], boxes[n, 1] = left, top
                boxes[n, 2], boxes[n, 3] = right - left + 1, bottom - top + 1


@cython.cfunc
@cython.nogil
@cython.locals(start=i32, end=i32, common=i64)
def _common(a: ci32[:, ::1], a_from: i64, a_to: i64, b: ci32[:, ::1], b_from: i64, b_to: i64) -> i64:
    """Pixels that two masks share; run lists are walked side by side."""
    common = 0
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


@cython.cfunc
@cython.nogil
@cython.locals(wide=f64, high=f64, common=f64, own=f64)
def _box_iou(a: cf64[::1], b: cf64[::1], crowd: bint) -> f64:
    wide = min(a[2] + a[0], b[2] + b[0]) - max(a[0], b[0])
    high = min(a[3] + a[1], b[3] + b[1]) - max(a[1], b[1])
    if wide <= 0 or high <= 0:
        return 0.0
    common = wide * high
    own = a[2] * a[3]
    return common / (own if crowd else own + b[2] * b[3] - common)


@cython.locals(
    value=f64, low=f64, high=f64, best=f64, g=i64, d0=i64, d1=i64, t0=i64, t1=i64, d=i64, t=i64, common=i64, own=i64,
    union=i64, area=i64, counted=i64, place=i64, k=i64, choice=i64, o=i64, objects=i64, most=i64, pairs=i64, iou=f64[::1], order=i64[::1],
    taken=u8[::1], outside=u8[::1]
)  # fmt: skip
def match(
    found_groups: ci64[::1], true_groups: ci64[::1], masks: bint, found_runs: ci32[:, ::1], found_offsets: ci64[::1],
    found_mask_areas: ci64[::1], found_boxes: cf64[:, ::1], found_areas: cf64[::1], true_runs: ci32[:, ::1],
    true_offsets: ci64[::1], true_mask_areas: ci64[::1], true_boxes: cf64[:, ::1], true_areas: cf64[::1],
    crowd: cu8[::1], named: cu8[::1], thresholds: cf64[::1], ranges: cf64[:, ::1], matched: u8[:, :, ::1],
    ignored: u8[:, :, ::1]
):  # fmt: skip
    """Match the detections of each (image, category) group to its objects, best score first, as COCO's scorer does.

    found_groups, true_groups: (G + 1,) int64; group g has the detections found_groups[g]..found_groups[g + 1], in falling
    order of score, and likewise the objects. masks: IoU of masks (else of boxes).
    *_mask_areas (N,) int64: of the runs; *_areas (N,) float64: what the area ranges (A, 2) are compared with.
    crowd, named (N,) bool of the objects: an object without a name (id 0) takes a detection but counts as none.
    matched, ignored: (A, T, D) bool, filled.
    """
    most = pairs = 0
    for g in range(found_groups.shape[0] - 1):
        objects = true_groups[g + 1] - true_groups[g]
        most, pairs = max(most, objects), max(pairs, objects * (found_groups[g + 1] - found_groups[g]))
    # For one group at a time.
    iou = np.empty(pairs)
    order = np.empty(most, np.int64)
    taken = np.empty(most, np.bool_)
    outside = np.empty(most, np.bool_)
    with cython.nogil:
        for g in range(found_groups.shape[0] - 1):
            d0, d1 = found_groups[g], found_groups[g + 1]
            t0, t1 = true_groups[g], true_groups[g + 1]
            if d0 == d1:
                continue
            objects = t1 - t0
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
                        value = cast(f64, common) / union if common else 0.0
                    iou[(d - d0) * objects + t - t0] = value
            for area in range(ranges.shape[0]):
                low, high = ranges[area, 0], ranges[area, 1]
                counted = 0
                for t in range(t0, t1):
                    outside[t - t0] = crowd[t] or true_areas[t] < low or true_areas[t] > high
                    if not outside[t - t0]:
                        order[counted] = t - t0
                        counted += 1
                place = counted
                for t in range(objects):
                    if outside[t]:
                        order[place] = t
                        place += 1
                for k in range(thresholds.shape[0]):
                    for t in range(objects):
                        taken[t] = False
                    for d in range(d0, d1):
                        best, choice = min(thresholds[k], 1 - 1e-10), -1
                        for o in range(objects):
                            t = order[o]
                            if taken[t] and not crowd[t0 + t]:
                                continue
                            if choice >= 0 and o >= counted and not outside[choice]:
                                break  # a counted object is preferred to those outside the range
                            if iou[(d - d0) * objects + t] < best:
                                continue
                            best, choice = iou[(d - d0) * objects + t], t
                        if choice >= 0:
                            taken[choice] = True
                            ignored[area, k, d] = outside[choice]
                            matched[area, k, d] = named[t0 + choice]
                        if not matched[area, k, d] and (found_areas[d] < low or found_areas[d] > high):
                            ignored[area, k, d] = True


@cython.locals(hits=f64, wrong=f64, n=i64, used=i64, i=i64, d=i64, at=i64, r=i64, reached=f64[::1], exact=f64[::1])
def precision_recall(
    matched: cu8[::1], ignored: cu8[::1], order: ci64[::1], rank: ci64[::1], weight: cf64[::1], most: i64,
    positives: f64, recalls: cf64[::1], precision: f64[::1]
):  # fmt: skip
    """Precision at fixed recalls, and the last recall, of one category at one threshold and area range.

    matched, ignored: (D,) bool. order: (N,) its detections, best score first. rank: (D,) place within its image; those
    of `most` or more do not count. weight: (D,) float64. positives: weight of the objects to be found, not 0.
    recalls: (R,) rising. precision: (R,), filled.
    """
    n = order.shape[0]
    reached = np.empty(n)
    exact = np.empty(n)
    hits, wrong = 0.0, 0.0
    used = 0
    with cython.nogil:
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
        for r in range(recalls.shape[0]):
            while at < used and reached[at] < recalls[r]:
                at += 1
            precision[r] = exact[at] if at < used else 0.0
    return reached[used - 1] if used else 0.0
