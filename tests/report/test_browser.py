"""The page in a real browser, clicked through; what it counts is counted again here, from the predictions.

Faults that it catches: a filter that forgets a condition or counts found truths twice, a sort that loses ties, a toggle or key
that does nothing, a list that renders thousands at once, a text that becomes markup, a page that asks the network for anything.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

from src.report.page import MetricTable, Plot, ReportSample, Series, write_report
from tests.report.chromium import chromium
from tests.report.made_report import (
    CLASSES,
    EVIL,
    GROUPS,
    HEIGHT,
    NUM_PICTURES,
    WIDTH,
    entries,
    errors,
    f1,
    made_samples,
)

SET = "((input, value) => { input.value = value; input.dispatchEvent(new Event('input')); })"
LOADED = "performance.getEntriesByType('resource').map(entry => entry.name)"


@dataclass(frozen=True)
class Page:
    """The browser with the report in it, and the samples that were written."""

    driver: Chrome
    samples: list[ReportSample]
    path: Path

    def find(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def click(self, selector):
        self.find(selector).click()

    def press(self, *keys):
        ActionChains(self.driver, duration=0).send_keys(*keys).perform()

    def run(self, expression, *arguments):
        return self.driver.execute_script(f"return {expression}", *arguments)

    def set_range(self, selector, value):
        self.run(f"{SET}(document.querySelector(arguments[0]), arguments[1])", selector, value)

    def counts(self) -> tuple[int, int | None]:
        """Samples shown and, under an object filter, matching objects, as the page says."""
        numbers = re.findall(r"([\d,]+) (?:of|matching)", self.find("#count").text)
        values = [int(number.replace(",", "")) for number in numbers]
        return values[0], values[1] if len(values) > 1 else None

    def last(self) -> list[ReportSample]:
        """The samples of the last step, with which the page opens."""
        return [sample for sample in self.samples if sample.group == GROUPS[-1]]

    def expected(self, fits) -> tuple[int, int]:
        """The same, counted from the predictions: `fits` takes class, verdict, size and IoU."""
        found = [sum(fits(*entry) for entry in entries(sample)) for sample in self.last()]
        return sum(count > 0 for count in found), sum(found)

    def selected(self) -> str:
        return self.run(
            "document.activeElement.closest('.sample').querySelector('.name').textContent"
        )


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    samples = made_samples()
    table = MetricTable(title="Detection", header=("", "F1"), rows=((EVIL, "0.5"),))
    steps = tuple(float(step) for step in range(100, 1000, 100))
    curve = Series(
        name="class-aware", xs=steps, ys=(float("nan"), *(step / 1000 for step in steps[1:]))
    )
    plot = Plot(title="While training", x_label="step", y_label="F1", series=(curve,))
    write_report(
        path, samples, [table], title=f"Made {EVIL}", facts=[("data", EVIL)], plots=[plot], groups_label="step",
    )  # fmt: skip
    with chromium() as driver:
        driver.get(path.as_uri())
        yield Page(driver, samples, path)


@pytest.fixture
def page(opened):
    """The page as it opens, at the last step."""
    opened.run("document.querySelectorAll('dialog').forEach(one => one.close())")
    opened.click("#reset")
    return opened


def test_it_opens_at_the_last_step_with_each_picture_once(page):
    assert page.counts() == (NUM_PICTURES, None)
    assert page.find("#group-name").text == GROUPS[-1]
    assert page.run("data.pictures.length") == NUM_PICTURES
    page.click("#groups [data-group='']")
    assert page.counts() == (NUM_PICTURES * len(GROUPS), None)
    made = page.run("grid.childElementCount")
    assert 0 < made < NUM_PICTURES * len(GROUPS) / 2
    page.run("window.scrollTo(0, document.body.scrollHeight)")
    WebDriverWait(page.driver, 5).until(lambda _: page.run("grid.childElementCount") > made)


@pytest.mark.parametrize("verdict", ["hit", "extra", "missed", "duplicate"])
def test_verdicts_count_as_an_oracle_does(page, verdict):
    page.click(f"[data-verdicts={verdict}]")
    assert page.counts() == page.expected(lambda _, found, *__: found == verdict)
    assert page.find(f"[data-verdicts={verdict}]").get_attribute("aria-pressed") == "true"


def test_filters_combine(page):
    Select(page.find("#class")).select_by_value(CLASSES[1])
    page.click("[data-sizes=medium]")
    page.click("[data-sizes=large]")
    assert page.counts() == page.expected(
        lambda desc, _, size, __: desc == CLASSES[1] and size != "small"
    )
    page.click("[data-verdicts=hit]")
    page.set_range("#iou-low", 0.6)
    page.set_range("#iou-high", 0.8)
    chosen = page.expected(
        lambda desc, verdict, size, iou: (
            desc == CLASSES[1] and size != "small" and verdict == "hit" and 0.6 <= iou <= 0.8
        )
    )
    assert page.counts() == chosen
    assert chosen[1] > 0
    dim = len(page.all(".layer-prediction g:not(.off)"))
    assert dim == chosen[1], "what does not fit the filter is dimmed"


def test_class_bars_data_sets_answers_and_text_filter_too(page):
    page.click(f"[data-class='{CLASSES[0]}']")
    assert page.counts() == page.expected(lambda desc, *_: desc == CLASSES[0])
    page.click("#reset")
    Select(page.find("#dataset")).select_by_value("set 1")
    Select(page.find("#answer")).select_by_value("invalid")
    fitting = sum(
        s.prediction.dataset == "set 1" and not s.prediction.is_valid for s in page.last()
    )
    assert page.counts() == (fitting, None)
    page.click("#reset")
    page.press("/", "PIC_01")
    assert page.counts() == (10, None)
    page.press(Keys.ESCAPE)
    page.find("#text").send_keys("x")
    assert page.find("#empty").is_displayed()
    page.click("#empty-reset")
    assert page.counts() == (NUM_PICTURES, None)


def test_worst_come_first(page):
    page.press("w")
    wanted = sorted(
        page.last(), key=lambda sample: (f1(sample), -errors(sample), sample.prediction.row)
    )
    names = page.run(
        "[...document.querySelectorAll('.sample .name')].map(node => node.textContent)"
    )
    assert names == [sample.prediction.image.split("/")[1] for sample in wanted][: len(names)]
    assert len(names) >= 20


def test_toggles_hide_layers_by_click_and_key(page):
    for layer, key, selector in (
        ("truth", "g", ".sample .layer-truth g"),
        ("prediction", "p", ".sample .layer-prediction g"),
        ("labels", "l", ".sample svg text"),
    ):
        shape = page.find(selector)
        assert shape.is_displayed()
        page.click(f"#toggles [data-layer={layer}]")
        assert not shape.is_displayed()
        assert (
            page.find(f"#viewer-toggles [data-layer={layer}]").get_attribute("aria-pressed")
            == "false"
        )
        page.press(key)
        assert shape.is_displayed()


def test_keys_move_open_zoom_and_close(page):
    page.press("j")
    page.press("j", Keys.ARROW_RIGHT, "k")
    assert page.selected() == "pic_001.jpg"
    page.press(Keys.ENTER)
    assert page.find("#viewer").is_displayed()
    assert page.find("#viewer-name").text == "pic_001.jpg"
    page.press("j")
    assert page.find("#viewer-name").text == "pic_002.jpg"
    wide = page.run("canvas.offsetWidth")
    page.press("+")
    assert page.run("canvas.offsetWidth") == pytest.approx(1.5 * wide, abs=2)
    assert page.find("#zoom-text").text == "150%"
    left = page.run("canvas.offsetLeft")
    ActionChains(page.driver, duration=0).drag_and_drop_by_offset(
        page.find("#stage"), 60, 0
    ).perform()
    assert page.run("canvas.offsetLeft") == pytest.approx(left + 60, abs=3)
    page.press("0")
    assert page.run("canvas.offsetWidth") == wide
    page.press("[")
    assert page.find("#viewer-groups .group-name").text == GROUPS[-2]
    page.press(Keys.ESCAPE)
    assert not page.find("#viewer").is_displayed()
    page.press("?")
    assert "next sample" in page.find("#help").text


def test_the_large_view_shows_caption_raw_text_and_marks_objects(page):
    sample = next(s for s in page.last() if len(s.prediction.objects) > 2)
    page.click(f"[aria-label^='Open pic_{sample.prediction.row:03d}']")
    titles = [node.text.split(":")[0] for node in page.all("#viewer-texts h3")]
    assert titles == ["Caption", "Caption", "Raw text"]
    assert page.all("#viewer-texts pre")[-1].get_attribute("textContent") == sample.prediction.text
    assert len(page.all("#viewer-objects li")) == len(entries(sample))
    page.click("#viewer-objects button")
    assert len(page.all("#canvas .lit")) == 1
    boxes = [shape.points for shape in sample.prediction.objects if shape.kind == "bbox_2d"]
    drawn = page.run(
        "[...canvas.querySelectorAll('rect.prediction')].map(box => box.x.baseVal.value)"
    )
    assert sorted(drawn) == pytest.approx(sorted(points[0] for points in boxes), abs=0.01)
    frame = page.run("canvas.querySelector('svg').getAttribute('viewBox')")
    assert frame == f"0 0 {WIDTH} {HEIGHT}"


def test_plots_and_tables_are_drawn(page):
    titles = page.run("[...document.querySelectorAll('#panels h2')].map(node => node.textContent)")
    assert titles[:2] == ["Detection", "While training"]
    last = GROUPS[-1]
    assert {f"IoU of right predictions, {last}", f"F1 of the samples, {last}"} <= set(titles)
    told = page.find(f"[data-class='{CLASSES[0]}']").get_attribute("title")
    hits = page.expected(lambda desc, verdict, *_: (desc, verdict) == (CLASSES[0], "hit"))[1]
    assert told.startswith(f"{hits} TP")
    path = page.find(".plot .curve").get_attribute("d")
    assert path.count("M") == 1
    assert path.count("L") == len(GROUPS) - 2, "a value that is not finite is left out"
    chart = page.find(".plot svg")
    ActionChains(page.driver, duration=0).move_to_element(chart).perform()
    assert page.find(".plot .tip").is_displayed()


def test_the_range_of_many_points_is_found(page):
    """Fault: all values as arguments of one call, which is a RangeError from about 125,000 on."""
    found = page.run(
        "(place => [place.x0, place.x1])(scales(Array.from({length: 400000}, (_, i) => i), [0, 1]))"
    )
    assert found == [0, 399_999]


def test_everything_can_be_reached_and_has_a_name(page):
    nameless = page.run(
        "[...document.querySelectorAll('button, input, select')].filter(node => !(node.getAttribute('aria-label')"
        " || node.textContent.trim() || node.labels?.length)).map(node => node.outerHTML)"
    )
    assert nameless == []


def test_nothing_runs_and_nothing_is_asked_for(page):
    assert page.run("window.hurt") is None
    assert page.find("h1").text == f"Made {EVIL}"
    assert [name for name in page.run(LOADED) if not name.startswith("data:")] == []
    assert [entry for entry in page.driver.get_log("browser") if entry["level"] == "SEVERE"] == []
    asked = set(requests(page))
    assert asked == {page.path.as_uri()}
    # Planted: a picture and a script from elsewhere. The page's own policy stops both.
    page.driver.execute_async_script(
        "const done = arguments[0]; let blocked = 0;"
        "document.addEventListener('securitypolicyviolation', () => { blocked += 1; if (blocked === 2) done(); });"
        "document.body.append(Object.assign(new Image(), {src: 'http://localhost:9/x.png'}));"
        "document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.hurt = 1'}));"
    )
    assert page.run("window.hurt") is None


def requests(page) -> list[str]:
    """Addresses that the browser asked for, by its own network log."""
    messages = [
        json.loads(entry["message"])["message"] for entry in page.driver.get_log("performance")
    ]
    sent = [
        m["params"]["request"]["url"]
        for m in messages
        if m["method"] == "Network.requestWillBeSent"
    ]
    return [url for url in sent if not url.startswith(("data:", "chrome:"))]
