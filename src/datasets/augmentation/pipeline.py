"""Augmentation of a scene: a pure function of (seed, epoch, dataset, row), planned first and painted once.

Every op draws from a stream of its own, keyed by its name: adding, removing or moving an op leaves the others' draws alone.
Planning costs 0.3 to 0.5 ms for 20 objects (docs/benchmarks.md); pixels: see `paint`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np

from src.contract.budget import PixelBudget
from src.contract.records import GeometryKind
from src.datasets.augmentation.curriculum import Curriculum, Stage
from src.datasets.augmentation.ops.canvas import resized
from src.datasets.augmentation.paint import Painter, content_area
from src.datasets.augmentation.state import Rules, State, initial_state
from src.datasets.augmentation.table import ShapeTable, Tracked
from src.datasets.augmentation.trace import KeptObject, Step, Trace
from src.datasets.augmentation.transforms import numbers_of
from src.datasets.geometry.affine import is_axis_aligned
from src.datasets.geometry.shapes import Points, Shape
from src.datasets.geometry.simplify import cap_vertices
from src.datasets.scene import RenderedScene, Scene, SceneObject
from src.images import read_header
from src.rng import Stream, generator, packed

PURPOSE = "augment"
FIT = "fit_to_grid"
CUT = "canvas"
KINDS: Mapping[GeometryKind, GeometryKind] = {"bbox_2d": "bbox_2d", "poly": "poly", "line": "line"}
TURNED_KINDS: Mapping[GeometryKind, GeometryKind] = {**KINDS, "bbox_2d": "poly"}


@dataclass(frozen=True, slots=True)
class DrawKey:
    """What a sample's randomness depends on, beside the seed; `step` only chooses the curriculum's values."""

    epoch: int
    dataset: int
    row: int
    step: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Emission:
    """How shapes leave the pipeline; `wording` is the pack's (full, partial) text for completeness."""

    rotated_box: Literal["poly", "bbox"] = "poly"
    max_poly_vertices: int | None = None
    wording: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """The ops of a run. `budget` is the model's picture size: the last, implicit step of the one warp."""

    seed: int
    curriculum: Curriculum
    rules: Rules
    budget: PixelBudget
    painter: Painter
    emission: Emission

    def apply(self, scene: Scene, key: DrawKey) -> tuple[RenderedScene, tuple[Trace, ...]]:
        """The augmented scene and one trace per picture; the pictures of a record share the draws."""
        stage = self.curriculum.at(key.step)
        planned = [
            self.plan(width, height, objects, key, stage)
            for (width, height), objects in zip(
                _sizes(scene), (scene.objects, *[()] * len(scene.pictures[1:])), strict=False
            )
        ]
        return self._rendered(scene, planned)

    def replay(
        self, scene: Scene, traces: tuple[Trace, ...]
    ) -> tuple[RenderedScene, tuple[Trace, ...]]:
        """The same scene again from its traces; nothing is drawn."""
        planned = []
        for index, trace in enumerate(traces):
            objects = scene.objects if index == 0 else ()
            state = initial_state(*trace.source_size, objects, self.rules)
            for step in trace.steps:
                for transform in step.transforms:
                    state = transform.apply(state, step.op)
            state = state.cut(CUT)
            planned.append((state, trace_of(state, trace.steps, trace.bypassed)))
        return self._rendered(scene, planned)

    def plan(
        self,
        width: int,
        height: int,
        objects: tuple[SceneObject, ...],
        key: DrawKey,
        stage: Stage,
    ) -> tuple[State, Trace]:
        """Draw every op for one upright picture of width x height; no pixels are touched."""
        state = initial_state(width, height, objects, self.rules)
        place = (key.epoch, key.dataset, key.row)
        where = packed(*place)
        steps: list[Step] = []
        bypass = stage.bypass_prob > 0 and (
            generator(self.seed, PURPOSE, "bypass", *place).random() < stage.bypass_prob
        )
        for policy in () if bypass else stage.policies:
            draw = policy.draw(state, Stream(_of_op(self.seed, policy.name), where))
            for transform in draw.transforms:
                state = transform.apply(state, policy.name)
            steps.append(
                Step(
                    op=policy.name,
                    drawn=draw.drawn,
                    transforms=draw.transforms,
                    skipped=draw.skipped,
                )
            )
        state = state.cut(CUT)
        fitted = self.budget.fit(*state.size)
        if fitted != state.size:
            fit = resized(state, *fitted)
            state = fit.apply(state, FIT)
            steps.append(Step(op=FIT, transforms=(fit,)))
        return state, trace_of(state, tuple(steps), bypass)

    def _rendered(
        self, scene: Scene, planned: list[tuple[State, Trace]]
    ) -> tuple[RenderedScene, tuple[Trace, ...]]:
        pixels = tuple(
            self.painter.paint(path, state, scene.source)
            for path, (state, _) in zip(scene.pictures, planned, strict=True)
        )
        objects = emitted(planned[0][0], self.emission) if planned else scene.objects
        rendered = RenderedScene(
            pixels=pixels,
            objects=objects,
            summary=scene.summary,
            messages=scene.messages,
            source=scene.source,
        )
        return rendered, tuple(trace for _, trace in planned)


