"""One-to-one assignment of predictions to truths at every threshold.

At a threshold, pairs whose IoU is below it cannot match. `optimal`: as many pairs as possible and, of such assignments, the
largest total IoU. `greedy`: pairs by descending IoU. What that leaves open is decided by the objects' points, kind and
description, never by their order in files. Pairs that compete with no other are settled for all images and thresholds
together; `scipy.optimize.linear_sum_assignment` sees only the rest. Cost: 0.1 ms an image that has such a rest.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from src.contract.records import ObjectAnnotation
from src.evaluation.config import AssignmentRule
from src.evaluation.pairs import Indices, ObjectSet, Pairs

Edge = tuple[int, int, float]
"""Truth, prediction, IoU."""


@dataclass(frozen=True, slots=True)
class Matching:
    """Which objects are matched at which threshold: bit k of an object's number stands for threshold k.

    `pairs` are those at the first threshold, by truth.
    """

    truth_bits: Indices
    found_bits: Indices
    pairs: Pairs


def match_at_all(
    pairs: Pairs,
    truths: ObjectSet,
    found: ObjectSet,
    thresholds: Sequence[float],
    rule: AssignmentRule,
) -> Matching:
    """The assignment at each of the ascending `thresholds` among `pairs` of truths and predictions of several images."""
    truth_bits = np.zeros(len(truths.items), dtype=np.int64)
    found_bits = np.zeros(len(found.items), dtype=np.int64)
    rivals = np.bincount(pairs.first, minlength=1)[pairs.first]
    lonely = (rivals == 1) & (np.bincount(pairs.second, minlength=1)[pairs.second] == 1)
    settled = pairs.only(lonely)
    bits = (1 << np.searchsorted(thresholds, settled.iou, side="right")) - 1
    truth_bits[settled.first] = bits
    found_bits[settled.second] = bits
    contested: list[Edge] = []
    rest = pairs.only(~lonely)
    for _, edges in groupby(_edges(rest), key=lambda edge: truths.image[edge[0]]):
        for row, column, iou, mask in _contested(
            list(edges), truths.items, found.items, thresholds, rule
        ):
            truth_bits[row] |= mask
            found_bits[column] |= mask
            if mask & 1:
                contested.append((row, column, iou))
    return Matching(truth_bits, found_bits, _joined(settled.only(bits > 0), contested))


def _edges(pairs: Pairs) -> Iterator[Edge]:
    return zip(pairs.first.tolist(), pairs.second.tolist(), pairs.iou.tolist(), strict=True)


def _joined(pairs: Pairs, edges: Sequence[Edge]) -> Pairs:
    """Pairs and further edges, by truth."""
    first = np.append(pairs.first, np.array([edge[0] for edge in edges], dtype=np.int64))
    second = np.append(pairs.second, np.array([edge[1] for edge in edges], dtype=np.int64))
    iou = np.append(pairs.iou, np.array([edge[2] for edge in edges], dtype=np.float64))
    by_truth = np.argsort(first)
    return Pairs(first[by_truth], second[by_truth], iou[by_truth])


def _contested(
    edges: list[Edge],
    truths: Sequence[ObjectAnnotation],
    found: Sequence[ObjectAnnotation],
    thresholds: Sequence[float],
    rule: AssignmentRule,
) -> Iterator[tuple[int, int, float, int]]:
    """(truth, prediction, IoU, bits of the thresholds at which they match) among one image's competing pairs."""
    rows = _canonical({edge[0] for edge in edges}, truths)
    columns = _canonical({edge[1] for edge in edges}, found)
    row_place = {row: place for place, row in enumerate(rows)}
    column_place = {column: place for place, column in enumerate(columns)}
    placed = sorted((row_place[row], column_place[column], iou) for row, column, iou in edges)
    solve = _greedy_bits if rule == "greedy" else _optimal_bits
    for (row, column, iou), mask in solve(placed, thresholds):
        yield rows[row], columns[column], iou, mask


def _canonical(indices: set[int], items: Sequence[ObjectAnnotation]) -> list[int]:
    """Indices by what the objects are; equal objects are interchangeable."""

    def key(index: int) -> tuple[tuple[float, ...], str, str, int]:
        item = items[index]
        return item.points, item.kind, item.desc, index

    return sorted(indices, key=key)


def _reached(thresholds: Sequence[float], iou: float, begin: int) -> int:
    """Bits of the thresholds from number `begin` on that an IoU reaches."""
    return (1 << bisect_right(thresholds, iou)) - (1 << begin)


def _greedy_bits(edges: list[Edge], thresholds: Sequence[float]) -> Iterator[tuple[Edge, int]]:
    """At a higher threshold, greedy takes the same pairs as far as they reach."""
    rows: set[int] = set()
    columns: set[int] = set()
    for edge in sorted(edges, key=lambda edge: (-edge[2], edge[0], edge[1])):
        if edge[0] not in rows and edge[1] not in columns:
            rows.add(edge[0])
            columns.add(edge[1])
            yield edge, _reached(thresholds, edge[2], 0)


def _optimal_bits(edges: list[Edge], thresholds: Sequence[float]) -> Iterator[tuple[Edge, int]]:
    """Threshold by threshold, until no pair is left that competes with another."""
    for position, threshold in enumerate(thresholds):
        edges = [edge for edge in edges if edge[2] >= threshold]
        rows = Counter(edge[0] for edge in edges)
        columns = Counter(edge[1] for edge in edges)
        competing = []
        for edge in edges:
            if rows[edge[0]] == 1 == columns[edge[1]]:
                yield edge, _reached(thresholds, edge[2], position)
            else:
                competing.append(edge)
        if not competing:
            return
        for edge in _optimal(competing):
            yield edge, 1 << position
        edges = competing


def _optimal(edges: list[Edge]) -> list[Edge]:
    from scipy.optimize import linear_sum_assignment

    rows = {row: place for place, row in enumerate(sorted({edge[0] for edge in edges}))}
    columns = {column: place for place, column in enumerate(sorted({edge[1] for edge in edges}))}
    # One match more outweighs every possible gain of IoU by the others.
    per_match = min(len(rows), len(columns))
    gain = np.zeros((len(rows), len(columns)))
    for row, column, iou in edges:
        gain[rows[row], columns[column]] = per_match + iou
    chosen = set(zip(*(part.tolist() for part in linear_sum_assignment(gain, True)), strict=True))
    return [edge for edge in edges if (rows[edge[0]], columns[edge[1]]) in chosen]
