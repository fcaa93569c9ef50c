"""The fast encoder against ms-swift's own `template.encode`, and the kinds of its tokens against the tokenizer's offsets.

Faults that they catch: a token cut at the wrong place, a placeholder too few, a label on the prompt, an earlier turn of a chat
without its loss, a kind that is off by one token.
"""

from __future__ import annotations

import copy
import json
import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch

from src.contract.records import Source
from src.datasets.builders.conversation import Conversation, Span, Turn
from src.datasets.builders.formats.registry import FORMATS
from src.errors import DataError
from src.training.kinds import CODES, NO_KIND
from src.training.torchvision_shim import ensure_torchvision

ensure_torchvision()
SOURCE = Source(file="x.jsonl", line=1)
ALPHABET = [
    "0", "7", "42", "1000", "0007", ", ", "], [", " ", "  ", "\n", " \n ", "\t", "\r\n", "'s", "it's 3's", "bolt", " red bolt",
    "中文", "é", "e\u0301", "1\u0301", "½", "٣", "🔩",
    "螺丝 2 号", "👩‍🔧", "\u00a0", "$%&", "{\"a\": [1, 2]}", "...", "-5.25e3", "A1b2",
]  # fmt: skip


def encoders(template):
    from src.training.ms_swift.pixels import fast_encoder

    fast = fast_encoder(template)
    return fast, fast.stock


def random_text(rng, at_most=30) -> str:
    return "".join(rng.choice(ALPHABET, size=int(rng.integers(1, at_most))))


def talk(*texts: str, system=None, pictures=(), spans=()) -> Conversation:
    roles = ("user", "assistant")
    pixels = tuple(np.full((h, w, 3), n, dtype=np.uint8) for n, (w, h) in enumerate(pictures))
    return Conversation(
        system=system,
        turns=tuple(Turn(roles[number % 2], text) for number, text in enumerate(texts)),
        pixels=pixels,
        spans=spans,
        source=SOURCE,
    )


def assert_equal(fast, template, stock, conversation) -> None:
    ours = fast(conversation)
    theirs = template.encode(stock.row(conversation))
    kinds = ours.pop("token_kinds")
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        expected = torch.tensor(value) if isinstance(value, list) else value
        got = torch.tensor(ours[name]) if isinstance(ours[name], list) else ours[name]
        assert got.dtype == expected.dtype, name
        assert torch.equal(got, expected), name
    assert kinds.dtype == torch.int8
    assert torch.equal(kinds, stock(conversation)["token_kinds"])
    assert ((kinds != NO_KIND) == (torch.as_tensor(ours["labels"]) != -100)).all()


