"""How well matched objects are worded, apart from whether they are found.

Truths and predictions are paired by overlap alone (IoU of at least 0.5); each pair of descriptions is compared. All sums
are integers, so that tallies of parts of a file merge to the same figures in any order. Cost: about 10 us a pair.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from src.contract.predictions import MatchedPair, Prediction
from src.domains.config import DescGrammar
from src.evaluation.desc_parts import desc_parts
from src.evaluation.wording import normalised, words


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotMeasure:
    """One attribute slot: values in both, in truths, in predictions; pairs that have the slot, and those where it is equal.

    Where there is nothing to find and nothing was found, precision, recall and F1 are 1.
    """

    name: str
    matched: int
    truths: int
    predicted: int
    pairs: int
    equal: int

    @property
    def precision(self) -> float:
        return self.matched / self.predicted if self.predicted else float(self.truths == 0)

    @property
    def recall(self) -> float:
        return self.matched / self.truths if self.truths else float(self.predicted == 0)

    @property
    def f1(self) -> float:
        total = self.truths + self.predicted
        return 2 * self.matched / total if total else 1.0

    @property
    def accuracy(self) -> float:
        """Share of the pairs with the slot on either side in which all its values are equal."""
        return self.equal / self.pairs if self.pairs else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TextMeasures:
    """Counts over matched pairs: equal texts, equal normalised texts, equal head terms; words shared.

    `token_f1` is the mean over pairs of each pair's F1 of words, `token_f1_micro` that of all words together.
    """

    pairs: int
    exact: int
    normalised: int
    head: int
    words_matched: int
    words_total: int
    token_f1: float
    slots: tuple[SlotMeasure, ...]

    @property
    def token_f1_micro(self) -> float:
        return 2 * self.words_matched / self.words_total if self.words_total else 1.0

    def scalars(self) -> dict[str, float]:
        """Shares of the matched pairs and the F1 of slots; empty without a pair: there is no wording to judge."""
        if not self.pairs:
            return {}
        return {
            "exact": self.exact / self.pairs,
            "normalised": self.normalised / self.pairs,
            "head": self.head / self.pairs,
            "token_f1": self.token_f1,
            "token_f1_micro": self.token_f1_micro,
            **{f"slot_f1/{slot.name}": slot.f1 for slot in self.slots},
            **{f"slot_accuracy/{slot.name}": slot.accuracy for slot in self.slots},
        }

    def rows(self) -> list[tuple[str, ...]]:
        """(measure, precision, recall, F1, accuracy) as text, for tables."""
        if not self.pairs:
            return []
        shares = (
            ("exact", self.exact),
            ("normalised", self.normalised),
            ("head term", self.head),
        )
        rows: list[tuple[str, ...]] = [
            (name, "", "", "", f"{count / self.pairs:.3f}") for name, count in shares
        ]
        rows.append(("words, mean of pairs", "", "", f"{self.token_f1:.3f}", ""))
        rows.append(("words, all together", "", "", f"{self.token_f1_micro:.3f}", ""))
        for slot in self.slots:
            values = (slot.precision, slot.recall, slot.f1, slot.accuracy)
            rows.append((f"slot {slot.name}", *(f"{value:.3f}" for value in values)))
        return rows

    def to_json(self) -> dict[str, Any]:
        """Plain values for a file: counts and the rates that follow from them."""
        return {
            "pairs": self.pairs,
            "counts": {"exact": self.exact, "normalised": self.normalised, "head": self.head},
            **{k: v for k, v in self.scalars().items() if not k.startswith("slot_")},
            "slots": {
                slot.name: {
                    "matched": slot.matched,
                    "truths": slot.truths,
                    "predicted": slot.predicted,
                    "pairs": slot.pairs,
                    "precision": slot.precision,
                    "recall": slot.recall,
                    "f1": slot.f1,
                    "accuracy": slot.accuracy,
                }
                for slot in self.slots
            },
        }


@dataclass(slots=True, kw_only=True)
class TextTally:
    """Integer sums over pairs of descriptions; `add` images, `merge` tallies of other parts, then take the `result`."""

    grammar: DescGrammar = field(default_factory=DescGrammar)
    sums: Counter[str] = field(default_factory=Counter)
    shared_words: Counter[tuple[int, int]] = field(default_factory=Counter)
    slot_sums: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, prediction: Prediction, pairs: Iterable[MatchedPair]) -> None:
        """Count an image's pairs, as `src.evaluation.located.located_pairs` finds them."""
        truths = prediction.truth or ()
        for pair in pairs:
            self.add_pair(truths[pair.truth].desc, prediction.objects[pair.predicted].desc)

    def add_pair(self, truth: str, found: str) -> None:
        """Count one pair of descriptions."""
        self.sums["pairs"] += 1
        self.sums["exact"] += truth == found
        self.sums["normalised"] += normalised(truth) == normalised(found)
        one, other = words(truth), words(found)
        self.shared_words[(Counter(one) & Counter(other)).total(), len(one) + len(other)] += 1
        parts, found_parts = desc_parts(truth, self.grammar), desc_parts(found, self.grammar)
        self.sums["head"] += parts.head == found_parts.head
        self._add_slots(Counter(parts.slots), Counter(found_parts.slots))

    def _add_slots(self, truths: Counter[tuple[str, str]], found: Counter[tuple[str, str]]) -> None:
        for name in {slot for slot, _ in (*truths, *found)}:
            self.slot_sums[name, "pairs"] += 1
            own = {pair: n for pair, n in truths.items() if pair[0] == name}
            self.slot_sums[name, "equal"] += own == {
                pair: n for pair, n in found.items() if pair[0] == name
            }
        for kind, values in (("matched", truths & found), ("truths", truths), ("predicted", found)):
            for (name, _), count in values.items():
                self.slot_sums[name, kind] += count

    def merge(self, other: TextTally) -> None:
        """Add the sums of another part."""
        assert self.grammar == other.grammar, "tallies of different grammars do not add up"
        self.sums += other.sums
        self.shared_words += other.shared_words
        self.slot_sums += other.slot_sums

    def result(self) -> TextMeasures:
        """The figures so far."""
        pairs = self.sums["pairs"]
        shares = (
            count * (2 * shared / total if total else 1.0)
            for (shared, total), count in self.shared_words.items()
        )
        return TextMeasures(
            pairs=pairs,
            exact=self.sums["exact"],
            normalised=self.sums["normalised"],
            head=self.sums["head"],
            words_matched=sum(s * n for (s, _), n in self.shared_words.items()),
            words_total=sum(t * n for (_, t), n in self.shared_words.items()),
            token_f1=math.fsum(shares) / pairs if pairs else 1.0,
            slots=tuple(self._slot(name) for name in sorted({name for name, _ in self.slot_sums})),
        )

    def _slot(self, name: str) -> SlotMeasure:
        return SlotMeasure(
            name=name,
            matched=self.slot_sums[name, "matched"],
            truths=self.slot_sums[name, "truths"],
            predicted=self.slot_sums[name, "predicted"],
            pairs=self.slot_sums[name, "pairs"],
            equal=self.slot_sums[name, "equal"],
        )
