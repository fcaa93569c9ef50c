"""XML without its dangers: a document type (hence any entity) is refused, and size and depth are bounded.

Python's expat never opens external entities by itself; refusing the DOCTYPE also rules out expansion bombs. A file of any size
is listed by `top_elements` in one pass (some 15 MB/s) and read an element at a time by `parse_element_at`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from src.errors import RecordError

MAX_BYTES = 64 << 20
MAX_DEPTH = 100
BLOCK_BYTES = 1 << 16


class _Refused(Exception):
    """A construct that is not allowed; the text says which."""


class _Complete(Exception):
    """The element that was asked for has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TopElement:
    """A child of the root: where it begins in the file (bytes), its line, and the element.

    Of an element whose tag was not asked for as a whole only the attributes are there.
    """

    offset: int
    line: int
    element: Element


def parse_xml(path: Path, where: str) -> Element:
    """The root element of an XML file; `RecordError` naming `where` (and line and column) for anything else."""
    if path.stat().st_size > MAX_BYTES:
        raise _bad(where, "the file is too large", got=f"{path.stat().st_size} bytes")
    builder = TreeBuilder()
    parser = _parser(builder)
    with _told(where):
        parser.Parse(path.read_bytes(), True)
    return builder.close()


def parse_element_at(path: Path, where: str, offset: int) -> Element:
    """The element that begins at byte `offset` of a UTF-8 file, as `top_elements` found it."""
    builder = TreeBuilder()
    parser = _parser(builder, stops=True)
    with path.open("rb") as handle, _told(where):
        handle.seek(offset)
        for _ in range(MAX_BYTES // BLOCK_BYTES):
            block = handle.read(BLOCK_BYTES)
            try:
                parser.Parse(block, not block)
            except _Complete:
                return builder.close()
    raise _bad(where, "an element is too large", got=f"more than {MAX_BYTES} bytes")


def top_elements(path: Path, where: str, whole: frozenset[str]) -> Iterator[tuple[str, TopElement]]:
    """(tag of the root, child) for every child of the root in file order; those tagged as in `whole` come complete.

    `RecordError` naming `where` for what is no XML, or no UTF-8 (offsets would mean nothing).
    """
    listing = _Listing(whole=whole)
    parser = _parser(listing)
    listing.parser = parser
    parser.XmlDeclHandler = _refuse_encoding
    with path.open("rb") as handle, _told(where):
        while block := handle.read(BLOCK_BYTES):
            if block.startswith((b"\xff\xfe", b"\xfe\xff")):
                _refuse_encoding("", "UTF-16", 0)
            parser.Parse(block, False)
            yield from listing.taken()
        parser.Parse(b"", True)
        yield from listing.taken()


@dataclass(slots=True, kw_only=True)
class _Listing:
    """Builds the root's children, and nothing inside those that are not wanted whole."""

    whole: frozenset[str]
    parser: Any = None
    depth: int = 0
    root: str = ""
    begun: tuple[int, int] = (0, 0)
    builder: TreeBuilder | None = None
    ready: list[tuple[str, TopElement]] = field(default_factory=list)

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        if self.depth == 1:
            self.root = tag
        elif self.depth == 2:
            self.begun = (self.parser.CurrentByteIndex, self.parser.CurrentLineNumber)
            if tag in self.whole:
                self.builder = TreeBuilder()
            else:
                self._finish(Element(tag, attributes))
        if self.builder is not None:
            self.builder.start(tag, attributes)

    def end(self, tag: str) -> None:
        self.depth -= 1
        if self.builder is not None:
            self.builder.end(tag)
            if self.depth == 1:
                self._finish(self.builder.close())
                self.builder = None

    def data(self, text: str) -> None:
        if self.builder is not None:
            self.builder.data(text)

    def taken(self) -> list[tuple[str, TopElement]]:
        ready, self.ready = self.ready, []
        return ready

    def _finish(self, element: Element) -> None:
        offset, line = self.begun
        self.ready.append((self.root, TopElement(offset=offset, line=line, element=element)))


def _parser(target: TreeBuilder | _Listing, *, stops: bool = False) -> Any:
    """A parser with the bounds; with `stops`, `_Complete` is raised when the first element ends."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    depth = 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > MAX_DEPTH:
            raise _Refused(f"elements nested more than {MAX_DEPTH} deep")
        target.start(tag, attributes)

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        target.end(tag)
        if stops and not depth:
            raise _Complete

    def doctype(name: str, *_rest: object) -> None:
        raise _Refused(f"a document type (DOCTYPE {name})")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = target.data
    parser.StartDoctypeDeclHandler = doctype
    return parser


@contextmanager
def _told(where: str) -> Iterator[None]:
    """Errors of the parser as `RecordError`."""
    try:
        yield
    except expat.ExpatError as error:
        place = f"{where}:{error.lineno}:{error.offset + 1}"
        raise _bad(place, f"not well-formed XML: {expat.ErrorString(error.code)}") from error
    except _Refused as error:
        raise _bad(where, f"XML with {error} is refused") from error
    except (ValueError, LookupError) as error:  # an encoding declaration that Python cannot serve
        raise _bad(where, f"the XML cannot be decoded: {error}") from error


def _refuse_encoding(_version: str, encoding: str | None, _standalone: int) -> None:
    if encoding and encoding.lower() not in ("utf-8", "utf8", "us-ascii", "ascii"):
        raise _Refused(f"the encoding {encoding} (save it as UTF-8)")


def _bad(where: str, message: str, got: str = "") -> RecordError:
    return RecordError.say(
        message,
        where=where,
        rule="xml",
        got=got,
        remedy="export the annotation again, or remove the file",
    )
