"""A prediction file as COCO results, for whatever evaluates against a COCO ground truth."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import orjson

from data_conversion.pipeline.image_index import ImageIndex
from data_conversion.pipeline.readers.coco.coco_file import CocoFile
from data_conversion.pipeline.writers.coco import geometry
from data_conversion.pipeline.writing import Written
from src.contract.predictions import Prediction
from src.errors import DataError
from src.files import atomic_write

ResultScores = Literal["logprob", "verbalised", "one"]


def write_results(
    predictions: Iterable[Prediction], truth: Path, target: Path, scores: ResultScores
) -> Written:
    """Write `target`, a list of detections with the ids that the ground truth file `truth` has.

    Pictures are found by the end of their path and classes by exact name; polygons become masks. Lines, and objects of a class
    that the truth does not list, are counted as losses, as is a missing score (it counts as 0). `scores` "one" gives all 1.
    `DataError` for two classes of one name, `RecordError` for a picture that the truth lacks or that fits two of its names.
    """
    file = CocoFile.open(truth, truth.name)
    counts = Counter(file.names.values())
    if twice := sorted(name for name, count in counts.items() if count > 1):
        raise DataError.say(
            "several categories of one name", where=truth.name, got=", ".join(twice[:5])
        )
    categories = {name: number for number, name in file.names.items()}
    images: dict[str, int] = {image["file_name"]: image["id"] for image in file.all_images()}
    by_name: defaultdict[str, list[str]] = defaultdict(list)
    for path in sorted(images):
        by_name[PurePosixPath(path).name].append(path)
    index = ImageIndex(
        root=truth.parent, by_name={name: tuple(paths) for name, paths in by_name.items()}
    )
    written = Written()
    separator = b"[\n"
    with atomic_write(target, "wb") as handle:
        for prediction in predictions:
            number = images[index.find(prediction.image, truth.name)]
            for entry in _detections(prediction, categories, scores, written):
                handle.write(separator + orjson.dumps({"image_id": number, **entry}))
                separator = b",\n"
            written.num_images += 1
        handle.write(b"[]\n" if separator == b"[\n" else b"\n]\n")
    return written


def _detections(
    prediction: Prediction, categories: dict[str, int], source: ResultScores, written: Written
) -> list[dict[str, Any]]:
    from src.evaluation.coco import polygon_mask

    given = {
        "logprob": prediction.logprob_scores,
        "verbalised": prediction.verbalised_scores,
        "one": (1.0,) * len(prediction.objects),
    }[source] or (None,) * len(prediction.objects)
    entries = []
    for item, score in zip(prediction.objects, given, strict=True):
        if item.kind == "line":
            written.losses["lines (COCO has no open shapes)"] += 1
            continue
        if item.desc not in categories:
            written.losses["objects of a class that the ground truth does not list"] += 1
            continue
        if score is None:
            written.losses["objects without a score"] += 1
        entry = {
            "category_id": categories[item.desc],
            "bbox": geometry(item)["bbox"],
            "score": score or 0.0,
        }
        if item.kind == "poly":
            mask = polygon_mask(item.points, prediction.width, prediction.height)
            counts = mask["counts"]
            text = counts.decode("ascii") if isinstance(counts, bytes) else counts
            entry["segmentation"] = {"size": mask["size"], "counts": text}
        entries.append(entry)
    written.num_objects += len(entries)
    return entries
