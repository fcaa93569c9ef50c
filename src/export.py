"""`python -m src.export`: a checkpoint as a folder to hand on: whole weights, tokenizer, processor and `grounding.json`.

The folder appears in one move when it is complete.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

from src.errors import ConfigError, DataError, UsageError
from src.generation.command import grounding_for
from src.generation.grounding import Grounding, write_grounding
from src.utils.cli import parser, run
from src.utils.logger import get_logger

ADAPTER = "adapter_config.json"
WEIGHTS = ("*.safetensors", "pytorch_model*.bin")
BESIDE_WEIGHTS = ("*.json", "*.txt", "*.jinja", "*.model")
OF_A_RUN = (
    "trainer_state.json", "complete.json", "logging-rank*.json", "args.json", "grounding.json",
)  # fmt: skip
logger = get_logger(__name__)


def export(
    model: Path,
    out: Path,
    grounding: Grounding,
    *,
    base: Path | None = None,
    dtype: str | None = None,
    link: bool = False,
) -> Path:
    """Write `out` from a checkpoint folder; an adapter is merged into its base model. Returns `out`.

    `link` makes hard links of a full checkpoint's weights instead of copies. `UsageError` when `out` exists; nothing is left
    behind by a failure.
    """
    if out.exists():
        raise UsageError.say(f"{out} exists", remedy="give another --out, or remove it")
    is_adapter = (model / ADAPTER).is_file()
    if not is_adapter and not (model / "config.json").is_file():
        raise ConfigError.say(
            f"{model} is not a checkpoint folder", remedy="name the folder that holds config.json"
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".tmp", dir=out.parent))
    try:
        if is_adapter:
            _merge(model, made, base, dtype)
        else:
            _copy(model, made, link=link)
        write_grounding(made, grounding)
        made.chmod(0o755)
        made.replace(out)
    except OSError as error:
        raise DataError.say(
            f"cannot write {out}: {error.strerror or error}",
            remedy="free space, or give another --out",
        ) from error
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return out


def _merge(model: Path, folder: Path, base: Path | None, dtype: str | None) -> None:
    from src.training.torchvision_shim import ensure_torchvision

    ensure_torchvision()
    from src.training.ms_swift.merging import merge_adapter

    merge_adapter(model, folder, base=base, dtype=dtype)


def _copy(model: Path, folder: Path, *, link: bool) -> None:
    """The files that loading needs; optimizer, generators and logs of the run stay behind."""
    weights = 0
    for path in sorted(model.iterdir()):
        is_weights = any(fnmatch(path.name, pattern) for pattern in WEIGHTS)
        is_wanted = any(fnmatch(path.name, pattern) for pattern in BESIDE_WEIGHTS)
        is_of_run = any(fnmatch(path.name, pattern) for pattern in OF_A_RUN)
        if not path.is_file() or is_of_run or not (is_weights or is_wanted):
            continue
        weights += is_weights
        if link and is_weights:
            os.link(path.resolve(), folder / path.name)
        else:
            shutil.copyfile(path, folder / path.name)
    if not weights:
        raise ConfigError.say(f"{model} has no weights", expected=" or ".join(WEIGHTS))


def main(argv: Sequence[str]) -> int:
    words = parser(
        "python -m src.export",
        "Write a checkpoint with grounding.json; merge an adapter into its base.",
    )
    words.add_argument(
        "--model", required=True, type=Path, help="checkpoint folder (full or adapter)"
    )
    words.add_argument("--out", required=True, type=Path, help="folder to write; must not exist")
    words.add_argument(
        "--config", help="training config, when the checkpoint has no grounding.json"
    )
    words.add_argument("--base", type=Path, help="base model of an adapter, when it moved")
    words.add_argument(
        "--dtype",
        choices=("float32", "bfloat16", "float16"),
        help="of merged weights; default the base model's",
    )
    words.add_argument(
        "--link", action="store_true", help="hard links instead of copies of weights"
    )
    given = words.parse_args(argv)
    if (given.base or given.dtype) and not (given.model / ADAPTER).is_file():
        raise UsageError.say("--base and --dtype are for adapter folders only")
    grounding = grounding_for(str(given.model), given.config)
    export(given.model, given.out, grounding, base=given.base, dtype=given.dtype, link=given.link)
    logger.info("wrote %s", given.out)
    return 0


if __name__ == "__main__":
    sys.exit(run(main))