SHAPES = {
    "no picture": ((), None),
    "a picture and a system turn": (((64, 96),), "Look closely, 2 times."),
    "pictures of three sizes": (((64, 64), (32, 32), (160, 96)), "Look."),
    "an empty system turn": (((64, 64),), ""),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_random_answers_are_encoded_as_ms_swift_does(template, shape):
    pictures, system = SHAPES[shape]
    fast, stock = encoders(template)
    rng = np.random.default_rng(len(shape))
    for _ in range(80):
        conversation = talk("Detect.", random_text(rng), system=system, pictures=pictures)
        assert_equal(fast, stock.template, stock, conversation)


@pytest.mark.parametrize("num_rounds", [2, 3])
def test_chats_carry_loss_on_the_turns_that_ms_swift_says(template, num_rounds):
    fast, stock = encoders(template)
    rng = np.random.default_rng(num_rounds)
    for loss_scale in ("default", "last_round"):
        for encoder in (fast, stock):
            encoder_template = encoder.template if encoder is stock else encoder.stock.template
            encoder_template._loss_scale = loss_scale
        fast._frames.clear()
        for _ in range(30):
            texts = [random_text(rng, 8) for _ in range(2 * num_rounds)]
            assert_equal(fast, stock.template, stock, talk(*texts, pictures=((64, 64),)))
    kinds = stock(talk("a", "one", "b", "two"))["token_kinds"].tolist()
    # The writer named no span, so all is format, and the earlier answer carries no loss.
    assert CODES["text"] not in kinds


def test_earlier_turns_of_a_chat_are_text_and_their_ends_format(template):
    fast, _ = encoders(template)
    conversation = talk("a", "one", "b", "two", spans=(Span(0, 3, "text"),))
    encoded = fast(conversation)
    tokenizer = template.processor.tokenizer
    by_kind = {
        kind: tokenizer.decode(encoded["input_ids"][encoded["token_kinds"] == code])
        for kind, code in CODES.items()
    }
    assert by_kind == {
        "desc": "", "coordinate": "", "text": "onetwo", "format": "<|im_end|>\n<|im_end|>\n",
    }  # fmt: skip


@pytest.mark.parametrize("json_format", FORMATS)
@pytest.mark.parametrize("emit_norm", ["none", "norm1000"])
def test_dense_records_and_empty_pictures(template, scenes, json_format, emit_norm):
    from src.contract.budget import PixelBudget
    from src.contract.images import ImageResolver
    from src.contract.index import JsonlIndex
    from src.datasets.builders.config import BuilderConfig
    from src.datasets.builders.conversation import Prompts
    from src.datasets.builders.jsonlines import JsonLinesBuilder
    from src.datasets.render import render
    from src.datasets.scene import open_scene

    fast, stock = encoders(template)
    index = JsonlIndex.open(scenes / "train.jsonl")
    resolver = ImageResolver(scenes)
    config = BuilderConfig(json_format=json_format, emit_norm=emit_norm)
    builder = JsonLinesBuilder(config, Prompts(system="Look.", user="Detect."))
    for row in range(40):
        record = index.record(row)
        paths = [resolver.resolve(image, record.source) for image in record.images]
        scene = render(open_scene(record, paths), PixelBudget())
        assert_equal(fast, stock.template, stock, builder.build(scene))
    empty = fast(builder.build(replace(scene, objects=())))
    assert set(empty["token_kinds"].tolist()) == {NO_KIND, CODES["format"]}
    summary = replace(scene, objects=(), summary="Two bolts, 3 nuts.")
    summed = JsonLinesBuilder(replace(config, use_summary=True), builder.prompts).build(summary)
    assert_equal(fast, stock.template, stock, summed)
    assert CODES["text"] in fast(summed)["token_kinds"].tolist()


ODD = {
    "markup": talk("q", "x < 3 <b>bold</b>"),
    "an empty answer": talk("q", ""),
    "white space alone": talk("q", "  \n "),
    "spaces before a number": talk("q", "a  7 b   8\n\n9"),
    "a prompt with a placeholder's text": talk("[1] {{RESPONSE}} 2", "3"),
    "the assistant first": Conversation(
        system=None, turns=(Turn("assistant", "alone 1"),), pixels=(), spans=(), source=SOURCE
    ),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_conversations(template, name):
    fast, stock = encoders(template)
    assert_equal(fast, stock.template, stock, ODD[name])


def test_two_users_in_a_row_and_other_loss_scales_go_to_ms_swift(template):
    fast, stock = encoders(template)
    turns = (Turn("user", "a"), Turn("user", "b"), Turn("assistant", "c 1"))
    assert_equal(fast, stock.template, stock, replace(talk("a", "b"), turns=turns))
    stock.template._loss_scale = "all"
    fast._frames.clear()
    encoded = fast(talk("a", "b 12"))
    assert encoded["labels"] == stock.template.encode(stock.row(talk("a", "b 12")))["labels"]
    assert set(fast._frames.values()) == {None}
    assert set(encoded["token_kinds"].tolist()) == {NO_KIND, CODES["text"]}


def test_an_over_long_sample_is_refused_alike(template):
    fast, stock = encoders(template)
    long = talk("q", "1, 2, 3, 4, 5, 6", pictures=((64, 64),))
    length = len(fast(long)["input_ids"])
    stock.template.max_length = length
    assert len(fast(long)["input_ids"]) == length
    stock.template.max_length = length - 1
    with pytest.raises(DataError) as ours:
        fast(long)
    with pytest.raises(DataError) as theirs:
        stock(long)
    assert str(ours.value) == str(theirs.value)
    assert "on_over_long" in str(ours.value)


def test_an_answer_that_is_not_what_carries_loss_is_refused(template):
    """The contract lets no such text in; the check is what makes a kind no guess."""
    fast, _ = encoders(template)
    with pytest.raises(DataError, match="not those of the answer"):
        fast(talk("q", "before <image> after", pictures=((64, 64),)))


def test_assistant_turns_in_a_row_are_one_answer(template):
    fast, stock = encoders(template)
    turns = (Turn("user", "a"), Turn("assistant", "b 1"), Turn("assistant", "c 2"))
    conversation = replace(talk("a", "b"), turns=turns, spans=(Span(0, 1, "desc"),))
    assert_equal(fast, stock.template, stock, conversation)
    encoded = fast(conversation)
    kinds = encoded["token_kinds"]
    decode = template.processor.tokenizer.decode
    ids = torch.tensor(encoded["input_ids"])
    assert decode(ids[kinds == CODES["text"]]) == "b 1"
    assert decode(ids[kinds == CODES["desc"]]) == "c"


def test_the_fast_way_is_taken_and_remembered_frames_are_bounded(template, monkeypatch):
    from src.training.ms_swift import encoding

    fast, stock = encoders(template)
    monkeypatch.setattr(encoding, "MAX_PROMPTS", 5)
    for number in range(12):
        fast(talk(f"question {number}", "7"))
    assert len(fast._frames) <= 5
    assert None not in fast._frames.values()
    calls = []
    encode = type(stock.template).encode
    monkeypatch.setattr(type(stock.template), "encode", lambda *a: calls.append(1) or encode(*a))
    fast(talk("question 11", "12, 13"))
    assert not calls
    again = pickle.loads(pickle.dumps(fast))
    assert torch.equal(again(talk("a", "12"))["input_ids"], fast(talk("a", "12"))["input_ids"])


def test_pieces_give_the_tokenizers_own_tokens_and_offsets(template):
    from src.training.ms_swift.answers import PieceTokenizer

    pieces = PieceTokenizer(template)
    assert pieces.cuts_at_digits
    rng = np.random.default_rng(5)
    by_pieces = 0
    for number in range(600):
        text = random_text(rng, 3 + number % 20)
        got, expected = pieces(text), pieces.whole(text + pieces.suffix)
        for name in ("ids", "starts", "ends"):
            assert np.array_equal(getattr(got, name), getattr(expected, name)), (name, text)
        by_pieces += got.ids.base is not None
    assert by_pieces > 100  # the comparison is not of one way with itself


def with_backend(template, change):
    """A copy of the template whose tokenizer has another backend: `change` of the backend's JSON, as a dictionary."""
    from tokenizers import Tokenizer

    tokenizer = copy.deepcopy(template.processor.tokenizer)
    facts = json.loads(tokenizer.backend_tokenizer.to_str())
    change(facts)
    tokenizer._tokenizer = Tokenizer.from_str(json.dumps(facts))
    other = copy.copy(template)
    other.processor = copy.copy(template.processor)
    other.processor.tokenizer = tokenizer
    return other


def test_another_pre_tokenizer_is_not_cut(template):
    """The planted fault: numbers of several digits in one token, as other vocabularies have them."""
    from src.training.ms_swift.answers import PieceTokenizer

    def plain(facts):
        facts["pre_tokenizer"] = facts["pre_tokenizer"]["pretokenizers"][1]

    assert not PieceTokenizer(with_backend(template, plain)).cuts_at_digits


@pytest.mark.parametrize("text", ["a  3", "a   3", "  12", "3  4", "1 \n 2", "x\n\n7", "5  "])
def test_spaces_before_a_number_are_cut_by_what_follows(template, text):
    """A vocabulary with tokens of several spaces, as the released one; the tiny one has none and would hide the fault."""
    from src.training.ms_swift.answers import PieceTokenizer

    def spaced(facts):
        model = facts["model"]
        for left, right in (("Ġ", "Ġ"), ("ĠĠ", "Ġ"), ("Ċ", "Ċ")):
            model["vocab"][left + right] = 100_000 + len(model["vocab"])
            model["merges"].insert(0, [left, right])

    pieces = PieceTokenizer(with_backend(template, spaced))
    assert pieces.cuts_at_digits
    got, expected = pieces(text), pieces.whole(text + pieces.suffix)
    assert got.ids.tolist() == expected.ids.tolist()


def reference_kinds(text, spans, offsets):
    """The declared rule, character by character."""
    codes = []
    for start, end in offsets:
        inside = [n for n in range(start, min(end, len(text))) if ord(text[n]) > 32]
        place = inside[0] if inside else start
        kind = next((span.kind for span in spans if span.start <= place < span.end), "format")
        codes.append(CODES[kind])
    return codes


def test_kinds_follow_the_rule_for_every_token(template):
    from src.training.kinds import answer_kinds
    from src.training.ms_swift.answers import PieceTokenizer

    tokenizer = PieceTokenizer(template)
    rng = np.random.default_rng(2)
    for _ in range(200):
        text = random_text(rng)
        cuts = np.sort(rng.choice(len(text) + 1, size=4))
        spans = (Span(int(cuts[0]), int(cuts[1]), "desc"), Span(int(cuts[2]), int(cuts[3]), "coordinate"))  # fmt: skip
        tokens = tokenizer.whole(text + tokenizer.suffix)
        offsets = list(zip(tokens.starts.tolist(), tokens.ends.tolist(), strict=True))
        expected = reference_kinds(text, spans, offsets)
        got = answer_kinds(text, spans, tokens.starts, tokens.ends).tolist()
        assert got == expected
    # The planted fault: spans that are one character off.
    off = tuple(Span(span.start + 1, span.end + 1, span.kind) for span in spans)
    moved = answer_kinds(text, off, tokens.starts, tokens.ends).tolist()
    assert moved != expected


def test_a_filler_has_no_loss(template):
    fast, stock = encoders(template)
    for encoder in (fast, stock):
        filler = encoder.filler()
        assert set(filler["labels"]) == {-100}
        assert not filler["token_kinds"].any()
        assert "pixel_values" not in filler
