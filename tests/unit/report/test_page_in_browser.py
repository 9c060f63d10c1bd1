"""The page as a person uses it, in Chromium: opened from disk, without a network."""

import base64
import io
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from cgn.evaluation.mix_and_match import composites
from tests.unit.report.project import made_up_worlds

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")

SCROLLING = """() => [...document.querySelectorAll("*")].filter((element) =>
  element.checkVisibility() && element.scrollWidth > element.clientWidth + 1 &&
  ["auto", "scroll"].includes(getComputedStyle(element).overflowX)).length"""
OVERLAPPING = """() => {
  const titles = [...document.querySelectorAll("h1, h2, h3, h4, summary, th, label")].filter((one) =>
    !one.closest("nav") && one.checkVisibility());
  const boxes = titles.map((one) => [one.textContent, one.closest(".scroll"), one.getBoundingClientRect()]);
  const found = [];
  boxes.forEach(([text, table, a], i) => boxes.slice(i + 1).forEach(([other, of, b]) => {
    if (table === of && !table && a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 &&
        b.top < a.bottom - 1) found.push([text, other]);
  }));
  return found; }"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture
def opened(browser: Browser, reports: Path) -> Iterator[Any]:
    """Opens the page; at the end nothing may have been requested, and nothing written to the console."""
    loaded: list[str] = []
    said: list[str] = []

    def open_page(width: int = 1440, scheme: Any = "light") -> Page:
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        page.on("request", lambda request: loaded.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto((reports / "index.html").as_uri())
        page.wait_for_function("document.getElementById('mix-summary').textContent")
        return page

    yield open_page
    outside = [url for url in loaded if not url.startswith("data:")]
    assert set(outside) == {(reports / "index.html").as_uri()}
    assert said == []


def pixels(page: Page, canvas: str) -> Any:
    png = page.eval_on_selector(canvas, "one => one.toDataURL()").partition(",")[2]
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB"))


def test_the_choices_change_picture_layers_and_verdicts(opened: Any) -> None:
    page, wildlife = opened(), made_up_worlds()[2]
    assert page.locator("#mix-world option:checked").text_content() == "Wildlife MNIST"
    for shape, foreground, background, noise in ((3, 7, 1, 0), (3, 7, 4, 0), (5, 0, 9, 2)):
        page.select_option("#mix-shape", label=str(shape))
        page.select_option("#mix-foreground", label=str(foreground))
        page.select_option("#mix-background", label=str(background))
        page.fill("#mix-noise", str(noise))
        layers = [
            wildlife.layers[name][label, noise]
            for name, label in (("shape", shape), ("foreground", foreground), ("background", background))
        ]
        np.testing.assert_array_equal(pixels(page, "#mix-composite"), composites(*layers))
        for name, layer in zip(("shape", "foreground", "background"), layers, strict=True):
            np.testing.assert_array_equal(pixels(page, f"#layer-{name}"), np.broadcast_to(layer, (32, 32, 3)))
        rows = page.locator("#mix-verdicts tbody tr").all_inner_texts()
        assert len(rows) == 11
        assert rows[0].split("\t")[:2] == ["Original", str(background)]
        assert rows[-1].split("\t") == ["Oracle", str(shape), "✓ shape"]
        expected = wildlife.answers["cgn"][noise, shape, foreground, background]
        assert rows[7].split("\t")[:2] == ["Original + CGN", str(expected)]


def test_an_intervention_is_on_the_graph(opened: Any) -> None:
    page = opened()
    card = page.locator(".model:visible")
    page.click("#mix-reset")
    assert [page.locator(f"#mix-{name}").input_value() for name in ("foreground", "background")] == ["3", "3"]
    assert "do(" not in (card.text_content() or "")
    page.select_option("#mix-foreground", label="7")
    assert card.locator(".done").all_text_contents() == ["do(Y2 := 7)"]
    assert "F := f_text,1(Y2 = 7, U2)" in (card.text_content() or "")
    assert "do(Y2 := 7)" in (card.locator("svg").get_attribute("aria-label") or "")
    page.select_option("#mix-world", label="ImageNet branch: emoji")
    page.wait_for_function("document.querySelectorAll('#mix-shape option').length === 3")
    assert card.locator("h4").text_content() == "ImageNet"
    page.select_option("#mix-background", label="wheeled vehicle")
    assert "do(Y3 := vehicle)" in card.locator(".done").all_text_contents()


def test_shuffle_draws_another_picture(opened: Any) -> None:
    page = opened()
    pictures = []
    for _ in range(5):
        pictures.append(pixels(page, "#mix-composite").tobytes())
        page.click("#mix-shuffle")
    assert len(set(pictures)) > 1
    assert len(page.locator(".model:visible .done").all_text_contents()) == 3


def test_tables_sort_by_a_click_or_the_keyboard(opened: Any) -> None:
    page = opened()
    table = page.get_by_role("region", name="Table 2 of this run")

    def tests_on_colored() -> list[float]:
        return [float(row.split("\t")[2].split()[0]) for row in table.locator("tbody tr").all_inner_texts()]

    before = tests_on_colored()
    head = table.get_by_role("button", name="test").first
    head.click()
    assert tests_on_colored() == sorted(before, reverse=True) != before
    head.press("Enter")
    assert tests_on_colored() == sorted(before)
    assert table.locator("[aria-sort=ascending]").count() == 1


def test_what_a_method_is_shows_while_one_points_at_it_and_after_a_tap(opened: Any) -> None:
    page = opened()
    about = page.locator("#about-cgn")
    assert not about.is_visible()
    name = page.locator("[popovertarget=about-cgn]").first
    name.hover()
    assert about.is_visible()
    assert "the paper's method" in (about.text_content() or "")
    page.mouse.move(0, 0)
    assert not about.is_visible()
    name.focus()
    page.keyboard.press("Enter")
    assert about.is_visible()


def test_charts_tell_their_values_and_hide_curves(opened: Any) -> None:
    page = opened()
    chart = page.locator("#training-charts .chart").first
    assert chart.locator("polyline").count() == 11
    chart.locator("svg").first.hover()
    assert "Original + CGN 92" in (chart.locator(".readout").text_content() or "")
    chart.get_by_role("button", name="LNTL").click()
    assert chart.locator("polyline").count() == 10
    before = page.locator("#confusion-1").inner_text()
    page.select_option("#training-of", "colored_mnist")
    assert page.locator("#confusion-1").inner_text() != before


def test_on_a_phone_little_scrolls_sideways_and_nothing_overlaps(opened: Any) -> None:
    page = opened(390)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.evaluate(SCROLLING) <= 8
    assert page.evaluate(OVERLAPPING) == []
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    assert page.get_by_role("link", name="Results").is_visible()
    assert page.locator("nav").bounding_box()["y"] == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_axe_finds_nothing(opened: Any, scheme: str, width: int) -> None:
    page = opened(width, scheme)
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()
