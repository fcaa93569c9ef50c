"""A YAML file straight into a dataclass, for files without `extends` (domain packs)."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from src.typed_yaml.decoding import EMPTY, Vocabulary, decode
from src.typed_yaml.reading import read_file

T = TypeVar("T")


def load_typed(path: Path, cls: type[T], vocabulary: Vocabulary = EMPTY) -> T:
    """Read and decode; `ConfigError` with every problem of the file."""
    return decode(cls, read_file(path), vocabulary)
