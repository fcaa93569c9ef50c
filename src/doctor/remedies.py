"""What the doctor's findings are called and what to do about them; options are those of `data_conversion`."""

from __future__ import annotations

from src.doctor.frames import QWEN25_DEFAULT

NAMES = {
    "space": "coordinate space",
    "order": "order of a box's numbers",
    "qwen25": "Qwen2.5-VL's resized picture",
    "axes": "axes",
    "size": "width and height",
    "exif": "EXIF orientation",
    "border": "corners at the border",
}
TITLES = {
    "pixels": "coordinates are pixels",
    "norm1": "coordinates are shares of the sides, 0 to 1",
    "norm100": "coordinates are on a grid of 0 to 100",
    "norm1000": "coordinates are on a grid of 0 to 1000",
    "xywh": "boxes are x, y, width, height",
    "cxcywh": "boxes are centre x, centre y, width, height",
    "added": "far corners were taken for sizes: x2 is x1 + x2, y2 is y1 + y2",
}
SPACES = ("pixels", "norm1", "norm100", "norm1000")


def title_of(cause: str) -> str:
    """The cause in words."""
    head, _, rest = cause.partition(" ")
    if head == "qwen25":
        bound = rest.replace("~", " about ")
        return f"coordinates are pixels of the picture as Qwen2.5-VL resizes it ({bound})"
    if head == "scaled":
        return f"objects end at {rest} of width and height, as if the picture ended there"
    if rest == "twice":
        return f"coordinates were normalised to {head} twice"
    if rest == "undone twice":
        return f"coordinates were brought back from {head} to pixels twice"
    return TITLES[head] + (f", and {TITLES[rest]}" if rest else "")


def remedy_of(cause: str) -> str:
    """What mends the data set: a converter's option where one does, else the transformation of every value."""
    head, _, rest = cause.partition(" ")
    if head == "qwen25":
        return _qwen25_remedy(rest)
    if head == "scaled":
        return f"width and height are not those of the annotated picture: multiply them by {rest}, or divide coordinates by it"
    if rest == "twice":
        return f"multiply x by width^2 / {head[4:]}^2 and y by height^2 / {head[4:]}^2, or leave out one normalisation"
    if rest == "undone twice":
        return (
            f"multiply x by {head[4:]} / width and y by {head[4:]} / height, or leave out one step"
        )
    orders = {
        "xywh": "replace x2 by x1 + x2 and y2 by y1 + y2",
        "cxcywh": "replace (cx, cy, w, h) by (cx - w/2, cy - h/2, cx + w/2, cy + h/2)",
        "added": "replace x2 by x2 - x1 and y2 by y2 - y1",
    }
    if head in orders:
        return orders[head] + (f"; {remedy_of(rest)}" if rest else "")
    if head == "pixels":
        return "convert with space=pixels: the file holds pixels and is declared relative"
    grid = head.removeprefix("norm")
    return f"convert with space={head}, or multiply x by width / {grid} and y by height / {grid}"


def _qwen25_remedy(bound: str) -> str:
    """The converter's option stands for the default bound only."""
    if bound == f"max_pixels={QWEN25_DEFAULT}":
        return "convert with space=qwen25"
    by_hand = (
        "multiply x by width / resized width and y by height / resized height, "
        "where the resized size is smart_resize's with factor 28"
    )
    if "~" in bound:
        return f"{by_hand} and the max_pixels of the program that wrote them, which this data does not tell exactly"
    return f"{by_hand} and {bound} (space=qwen25 of the converter stands for {QWEN25_DEFAULT} and is wrong here)"
