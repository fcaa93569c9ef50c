"""`python -m vis_tools.vis_augment_compare --config X`: pictures beside their augmented variants, by training's own pipeline.

Inherited configs, prompts' domain pack and curriculum are those of the run. Objects that an op dropped are drawn dashed, with the
reason. Writes `index.html` (self-contained; a tab for each variant) and one PNG a sample.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from src.config.loader import find_config, load_config
from src.config.schema import TrainingConfig
from src.contract.records import GeometryKind, ObjectAnnotation
from src.datasets.assembly import augmentation_pipeline, make_budget, open_split
from src.datasets.augmentation.pipeline import DrawKey, Pipeline
from src.datasets.augmentation.trace import KeptObject, Trace
from src.datasets.geometry.affine import transform_points
from src.datasets.mix import member_specs
from src.datasets.preparation import make_plan, total_steps
from src.datasets.render import render
from src.datasets.scene import RenderedScene, Scene, SceneObject
from src.errors import ConfigError
from src.report.page import GoneObject, ReportSample, truth_sample, write_report
from src.report.sheet import contact_sheet
from src.utils.cli import parser, run


def main(argv: Sequence[str]) -> int:
    options = parser(
        "python -m vis_tools.vis_augment_compare",
        "Show pictures beside variants from the very augmentation pipeline of training.",
    )
    options.add_argument("--config", required=True, help="training config: path or name")
    options.add_argument("--set", action="append", default=[], metavar="a.b=c", help="override")
    options.add_argument("--num-samples", type=int, default=4, help="records to show")
    options.add_argument("--variants", type=int, default=3, help="variants of each")
    options.add_argument(
        "--progress", default="0", help="comma-separated points of the run, 0 to 1 (curriculum)"
    )
    options.add_argument("--out", type=Path, default=Path("runs/augment"), help="folder to write")
    chosen = options.parse_args(argv)
    config = load_config(find_config(chosen.config), chosen.set).config
    points = _progress(chosen.progress)
    rows = comparison(config, chosen.num_samples, chosen.variants, points)
    page = chosen.out / "index.html"
    write_report(
        page,
        [sample for row in rows for sample in row],
        (),
        title=f"Augmentation of {chosen.config}",
        facts=(("records", str(len(rows))), ("variants", str(chosen.variants))),
        groups_label="variant",
    )
    for number, row in enumerate(rows):
        contact_sheet(chosen.out / f"sample_{number}.png", row, columns=len(row), tile=360)
    sys.stdout.write(f"wrote {page} and {len(rows)} PNG files\n")
    return 0


def _progress(text: str) -> list[float]:
    try:
        points = [float(word) for word in text.split(",")]
    except ValueError:
        points = [-1.0]
    if not all(0 <= point <= 1 for point in points):
        raise ConfigError.say(
            "not points of a run", path="--progress", got=text, expected="numbers from 0 to 1"
        )
    return points


def comparison(
    config: TrainingConfig, num_samples: int, variants: int, points: Sequence[float]
) -> list[list[ReportSample]]:
    """A list for each record: the picture without augmentation, then its variants at each point of the run.

    Variant v is what epoch v would draw.
    """
    if not config.custom.augmentation.enabled:
        raise ConfigError.say(
            "augmentation is off in this config",
            path="custom.augmentation.enabled",
            remedy="set it to true, for this view alone with --set custom.augmentation.enabled=true",
        )
    specs = member_specs(config)
    opened = [open_split(config, spec, "train") for spec in specs]
    sources = [data.source for data in opened if data is not None]
    sizes = tuple(map(len, sources))
    plan = make_plan(config, specs, sizes, world_size=1, lengths=None)
    total = total_steps(config, plan)
    rows = []
    for number, (spec, source) in enumerate(zip(specs, sources, strict=True)):
        pipeline = augmentation_pipeline(config, spec, total)
        if pipeline is None:
            continue
        for row in _spread(len(source), num_samples):
            scene = source.scene(row)
            samples = [_plain(scene, config, spec.name)]
            for point in points:
                step = min(total - 1, int(point * total))
                keys = [DrawKey(epoch, number, row, step) for epoch in range(variants)]
                samples += [_variant(scene, pipeline, key, spec.name) for key in keys]
            rows.append(samples)
    return rows


def _spread(count: int, wanted: int) -> list[int]:
    """Rows evenly over the file: exports are sorted, and the first ones look alike."""
    return sorted({int(value) for value in np.linspace(0, count - 1, min(wanted, count))})


def _plain(scene: Scene, config: TrainingConfig, dataset: str) -> ReportSample:
    rendered = render(scene, make_budget(config))
    return _sample(
        rendered,
        dataset,
        group="original",
        truth_notes=tuple(f"object {item.shape.object_id}" for item in rendered.objects),
    )


def _sample(rendered: RenderedScene, dataset: str, **shown: Any) -> ReportSample:
    """A rendered scene on the page; `shown` are the group and the notes of `truth_sample`."""
    return truth_sample(
        rendered.pixels[0],
        tuple(_annotation(item) for item in rendered.objects),
        rendered.size,
        name=str(rendered.source),
        row=rendered.source.line - 1,
        dataset=dataset,
        **shown,
    )


def _annotation(item: SceneObject) -> ObjectAnnotation:
    return _object(item.desc, item.shape.kind, item.shape.points)


def _object(desc: str, kind: GeometryKind, points: NDArray[np.float64]) -> ObjectAnnotation:
    return ObjectAnnotation(desc=desc, kind=kind, points=tuple(points.ravel().tolist()))


def _variant(scene: Scene, pipeline: Pipeline, key: DrawKey, dataset: str) -> ReportSample:
    rendered, traces = pipeline.apply(scene, key)
    trace = traces[0]
    drawn = [step.op for step in trace.steps if step.transforms]
    skipped = [f"{step.op}: {step.skipped}" for step in trace.steps if step.skipped]
    return _sample(
        rendered,
        dataset,
        group=f"epoch {key.epoch}, step {key.step}",
        notes=(
            "bypassed" if trace.bypassed else ", ".join(drawn) or "nothing drawn",
            *skipped,
            f"{trace.size[0]}x{trace.size[1]}, padding {trace.padding_ratio:.0%}",
        ),
        truth_notes=tuple(_note(kept) for kept in trace.kept),
        gone=_gone(scene, trace),
    )


def _note(kept: KeptObject) -> str:
    """Which object of the original it is, and how much of it is left."""
    if kept.source_id != kept.object_id:
        return f"copy of object {kept.source_id}"
    visible = f", {kept.visible:.0%} visible" if kept.visible < 1 else ""
    return f"object {kept.object_id}{visible}"


def _gone(scene: Scene, trace: Trace) -> tuple[GoneObject, ...]:
    """Dropped objects where they would be, clipped by nothing."""
    matrix = np.vstack([np.reshape(trace.matrix, (2, 3)), [0, 0, 1]])
    by_id = {item.shape.object_id: item for item in scene.objects}
    gone = []
    for dropped in trace.dropped:
        if dropped.object_id not in by_id:  # a pasted copy
            continue
        item = by_id[dropped.object_id]
        points = item.shape.points
        if item.shape.kind == "bbox_2d":
            (x1, y1), (x2, y2) = points
            points = np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]])
        kind: GeometryKind = "line" if item.shape.kind == "line" else "poly"
        reason = f"object {dropped.object_id}, {dropped.op}: {dropped.reason}"
        shape = _object(item.desc, kind, transform_points(points, matrix))
        gone.append(GoneObject(item=shape, reason=reason))
    return tuple(gone)


if __name__ == "__main__":
    sys.exit(run(main))
