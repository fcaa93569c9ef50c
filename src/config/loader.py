"""YAML -> `TrainingConfig`, with every problem of the file and its bases in one error. No torch; about 0.3 s with pydantic."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from src.config.checks import cross_issues, effective_batch_size, gradient_accumulation
from src.config.guidance import GUIDANCE
from src.config.passthrough import check_sections, section_keys
from src.config.schema import TrainingConfig
from src.datasets.fusion.loader import load_fusion
from src.errors import ConfigError, Issue
from src.typed_yaml.decoding import Vocabulary, decode, decode_issues, known_keys
from src.typed_yaml.merging import merge, read_merged
from src.typed_yaml.reading import read_text
from src.typed_yaml.tree import (
    Entry,
    MapNode,
    Node,
    Place,
    Scalar,
    dotted,
    leaves,
    place_of,
    plain,
    undotted,
)
from src.utils.suggest import did_you_mean

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = ROOT / "configs"

__all__ = [
    "LoadedConfig",
    "dump_config",
    "effective_batch_size",
    "find_config",
    "gradient_accumulation",
    "load_config",
    "resolve_path",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedConfig:
    """A config, the tree that it came from (for origins), and the files read, bases first."""

    config: TrainingConfig
    tree: MapNode
    files: tuple[Path, ...]

    def origins(self) -> list[tuple[str, Any, Place]]:
        """(dotted path, value, place) of every value that a file or override gave, in order."""
        return [
            (dotted(path), plain(node), place_of(self.tree, path))
            for path, node in leaves(self.tree)
        ]


def resolve_path(path: str) -> Path:
    """A path in a config: absolute, or relative to the repository root."""
    return ROOT / path


def find_config(name: str) -> Path:
    """A config by path (absolute, from here, from the repository root) or by bare name under configs/."""
    stems = [name] if name.endswith((".yaml", ".yml")) else [name, f"{name}.yaml", f"{name}.yml"]
    for folder in (Path.cwd(), ROOT, CONFIGS):
        for stem in stems:
            if (folder / stem).is_file():
                return folder / stem
    shipped = [
        path.relative_to(CONFIGS).with_suffix("").as_posix()
        for path in sorted(CONFIGS.rglob("*.yaml"))
        if not {"domains", "fusion"} & set(path.relative_to(CONFIGS).parts)
    ]
    bare = name.removeprefix("configs/").removesuffix(".yaml")
    raise ConfigError.say(
        f"config {name} does not exist",
        expected=f"a path, or one of configs/: {', '.join(shipped)}",
        remedy=did_you_mean(bare, shipped),
    )


def load_config(path: Path | str, overrides: Sequence[str] = ()) -> LoadedConfig:
    """Read, merge, override (`a.b=c`), check and decode; `ConfigError` with all problems at once."""
    merged = read_merged(Path(path))
    tree = merged.tree
    for override in overrides:
        tree = merge(tree, _override(override))
    vocabulary = Vocabulary(guidance=GUIDANCE, elsewhere=section_keys())
    known = known_keys(TrainingConfig, vocabulary)
    issues = [*decode_issues(TrainingConfig, tree, vocabulary), *check_sections(tree, known)]
    if issues:
        raise ConfigError(*sorted(issues, key=_by_place))
    config = decode(TrainingConfig, tree, vocabulary)
    problems = [_placed(tree, issue) for issue in cross_issues(config)]
    if problems:
        raise ConfigError(*sorted(problems, key=_by_place))
    if config.custom.fusion_config is not None:
        load_fusion(resolve_path(config.custom.fusion_config))  # its mistakes are told now, too
    return LoadedConfig(config=config, tree=tree, files=merged.files)


def _by_place(issue: Issue) -> tuple[str, int, int]:
    file, *numbers = issue.where.rsplit(":", 2)
    line, column = (int(number) for number in numbers) if len(numbers) == 2 else (0, 0)
    return file, line, column


def _placed(tree: MapNode, issue: Issue) -> Issue:
    where = str(place_of(tree, undotted(issue.path)))
    return Issue(**{**asdict(issue), "where": where})


def _override(text: str) -> MapNode:
    """The tree of `a.b=c`; the value is read by the same YAML rules."""
    name, equals, value = text.partition("=")
    shown = f"--set {text}"
    keys = name.strip().split(".")
    if not equals or not all(keys):
        raise ConfigError.say("not an override", where=shown, expected="section.key=value")
    read = read_text(f"value: {value}" if value.strip() else 'value: ""', shown)
    assert isinstance(read, MapNode)
    node = _relocated(read.entries["value"].node, Place(shown))
    for key in reversed(keys):
        node = MapNode({key: Entry(Place(shown), node)}, Place(shown))
    assert isinstance(node, MapNode)
    return node


def _relocated(node: Node, place: Place) -> Node:
    """The node itself for mappings and lists; scalars stand at the override as a whole."""
    return Scalar(node.value, place, node.quoted) if isinstance(node, Scalar) else node


def dump_config(config: TrainingConfig) -> str:
    """YAML of the whole resolved config (no `extends`); `load_config` of it gives an equal object."""
    # JSON is YAML: it quotes every string, so that no scalar changes its type on the way back.
    plain = json.loads(json.dumps(asdict(config)))
    text: str = yaml.dump(
        plain, sort_keys=False, allow_unicode=True, default_style=None, Dumper=_Dumper
    )
    return text


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]
    """Block YAML with every string quoted and floats in a form that YAML 1.2 reads as numbers."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _quoted(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"')


_Dumper.add_representer(str, _quoted)
