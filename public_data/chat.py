"""`python -m public_data chat`: chat corpora (alpaca, sharegpt or openai form, JSON or JSONL) to messages records.

Entries read = records written + entries quarantined, each with its reason: empty turns, texts that spell a token of the model,
tools and pictures, exact duplicates, conversations over `--max-characters`. Fields that the contract has no place for (`loss`
among them) are left out and counted. Cost: the corpus is held in memory once.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from public_data.chat_forms import Conversation, read_entry
from src.contract.policy import quarantine_line
from src.contract.records import Source
from src.contract.validate import check_line
from src.errors import DataError, Issue, RecordError, UsageError
from src.files import atomic_write, write_bytes
from src.rng import stable_hash
from src.utils.cli import parser
from src.utils.progress import progress

REPORT = "chat_report.json"
QUARANTINE = "quarantine.jsonl"
JSON = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE


@dataclass(slots=True, kw_only=True)
class Corpus:
    """What was read: records by the hash of their turns (in reading order), lines for the quarantine, and counts."""

    records: dict[int, bytes] = field(default_factory=dict)
    first_seen: dict[int, Source] = field(default_factory=dict)
    quarantined: list[bytes] = field(default_factory=list)
    num_read: int = 0
    forms: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)


def main(argv: Sequence[str]) -> int:
    options = _arguments().parse_args(argv)
    if not 0.0 <= options.val_ratio < 1.0:
        raise UsageError.say("--val-ratio must lie in 0..1", got=str(options.val_ratio))
    if options.max_characters is not None and options.max_characters < 1:
        raise UsageError.say("--max-characters must be at least 1")
    corpus = Corpus()
    for file in options.files:
        entries = _entries(file)
        name = options.source or file.stem
        for row, raw in progress(entries, total=len(entries), label=f"chat {file.name}"):
            _add(corpus, raw, Source(file=str(file), line=row + 1), name, options.max_characters)
    (options.out / REPORT).unlink(missing_ok=True)
    counts = _write(corpus, options)
    report = _report(corpus, counts, options)
    write_bytes(options.out / REPORT, orjson.dumps(report, option=JSON))
    sys.stdout.write(json.dumps(report) + "\n" if options.json else _explain(report, options.out))
    return 0 if corpus.records else 1


def _arguments() -> argparse.ArgumentParser:
    arguments = parser("python -m public_data chat", (__doc__ or "").split("\n\n")[0])
    add = arguments.add_argument
    add("files", nargs="+", type=Path, metavar="FILE", help="corpus: .jsonl, or .json with a list")
    add("--out", required=True, type=Path, help="folder to fill")
    add("--source", help="metadata.source of the records (default: the file's name)")
    add("--max-characters", type=int, help="longest conversation, all turns together")
    add("--val-ratio", type=float, default=0.0, help="share of records for val.jsonl")
    add("--seed", type=int, default=17, help="seed of the split")
    add("--json", action="store_true", help="print JSON")
    return arguments


def _entries(file: Path) -> list[tuple[int, bytes | Any]]:
    """(row, entry) pairs: the bytes of a line of JSONL, or an element of a JSON list."""
    if not file.is_file():
        raise DataError.say(f"corpus {file} does not exist")
    data = file.read_bytes()
    if file.suffix.lower() == ".jsonl":
        return [(row, line) for row, line in enumerate(data.split(b"\n")) if line.strip()]
    try:
        found = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise DataError.say(f"not valid JSON: {error}", where=str(file)) from error
    if not isinstance(found, list):
        raise DataError.say(
            "a .json corpus is a list of entries", where=str(file), got=type(found).__name__
        )
    return list(enumerate(found))


def _add(corpus: Corpus, raw: bytes | Any, source: Source, name: str, longest: int | None) -> None:
    """Read one entry into the corpus: a record, or a line for the quarantine."""
    corpus.num_read += 1
    try:
        conversation = read_entry(_loaded(raw, source), source)
        line, digest = _record_line(conversation, source, name, longest)
        if digest in corpus.records:
            raise RecordError.say(
                "the same conversation was read before",
                where=str(source),
                rule="chat-duplicate",
                got=str(corpus.first_seen[digest]),
            )
    except RecordError as error:
        text = raw if isinstance(raw, bytes) else orjson.dumps(raw)
        corpus.rules.update(issue.rule for issue in error.issues)
        corpus.quarantined.append(quarantine_line(source.line - 1, text, error.issues))
        return
    corpus.records[digest] = line
    corpus.first_seen[digest] = source
    corpus.forms[conversation.form] += 1
    corpus.left_out += conversation.left_out


def _loaded(raw: bytes | Any, source: Source) -> Any:
    if not isinstance(raw, bytes):
        return raw
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise RecordError.say(f"not valid JSON: {error}", where=str(source), rule="json") from error


def _record_line(
    conversation: Conversation, source: Source, name: str, longest: int | None
) -> tuple[bytes, int]:
    """The line of the record, as the contract accepts it, and a hash of its turns."""
    turns = conversation.turns
    messages = [{"role": role, "content": text} for role, text in turns]
    line = orjson.dumps(
        {"images": [], "messages": messages, "metadata": {"source": name}},
        option=orjson.OPT_APPEND_NEWLINE,
    )
    issues: list[Issue] = list(check_line(line.rstrip(b"\n"), source))
    length = sum(len(text) for _, text in turns if isinstance(text, str))
    if longest is not None and length > longest:
        issues.append(
            Issue(
                message="the conversation is too long",
                where=str(source),
                rule="chat-length",
                got=f"{length} characters",
                expected=f"at most {longest}",
            )
        )
    if issues:
        raise RecordError(*issues)
    return line, stable_hash(*(part for turn in turns for part in turn))


def _write(corpus: Corpus, options: argparse.Namespace) -> dict[str, int]:
    """Write the files; the number of records in each."""
    ranked = sorted(corpus.records, key=lambda key: stable_hash(options.seed, "chat split", key))
    num_val = round(len(ranked) * options.val_ratio)
    if options.val_ratio and len(ranked) > 1:
        num_val = min(max(num_val, 1), len(ranked) - 1)
    held_out = frozenset(ranked[:num_val])
    parts = {"train": [line for key, line in corpus.records.items() if key not in held_out]}
    if options.val_ratio:
        parts["val"] = [line for key, line in corpus.records.items() if key in held_out]
    for part, lines in parts.items():
        with atomic_write(options.out / f"{part}.jsonl", "wb") as handle:
            handle.writelines(lines)
    if "val" not in parts:
        # An earlier run's would hold records of this one's train.jsonl.
        (options.out / "val.jsonl").unlink(missing_ok=True)
    with atomic_write(options.out / QUARANTINE, "wb") as handle:
        handle.writelines(corpus.quarantined)
    return {part: len(lines) for part, lines in parts.items()}


def _report(
    corpus: Corpus, counts: dict[str, int], options: argparse.Namespace
) -> dict[str, object]:
    return {
        "version": 1,
        "files": [str(file) for file in options.files],
        "read": corpus.num_read,
        "written": len(corpus.records),
        "quarantined": len(corpus.quarantined),
        "parts": counts,
        "forms": dict(sorted(corpus.forms.items())),
        "quarantined_by_rule": dict(sorted(corpus.rules.items())),
        "fields_left_out": dict(sorted(corpus.left_out.items())),
    }


def _explain(report: dict[str, object], out: Path) -> str:
    lines = [
        f"{out}: {report['read']} entries read = {report['written']} written {report['parts']} + "
        f"{report['quarantined']} quarantined {report['quarantined_by_rule'] or ''}".rstrip()
    ]
    if report["fields_left_out"]:
        lines.append(f"fields that the contract has no place for: {report['fields_left_out']}")
    return "\n".join(lines) + "\n"
