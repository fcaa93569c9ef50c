import pytest

from src.datasets.builders.formats.registry import FORMATS
from src.domains.loader import load_pack, pack_ids
from src.domains.prompts import render_prompts
from src.errors import ConfigError
from tests.domains.packs import BASE


def pack(tmp_path, text=BASE, name="mine"):
    folder = tmp_path / name
    folder.mkdir(exist_ok=True)
    (folder / "pack.yaml").write_text(text.format(id=name))
    return load_pack(folder)


def test_prompts_render_by_format_and_priority(tmp_path):
    mine = pack(tmp_path)
    assert render_prompts(mine, "dense", "standard", "norm100") == (
        None,
        "List all. As JSON, 0 to 100.",
    )
    assert render_prompts(mine, "summary", "qwen", "none") == ("Sum up.", "What?")
    assert render_prompts(mine, "summary", "qwen", "none", "", "Mine.") == (None, "Mine.")
    with pytest.raises(ConfigError, match="no hint"):
        render_prompts(mine, "dense", "compact", "none")


def test_a_wrong_pack_names_every_problem(tmp_path):
    text = BASE.replace("language", "langage").replace("{{format_hint}}", "{{fomat_hint}}")
    with pytest.raises(ConfigError, match="langage"):
        pack(tmp_path, text)
    with pytest.raises(ConfigError, match="unknown placeholder"):
        pack(tmp_path, BASE.replace("{{format_hint}}", "{{fomat_hint}}"))
    with pytest.raises(ConfigError, match="name of its folder"):
        pack(tmp_path, BASE.replace("{id}", "other"))
    with pytest.raises(ConfigError, match="did you mean generic"):
        load_pack("genric")


def test_shipped_packs_load_and_render_in_every_format():
    assert "generic" in pack_ids()
    for name in pack_ids():
        for mode in ("dense", "summary"):
            for norm in ("none", "norm100", "norm1000"):
                for json_format in FORMATS:
                    system, user = render_prompts(load_pack(name), mode, json_format, norm)
                    assert user
                    assert "{" not in (system or "")


@pytest.mark.parametrize(
    ("addition", "message"),
    [
        ("desc_grammar: {{form: key_value, head_key: kind}}", None),
        ("desc_grammar: {{form: type_attr, item_separator: ';'}}", None),
        ("summary_grammar: {{separators: ['，']}}", None),
        ("desc_grammar: {{form: keyvalue}}", "key_value"),
        ("desc_grammar: {{form: type_attr, level_separator: ','}}", "must differ"),
        ("desc_grammar: {{item_separator: ', '}}", "one character"),
        ("desc_grammar: {{form: plain, head_key: kind}}", "head_key belongs"),
        ("desc_grammar: {{from: plain}}", "did you mean form"),
        ("summary_grammar: {{separators: []}}", "at least one"),
        ("summary_grammar: {{count_marks: ['']}}", "not empty"),
    ],
)
def test_grammars_are_checked_like_the_rest_of_a_pack(tmp_path, addition, message):
    text = BASE + addition + "\n"
    if message is None:
        assert pack(tmp_path, text).tokens.irrelevant == "nothing"
    else:
        with pytest.raises(ConfigError, match=message):
            pack(tmp_path, text)
