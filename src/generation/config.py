"""`custom.final_evaluation`: predict and evaluate after training. Standard library only: `src.config` composes it."""

from __future__ import annotations

from dataclasses import dataclass, field


def _help(text: str) -> dict[str, str]:
    return {"help": text}


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalEvaluationConfig:
    """Predict a held-out JSONL with the final weights, print precision, recall and F1, write the HTML report."""

    enabled: bool = field(default=False, metadata=_help("predict and evaluate after training"))
    jsonl: str | None = field(
        default=None, metadata=_help("what to predict; default custom.val_jsonl")
    )
    limit: int | None = field(default=None, metadata=_help("predict only the first records"))
    batch_size: int = field(default=16, metadata=_help("images generated at once"))
    max_new_tokens: int = field(default=1024, metadata=_help("longest answer, in tokens"))
    report: bool = field(default=True, metadata=_help("write report.html with pictures"))
