"""`python -m src.sft --config X`: the one entry point of training. Under torchrun every rank runs it."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from src.config.loader import LoadedConfig, dump_config, find_config, load_config
from src.files import write_text
from src.utils.cli import parser, run
from src.utils.logger import get_logger, rank, set_level

logger = get_logger(__name__)


def main(argv: Sequence[str]) -> int:
    arguments = parser("python -m src.sft", "Fine-tune Qwen3-VL by a YAML config.")
    arguments.add_argument(
        "--config", required=True, help="config file, or its name under configs/"
    )
    arguments.add_argument(
        "--set", action="append", default=[], metavar="a.b=c", help="override a value"
    )
    arguments.add_argument(
        "--check", action="store_true", help="check everything, print a summary, train nothing"
    )
    arguments.add_argument("--debug", action="store_true", help="log more")
    options = arguments.parse_args(argv)
    if options.debug:
        set_level("DEBUG")
    loaded = load_config(find_config(options.config), options.set)
    return check(loaded) if options.check else train(loaded)


def check(loaded: LoadedConfig) -> int:
    """Validate config, data and the first samples, and print what a run would do."""
    from src.training.run import TrainingRun

    sys.stdout.write(TrainingRun(loaded.config, dry=True).summary() + "\n")
    return 0


def train(loaded: LoadedConfig) -> int:
    """Train, save, and evaluate when the config says so."""
    # Everything is imported before hours of training, so that nothing can be missing after them.
    from src.final_evaluation import evaluate_checkpoint
    from src.training.run import TrainingRun

    training = TrainingRun(loaded.config)
    if rank() == 0:
        write_text(training.run_dir / "config.yaml", dump_config(loaded.config))
        sys.stdout.write(training.summary() + "\n")
    training.train()
    checkpoint = training.save()
    if rank() == 0 and loaded.config.custom.final_evaluation.enabled:
        evaluate_checkpoint(loaded.config, checkpoint, training.run_dir, training.engine())
    return 0


if __name__ == "__main__":
    sys.exit(run(main))
