import base64
import hashlib
import io
import math
import re
from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest
from PIL import Image

from src.contract.predictions import ImageMatches, MatchedPair, Prediction
from src.contract.records import ObjectAnnotation
from src.images import ORIENTATION_TAG
from src.report.page import (
    GoneObject,
    MetricTable,
    Plot,
    ReportSample,
    Series,
    truth_sample,
    write_report,
)
from src.report.payload import MOST_POINTS, plot_json
from src.report.sheet import HIT, TRUTH, contact_sheet
from src.report.thumbnails import jpeg, share_of
from tests.report.pages import page_data

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


@pytest.fixture
def sample(tmp_path):
    picture = tmp_path / "pic.png"
    noise = np.random.default_rng(0).integers(0, 255, (300, 400, 3), np.uint8)
    cv2.imwrite(str(picture), cv2.GaussianBlur(noise, (0, 0), 1.5))
    truth = (ObjectAnnotation(desc=EVIL, kind="bbox_2d", points=(20.0, 30.0, 120.0, 200.0)),)
    found = (
        ObjectAnnotation(desc="螺丝", kind="poly", points=(20.0, 30.0, 120.0, 30.0, 60.0, 200.0)),
        ObjectAnnotation(desc="wire", kind="line", points=(1.0, 2.0, 3.0, 4.0)),
    )
    prediction = Prediction(
        image="pic.png", row=0, width=400, height=300, truth=truth, objects=found, dropped=(), is_valid=True,
        text=EVIL, finish_reason="stop",
    )  # fmt: skip
    matches = ImageMatches(
        pairs=(MatchedPair(truth=0, predicted=0, iou=0.5),), missed=(), extra=(1,)
    )
    return ReportSample(prediction=prediction, matches=matches, picture=picture)


def test_the_page_is_self_contained_and_nothing_in_it_can_run(sample, tmp_path):
    page = tmp_path / "report.html"
    table = MetricTable(title="T", header=("a",), rows=(("1",),))
    write_report(page, [sample] * 3, [table], title=EVIL, facts=[("x", EVIL)])
    text = page.read_text(encoding="utf-8")
    assert text.count("<script") == text.count("</script") == 2, "the data and the page's own"
    assert "innerHTML" not in text
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", text)
    assert "default-src 'none'" in text
    assert "unsafe" not in text
    for tag in ("script", "style"):
        own = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(own[0].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in text
    assert page_data(page)["title"] == EVIL


def test_long_lines_are_thinned_and_keep_their_shape():
    """Faults: a page of 130,000 points, which no browser spreads over a call; a thinning that loses a spike, a gap or the end."""
    ys = np.sin(np.arange(130_000) / 9_000)
    ys[70_001], ys[70_002], ys[99_999] = 50.0, -50.0, math.nan
    line = Series(name="loss", xs=tuple(map(float, range(len(ys)))), ys=tuple(ys.tolist()))
    short = Series(name="short", xs=(0.0, 1.0), ys=(1.0, math.nan))
    plot = Plot(title="t", x_label="x", y_label="y", series=(line, short))
    found, kept = plot_json(plot)["series"]
    assert len(found["xs"]) == len(found["ys"]) <= 1.1 * MOST_POINTS
    points = dict(zip(found["xs"], found["ys"], strict=True))
    assert list(points) == sorted(points)
    assert (points[70_001], points[70_002], points[99_999]) == (50.0, -50.0, None)
    assert {0, 129_999} <= points.keys()
    assert max(b - a for a, b in pairwise(points)) < 500
    assert (kept["xs"], kept["ys"]) == ([0.0, 1.0], [1.0, None])


def test_samples_of_the_same_picture_share_one_copy(sample, tmp_path):
    page = tmp_path / "report.html"
    pixels = np.zeros((30, 40, 3), np.uint8)
    in_memory = [replace(sample, picture=pixels.copy(), group=f"step {step}") for step in (1, 2)]
    encoded = cv2.imencode(".jpg", pixels + 9)[1].tobytes()
    as_bytes = [replace(sample, picture=encoded)] * 2
    write_report(page, [sample, *in_memory, sample, *as_bytes], [], title="shared")
    data = page_data(page)
    assert [one["picture"] for one in data["samples"]] == [0, 1, 1, 0, 2, 2]
    assert [one["group"] for one in data["samples"]][:3] == ["", "step 1", "step 2"]
    sizes = [
        cv2.imdecode(np.frombuffer(base64.b64decode(text), np.uint8), 1).shape
        for text in data["pictures"]
    ]
    assert sizes == [(300, 400, 3), (30, 40, 3), (30, 40, 3)]


def test_states_follow_from_the_matches(sample, tmp_path):
    page = tmp_path / "report.html"
    raw = truth_sample(
        sample.picture, sample.prediction.truth, (400, 300), name="raw.png",
        gone=(GoneObject(item=sample.prediction.objects[1], reason="cropped"),), truth_notes=("object 0",),
    )  # fmt: skip
    folder = replace(
        sample,
        prediction=replace(sample.prediction, truth=None),
        matches=ImageMatches(pairs=(), missed=(), extra=(0, 1)),
    )
    write_report(page, [sample, raw, folder], [], title="states")
    compared, plain, without_truth = page_data(page)["samples"]
    assert (compared["f1"], compared["hasPrediction"]) == (pytest.approx(2 / 3), True)
    assert [shape["state"] for shape in compared["truth"]] == ["found"]
    assert [shape["state"] for shape in compared["predicted"]] == ["hit", "extra"]
    assert [shape["area"] for shape in compared["predicted"]] == [8500.0, 4.0]
    assert (plain["f1"], plain["compared"], plain["hasPrediction"]) == (None, False, False)
    assert [(s["state"], s["note"]) for s in plain["truth"] + plain["gone"]] == [
        ("plain", "object 0"),
        ("gone", "cropped"),
    ]
    assert [shape["state"] for shape in without_truth["predicted"]] == ["plain", "plain"]
    assert without_truth["f1"] is None


def test_two_hundred_noisy_pictures_stay_below_fifteen_megabytes():
    noise = np.random.default_rng(0).integers(0, 255, (700, 900, 3), np.uint8)
    data = jpeg(noise, share_of(200))
    assert len(data) <= share_of(200)
    assert 200 * len(data) * 4 / 3 < 14.5e6
    assert len(jpeg(noise, share_of(5000))) <= share_of(5000) == 10_000


def test_a_large_photograph_is_upright_and_reduced(tmp_path):
    """Decoded at half size as stored, then turned: orientation 6 brings the stored left side to the top."""
    path = tmp_path / "phone.jpg"
    stored = Image.new("RGB", (2400, 1200), (0, 0, 200))
    stored.paste((200, 0, 0), (0, 0, 1200, 1200))
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = 6
    stored.save(path, exif=exif)
    shown = np.asarray(Image.open(io.BytesIO(jpeg(path, 90_000)))).astype(int)
    assert shown.shape == (1024, 512, 3)
    assert np.abs(shown[100, 256] - (200, 0, 0)).max() < 10
    assert np.abs(shown[900, 256] - (0, 0, 200)).max() < 10


def test_the_contact_sheet_draws_where_the_objects_are(sample, tmp_path):
    path = tmp_path / "sheet.png"
    contact_sheet(path, [sample], columns=1, tile=400)
    pixels = cv2.imread(str(path))[..., ::-1].astype(int)
    assert np.abs(pixels[115, 120] - TRUTH).max() < 60
    assert np.abs(pixels[30, 70] - HIT).max() < 60
