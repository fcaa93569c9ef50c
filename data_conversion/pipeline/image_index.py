"""Find picture files by the names that annotations give: made once for an export, asked for every item.

Only files below the root are ever found, whatever a name says; nothing is opened. Cost: one walk of the folder.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Self

from src.errors import RecordError
from src.images import SUFFIXES


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageIndex:
    """Pictures below `root` by base name, each a POSIX path relative to it, sorted.

    `links` are links to folders outside, which are not entered. `by_name` None: there are no pictures (annotations alone are
    converted), and names are taken as they are.
    """

    root: Path
    by_name: Mapping[str, tuple[str, ...]] | None
    links: tuple[str, ...] = ()

    @classmethod
    def of(cls, root: Path, *, without: Path | None = None) -> Self:
        """Every picture file below `root`, and not below `without`; links to folders are not followed."""
        left_out = None if without is None else without.resolve()
        found: defaultdict[str, list[str]] = defaultdict(list)
        links: list[str] = []
        inside = root.resolve()
        for folder, folders, names in os.walk(root):
            if left_out is not None:
                folders[:] = [one for one in folders if (Path(folder) / one).resolve() != left_out]
            for one in folders:
                path = Path(folder) / one
                if path.is_symlink() and not path.resolve().is_relative_to(inside):
                    links.append(path.relative_to(root).as_posix())
            below = PurePosixPath(Path(folder).relative_to(root).as_posix())
            for name in names:
                if name.lower().endswith(SUFFIXES):
                    found[name].append((below / name).as_posix())
        by_name = {name: tuple(sorted(found[name])) for name in sorted(found)}
        return cls(root=root, by_name=by_name, links=tuple(sorted(links)))

    def has(self, path: str) -> bool:
        """Whether a picture lies at this path, relative to the root."""
        base = path.rpartition("/")[2]
        return self.by_name is not None and base in self.by_name and path in self.by_name[base]

    def find(self, name: str, where: str) -> str:
        """The path, relative to the root, of the picture that an annotation calls `name`.

        The file at that very path goes first. Else files with that base name fit whose folders and the name's agree from the last
        one up to the end of the shorter: `images/a.jpg` fits `/mnt/x/images/a.jpg` (a path of another machine), `a.jpg` and
        `data/images/a.jpg`; `val/a.jpg` never fits `train/a.jpg`. A file with fewer folders than the name fits only where the
        name's next folder is not there below the root. Of several the one that shares most folders is taken.
        Windows separators count as separators. `RecordError` (image-missing, image-ambiguous) when it is not exactly one.
        """
        named = PurePosixPath(name.replace("\\", "/")).parts
        base = named[-1] if named else ""
        if base in ("", ".", "..", "/"):
            raise _refuse("the annotation names no picture", "image-missing", name, where)
        folders = _folders(named[:-1])
        if self.by_name is None:
            return "/".join(_folders(named))
        paths = self.by_name[base] if base in self.by_name else ()
        if not paths:
            text = "the annotated picture was not found"
            raise _refuse(text, "image-missing", name, where, remedy=_elsewhere(self.links))
        if (exact := "/".join((*folders, base))) in paths:
            return exact
        fitting = {path: shared for path in paths if (shared := self._shared(path, folders)) >= 0}
        if not fitting:
            raise _refuse(
                "the annotated picture was not found; its name stands in other folders only",
                "image-missing",
                name,
                where,
                remedy=_remedy(paths),
            )
        most = max(fitting.values())
        best = [path for path in paths if fitting.get(path, -1) == most]
        if len(best) > 1:
            raise _refuse(
                f"several pictures fit the name: {', '.join(best[:5])}",
                "image-ambiguous",
                name,
                where,
            )
        return best[0]

    def _shared(self, path: str, folders: Sequence[str]) -> int:
        """How many folders, from the last, a file shares with a name that fits it; -1 where they contradict each other."""
        own = path.split("/")[:-1]
        count = min(len(own), len(folders))
        if own[len(own) - count :] != folders[len(folders) - count :]:
            return -1
        if len(folders) > count and os.path.isdir(self.root / folders[-count - 1]):  # noqa: PTH112
            return -1  # The name's folder is there, and the picture is not in it. (A path may be too long for Path.is_dir.)
        return count


def may_be_one(name: str, other: str) -> bool:
    """Whether two names that annotations give can mean one picture: one is the end of the other (an empty one says nothing)."""
    ends = [_folders(PurePosixPath(text.replace("\\", "/")).parts) for text in (name, other)]
    count = min(map(len, ends))
    return ends[0][len(ends[0]) - count :] == ends[1][len(ends[1]) - count :]


def _folders(parts: Sequence[str]) -> list[str]:
    """Without what is no folder of the picture's: the root, drives, steps."""
    return [part for part in parts if part not in ("/", ".", "..") and ":" not in part]


def _elsewhere(links: Sequence[str]) -> str:
    """What to do about a picture that is nowhere below the root."""
    remedy = "give the folder of the pictures as image_root"
    if links:
        remedy += f"; {', '.join(links[:3])} is a link to a folder outside: image_root=ITS-TARGET"
    return remedy


def _remedy(paths: Sequence[str]) -> str:
    """What to do about a name whose folders fit none of `paths`."""
    folder = paths[0].rpartition("/")[0]
    where = f"its folder ({folder})" if folder else "a folder that holds no other pictures"
    return f"restore the picture; if {paths[0]} is meant, give {where} as image_root"


def _refuse(
    message: str,
    rule: str,
    name: str,
    where: str,
    remedy: str = "give the folder of the pictures as image_root",
) -> RecordError:
    return RecordError.say(
        message,
        where=where,
        rule=rule,
        got=ascii(name)[:200],
        expected="the name of one picture file below the image root",
        remedy=remedy,
    )
