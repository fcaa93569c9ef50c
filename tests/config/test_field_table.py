"""The table of ms-swift's arguments equals a fresh one from the installed (pinned) version."""

import subprocess
import sys
from pathlib import Path

from src.config.passthrough import TABLE, field_rules, section_keys

ROOT = Path(__file__).resolve().parents[2]


def test_the_table_is_the_pinned_versions(tmp_path):
    out = tmp_path / "fields.json"
    command = [sys.executable, "-m", "scripts.config_tools.make_field_table", "--out", str(out)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    assert out.read_text() == TABLE.read_text()


def test_every_field_has_one_section():
    named = [name for names in section_keys().values() for name in names]
    assert len(named) == len(set(named))
    assert {"tuner_type", "lora_rank"} <= set(section_keys()["tuner"])
    assert field_rules()["report_to"].scalar_becomes_list
