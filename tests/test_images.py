"""Loading against Pillow's own reading; damaged and hostile files are in tests/reliability/test_image_corpus.py."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import simplejpeg
from PIL import Image, ImageOps

from src.errors import ImageError
from src.images import ORIENTATION_TAG, ImageLimits, load_rgb, orientation_points, read_header
from src.rng import generator


def noise(width: int, height: int) -> Image.Image:
    return Image.fromarray(
        generator(3, "noise").integers(0, 256, (height, width, 3), dtype=np.uint8)
    )


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".jpg", ".jpeg", ".JPG", ".webp"])
def test_pixels_are_those_of_the_file(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{suffix}"
    noise(31, 17).save(path)
    pixels = load_rgb(path)
    assert pixels.flags.c_contiguous
    with Image.open(path) as image:
        assert np.array_equal(pixels, np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_equals_pillows_transpose(
    suffix: str, orientation: int, tmp_path: Path
) -> None:
    path = tmp_path / f"a{suffix}"
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = orientation
    noise(31, 17).save(path, exif=exif.tobytes())
    with Image.open(path) as image:
        expected = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    assert np.array_equal(load_rgb(path), expected)
    assert read_header(path).upright_size == expected.shape[1::-1]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_points_stay_inside_and_keep_distances(orientation: int) -> None:
    points = np.array([[0.0, 0.0], [31.0, 0.0], [31.0, 17.0], [4.5, 2.25]])
    moved = orientation_points(points, orientation, 31, 17)
    size = (17, 31) if orientation >= 5 else (31, 17)
    assert (moved >= 0).all()
    assert (moved <= size).all()
    distances = [np.linalg.norm(p[:, None] - p[None], axis=-1) for p in (points, moved)]
    assert np.allclose(*distances, atol=0)


def test_limits_are_those_given(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    noise(31, 17).save(path)
    for limits in (
        ImageLimits(max_pixels=526),
        ImageLimits(max_side=30),
        ImageLimits(max_bytes=99),
    ):
        with pytest.raises(ImageError, match="too large"):
            load_rgb(path, limits=limits)
        with pytest.raises(ImageError, match="too large"):
            read_header(path, limits=limits)
    assert load_rgb(path, limits=ImageLimits(max_pixels=527, max_side=31)).shape == (17, 31, 3)


def test_a_phones_two_picture_jpeg_gives_the_photograph(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    first, second = noise(32, 16), Image.new("RGB", (32, 16))
    first.save(path, "MPO", save_all=True, append_images=[second])
    assert read_header(path).format == "JPEG"
    assert np.abs(load_rgb(path).astype(int)).mean() > 50


def test_a_colour_key_is_transparent(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("RGB", (4, 4), (9, 8, 7)).save(path, transparency=(9, 8, 7))
    assert (load_rgb(path) == 255).all()


@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("size", [(37, 53), (64, 16), (1, 1)])
def test_a_jpegs_pixels_are_pillows(
    subsampling: int, size: tuple[int, int], tmp_path: Path
) -> None:
    """The two decoders may not differ; catches a quicker, less exact transform or upsampling."""
    path = tmp_path / "a.jpg"
    pixels = generator(4, "jpeg", *size).integers(0, 255, (*size, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, quality=90, subsampling=subsampling)
    with Image.open(path) as image:
        assert np.array_equal(load_rgb(path), np.asarray(image))


def test_a_jpeg_that_only_the_strict_decoder_refuses_is_read(tmp_path: Path) -> None:
    """Stray bytes between two segments, which decoders skip with a warning."""
    path = tmp_path / "a.jpg"
    Image.fromarray(np.full((16, 16, 3), 90, np.uint8)).save(path)
    data = path.read_bytes()
    tables = data.index(b"\xff\xdb")
    path.write_bytes(data[:tables] + b"\0\0\0" + data[tables:])
    with pytest.raises(ValueError, match="extraneous"):
        simplejpeg.decode_jpeg(path.read_bytes(), "RGB")
    assert load_rgb(path).shape == (16, 16, 3)
