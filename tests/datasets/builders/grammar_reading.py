"""Readers of what the formats hand to constrained decoders, independent of the code that writes it.

`recogniser` turns a GBNF text without recursion into one regular expression; `fits` is the part of JSON Schema that is used.
"""

from __future__ import annotations

import re
from typing import Any

TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|\[(?:[^\]\\]|\\.)*\]|[a-z][a-z0-9-]*|[()|*+?]|(\S)')


def recogniser(grammar: str) -> re.Pattern[str]:
    """What `root` accepts; every rule must be defined once, used, and free of recursion."""
    rules = dict(line.split(" ::= ", 1) for line in grammar.splitlines())
    assert len(rules) == len(grammar.splitlines())
    used: set[str] = {"root"}

    def pattern(name: str, above: tuple[str, ...]) -> str:
        assert name not in above, f"{name} contains itself"
        pieces = []
        for token in TOKEN.finditer(rules[name]):
            assert token.group(1) is None, f"{name}: {token.group()}"
            text = token.group()
            if text.startswith('"'):
                plain = re.sub(r"\\(.)", r"\1", text[1:-1])
                pieces.append(f"(?:{re.escape(plain)})")
            elif text[0].isalpha():
                used.add(text)
                pieces.append(f"(?:{pattern(text, (*above, name))})")
            else:
                pieces.append("(?:" if text == "(" else text)
        return "".join(pieces)

    compiled = re.compile(pattern("root", ()))
    assert used == set(rules)
    return compiled


TYPES = {"object": dict, "array": list, "string": str, "integer": int}


def fits(value: Any, schema: dict[str, Any]) -> bool:
    """Whether a JSON value follows a schema."""
    return all(CHECKS[keyword](value, schema, argument) for keyword, argument in schema.items())


def _keys(value: Any, schema: dict[str, Any], _: Any) -> bool:
    """Every key against the keyword that speaks of it."""
    if not isinstance(value, dict):
        return True
    properties = schema.get("properties", {})
    patterns = schema.get("patternProperties", {})
    rest = schema.get("additionalProperties", {})
    for key, item in value.items():
        found = [properties[key]] if key in properties else []
        found += [part for pattern, part in patterns.items() if re.search(pattern, key)]
        if not found and rest is False:
            return False
        if not all(fits(item, part) for part in found or [rest]):
            return False
    return True


def _items(value: Any, schema: dict[str, Any], _: Any) -> bool:
    if not isinstance(value, list):
        return True
    first = schema.get("prefixItems", [])
    heads = all(fits(item, part) for item, part in zip(value, first, strict=False))
    return heads and all(fits(item, schema["items"]) for item in value[len(first) :])


CHECKS = {
    "type": lambda value, _, name: type(value) is TYPES[name],
    "enum": lambda value, _, allowed: value in allowed,
    "const": lambda value, _, wanted: value == wanted,
    "minimum": lambda value, _, least: type(value) is not int or value >= least,
    "maximum": lambda value, _, most: type(value) is not int or value <= most,
    "minLength": lambda value, _, least: not isinstance(value, str) or len(value) >= least,
    "minItems": lambda value, _, least: not isinstance(value, list) or len(value) >= least,
    "maxItems": lambda value, _, most: not isinstance(value, list) or len(value) <= most,
    "required": lambda value, _, keys: not isinstance(value, dict) or set(keys) <= set(value),
    "propertyNames": lambda value, _, part: all(fits(key, part) for key in value),
    "anyOf": lambda value, _, parts: any(fits(value, part) for part in parts),
    "items": _items,
    "prefixItems": _items,
    "properties": _keys,
    "patternProperties": _keys,
    "additionalProperties": _keys,
}
