import pytest

from src.domains.config import DescGrammar
from src.domains.summary_config import Grouping
from src.evaluation.desc_parts import desc_parts
from src.evaluation.wording import folded, normalised, stem, words

PAIRS = DescGrammar(form="key_value")
TYPED = DescGrammar(form="type_attr")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  Rusty   Bolt ", "rusty bolt"),
        ("rusty-bolt.", "rusty bolt"),
        ("ＢＢＵ（华为）", "bbu 华为"),
        ("Straße", "strasse"),
        ("ﬁne", "fine"),
        ("bolt, loose", "bolt loose"),
        ("M12 + nut", "m12 + nut"),
        ("...", "..."),
        ("", ""),
    ],
)
def test_normalised(text, expected):
    assert normalised(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A rusty bolt", ("a", "rusty", "bolt")),
        ("类型=BBU,品牌=华为", ("类", "型", "bbu", "品", "牌", "华", "为")),
        ("bolt/rusty,M12", ("bolt", "rusty", "m12")),
        ("华为BBU设备", ("华", "为", "bbu", "设", "备")),
        ("カメラ", ("カ", "メ", "ラ")),
        ("café crème", ("café", "crème")),
        ("...", ()),
    ],
)
def test_words(text, expected):
    assert words(text) == expected


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("bolts", "bolt"), ("boxes", "box"), ("batteries", "battery"), ("mounting", "mount"),
        ("rusted", "rust"), ("glass", "glass"), ("bus", "bus"), ("red", "red"), ("ring", "ring"), ("华", "华"),
    ],
)  # fmt: skip
def test_stem(word, expected):
    assert stem(word) == expected


@pytest.mark.parametrize(
    ("desc", "grammar", "head", "slots"),
    [
        ("Rusty bolt, loose", DescGrammar(), "rusty bolt", []),
        ("bolt", DescGrammar(), "bolt", []),
        ("螺丝，松动", DescGrammar(), "螺丝", []),
        ("类型=BBU,品牌=华为", PAIRS, "bbu", [("品牌", "华为"), ("类型", "bbu")]),
        ("类型＝BBU，品牌＝华为", PAIRS, "bbu", [("品牌", "华为"), ("类型", "bbu")]),
        ("state=loose,kind=Bolt", DescGrammar(form="key_value", head_key="Kind"), "bolt",
         [("kind", "bolt"), ("state", "loose")]),
        ("state=loose", DescGrammar(form="key_value", head_key="kind"), "", [("state", "loose")]),
        ("kind=bolt,rusty", PAIRS, "bolt", [("kind", "bolt")]),
        ("kind=", PAIRS, "", [("kind", "")]),
        ("=bolt", PAIRS, "=bolt", []),
        ("a bolt, rusty", PAIRS, "a bolt", []),
        ("bolt/rusty,loose", TYPED, "bolt", [("attributes", "loose"), ("attributes", "rusty"), ("type", "bolt")]),
        ("bolt/rusty/near door", TYPED, "bolt",
         [("attributes", "rusty"), ("attributes 2", "near door"), ("type", "bolt")]),
        ("bolt", TYPED, "bolt", [("type", "bolt")]),
        ("bolt/", TYPED, "bolt", [("type", "bolt")]),
        ("", TYPED, "", [("type", "")]),
        ("bolt|rusty;loose", DescGrammar(form="type_attr", level_separator="|", item_separator=";"), "bolt",
         [("attributes", "loose"), ("attributes", "rusty"), ("type", "bolt")]),
    ],
)  # fmt: skip
def test_parts(desc, grammar, head, slots):
    parts = desc_parts(desc, grammar)
    assert parts.head == head
    assert list(parts.slots) == slots


@pytest.mark.parametrize(
    ("desc", "grammar", "head"),
    [
        ("组1: BBU/华为", TYPED, "bbu"),
        ("组12： BBU/华为", TYPED, "bbu"),
        ("组1: BBU,华为", DescGrammar(), "bbu"),
        ("BBU/组1: 华为", TYPED, "bbu"),
        ("组: BBU", TYPED, "组 bbu"),
        ("kind=BBU,group=1", PAIRS, "bbu"),
    ],
)
def test_the_prefix_of_a_group_is_no_part_of_the_head_term(desc, grammar, head):
    assert desc_parts(desc, grammar, Grouping(template="组{n}: ")).head == head


def test_folding_twice_changes_nothing():
    for text in ("ＢＢＵ", "İstanbul", "ﬀ", "Ǆ", "é", "①"):
        assert folded(folded(text)) == folded(text)
