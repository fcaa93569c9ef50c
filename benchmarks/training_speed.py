"""`python -m benchmarks.training_speed --bccd data/bccd/train.jsonl --lvis FILE`: steps a second, beside ms-swift alone.

The same tiny model, records, batch size and steps on the mix of `benchmarks.data_plan`: this project's entry point against
ms-swift's own SFT pipeline with its own lazy data set and loader, which reads the same answers from its own JSONL. Each trains a
whole epoch in a process of its own, in turn, for several rounds; the figure is the ratio of the medians of the trainer's own
`train_runtime`, imports and loading left out. LVIS-like pictures of more than 12 objects are left
out: a random batch of eight with one of 13,000 tokens takes more memory than this machine has.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.data_plan import ROOT, make_parts
from benchmarks.mixed_data import write_mix
from src.config.loader import load_config
from src.datasets.assembly import make_dataset, open_split
from src.datasets.mix import member_specs
from src.datasets.render import blank

BATCH = 8
SWIFT = """
import json, sys
from src.training.torchvision_shim import ensure_torchvision
ensure_torchvision()
from swift.pipelines.train.sft import SwiftSft
from src.training.ms_swift.template import fit_token_ids

class Fitted(SwiftSft):
    def _prepare_template(self):
        super()._prepare_template()
        fit_token_ids(self.template)  # a small vocabulary: ms-swift hard-codes the released one's ids

Fitted(json.loads(sys.argv[1])).main()
"""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--bccd", type=Path, required=True, help="train.jsonl of converted BCCD")
    options.add_argument("--lvis", type=Path, required=True, help="LVIS annotations (JSON)")
    options.add_argument("--scenes", type=int, default=400, help="composed scenes in the mix")
    options.add_argument("--rounds", type=int, default=3, help="rounds of both")
    options.add_argument("--json", action="store_true", help="print JSON alone")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        parts = make_parts(
            folder,
            chosen.bccd.resolve(),
            chosen.lvis,
            num_scenes=chosen.scenes,
            copies=1,
            max_objects=12,
        )
        config = write_mix(
            folder, parts["cells"], parts["scenes"], parts["lvis"], parts["model"],
            num_train_epochs=1, logging_steps=1000, save_strategy="no", dataloader_num_workers=1,
        )  # fmt: skip
        rows, num_rows = write_swift_rows(folder, config)
        steps = num_rows // BATCH
        ours, theirs = [], []
        for number in range(chosen.rounds):
            ours.append(run_ours(config, folder / f"ours-{number}"))
            theirs.append(run_swift(parts["model"], rows, steps, folder / f"swift-{number}"))
    figures = {
        "steps": float(steps),
        "ours, steps/s": steps / statistics.median(ours),
        "ms-swift, steps/s": steps / statistics.median(theirs),
        "ratio": statistics.median(theirs) / statistics.median(ours),
    }
    print(
        json.dumps(figures)
        if chosen.json
        else "\n".join(f"{k:<20} {v:8.3f}" for k, v in figures.items())
    )


def write_swift_rows(folder: Path, config_path: Path) -> tuple[Path, int]:
    """The mix as ms-swift's JSONL, with the very answers that this project writes; its path and number of rows."""
    config = load_config(config_path).config
    path = folder / "swift.jsonl"
    count = 0
    with path.open("w", encoding="utf-8") as handle:
        for spec in member_specs(config):
            opened = open_split(config, spec, "train")
            assert opened is not None
            dataset = make_dataset(config, spec, opened.source)
            for row in range(len(dataset)):
                scene = opened.source.scene(row)
                talk = dataset.builder.build(blank(scene, dataset.budget))
                messages = [{"role": turn.role, "content": turn.content} for turn in talk.turns]
                images = [str(path) for path in scene.pictures]
                handle.write(json.dumps({"messages": messages, "images": images}) + "\n")
                count += 1
    return path, count


def run_ours(config: Path, out: Path) -> float:
    """Seconds of one epoch."""
    words = ["-m", "src.sft", "--config", str(config), "--set", f"training.output_dir={out}"]
    return _runtime(words, out)


def run_swift(model: Path, rows: Path, steps: int, out: Path) -> float:
    """Seconds of as many steps of ms-swift's own pipeline."""
    words = [
        "--model", str(model), "--model_type", "qwen3_vl", "--torch_dtype", "float32", "--attn_impl", "sdpa",
        "--dataset", str(rows), "--tuner_type", "full", "--freeze_vit", "false", "--freeze_aligner", "false",
        "--max_pixels", "76800", "--per_device_train_batch_size", str(BATCH), "--gradient_accumulation_steps", "1",
        "--max_steps", str(steps), "--learning_rate", "2e-3", "--weight_decay", "0.01", "--adam_beta2", "0.98",
        "--lr_scheduler_type", "cosine", "--gradient_checkpointing", "false", "--save_strategy", "no",
        "--report_to", "none", "--logging_steps", "1000", "--dataloader_num_workers", "1", "--output_dir", str(out),
        "--add_version", "false", "--split_dataset_ratio", "0", "--use_cpu", "true", "--check_model", "false",
        "--dataloader_pin_memory", "false", "--max_length", "32768", "--dataset_num_proc", "1",
    ]  # fmt: skip
    return _runtime(["-c", SWIFT, json.dumps(words)], out)


def _runtime(words: list[str], out: Path) -> float:
    threads = {
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
        "OMP_WAIT_POLICY": "PASSIVE",
    }
    quiet = {"TOKENIZERS_PARALLELISM": "false", "CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, *words], cwd=ROOT, env={**os.environ, **threads, **quiet}, check=False,
        capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(done.stderr[-4000:])
    lines = [json.loads(line) for line in (out / "logging.jsonl").read_text().splitlines()]
    return next(float(line["train_runtime"]) for line in lines if "train_runtime" in line)


if __name__ == "__main__":
    main()
