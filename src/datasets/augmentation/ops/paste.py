"""Pastes: a copy of an object, on a free place of its own picture. Pixels and shape go through one and the same matrix."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge

from src.datasets.augmentation.drawing import (
    Draw,
    Drawn,
    NotNegative,
    Positive,
    PositiveInt,
    Probability,
    Range,
    Share,
    between,
    range_problem,
)
from src.datasets.augmentation.ops.crop import is_of_class
from src.datasets.augmentation.state import State
from src.datasets.augmentation.table import covered_share
from src.datasets.augmentation.transforms import Paste, numbers_of
from src.datasets.geometry.affine import Matrix, affine, rectangle
from src.datasets.geometry.clip import Path, Window
from src.rng import Stream


@dataclass(frozen=True, kw_only=True)
class SmallObjectZoomPaste:
    """Copies of small objects, enlarged, with some `context` pixels around them.

    Targets: objects whose enclosing box is at most `max_size` pixels on its longer side (lines: at most `max_line_length`), of
    `class_whitelist` when that is given, whose surroundings show no other object. A place is taken only where it covers at
    most `max_covered` of any object's area or length (0: of none), and lies wholly on the picture's content.
    """

    max_targets: PositiveInt = 1
    max_attempts: PositiveInt = 20
    scale: Range = (1.4, 1.8)
    max_size: Positive = 96.0
    max_line_length: Positive = 128.0
    context: NotNegative = 4.0
    max_covered: Share = 0.0
    class_whitelist: tuple[str, ...] = ()
    prob: Probability = 0.2
    name: ClassVar[str] = "small_object_zoom_paste"
    numeric: ClassVar[tuple[str, ...]] = ("prob", "scale", "max_size")

    def problems(self) -> list[tuple[str, str]]:
        return range_problem("scale", self.scale, 0.1, 10)

    def draw(self, state: State, rng: Stream) -> Draw:
        def is_target(kind: str, box: list[float]) -> bool:
            side = max(box[2] - box[0], box[3] - box[1])
            return side <= (self.max_line_length if kind == "line" else self.max_size)

        u = rng.uniform(1)[0]
        units = [rng.uniform(2 + 2 * self.max_attempts) for _ in range(self.max_targets)]
        if u >= self.prob:
            return Draw({"u": u})
        state = state.cut(self.name)
        targets = _targets(state, self.class_whitelist, self.context, is_target)
        return _pastes(state, targets, u, units, self.scale, self.context, self.max_covered)


@dataclass(frozen=True, kw_only=True)
class ObjectCopyPaste:
    """Copies of objects of any size, along their own outline (boxes and lines: their enclosing box), scaled by `scale`.

    Places are chosen as for `small_object_zoom_paste`.
    """

    max_objects: PositiveInt = 1
    max_attempts: PositiveInt = 20
    scale: Range = (0.8, 1.2)
    max_share: Annotated[float, Ge(0)] = 0.25
    max_covered: Share = 0.0
    class_whitelist: tuple[str, ...] = ()
    prob: Probability = 0.2
    name: ClassVar[str] = "object_copy_paste"
    numeric: ClassVar[tuple[str, ...]] = ("prob", "scale")

    def problems(self) -> list[tuple[str, str]]:
        return range_problem("scale", self.scale, 0.1, 10)

    def draw(self, state: State, rng: Stream) -> Draw:
        limit = self.max_share * state.width * state.height

        def is_target(_kind: str, box: list[float]) -> bool:
            return (box[2] - box[0]) * (box[3] - box[1]) <= limit

        u = rng.uniform(1)[0]
        units = [rng.uniform(2 + 2 * self.max_attempts) for _ in range(self.max_objects)]
        if u >= self.prob:
            return Draw({"u": u})
        state = state.cut(self.name)
        targets = _targets(state, self.class_whitelist, 0.0, is_target)
        return _pastes(state, targets, u, units, self.scale, None, self.max_covered)


def _targets(
    state: State,
    whitelist: tuple[str, ...],
    context: float,
    is_target: Callable[[str, list[float]], bool],
) -> list[int]:
    """Shapes that may be copied: wanted, complete, on the canvas, and alone in their surroundings."""
    boxes = state.table.bounds()
    chosen = []
    for index, item in enumerate(state.table.items):
        box = boxes[index].tolist()
        # A copy's pixels are not where the source matrix says, so copies are not copied again.
        is_copy = item.object_id != item.source_id
        if is_copy or item.is_partial or not is_target(item.kind, box):
            continue
        if whitelist and not is_of_class(item.desc, whitelist):
            continue
        around = _grown(box, context)
        if not _on_content(state, around) or box[2] - box[0] < 1 or box[3] - box[1] < 1:
            continue
        if not any(
            _meets(around, boxes[other].tolist()) for other in range(len(boxes)) if other != index
        ):
            chosen.append(index)
    return chosen


def _grown(box: list[float], margin: float) -> Window:
    return box[0] - margin, box[1] - margin, box[2] + margin, box[3] + margin


def _meets(window: Window, box: list[float]) -> bool:
    return window[0] < box[2] and box[0] < window[2] and window[1] < box[3] and box[1] < window[3]


def _on_content(state: State, window: Window) -> bool:
    """Whether the window lies wholly on picture content (the content's outline is convex)."""
    x1, y1, x2, y2 = window
    if x1 < 0 or y1 < 0 or x2 > state.width or y2 > state.height:
        return False
    outline = state.visible
    corners = ((x1, y1), (x2, y1), (x2, y2), (x1, y2))
    sides = list(zip(outline, outline[1:] + outline[:1], strict=True))
    turns = [
        (bx - ax) * (y - ay) - (by - ay) * (x - ax)
        for (ax, ay), (bx, by) in sides
        for x, y in corners
    ]
    return min(turns) >= 0 or max(turns) <= 0


def _pastes(
    state: State,
    targets: list[int],
    u: float,
    units: list[list[float]],
    scale: Range,
    context: float | None,
    max_covered: float,
) -> Draw:
    """One copy per row of `units` (pick, factor, then x and y of each attempt), each aware of the copies before it."""
    drawn: Drawn = {"u": u}
    pastes: list[Paste] = []
    for number, (pick, unit, *places) in enumerate(units):
        if not targets:
            break
        index = targets.pop(int(pick * len(targets)))
        drawn |= {f"pick_{number}": pick, f"factor_{number}": unit}
        paste = _paste(state, index, between(scale, unit), places, context, max_covered)
        if paste is not None:
            pastes.append(paste)
            state = paste.apply(state, "paste")
    return Draw(drawn, tuple(pastes), "" if pastes else "no target, or no free place for it")


def _paste(
    state: State,
    index: int,
    factor: float,
    places: list[float],
    context: float | None,
    max_covered: float,
) -> Paste | None:
    table = state.table
    item = table.items[index]
    box = table.bounds()[index].tolist()
    outline: Path = table.path(index)
    if context is not None or item.kind == "line":
        x1, y1, x2, y2 = _grown(box, context or 0.0)
        outline = rectangle(x2 - x1, y2 - y1, x1, y1)
    xs, ys = [x for x, _ in outline], [y for _, y in outline]
    x1, y1, x2, y2 = min(xs), min(ys), max(xs), max(ys)
    width, height = (x2 - x1) * factor, (y2 - y1) * factor
    for across, down in zip(places[::2], places[1::2], strict=True):
        left, top = across * (state.width - width), down * (state.height - height)
        window = (left, top, left + width, top + height)
        if left < 0 or top < 0 or not _on_content(state, window):
            continue
        if _is_free(state, window, max_covered):
            matrix: Matrix = affine(factor, 0, left - factor * x1, 0, factor, top - factor * y1)
            new_id = 1 + max(tracked.object_id for tracked in table.items)
            return Paste(
                object_id=item.object_id,
                new_id=new_id,
                matrix=numbers_of(matrix),
                outline=tuple(outline),
            )
    return None


def _is_free(state: State, window: Window, max_covered: float) -> bool:
    boxes = state.table.bounds().tolist()
    return all(
        covered_share(state.table, index, window) <= max_covered
        for index, box in enumerate(boxes)
        if _meets(window, box)
    )