@lru_cache(maxsize=256)
def _of_op(seed: int, name: str) -> bytes:
    """The part of an op's stream key that all samples share."""
    return packed(seed, PURPOSE, name)


def _sizes(scene: Scene) -> list[tuple[int, int]]:
    """(width, height) of each picture, upright; the record says the first one's (checked when it is decoded)."""
    known = [(scene.width, scene.height)] if scene.width and scene.pictures else []
    unread: tuple[Path, ...] = scene.pictures[len(known) :]
    return known + [read_header(path).upright_size for path in unread]


def trace_of(state: State, steps: tuple[Step, ...], bypassed: bool) -> Trace:
    """The trace of a finished state."""
    return Trace(
        bypassed=bypassed,
        steps=steps,
        matrix=numbers_of(state.matrix),
        source_size=state.source_size,
        size=state.size,
        kept=tuple(
            KeptObject(item.object_id, item.source_id, item.fraction, item.is_partial)
            for item in state.table.items
        ),
        dropped=state.dropped,
        padding_ratio=max(0.0, 1.0 - content_area(state) / (state.width * state.height)),
    )


def emitted(state: State, emission: Emission) -> tuple[SceneObject, ...]:
    """The state's shapes as scene objects on its canvas."""
    points = np.minimum(np.maximum(state.table.points, 0.0), state.size)
    points.flags.writeable = False  # so are the views of it that shapes hold
    table = ShapeTable(points, state.table.starts, state.table.items)
    items, pieces = table.items, table.pieces()
    as_box = emission.rotated_box == "bbox" or is_axis_aligned(state.matrix)
    if as_box:
        pieces = _boxes_as_two_points(table, pieces)
    if emission.max_poly_vertices is not None:
        pieces = _thinned(items, pieces, emission.max_poly_vertices)
    descs = [item.desc for item in items]
    if emission.wording is not None:
        full, partial = emission.wording
        descs = [
            item.desc.replace(full, partial) if item.is_partial else item.desc for item in items
        ]
    kinds = KINDS if as_box else TURNED_KINDS
    return tuple(
        SceneObject(desc=desc, shape=Shape(item.object_id, kinds[item.kind], piece))
        for item, desc, piece in zip(items, descs, pieces, strict=True)
    )


def _boxes_as_two_points(table: ShapeTable, pieces: list[Points]) -> list[Points]:
    corners = table.bounds().reshape(-1, 2, 2)
    corners.flags.writeable = False
    return [
        box if item.kind == "bbox_2d" else piece
        for item, piece, box in zip(table.items, pieces, corners, strict=True)
    ]


def _thinned(items: tuple[Tracked, ...], pieces: list[Points], limit: int) -> list[Points]:
    """Polygons with at most `limit` vertices; everything else as it is."""
    thinned = []
    for item, points in zip(items, pieces, strict=True):
        if item.kind == "poly" and len(points) > limit:
            path = [(x, y) for x, y in points.tolist()]
            points = np.array(cap_vertices(path, limit, closed=True))
            points.flags.writeable = False
        thinned.append(points)
    return thinned
