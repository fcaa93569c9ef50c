"""Pictures side by side with their shapes and captions: a self-contained HTML page, and a PNG of each row.

Used where one picture is shown in several states, such as before and after augmentation.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from src.contract.records import GeometryKind
from src.files import write_bytes, write_text
from src.utils.opencv import cv2

COLOURS = ("#2563eb", "#dc2626", "#16a34a", "#9333ea", "#ea580c", "#0891b2", "#ca8a04", "#db2777")
GONE = "#6b7280"
STYLE = """body{font:14px/1.4 system-ui,sans-serif;margin:1.5rem;background:#f8fafc;color:#0f172a}
section{display:flex;flex-wrap:wrap;gap:1rem;margin-bottom:2rem}
figure{margin:0;background:#fff;border:1px solid #cbd5e1;border-radius:6px;padding:.5rem;max-width:420px}
svg{width:100%;height:auto;display:block}
h2{font-size:1rem;width:100%;margin:0}figcaption{margin-top:.4rem;font-size:12px}
li.gone{color:#6b7280;text-decoration:line-through}ol{margin:.3rem 0;padding-left:1.4rem}"""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PanelShape:
    """A drawn object; `gone` is the reason why the picture no longer has it (dashed), or empty."""

    object_id: int
    desc: str
    kind: GeometryKind
    points: NDArray[np.float64]
    note: str = ""
    gone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Panel:
    """One state of a picture: RGB uint8 (H, W, 3), its shapes in its pixels, and lines of text."""

    title: str
    pixels: NDArray[np.uint8]
    shapes: tuple[PanelShape, ...]
    text: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelRow:
    title: str
    panels: tuple[Panel, ...]


def write_panels(path: Path, title: str, rows: Sequence[PanelRow]) -> None:
    """One HTML file that opens from disk and asks the network for nothing."""
    body = "\n".join(_row(row) for row in rows)
    name = html.escape(title)
    write_text(
        path,
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{name}</title>'
        f"<style>{STYLE}</style><h1>{name}</h1>\n{body}\n</html>\n",
    )


def _row(row: PanelRow) -> str:
    figures = "\n".join(_figure(panel) for panel in row.panels)
    return f"<section><h2>{html.escape(row.title)}</h2>\n{figures}\n</section>"


def _figure(panel: Panel) -> str:
    height, width = panel.pixels.shape[:2]
    shapes = "".join(_svg(shape, max(width, height)) for shape in panel.shapes)
    items = "".join(_caption(shape) for shape in panel.shapes)
    lines = "<br>".join(html.escape(line) for line in (panel.title, *panel.text))
    return (
        f'<figure><svg viewBox="0 0 {width} {height}" role="img" aria-label="{html.escape(panel.title)}">'
        f'<image href="{_data_uri(panel.pixels)}" width="{width}" height="{height}"/>{shapes}</svg>'
        f"<figcaption>{lines}<ol>{items}</ol></figcaption></figure>"
    )


def _caption(shape: PanelShape) -> str:
    note = f" ({shape.gone or shape.note})" if shape.gone or shape.note else ""
    css = ' class="gone"' if shape.gone else f' style="color:{_colour(shape)}"'
    return f"<li{css}>{html.escape(f'{shape.desc} [{shape.kind}]{note}')}</li>"


def _colour(shape: PanelShape) -> str:
    return GONE if shape.gone else COLOURS[shape.object_id % len(COLOURS)]


def _outline(shape: PanelShape) -> NDArray[np.float64]:
    """The vertices to draw; a box's four corners."""
    if shape.kind != "bbox_2d":
        return shape.points
    (x1, y1), (x2, y2) = shape.points
    return np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]])


def _svg(shape: PanelShape, extent: int) -> str:
    element = "polyline" if shape.kind == "line" else "polygon"
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in _outline(shape))
    width = max(1.0, extent / 300)
    dash = f' stroke-dasharray="{4 * width:.1f}"' if shape.gone else ""
    label = html.escape(f"{shape.desc} {shape.gone or shape.note}".strip())
    return (
        f'<{element} points="{points}" fill="none" stroke="{_colour(shape)}" stroke-width="{width:.1f}"{dash}>'
        f"<title>{label}</title></{element}>"
    )


def _data_uri(pixels: NDArray[np.uint8]) -> str:
    done, data = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])
    assert done
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode()


def write_sheet(path: Path, row: PanelRow, *, tile: int = 360) -> None:
    """The row's panels side by side as one PNG; objects that are gone are grey."""
    tiles = [_tile(panel, tile) for panel in row.panels]
    done, data = cv2.imencode(".png", np.hstack(tiles)[..., ::-1])
    assert done
    write_bytes(path, data.tobytes())


def _tile(panel: Panel, side: int) -> NDArray[np.uint8]:
    scale = side / max(panel.pixels.shape[:2])
    height, width = (max(1, round(extent * scale)) for extent in panel.pixels.shape[:2])
    canvas = np.full((side, side + 4, 3), 255, dtype=np.uint8)
    canvas[:height, :width] = cv2.resize(
        panel.pixels, (width, height), interpolation=cv2.INTER_AREA
    )
    for shape in panel.shapes:
        code = _colour(shape).removeprefix("#")
        ink = tuple(int(code[start : start + 2], 16) for start in (0, 2, 4))
        drawn = np.rint(_outline(shape) * scale).astype(np.int32)
        thickness = 1 if shape.gone else 2
        cv2.polylines(canvas, [drawn], shape.kind != "line", ink, thickness, cv2.LINE_AA)
    return canvas
