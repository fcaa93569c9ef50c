"""A cap on the number of vertices that keeps the shape: the vertex whose removal changes the area least goes first.

Visvalingam and Whyatt (1993), "Line generalisation by repeated elimination of points". Order of the rest is kept.
O(n log n) with a heap.
"""

from __future__ import annotations

import heapq

from src.datasets.geometry.clip import Pair, Path


def _triangle(a: Pair, b: Pair, c: Pair) -> float:
    return abs((b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1])) / 2


def cap_vertices(path: Path, limit: int, *, closed: bool) -> Path:
    """At most `limit` vertices of a polygon (`closed`, limit >= 3) or line (limit >= 2; its ends stay)."""
    assert limit >= (3 if closed else 2), limit
    count = len(path)
    if count <= limit:
        return path
    before = [index - 1 for index in range(count)]
    after = [index + 1 for index in range(count)]
    if closed:
        before[0], after[-1] = count - 1, 0
    inner = range(count) if closed else range(1, count - 1)
    cost = {
        index: _triangle(path[before[index]], path[index], path[after[index]]) for index in inner
    }
    heap = [(value, index) for index, value in cost.items()]
    heapq.heapify(heap)
    gone: set[int] = set()
    while count - len(gone) > limit:
        value, index = heapq.heappop(heap)
        if index in gone or value != cost[index]:
            continue
        gone.add(index)
        left, right = before[index], after[index]
        after[left], before[right] = right, left
        for near in (left, right):
            if near in cost and near not in gone:
                # A neighbour never becomes cheaper than what was just removed (the paper's monotone order).
                area = _triangle(path[before[near]], path[near], path[after[near]])
                cost[near] = max(area, value)
                heapq.heappush(heap, (cost[near], near))
    return [point for index, point in enumerate(path) if index not in gone]
