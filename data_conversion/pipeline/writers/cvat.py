"""CVAT for images, XML 1.1: `annotations.xml` with the labels and types of attributes first, then a picture after the other."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import IO

from data_conversion.pipeline.raw import Attribute
from data_conversion.pipeline.writers.dense import (
    attributes_of,
    dense_records,
    groups_of,
    number_text,
    xml_text,
    xml_value,
)
from data_conversion.pipeline.writing import Fidelity, WriteOptions, Written
from src.contract.records import ObjectAnnotation, Record
from src.files import atomic_write

FILE = "annotations.xml"
SUBSETS = {"train": "Train", "val": "Validation", "test": "Test"}
SPOOL_BYTES = 32 << 20


class CvatWriter:
    """Writer of CVAT's XML (see the module text)."""

    @property
    def fidelity(self) -> Fidelity:
        """Exact in all shapes."""
        return Fidelity(
            bbox_2d="exact",
            poly="exact",
            line="exact",
            attributes=True,
            groups=True,
            notes="an attribute with several answers becomes one text; one whose values have several types comes back as text",
        )

    def write(self, parts: Mapping[str, Iterable[Record]], options: WriteOptions) -> Written:
        """One file; parts are subsets."""
        written = Written()
        labels = _Labels()
        # The head lists labels that are known at the end only, so pictures wait in a file of their own.
        with tempfile.SpooledTemporaryFile(SPOOL_BYTES, "w+", encoding="utf-8") as pictures:
            for part, records in parts.items():
                subset = xml_value(SUBSETS.get(part, part), written)
                for record in dense_records(records, written, keeps_groups=True):
                    number = written.num_images - 1
                    pictures.write(_picture(record, number, subset, labels, written))
            pictures.seek(0)
            with atomic_write(options.output / FILE) as handle:
                _write_head(handle, labels, written)
                shutil.copyfileobj(pictures, handle)
                handle.write("</annotations>\n")
        return written


@dataclass(slots=True)
class _Labels:
    """The types that the values of each attribute have, by label and attribute."""

    types: defaultdict[str, dict[str, Counter[str]]] = field(
        default_factory=lambda: defaultdict(dict)
    )

    def add(self, label: str, attributes: Mapping[str, Attribute]) -> None:
        own = self.types[label]
        for name, value in attributes.items():
            own.setdefault(name, Counter())[_type_of(value)] += 1


def _type_of(value: Attribute) -> str:
    if isinstance(value, bool):
        return "checkbox"
    return "number" if isinstance(value, int | float) else "text"


def _write_head(handle: IO[str], labels: _Labels, written: Written) -> None:
    handle.write(
        '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n  <version>1.1</version>\n'
    )
    handle.write("  <meta>\n    <task>\n")
    handle.write(
        f"      <size>{written.num_images}</size>\n      <mode>annotation</mode>\n      <labels>\n"
    )
    for label in sorted(labels.types):
        handle.write(f"        <label><name>{xml_text(label, written)}</name><attributes>")
        for name, types in sorted(labels.types[label].items()):
            kind = next(iter(types)) if len(types) == 1 else "text"
            if len(types) > 1:
                written.losses["attributes of several types became text"] += (
                    types.total() - types["text"]
                )
            handle.write(
                f"<attribute><name>{xml_text(name, written)}</name><mutable>False</mutable>"
                f"<input_type>{kind}</input_type></attribute>"
            )
        handle.write("</attributes></label>\n")
    handle.write("      </labels>\n    </task>\n  </meta>\n")


def _picture(record: Record, number: int, subset: str, labels: _Labels, written: Written) -> str:
    shapes = []
    attributes, groups = attributes_of(record, written), groups_of(record, written)
    for item, own, group in zip(record.objects, attributes, groups, strict=True):
        occluded = own.pop("occluded") is True if own.get("occluded") is True else False
        depth = own.pop("z_order") if type(own.get("z_order")) is int else 0
        labels.add(item.desc, own)
        tag, place = _place(item)
        together = "" if group is None else f' group_id="{group}"'
        answers = "".join(_answer(name, value, written) for name, value in own.items())
        shapes.append(
            f'    <{tag} label={xml_value(item.desc, written)} source="manual" occluded="{int(occluded)}" '
            f'{place} z_order="{depth}"{together}>{answers}</{tag}>\n'
        )
    written.num_objects += len(shapes)
    name = xml_value(record.images[0], written)
    return (
        f'  <image id="{number}" name={name} subset={subset} width="{record.width}" height="{record.height}">\n'
        f"{''.join(shapes)}  </image>\n"
    )


def _place(item: ObjectAnnotation) -> tuple[str, str]:
    """(tag, XML attributes that say where)."""
    numbers = [number_text(value) for value in item.points]
    if item.kind == "bbox_2d":
        named = zip(("xtl", "ytl", "xbr", "ybr"), numbers, strict=True)
        return "box", " ".join(f'{name}="{value}"' for name, value in named)
    pairs = zip(numbers[::2], numbers[1::2], strict=True)
    points = ";".join(f"{x},{y}" for x, y in pairs)
    return {"poly": "polygon", "line": "polyline"}[item.kind], f'points="{points}"'


def _answer(name: str, value: Attribute, written: Written) -> str:
    if isinstance(value, tuple):
        written.losses["attributes with several answers became one text"] += 1
        text = ", ".join(value)
    else:
        text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"<attribute name={xml_value(name, written)}>{xml_text(text, written)}</attribute>"
