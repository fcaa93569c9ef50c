"""One self-contained HTML page: metrics, plots, and every sample with its shapes drawn over the picture.

One viewer for predictions, raw data sets, augmentation variants, conversions and training progress. No network, no files
beside it: pictures are embedded (each once), shapes are SVG in picture coordinates. Its content security policy allows the
page's own script and style by their hashes and nothing else, so no text of a sample can run or load anything.
Cost: about 15 ms and 70 KB a 1024x768 picture, 200 samples below 15 MB; beyond 1,000 pictures they become thumbnails.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from src.files import write_text
from src.report.model import (
    GoneObject,
    MetricTable,
    Plot,
    ReportSample,
    Series,
    truth_sample,
)
from src.report.payload import plot_json, sample_json, table_json
from src.report.thumbnails import distinct, jpeg, share_of

__all__ = [
    "GoneObject",
    "MetricTable",
    "Plot",
    "ReportSample",
    "Series",
    "truth_sample",
    "write_report",
]

WEB = Path(__file__).with_name("web")
# In this order they are one script.
SCRIPTS = ("dom", "samples", "drawing", "plots", "state", "grid", "viewer", "controls", "main")
MARK = re.compile(r"\{\{([a-z-]+)\}\}")


def write_report(
    path: Path,
    samples: Sequence[ReportSample],
    tables: Sequence[MetricTable],
    *,
    title: str,
    facts: Sequence[tuple[str, str]] = (),
    plots: Sequence[Plot] = (),
    groups_label: str = "",
) -> None:
    """Write the page. `facts` are name and value pairs shown at the top (checkpoint, data, date, ...).

    `groups_label` names what the samples' groups are ("step", "data set", "variant"); they become tabs, or a slider when there
    are more than eight. Samples that show the same picture share its embedded copy. `ImageError` for a picture that cannot
    be decoded.
    """
    unique, places = distinct(sample.picture for sample in samples)
    share = share_of(len(unique))
    data = {
        "title": title,
        "facts": [list(fact) for fact in facts],
        "groupsLabel": groups_label,
        "tables": [table_json(table) for table in tables],
        "plots": [plot_json(plot) for plot in plots],
        "pictures": [base64.b64encode(jpeg(picture, share)).decode() for picture in unique],
        "samples": [
            sample_json(sample, place) for sample, place in zip(samples, places, strict=True)
        ],
    }
    # "<" is escaped so that no text of a sample can close the data element.
    payload = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    write_text(path, _page(title, payload.replace("<", "\\u003c")))


def _page(title: str, payload: str) -> str:
    style, script = _assets()
    parts = {
        "title": html.escape(title),
        "style": style,
        "style-hash": _hash(style),
        "script": script,
        "script-hash": _hash(script),
        "data": payload,
    }
    # One pass: what is put in is not searched again.
    return MARK.sub(lambda mark: parts[mark[1]], (WEB / "page.html").read_text(encoding="utf-8"))


@cache
def _assets() -> tuple[str, str]:
    script = "".join((WEB / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS)
    return (WEB / "style.css").read_text(encoding="utf-8"), script


def _hash(text: str) -> str:
    """As a content security policy names an inline script or style."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
