"""One door to all commands, which costs nothing until one is called."""

import subprocess
import sys

import pytest

from public_data.__main__ import COMMANDS, main
from src.errors import UsageError
from tests.training_fixtures import ROOT


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name, capsys):
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    assert "usage:" in capsys.readouterr().out


def test_usage_and_typos(capsys):
    assert main(["--help"]) == 0
    assert main([]) == 2
    usage = capsys.readouterr().out
    assert all(name in usage for name in COMMANDS)
    with pytest.raises(UsageError, match="sample"):
        main(["sampel"])


def test_help_imports_no_command():
    code = (
        "import sys; from public_data.__main__ import main; main(['--help']);"
        "sys.exit(any(name in sys.modules for name in ('numpy', 'cv2', 'PIL', 'orjson')))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_a_commands_exit_code_and_old_names_hold(tmp_path):
    (tmp_path / "bad.jsonl").write_text("{}\n")
    assert main(["validate", str(tmp_path / "bad.jsonl")]) == 1
    done = subprocess.run(
        [sys.executable, "-m", "public_data.scenes", "--help"], cwd=ROOT, check=False, capture_output=True
    )  # fmt: skip
    assert done.returncode == 0
