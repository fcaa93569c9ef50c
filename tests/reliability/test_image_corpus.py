"""B3: a corpus of damaged, hostile and unusual images.

Fault caught: a truncated or disguised file that trains as grey pixels, a bomb that is decoded before its
size is looked at, and an EXIF orientation that is forgotten or applied twice.
"""

from __future__ import annotations

import io
import struct
import tracemalloc
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFile

from src import images
from src.errors import ImageError
from src.images import load_rgb, load_rgba, orientation_points, read_header
from src.rng import generator

FORMATS = {"JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp"}
WIDTH, HEIGHT = 96, 64


def picture() -> Image.Image:
    noise = generator(17, "corpus").integers(0, 256, (HEIGHT // 4, WIDTH // 4, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((WIDTH, HEIGHT))


def encoded(kind: str, image: Image.Image | None = None, **options: object) -> bytes:
    buffer = io.BytesIO()
    (image or picture()).save(buffer, kind, **options)
    return buffer.getvalue()


def exif_with_thumbnail() -> bytes:
    """EXIF bytes that hold a whole small JPEG, end marker included."""
    body = Image.Exif()
    body[0x010E] = "thumbnail"
    return body.tobytes() + encoded("JPEG", picture().resize((16, 16)))


SOUND = {
    "JPEG": {
        "baseline": {},
        "progressive": {"progressive": True},
        "thumbnail": {"exif": exif_with_thumbnail()},
    },
    "PNG": {"plain": {}},
    "WEBP": {"lossy": {}, "lossless": {"lossless": True}},
}
CASES = [(kind, name) for kind, variants in SOUND.items() for name in variants]


def accepted_truncations(folder: Path, kind: str, name: str) -> list[int]:
    """Per cent of the file that was kept, for each truncated file that loads."""
    data = encoded(kind, **SOUND[kind][name])  # type: ignore[arg-type]
    path = folder / f"cut{FORMATS[kind]}"
    path.write_bytes(data)
    assert load_rgb(path).shape == (HEIGHT, WIDTH, 3)
    assert load_rgba(path).pixels.shape == (HEIGHT, WIDTH, 4)
    accepted = []
    # One to nine missing bytes are the hardest to see; per cent of the file would miss them.
    cuts = [len(data) * percent // 100 for percent in range(1, 100)] + [
        len(data) - n for n in range(1, 10)
    ]
    for cut in cuts:
        path.write_bytes(data[:cut])
        for load in (load_rgb, load_rgba):
            with suppress(ImageError):
                load(path)
                accepted.append(cut)
    return accepted


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_no_truncated_file_is_accepted(kind: str, name: str, tmp_path: Path) -> None:
    assert accepted_truncations(tmp_path, kind, name) == []


def test_a_forgiving_decoder_turns_it_red(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: Pillow's switch that fills the missing rest with grey, and no look at the end."""
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    monkeypatch.setattr(images, "_check_end", lambda *_: None)
    assert accepted_truncations(tmp_path, "JPEG", "baseline")


def test_random_damage_never_crashes(tmp_path: Path) -> None:
    num_refused = num_read = 0
    for kind, name in CASES:
        data = encoded(kind, **SOUND[kind][name])  # type: ignore[arg-type]
        path = tmp_path / f"hurt{FORMATS[kind]}"
        for index in range(150):
            rng = generator(17, "damage", kind, name, index)
            hurt = bytearray(data)
            for _ in range(rng.integers(1, 5)):
                hurt[rng.integers(len(hurt) if index % 2 else 64)] = rng.integers(256)
            path.write_bytes(hurt)
            for load in (load_rgb, load_rgba):
                try:
                    picture = load(path)
                except ImageError:  # anything else is a crash
                    num_refused += 1
                    continue
                num_read += 1
                pixels = picture if isinstance(picture, np.ndarray) else picture.pixels
                assert pixels.dtype == np.uint8
                assert pixels.ndim == 3
                assert pixels.size
    assert num_refused > 100
    assert num_read > 100


def png_chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png_bomb(width: int, height: int) -> bytes:
    """A PNG whose header announces the size; its data is a few bytes."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(b"\0" * 1000)
    return (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", header)
        + png_chunk(b"IDAT", body)
        + png_chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("width", "height"), [(50_000, 50_000), (10_001, 10_000), (70_000, 1), (2**31 - 1, 2**31 - 1)]
)
def test_a_bomb_is_refused_by_its_header(width: int, height: int, tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png_bomb(width, height))
    tracemalloc.start()
    for load in (load_rgb, load_rgba, read_header):
        with pytest.raises(ImageError, match=r"too large|exceeds limit"):
            load(path)
    assert tracemalloc.get_traced_memory()[1] < 5 << 20
    tracemalloc.stop()


@pytest.mark.parametrize("size", [(0, 5), (5, 0), (0, 0)])
def test_zero_size_is_refused(size: tuple[int, int], tmp_path: Path) -> None:
    path = tmp_path / "none.png"
    path.write_bytes(png_bomb(*size))
    with pytest.raises(ImageError):
        load_rgb(path)
    with pytest.raises(ImageError):
        read_header(path)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("said", [".jpg", ".png", ".webp", ".bmp"])
def test_a_disguised_format_is_refused_with_a_remedy(kind: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{said}"
    path.write_bytes(encoded(kind))
    if FORMATS[kind] == said:
        assert read_header(path).format == kind
        return
    with pytest.raises(ImageError, match="rename it"):
        load_rgb(path)


@pytest.mark.parametrize(
    "data",
    [b"", b"\0" * 100, b"GIF89a" + b"\0" * 50, b"<html>404</html>", b"%PDF-1.7", b"\xff\xd8"],
)
def test_what_is_no_image_is_refused(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(data)
    for load in (load_rgb, read_header):
        with pytest.raises(ImageError, match=r"a\.jpg"):
            load(path)


@pytest.mark.parametrize("name", ["none.jpg", "folder.jpg", "a.tiff", "a"])
def test_what_is_no_file_or_no_known_kind_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "a.tiff").write_bytes(encoded("TIFF"))
    (tmp_path / "a").write_bytes(encoded("JPEG"))
    with pytest.raises(ImageError):
        load_rgb(tmp_path / name)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_an_animation_is_refused(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{FORMATS[kind]}"
    other = picture().transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    path.write_bytes(encoded(kind, save_all=True, append_images=[other]))
    with pytest.raises(ImageError, match="animated"):
        load_rgb(path)


def colour_cases() -> list[tuple[str, str, Image.Image, tuple[int, int, int]]]:
    clear = Image.new("RGBA", (8, 8), (200, 0, 0, 0))
    half = Image.new("RGBA", (8, 8), (200, 0, 0, 51))
    palette = Image.new("RGB", (8, 8), (10, 200, 30)).quantize(4)
    wide = Image.fromarray(np.full((8, 8), 65535 // 5 * 2, np.uint16))
    return [
        ("grey", "PNG", Image.new("L", (8, 8), 77), (77, 77, 77)),
        ("bits", "PNG", Image.new("1", (8, 8), 1), (255, 255, 255)),
        ("palette", "PNG", palette, (10, 200, 30)),
        ("clear", "PNG", clear, (255, 255, 255)),
        ("half", "PNG", half, (244, 204, 204)),
        ("half-webp", "WEBP", half, (244, 204, 204)),
        ("grey-alpha", "PNG", Image.new("LA", (8, 8), (0, 51)), (204, 204, 204)),
        ("16-bit", "PNG", wide, (102, 102, 102)),
        ("cmyk", "JPEG", Image.new("CMYK", (8, 8), (0, 255, 255, 0)), (255, 0, 0)),
        ("bmp", "BMP", Image.new("RGB", (8, 8), (1, 2, 3)), (1, 2, 3)),
    ]


@pytest.mark.parametrize(
    ("name", "kind", "image", "colour"), colour_cases(), ids=lambda value: str(value)[:12]
)
def test_colours_follow_the_declared_rules(
    name: str, kind: str, image: Image.Image, colour: tuple[int, int, int], tmp_path: Path
) -> None:
    path = tmp_path / f"{name}{(FORMATS | {'BMP': '.bmp'})[kind]}"
    path.write_bytes(
        encoded(kind, image, **({"lossless": True, "exact": True} if kind == "WEBP" else {}))
    )
    pixels = load_rgb(path)
    assert pixels.dtype == np.uint8
    assert np.abs(pixels.astype(int) - colour).max() <= 2


# --- EXIF -----------------------------------------------------------------------------------------
CORNER_OF = {1: "tl", 2: "tr", 3: "br", 4: "bl", 5: "tl", 6: "tr", 7: "br", 8: "bl"}


def stored(orientation: int) -> tuple[bytes, NDArray[np.float64]]:
    """A JPEG with a red blob on its stored pixels, and the blob's centre there."""
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    pixels[8:16, 16:32] = (255, 0, 0)
    exif = Image.Exif()
    exif[images.ORIENTATION_TAG] = orientation
    data = encoded("JPEG", Image.fromarray(pixels), quality=100, subsampling=0, exif=exif.tobytes())
    return data, np.array([[24.0, 12.0]])


def centroid_error(path: Path, orientation: int) -> float:
    data, centre = stored(orientation)
    path.write_bytes(data)
    pixels = load_rgb(path).astype(float)
    weight = pixels[..., 0] * (pixels[..., 0] > 128)
    ys, xs = np.mgrid[: pixels.shape[0], : pixels.shape[1]] + 0.5  # pixel-edge convention
    seen = np.array([(xs * weight).sum(), (ys * weight).sum()]) / weight.sum()
    expected = orientation_points(centre, orientation, WIDTH, HEIGHT)[0]
    return float(np.abs(seen - expected).max())


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_is_applied_exactly_once_and_points_follow(orientation: int, tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    assert centroid_error(path, orientation) <= 0.5
    header = read_header(path)
    assert header.orientation == orientation
    pixels = load_rgb(path)
    assert pixels.shape[1::-1] == header.upright_size
    # TIFF 6.0: the corner in which the stored top-left corner of the picture is shown.
    height, width = pixels.shape[:2]
    ys, xs = np.nonzero(pixels[..., 0] > 128)
    shown = ("t" if ys.mean() < height / 2 else "b") + ("l" if xs.mean() < width / 2 else "r")
    assert shown == CORNER_OF[orientation]


@pytest.mark.parametrize("times", [0, 2])
def test_exif_forgotten_or_applied_twice_turns_it_red(
    times: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upright = images.upright

    def planted(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
        for _ in range(times):
            pixels = upright(pixels, orientation)
        return pixels

    monkeypatch.setattr(images, "upright", planted)
    errors = [centroid_error(tmp_path / "a.jpg", orientation) for orientation in range(1, 9)]
    assert max(errors) > 0.5


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_means_none(orientation: int, tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(stored(orientation)[0])
    assert read_header(path).orientation == 1
    assert load_rgb(path).shape == (HEIGHT, WIDTH, 3)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_both_decoders_give_the_same_picture(mode: str, orientation: int, tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    pixels = generator(3, "decoders").integers(0, 255, (HEIGHT // 8, WIDTH // 8, 3), dtype=np.uint8)
    image = Image.fromarray(pixels).resize((WIDTH, HEIGHT)).convert(mode)
    exif = image.getexif()
    exif[0x0112] = orientation
    image.save(path, quality=90, exif=exif)
    stored = load_rgba(path)
    assert stored.orientation == orientation
    assert stored.upright_size == load_rgb(path).shape[1::-1]
    assert (stored.pixels[..., 3] == 255).all()
    upright = images.upright(stored.pixels[..., :3], orientation)
    assert np.abs(upright.astype(int) - load_rgb(path)).max() <= 2


def test_half_size_decoding_keeps_places(tmp_path: Path) -> None:
    for width, height in ((96, 64), (97, 63)):
        path = tmp_path / "a.jpg"
        ramp = np.add.outer(np.arange(height), np.arange(width)).astype(np.uint8)
        Image.fromarray(np.repeat(ramp[..., None], 3, 2)).save(path, quality=95)
        small = load_rgba(path, halve=True)
        assert small.stored_size == (width, height)
        assert small.pixels.shape == (-(-height // 2), -(-width // 2), 4)
        # Pixel (i, j) of the half picture stands for the four pixels from (2i, 2j) on.
        assert abs(int(small.pixels[10, 20, 0]) - (20 + 40 + 1)) <= 2
