"""Which finding comes first, and what the others say then: pictures, odd records, mixed files, orders and margins."""

import numpy as np

from src.doctor.diagnosis import diagnose
from src.doctor.pictures import Headers
from src.doctor.reading import read_annotations
from tests.doctor.corruptions import Corruption, write
from tests.doctor.data_sets import data_set


def diagnosed(path, *, headers=None, space="pixels"):
    """Checks by name; `headers` are rows of stored width, stored height, orientation."""
    shown = None
    if headers is not None:
        shown = Headers(stored=headers[:, :2], orientation=headers[:, 2].astype(np.int64))
    return {check.name: check for check in diagnose(read_annotations([path]), shown, space)}


def found(checks):
    return {name: check.cause for name, check in checks.items() if check.verdict == "found"}


def corrupted(tmp_path, name, *, change=None, size=None, **options):
    """A whole data set's mistake; the pictures' true sizes are shown."""
    given = {"change": change, "size": size}
    corruption = Corruption(
        "", "", lambda _: True, **{key: value for key, value in given.items() if value}
    )
    path = tmp_path / "r.jsonl"
    return diagnosed(path, headers=write(data_set(name), corruption, path), **options)


def test_pictures_that_confirm_the_sizes_do_not_hide_coordinates_of_a_scaled_copy(tmp_path):
    checks = corrupted(
        tmp_path, "vga photographs", change=lambda points, width, height: points * (2 / 3)
    )
    ((name, cause),) = found(checks).items()
    assert (name, cause.partition(" ")[0]) == ("size", "scaled")
    assert abs(float(cause.partition(" ")[2]) - 2 / 3) < 0.002
    assert "coordinates are those of a copy scaled 0.66" in checks["size"].sentence
    assert {checks[name].verdict for name in ("space", "order", "qwen25")} == {"undecided"}


def test_coordinates_are_judged_by_the_pictures_where_written_sizes_are_wrong(tmp_path):
    checks = corrupted(
        tmp_path, "vga photographs", size=lambda width, height: (width / 2, height / 2)
    )
    assert found(checks) == {"size": "wrong-size"}
    assert checks["space"].verdict == checks["order"].verdict == "ok"
