"""The command line: validate all packs, render prompts, stages and examples."""

import pytest

from src.domains.__main__ import main
from src.domains.loader import load_pack
from src.errors import ConfigError, UsageError
from tests.domains.packs import BASE, write_pack


def test_all_shipped_packs_are_valid(capsys):
    assert main(["validate"]) == 0
    assert "telecom_zh: ok (zh-CN" in capsys.readouterr().out


def test_a_stage_is_rendered_for_a_mission(capsys):
    pack = load_pack("telecom_zh")
    for mission in pack.missions:
        main(["render", "telecom_zh", "--mode", "stage_b", "--mission", mission.id])
        out = capsys.readouterr().out
        assert mission.name in out
        assert mission.focus in out
        assert f"1. {mission.rules[0]}" in out
        assert pack.verdicts.passed in out
        assert "{" not in out
    main(["render", "telecom_zh", "--mode", "stage_a"])
    assert pack.missions[0].name in capsys.readouterr().out


def test_the_taxonomy_reaches_a_prompt(capsys):
    main(["render", "telecom_zh"])
    out = capsys.readouterr().out
    assert all(f"- {item.name}/" in out for item in load_pack("telecom_zh").taxonomy.types)


def test_what_a_pack_lacks_is_said(tmp_path):
    with pytest.raises(UsageError, match="no such mission"):
        main(["render", "telecom_zh", "--mode", "stage_a", "--mission", "windshields"])
    with pytest.raises(UsageError, match="no such mission"):
        main(["render", "generic", "--mode", "stage_a"])
    with pytest.raises(UsageError, match="belongs to"):
        main(["render", "telecom_zh", "--mission", "windshield"])
    tail = "missions: [{{id: a, name: n, focus: f}}]\nverdicts: {{passed: y, failed: n}}\n"
    folder = write_pack(tmp_path / "mine", BASE + tail)
    with pytest.raises(ConfigError, match="no prompts for this stage"):
        main(["render", str(folder), "--mode", "stage_a"])


def test_problems_of_several_packs_are_told_together(tmp_path):
    one = write_pack(tmp_path / "one", BASE + "lexicon: {{}}\n")
    two = write_pack(tmp_path / "two", BASE + "verdicts: {{}}\n")
    with pytest.raises(ConfigError, match="3 problems"):
        main(["validate", str(one), str(two), "generic"])
