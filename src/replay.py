"""`python -m src.replay --run DIR --steps a:b`: the exact samples of those optimizer steps, without the model.

Reads the run folder's config and plan; pictures and texts come from the very data set and augmentation of training.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from src.config.loader import load_config
from src.contract.records import ObjectAnnotation
from src.datasets.plan import SampleKey
from src.datasets.run_record import RunRecord, open_record
from src.errors import ConfigError
from src.report.page import ReportSample, truth_sample, write_report
from src.utils.cli import parser, run

MAX_PICTURED = 512


def main(argv: Sequence[str]) -> int:
    options = parser(
        "python -m src.replay", "Show the exact samples that a run trains on in given steps."
    )
    options.add_argument("--run", type=Path, required=True, help="run folder")
    options.add_argument(
        "--steps",
        required=True,
        metavar="a:b",
        help="0-based optimizer steps, b excluded; or one step",
    )
    options.add_argument(
        "--json", action="store_true", help="one JSON line a sample, with its texts"
    )
    options.add_argument("--html", type=Path, help="write a page with the samples' pictures")
    chosen = options.parse_args(argv)
    config = load_config(chosen.run / "config.yaml").config
    record = open_record(chosen.run, config)
    steps = step_range(chosen.steps, record.total_steps)
    keys = [key for step in steps for key in keys_of(record, step)]
    if chosen.html is not None:
        if len(keys) > MAX_PICTURED:
            raise ConfigError.say(
                "too many samples for one page",
                path="--steps",
                got=str(len(keys)),
                expected=f"at most {MAX_PICTURED}",
            )
        title = f"Steps {steps.start} to {steps.stop - 1} of {chosen.run.name}"
        pictured = [sample for key in keys for sample in _pictured(record, key)]
        write_report(chosen.html, pictured, (), title=title, groups_label="step")
        sys.stdout.write(f"wrote {chosen.html}\n")
        return 0
    for row in rows(record, keys, with_text=chosen.json):
        print(json.dumps(row, ensure_ascii=False) if chosen.json else _line(row))
    return 0


def step_range(text: str, total: int) -> range:
    """`a:b` (b excluded, either may be left out) or a single step, inside the run."""
    first, colon, last = text.partition(":")
    try:
        start = int(first) if first or not colon else 0
        stop = (int(last) if last else total) if colon else start + 1
    except ValueError:
        start = stop = -1
    if not 0 <= start < stop <= total:
        raise ConfigError.say(
            "not steps of this run", path="--steps", got=text, expected=f"a:b within 0:{total}"
        )
    return range(start, stop)


def keys_of(record: RunRecord, step: int) -> tuple[SampleKey, ...]:
    """The samples of an optimizer step of the run, longest first."""
    epoch, index = divmod(step, record.plan.steps_per_epoch)
    return record.plan.global_batch(epoch, index)


def rows(
    record: RunRecord, keys: Sequence[SampleKey], *, with_text: bool
) -> Iterator[dict[str, Any]]:
    """What each sample is: its place in the run, its record, and with `with_text` its prompt and answer."""
    for key in keys:
        member, draw = record.dataset.place(key)
        source = member.source
        row: dict[str, Any] = {
            "step": key.step,
            "epoch": key.epoch,
            "slot": key.slot,
            "dataset": member.name,
            "row": draw.row,
            "source": str(source.index.source(int(source.rows[draw.row]))),
        }
        if with_text:
            talk = member.conversation(draw)
            row["pictures"] = [[p.shape[1], p.shape[0]] for p in talk.pixels]
            row["system"] = talk.system
            row["turns"] = [{"role": turn.role, "content": turn.content} for turn in talk.turns]
        yield row


def _line(row: dict[str, Any]) -> str:
    return f"step {row['step']:>6}  epoch {row['epoch']}  slot {row['slot']:>6}  {row['dataset']}  {row['source']}"


def _pictured(record: RunRecord, key: SampleKey) -> Iterator[ReportSample]:
    """The pictures of a sample as the model saw them, with its objects on the first and its answer as text."""
    member, draw = record.dataset.place(key)
    scene, _ = member.rendered(draw)
    answer = member.builder.build(scene).target
    objects = tuple(
        ObjectAnnotation(
            desc=item.desc, kind=item.shape.kind, points=tuple(item.shape.points.ravel().tolist())
        )
        for item in scene.objects
    )
    for number, pixels in enumerate(scene.pixels):
        name = str(scene.source) if number == 0 else f"{scene.source}, picture {number + 1}"
        yield truth_sample(
            pixels,
            objects if number == 0 else (),
            (pixels.shape[1], pixels.shape[0]),
            name=name,
            row=draw.row,
            dataset=member.name,
            text=answer,
            group=f"step {key.step}",
            notes=(f"slot {key.slot}",),
        )


if __name__ == "__main__":
    sys.exit(run(main))
