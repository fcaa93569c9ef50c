"""Scores of objects from the probabilities of their tokens, by hand."""

import math

import pytest

from src.datasets.builders.formats.registry import FORMATS
from src.errors import DataError
from src.generation.scores import content_ranges, object_scores
from src.generation.spelling import spell_bytes, spell_ids
from src.generation.types import TokenScore

TEXT = '[{"bbox_2d": [1, 2, 30, 4], "label": "a cup"}, {"bbox_2d": [5, 6, 7, 8], "label": "x"}]'


def tokens(*parts, rest=1.0):
    """The text cut so that each of `parts` (text, probability) is a token, what lies between has probability `rest`."""
    found, position = [], 0
    for part, probability in parts:
        start = TEXT.index(part, position)
        found += [TokenScore(c, math.log(rest)) for c in TEXT[position:start]]
        found.append(TokenScore(part, math.log(probability)))
        position = start + len(part)
    return [*found, *(TokenScore(c, math.log(rest)) for c in TEXT[position:])]


def scores(given, text=TEXT):
    return object_scores(FORMATS["qwen"].parse(text, 100, 100, "norm1000"), text, given)


def test_the_geometric_mean_of_label_and_coordinates():
    given = tokens(
        ("[1", 0.5), (" 2", 0.5), ("30", 0.5), (" 4", 0.5), ('"a', 0.25), (" cup", 0.25),
    )  # fmt: skip
    assert scores(given) == pytest.approx(((0.5**4 * 0.25**2) ** (1 / 6), 1.0))


def test_keys_and_brackets_do_not_count():
    sure = [
        ("1", 1.0),
        ("2", 1.0),
        ("30", 1.0),
        ("4", 1.0),
        ("a cup", 1.0),
        ("5", 1.0),
        ("6", 1.0),
        ("7", 1.0),
        ("8", 1.0),
    ]
    # 2 of "bbox_2d" comes first: leave the keys to the rest.
    given = tokens(
        ("[1", 1.0), (" 2", 1.0), *sure[2:5], ("[5", 1.0), *sure[6:], ("x", 1.0), rest=0.01
    )
    assert scores(given) == pytest.approx((1.0, 1.0))


def test_a_token_over_two_numbers_counts_once():
    given = tokens(("1, 2, 30, 4", 0.5), ("a cup", 0.125))
    assert scores(given)[0] == pytest.approx(math.sqrt(0.5 * 0.125))


def test_text_before_the_answer_shifts_the_tokens():
    given = [TokenScore("dense\n", -9.0), *tokens(("a cup", 0.5)), TokenScore("<|im_end|>", -9.0)]
    assert scores(given) == pytest.approx(scores(tokens(("a cup", 0.5))))


def test_tokens_of_another_text_are_refused():
    with pytest.raises(DataError, match="do not spell"):
        scores([TokenScore("something else", 0.0)])


@pytest.mark.parametrize(
    ("piece", "desc", "expected"),
    [
        ('{"desc": "bolt 8", "poly_points": 3, "poly": [[1, 2], [3, 44], [5, 6]]}', "bolt 8",
         ["bolt 8", "1", "2", "3", "44", "5", "6"]),
        ('{"label": "say \\\\"hi\\\\"", "bbox_2d": [1, 2, 3, 4], "score": 0.5}', 'say "hi"',
         ['say \\\\"hi\\\\"', "1", "2", "3", "4"]),
        ("<ref_1>old cup</ref_1><box_9>(1,2),(3,4)</box_9>", "old cup", ["old cup", "1", "2", "3", "4"]),
        ('["old cup","poly",1,2,3,4,5,6]', "old cup", ["old cup", "1", "2", "3", "4", "5", "6"]),
        ('["poly",1,2,3,4,5,6]', "old cup", ["1", "2", "3", "4", "5", "6"]),
        ("[1,2,3,4]", "1", ["1", "2", "3", "4"]),
        ("old cup 1 2 3 4", "old cup", ["old cup", "1", "2", "3", "4"]),
    ],
)  # fmt: skip
def test_what_counts_in_each_format(piece, desc, expected):
    piece, expected = piece.replace("\\\\", "\\"), [e.replace("\\\\", "\\") for e in expected]
    assert [piece[a:b] for a, b in content_ranges(piece, desc)] == expected


def test_pieces_of_characters_go_to_the_token_that_completes_them():
    word = "aß中b".encode()
    parts = [word[0:2], word[2:3], word[3:4], word[4:5], word[5:6], word[6:]]
    assert spell_bytes(parts) == ("a", "ß", "", "", "中", "b")
    ids = list(range(len(parts)))
    decode = lambda some: b"".join(parts[i] for i in some).decode(errors="replace")  # noqa: E731
    pieces = spell_ids(ids, decode)
    assert "".join(pieces) == "aß中b"
    assert pieces[-1] == "b"
    assert "".join(spell_ids(ids[:4], decode)) == decode(ids[:4])
    assert spell_bytes([b"a", b"\xe4"]) == ("a", "\ufffd")
    assert spell_ids([], decode) == spell_bytes([]) == ()


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ((b"\xe4\xbd", b"\xe4\xbd\xa0"), ("", "\ufffd你")),
        ((b"\xe4", b"\xbd", b"\xe4", b"\xbd", b"\xa0"), ("\ufffd", "", "", "", "你")),
        (
            (b"\xbd", b"a\xe4", b"\xbd", b"\xe4", b"\xbd", b"\xa0b"),
            ("\ufffd", "a\ufffd", "", "", "", "你b"),
        ),
    ],
)
def test_damaged_characters_are_spelled_as_the_whole_answer_decodes(parts, expected):
    decode = lambda some: b"".join(parts[i] for i in some).decode(errors="replace")  # noqa: E731
    ids = range(len(parts))
    pieces = spell_ids(ids, decode)
    assert "".join(pieces) == decode(ids)
    assert pieces == expected
