import re

import cv2
import numpy as np
import pytest

from src.contract.predictions import ImageMatches, MatchedPair, Prediction
from src.contract.records import ObjectAnnotation
from src.report.page import MetricTable, ReportSample, write_report
from src.report.sheet import HIT, TRUTH, contact_sheet

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
    assert text.count("<script") == 1
    assert text.count("</script") == 1
    assert "innerHTML" not in text
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", text)
    assert "default-src 'none'" in text
    assert "螺丝" in text
    assert text.count("data:image/jpeg;base64,") == 3


def test_two_hundred_samples_stay_below_fifteen_megabytes(sample, tmp_path):
    page = tmp_path / "report.html"
    write_report(page, [sample] * 200, [], title="many")
    assert page.stat().st_size < 15e6


def test_the_contact_sheet_draws_where_the_objects_are(sample, tmp_path):
    path = tmp_path / "sheet.png"
    contact_sheet(path, [sample], columns=1, tile=400)
    pixels = cv2.imread(str(path))[..., ::-1].astype(int)
    assert np.abs(pixels[115, 120] - TRUTH).max() < 60
    assert np.abs(pixels[30, 70] - HIT).max() < 60
