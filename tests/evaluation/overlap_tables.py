"""IoU of single pairs the plain way, and of all pairs of an image as the evaluation computes them."""

from __future__ import annotations

import math

import numpy as np

from src.evaluation.pairs import ObjectSet, overlapping_pairs


def box_iou(first, second):
    """Intersection over union of two boxes x1, y1, x2, y2."""
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (first, second)]
    return shared / (areas[0] + areas[1] - shared)


def region_iou(first, second):
    """IoU of two `Region`; a line never overlaps a box or polygon by definition."""
    if first.is_line != second.is_line:
        return 0.0
    if first.is_box and second.is_box:
        return box_iou(first.box, second.box)
    one, other = first.build(), second.build()
    shared = float(one.intersection(other).area)
    union = first.area + second.area - shared
    return shared / union if union > 0 else 0.0


def overlaps(prediction, config):
    """IoU of every truth with every predicted object, (truths, predicted)."""
    tube = config.line_tolerance * math.hypot(prediction.width, prediction.height)
    truths = ObjectSet([prediction.truth or ()], [tube], {})
    found = ObjectSet([prediction.objects], [tube], {})
    table = np.zeros((len(truths.items), len(found.items)))
    pairs = overlapping_pairs(truths, found, 0.0)
    table[pairs.first, pairs.second] = pairs.iou
    return table
