"""`python -m vis_tools.vis_qwen3`: what a checkpoint, or a prediction file, says beside the ground truth.

Writes into a folder: `report.html` (one page with everything), `panels/*.png` (truth left, prediction right) and
`gt_vs_pred.jsonl`. With `--model` it predicts first, by `src.predict`, and leaves `predictions.jsonl` there, too; without it
no torch is loaded.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from src.contract.coordinates import to_text_space
from src.contract.predictions import ImageMatches, Prediction, read_predictions, relative_image
from src.contract.records import ObjectAnnotation
from src.errors import DataError, UsageError
from src.evaluation.config import EvaluationConfig
from src.evaluation.report import evaluate
from src.evaluation.sections import SectionRules, sections_of
from src.files import atomic_write
from src.generation.figures_page import metric_plots, metric_tables, prediction_samples
from src.report.page import ReportSample, write_report
from src.report.sheet import contact_sheet
from src.utils.cli import parser, run

NO_MATCHES = ImageMatches(pairs=(), missed=(), extra=())


def main(argv: Sequence[str]) -> int:
    options = parser(
        "python -m vis_tools.vis_qwen3",
        "Draw a checkpoint's answers, or a prediction file, beside the ground truth.",
    )
    source = options.add_mutually_exclusive_group(required=True)
    source.add_argument("--pred", type=Path, help="prediction file of src.predict")
    source.add_argument("--model", type=Path, help="checkpoint folder to predict with")
    options.add_argument("--jsonl", type=Path, help="records to predict (with --model)")
    options.add_argument("--out", type=Path, default=Path("runs/vis_qwen3"), help="folder to write")
    options.add_argument("--limit", type=int, help="only the first items")
    options.add_argument("--panels", type=int, default=50, help="PNG files to write at most")
    options.add_argument("--config", help="training config, for a checkpoint without grounding")
    options.add_argument("--batch-size", type=int, default=8, help="images generated at once")
    options.add_argument("--max-new-tokens", type=int, default=1024, help="longest answer")
    options.add_argument("--root", action="append", default=[], help="further folder for images")
    options.add_argument("--restart", action="store_true", help="discard an interrupted prediction")
    chosen = options.parse_args(argv)
    if (chosen.model is None) != (chosen.jsonl is None):
        raise UsageError.say("--jsonl goes with --model, and --model needs it")
    if (chosen.limit is not None and chosen.limit < 1) or chosen.panels < 0:
        raise UsageError.say("--limit must be at least 1, --panels at least 0")
    predictions = chosen.pred if chosen.model is None else _predicted(chosen)
    samples = read_samples(predictions, chosen.limit)
    write_all(chosen.out, samples, title=f"{chosen.model or predictions}: truth and prediction")
    count = write_panels(chosen.out / "panels", samples[: chosen.panels])
    sys.stdout.write(
        f"wrote {chosen.out / 'report.html'}, gt_vs_pred.jsonl ({len(samples)} images) and {count} panels\n"
    )
    return 0


def _predicted(chosen: Namespace) -> Path:
    """Run `src.predict` with these options; the prediction file."""
    from src.predict import main as predict

    out: Path = chosen.out / "predictions.jsonl"
    words = ["--model", str(chosen.model), "--jsonl", str(chosen.jsonl), "--out", str(out)]
    words += ["--batch-size", str(chosen.batch_size)]
    words += ["--max-new-tokens", str(chosen.max_new_tokens)]
    words += ["--limit", str(chosen.limit)] if chosen.limit is not None else []
    words += ["--config", chosen.config] if chosen.config is not None else []
    words += [word for root in chosen.root for word in ("--root", root)]
    predict(words + ["--restart"] * chosen.restart)
    return out


def read_samples(predictions: Path, limit: int | None) -> list[ReportSample]:
    """The first predictions of a file, matched; pictures are looked up beside the file."""
    chosen = islice(read_predictions(predictions), limit)
    samples = prediction_samples(predictions, EvaluationConfig(), chosen)
    if not samples:
        raise DataError.say(f"{predictions} has no predictions", remedy="predict again")
    return samples


def write_all(out: Path, samples: Sequence[ReportSample], *, title: str) -> None:
    """`report.html` and `gt_vs_pred.jsonl`."""
    predictions, config = [sample.prediction for sample in samples], EvaluationConfig()
    report = evaluate(predictions, config)
    # The pack of the training run is not known here: the plain grammar.
    sections = sections_of(predictions, config, SectionRules(irrelevant=""))
    write_report(
        out / "report.html",
        samples,
        metric_tables(report, sections),
        title=title,
        facts=[("images", str(len(samples))), ("parsed", f"{report.parse_rate:.1%}")],
        plots=metric_plots(report),
    )
    with atomic_write(out / "gt_vs_pred.jsonl", "wb") as handle:
        handle.writelines(dump_line(sample, out) for sample in samples)


def dump_line(sample: ReportSample, folder: Path) -> bytes:
    """A line of the dump. `image_path` is relative to its folder; objects are `{desc, KIND: flat points}`.

    `gt` is in pixels of the upright picture (floats), `gt_norm1000` and `pred` on the grid of 0..1000 (whole numbers); `gt`
    and `gt_norm1000` are null where the image has no annotation.
    """
    item = sample.prediction
    assert isinstance(sample.picture, Path)
    truth = item.truth
    line = {
        "image_path": relative_image(sample.picture, folder),
        "width": item.width,
        "height": item.height,
        "gt": None if truth is None else [_object(one, one.points) for one in truth],
        "gt_norm1000": None if truth is None else list(_on_grid(truth, item)),
        "pred": list(_on_grid(item.objects, item)),
        "raw_text": item.text,
        "is_valid": item.is_valid,
    }
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def _object(item: ObjectAnnotation, points: Sequence[float]) -> dict[str, Any]:
    return {"desc": item.desc, item.kind: list(points)}


def _on_grid(objects: Sequence[ObjectAnnotation], item: Prediction) -> Iterator[dict[str, Any]]:
    for one in objects:
        yield _object(one, to_text_space(one.points, item.width, item.height, "norm1000"))


def write_panels(folder: Path, samples: Sequence[ReportSample]) -> int:
    """A PNG a sample: its truth left (missed objects orange), its prediction right (wrong ones red); their number."""
    for number, sample in enumerate(samples):
        item, matches = sample.prediction, sample.matches or NO_MATCHES
        left = replace(sample, prediction=replace(item, objects=(), logprob_scores=None))
        right = replace(
            sample, prediction=replace(item, truth=()), matches=replace(matches, missed=())
        )
        path = folder / f"{number:05d}_{Path(item.image).stem}.png"
        contact_sheet(path, (left, right), columns=2, tile=640)
    return len(samples)


if __name__ == "__main__":
    sys.exit(run(main))
