"""Similarity of descriptions by sentence embeddings: an optional measure, with a model that the user names.

The package `sentence-transformers` is no dependency: `pip install '.[similarity]'` brings it, and it is imported where used.
Cost: that of the model, once for each different text.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from src.errors import ConfigError
from src.evaluation.text import DescPairs

Embed = Callable[[Sequence[str]], NDArray[np.floating[Any]]]
"""From n texts to their vectors, (n, width)."""
INSTALL = "pip install '.[similarity]'"


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingSimilarity:
    """Mean cosine between the embeddings of matched descriptions, -1 to 1; None without a pair."""

    pairs: int
    mean_cosine: float | None

    def scalars(self) -> dict[str, float]:
        return {} if self.mean_cosine is None else {"embedding_cosine": self.mean_cosine}

    def rows(self) -> list[tuple[str, ...]]:
        """(measure, value) as text, for tables."""
        return [(name, f"{value:.3f}") for name, value in self.scalars().items()]

    def to_json(self) -> dict[str, Any]:
        return {"pairs": self.pairs, "mean_cosine": self.mean_cosine}


def embedding_similarity(counts: DescPairs, embed: Embed) -> EmbeddingSimilarity:
    """The mean over located pairs (`src.evaluation.text.desc_pairs`).

    Every different text is embedded once, all in sorted order, so that the figure does not depend on the order of images.
    """
    if not counts:
        return EmbeddingSimilarity(pairs=0, mean_cosine=None)
    texts = sorted({text for pair in counts for text in pair})
    vectors = np.asarray(embed(texts), dtype=np.float64)
    assert vectors.ndim == 2, f"embeddings of shape {vectors.shape}"
    assert len(vectors) == len(texts), "one embedding a text"
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    place = {text: number for number, text in enumerate(texts)}
    cosines = (
        count * float(unit[place[truth]] @ unit[place[found]])
        for (truth, found), count in counts.items()
    )
    return EmbeddingSimilarity(
        pairs=counts.total(), mean_cosine=math.fsum(cosines) / counts.total()
    )


def sentence_embedding(model: Path) -> Embed:
    """The `embed` of a sentence-transformers checkpoint in a folder.

    Raises `ConfigError` when the folder or the package is missing. Nothing is downloaded.
    """
    if not model.is_dir():
        raise ConfigError.say(
            "the embedding model is no folder",
            where=str(model),
            rule="embedding-model",
            expected="a sentence-transformers checkpoint",
            remedy="name the folder of a checkpoint that was downloaded before",
        )
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise ConfigError.say(
            "sentence embeddings need a package that is not installed",
            rule="embedding-package",
            got=str(error),
            expected="sentence-transformers",
            remedy=INSTALL,
        ) from error
    loaded = SentenceTransformer(str(model), local_files_only=True)

    def embed(texts: Sequence[str]) -> NDArray[np.floating[Any]]:
        return np.asarray(loaded.encode(list(texts), show_progress_bar=False))

    return embed
