"""Fetch a file over HTTP so that what has its name is whole and verified: resumed after interruptions, checked, then renamed.

Bytes go to `NAME.part`. A broken connection, or a killed run that is started again, goes on where the file ends, by a range
request (RFC 9110, section 14) that holds only while the server's file is the same (If-Range, with the validator that
`NAME.part.json` keeps). A server without ranges sends the whole file again. Standard library only.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import re
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from src.errors import DataError, UsageError
from src.files import write_text
from src.utils.logger import get_logger
from src.utils.progress import progress

CHUNK = 1 << 20
ALGORITHMS = {"md5": 32, "sha1": 40, "sha256": 64}
PAUSES_S = (1.0, 2.0, 4.0, 8.0)
TIMEOUT_S = 60.0
logger = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checksum:
    """A digest of a file, hexadecimal."""

    algorithm: str
    digest: str

    @classmethod
    def parse(cls, text: str) -> Checksum:
        """From `md5:HEX`, `sha1:HEX` or `sha256:HEX`; `UsageError` for anything else."""
        algorithm, _, digest = text.lower().partition(":")
        if len(digest) != ALGORITHMS.get(algorithm, 0) or not re.fullmatch("[0-9a-f]+", digest):
            raise UsageError.say(
                "not a checksum", got=text, expected="sha256:HEX, sha1:HEX or md5:HEX"
            )
        return cls(algorithm=algorithm, digest=digest)

    def check(self, file: Path, url: str) -> None:
        """`DataError` when the file's digest is another."""
        with file.open("rb") as handle:
            found = hashlib.file_digest(handle, self.algorithm).hexdigest()
        if found != self.digest:
            raise DataError.say(
                "the file is not the one that the checksum names",
                where=url,
                rule="checksum",
                got=f"{self.algorithm}:{found}",
                expected=f"{self.algorithm}:{self.digest}",
                remedy="compare with the publisher's page; remove the file, if it is there, to fetch it anew",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a server said of the file: where its bytes begin, how many the file has (None: unknown), and its validator."""

    start: int
    total: int | None
    validator: str


class _BrokenOff(Exception):
    """The connection ended before the file did."""


def fetch(
    url: str, target: Path, checksum: Checksum | None, pauses_s: tuple[float, ...] = PAUSES_S
) -> bool:
    """Make `target` the file at `url`; False when it was there already (its checksum is verified again).

    After a broken connection it goes on, pausing `pauses_s` in turn; pauses begin anew after each that brought bytes.
    `DataError` when they are used up, when the server refuses, or when length or checksum are wrong.
    """
    if target.is_file():
        if checksum:
            checksum.check(target, url)
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    _receive_all(url, part, pauses_s)
    if checksum:
        try:
            checksum.check(part, url)
        except DataError:
            _forget(part)  # going on from wrong bytes would fail for ever
            raise
    part.replace(target)
    _forget(part)
    return True


def _receive_all(url: str, part: Path, pauses_s: tuple[float, ...]) -> None:
    failures = 0
    while True:
        before = _size(part)
        try:
            _receive(url, part)
            return
        except _BrokenOff as error:
            failures = 0 if _size(part) > before else failures
            if failures == len(pauses_s):
                raise DataError.say(
                    f"the connection broke off: {error}",
                    where=url,
                    got=f"{_size(part)} bytes so far",
                    remedy="start again: it goes on from there",
                ) from error
            logger.warning("%s: %s; going on after %g s", url, error, pauses_s[failures])
            time.sleep(pauses_s[failures])
            failures += 1


def _receive(url: str, part: Path) -> None:
    """One request: append what is missing to `part`."""
    have, validator = _size(part), _validator(part)
    # Without a validator nobody knows whether the rest belongs to the same file.
    ranged = {"Range": f"bytes={have}-", "If-Range": validator} if have and validator else {}
    request = urllib.request.Request(url, headers={"Accept-Encoding": "identity", **ranged})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:
            answer = _answer(response, url)
            _store(response, answer, part)
    except urllib.error.HTTPError as error:
        if error.code == 416 and _total(error.headers["Content-Range"]) == have:
            return  # everything had arrived before
        if error.code == 416:
            _forget(part)
            raise _BrokenOff("the server has not the rest of this file") from error
        if error.code >= 500 or error.code == 429:
            raise _BrokenOff(f"the server answered {error.code}") from error
        raise DataError.say(
            f"the server refuses: {error.code} {error.reason}",
            where=url,
            remedy="check the address",
        ) from error
    except (http.client.HTTPException, ConnectionError, TimeoutError, ssl.SSLError) as error:
        raise _BrokenOff(str(error) or type(error).__name__) from error
    except urllib.error.URLError as error:
        raise _BrokenOff(f"no connection: {error.reason}") from error
    except OSError as error:
        raise DataError.say(
            f"cannot write {part}: {error.strerror or error}",
            remedy="free space or choose another folder, then start again: it goes on from there",
        ) from error


def _answer(response: http.client.HTTPResponse, url: str) -> Answer:
    headers = response.headers
    etag = headers["ETag"] or ""
    # A weak validator does not promise equal bytes (RFC 9110, section 13.1.5).
    validator = etag if etag and not etag.startswith("W/") else headers["Last-Modified"] or ""
    if response.status == 206:
        found = re.match(r"bytes (\d+)-\d+/(\d+|\*)", headers["Content-Range"] or "")
        if not found:
            raise DataError.say("the server's range cannot be read", where=url)
        return Answer(
            start=int(found[1]), total=_total(headers["Content-Range"]), validator=validator
        )
    length = headers["Content-Length"]
    return Answer(start=0, total=int(length) if length else None, validator=validator)


def _total(content_range: str | None) -> int | None:
    found = re.search(r"/(\d+)$", content_range or "")
    return int(found[1]) if found else None


def _store(response: http.client.HTTPResponse, answer: Answer, part: Path) -> None:
    write_text(_note(part), json.dumps({"validator": answer.validator}))
    with part.open("r+b" if part.exists() else "wb") as handle:
        handle.truncate(answer.start)
        handle.seek(answer.start)
        for chunk in _shown(response, answer, part.name.removesuffix(".part")):
            handle.write(chunk)
        handle.flush()
        os.fsync(handle.fileno())
    size = _size(part)
    if answer.total is not None and size != answer.total:
        raise _BrokenOff(f"{size} of {answer.total} bytes arrived")


def _shown(response: http.client.HTTPResponse, answer: Answer, name: str) -> Iterator[bytes]:
    chunks = iter(lambda: response.read(CHUNK), b"")
    if answer.total is None:
        return chunks
    total = -(-answer.total // CHUNK)
    return progress(chunks, total=total, label=f"{name} (MiB)", start=answer.start // CHUNK)


def _note(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _validator(part: Path) -> str:
    try:
        return str(json.loads(_note(part).read_text(encoding="utf-8"))["validator"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return ""


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _forget(part: Path) -> None:
    part.unlink(missing_ok=True)
    _note(part).unlink(missing_ok=True)
