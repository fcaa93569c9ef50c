"""Findings of one picture, collected while its annotation is read."""

from __future__ import annotations

from dataclasses import dataclass, field

from data_conversion.pipeline.raw import Finding, FindingKind


@dataclass(slots=True, kw_only=True)
class Notes:
    """`index` and `label` are those of the object at hand; None and empty for the picture as a whole."""

    findings: list[Finding] = field(default_factory=list)
    index: int | None = None
    label: str = ""

    def about(self, index: int | None, label: str = "") -> None:
        """What is added from now on concerns this object."""
        self.index, self.label = index, label

    def add(
        self, kind: FindingKind, rule: str, message: str, got: object = "", result: str = ""
    ) -> None:
        """One finding about the object at hand; of `got` the first 200 characters are kept."""
        self.findings.append(
            Finding(
                kind=kind,
                rule=rule,
                message=message,
                object_index=self.index,
                label=self.label,
                got=str(got)[:200],
                result=result,
            )
        )
