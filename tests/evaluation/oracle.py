"""F1 of regions the slow way, with nothing of the project: areas by sweeping, matches by augmenting paths.

Area shared by two outlines: between two neighbouring x at which any edge begins, ends or crosses another, no edge crosses
another, so the part of a vertical line that is inside both outlines (even-odd rule) grows linearly, and its length in the
middle times the width is the area. Largest number of matches: Kuhn's algorithm.
"""

from __future__ import annotations

from itertools import pairwise

THRESHOLDS = [0.5 + 0.05 * k for k in range(10)]


def outline(item):
    p = item.points
    if item.kind == "bbox_2d":
        return [(p[0], p[1]), (p[2], p[1]), (p[2], p[3]), (p[0], p[3])]
    return list(zip(p[::2], p[1::2], strict=True))


def edges_of(corners):
    pairs = zip(corners, corners[1:] + corners[:1], strict=True)
    return [(a, b) if a[0] < b[0] else (b, a) for a, b in pairs if a[0] != b[0]]


def height(edge, x):
    (x1, y1), (x2, y2) = edge
    return y1 + (y2 - y1) * (x - x1) / (x2 - x1)


def crossings(edges):
    """x of every crossing of two edges."""
    found = []
    for i, one in enumerate(edges):
        for other in edges[:i]:
            low, high = max(one[0][0], other[0][0]), min(one[1][0], other[1][0])
            if low < high:
                begin = height(one, low) - height(other, low)
                end = height(one, high) - height(other, high)
                if begin * end < 0:
                    found.append(low + (high - low) * begin / (begin - end))
    return found


def inside(edges, x):
    """The parts of the vertical line at x that the outline encloses."""
    at = sorted(height(edge, x) for edge in edges if edge[0][0] < x < edge[1][0])
    return list(zip(at[::2], at[1::2], strict=True))


def shared_area(first, second):
    edges = [edges_of(first), edges_of(second)]
    both = edges[0] + edges[1]
    stops = sorted({point[0] for edge in both for point in edge} | set(crossings(both)))
    total = 0.0
    for left, right in pairwise(stops):
        middle = (left + right) / 2
        length = 0.0
        for low, high in inside(edges[0], middle):
            for other_low, other_high in inside(edges[1], middle):
                length += max(0.0, min(high, other_high) - max(low, other_low))
        total += length * (right - left)
    return total


def iou(first, second):
    one, other = outline(first), outline(second)
    for axis in (0, 1):
        if max(p[axis] for p in one) <= min(p[axis] for p in other):
            return 0.0
        if max(p[axis] for p in other) <= min(p[axis] for p in one):
            return 0.0
    shared = shared_area(one, other)
    union = shared_area(one, one) + shared_area(other, other) - shared
    return shared / union if union > 0 else 0.0


def most_matches(allowed, num_columns):
    """Size of the largest one-to-one assignment; `allowed[row]` are the columns that a row may take."""
    owner = [None] * num_columns

    def place(row, seen):
        for column in allowed[row]:
            if column not in seen:
                seen.add(column)
                if owner[column] is None or place(owner[column], seen):
                    owner[column] = row
                    return True
        return False

    return sum(place(row, set()) for row in range(len(allowed)))


def f1_by_threshold(predictions):
    """(class-agnostic, class-aware, macro over occurring classes) F1, each a list over `THRESHOLDS`."""
    agnostic, aware, objects = [0] * 10, [0] * 10, 0
    classes = {}
    for item in predictions:
        if item.truth is None:
            continue
        objects += len(item.truth) + len(item.objects)
        table = [[iou(truth, found) for found in item.objects] for truth in item.truth]
        for k, threshold in enumerate(THRESHOLDS):
            agnostic[k] += matches(table, item, threshold, lambda a, b: True)
        for name in {o.desc for o in (*item.truth, *item.objects)}:
            count = sum(o.desc == name for o in (*item.truth, *item.objects))
            hits = classes.setdefault(name, [[0] * 10, 0])
            hits[1] += count
            for k, threshold in enumerate(THRESHOLDS):
                found = matches(table, item, threshold, lambda a, b, n=name: a == n == b)
                hits[0][k] += found
                aware[k] += found
    macro = [sum(2 * hits[k] / n for hits, n in classes.values()) / len(classes) for k in range(10)]
    return [2 * m / objects for m in agnostic], [2 * m / objects for m in aware], macro


def matches(table, item, threshold, same):
    allowed = [
        [
            column
            for column, found in enumerate(item.objects)
            if table[row][column] >= threshold and same(truth.desc, found.desc)
        ]
        for row, truth in enumerate(item.truth)
    ]
    return most_matches(allowed, len(item.objects))
