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
    arguments.add_argument(
        "--resume",
        metavar="auto|PATH",
        help="go on from the newest complete checkpoint, or from this checkpoint or run folder",
    )
    arguments.add_argument("--debug", action="store_true", help="log more")
    options = arguments.parse_args(argv)
    if options.debug:
        set_level("DEBUG")
    loaded = load_config(find_config(options.config), options.set)
    return check(loaded) if options.check else train(loaded, options.resume)


def check(loaded: LoadedConfig) -> int:
    """Validate config, data and the first samples, and print what a run would do."""
    from src.training.run import TrainingRun

    sys.stdout.write(TrainingRun(loaded.config, dry=True).summary() + "\n")
    return 0


def train(loaded: LoadedConfig, resume: str | None = None) -> int:
    """Train, save, and evaluate when the config says so; 128 + the signal's number when one stopped the run."""
    # Everything is imported before hours of training, so that nothing can be missing after them.
    from src.final_evaluation import evaluate_checkpoint, held_out
    from src.training.environment import record_start
    from src.training.resume import plan_resume, warn_changed_settings
    from src.training.run import TrainingRun
    from src.training.signals import StopSignals

    start = plan_resume(loaded.config, resume)
    if loaded.config.custom.final_evaluation.enabled:
        held_out(loaded.config)  # what is missing for it is told before hours of training
    training = TrainingRun(start.config, resumed=start.checkpoint)
    if rank() == 0:
        training.open_folder()
        if start.checkpoint is not None:
            warn_changed_settings(training.run_dir, loaded.config)
        # The config as given, not as ms-swift resumes it: it must also start the run anew.
        write_text(training.run_dir / "config.yaml", dump_config(loaded.config))
        record_start(training.run_dir, start.checkpoint.step if start.checkpoint else None)
        sys.stdout.write(training.summary() + "\n")
    with StopSignals() as stop:
        training.train(stop)
        if training.stopped_by:
            if rank() == 0:
                logger.warning(
                    "stopped and saved; resume with: python -m src.sft --config %s --resume %s",
                    training.run_dir / "config.yaml",
                    training.run_dir,
                )
            return 128 + training.stopped_by
        checkpoint = training.save()
    if stop.received:
        return 128 + stop.received
    if rank() == 0 and loaded.config.custom.final_evaluation.enabled:
        evaluate_checkpoint(
            loaded.config,
            checkpoint,
            training.run_dir,
            training.engine(),
            weights=training.weights,
        )
    return 0


if __name__ == "__main__":
    sys.exit(run(main))
