"""Find picture files by the names that annotations give: made once for an export, asked for every item.

Only files below the root are ever found, whatever a name says; nothing is opened. Cost: one walk of the folder.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping
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

    def find(self, name: str, where: str) -> str:
        """The path, relative to the root, of the picture that an annotation calls `name`.

        Of several files with that base name the one whose last folders agree most with the name's; `RecordError` when there is
        none or when two agree equally. Windows separators count as separators.
        """
        parts = PurePosixPath(name.replace("\\", "/")).parts
        base = parts[-1] if parts else ""
        if base in ("", ".", "..", "/"):
            raise _refuse("the annotation names no picture", "image-missing", name, where)
        if self.by_name is None:
            return "/".join(
                part for part in parts if part not in ("/", ".", "..") and ":" not in part
            )
        if base not in self.by_name:
            text = "the annotated picture was not found"
            raise _refuse(text, "image-missing", name, where, self.links)
        paths = self.by_name[base]
        agreeing = sorted(((_common_end(path, parts), path) for path in paths), reverse=True)
        if len(agreeing) > 1 and agreeing[0][0] == agreeing[1][0]:
            raise _refuse(
                f"several pictures fit the name: {', '.join(paths[:5])}",
                "image-ambiguous",
                name,
                where,
            )
        return agreeing[0][1]


def _common_end(path: str, parts: tuple[str, ...]) -> int:
    """How many components, from the last, two paths share."""
    count = 0
    for mine, theirs in zip(reversed(path.split("/")), reversed(parts), strict=False):
        if mine != theirs:
            break
        count += 1
    return count


def _refuse(
    message: str, rule: str, name: str, where: str, links: tuple[str, ...] = ()
) -> RecordError:
    remedy = "give the folder of the pictures as image_root"
    if links:
        remedy += f"; {', '.join(links[:3])} is a link to a folder outside: image_root=ITS-TARGET"
    return RecordError.say(
        message,
        where=where,
        rule=rule,
        got=ascii(name)[:200],
        expected="the name of one picture file below the image root",
        remedy=remedy,
    )
