"""The measures beside detection, of a whole prediction file: text, dense captions, average precision, summaries.

Each section is None where the file has nothing for it. Cost: for 5,000 images of 20 objects, text 0.7 s, captions 6 s with tied
scores and 3 s without; average precision, if asked for, as `src.evaluation.average_precision` says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from src.contract.predictions import Prediction
from src.domains.config import DescGrammar, SummaryGrammar
from src.domains.summary_config import Grouping
from src.evaluation.average_precision import AveragePrecision, average_precision
from src.evaluation.captions import CaptionPrecision, caption_precision
from src.evaluation.config import EvaluationConfig, ScoreConfig
from src.evaluation.embedding import Embed, EmbeddingSimilarity, embedding_similarity
from src.evaluation.summary import SummaryMeasures, summary_counts, summary_measures
from src.evaluation.text import TextMeasures, desc_pairs, text_measures

WIDTH = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionRules:
    """What the sections need to know: the domain pack's grammars and text for irrelevant pictures, scores, an embedding.

    `scores` rank captions. They rank objects for average precision too, but only where the user declared their source
    (`is_score_declared`); otherwise there is none. Without `embed` there is no embedding similarity.
    """

    irrelevant: str
    desc_grammar: DescGrammar = field(default_factory=DescGrammar)
    grouping: Grouping | None = None
    summary_grammar: SummaryGrammar = field(default_factory=SummaryGrammar)
    scores: ScoreConfig = field(default_factory=ScoreConfig)
    is_score_declared: bool = False
    embed: Embed | None = None


class Section(Protocol):
    """What every section can be turned into."""

    def rows(self) -> list[tuple[str, ...]]: ...

    def to_json(self) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Sections:
    """All sections of a file."""

    text: TextMeasures | None
    embedding: EmbeddingSimilarity | None
    captions: CaptionPrecision | None
    average_precision: AveragePrecision | None
    summary: SummaryMeasures | None

    def to_json(self) -> dict[str, Any]:
        """Plain values by section, null where the file has nothing for it."""
        return {title: section.to_json() if section else None for title, section in self._named()}

    def shown_rows(self) -> list[tuple[str, list[tuple[str, ...]]]]:
        """(title, rows of text) of each section that the file has."""
        return [(title, section.rows()) for title, section in self._named() if section is not None]

    def table(self) -> str:
        """What a person reads on the terminal; empty without a section."""
        blocks = [
            "\n".join((_HEADS[title], *map(_line, rows))) for title, rows in self.shown_rows()
        ]
        return "\n\n".join(blocks)

    def _named(self) -> tuple[tuple[str, Section | None], ...]:
        return (
            ("text", self.text),
            ("embedding", self.embedding),
            ("captions", self.captions),
            ("average_precision", self.average_precision),
            ("summary", self.summary),
        )


def sections_of(
    predictions: Sequence[Prediction], config: EvaluationConfig, rules: SectionRules
) -> Sections:
    """All sections; the result does not depend on the order of the predictions.

    Raises `DataError` when the declared score source is missing in the file.
    """
    pairs = desc_pairs(predictions, config)
    captions = caption_precision(predictions, config, rules.scores)
    precision = average_precision(predictions, rules.scores) if rules.is_score_declared else None
    summary = summary_measures(summary_counts(predictions, rules.summary_grammar, rules.irrelevant))
    has_summaries = summary.num_summaries or summary.num_without_reference
    return Sections(
        text=text_measures(pairs, rules.desc_grammar, rules.grouping) if pairs else None,
        embedding=embedding_similarity(pairs, rules.embed) if pairs and rules.embed else None,
        captions=captions if captions.num_truths else None,
        average_precision=precision if precision and precision.families else None,
        summary=summary if has_summaries else None,
    )


_HEADS = {
    "text": f"{'wording of located objects':<{WIDTH}} precision    recall        F1  accuracy",
    "embedding": "sentence embeddings of located objects",
    "captions": f"{'dense captions, AP by similarity':<{WIDTH}}       0.0      0.05      0.10      0.15      0.20      0.25",
    "average_precision": f"{'average precision':<{WIDTH}}      mean deviation       low      high",
    "summary": "summaries",
}


def _line(row: Sequence[str]) -> str:
    return (f"{row[0]:<{WIDTH}}" + "".join(f"{cell:>10}" for cell in row[1:])).rstrip()
