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
"""The page in a browser: a whole reading by keyboard, by touch, without storage, and what it never does."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from monai_dcgan.evaluation.readers import load_answers, render_page, score_readers


class Reading:
    """A page of a study that is open in a browser, and all that it asked for or complained of."""

    def __init__(self, browser: Any, path: Path, width: int = 1280, **options: Any) -> None:
        self.context = browser.new_context(viewport={"width": width, "height": 800}, **options)
        self.context.set_default_timeout(10_000)
        self.page = self.context.new_page()
        self.requests: list[str] = []
        self.errors: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda message: message.type == "error" and self.errors.append(message.text))
        self.url = path.as_uri()
        self.page.goto(self.url)

    def text(self, selector: str) -> str:
        """Return what stands in an element."""
        return self.page.inner_text(selector)

    def chosen(self) -> dict[str, str]:
        """Return the options that are chosen."""
        script = (
            "Object.fromEntries([...document.querySelectorAll('input:checked[type=radio]')].map(i=>[i.name,i.value]))"
        )
        return self.page.evaluate(script)

    def keys(self, *keys: str) -> None:
        """Press keys one after the other."""
        for key in keys:
            self.page.keyboard.press(key)

    def saved(self, path: Path) -> Path:
        """Save the answers to a file."""
        with self.page.expect_download() as download:
            self.page.click("#export")
        download.value.save_as(path)
        return path

    def clean(self) -> bool:
        """Return whether the page was the only thing asked for, and nothing went wrong."""
        outside = [url for url in self.requests if url != self.url and not url.startswith(("data:", "blob:"))]
        return not outside and not self.errors


@pytest.fixture
def study_file(small_study, tmp_path):
    study = small_study(10, masks=2, channels=2)
    path = tmp_path / "study.html"
    path.write_text(render_page(study), encoding="utf-8")
    return study, path


def test_whole_reading_by_keyboard(browser, study_file, tmp_path):
    study, path = study_file
    reading = Reading(browser, path)
    count = len(study.page["items"])
    assert reading.text("#progress") == f"Slice 1 of {count}, 0 answered"
    reading.page.fill("#reader", "R. S.")
    reading.page.keyboard.press("Tab")
    expected = {}
    for number, item in enumerate(study.key["items"]):
        verdict = "synthetic" if item["truth"] == "synthetic" else "real"
        confidence, realism, quality = str(number % 5 + 1), str((number + 1) % 5 + 1), str((number + 2) % 5 + 1)
        reading.keys(verdict[0], "c", confidence, realism, "d", quality)
        expected[item["id"]] = {
            "verdict": verdict,
            "confidence": int(confidence),
            "realism": int(realism),
            "quality": int(quality),
        }
        shown = {name: str(value) for name, value in expected[item["id"]].items()}
        assert reading.chosen() == shown
        if number == count // 2:
            reading.page.reload()
            assert reading.text("#progress") == f"Slice {number + 1} of {count}, {number + 1} answered"
            assert reading.chosen() == shown
            assert reading.page.input_value("#reader") == "R. S."
        reading.keys("ArrowRight" if number % 2 else "n")
    assert "save your answers" in reading.text("#status")
    answers = load_answers(reading.saved(tmp_path / "answers.json"), study.key)
    assert answers["reader"] == "R. S."
    for identity, given in expected.items():
        assert {name: answers["answers"][identity][name] for name in given} == given
    assert score_readers(study.key, [answers], num_samples=50)["readers"]["R. S."]["accuracy"]["value"] == 1
    assert reading.clean(), (reading.requests, reading.errors)


def test_the_picture_is_that_of_the_item(browser, study_file, small_study):
    """What is drawn are the very pixels, with the window and level that the keys set."""
    _study, path = study_file
    reading = Reading(browser, path)
    script = (
        "[...document.getElementById('picture').getContext('2d').getImageData(0,0,32,32).data].filter((_,i)=>i%4==0)"
    )
    pixels = "[...decode(currentItem().pixels)]"
    first = reading.page.evaluate(script)
    bytes_of = reading.page.evaluate(pixels)
    assert max(abs(a - b) for a, b in zip(first, bytes_of[:1024])) <= 1
    reading.keys("h")
    assert max(abs(a - b) for a, b in zip(reading.page.evaluate(script), bytes_of[1024:])) <= 1
    reading.keys("h", "Shift+W", "Shift+W")
    assert reading.page.evaluate(script) != first
    reading.keys("0")
    assert reading.page.evaluate(script) == first
    box = reading.page.locator("#picture").bounding_box()
    reading.page.mouse.move(box["x"] + 50, box["y"] + 50)
    reading.page.mouse.down()
    reading.page.mouse.move(box["x"] - 50, box["y"] + 90)
    reading.page.mouse.up()
    assert reading.page.input_value("#window") == "156"
    assert reading.page.input_value("#level") == "148"
    assert reading.page.text_content("#zoom") == "100%"
    reading.keys("+", "+")
    assert reading.page.text_content("#zoom") == "200%"
    scrolled = reading.page.evaluate(
        "[stage.scrollLeft * 4 / stage.scrollWidth, stage.scrollTop * 4 / stage.scrollHeight]"
    )
    assert scrolled == pytest.approx([1, 1], abs=0.02), "the middle stays in the middle"
    assert reading.page.locator("#picture").bounding_box()["width"] == pytest.approx(2 * box["width"], rel=0.05)
    assert reading.clean()


def test_the_outline_runs_inside_the_mask(browser, study_file):
    _study, path = study_file
    reading = Reading(browser, path)
    script = "[...document.getElementById('outline').getContext('2d').getImageData(%d,%d,1,1).data]"
    edge, middle, outside = (6 * 32 + 2, 8 * 32), (13 * 32, 8 * 32), (5 * 32, 8 * 32)
    assert reading.page.evaluate(script % edge)[3] == 0
    reading.keys("m")
    assert reading.page.get_attribute("#mask", "aria-pressed") == "true"
    assert reading.page.evaluate(script % edge)[3] == 255
    assert reading.page.evaluate(script % middle)[3] == 0
    assert reading.page.evaluate(script % outside)[3] == 0
    shown = reading.page.evaluate("Object.values(state.answers).map(answer => answer.mask_shown)")
    assert shown == [True]


def test_storage_that_is_off_is_said(browser, study_file):
    _, path = study_file
    reading = Reading(browser, path)
    assert not reading.page.is_visible("#notice")
    reading.context.add_init_script("Object.defineProperty(window, 'localStorage', {get() { throw new Error('off') }})")
    reading.page.reload()
    assert "keeps no progress" in reading.text("#notice")
    reading.keys("r", "4")
    assert reading.chosen() == {"verdict": "real", "realism": "4"}


def test_answers_load_again_and_those_of_another_study_do_not(browser, study_file, small_study, tmp_path):
    _study, path = study_file
    reading = Reading(browser, path)
    reading.page.click("#export")
    assert "give your name" in reading.text("#status")
    reading.page.fill("#reader", "A <b>")
    reading.page.fill("#comment", "left | right")
    reading.page.click("#unanswered")
    reading.page.click(".choices label >> nth=1")
    saved = reading.saved(tmp_path / "answers.json")
    again = Reading(browser, path)
    assert again.text("#progress").endswith("0 answered")
    again.page.set_input_files("#file", saved)
    again.page.locator("#status", has_text="Loaded").wait_for()
    assert again.page.input_value("#reader") == "A <b>"
    assert again.page.input_value("#comment") == "left | right"
    for content, text in (
        ({**json.loads(saved.read_text()), "study": "0" * 16}, "another study"),
        ({"format": "x"}, "no file of answers"),
        ("{", "no JSON"),
    ):
        (tmp_path / "other.json").write_text(content if isinstance(content, str) else json.dumps(content))
        again.page.set_input_files("#file", tmp_path / "other.json")
        again.page.locator("#status", has_text="Not loaded").wait_for()
        assert text in again.text("#status")
        again.page.evaluate("say('')")


def test_keys_do_not_act_while_writing_and_can_be_off(browser, study_file):
    _, path = study_file
    reading = Reading(browser, path)
    reading.page.focus("#comment")
    reading.page.keyboard.type("rsn5 noise")
    assert reading.chosen() == {}
    assert reading.text("#progress").startswith("Slice 1 ")
    reading.page.uncheck("#shortcuts")
    reading.keys("r", "n")
    assert reading.chosen() == {}
    reading.page.check("#shortcuts")
    reading.page.click(".choices label >> nth=0")
    reading.keys("ArrowRight", "ArrowLeft")
    assert reading.chosen() == {"verdict": "real"}, "arrows after a click go to another slice"


@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_is_cut_off_and_everything_has_a_name(width, browser, study_file):
    _, path = study_file
    reading = Reading(browser, path, width=width, has_touch=width < 500)
    assert reading.page.evaluate("document.documentElement.scrollWidth") <= width
    names = reading.page.evaluate(
        "[...document.querySelectorAll('button, input, textarea, canvas')].filter(e => !e.closest('[aria-hidden]')"
        " && !e.labels?.length && !e.getAttribute('aria-label') && !e.textContent.trim()).map(e => e.id)"
    )
    assert names == []
    small = reading.page.evaluate(
        "[...document.querySelectorAll('button, .choices label')].filter(e => e.checkVisibility())"
        ".map(e => e.getBoundingClientRect()).filter(r => r.height < 44 || r.width < 44).length"
    )
    assert small == 0
    if width < 500:
        reading.page.tap(".choices label >> nth=1")
        assert reading.chosen() == {"verdict": "synthetic"}
    assert reading.page.evaluate("document.getElementById('help').open")
    reading.keys("n", "p")
    assert not reading.page.evaluate("document.getElementById('help').open")
    assert reading.page.evaluate("document.documentElement.scrollWidth") <= width


def test_colors_have_contrast():
    """WCAG 2.2, 1.4.3: text against its ground at least 4.5 to 1; edges (1.4.11) at least 3 to 1."""
    style = (Path(__file__).parents[3] / "monai_dcgan/evaluation/readers/page.css").read_text()
    colors = dict(re.findall(r"--([a-z-]+): #([0-9a-f]{6});", style))

    def luminance(name: str) -> float:
        values = [int(colors[name][place : place + 2], 16) / 255 for place in (0, 2, 4)]
        linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    pairs = [("text", "ground"), ("text", "raised"), ("quiet", "ground"), ("warning", "ground"), ("accent", "ground")]
    for first, second, least in [
        *((*pair, 4.5) for pair in [*pairs, ("accent-text", "accent")]),
        ("line", "ground", 3.0),
        ("line", "raised", 3.0),
    ]:
        bright, dark = sorted((luminance(first), luminance(second)), reverse=True)
        assert (bright + 0.05) / (dark + 0.05) >= least, (first, second)
