"""YAML -> `FusionConfig`, with every problem of the file and its bases in one error.

`extends` works as in training configs; in addition the entries of `targets` and `sources` merge by their `name`, so that a
variant of a mix says only what differs; `ratio: 0` leaves one out.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from src.datasets.fusion.config import FusionConfig, FusionEntry
from src.errors import ConfigError, Issue
from src.typed_yaml.decoding import Vocabulary, decode
from src.typed_yaml.merging import read_merged
from src.typed_yaml.tree import MapNode, place_of, undotted

LISTS = ("targets", "sources")
GUIDANCE = {
    "target": "write a list: targets: [{name: ..., train_jsonl: ...}]",
    "use_summary": "write mode: summary",
    "poly_fallback": "removed: polygons keep their vertices; augmentation.max_poly_vertices caps them",
    "poly_max_points": "removed: augmentation.max_poly_vertices caps vertices",
}


def load_fusion(path: Path) -> FusionConfig:
    """Read, merge, decode and check a mix; `ConfigError` with every problem and its place."""
    merged = read_merged(path, by_name=LISTS)
    config = decode(FusionConfig, merged.tree, Vocabulary(guidance=GUIDANCE, elsewhere={}))
    issues = [
        Issue(
            message=message,
            where=str(place_of(merged.tree, undotted(where))),
            path=where,
            rule="fusion",
            **more,
        )
        for where, message, more in _problems(config, merged.tree)
    ]
    if issues:
        raise ConfigError(*issues)
    return config


def _problems(config: FusionConfig, tree: MapNode) -> list[tuple[str, str, dict[str, str]]]:
    """(path, message, details) of what the types do not say."""
    found: list[tuple[str, str, dict[str, str]]] = []
    if not config.targets:
        found.append(("targets", "a mix needs a target", {}))
    names = Counter(entry.name for entry in config.entries)
    for list_name, entries in (("targets", config.targets), ("sources", config.sources)):
        for index, entry in enumerate(entries):
            path = f"{list_name}[{index}]"
            if names[entry.name] > 1:
                found.append((f"{path}.name", "the name stands twice", {"got": entry.name}))
            found += [(f"{path}.{key}", *rest) for key, *rest in _entry_problems(entry, list_name)]  # type: ignore[misc]
    return found


def _entry_problems(entry: FusionEntry, list_name: str) -> list[tuple[str, str, dict[str, str]]]:
    found: list[tuple[str, str, dict[str, str]]] = []
    if entry.ratio is not None and entry.ratio < 0:
        found.append(("ratio", "must not be negative", {"got": str(entry.ratio)}))
    if list_name == "sources" and entry.ratio is None:
        found.append(
            ("ratio", "a source needs a ratio", {"expected": "a share of the targets' quotas"})
        )
    if list_name == "targets" and entry.role not in (None, "target"):
        found.append(
            (
                "role",
                "a target has another role",
                {"got": str(entry.role), "remedy": "list it under sources"},
            )
        )
    if list_name == "sources" and entry.role == "target":
        found.append(
            ("role", "a source has the role of a target", {"remedy": "list it under targets"})
        )
    if entry.max_objects_per_image is not None and entry.max_objects_per_image < 1:
        found.append(
            (
                "max_objects_per_image",
                "must be at least 1",
                {"got": str(entry.max_objects_per_image)},
            )
        )
    if "/" in entry.name or not entry.name.strip():
        found.append(
            ("name", "must be a plain word: it names metrics and files", {"got": repr(entry.name)})
        )
    return found
