"""Summaries: one text a picture, judged by the items that it counts.

All sums are integers, so that tallies of parts of a file merge to the same figures in any order. Cost: some 30 us a summary.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from src.contract.predictions import Prediction
from src.domains.config import SummaryGrammar
from src.evaluation.summary_items import Items, answered_summary, true_summary, without_heading
from src.evaluation.wording import normalised


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryMeasures:
    """Counts over the summaries that have a reference.

    `exact` and `same_items` compare whole answers: texts but for white space around them, items with counts. `json_references`
    are those that are JSON, `json_valid` the answers to them that parse. Items are a multiset: `items_matched` counts what
    reference and answer share, `labels_matched` does so without regard to counts. `count_abs_error` sums, over the
    summaries, how far the total of the answer's counts is from the reference's; `over` and `under` tell the direction.
    `irrelevant` references say that nothing can be described; `irrelevant_correct` of them were answered so, and
    `irrelevant_wrong` other pictures too. `num_truncated` answers were cut off.
    """

    num_summaries: int
    num_without_reference: int
    num_truncated: int
    exact: int
    same_items: int
    json_references: int
    json_valid: int
    items_matched: int
    items_true: int
    items_answered: int
    labels_matched: int
    labels_true: int
    labels_answered: int
    count_abs_error: int
    count_over: int
    count_under: int
    irrelevant: int
    irrelevant_correct: int
    irrelevant_wrong: int

    @property
    def item_precision(self) -> float:
        return _share(self.items_matched, self.items_answered, self.items_true == 0)

    @property
    def item_recall(self) -> float:
        return _share(self.items_matched, self.items_true, self.items_answered == 0)

    @property
    def item_f1(self) -> float:
        return _share(2 * self.items_matched, self.items_true + self.items_answered, True)

    @property
    def label_f1(self) -> float:
        return _share(2 * self.labels_matched, self.labels_true + self.labels_answered, True)

    def scalars(self) -> dict[str, float]:
        """Rates that are defined; empty without a summary."""
        if not self.num_summaries:
            return {}
        rates = {
            "exact": self.exact / self.num_summaries,
            "same_items": self.same_items / self.num_summaries,
            "item_f1": self.item_f1,
            "label_f1": self.label_f1,
            "count_mae": self.count_abs_error / self.num_summaries,
        }
        if self.json_references:
            rates["json_validity"] = self.json_valid / self.json_references
        if self.irrelevant:
            rates["irrelevant_recall"] = self.irrelevant_correct / self.irrelevant
        return rates

    def rows(self) -> list[tuple[str, ...]]:
        """(measure, value) as text, for tables."""
        values = self.scalars()
        if values:
            values |= {"item_precision": self.item_precision, "item_recall": self.item_recall}
        return [(name.replace("_", " "), f"{value:.3f}") for name, value in values.items()]

    def to_json(self) -> dict[str, Any]:
        """Plain values for a file: every count and the rates that follow from them."""
        rates = {"item_precision": self.item_precision, "item_recall": self.item_recall}
        return {"counts": asdict(self), **self.scalars(), **(rates if self.num_summaries else {})}


@dataclass(slots=True, kw_only=True)
class SummaryTally:
    """Integer sums over summaries; `add` images, `merge` tallies of other parts, then take the `result`.

    `irrelevant` is the pack's text for a picture in which nothing can be described; it counts no item.
    """

    irrelevant: str
    grammar: SummaryGrammar = field(default_factory=SummaryGrammar)
    sums: Counter[str] = field(default_factory=Counter)

    def add(self, prediction: Prediction) -> None:
        """Count an image; predictions of another mode are passed over."""
        if prediction.mode != "summary":
            return
        if prediction.summary is None:
            self.sums["num_without_reference"] += 1
            return
        truth, answer = prediction.summary, prediction.text
        self.sums["num_summaries"] += 1
        self.sums["num_truncated"] += prediction.finish_reason == "length"
        self.sums["exact"] += truth.strip() == answer.strip()
        is_irrelevant, says_so = self._is_irrelevant(truth), self._is_irrelevant(answer)
        self.sums["irrelevant"] += is_irrelevant
        self.sums["irrelevant_correct"] += is_irrelevant and says_so
        self.sums["irrelevant_wrong"] += says_so and not is_irrelevant
        reference = true_summary(truth, self.grammar)
        # To a picture without a description, any form of answer is as wrong.
        given = (
            true_summary(answer, self.grammar)
            if is_irrelevant
            else answered_summary(answer, reference.form, self.grammar)
        )
        if reference.form == "json":
            self.sums["json_references"] += 1
            self.sums["json_valid"] += given.is_valid
        items = Counter[str]() if is_irrelevant else reference.items
        answered = Counter[str]() if says_so else given.items
        self.sums["same_items"] += items == answered and given.is_valid and is_irrelevant == says_so
        self._add_items(items, answered)

    def merge(self, other: SummaryTally) -> None:
        """Add the sums of another part."""
        same = (self.irrelevant, self.grammar) == (other.irrelevant, other.grammar)
        assert same, "tallies of different packs do not add up"
        self.sums += other.sums

    def result(self) -> SummaryMeasures:
        """The figures so far."""
        return SummaryMeasures(**{name: self.sums[name] for name in _FIELDS})

    def _is_irrelevant(self, text: str) -> bool:
        return normalised(without_heading(text)) == normalised(self.irrelevant)

    def _add_items(self, truth: Items, answered: Items) -> None:
        self.sums.update(_overlap("items", truth, answered))
        self.sums.update(_overlap("labels", Counter(set(truth)), Counter(set(answered))))
        difference = answered.total() - truth.total()
        self.sums["count_abs_error"] += abs(difference)
        self.sums["count_over"] += difference > 0
        self.sums["count_under"] += difference < 0


_FIELDS = tuple(SummaryMeasures.__dataclass_fields__)


def _overlap(name: str, truth: Items, answered: Items) -> Mapping[str, int]:
    return {
        f"{name}_matched": (truth & answered).total(),
        f"{name}_true": truth.total(),
        f"{name}_answered": answered.total(),
    }


def _share(part: int, whole: int, otherwise: bool) -> float:
    return part / whole if whole else float(otherwise)
