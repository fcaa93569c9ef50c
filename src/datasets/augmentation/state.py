"""One picture on its way through the ops: where its pixels come from, where its shapes are, and what colours come last.

Nothing is rendered here. A state says that the canvas shows the source picture through one matrix; ops only change that matrix,
the canvas size and the shapes. Content that an affine op pushes over the border is kept until an op cuts the canvas
(`cut`), so that `expand_to_fit_affine` after `rotate` still finds the corners.
"""

from __future__ import annotations

from dataclasses import dataclass

from src.datasets.augmentation.colour import Colour
from src.datasets.augmentation.table import (
    Dropped,
    Floors,
    PartPolicy,
    ShapeTable,
    clip_table,
    largest_part,
    table_of_scene,
)
from src.datasets.geometry.affine import Corners, Matrix, identity, rectangle
from src.datasets.geometry.clip import EDGE_TOLERANCE, Path
from src.datasets.scene import SceneObject

NOTHING: Corners = [(0.0, 0.0)] * 3  # the outline of no content: it has corners, and no area


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What holds for the whole pipeline."""

    floors: Floors
    parts: PartPolicy


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """Source pixels laid over the canvas: `matrix` maps the source picture, `outline` (canvas) bounds what is laid."""

    matrix: Matrix
    outline: Path


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """`matrix` maps the source picture to the canvas; `visible` is the convex outline of source content on it.

    A sample passes through some ten states, so `moved` and `cut` write all fields out: `dataclasses.replace` takes three times
    as long.
    """

    width: int
    height: int
    source_size: tuple[int, int]
    matrix: Matrix
    visible: Corners
    table: ShapeTable
    rules: Rules
    patches: tuple[Patch, ...] = ()
    colours: tuple[Colour, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    fill: int = 128

    @property
    def size(self) -> tuple[int, int]:
        return self.width, self.height

    @property
    def is_whole(self) -> bool:
        """Whether all visible content lies on the canvas."""
        right, bottom = self.width + EDGE_TOLERANCE, self.height + EDGE_TOLERANCE
        # Asked some six times a sample: `all(...)` would spend more on its generator than on the comparisons.
        for x, y in self.visible:  # noqa: SIM110
            if not (-EDGE_TOLERANCE <= x <= right and -EDGE_TOLERANCE <= y <= bottom):
                return False
        return True

    def moved(self, matrix: Matrix, size: tuple[int, int] | None) -> State:
        """Everything through a further map, on a canvas of `size` (None: as before). Nothing is cut."""
        width, height = size or self.size
        return State(
            width,
            height,
            self.source_size,
            matrix @ self.matrix,
            moved_path(self.visible, matrix),
            self.table.moved(matrix),
            self.rules,
            self.patches and _moved_patches(self.patches, matrix),
            self.colours,
            self.dropped,
            self.fill,
        )

    def cut(self, op: str, floors: Floors | None = None) -> State:
        """What lies outside the canvas is gone; objects are clipped exactly and those below the floor dropped."""
        if self.is_whole:
            return self
        window = (0.0, 0.0, float(self.width), float(self.height))
        table, dropped = clip_table(
            self.table, window, self.matrix, floors or self.rules.floors, self.rules.parts, op
        )
        outlines = [(patch, largest_part(patch.outline, window)) for patch in self.patches]
        return State(
            self.width,
            self.height,
            self.source_size,
            self.matrix,
            largest_part(self.visible, window) or NOTHING,
            table,
            self.rules,
            tuple(Patch(patch.matrix, line) for patch, line in outlines if line),
            self.colours,
            self.dropped + dropped,
            self.fill,
        )


def _moved_patches(patches: tuple[Patch, ...], matrix: Matrix) -> tuple[Patch, ...]:
    return tuple(
        Patch(matrix @ patch.matrix, moved_path(patch.outline, matrix)) for patch in patches
    )


def moved_path(path: Path, matrix: Matrix) -> Path:
    """A few points through a map; for many, `transform_points` is faster."""
    (a, b, c), (d, e, f), _ = matrix.tolist()
    return [(a * x + b * y + c, d * x + e * y + f) for x, y in path]


def initial_state(width: int, height: int, objects: tuple[SceneObject, ...], rules: Rules) -> State:
    """An untouched upright picture of width x height pixels and its objects."""
    return State(
        width=width,
        height=height,
        source_size=(width, height),
        matrix=identity(),
        visible=rectangle(width, height),
        table=table_of_scene(objects),
        rules=rules,
    )
