"""Scores of predicted objects, and orders of objects that depend on content alone.

Average precision ranks the objects of a whole file. Where scores tie, COCO's tools rank by position: renumbering the images then
changes the figure. Here every object has a key made of its image's content and its own, and tied objects are put in several
random orders that follow from the keys; neither the order of images or objects nor any file name has a part in it.
Cost: about 8 us an object for its key, 10 ms for an order of 100,000 objects.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from src.contract.predictions import Prediction, Scores
from src.contract.records import ObjectAnnotation
from src.errors import DataError
from src.evaluation.config import ScoreConfig
from src.rng import stable_hash

KEY_BYTES = 8
_REMEDY = {
    "logprob": "predict again with token probabilities asked for, or declare the source constant",
    "verbalised": "train and predict with an answer format that states a score, or declare the source constant",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredObject:
    """A predicted object with its score and its content key; `index` is its place in `Prediction.objects`."""

    item: ObjectAnnotation
    index: int
    score: float
    key: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredImage:
    """One image's objects and truths, each sorted by content.

    `truth_indices` are the truths' places in `Prediction.truth`.
    """

    prediction: Prediction
    objects: tuple[ScoredObject, ...]
    truth_indices: tuple[int, ...]

    @property
    def truths(self) -> tuple[ObjectAnnotation, ...]:
        truth = self.prediction.truth or ()
        return tuple(truth[index] for index in self.truth_indices)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredImages:
    """Images with truth in the order of their content; `num_missing` objects have no score of their own."""

    images: tuple[ScoredImage, ...]
    num_missing: int


def scored_images(predictions: Iterable[Prediction], config: ScoreConfig) -> ScoredImages:
    """The dense predictions that have a truth, with scores of the declared source, in the order of their content.

    Raises `DataError` when the source is missing: for `logprob` in any image with objects, for `verbalised` in the whole file.
    """
    wanted = [item for item in predictions if item.mode == "dense" and item.truth is not None]
    _require_source(wanted, config)
    drafts = sorted((_draft(item, config) for item in wanted), key=lambda draft: draft.key)
    images: list[ScoredImage] = []
    for _, same in groupby(drafts, key=lambda draft: draft.key):
        images += [_with_keys(draft, occurrence) for occurrence, draft in enumerate(same)]
    missing = sum(value is None for item in wanted for value in _own_scores(item, config))
    return ScoredImages(images=tuple(images), num_missing=missing)


def rank_orders(
    scores: NDArray[np.float64], keys: NDArray[np.uint64], config: ScoreConfig
) -> Iterator[NDArray[np.int64]]:
    """Ranks of the objects, best 0, all different: one array if no scores tie, else one for each of `num_orders` orders.

    Within equal scores the ranks are a random order that depends on the keys and `config.seed`.
    """
    tied = len(np.unique(scores)) < len(scores)
    for number in range(config.num_orders if tied else 1):
        salt = np.uint64(stable_hash(config.seed, "tied-scores", number, bits=8 * KEY_BYTES))
        order = np.lexsort((_mixed(keys ^ salt), -scores))
        ranks = np.empty(len(scores), dtype=np.int64)
        ranks[order] = np.arange(len(scores))
        yield ranks


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """An image on its way to `ScoredImage`: contents as bytes beside places, sorted, and their digest."""

    prediction: Prediction
    objects: tuple[tuple[bytes, int, float], ...]
    truths: tuple[tuple[bytes, int], ...]
    key: bytes


def _draft(item: Prediction, config: ScoreConfig) -> _Draft:
    scores = [
        config.missing_score if value is None else float(value)
        for value in _own_scores(item, config)
    ]
    objects = sorted(
        (_content(found, score), index, score)
        for index, (found, score) in enumerate(zip(item.objects, scores, strict=True))
    )
    truths = sorted((_content(truth), index) for index, truth in enumerate(item.truth or ()))
    head = struct.pack("<3q", item.width, item.height, len(truths))
    key = _digest(head, *(content for content, _ in truths), *(entry[0] for entry in objects))
    return _Draft(prediction=item, objects=tuple(objects), truths=tuple(truths), key=key)


def _with_keys(draft: _Draft, occurrence: int) -> ScoredImage:
    """The image with its objects' keys; `occurrence` tells images of equal content apart, and so for its objects."""
    objects = []
    for content, same in groupby(draft.objects, key=lambda entry: entry[0]):
        for number, (_, index, score) in enumerate(same):
            digest = _digest(draft.key, content, struct.pack("<2q", occurrence, number))
            key = int.from_bytes(digest[:KEY_BYTES], "little")
            item = draft.prediction.objects[index]
            objects.append(ScoredObject(item=item, index=index, score=score, key=key))
    return ScoredImage(
        prediction=draft.prediction,
        objects=tuple(objects),
        truth_indices=tuple(index for _, index in draft.truths),
    )


def _content(item: ObjectAnnotation, score: float = 0.0) -> bytes:
    """An object and its score as bytes that are equal for equal objects only."""
    numbers = struct.pack(f"<{len(item.points) + 1}d", score, *item.points)
    return b"".join((item.kind.encode(), b":", numbers, item.desc.encode()))


def _digest(*parts: bytes) -> bytes:
    """16 bytes that stand for the parts, each with its length."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.digest()


def _own_scores(item: Prediction, config: ScoreConfig) -> Scores:
    """The scores that the file gives to the objects, None where it gives none."""
    if config.source == "constant":
        return (1.0,) * len(item.objects)
    own = item.logprob_scores if config.source == "logprob" else item.verbalised_scores
    return (None,) * len(item.objects) if own is None else own


def _require_source(predictions: Sequence[Prediction], config: ScoreConfig) -> None:
    with_objects = [item for item in predictions if item.objects]
    if config.source == "constant" or not with_objects:
        return
    if config.source == "logprob":
        lacking = [item for item in with_objects if item.logprob_scores is None]
    else:
        has_any = any(v is not None for item in with_objects for v in _own_scores(item, config))
        lacking = [] if has_any else with_objects
    if lacking:
        raise DataError.say(
            f"the predictions have no {config.source} scores",
            rule="score-source",
            got=f"{len(lacking)} of {len(with_objects)} images with objects lack them, e.g. {lacking[0].image}",
            expected=f"{config.source}_scores beside the objects",
            remedy=_REMEDY[config.source],
        )


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of SplitMix64: a bijection of 64-bit numbers in which every bit of the input moves half of the output."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
