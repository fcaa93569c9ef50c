"""Which finding comes first, and what the others say then: pictures, odd records, mixed files, orders and margins."""

import numpy as np
import pytest

from data_conversion.pipeline.spaces import QWEN25_BUDGET
from src.doctor.diagnosis import diagnose
from src.doctor.frames import QWEN25_CELL, QWEN25_DEFAULT
from src.doctor.pictures import Headers
from src.doctor.reading import read_annotations
from src.doctor.remedies import remedy_of
from tests.doctor.corruptions import CORRUPTIONS, Corruption, qwen25, write
from tests.doctor.data_sets import Picture, data_set


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


def test_one_odd_exif_record_does_not_silence_what_all_others_show(tmp_path):
    path = tmp_path / "r.jsonl"
    headers = write(data_set("thumbnails"), CORRUPTIONS["0 to 1"], path)
    headers[0, 2] = 6
    checks = diagnosed(path, headers=headers)
    assert found(checks) == {"space": "norm1", "exif": "stored-size"}
    assert checks["exif"].evidence["records_with_the_stored_size"] == 1
    assert checks["order"].verdict == "undecided"


def test_axes_exchanged_in_some_records_leave_the_finding_of_the_others(tmp_path):
    """A tenth y before x, the others pixels of a scaled copy; without pictures."""
    path = tmp_path / "r.jsonl"
    pictures = (*data_set("vga photographs"), *data_set("vga photographs", 2))
    parts = []
    for mistake in (CORRUPTIONS["yxyx"], Corruption("", "", lambda _: True, lambda p, w, h: p / 2)):
        write(pictures, mistake, path)
        parts.append(path.read_text().splitlines())
    path.write_text("".join(f"{parts[bool(number % 10)][number]}\n" for number in range(520)))
    assert found(diagnosed(path)) == {"axes": "axes-exchanged", "size": "scaled 0.5000"}


def test_corner_and_sides_in_0_to_1_are_not_taken_for_centres(tmp_path):
    path = tmp_path / "r.jsonl"
    for mistake, cause in (
        ("xywh in 0 to 1", "xywh norm1"),
        ("xywh in 0 to 1000", "xywh norm1000"),
    ):
        write(data_set("thumbnails"), CORRUPTIONS[mistake], path)
        checks = diagnosed(path)
        assert found(checks) == {"order": cause}
        assert "replace x2 by x1 + x2" in checks["order"].remedy


def test_an_explanation_that_leaves_much_unexplained_is_none(tmp_path):
    """Corners of which every tenth object is nonsense: a candidate a quarter as bad as declared is no truth."""
    rng = np.random.default_rng(4)
    centres = CORRUPTIONS["0 to 1"]

    def noisy(points, width, height):
        shares = centres.change(points, width, height)
        centre, sides = shares.mean(axis=0), shares[1] - shares[0]
        return np.array([centre, sides]) if rng.random() < 0.9 else rng.uniform(0, 3, size=(2, 2))

    checks = corrupted(tmp_path, "thumbnails", change=noisy)
    assert checks["order"].verdict != "found"


def mixed_file(path, name, mistake, every):
    """Every `every`-th record with the mistake, the others right."""
    parts = []
    for corruption in (CORRUPTIONS[mistake], None):
        write(data_set(name), corruption, path)
        parts.append(path.read_text().splitlines())
    rows = range(len(parts[0]))
    path.write_text("".join(f"{parts[bool(row % every)][row]}\n" for row in rows))
    return path


@pytest.mark.parametrize("every", [2, 3, 10])
@pytest.mark.parametrize("mistake", ["0 to 1", "0 to 1000"])
def test_a_part_in_another_space_is_told_as_a_part(mistake, every, tmp_path):
    path = mixed_file(tmp_path / "r.jsonl", "vga photographs", mistake, every)
    checks = diagnosed(path)
    assert found(checks) == {"space": "mixed " + CORRUPTIONS[mistake].cause}
    showing = checks["space"].evidence["records_showing_it"]
    assert 0.6 * 260 / every <= showing <= 260 / every + 1
    assert f"{showing} of 260 records, the first at {path}:1," in checks["space"].sentence
    assert "for those records only: convert with space=norm" in checks["space"].remedy
    assert all(row % every == 0 for row in checks["space"].records)


def test_records_outside_that_nothing_explains_are_no_plain_ok(tmp_path):
    rng = np.random.default_rng(8)

    def now_and_then(points, width, height):
        return points + (rng.random() < 0.03) * 40 * width

    checks = corrupted(tmp_path, "vga photographs", change=now_and_then)
    assert checks["space"].verdict == "undecided"
    assert "records leave the picture" in checks["space"].sentence


def test_frames_of_pages_are_no_second_border(tmp_path):
    """Form pages with a frame at a margin, and lines of text inside it."""
    pages = []
    for page in data_set("document pages"):
        size = np.array([page.width, page.height])
        frame = np.round(np.concatenate([size * 0.05, size * 0.95])).tolist()
        pages.append(Picture(page.width, page.height, [("bbox_2d", frame), *page.objects]))
    path = tmp_path / "r.jsonl"
    write(pages, None, path)
    checks = diagnosed(path)
    assert found(checks) == {}
    assert checks["size"].verdict == "undecided"


@pytest.mark.parametrize("cells", [128, 512, 640, 1024, 2048])
def test_bounds_of_qwens_area_are_told_with_a_remedy_that_mends(cells, tmp_path):
    bound = cells * QWEN25_CELL**2

    def resized(points, width, height):
        return points / (width, height) * qwen25(width, height, bound)

    checks = corrupted(tmp_path, "large photographs", change=resized)
    assert found(checks) == {"qwen25": f"qwen25 max_pixels={bound}"}
    assert "convert with" not in checks["qwen25"].remedy
    assert f"factor 28 and max_pixels={bound}" in checks["qwen25"].remedy


def test_a_bound_that_is_not_listed_is_not_told_as_a_fact(tmp_path):
    def resized(points, width, height):
        return points / (width, height) * qwen25(width, height, 700 * QWEN25_CELL**2)

    checks = corrupted(tmp_path, "large photographs", change=resized)
    assert "max_pixels=" not in "".join(found(checks).values())


def test_the_converters_option_is_for_the_processors_own_bound():
    assert remedy_of(f"qwen25 max_pixels={QWEN25_DEFAULT}") == "convert with space=qwen25"
    assert QWEN25_BUDGET.max_pixels == QWEN25_DEFAULT


def test_a_whole_file_of_which_some_pictures_hold_the_grid_is_no_mixture(tmp_path):
    """Pictures of 1920 x 1080 hold every value of 0 to 1000: their records leave nothing and end near their border."""
    path = tmp_path / "r.jsonl"
    write(data_set("sports"), CORRUPTIONS["0 to 1000"], path)
    assert found(diagnosed(path)) == {"space": "norm1000"}
