"""Find a domain pack by id or path and decode it. Cost: some milliseconds and the import of pydantic."""

from __future__ import annotations

from pathlib import Path

from src.domains.checks import check_pack
from src.domains.config import DomainPack
from src.errors import ConfigError, Issue
from src.typed_yaml.decoding import decode
from src.typed_yaml.sections import read_sections
from src.typed_yaml.tree import Node, place_of
from src.utils.suggest import did_you_mean

DOMAINS_ROOT = Path(__file__).resolve().parents[2] / "configs" / "domains"
PACK_FILE = "pack.yaml"
DEFAULT_DOMAIN = "generic"


def pack_ids(root: Path = DOMAINS_ROOT) -> tuple[str, ...]:
    """The ids of the packs under `root`, sorted."""
    return tuple(sorted(path.parent.name for path in root.glob(f"*/{PACK_FILE}")))


def load_pack(id_or_path: str | Path, root: Path = DOMAINS_ROOT) -> DomainPack:
    """The pack with this id under `root`, or the one at this path (a pack folder or its pack.yaml).

    Other YAML files of the folder are the sections of their names. Raises `ConfigError` with every problem of the files:
    unknown keys and wrong types; then, in what decodes, whatever does not fit together (`src.domains.checks`), and an id that is
    not the folder's name.
    """
    path = _pack_file(id_or_path, root)
    tree = read_sections(path.parent, path.name)
    pack = decode(DomainPack, tree)
    issues = (*check_pack(pack, tree), *_check_id(pack, tree, path))
    if issues:
        raise ConfigError(*issues)
    return pack


def _check_id(pack: DomainPack, tree: Node, path: Path) -> tuple[Issue, ...]:
    if pack.id == path.resolve().parent.name:
        return ()
    return (
        Issue(
            message="a pack's id is the name of its folder",
            where=str(place_of(tree, ("id",))),
            path="id",
            rule="pack-id",
            got=pack.id,
            expected=path.resolve().parent.name,
            remedy="rename the folder or the id",
        ),
    )


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
