"""Objects as the text of an answer, in a coordinate space: what conversation formats have in common.

The text is that of the project's answer formats (docs/data/OUTPUT_FORMATS.md), so a set that is written here teaches what the
project itself would teach. Reading takes any of them; an answer that a model is to learn must parse whole.
"""

from __future__ import annotations

from collections.abc import Sequence

from data_conversion.pipeline.raw import RawObject
from data_conversion.pipeline.reading import Space
from data_conversion.pipeline.spaces import Size, extent, from_space, to_space
from src.contract.coordinates import GRID, Norm
from src.contract.predictions import ParsedAnswer
from src.contract.records import ObjectAnnotation
from src.datasets.builders.config import JsonFormat
from src.datasets.builders.formats.registry import FORMATS
from src.datasets.builders.formats.writing import ObjectText
from src.datasets.builders.jsonlines import object_text
from src.datasets.builders.ordering import sort_key
from src.datasets.geometry.shapes import shape_of
from src.datasets.scene import SceneObject
from src.errors import DataError, RecordError

ORDER: tuple[JsonFormat, ...] = ("qwen", "standard", "compact", "grouped")
UNBOUNDED = (
    10**12
)  # The parsers check against a picture's size; here values are judged after reading.
SLACK = 0.02  # How far outside, as a share of the side, still looks like a careless annotation, which a later step clips.
TEXT_SPACES: tuple[Space, ...] = ("pixels", "norm100", "norm1000", "qwen25")
TO_CHAT = "rows that are no grounding become chat records: python -m public_data chat"


def norm_of(space: Space) -> Norm:
    """The space as a run's config calls it: pixels of any picture are "none"."""
    if space == "norm100" or space == "norm1000":
        return space
    return "none"


def read_answer(text: str, where: str) -> ParsedAnswer:
    """The objects of an answer that is whole in any of the answer formats; points are the numbers as written.

    A code fence around it and a single object without its list are taken, too. `RecordError` for a damaged answer or other text.
    """
    body = text.strip()
    if body.startswith("```") and body.endswith("```") and len(body) > 6:
        body = body[3:-3].removeprefix("json").strip()
    tries = [(name, body) for name in ORDER]
    if body.startswith("{"):
        tries.append(("qwen", f"[{body}]"))
    closest: ParsedAnswer | None = None
    for name, candidate in tries:
        parsed = FORMATS[name].parse(candidate, UNBOUNDED, UNBOUNDED, "none")
        if parsed.is_valid:
            return parsed
        if closest is None or len(parsed.objects) > len(closest.objects):
            closest = parsed
    assert closest is not None
    if body[:1] not in ("[", "{"):
        raise RecordError.say(
            "the answer holds no objects in JSON",
            where=where,
            rule="not-grounding",
            got=ascii(body[:80]),
            remedy=TO_CHAT,
        )
    reasons = [f"{part.reason}: {part.text!a}" for part in closest.dropped[:3]]
    raise RecordError.say(
        "the answer does not parse whole, so it is nothing to learn from",
        where=where,
        rule="answer-damaged",
        got="; ".join(reasons) or ascii(body[:80]),
        expected=f"one of the answer formats {', '.join(ORDER)}",
        remedy="correct or remove the row (docs/data/OUTPUT_FORMATS.md shows the formats)",
    )


def raw_objects(
    answer: ParsedAnswer, space: Space, size: Size | None, where: str
) -> tuple[RawObject, ...]:
    """The objects of an answer in pixels of a picture of `size`; None where there is no picture (space "pixels" only).

    `RecordError` when the size is needed and unknown, or when a point lies so far outside that the space must be another one.
    """
    objects = []
    for index, item in enumerate(answer.objects):
        score = answer.verbalised[index] if answer.verbalised else None
        objects.append(
            RawObject(
                index=index,
                label=item.desc,
                kind=item.kind,
                parts=(in_pixels(item.points, space, size, where),),
                attributes={} if score is None else {"score": score},
            )
        )
    return tuple(objects)


def in_pixels(
    points: Sequence[float], space: Space, size: Size | None, where: str
) -> tuple[float, ...]:
    """Points of a text -> pixels; see `raw_objects`."""
    if size is None:
        if space == "pixels":
            return tuple(float(value) for value in points)
        raise RecordError.say(
            f"coordinates in {space} need the picture's size, and there is no picture",
            where=where,
            rule="size-missing",
            remedy="convert with the pictures: give their folder as image_root",
        )
    try:
        far = extent(space, size)
    except DataError as error:
        raise RecordError(*error.issues) from error
    for position, value in enumerate(points):
        limit = far[position % 2]
        if not -SLACK * limit <= value <= (1 + SLACK) * limit:
            axis = "xy"[position % 2]
            raise RecordError.say(
                f"{axis} lies far outside the picture when coordinates are read as {space}",
                where=where,
                rule="space-contradicted",
                got=f"{axis}={value:g}",
                expected=f"0..{limit} for a picture of {size[0]}x{size[1]}",
                remedy="say what the coordinates mean by the option space: pixels|norm1|norm100|norm1000|qwen25",
            )
    return from_space(points, space, size)


def in_text(item: ObjectAnnotation, space: Space, size: Size) -> ObjectText:
    """The object in whole numbers of a text space, vertices in canonical order, as training writes it."""
    assert space in TEXT_SPACES, "fractions are no text that a model writes"
    if space in GRID:
        width, height = size
        points = item.points
    else:
        width, height = extent(space, size)
        points = to_space(item.points, space, size)
    moved = ObjectAnnotation(desc=item.desc, kind=item.kind, points=points)
    scene_object = SceneObject(desc=item.desc, shape=shape_of(moved, 0))
    return object_text(scene_object, width, height, norm_of(space))


def in_reading_order(
    objects: Sequence[ObjectAnnotation], space: Space, size: Size
) -> list[tuple[ObjectText, ObjectAnnotation]]:
    """Each object as text beside itself, from top to bottom, then left to right (`reference_tlbr`)."""
    pairs = [(in_text(item, space, size), item) for item in objects]
    return sorted(pairs, key=lambda pair: sort_key(pair[0], "reference_tlbr"))


def write_answer(
    objects: Sequence[ObjectAnnotation], space: Space, size: Size, answer: JsonFormat
) -> str:
    """The answer that describes the objects of a picture of `size`."""
    return FORMATS[answer].write([text for text, _ in in_reading_order(objects, space, size)]).text
