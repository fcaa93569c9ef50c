"""`python -m public_data download`: COCO 2017 and LVIS v1 files, or any URL: resumed, verified, unpacked, never asking.

A file is kept only with a checksum that it fits, or with `--no-checksum`. COCO and LVIS publish no checksums on their pages; the
MD5 digests of COCO's archives below are those that several independent projects verify with, LVIS's those of one project.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from public_data.fetching import Checksum, fetch
from public_data.unzipping import unzip
from src.errors import UsageError
from src.utils.cli import parser
from src.utils.suggest import did_you_mean

COCO = "http://images.cocodataset.org"
LVIS = "https://dl.fbaipublicfiles.com/LVIS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A file of a public data set; `note` says what it holds."""

    url: str
    checksum: str
    note: str


PUBLISHED = {
    "lvis-v1-train": Published(
        url=f"{LVIS}/lvis_v1_train.json.zip",
        checksum="md5:4410d837f71203af226950447ef9d422",
        note="LVIS v1 training annotations (pictures: coco-2017-train)",
    ),
    "lvis-v1-val": Published(
        url=f"{LVIS}/lvis_v1_val.json.zip",
        checksum="md5:87734a7f895990b9552075d7ce723e27",
        note="LVIS v1 validation annotations (pictures: coco-2017-train and coco-2017-val)",
    ),
    "coco-2017-train": Published(
        url=f"{COCO}/zips/train2017.zip",
        checksum="md5:cced6f7f71b7629ddf16f17bbcfab6b2",
        note="118,287 pictures, 19.3 GB",
    ),
    "coco-2017-val": Published(
        url=f"{COCO}/zips/val2017.zip",
        checksum="md5:442b8da7639aecaf257c1dceb8ba8c80",
        note="5,000 pictures, 0.8 GB",
    ),
    "coco-2017-annotations": Published(
        url=f"{COCO}/annotations/annotations_trainval2017.zip",
        checksum="md5:f4bbac642086de4f52a3fdda2de5fa2c",
        note="instances, captions and keypoints of both, 0.25 GB",
    ),
}


def main(argv: Sequence[str]) -> int:
    options = _arguments().parse_args(argv)
    if options.list:
        _print_list(options.json)
        return 0
    if not options.what or options.out is None:
        raise UsageError.say("give what to fetch and --out, or --list")
    if options.checksum and (options.no_checksum or len(options.what) > 1):
        raise UsageError.say("--checksum belongs to one file and excludes --no-checksum")
    # Everything is looked up before anything is fetched: a typo in the last name costs no hours.
    found = [_resolve(what, options) for what in options.what]
    report: list[dict[str, object]] = []
    for url, checksum in found:
        target = options.out / _file_name(url)
        is_new = fetch(url, target, checksum)
        is_zip = target.suffix.lower() == ".zip"
        files = unzip(target, options.out) if options.unzip and is_zip else None
        report.append({"url": url, "file": str(target), "fetched": is_new, "unpacked": files})
    if options.json:
        sys.stdout.write(json.dumps(report) + "\n")
        return 0
    for done in report:
        state = "fetched" if done["fetched"] else "was there already"
        unpacked = f", {done['unpacked']} files unpacked" if done["unpacked"] is not None else ""
        sys.stdout.write(f"{done['file']}: {state}{unpacked}\n")
    return 0


def _arguments() -> argparse.ArgumentParser:
    arguments = parser("python -m public_data download", (__doc__ or "").split("\n\n")[0])
    add = arguments.add_argument
    add("what", nargs="*", metavar="NAME|URL", help="published file (see --list), or an address")
    add("--out", type=Path, help="folder to fill")
    add("--checksum", help="sha256:HEX, sha1:HEX or md5:HEX that the one file must have")
    add("--no-checksum", action="store_true", help="keep what arrives, verified by its length only")
    add("--unzip", action="store_true", help="unpack zip archives beside themselves")
    add("--list", action="store_true", help="list the published files and end")
    add("--json", action="store_true", help="print JSON")
    return arguments


def _resolve(what: str, options: argparse.Namespace) -> tuple[str, Checksum | None]:
    """The address, and the checksum that the file must have (None by --no-checksum only)."""
    given = Checksum.parse(options.checksum) if options.checksum else None
    if what in PUBLISHED:
        file = PUBLISHED[what]
        known = None if options.no_checksum else Checksum.parse(file.checksum)
        return file.url, given or known
    if urlsplit(what).scheme not in ("http", "https") or not _file_name(what):
        raise UsageError.say(
            "neither a published file nor an http(s) address of a file",
            got=what,
            expected=" | ".join(PUBLISHED),
            remedy=did_you_mean(what, PUBLISHED),
        )
    if given is None and not options.no_checksum:
        raise UsageError.say(
            "no checksum is known for this address",
            got=what,
            remedy="give the publisher's as --checksum sha256:HEX, or say --no-checksum",
        )
    return what, given


def _file_name(url: str) -> str:
    name = unquote(urlsplit(url).path).rsplit("/", 1)[-1]
    is_plain = name.isprintable() and "\\" not in name and name not in (".", "..")
    return name if is_plain else ""


def _print_list(as_json: bool) -> None:
    if as_json:
        table = {
            name: {"url": file.url, "checksum": file.checksum, "note": file.note}
            for name, file in PUBLISHED.items()
        }
        sys.stdout.write(json.dumps(table) + "\n")
        return
    for name, file in PUBLISHED.items():
        sys.stdout.write(f"{name:<22} {file.url}\n{'':<22} {file.note}; {file.checksum}\n")
