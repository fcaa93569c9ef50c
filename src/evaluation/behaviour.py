"""How a model answers, apart from where its objects lie: broken, endless, repeated, invented."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from src.evaluation.image_counts import ImageCounts


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """Sums over images. Answers and objects of all images count, but what needs a truth looks at `num_scored` images alone.

    Count errors are predicted minus true objects of an image. Negatives are images whose truth is empty;
    `num_negatives_correct` were answered with a legal empty answer, `num_negatives_hallucinated` with objects. `num_parsed` and
    `num_loop_answers` are of dense answers: a summary has no format that it could break.
    """

    num_images: int
    num_summary: int
    num_without_truth: int
    num_parsed: int
    num_truncated: int
    num_repetition: int
    num_dropped_parts: int
    num_objects: int
    num_duplicates: int
    num_looped: int
    num_loop_answers: int
    num_oversized: int
    num_scored_objects: int
    count_abs_error: int
    count_over: int
    count_under: int
    count_over_objects: int
    count_under_objects: int
    num_negatives: int
    num_negatives_correct: int
    num_negatives_hallucinated: int
    num_negative_objects: int

    @property
    def num_dense(self) -> int:
        """Images whose answer is a list of objects."""
        return self.num_images - self.num_summary

    @property
    def num_scored(self) -> int:
        return self.num_dense - self.num_without_truth

    def rates(self) -> dict[str, float]:
        """Shares and means by name; those alone whose denominator is not 0."""
        parts = (
            ("parse_rate", self.num_parsed, self.num_dense),
            ("truncated_rate", self.num_truncated, self.num_images),
            ("repetition_rate", self.num_repetition, self.num_images),
            ("loop_rate", self.num_loop_answers, self.num_dense),
            ("duplicate_rate", self.num_duplicates, self.num_objects),
            ("oversized_rate", self.num_oversized, self.num_scored_objects),
            ("count_mae", self.count_abs_error, self.num_scored),
            ("hallucination_rate", self.num_negatives_hallucinated, self.num_negatives),
            ("objects_per_negative", self.num_negative_objects, self.num_negatives),
            ("correct_empty_rate", self.num_negatives_correct, self.num_negatives),
        )
        return {name: part / whole for name, part, whole in parts if whole}

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "num_scored": self.num_scored, **self.rates()}


def behaviour_of(images: Iterable[ImageCounts]) -> Behaviour:
    """Sum up images."""
    sums = dict.fromkeys(Behaviour.__dataclass_fields__, 0)
    for image in images:
        for name, value in _of_image(image).items():
            sums[name] += value
    return Behaviour(**sums)


def _of_image(image: ImageCounts) -> dict[str, int]:
    is_scored = image.truths is not None
    num_truths = 0 if image.truths is None else len(image.truths)
    difference = image.num_objects - num_truths if is_scored else 0
    is_negative = is_scored and num_truths == 0
    return {
        "num_images": 1,
        "num_summary": image.is_summary,
        "num_without_truth": not is_scored and not image.is_summary,
        "num_parsed": image.is_valid and not image.is_summary,
        "num_truncated": image.is_truncated,
        "num_repetition": image.is_repetition,
        "num_dropped_parts": image.num_dropped,
        "num_objects": image.num_objects,
        "num_duplicates": image.num_duplicates,
        "num_looped": image.num_looped,
        "num_loop_answers": image.num_looped > 0,
        "num_oversized": image.num_oversized,
        "num_scored_objects": image.num_objects if is_scored else 0,
        "count_abs_error": abs(difference),
        "count_over": difference > 0,
        "count_under": difference < 0,
        "count_over_objects": max(difference, 0),
        "count_under_objects": max(-difference, 0),
        "num_negatives": is_negative,
        "num_negatives_correct": is_negative and image.num_objects == 0 and image.is_valid,
        "num_negatives_hallucinated": is_negative and image.num_objects > 0,
        "num_negative_objects": image.num_objects if is_negative else 0,
    }
