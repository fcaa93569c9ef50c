"""Pictures that lie beside annotation files under the same stem, whatever the kind of picture and the case of its suffix."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

from data_conversion.pipeline.image_index import ImageIndex
from src.errors import RecordError
from src.images import SUFFIXES


@dataclass(frozen=True, slots=True, kw_only=True)
class PicturesBeside:
    """The paths of pictures, relative to the image root, by the stem of their base name.

    Those of one stem are in the order of `src.images.SUFFIXES`, then of their paths. `by_stem` None: there are no pictures, and
    names are made up.
    """

    by_stem: Mapping[str, tuple[str, ...]] | None

    @classmethod
    def of(cls, images: ImageIndex) -> Self:
        """Those of an index. Cost: linear in the pictures."""
        if images.by_name is None:
            return cls(by_stem=None)
        found: defaultdict[str, list[str]] = defaultdict(list)
        for name, paths in images.by_name.items():
            found[name.rpartition(".")[0]] += paths
        return cls(by_stem={stem: tuple(sorted(paths, key=_rank)) for stem, paths in found.items()})

    def find(self, stem: str, where: str) -> tuple[str, ...]:
        """The pictures of an annotation without its suffix, `site/a`, the one to take first; all in one folder.

        `RecordError` when there is none, and when folders fit equally well.
        """
        if self.by_stem is None:
            return (stem + SUFFIXES[0],)
        fitting = self._fitting(stem)
        if not fitting:
            raise _refuse("the annotated picture was not found", "image-missing", stem, where)
        if len({_folder(path) for path in fitting}) > 1:
            message = f"several pictures fit the name: {', '.join(fitting[:5])}"
            raise _refuse(message, "image-ambiguous", stem, where)
        return fitting

    def without_annotation(self, stems: Iterable[str]) -> tuple[str, ...]:
        """The pictures that fit none of these annotations, sorted."""
        if self.by_stem is None:
            return ()
        annotated = {path for stem in stems for path in self._fitting(stem)}
        return tuple(
            sorted({path for paths in self.by_stem.values() for path in paths} - annotated)
        )

    def _fitting(self, stem: str) -> tuple[str, ...]:
        """Those in the annotation's folder, else in the folders that agree with it up to the shorter one's end and share most."""
        assert self.by_stem is not None
        base = stem.rpartition("/")[2]
        paths = self.by_stem[base] if base in self.by_stem else ()
        own = _folder(stem)
        beside = tuple(path for path in paths if _folder(path) == own)
        if beside:
            return beside
        shared = {
            path: count
            for path in paths
            if (count := _common_end(_folder(path), own)) == min(len(_folder(path)), len(own))
        }
        return tuple(path for path, count in shared.items() if count == max(shared.values()))


def _rank(path: str) -> tuple[int, str]:
    return SUFFIXES.index("." + path.rpartition(".")[2].lower()), path


def _folder(path: str) -> tuple[str, ...]:
    return tuple(path.split("/")[:-1])


def _common_end(mine: tuple[str, ...], theirs: tuple[str, ...]) -> int:
    """How many folders, from the last, are the same."""
    count = 0
    for one, other in zip(reversed(mine), reversed(theirs), strict=False):
        if one != other:
            break
        count += 1
    return count


def _refuse(message: str, rule: str, stem: str, where: str) -> RecordError:
    return RecordError.say(
        message,
        where=where,
        rule=rule,
        got=ascii(stem)[:200],
        expected=f"one picture of that name ({', '.join(SUFFIXES)}) beside the annotation, or in image_root",
        remedy="add the picture, or give the folder of the pictures as image_root",
    )
