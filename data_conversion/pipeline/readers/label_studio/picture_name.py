"""Which file a Label Studio task is about: its data names a URL, an upload or a path in a storage; only names are used of it."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, unquote, urlsplit

from data_conversion.pipeline.image_index import ImageIndex
from data_conversion.pipeline.json_values import Object
from src.errors import RecordError
from src.images import SUFFIXES

_UPLOAD_FOLDER = re.compile(r"^/?data/upload/(\d+/)?")  # the server's, not the pictures'
_UPLOAD = re.compile(r"(^|/)[0-9a-f]{8}-(?=[^/]+$)")
EMBEDDED = "data:image/"


def picture_value(data: Object, wanted: str, where: str) -> str:
    """The value of the task's data that is a picture.

    That under `wanted` (the name of the tag which the results refer to; "image" where there are none) goes first; of other keys
    exactly one may hold a picture. `RecordError` otherwise.
    """
    pictures = {key: value for key, value in data.items() if holds_picture(data, key)}
    if (key := wanted or "image") in pictures:
        return str(pictures[key])
    if len(pictures) != 1:
        raise RecordError.say(
            "the task's data holds several pictures"
            if pictures
            else "the task's data holds no picture",
            where=where,
            rule="image-ambiguous" if pictures else "image-missing",
            got=", ".join(sorted(data)),
            expected=f"one value that ends in {' | '.join(SUFFIXES)}",
        )
    return str(next(iter(pictures.values())))


def holds_picture(data: Object, key: str) -> bool:
    """Whether a value of the task's data names a picture, or is one."""
    value = data.get(key)
    return isinstance(value, str) and (
        value.startswith(EMBEDDED) or path_in(value).lower().endswith(SUFFIXES)
    )


def path_in(value: str) -> str:
    """The path that a value names: of a URL or a storage address its path, of a local-files address the file; decoded once."""
    try:
        parts = urlsplit(value)
    except ValueError:  # brackets where a host would stand: a plain name, then
        return value
    if parts.path.rstrip("/").endswith("local-files"):
        return parse_qs(parts.query).get("d", [""])[0]
    if parts.scheme or parts.query:
        return unquote(parts.path)
    return value


def find_picture(value: str, images: ImageIndex, where: str) -> str:
    """The picture's path below the image root: by the name as it is, decoded, without an upload's folder and prefix."""
    path = path_in(value)
    names = [path, unquote(path)]
    names += [_UPLOAD_FOLDER.sub("", name) for name in names]
    names += [_UPLOAD.sub(r"\1", name) for name in names]
    missing: RecordError | None = None
    for name in dict.fromkeys(names):
        try:
            return images.find(name, where)
        except RecordError as error:
            if error.issues[0].rule != "image-missing":
                raise
            missing = missing or error
    assert missing is not None
    raise missing
