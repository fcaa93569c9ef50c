"""Summaries: one text a picture, judged by the items that it counts.

    counts = summary_counts(predictions, grammar, irrelevant)     # on any number of ranks
    measures = summary_measures(counts + others)                  # the same whatever the split and order

Cost: some 30 us a summary.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from src.contract.predictions import Prediction
from src.domains.config import SummaryGrammar
from src.evaluation.scores import Counts
from src.evaluation.summary_items import Items, answered_summary, true_summary, without_heading
from src.evaluation.wording import normalised

MAX_ANSWERED = 100
"""The most that one label of an answer counts, unless the reference has more of it: one endless number decides no mean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryMeasures:
    """Counts over the summaries that have a reference.

    `exact` and `same_items` compare whole answers: texts but for white space around them, items with counts. `json_references`
    are those that are JSON, `json_valid` the answers to them that parse. Items are a multiset: `items_matched` counts what
    reference and answer share, `labels_matched` does so without regard to counts. `count_abs_error` sums, over the
    summaries, how far the total of the answer's counts is from the reference's; `over` and `under` tell the direction.
    But for `same_items`, a label's count in an answer is taken as at most `MAX_ANSWERED`, or the reference's if that is larger.
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
    def items(self) -> Counts:
        """Items with their counts."""
        return Counts(
            matched=self.items_matched, truths=self.items_true, predicted=self.items_answered
        )

    @property
    def labels(self) -> Counts:
        """Items without regard to their counts."""
        return Counts(
            matched=self.labels_matched, truths=self.labels_true, predicted=self.labels_answered
        )

    def scalars(self) -> dict[str, float]:
        """Rates that are defined; empty without a summary."""
        if not self.num_summaries:
            return {}
        rates = {
            "exact": self.exact / self.num_summaries,
            "same_items": self.same_items / self.num_summaries,
            "item_f1": self.items.f1,
            "item_precision": self.items.precision,
            "item_recall": self.items.recall,
            "label_f1": self.labels.f1,
            "count_mae": self.count_abs_error / self.num_summaries,
        }
        if self.json_references:
            rates["json_validity"] = self.json_valid / self.json_references
        if self.irrelevant:
            rates["irrelevant_recall"] = self.irrelevant_correct / self.irrelevant
        return rates

    def rows(self) -> list[tuple[str, ...]]:
        """(measure, value) as text, for tables."""
        return [(name.replace("_", " "), f"{value:.3f}") for name, value in self.scalars().items()]

    def to_json(self) -> dict[str, Any]:
        """Plain values for a file: every count and the rates that follow from them."""
        return {"counts": asdict(self), **self.scalars()}


SummaryCounts = Counter[str]
"""Sums of the counts of `SummaryMeasures`. Those of parts of a file add up to those of the file."""


def summary_counts(
    predictions: Iterable[Prediction], grammar: SummaryGrammar, irrelevant: str
) -> SummaryCounts:
    """Count the predictions in summary mode; others are passed over.

    `irrelevant` is the pack's text for a picture in which nothing can be described; it holds no item.
    """
    sums: SummaryCounts = Counter()
    for item in predictions:
        if item.mode != "summary":
            continue
        if item.summary is None:
            sums["num_without_reference"] += 1
            continue
        sums["num_summaries"] += 1
        sums["num_truncated"] += item.finish_reason == "length"
        sums.update(_compared(item.summary, item.text, grammar, normalised(irrelevant)))
    return sums


def summary_measures(counts: SummaryCounts) -> SummaryMeasures:
    """The figures of all that was counted."""
    return SummaryMeasures(**{field.name: counts[field.name] for field in fields(SummaryMeasures)})


def _compared(
    truth: str, answer: str, grammar: SummaryGrammar, irrelevant: str
) -> Mapping[str, int]:
    """The counts of one reference and its answer."""
    is_irrelevant, says_so = (
        normalised(without_heading(text)) == irrelevant for text in (truth, answer)
    )
    reference = true_summary(truth, grammar)
    # To a picture without a description, any form of answer is as wrong.
    given = (
        true_summary(answer, grammar)
        if is_irrelevant
        else answered_summary(answer, reference.form, grammar)
    )
    items: Items = Counter() if is_irrelevant else reference.items
    answered: Items = Counter() if says_so else given.items
    same_items = items == answered and given.is_valid and is_irrelevant == says_so
    answered = _capped(answered, items)
    difference = answered.total() - items.total()
    return {
        "exact": truth.strip() == answer.strip(),
        "same_items": same_items,
        "json_references": reference.form == "json",
        "json_valid": reference.form == "json" and given.is_valid,
        **_overlap("items", items, answered),
        **_overlap("labels", Counter(set(items)), Counter(set(answered))),
        "count_abs_error": abs(difference),
        "count_over": difference > 0,
        "count_under": difference < 0,
        "irrelevant": is_irrelevant,
        "irrelevant_correct": is_irrelevant and says_so,
        "irrelevant_wrong": says_so and not is_irrelevant,
    }


def _capped(answered: Items, truth: Items) -> Items:
    return Counter(
        {label: min(count, max(MAX_ANSWERED, truth[label])) for label, count in answered.items()}
    )


def _overlap(name: str, truth: Items, answered: Items) -> Mapping[str, int]:
    return {
        f"{name}_matched": (truth & answered).total(),
        f"{name}_true": truth.total(),
        f"{name}_answered": answered.total(),
    }
