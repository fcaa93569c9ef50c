"""The part of a domain pack that evaluation reads, from the pack's file. Cost: some milliseconds and the import of pydantic."""

from __future__ import annotations

from pathlib import Path

from src.domains.config import DomainPack
from src.errors import ConfigError
from src.typed_yaml.decoding import decode
from src.typed_yaml.sections import read_sections

PACK_FILE = "pack.yaml"
DEFAULT_PACK = Path(__file__).resolve().parents[2] / "configs" / "domains" / "generic"


def read_pack(path: Path) -> DomainPack:
    """The pack in a folder, or that of its pack.yaml; `ConfigError` with every problem of it."""
    file = path / PACK_FILE if path.is_dir() else path
    if not file.is_file():
        raise ConfigError.say(
            f"domain pack {path} does not exist",
            rule="pack-missing",
            expected=f"a folder with {PACK_FILE}, or that file",
            remedy=f"name one such as {DEFAULT_PACK.relative_to(Path(__file__).resolve().parents[2])}",
        )
    return decode(DomainPack, read_sections(file.parent, file.name))
