"""Sentence-embedding similarity with an embedding that tests bring along."""

import sys
from collections import Counter

import numpy as np
import pytest

from src.errors import ConfigError
from src.evaluation.embedding import embedding_similarity, sentence_embedding

VECTORS = {"bolt": (2.0, 0.0), "screw": (3.0, 4.0), "wire": (0.0, 1.0), "": (0.0, 0.0)}


def embed(texts):
    return np.array([VECTORS[text] for text in texts])


def similarity(*pairs):
    return embedding_similarity(Counter(pairs), embed)


def test_the_mean_cosine_of_pairs():
    pairs = [("bolt", "bolt"), ("bolt", "screw"), ("bolt", "screw"), ("bolt", "wire")]
    found = similarity(*pairs)
    assert found.pairs == 4
    assert found.mean_cosine == pytest.approx((1 + 0.6 + 0.6 + 0) / 4)
    assert found.scalars() == {"embedding_cosine": found.mean_cosine}
    assert found.rows() == [("embedding_cosine", "0.550")]
    assert found.to_json() == {"pairs": 4, "mean_cosine": found.mean_cosine}
    assert similarity(("bolt", "")).mean_cosine == 0.0


def test_each_text_is_embedded_once_whatever_the_order_and_split():
    seen = []

    def counting(texts):
        seen.append(list(texts))
        return embed(texts)

    pairs = [("bolt", "screw"), ("wire", "screw"), ("bolt", "bolt")]
    split = Counter(pairs[2:]) + Counter(pairs[1::-1])
    assert embedding_similarity(split, counting) == embedding_similarity(Counter(pairs), counting)
    assert seen == [["bolt", "screw", "wire"]] * 2
    assert embedding_similarity(Counter(), counting).mean_cosine is None


def test_what_is_missing_is_told_with_the_next_step(tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match="is no folder"):
        sentence_embedding(tmp_path / "gone")
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(ConfigError, match=r"pip install '\.\[similarity\]'"):
        sentence_embedding(tmp_path)
