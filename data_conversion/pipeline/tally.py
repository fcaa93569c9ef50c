"""Counts of a conversion, gathered one outcome at a time: what `conversion_report.json` says."""

from __future__ import annotations

import dataclasses
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from data_conversion.pipeline.convert_item import SIDE_BINS
from data_conversion.pipeline.describe import UNMAPPED
from data_conversion.pipeline.outcome import Outcome
from data_conversion.pipeline.raw import Finding, SplitName

MOST_EXAMPLES = 20
MEGAPIXEL_EDGES = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
MEGAPIXEL_BINS = ("< 0.1", "0.1-0.25", "0.25-0.5", "0.5-1", "1-2", "2-4", "4-8", ">= 8")
OBJECT_EDGES = (1, 2, 5, 10, 20, 50, 100)
OBJECT_BINS = ("0", "1", "2-4", "5-9", "10-19", "20-49", "50-99", ">= 100")


@dataclass(slots=True, kw_only=True)
class Examples:
    """How often a rule spoke, and the first times."""

    count: int = 0
    examples: list[dict[str, Any]] = field(default_factory=list)

    def add(self, example: dict[str, Any]) -> None:
        self.count += 1
        if len(self.examples) < MOST_EXAMPLES:
            self.examples.append(example)

    def merge(self, later: Examples) -> None:
        """Add those of items that come later."""
        self.count += later.count
        self.examples += later.examples[: MOST_EXAMPLES - len(self.examples)]


@dataclass(slots=True, kw_only=True)
class Tally:
    """Counters; `add` each outcome once, in order."""

    counts: Counter[str] = field(default_factory=Counter)
    labels: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    placed: Counter[str] = field(default_factory=Counter)
    megapixels: Counter[str] = field(default_factory=Counter)
    sides: Counter[str] = field(default_factory=Counter)
    objects: Counter[str] = field(default_factory=Counter)
    findings: dict[str, Examples] = field(default_factory=dict)
    quarantined: dict[str, Examples] = field(default_factory=dict)
    unmapped: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add(self, outcome: Outcome, side: SplitName | None) -> None:
        """Count one item; `side` is where it was written beside all_samples.

        Objects dropped and fixed are those of written images, so that read = written + dropped + quarantined (unless parts
        became objects of their own); the rules' counts are of all images.
        """
        self.counts["images_read"] += 1
        self.counts["objects_read"] += outcome.num_objects
        for finding in outcome.findings:
            self._add_finding(outcome, finding)
            if outcome.written is not None and finding.object_index is not None:
                self.counts[f"objects_{finding.kind}"] += 1
        for issue in outcome.issues:
            example = {"key": outcome.key, **dataclasses.asdict(issue)}
            self.quarantined.setdefault(issue.rule, Examples()).add(example)
        written = outcome.written
        if written is None:
            self.counts["images_quarantined"] += 1
            self.counts["objects_quarantined"] += outcome.num_objects
            return
        num_objects = sum(written.kinds.values())
        self.counts["images_written"] += 1
        self.counts["objects_written"] += num_objects
        is_emptied = not num_objects and outcome.num_objects > 0
        self.counts["emptied_images"] += is_emptied
        self.counts["negative_images"] += not (num_objects or is_emptied or written.has_summary)
        self.counts["summaries"] += written.has_summary
        if side is not None:
            self.counts[side] += 1
        self.labels.update(written.labels)
        self.kinds.update(written.kinds)
        self.sides.update(written.sides)
        self.placed[written.placed] += 1
        area = written.size[0] * written.size[1] / 1e6
        self.megapixels[MEGAPIXEL_BINS[bisect_right(MEGAPIXEL_EDGES, area)]] += 1
        self.objects[OBJECT_BINS[bisect_right(OBJECT_EDGES, num_objects)]] += 1

    def _add_finding(self, outcome: Outcome, finding: Finding) -> None:
        self.findings.setdefault(f"{finding.kind}: {finding.rule}", Examples()).add(
            finding_entry(outcome, finding)
        )
        if finding.rule.endswith(UNMAPPED):
            text = finding.got or finding.label
            entry = self.unmapped.setdefault(
                text,
                {
                    "rule": finding.rule,
                    "count": 0,
                    "annotation": outcome.annotation,
                    "object_index": finding.object_index,
                },
            )
            entry["count"] += 1

    def merge(self, later: Tally) -> None:
        """Add the counts of items that come later."""
        for name in ("counts", "labels", "kinds", "placed", "megapixels", "sides", "objects"):
            getattr(self, name).update(getattr(later, name))
        for name in ("findings", "quarantined"):
            for rule, examples in getattr(later, name).items():
                getattr(self, name).setdefault(rule, Examples()).merge(examples)
        for text, entry in later.unmapped.items():
            self.unmapped.setdefault(text, {**entry, "count": 0})["count"] += entry["count"]

    def vocabulary(self) -> dict[str, int]:
        """How often each description was written, most frequent first."""
        return dict(sorted(self.labels.items(), key=lambda pair: (-pair[1], pair[0])))

    def report(self) -> dict[str, Any]:
        """The counted part of `conversion_report.json`."""
        names = (
            "images_read", "images_written", "images_quarantined", "train", "val", "objects_read", "objects_written",
            "objects_quarantined", "objects_dropped", "objects_fixed", "negative_images", "emptied_images", "summaries",
        )  # fmt: skip
        return {
            "counts": {name: self.counts[name] for name in names},
            "pictures": dict(sorted(self.placed.items())),
            "geometry": dict(sorted(self.kinds.items())),
            "num_labels": len(self.labels),
            "picture_megapixels": _binned(self.megapixels, MEGAPIXEL_BINS),
            "object_sides": _binned(self.sides, SIDE_BINS),
            "objects_per_image": _binned(self.objects, OBJECT_BINS),
            "findings_by_rule": {rule: self.findings[rule].count for rule in sorted(self.findings)},
            "quarantined_by_rule": {
                rule: self.quarantined[rule].count for rule in sorted(self.quarantined)
            },
            "unmapped": dict(
                sorted(self.unmapped.items(), key=lambda pair: (-pair[1]["count"], pair[0]))
            ),
            "examples": {
                rule: found[rule].examples
                for found in (self.findings, self.quarantined)
                for rule in sorted(found)
            },
        }


def finding_entry(outcome: Outcome, finding: Finding) -> dict[str, Any]:
    """A finding with the place it belongs to, as `findings.jsonl` holds it."""
    return {
        "key": outcome.key,
        "annotation": outcome.annotation,
        "image": outcome.image,
        **{name: getattr(finding, name) for name in FINDING_FIELDS},
    }


FINDING_FIELDS = tuple(part.name for part in dataclasses.fields(Finding))


def _binned(counts: Mapping[str, int], bins: tuple[str, ...]) -> dict[str, int]:
    return {name: counts[name] for name in bins if name in counts}
