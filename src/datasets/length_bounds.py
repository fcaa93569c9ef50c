"""How long a sample can become when augmentation or a drawn choice of objects changes it: an upper bound in tokens.

Pictures and shapes: `src.datasets.augmentation.bounds`. Text: an object's frame is what a second object like it adds to an answer
when both are single points, and each point costs what the dearest point costs, since tokenizers of this family cut before and
after digits, so that pieces of coordinates never merge. What a first object costs beyond a second one is counted once for
each description: a format may write it once for all its objects. Cost: two tokenisations of a short text a description and kind.
"""

from __future__ import annotations

from typing import Protocol

from src.contract.coordinates import GRID, Norm
from src.contract.records import GeometryKind
from src.datasets.augmentation.bounds import OutputBounds, ShapeBound
from src.datasets.augmentation.pipeline import Pipeline
from src.datasets.builders.formats.registry import FORMATS
from src.datasets.builders.formats.writing import ObjectText, PointText
from src.datasets.builders.jsonlines import JsonLinesBuilder
from src.datasets.scene import RenderedScene, Scene, SceneObject

POINT = ((0, 0),)
PIXEL_DIGITS = 6  # of a coordinate in pixels, at the most
COUNT_DIGITS = 4  # "line_points": 1234
MAX_FRAMES = 4096
SEAM = 2  # tokens that a cut between two objects may add


class TextLength(Protocol):
    """The part of `src.datasets.lengths.LengthOf` that texts need."""

    def text_tokens(self, text: str) -> int: ...


class LengthBound:
    """The bound for one data set; `pipeline` covers every stage of its curriculum, `max_objects` see `DenseCaptionDataset`."""

    def __init__(
        self, builder: JsonLinesBuilder, pipeline: Pipeline | None, max_objects: int | None
    ) -> None:
        self.builder = builder
        self.format = FORMATS[builder.config.json_format]
        self.max_objects = max_objects
        self.output = None if pipeline is None else OutputBounds(pipeline)
        self._frames: dict[tuple[str, GeometryKind], tuple[int, int]] = {}
        self._point: int | None = None
        self.wording = None if pipeline is None else pipeline.emission.wording
        self.fingerprint = repr(
            (
                max_objects,
                None
                if pipeline is None
                else (
                    pipeline.curriculum.policies,
                    pipeline.curriculum.bypass_prob,
                    pipeline.curriculum.segments,
                    pipeline.rules,
                    pipeline.budget,
                    pipeline.emission,
                ),
            )
        )

    def tokens(self, scene: Scene, bare: RenderedScene, exact: int, length_of: TextLength) -> int:
        """No draw makes the sample longer; `bare` and `exact` are the scene as it stands and its length."""
        pictures = self._picture_growth(bare, scene)
        if not scene.objects or scene.messages or self.builder.config.use_summary:
            return exact + pictures
        before = length_of.text_tokens(self.builder.build(bare).target)
        growth = self._answer(scene, length_of) - before
        is_capped = self.max_objects is not None and len(scene.objects) > self.max_objects
        return exact + pictures + (growth if is_capped else max(0, growth))

    def _picture_growth(self, bare: RenderedScene, scene: Scene) -> int:
        if self.output is None:
            return 0
        growth = 0
        for index, pixels in enumerate(bare.pixels):
            height, width = pixels.shape[:2]
            cells = width * height // 1024
            # The first picture's own size is in the record; the others are bounded from their fitted size.
            size = (scene.width, scene.height) if index == 0 and scene.width else (width, height)
            growth += max(0, self.output.cells_of(*size) - cells)
        return growth

    def _answer(self, scene: Scene, length_of: TextLength) -> int:
        costs = [self._object(item, length_of) for item in scene.objects]
        limit = len(costs) if self.max_objects is None else min(self.max_objects, len(costs))
        pasted = 0 if self.output is None else self.output.num_pasted
        dearest = sorted(costs, reverse=True)
        frame = length_of.text_tokens(self.builder.prefix) + SEAM
        firsts = self._firsts(scene, length_of)
        return frame + sum(dearest[:limit]) + pasted * dearest[0] + firsts

    def _wordings(self, desc: str) -> tuple[str, ...]:
        """What a description may become."""
        return (desc,) if self.wording is None else (desc, desc.replace(*self.wording))

    def _firsts(self, scene: Scene, length_of: TextLength) -> int:
        """Tokens that the first object of each description costs beyond a further one; no more descriptions than may stand."""
        dearest: dict[str, int] = {}
        for item in scene.objects:
            kind = self._bound(item).kind
            for desc in self._wordings(item.desc):
                cost = self._frame(desc, kind, length_of)[0]
                dearest[desc] = max(cost, dearest[desc]) if desc in dearest else cost
        num_wordings = 1 if self.wording is None else 2
        limit = None if self.max_objects is None else num_wordings * self.max_objects
        return sum(sorted(dearest.values(), reverse=True)[:limit])

    def _bound(self, item: SceneObject) -> ShapeBound:
        shape = item.shape
        if self.output is not None:
            return self.output.shape(shape.kind, len(shape.points))
        count = len(shape.points)
        return ShapeBound(kind=shape.kind, vertices=count, parts=1, total_vertices=count)

    def _object(self, item: SceneObject, length_of: TextLength) -> int:
        """Tokens of an object with all its parts, the seams between them included."""
        bound = self._bound(item)
        wordings = self._wordings(item.desc)
        frame = max(self._frame(desc, bound.kind, length_of)[1] for desc in wordings)
        if self._point is None:
            self._point = _point(self.format.point, self.builder.config.emit_norm, length_of)
        return bound.parts * frame + bound.total_vertices * self._point

    def _frame(self, desc: str, kind: GeometryKind, length_of: TextLength) -> tuple[int, int]:
        """Tokens of an object's text around its points: (of the first of its description beyond a further one, of that one).

        Remembered, since descriptions repeat.
        """
        key = (desc, kind)
        if key not in self._frames:
            if len(self._frames) >= MAX_FRAMES:
                self._frames.clear()
            write = self.format.write
            item = ObjectText(desc, kind, POINT)
            first, both = (length_of.text_tokens(write([item] * count).text) for count in (1, 2))
            further = both - first
            # The number in its key, and that of its points, may have more digits.
            digits = self.format.point.num_counts * COUNT_DIGITS
            self._frames[key] = (max(0, first - further) + SEAM, further + digits + SEAM)
        return self._frames[key]


def _point(text: PointText, norm: Norm, length_of: TextLength) -> int:
    """Tokens of the dearest point."""
    brackets = sum(length_of.text_tokens(piece) for piece in text.brackets)
    if norm == "none":  # a digit is one token at the most
        return brackets + 2 * (PIXEL_DIGITS + length_of.text_tokens(text.separator))
    numbers = range(GRID[norm] + 1)
    dearest = max(length_of.text_tokens(f"{text.separator}{number}") for number in numbers)
    return brackets + 2 * dearest
