"""Read YAML text into a tree with places: safe, strict, and by the YAML 1.2 core schema.

`1e-4` is a number, `no` and `on` are strings, `010` is ten, there are no dates and no sexagesimal numbers. Refused with their
place: duplicate keys, keys that are not strings, tags (`!!python/...`), several documents, merge keys, anchors that expand to
more than `MAX_NODES` nodes and nesting beyond `MAX_DEPTH`. Cost: about 1 ms per 100 lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from src.errors import ConfigError
from src.typed_yaml.tree import Entry, ListNode, MapNode, Node, Place, Scalar

MAX_DEPTH = 50
MAX_NODES = 100_000
MAX_BYTES = 4_000_000

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INT = re.compile(r"[-+]?[0-9]+\Z")
_OTHER_INT = re.compile(r"0o[0-7]+\Z|0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_INFINITE = re.compile(r"[-+]?\.(inf|Inf|INF)\Z")
_WORDS: dict[str, bool | None] = {
    "": None,
    "~": None,
    **dict.fromkeys(("null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


def read_file(path: Path, shown: str | None = None, *, number_keys: bool = False) -> Node:
    """The tree of a YAML file; `shown` is how messages name it. `ConfigError` with file:line:column for anything wrong.

    `number_keys` takes whole numbers as keys too, by their decimal text: others' files number their classes so.
    """
    name = shown or str(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError.say(f"cannot read {name}: {error.strerror}", where=name) from error
    if len(data) > MAX_BYTES:
        raise ConfigError.say(
            "the file is too large for a config", where=name, got=f"{len(data)} bytes"
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError.say(
            "not UTF-8 text", where=f"{name}:{line}:1", remedy="save the file as UTF-8"
        ) from error
    return read_text(text, name, number_keys=number_keys)


def read_text(text: str, name: str, *, number_keys: bool = False) -> Node:
    """The tree of YAML text; an empty document is an empty mapping."""
    try:
        return _Builder(name, yaml.parse(text, Loader=_Loader), number_keys).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
        raise ConfigError.say(
            f"not valid YAML: {error.problem or error.context}",
            where=where,
            remedy="check indentation, quotes and brackets there (tabs may not indent)",
        ) from error
    except yaml.YAMLError as error:
        position = getattr(error, "position", 0)
        line = text.count("\n", 0, position) + 1
        raise ConfigError.say(f"not valid YAML: {error}", where=f"{name}:{line}:1") from error


def scalar_value(text: str) -> str | int | float | bool | None:
    """A plain (unquoted) scalar by the YAML 1.2 core schema."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.match(text) and len(text) < 400:
        return int(text)
    if _OTHER_INT.match(text):
        return int(text, 0)
    if _FLOAT.match(text):
        return float(text)
    if _INFINITE.match(text):
        return float(text.replace(".", ""))
    if text in (".nan", ".NaN", ".NAN"):
        return float("nan")
    return text


def _is_count(key: Node) -> bool:
    """A whole number of reasonable length."""
    return isinstance(key, Scalar) and type(key.value) is int and abs(key.value) < 10**9


class _Builder:
    """Builds a tree from parse events; aliases share nodes, so only their expanded count needs a limit."""

    def __init__(self, name: str, events: Iterator[yaml.Event], number_keys: bool) -> None:
        self.name = name
        self.events = events
        self.number_keys = number_keys
        self.anchors: dict[str, tuple[Node, int]] = {}

    def document(self) -> Node:
        next(self.events)  # stream start
        event = next(self.events)
        if isinstance(event, yaml.StreamEndEvent):
            return MapNode({}, Place(self.name, 1, 1))
        node, _ = self._node(next(self.events), 0)
        next(self.events)  # document end
        extra = next(self.events)
        if not isinstance(extra, yaml.StreamEndEvent):
            raise self._error(extra, "a second document in one file", "keep one document a file")
        if isinstance(node, Scalar) and node.value is None:
            return MapNode({}, node.place)
        return node

    def _place(self, event: yaml.Event) -> Place:
        mark = event.start_mark
        return Place(self.name, mark.line + 1, mark.column + 1)

    def _error(self, event: yaml.Event, message: str, remedy: str, got: str = "") -> ConfigError:
        return ConfigError.say(message, where=str(self._place(event)), remedy=remedy, got=got)

    def _node(self, event: yaml.Event, depth: int) -> tuple[Node, int]:
        """(node, number of nodes it expands to)."""
        if depth > MAX_DEPTH:
            raise self._error(event, f"nested deeper than {MAX_DEPTH} levels", "flatten it")
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self.anchors:
                raise self._error(event, f"unknown alias *{event.anchor}", "define &anchor first")
            return self.anchors[event.anchor]
        if event.tag is not None and event.tag != "!":
            raise self._error(
                event, "tags are not allowed", "write a plain value", got=str(event.tag)
            )
        if isinstance(event, yaml.ScalarEvent):
            quoted = event.style in ("'", '"', "|", ">")
            value = event.value if quoted else scalar_value(event.value)
            built: tuple[Node, int] = Scalar(value, self._place(event), quoted), 1
        elif isinstance(event, yaml.SequenceStartEvent):
            built = self._list(event, depth)
        else:
            built = self._map(event, depth)
        if built[1] > MAX_NODES:
            raise self._error(
                event, f"aliases expand to more than {MAX_NODES} nodes", "write the values out"
            )
        if event.anchor is not None:
            self.anchors[event.anchor] = built
        return built

    def _list(self, start: yaml.Event, depth: int) -> tuple[Node, int]:
        items, count = [], 1
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            node, size = self._node(event, depth + 1)
            items.append(node)
            count += size
        return ListNode(tuple(items), self._place(start)), count

    def _map(self, start: yaml.Event, depth: int) -> tuple[Node, int]:
        entries: dict[str, Entry] = {}
        count = 1
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key, _ = self._node(event, depth + 1)
            if self.number_keys and _is_count(key):
                assert isinstance(key, Scalar)
                key = Scalar(str(key.value), key.place, key.quoted)
            if not isinstance(key, Scalar) or not isinstance(key.value, str):
                got = repr(key.value) if isinstance(key, Scalar) else type(key).__name__
                raise self._error(event, "a key must be a string", "quote the key", got=got)
            name = key.value
            if name == "<<" and not key.quoted:
                raise self._error(event, "merge keys are not part of YAML 1.2", "use `extends`")
            if name in entries:
                first = entries[name].key_place
                raise self._error(
                    event, f"duplicate key {name}", f"remove one; the first is at line {first.line}"
                )
            node, size = self._node(next(self.events), depth + 1)
            entries[name] = Entry(self._place(event), node)
            count += 1 + size
        return MapNode(entries, self._place(start)), count
