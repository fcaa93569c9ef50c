"""Where a picture's label file lies: the rule that YOLO's reader and writers share."""

from __future__ import annotations

from pathlib import PurePosixPath


def label_path(image: str) -> str:
    """The label file of a picture, both as POSIX paths relative to the data set's folder.

    The last folder called `images` becomes `labels` (Ultralytics, `img2label_paths`); a picture outside such a folder has its
    labels beside it.
    """
    *folders, name = PurePosixPath(image).parts
    if "images" in folders:
        last = len(folders) - 1 - folders[::-1].index("images")
        folders[last] = "labels"
    return PurePosixPath(*folders, name).with_suffix(".txt").as_posix()
