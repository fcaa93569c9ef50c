"""Write `src/config/ms_swift_fields.json`: names, kinds and choices of the installed ms-swift's training arguments.

The table lets `src.config` check the pass-through sections in milliseconds, without importing torch. A test regenerates it and
compares, so that it is the pinned version's. Takes the import of ms-swift (about 15 s).
"""

from __future__ import annotations

import dataclasses
import enum
import importlib.metadata
import inspect
import json
import sys
import types
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from src.files import write_text
from src.training.torchvision_shim import ensure_torchvision
from src.utils.cli import parser, run

TABLE = Path(__file__).resolve().parents[2] / "src" / "config" / "ms_swift_fields.json"
# 34 names have two owner classes, so the section of a class is declared here, first match first.
SECTION_OF_CLASS = (
    ("ModelArguments", "model"),
    ("QuantizeArguments", "quantization"),
    ("DataArguments", "data"),
    ("TemplateArguments", "template"),
    ("TunerArguments", "tuner"),
)
SECTION_OF_NAME = {
    "tuner_type": "tuner",
    "tuner_backend": "tuner",
    "adapters": "tuner",
    "data_seed": "data",
    "use_liger_kernel": "training",
    "optimizer": "training",
    "vit_lr": "training",
    "aligner_lr": "training",
}
KIND_OF_TYPE = {
    bool: "bool",
    int: "int",
    float: "float",
    str: "str",
    type(None): "null",
    Path: "str",
}


def kinds_of(hint: Any) -> set[str]:
    """The JSON kinds that a type hint admits."""
    if hint in KIND_OF_TYPE:
        return {KIND_OF_TYPE[hint]}
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return set().union(*(kinds_of(inner) for inner in typing.get_args(hint)))
    if origin is typing.Literal:
        return {KIND_OF_TYPE[type(value)] for value in typing.get_args(hint)}
    if origin in (list, tuple, set):
        return {"list"}
    if origin is dict or hint is dict:
        return {"dict"}
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return {"str"}
    return {"str", "dict"}


def choices_of(hint: Any) -> list[Any]:
    """The values of the Literal types inside a hint."""
    if typing.get_origin(hint) is typing.Literal:
        return [value for value in typing.get_args(hint) if value is not None]
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        inner = [choices_of(part) for part in typing.get_args(hint) if part is not type(None)]
        return [value for values in inner for value in values] if all(inner) else []
    return []


def owners(cls: type) -> dict[str, list[str]]:
    """Field name -> the classes that declare it."""
    found: dict[str, list[str]] = {}
    for base in cls.__mro__:
        if dataclasses.is_dataclass(base):
            for name in inspect.get_annotations(base):
                found.setdefault(name, []).append(base.__name__)
    return found


def section_of(name: str, classes: list[str]) -> str:
    if name in SECTION_OF_NAME:
        return SECTION_OF_NAME[name]
    for owner, section in SECTION_OF_CLASS:
        if owner in classes:
            return section
    return "training"


def default_of(field: dataclasses.Field[Any]) -> str:
    if field.default is not dataclasses.MISSING:
        return str(getattr(field.default, "value", field.default))
    if field.default_factory is not dataclasses.MISSING:
        return str(field.default_factory())
    return ""


def make_table() -> dict[str, Any]:
    """The whole table as JSON values."""
    ensure_torchvision()
    from swift.arguments import SftArguments

    hints = typing.get_type_hints(SftArguments)
    classes = owners(SftArguments)
    table = {}
    for field in sorted(dataclasses.fields(SftArguments), key=lambda item: item.name):
        kinds = kinds_of(hints[field.name])
        if field.default is None:
            kinds.add("null")
        is_list = "list" in kinds
        row = {
            "section": section_of(field.name, classes[field.name]),
            "kinds": sorted(kinds | ({"str"} if is_list else set())),
            "default": default_of(field),
        }
        if is_list:
            row["scalar_becomes_list"] = True
        if choices := choices_of(hints[field.name]):
            row["choices"] = choices
        table[field.name] = row
    version = importlib.metadata.version
    return {
        "ms-swift": version("ms-swift"),
        "transformers": version("transformers"),
        "fields": table,
    }


def render(table: dict[str, Any]) -> str:
    return json.dumps(table, indent=1, sort_keys=True) + "\n"


def main(argv: Sequence[str]) -> int:
    arguments = parser(
        "python -m scripts.config_tools.make_field_table", (__doc__ or "").split("\n\n")[0]
    )
    arguments.add_argument("--out", type=Path, default=TABLE, help="file to write")
    options = arguments.parse_args(argv)
    write_text(options.out, render(make_table()))
    return 0


if __name__ == "__main__":
    sys.exit(run(main))
