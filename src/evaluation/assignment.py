"""One-to-one assignment of predictions to truths at every threshold.

At a threshold, pairs whose IoU is below it cannot match. `optimal`: as many pairs as possible and, of such assignments, the
largest total IoU. `greedy`: pairs by descending IoU, ties by the smaller truth, then the smaller prediction. Callers order objects
canonically, so that ties do not depend on the order in files. Pairs that compete with no other are settled once for all higher
thresholds; `scipy.optimize.linear_sum_assignment` sees only the rest.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from src.evaluation.config import AssignmentRule
from src.evaluation.overlap_table import Overlaps

Edge = tuple[int, int, float]
"""Truth, prediction, IoU."""


@dataclass(slots=True)
class Matching:
    """Which objects are matched at which threshold: bit k of an object's number stands for threshold k.

    `pairs` are those at the first threshold.
    """

    truth_bits: list[int]
    found_bits: list[int]
    pairs: list[Edge]


def edges_of(table: Overlaps, threshold: float) -> list[Edge]:
    """Pairs of a (truths, predictions) table whose IoU is at least `threshold`, row by row."""
    rows, columns = np.nonzero(table >= threshold)
    return list(
        zip(rows.tolist(), columns.tolist(), table[rows, columns].tolist(), strict=True)
    )


def match_at_all(
    edges: Sequence[Edge],
    shape: tuple[int, int],
    thresholds: Sequence[float],
    rule: AssignmentRule,
) -> Matching:
    """The assignment at each of the ascending `thresholds` among `edges`; `shape` is (truths, predictions)."""
    found = Matching([0] * shape[0], [0] * shape[1], [])
    if rule == "greedy":
        # At a higher threshold, greedy takes the same pairs as far as they reach.
        for edge in _greedy(edges):
            _settle(found, edge, thresholds, 0)
        return found
    rest = list(edges)
    for position, threshold in enumerate(thresholds):
        lonely, rest = _split([edge for edge in rest if edge[2] >= threshold])
        for edge in lonely:
            _settle(found, edge, thresholds, position)
        if not rest:
            break
        for row, column, iou in _optimal(rest):
            found.truth_bits[row] |= 1 << position
            found.found_bits[column] |= 1 << position
            if position == 0:
                found.pairs.append((row, column, iou))
    found.pairs.sort()
    return found


def assign(table: Overlaps, threshold: float, rule: AssignmentRule) -> list[Edge]:
    """Matched pairs of a (truths, predictions) table at one threshold, by truth."""
    return match_at_all(edges_of(table, threshold), table.shape, (threshold,), rule).pairs


def _settle(found: Matching, edge: Edge, thresholds: Sequence[float], begin: int) -> None:
    """Match a pair at the thresholds from number `begin` on that its IoU reaches."""
    row, column, iou = edge
    bits = (1 << bisect_right(thresholds, iou)) - (1 << begin)
    if bits <= 0:
        return
    found.truth_bits[row] |= bits
    found.found_bits[column] |= bits
    if begin == 0:
        found.pairs.append(edge)


def _split(edges: Sequence[Edge]) -> tuple[list[Edge], list[Edge]]:
    """Edges that share neither end with another, and the others."""
    if not edges:
        return [], []
    rows = Counter(edge[0] for edge in edges)
    columns = Counter(edge[1] for edge in edges)
    lonely: list[Edge] = []
    rest: list[Edge] = []
    for edge in edges:
        (lonely if rows[edge[0]] == 1 == columns[edge[1]] else rest).append(edge)
    return lonely, rest


def _greedy(edges: Sequence[Edge]) -> list[Edge]:
    rows: set[int] = set()
    columns: set[int] = set()
    chosen = []
    for row, column, iou in sorted(edges, key=lambda edge: (-edge[2], edge[0], edge[1])):
        if row not in rows and column not in columns:
            rows.add(row)
            columns.add(column)
            chosen.append((row, column, iou))
    return sorted(chosen)


def _optimal(edges: Sequence[Edge]) -> list[Edge]:
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
