"""`python -m src.prepare --config X`: run the commands that make a config's data and model.

A step is `python -m MODULE ARGS` without a shell; MODULE must belong to this project's makers. It is skipped when what it
creates is there and was made by the same command: a stamp beside it, written last, says so.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Sequence

from src.config.loader import ROOT, find_config, load_config, resolve_path
from src.config.schema import PrepareStep
from src.errors import ConfigError, DataError
from src.files import write_text
from src.utils.cli import parser, run
from src.utils.logger import get_logger

ALLOWED = ("public_data", "data_conversion", "scripts.make_tiny_model")
logger = get_logger(__name__)


def main(argv: Sequence[str]) -> int:
    arguments = parser(
        "python -m src.prepare", "Make the data and models that a config's custom.prepare names."
    )
    arguments.add_argument(
        "--config", required=True, help="config file, or its name under configs/"
    )
    arguments.add_argument(
        "--set", action="append", default=[], metavar="a.b=c", help="override a value"
    )
    arguments.add_argument("--dry-run", action="store_true", help="say what would run")
    options = arguments.parse_args(argv)
    for step in load_config(find_config(options.config), options.set).config.custom.prepare:
        prepare(step, dry=options.dry_run)
    return 0


def prepare(step: PrepareStep, *, dry: bool = False) -> bool:
    """Run a step unless its result stands; True when it ran (or would)."""
    if not any(step.module == name or step.module.startswith(f"{name}.") for name in ALLOWED):
        raise ConfigError.say(
            "custom.prepare may not run this module",
            path="custom.prepare",
            got=step.module,
            expected=" | ".join(ALLOWED),
        )
    result = resolve_path(step.creates)
    stamp = result.with_name(f".{result.name}.prepared.json")
    if result.exists() and stamp.is_file() and stamp.read_text(encoding="utf-8") == _stamp(step):
        logger.info("prepared before: %s", step.creates)
        return False
    command = [sys.executable, "-m", step.module, *step.args]
    logger.info("prepare: python -m %s", " ".join([step.module, *step.args]))
    if dry:
        return True
    stamp.unlink(missing_ok=True)
    code = subprocess.run(command, cwd=ROOT, check=False).returncode
    if code != 0 or not result.exists():
        raise DataError.say(
            f"preparing {step.creates} failed (exit code {code})",
            remedy=f"run it alone: python -m {step.module} {' '.join(step.args)}",
        )
    write_text(stamp, _stamp(step))
    return True


def _stamp(step: PrepareStep) -> str:
    """Which command made the result, and from which code of the maker."""
    source = hashlib.blake2b(digest_size=16)
    path = ROOT / step.module.replace(".", "/")
    files = sorted(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]
    for file in files:
        source.update(file.read_bytes())
    return json.dumps({"module": step.module, "args": step.args, "code": source.hexdigest()}) + "\n"


if __name__ == "__main__":
    sys.exit(run(main))
