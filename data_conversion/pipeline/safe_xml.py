"""XML without its dangers: a document type (hence any entity) is refused, and size and depth are bounded.

Python's expat never opens external entities by itself; refusing the DOCTYPE also rules out expansion bombs.
"""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from src.errors import RecordError

MAX_BYTES = 64 << 20
MAX_DEPTH = 100


class _Refused(Exception):
    """A construct that is not allowed; the text says which."""


def parse_xml(path: Path, where: str) -> Element:
    """The root element of an XML file; `RecordError` naming `where` (and line and column) for anything else."""
    if path.stat().st_size > MAX_BYTES:
        raise _bad(where, "the file is too large", got=f"{path.stat().st_size} bytes")
    builder = TreeBuilder()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    depth = 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > MAX_DEPTH:
            raise _Refused(f"elements nested more than {MAX_DEPTH} deep")
        builder.start(tag, attributes)

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(tag)

    def doctype(name: str, *_rest: object) -> None:
        raise _Refused(f"a document type (DOCTYPE {name})")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(path.read_bytes(), True)
    except expat.ExpatError as error:
        place = f"{where}:{error.lineno}:{error.offset + 1}"
        raise _bad(place, f"not well-formed XML: {expat.ErrorString(error.code)}") from error
    except _Refused as error:
        raise _bad(where, f"XML with {error} is refused") from error
    except (ValueError, LookupError) as error:  # an encoding declaration that Python cannot serve
        raise _bad(where, f"the XML cannot be decoded: {error}") from error
    return builder.close()


def _bad(where: str, message: str, got: str = "") -> RecordError:
    return RecordError.say(
        message,
        where=where,
        rule="xml",
        got=got,
        remedy="export the annotation again, or remove the file",
    )
