# Copyright (c) monai_dcgan contributors
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.
"""Tests of the page in a browser; they skip where there is none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from monai_dcgan.evaluation.report import write_comparison, write_report


@pytest.fixture(scope="module")
def pages(made_metrics, scores, draw, tmp_path_factory) -> dict[str, Path]:
    """A report and a comparison with everything in them."""
    folder = tmp_path_factory.mktemp("pages")
    pictures = draw(folder / "pictures")
    full = {**made_metrics, "readers": scores}
    runs = {"a run with a long name without any space_in_it_whatsoever": full, "b": full, "c <i>": full}
    return {
        "report": write_report(full, folder / "report", pictures),
        "comparison": write_comparison(runs, folder / "comparison", {"b": pictures}),
    }


@pytest.fixture
def opened(browser, pages) -> Iterator[Any]:
    """Open a page; at the end it must have asked for nothing but itself and complained of nothing."""
    contexts, requests, errors = [], [], []

    def start(name: str, width: int = 1280, **options: Any) -> Any:
        context = browser.new_context(viewport={"width": width, "height": 800}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: requests.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: message.type in ("error", "warning") and errors.append(message.text))
        page.goto(pages[name].as_uri())
        return page

    yield start
    assert requests, "the pages themselves are asked for"
    outside = [url for url in requests if url not in {p.as_uri() for p in pages.values()} and url[:5] != "data:"]
    assert not outside and not errors
    for context in contexts:
        context.close()


@pytest.mark.parametrize("name", ["report", "comparison"])
@pytest.mark.parametrize("width", [320, 360, 768, 1280])
def test_nothing_is_cut_off(name, width, opened):
    page = opened(name, width)
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    # What is wider than the screen scrolls in a box of its own, which the keyboard reaches.
    wide = page.evaluate("[...document.querySelectorAll('.scroll')].filter(e => e.scrollWidth > e.clientWidth).length")
    if width != 768:
        assert (wide > 0) == (width < 500)
    boxes = page.locator(".scroll")
    for attribute in ("tabindex", "role", "aria-label"):
        assert boxes.count() == page.locator(f".scroll[{attribute}]").count() > 5
    inside = "[...document.querySelectorAll('p,li,summary,h1,h2,h3,h4,figcaption')].filter(e => !e.closest('.scroll')"
    outside = page.evaluate(f"{inside} && e.getBoundingClientRect().right > innerWidth).map(e => e.textContent)")
    assert outside == []


@pytest.mark.parametrize("name", ["report", "comparison"])
def test_headings_names_and_tables(name, opened):
    page = opened(name)
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].map(e => +e.tagName[1])")
    assert levels[0] == 1 and levels.count(1) == 1 and len(levels) > 8
    assert all(after <= before + 1 for before, after in zip(levels, levels[1:]))
    assert page.get_attribute("html", "lang") == "en" and page.title()
    assert page.evaluate("[...document.images].every(i => i.complete && i.naturalWidth > 100 && i.alt.length > 30)")
    assert page.locator("img").count() == 4
    assert page.locator("table").count() == page.locator("table > caption").count() > 1
    assert page.locator("th").count() == page.locator("th[scope]").count()
    cells = "[...document.querySelectorAll('tbody tr:not(.group)')].every(r => r.cells.length == "
    assert page.evaluate(f"{cells}r.closest('table').tHead.rows[0].cells.length)")
    identities = page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(set(identities)) == len(identities)
    links = page.evaluate("[...document.querySelectorAll('a')].map(e => e.getAttribute('href').slice(1))")
    assert set(links) <= set(identities) and len(links) > 4
    assert page.locator("script").count() == 0 and page.locator("b, i").count() == 0


def test_skip_link_and_the_style_are_in_force(opened):
    page = opened("report")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.locator(".skip").bounding_box()["x"] >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_dark_and_light(opened):
    grounds = [
        opened("report", color_scheme=scheme).evaluate("getComputedStyle(document.body).backgroundColor")
        for scheme in ("light", "dark")
    ]
    assert grounds == ["rgb(255, 255, 255)", "rgb(20, 23, 26)"]


def test_charts_stand_where_the_numbers_are(opened, made_metrics):
    page = opened("report", 360)
    rows = page.locator("#numbers .chart li")
    ratios = [entry["ratio"] for entry in made_metrics["metrics"].values() if entry["ratio"] is not None]
    assert rows.count() == len(ratios)
    script = (
        "[...document.querySelectorAll('#numbers .chart svg')].map(s => "
        "[s.querySelector('.dot').getBoundingClientRect().x + 5, "
        "s.querySelector('.reference').getBoundingClientRect().x])"
    )
    for (dot, one), ratio in zip(page.evaluate(script), ratios, strict=True):
        assert (dot > one) == (ratio > 1)
        assert 0 < dot < 360


def test_print(opened, tmp_path):
    page = opened("report", 700)
    page.emulate_media(media="print")
    assert page.evaluate("document.documentElement.scrollWidth") <= 700
    wide = (
        "[...document.querySelectorAll('table')].filter(t => t.getBoundingClientRect().right > innerWidth + 1).length"
    )
    assert page.evaluate(wide) == 0
    assert page.locator("nav").is_hidden()
    folded = page.locator("#conditions details li").first
    assert folded.is_visible() and folded.bounding_box()["height"] > 5, "what is folded is printed"
    page.pdf(path=tmp_path / "report.pdf", format="A4")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")
