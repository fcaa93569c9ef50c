"""What a run will draw from each data set, as a table to read before training."""

from __future__ import annotations

from collections.abc import Sequence

from src.datasets.preparation import RunData

MIX_COLUMNS = (
    "data set",
    "role",
    "records",
    "requested",
    "realised",
    "unique",
    "repeats",
    "tokens",
)


def plain_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """Lines of a table: the first column to the left, the others to the right."""
    cells = [tuple(map(str, row)) for row in (columns, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if number else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]


def mix_rows(data: RunData, epoch: int) -> list[dict[str, object]]:
    """Per data set of an epoch: quota, what the epoch holds after its tail, and its tokens (upper bound when augmented)."""
    order = data.plan.order(epoch)
    assert order.lengths is not None
    rows: list[dict[str, object]] = []
    for number, (member, found) in enumerate(
        zip(data.train, data.plan.realised(epoch), strict=True)
    ):
        tokens = int(order.lengths[order.datasets == number].sum(dtype="int64"))
        values = (
            member.name,
            member.opened.spec.role,
            len(member.dataset),
            found.requested,
            found.realised,
            found.unique,
            found.repeats,
            tokens,
        )
        rows.append(dict(zip(MIX_COLUMNS, values, strict=True)))
    return rows


def mix_table(data: RunData, epoch: int) -> list[str]:
    """`mix_rows` as lines."""
    return plain_table(MIX_COLUMNS, [tuple(row.values()) for row in mix_rows(data, epoch)])
