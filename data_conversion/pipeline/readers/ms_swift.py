"""ms-swift's grounding JSONL: an answer with `<ref-object>` and `<bbox>` placeholders, and the objects beside it.

`{"messages": [...], "images": [...], "objects": {"ref": [...], "bbox": [[x1, y1, x2, y2], ...], "bbox_type": "real"|"norm1"}}`
(ms-swift 4.6.0, template/base.py): placeholders of all turns are filled in order, so each list is as long as its placeholders
are many. "real" boxes are pixels of the picture, "norm1" shares of its sides; a box with its corners swapped is turned. A box
of two numbers is a point. Rows without objects hold numbers in their answer, whose meaning is an argument.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from data_conversion.pipeline.answer_text import in_pixels, raw_objects, read_answer
from data_conversion.pipeline.exchange import Exchange, has_turns
from data_conversion.pipeline.raw import Finding, RawObject
from data_conversion.pipeline.readers.conversations import ConversationReader, Found
from data_conversion.pipeline.reading import Space
from data_conversion.pipeline.row_files import Row
from data_conversion.pipeline.spaces import Size
from src.errors import RecordError

REF, BOX = "<ref-object>", "<bbox>"
SPACES: dict[str, Space] = {"real": "pixels", "norm1": "norm1"}
_PLACEHOLDER = re.compile(f"{REF}|{BOX}")
Numbers = tuple[float, ...]


class MsSwiftReader(ConversationReader):
    """Reader of ms-swift's grounding rows (see the module text)."""

    title = "ms-swift grounding"

    def claims(self, row: Row, path: Path) -> bool:
        """`objects` with `bbox`, or JSON Lines with messages and images that are no chat record of this project."""
        if not has_turns(row) or "images" not in row:
            return False
        if _boxes(row):
            return True
        is_plain = "objects" not in row or isinstance(row["objects"], dict)
        is_listed = (path.parent / "dataset_info.json").is_file()
        is_lines = path.suffix.lower() == ".jsonl" and not is_listed
        return is_lines and is_plain and "messages" in row and "width" not in row

    def needs_space(self, row: Row) -> bool:
        return not isinstance(row["objects"] if "objects" in row else None, dict)

    def find_objects(
        self, row: Row, exchange: Exchange, space: Space | None, size: Size | None, where: str
    ) -> Found:
        """The objects beside the answer, else those in its text."""
        if not _boxes(row):
            # An empty answer means the same in every space.
            if space is None and not read_answer(exchange.answer, where).objects:
                return Found(objects=(), num_objects=0)
            return super().find_objects(row, exchange, space, size, where)
        refs, boxes, found_space = _objects(row["objects"], where)
        turned, findings = _corners_in_order(boxes)
        text = exchange.prompt + exchange.answer
        _check_counts(text, refs, boxes, where)
        if not _PLACEHOLDER.search(exchange.prompt):
            try:
                answer = read_answer(_filled(exchange.answer, refs, turned), where)
            except RecordError:
                pass  # Another wording: what belongs together is told by the order, below.
            else:
                objects = raw_objects(answer, found_space, size, where)
                findings = _labelled(findings, objects)
                return Found(objects=objects, num_objects=len(boxes), findings=findings)
        paired, dropped = _paired(exchange, refs, turned, where)
        objects = tuple(
            replace(item, parts=(in_pixels(item.points, found_space, size, where),))
            for item in paired
        )
        return Found(objects=objects, num_objects=len(boxes), findings=(*findings, *dropped))


def _check_counts(text: str, refs: Sequence[str], boxes: Sequence[Numbers], where: str) -> None:
    for name, count in ((REF, len(refs)), (BOX, len(boxes))):
        if text.count(name) != count:
            raise _refuse(
                f"{name} does not stand as often as objects has entries",
                where,
                "placeholder-count",
                got=f"{text.count(name)} placeholders, {count} entries",
            )


def _boxes(row: Row) -> bool:
    """Whether the row has objects beside its answer."""
    objects = row["objects"] if "objects" in row else None
    return isinstance(objects, dict) and "bbox" in objects and bool(objects["bbox"])


