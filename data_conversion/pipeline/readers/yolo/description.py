"""What a YOLO data set says about itself: class names, and which entries are train, val and test.

From `data.yaml` (Ultralytics: path, train, val, test, names, nc), or from a list of names (`classes.txt`) where there is none.
Nothing that the file says leads out of the input's folder.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from src.errors import DataError
from src.typed_yaml.reading import read_file
from src.typed_yaml.tree import ListNode, MapNode, Node, Scalar
from src.utils.logger import get_logger

YAML_NAMES = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")
CLASS_LISTS = ("classes.txt", "labels/classes.txt", "obj.names", "names.txt")
PARTS = ("train", "val", "test")
_KEYS = {name: re.compile(rf"^{name}\s*:", re.MULTILINE) for name in ("names", *PARTS)}
_CLASS = re.compile(r"[0-9]{1,9}")
logger = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """`entries` are the folders and .txt lists of each part, as POSIX paths relative to the input folder ("" is the folder
    itself); None where nothing says which pictures belong to the data set."""

    shown: str
    names: Mapping[int, str]
    entries: Mapping[str, tuple[str, ...]] | None = None


def find_yaml(source: Path) -> Path | None:
    """The data set's YAML file: `source` itself, one of the usual names, or the only other one that looks like it."""
    if source.is_file():
        return source if source.suffix in (".yaml", ".yml") and _looks_right(source) else None
    for name in YAML_NAMES:
        if _looks_right(source / name):
            return source / name
    others = [path for path in sorted(source.glob("*.y*ml")) if _looks_right(path)]
    return others[0] if len(others) == 1 else None


def _looks_right(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as handle:
        text = handle.read(1 << 16).decode("utf-8", errors="replace")
    return bool(_KEYS["names"].search(text)) and any(_KEYS[part].search(text) for part in PARTS)


def find_class_list(root: Path) -> Path | None:
    """The file with one class name a line."""
    return next((root / name for name in CLASS_LISTS if (root / name).is_file()), None)


def describe(root: Path, yaml_file: Path | None) -> Description:
    """`ConfigError` or `DataError` when there are no names, or entries that are not there."""
    if yaml_file is not None:
        return _from_yaml(root, yaml_file)
    path = find_class_list(root)
    if path is None:
        raise DataError.say(
            "no class names: YOLO labels hold only numbers",
            where=str(root),
            expected="data.yaml with names, or classes.txt with one name a line",
            remedy="write classes.txt in the order of the class numbers",
        )
    lines = read_text_file(root, path.relative_to(root).as_posix()).split("\n")
    names = {number: line.strip() for number, line in enumerate(lines) if line.strip()}
    return Description(shown=path.name, names=names)


def read_text_file(root: Path, name: str) -> str:
    """A text file of the data set (UTF-8); `DataError` for another encoding or a link that leads out of `root`."""
    path = root / name
    if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root)):
        raise DataError.say(
            "the file is a link that leads outside the input",
            where=name,
            rule="outside-input",
            remedy="copy the file, or give the folder that holds both as input",
        )
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError.say("not UTF-8 text", where=name, remedy="save it as UTF-8") from error
    except OSError as error:
        raise DataError.say(f"cannot read the file: {error.strerror}", where=name) from error


def _from_yaml(root: Path, path: Path) -> Description:
    shown = path.name
    if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root)):
        raise _bad(shown, "the file is a link that leads outside the input")
    tree = read_file(path, shown, number_keys=True)
    if not isinstance(tree, MapNode):
        raise _bad(shown, "not a mapping with names, train and val")
    values = {key: entry.node for key, entry in tree.entries.items()}
    if "kpt_shape" in values:
        raise _bad(
            shown, "a pose data set: rows hold keypoints, which the contract has no place for"
        )
    if "names" not in values:
        raise _bad(shown, "no class names")
    names = _names(values["names"], shown)
    if "nc" in values:
        _check_count(values["nc"], names)
    base = _base(root, path.parent, values)
    entries: dict[str, tuple[str, ...]] = {}
    ignored = []
    for part in PARTS:
        texts = _texts(values[part]) if part in values else ()
        found = [_inside(root, base, text) for text in texts]
        if None in found and part != "test":
            raise _bad(
                str(values[part].place),
                f"{part} names what is not in the input",
                got=", ".join(texts)[:200],
                expected="folders of pictures or .txt lists below the input's folder",
            )
        ignored += [text for text, place in zip(texts, found, strict=True) if place is None]
        entries[part] = tuple(place for place in found if place is not None)
    if ignored:
        logger.warning("%s: test names what is not in the input: %s", shown, ", ".join(ignored))
    if not any(entries.values()):
        raise _bad(shown, "neither train nor val nor test is given")
    return Description(shown=shown, names=names, entries=entries)


def _names(node: Node, shown: str) -> dict[int, str]:
    if isinstance(node, ListNode):
        nodes = dict(enumerate(node.items))
    elif isinstance(node, MapNode) and all(map(_CLASS.fullmatch, node.entries)):
        nodes = {int(key): entry.node for key, entry in node.entries.items()}
    else:
        raise _bad(str(node.place), "names are neither a list nor a mapping from class numbers")
    names = {}
    for number, item in nodes.items():
        value = item.value if isinstance(item, Scalar) else None
        if type(value) is int and abs(value) < 10**9:  # digits as classes, written without quotes
            value = str(value)
        if not isinstance(value, str) or not value.strip():
            raise _bad(str(item.place), f"the name of class {number} is no text", remedy="quote it")
        names[number] = value.strip()
    if not names:
        raise _bad(shown, "no class names")
    return names


def _check_count(node: Node, names: Mapping[int, str]) -> None:
    count = node.value if isinstance(node, Scalar) else None
    if type(count) is not int or count != len(names):
        raise _bad(
            str(node.place),
            "nc disagrees with the number of names",
            got=f"{count} and {len(names)} names",
            remedy="correct one of them: class numbers may be shifted",
        )


def _texts(node: Node) -> tuple[str, ...]:
    if isinstance(node, Scalar) and node.value is None:
        return ()
    items = node.items if isinstance(node, ListNode) else (node,)
    texts = [item.value if isinstance(item, Scalar) else None for item in items]
    for text in texts:
        if not isinstance(text, str) or not text or not text.isprintable():
            raise _bad(str(node.place), "neither a path nor a list of paths", got=ascii(text)[:100])
    return tuple(str(text) for text in texts)


def _base(root: Path, folder: Path, values: Mapping[str, Node]) -> Path:
    """The folder that entries are relative to: `path` where it is in the input, else the YAML file's own."""
    texts = _texts(values["path"]) if "path" in values else ()
    for text in texts[:1]:
        place = _inside(root, folder, text)
        if place is not None and (root / place).is_dir():
            return root / place
        logger.warning("path %s of %s is not in the input; its own folder is taken", text, folder)
    return folder


def _inside(root: Path, base: Path, text: str) -> str | None:
    """An existing file or folder below `root`, relative to it; None for all else.

    Roboflow writes `../train/images` for a folder beside the file; Ultralytics takes it so where the first reading is not there.
    """
    readings = [text, text[3:]] if text.startswith("../") else [text]
    for reading in readings:
        path = Path(os.path.normpath(base / reading))
        if not path.is_relative_to(root) or len(text) > 1000:
            continue
        real = Path(os.path.realpath(path))
        if real.is_relative_to(os.path.realpath(root)) and path.exists():
            return "" if path == root else path.relative_to(root).as_posix()
    return None


def _bad(where: str, message: str, **details: str) -> DataError:
    return DataError.say(message, where=where, rule="yolo-data", **details)
