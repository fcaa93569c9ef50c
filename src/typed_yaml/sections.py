"""A folder of YAML files as one tree: a main file, and beside it files that each hold the section of their name.

`taxonomy.yaml` is the value of `taxonomy`, places and all. What stands in two files is refused. Cost: that of reading the files.
"""

from __future__ import annotations

from pathlib import Path

from src.errors import ConfigError, Issue
from src.typed_yaml.reading import read_file
from src.typed_yaml.tree import Entry, MapNode, Place

SUFFIX = ".yaml"


def read_sections(folder: Path, main: str) -> MapNode:
    """The tree of `folder/main` with every other `*.yaml` of the folder as a section of it.

    `ConfigError` with the problems of all files: a file that is no YAML, a main file that is no mapping, a section that
    stands in the main file too.
    """
    issues: list[Issue] = []
    entries: dict[str, Entry] = {}
    place = Place(str(folder / main))
    paths = sorted(path for path in folder.glob(f"*{SUFFIX}") if path.name != main)
    for path in (folder / main, *paths):
        try:
            node = read_file(path)
        except ConfigError as error:
            issues.extend(error.issues)
            continue
        if path.name != main:
            added = {path.stem: Entry(node.place, node)}
        elif isinstance(node, MapNode):
            added, place = dict(node.entries), node.place
        else:
            message = "the top level must be a mapping"
            issues.append(Issue(message=message, where=str(node.place), expected="section: ..."))
            continue
        for name in added.keys() & entries.keys():
            issues.append(_twice(name, path, entries[name]))
        entries |= added
    if issues:
        raise ConfigError(*issues)
    return MapNode(entries, place)


def _twice(name: str, path: Path, first: Entry) -> Issue:
    return Issue(
        message=f"section {name} stands in two files",
        where=str(first.key_place),
        path=name,
        rule="section-twice",
        got=path.name,
        remedy="keep one of them",
    )
