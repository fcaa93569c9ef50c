"""Sentence-embedding similarity with an embedding that tests bring along."""

import sys

import numpy as np
import pytest

from src.errors import ConfigError
from src.evaluation.embedding import EmbeddingTally, sentence_embedding

VECTORS = {"bolt": (2.0, 0.0), "screw": (3.0, 4.0), "wire": (0.0, 1.0), "": (0.0, 0.0)}


def embed(texts):
    return np.array([VECTORS[text] for text in texts])


def tally(*pairs):
    made = EmbeddingTally()
    for pair in pairs:
        made.add_pair(*pair)
    return made


def test_the_mean_cosine_of_pairs():
    found = tally(("bolt", "bolt"), ("bolt", "screw"), ("bolt", "screw"), ("bolt", "wire")).result(
        embed
    )
    assert found.pairs == 4
    assert found.mean_cosine == pytest.approx((1 + 0.6 + 0.6 + 0) / 4)
    assert found.scalars() == {"embedding_cosine": found.mean_cosine}
    assert found.rows() == [("embedding_cosine", "0.550")]
    assert found.to_json() == {"pairs": 4, "mean_cosine": found.mean_cosine}
    assert tally(("bolt", "")).result(embed).mean_cosine == 0.0


def test_each_text_is_embedded_once_whatever_the_order_and_split():
    seen = []

    def counting(texts):
        seen.append(list(texts))
        return embed(texts)

    pairs = [("bolt", "screw"), ("wire", "screw"), ("bolt", "bolt")]
    parts = [tally(pairs[2]), tally(pairs[1], pairs[0])]
    parts[0].merge(parts[1])
    assert parts[0].result(counting) == tally(*pairs).result(counting)
    assert seen == [["bolt", "screw", "wire"]] * 2
    assert EmbeddingTally().result(counting).mean_cosine is None


def test_what_is_missing_is_told_with_the_next_step(tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match="is no folder"):
        sentence_embedding(tmp_path / "gone")
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(ConfigError, match=r"pip install '\.\[similarity\]'"):
        sentence_embedding(tmp_path)
