"""The fidelity of every format that can be written, as the table of docs/data/FORMATS.md."""

from __future__ import annotations

from collections.abc import Mapping

from data_conversion.pipeline.writing import Fidelity, Writer

HEAD = (
    "format",
    "boxes",
    "polygons",
    "lines",
    "coordinates",
    "vertex order",
    "labels",
    "attributes",
    "groups",
    "sizes",
    "negatives",
    "summaries",
    "notes",
)


def fidelity_table(writers: Mapping[str, Writer]) -> str:
    """A markdown table, a row a writer, sorted by name."""
    rows = [HEAD, ("---",) * len(HEAD)]
    rows += [_row(name, writers[name].fidelity) for name in sorted(writers)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _row(name: str, fidelity: Fidelity) -> tuple[str, ...]:
    flags = (
        fidelity.vertex_order,
        fidelity.labels,
        fidelity.attributes,
        fidelity.groups,
        fidelity.sizes,
        fidelity.negatives,
        fidelity.summaries,
    )
    return (
        f"`{name}`",
        fidelity.bbox_2d,
        fidelity.poly,
        fidelity.line,
        fidelity.precision,
        *("yes" if flag else "no" for flag in flags),
        fidelity.notes.replace("|", "\\|"),
    )