def _objects(objects: dict[str, Any], where: str) -> tuple[list[str], list[Numbers], Space]:
    """(ref, bbox, what bbox means) of a row; `RecordError` where one is not what ms-swift takes."""
    refs = objects["ref"] if "ref" in objects and objects["ref"] is not None else []
    boxes = objects["bbox"]
    if not isinstance(refs, list) or not all(isinstance(ref, str) for ref in refs):
        raise _refuse("ref is not a list of texts", where, "objects", got=ascii(refs)[:80])
    if not isinstance(boxes, list) or not all(_is_box(box) for box in boxes):
        raise _refuse(
            "bbox is not a list of boxes",
            where,
            "objects",
            got=ascii(boxes)[:80],
            expected="lists of four (or two, a point) numbers",
        )
    kind = objects["bbox_type"] if "bbox_type" in objects else None
    kind = "real" if kind is None else kind
    if not isinstance(kind, str) or kind not in SPACES:
        raise _refuse("unknown bbox_type", where, "objects", ascii(kind), " | ".join(SPACES))
    pictures = objects["image_id"] if "image_id" in objects else None
    is_first = isinstance(pictures, list) and all(number == 0 for number in pictures)
    if pictures is not None and not is_first:
        raise _refuse("image_id names a picture that the row lacks", where, "objects")
    return refs, [tuple(float(value) for value in box) for box in boxes], SPACES[kind]


def _is_box(box: Any) -> bool:
    is_list = isinstance(box, list) and len(box) in (2, 4)
    return is_list and all(type(value) in (int, float) for value in box)


def _corners_in_order(boxes: Sequence[Numbers]) -> tuple[list[Numbers], tuple[Finding, ...]]:
    turned: list[Numbers] = []
    findings = []
    for index, box in enumerate(boxes):
        if len(box) == 4 and (box[0] > box[2] or box[1] > box[3]):
            x1, y1, x2, y2 = box
            right = (min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2))
            findings.append(
                Finding(
                    kind="fixed",
                    rule="corners-swapped",
                    message="the box's corners were given in the other order",
                    object_index=index,
                    got=" ".join(f"{value:g}" for value in box),
                    result=" ".join(f"{value:g}" for value in right),
                )
            )
            box = right
        turned.append(box)
    return turned, tuple(findings)


def _filled(answer: str, refs: Sequence[str], boxes: Sequence[Numbers]) -> str:
    """The answer as ms-swift hands it on: each placeholder replaced by its entry, in order."""
    texts = {REF: iter(refs), BOX: (json.dumps(box) for box in boxes)}
    return _PLACEHOLDER.sub(lambda found: next(texts[found.group()]), answer)


def _paired(
    exchange: Exchange, refs: Sequence[str], boxes: Sequence[Numbers], where: str
) -> tuple[tuple[RawObject, ...], tuple[Finding, ...]]:
    """Boxes with their references in any wording (see `_owners`)."""
    owners = _owners(exchange)
    if owners is None:
        raise _refuse("it is not told which reference a box belongs to", where, "reference-missing")
    objects, dropped = [], []
    for index, (box, owner) in enumerate(zip(boxes, owners, strict=True)):
        if len(box) == 4:
            objects.append(RawObject(index=index, label=refs[owner], kind="bbox_2d", parts=(box,)))
            continue
        dropped.append(
            Finding(
                kind="dropped",
                rule="point",
                message="a point is no geometry of the contract",
                object_index=index,
                label=refs[owner],
                got=" ".join(f"{value:g}" for value in box),
            )
        )
    return tuple(objects), tuple(dropped)


def _owners(exchange: Exchange) -> list[int] | None:
    """The reference of each box, by number; None where the wording does not tell.

    One each in order where boxes and references alternate, or where all references (of the question, or of the answer) stand
    before as many boxes; the only one where there is one; else the last one before the box in the answer.
    """
    asked, said = (_PLACEHOLDER.findall(text) for text in (exchange.prompt, exchange.answer))
    order = asked + said
    num_refs, num_boxes = order.count(REF), order.count(BOX)
    alternate = ([REF, BOX] * num_boxes, [BOX, REF] * num_boxes)
    is_one_list = asked.count(REF) in (0, num_refs)
    if order in alternate or (is_one_list and order == [REF] * num_boxes + [BOX] * num_boxes):
        return list(range(num_boxes))
    if num_refs == 1 and order[0] == REF:
        return [0] * num_boxes
    if BOX in asked:
        return None
    owners = []
    first = seen = asked.count(REF)
    for name in said:
        if name == REF:
            seen += 1
        elif seen == first:
            return None
        else:
            owners.append(seen - 1)
    return owners


def _labelled(findings: Sequence[Finding], objects: Sequence[RawObject]) -> tuple[Finding, ...]:
    labels = {item.index: item.label for item in objects}
    return tuple(
        replace(finding, label=labels[finding.object_index])
        for finding in findings
        if finding.object_index is not None
    )


def _refuse(message: str, where: str, rule: str, got: str = "", expected: str = "") -> RecordError:
    return RecordError.say(
        message,
        where=where,
        rule=rule,
        got=got,
        expected=expected,
        remedy="ms-swift would train on something else than was meant: correct or remove the row",
    )


MS_SWIFT = MsSwiftReader()
