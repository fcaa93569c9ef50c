"""Label Studio: a file of tasks for each part, and `label_config.xml`, the labeling interface that they need.

Pictures are named as files of a local storage (`/data/local-files/?d=...`), relative to this folder. Lines become vector regions,
which older versions do not show. Coordinates are per cent in full double precision.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson

from data_conversion.pipeline.raw import Attribute
from data_conversion.pipeline.writers.dense import attributes_of, dense_records, xml_value
from data_conversion.pipeline.writing import Fidelity, WriteOptions, Written
from src.contract.records import GeometryKind, ObjectAnnotation, Record
from src.files import atomic_write, write_text

CONFIG = "label_config.xml"
TYPES: Mapping[GeometryKind, str] = {
    "bbox_2d": "rectanglelabels",
    "poly": "polygonlabels",
    "line": "vectorlabels",
}
TAGS = {"bbox_2d": "RectangleLabels", "poly": "PolygonLabels", "line": "VectorLabels"}
TAKEN = ("image", *TYPES.values())
PREFIX = "attribute:"
TEXT = "textarea"
CONTROLS = {
    "choices": '<Choices name={} toName="image" perRegion="true"><Choice value="true"/><Choice value="false"/></Choices>',
    "number": '<Number name={} toName="image" perRegion="true"/>',
    "textarea": '<TextArea name={} toName="image" perRegion="true"/>',
}


class LabelStudioWriter:
    """Writer of Label Studio tasks (see the module text)."""

    @property
    def fidelity(self) -> Fidelity:
        """Exact in all shapes."""
        return Fidelity(
            bbox_2d="exact",
            poly="exact",
            line="exact",
            attributes=True,
            notes="lines are vector regions, which older versions of Label Studio do not show; an attribute that is a list of "
            "one answer comes back as that answer, one whose values have several types as text",
        )

    def write(self, parts: Mapping[str, Iterable[Record]], options: WriteOptions) -> Written:
        """`PART.json` for each part, and the labeling interface."""
        written = Written()
        used = _Used(written=written)
        for part, records in parts.items():
            with atomic_write(options.output / f"{part}.json", "wb") as handle:
                between = b"["
                for record in dense_records(records, written):
                    task = _task(record, written.num_images, used, attributes_of(record, written))
                    handle.write(between + b"\n" + orjson.dumps(task))
                    between = b","
                    written.num_objects += len(record.objects)
                handle.write(b"\n]\n" if between == b"," else b"[]\n")
        if mixed := used.mixed:
            for part in parts:
                _as_text(options.output / f"{part}.json", mixed, written)
        write_text(options.output / CONFIG, _config(used, written))
        return written


@dataclass(slots=True, kw_only=True)
class _Used:
    """What the labeling interface must offer: labels by kind of shape, and the types of control that each attribute needs."""

    written: Written
    labels: dict[GeometryKind, set[str]] = field(
        default_factory=lambda: {kind: set() for kind in TYPES}
    )
    controls: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    @property
    def mixed(self) -> set[str]:
        """Controls that several types were written for: a name may stand once."""
        return {name for name, types in self.controls.items() if len(types) > 1}

    def control(self, attribute: str, kind: str) -> str:
        """The name of the control of an attribute: its own, with a prefix where a tag has that name."""
        name = attribute
        if name in TAKEN or name.startswith(PREFIX):
            self.written.losses["attributes whose names got a prefix, since a tag has them"] += 1
            name = PREFIX + name
        self.controls[name].add(kind)
        return name


def _task(
    record: Record, number: int, used: _Used, attributes: list[dict[str, Attribute]]
) -> dict[str, Any]:
    results: list[dict[str, Any]] = []
    for index, (item, own) in enumerate(zip(record.objects, attributes, strict=True)):
        used.labels[item.kind].add(item.desc)
        shared = {
            "id": f"region-{index}",
            "to_name": "image",
            "original_width": record.width,
            "original_height": record.height,
            "image_rotation": 0,
        }
        kind = TYPES[item.kind]
        value = {**_place(item, record.width, record.height), kind: [item.desc]}
        results.append({**shared, "type": kind, "from_name": kind, "value": value})
        for name, answer in own.items():
            control, given = _answer(answer)
            name = used.control(name, control)
            results.append({**shared, "type": control, "from_name": name, "value": given})
    image = f"/data/local-files/?d={quote(record.images[0])}"
    return {
        "id": number,
        "data": {"image": image, "width": record.width, "height": record.height},
        "annotations": [{"was_cancelled": False, "result": results}],
    }


def _place(item: ObjectAnnotation, width: int, height: int) -> dict[str, Any]:
    pairs = [
        (x / width * 100, y / height * 100)
        for x, y in zip(item.points[::2], item.points[1::2], strict=True)
    ]
    if item.kind == "bbox_2d":
        (x1, y1), (x2, y2) = pairs
        return {"x": x1, "y": y1, "width": x2 - x1, "height": y2 - y1, "rotation": 0}
    if item.kind == "poly":
        return {"points": pairs, "closed": True}
    vertices = [
        {
            "id": f"point-{index}",
            "x": x,
            "y": y,
            "prevPointId": f"point-{index - 1}" if index else None,
            "isBezier": False,
        }
        for index, (x, y) in enumerate(pairs)
    ]
    return {"vertices": vertices, "closed": False}


def _answer(value: Attribute) -> tuple[str, dict[str, Any]]:
    """(type of the control, its value)."""
    if isinstance(value, bool):
        return "choices", {"choices": [str(value).lower()]}
    if isinstance(value, int | float):
        return "number", {"number": value}
    return "textarea", {"text": [value] if isinstance(value, str) else list(value)}


def _as_text(path: Path, mixed: Collection[str], written: Written) -> None:
    """Write the file of tasks anew, with every answer of the `mixed` controls as text."""
    with path.open("rb") as reader, atomic_write(path, "wb") as writer:
        for line in reader:
            task = line.rstrip(b",\n")
            if task in (b"[", b"]", b"[]"):
                writer.write(line)
                continue
            raw = orjson.loads(task)
            for result in raw["annotations"][0]["result"]:
                if result["from_name"] in mixed and result["type"] != TEXT:
                    (value,) = result["value"].values()
                    answers = value if isinstance(value, list) else [str(value)]
                    result.update(type=TEXT, value={"text": answers})
                    written.losses["attributes of several types became text"] += 1
            writer.write(orjson.dumps(raw) + line[len(task) :])


def _config(used: _Used, written: Written) -> str:
    lines = ['  <Image name="image" value="$image"/>']
    for kind, labels in used.labels.items():
        if labels:
            values = "".join(
                f"<Label value={xml_value(label, written)}/>" for label in sorted(labels)
            )
            lines.append(
                f'  <{TAGS[kind]} name="{TYPES[kind]}" toName="image">{values}</{TAGS[kind]}>'
            )
    for name, types in sorted(used.controls.items()):
        control = TEXT if len(types) > 1 else next(iter(types))
        lines.append("  " + CONTROLS[control].format(xml_value(name, written)))
    body = "\n".join(lines)
    return f"<View>\n{body}\n</View>\n"
