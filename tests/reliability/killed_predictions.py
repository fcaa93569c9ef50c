"""Kills predictions at chosen points and lets them go on; run as a script, so that forks are cheap and hold no torch.

`python -m tests.reliability.killed_predictions FOLDER JSONL` writes FOLDER/results.json, a list for the code as it is and one for
each planted fault: for each kill the exit status, the items done before it, the items computed after it, and whether the file
equals the uninterrupted one.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from src.datasets.builders.config import BuilderConfig
from src.generation import prediction
from src.generation.grounding import Grounding
from src.generation.journal import Journal, Writer
from src.generation.prediction import PredictItem, PredictSettings, jsonl_items, predict
from src.generation.types import GenerationOptions, GenerationResult
from src.rng import stable_hash

BATCH = 3
GROUNDING = Grounding(
    builder=BuilderConfig(json_format="qwen", emit_norm="norm1000"),
    system=None, user="Detect.", domain="generic", min_pixels=4096, max_pixels=1 << 20,
)  # fmt: skip
SETTINGS = PredictSettings(
    model="m", source="s", grounding=GROUNDING, options=GenerationOptions(), batch_size=BATCH, limit=None
)  # fmt: skip


class BatchedEngine:
    """Its answers depend on what else is in the batch, as those of a model in bfloat16 do."""

    def __init__(self, log: Path) -> None:
        self.log = log

    def generate(self, requests, options):
        keys = [request.key for request in requests]
        with self.log.open("a") as handle:
            handle.write("".join(f"{key}\n" for key in keys))
        x = 1 + stable_hash(*keys) % 900
        text = f'[{{"bbox_2d": [0, 0, {x}, 500], "label": "thing"}}]'
        return [GenerationResult(text=text, finish_reason="stop", num_tokens=9) for _ in keys]

    def close(self):
        pass


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_while_adding(batch: int, share: float) -> None:
    """Die in the given batch when this share of its bytes is in the file (more than 1: after `add`)."""
    count = 0
    original = Writer.add

    def add(self: Writer, lines: dict[int, bytes]) -> None:
        nonlocal count
        count += 1
        if count - 1 != batch:
            original(self, lines)
            return
        data = b"".join(b"%d\t%s" % pair for pair in lines.items())
        if share > 1:
            original(self, lines)
        else:
            self.handle.write(data[: int(share * len(data))])
            self.handle.flush()
        die()

    Writer.add = add


def die_before(owner: object, name: str, call: int) -> None:
    """Die instead of the `call`-th call of a function."""
    count = 0
    original = getattr(owner, name)

    def replaced(*args, **kwargs):
        nonlocal count
        count += 1
        if count - 1 == call:
            die()
        return original(*args, **kwargs)

    setattr(owner, name, replaced)


def points() -> list[tuple[str, Callable[[], None]]]:
    """20 places: five in each of three batches, the beginning, and the end."""
    found = [
        (f"batch {batch}, {share:.0%} written", lambda b=batch, s=share: die_while_adding(b, s))
        for batch in (0, 1, 3)
        for share in (0.0, 0.2, 0.6, 0.9, 2.0)
    ]
    return [
        *found,
        ("before the journal is in place", lambda: die_before(Path, "replace", 0)),
        ("before the file is in place", lambda: die_before(Path, "replace", 1)),
        ("before the journal is removed", lambda: die_before(Journal, "discard", 0)),
        ("before its file is removed", lambda: die_before(Path, "unlink", 0)),
        ("before the answers are put in order", lambda: die_before(Journal, "finish", 0)),
    ]


def keep_torn_tail() -> None:
    """Fault: what a killed process left unfinished stays in the journal."""

    class Whole(bytes):
        def rfind(self, *_):
            return len(self) - 1

    read = Path.read_bytes
    Path.read_bytes = lambda self: Whole(read(self))


def batches_of_the_rest() -> None:
    """Fault: a resumed run cuts its batches from the items that are left."""
    original = prediction.predict

    def resumed(items, engine, settings, out):
        done = Journal(out=out, settings=journal_settings()).done()
        if not done:
            return original(items, engine, settings, out)
        rest = [item for position, item in enumerate(items) if position not in done]
        lines = {}
        builder = prediction.JsonLinesBuilder(GROUNDING.builder, GROUNDING.prompts)
        for start in range(0, len(rest), BATCH):
            batch = rest[start : start + BATCH]
            found = prediction.predict_batch(
                batch, engine, builder, GROUNDING, settings.options, out.parent
            )
            lines |= {
                items.index(i): prediction.prediction_to_line(p)
                for i, p in zip(batch, found, strict=True)
            }
        kept = Journal(out=out, settings=journal_settings())
        with kept.writer(0) as writer:
            writer.add(lines)
        kept.finish(len(items))
        return out

    globals()["predict"] = resumed


def journal_settings() -> dict:
    return prediction.asdict(SETTINGS)


FAULTS = {
    "torn tail": keep_torn_tail,
    "batches of the rest": batches_of_the_rest,
}


def in_child(action: Callable[[], object]) -> int:
    """The exit status of a forked process that does this; negative: the signal that killed it."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            action()
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def killed(
    what: str, kill: Callable[[], None], folder: Path, items: list[PredictItem], fault: str
) -> dict:
    out, log = folder / "p.jsonl", folder / "log"

    def first() -> None:
        kill()
        predict(items, BatchedEngine(log), SETTINGS, out)

    def second() -> None:
        if fault:
            FAULTS[fault]()
        predict(items, BatchedEngine(log), SETTINGS, out)

    status = in_child(first)
    early = out.is_file()
    done = sorted(Journal(out=out, settings=journal_settings()).done())
    log.write_text("")
    resumed = in_child(second)
    again = [int(key) for key in log.read_text().split()]
    return {
        "what": what, "status": status, "resumed": resumed, "done": done, "again": again, "early": early,
        # A killed process cannot remove its temporary file.
        "left": sorted(path.name for path in folder.iterdir() if path.suffix != ".tmp"),
    }  # fmt: skip


def main(folder: Path, jsonl: Path) -> None:
    items = jsonl_items(jsonl)
    whole = folder / "whole" / "p.jsonl"
    whole.parent.mkdir(parents=True)
    assert in_child(lambda: predict(items, BatchedEngine(folder / "log"), SETTINGS, whole)) == 0
    results = {}
    for fault in ("", *FAULTS):
        results[fault] = []
        # Of a fault it is enough to see five kills, those in the middle.
        for number, (what, kill) in enumerate(points()[5:10] if fault else points()):
            place = folder / f"{fault}-{number}"
            place.mkdir()
            result = killed(what, kill, place, items, fault)
            out = place / "p.jsonl"
            is_equal = out.is_file() and out.read_bytes() == whole.read_bytes()
            results[fault].append({**result, "equal": is_equal})
    (folder / "results.json").write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
