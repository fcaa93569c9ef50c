"""Find a domain pack by id or path and decode it. Cost: some milliseconds and the import of pydantic."""

from __future__ import annotations

from pathlib import Path

from src.domains.config import DomainPack
from src.domains.prompts import check_placeholders
from src.errors import ConfigError
from src.typed_yaml.load import load_typed
from src.utils.suggest import did_you_mean

DOMAINS_ROOT = Path(__file__).resolve().parents[2] / "configs" / "domains"
PACK_FILE = "pack.yaml"
DEFAULT_DOMAIN = "generic"


def pack_ids(root: Path = DOMAINS_ROOT) -> tuple[str, ...]:
    """The ids of the packs under `root`, sorted."""
    return tuple(sorted(path.parent.name for path in root.glob(f"*/{PACK_FILE}")))


def load_pack(id_or_path: str | Path, root: Path = DOMAINS_ROOT) -> DomainPack:
    """The pack with this id under `root`, or the one at this path (a pack folder or a YAML file).

    Raises `ConfigError` with every problem of the file: unknown keys, wrong types, placeholders that nothing fills, an id
    that is not the folder's name.
    """
    path = _pack_file(id_or_path, root)
    pack = load_typed(path, DomainPack)
    issues = check_placeholders(pack, str(path))
    if issues:
        raise ConfigError(*issues)
    if pack.id != path.parent.name:
        raise ConfigError.say(
            "a pack's id is the name of its folder",
            where=str(path),
            path="id",
            rule="pack-id",
            got=pack.id,
            expected=path.parent.name,
            remedy="rename the folder or the id",
        )
    return pack


def _pack_file(id_or_path: str | Path, root: Path) -> Path:
    text = str(id_or_path)
    is_path = isinstance(id_or_path, Path) or "/" in text or text.endswith((".yaml", ".yml"))
    path = Path(text) if is_path else root / text / PACK_FILE
    if path.is_dir():
        path = path / PACK_FILE
    if path.is_file():
        return path
    if is_path:
        raise ConfigError.say(f"domain pack {path} does not exist", rule="pack-missing")
    known = pack_ids(root)
    raise ConfigError.say(
        "no domain pack with this id",
        rule="pack-missing",
        got=text,
        expected=" | ".join(known) or f"a folder with {PACK_FILE} under {root}",
        remedy=did_you_mean(text, known) or f"write {root / text / PACK_FILE}",
    )
