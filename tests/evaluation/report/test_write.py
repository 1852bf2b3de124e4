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
"""Tests of the table and of the files of a report."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from monai_dcgan.evaluation import LabeledSlices, RandomConvExtractor, evaluate
from monai_dcgan.evaluation.report import add_readers, table, write_report
from monai_dcgan.utils.pictures import save_png

HOSTILE = "\"><script>alert(1)</script><img src=x onerror='alert(2)'> | `b` [c](javascript:alert(3))"


class Tags(HTMLParser):
    """Collects the elements of a page; none may stay open."""

    EMPTY = ("meta", "link", "img")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        """Keep an element."""
        self.found.append((tag, dict(attrs)))
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        """Keep an element without content."""
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        """Close an element."""
        assert self.open.pop() == tag

    def handle_data(self, data):
        """Keep the text."""
        if "style" not in self.open:
            self.text.append(data)


def written(folder):
    names = ("report.html", "report.md", "metrics.json")
    return tuple((folder / name).read_text(encoding="utf-8") for name in names)


def test_table(metrics):
    text = table(metrics)
    lines = text.splitlines()
    assert text.isascii()
    for word in ("metric", "synthetic vs held-out", "interval", "at equal N", "real vs real", "ratio", "N", "better"):
        assert word in lines[0]
    (row,) = [line for line in lines if line.startswith("Frechet distance (random-conv-seed0)")]
    for word in ("14.2", "95%: 12.8 to 16.3", "15.9 +/- 1.3", "8.1 +/- 0.65", "1.96", "600 vs 300; 150 vs 150"):
        assert word in row
    assert row.endswith("lower")
    assert lines[-1] == metrics["verdict"]["text"]
    assert "too little data: Recall (random-conv-seed0): 300 held-out slices are few for 2048 features" in lines
    for entry in metrics["metrics"].values():
        entry["interval"] = None
    assert "interval" not in table(metrics).splitlines()[0]


def test_table_says_what_is_missing_and_what_is_few(metrics):
    assert "no number: Mask number of parts, Wasserstein: not defined for every half" in table(metrics)
    assert "are few: 'real vs real'" not in table(metrics)
    metrics["counts"]["heldout_patients"] = 4
    assert "4 held-out patients are few: 'real vs real'" in table(metrics)


def test_numbers_of_a_real_evaluation(tmp_path, make_slices):
    made = make_slices(2, 5, seed=1)
    found = evaluate(LabeledSlices(made.images, made.masks * 0), make_slices(2, 5), RandomConvExtractor(), num_splits=2)
    write_report(found, tmp_path)
    page, markdown, numbers = written(tmp_path)
    assert json.loads(numbers) == {**json.loads(json.dumps(found)), "pictures": {}}
    for entry in found["metrics"].values():
        assert entry["title"] in "".join(Tags(page).text)
    assert "nan" not in re.sub(r"[a-z]*nan[a-z]+|[a-z]+nan[a-z]*", "", markdown.lower())
    assert "| synthetic | 0 | 10 | 100% |" in markdown


def test_every_part_is_in_every_file(tmp_path, metrics, scores, draw):
    pictures = draw(tmp_path / "pictures")
    path = write_report({**metrics, "readers": scores}, tmp_path / "out", pictures)
    assert path == tmp_path / "out" / "report.html"
    page, markdown, numbers = written(tmp_path / "out")
    kept = json.loads(numbers)
    assert kept["pictures"] == {title: f"../pictures/{file.name}" for title, file in pictures.items()}
    assert kept["metrics"] == metrics["metrics"]
    tags = Tags(page)
    text = "".join(tags.text)
    sections = ["Verdict", "Numbers", "Pictures", "Training", "Privacy", "Classes", "Subgroups", "Masks", "Readers"]
    places = [markdown.index(f"\n## {name}\n") for name in [*sections, "Conditions"]]
    assert places == sorted(places)
    for word in (*sections, "95%: 12.8 to 16.3", "too little data: 300 held-out slices are few", "ab" * 32, "3 T"):
        assert word in text and word in markdown, word
    copied = metrics["privacy"]["memorization"]["pairs"][0]
    assert copied["synthetic"] == 0 and copied["training"] == 7
    assert f"synthetic {copied['synthetic']}" in text and "left-right" in text
    images = [attributes for tag, attributes in tags.found if tag == "img"]
    assert len(images) == 4
    for image in images:
        assert image["src"].startswith("data:image/png;base64,")
        assert len(image["alt"]) > 60 and int(image["width"]) > 200
    assert "each left of the training slice it lies nearest to" in "".join(image["alt"] for image in images)
    # Loss curves stand with the training, pairs with privacy.
    assert page.index('id="training"') < page.index("Curves against") < page.index('id="privacy"')
    assert page.index('id="privacy"') < page.index("each left of the training slice") < page.index('id="classes"')
    assert str(tmp_path) not in page + markdown + numbers


def test_page_asks_nothing_of_anybody(tmp_path, metrics, draw):
    page = write_report(metrics, tmp_path, draw(tmp_path)).read_text()
    tags = Tags(page)
    assert not {tag for tag, _ in tags.found} & {"script", "iframe", "object", "form", "base"}
    for tag, attributes in tags.found:
        assert not [name for name in attributes if name.startswith("on") or name == "style"], tag
        for name in ("src", "href"):
            assert attributes.get(name, "#").startswith(("#", "data:")), (tag, attributes[name])
    assert "http" not in re.sub(r"http-equiv", "", re.sub(r'src="data:[^"]*"', "", page))
    (policy,) = [a["content"] for tag, a in tags.found if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-") and "unsafe" not in policy


def test_hostile_names_stay_text(tmp_path, metrics, scores):
    metrics["classes"] = {HOSTILE: metrics["classes"]["glioma"]}
    metrics["subgroups"] = {HOSTILE: {HOSTILE: metrics["subgroups"]["heldout"]["scanner"]}}
    metrics["heldout_split"] = HOSTILE
    metrics["verdict"]["points"][0] = {"topic": HOSTILE, "level": HOSTILE, "text": HOSTILE}
    metrics["metrics"]["recall"] |= {"title": HOSTILE, "group": HOSTILE, "note": HOSTILE, "better": HOSTILE}
    metrics["metrics"]["recall"]["conditions"] = {HOSTILE: HOSTILE}
    metrics["masks"] = {HOSTILE: metrics["masks"]["real"]}
    save_png(np.zeros((8, 8), dtype=np.uint8), tmp_path / "a.png")
    write_report({**metrics, "readers": scores}, tmp_path, {HOSTILE: tmp_path / "a.png"}, title=HOSTILE)
    page, markdown, _ = written(tmp_path)
    tags = Tags(page)
    assert not {tag for tag, _ in tags.found} & {"script", "b", "i"}
    assert [attributes["src"][:10] for tag, attributes in tags.found if tag == "img"] == ["data:image"]
    assert "".join(tags.text).count(HOSTILE) >= 12
    assert "<script>alert(1)</script> | `b`" in "".join(tags.text), "the name of a reader"
    assert not re.search(r"(?<!\\)<(script|img|b|i)", markdown)
    assert "[c](javascript" not in markdown
    assert not re.search(r"onerror|onload", " ".join(str(attributes.keys()) for _, attributes in tags.found))


def test_half_a_character_does_not_break_the_page():
    from monai_dcgan.evaluation.report.markup import escape

    assert escape("a\ud800b") == "a?b"


def test_patients_are_not_named(tmp_path, metrics, draw):
    write_report(metrics, tmp_path / "plain", draw(tmp_path))
    for text in written(tmp_path / "plain"):
        assert "SECRET" not in text
    pairs = json.loads((tmp_path / "plain" / "metrics.json").read_text())["privacy"]["memorization"]["pairs"]
    original = metrics["privacy"]["memorization"]["pairs"]
    assert pairs[0]["patient"] == "P1"
    for one, other in zip(pairs, original, strict=True):
        assert {**one, "patient": None} == {**other, "patient": None}
        same = [pair["patient"] for pair, own in zip(pairs, original) if own["patient"] == other["patient"]]
        assert set(same) == {one["patient"]}
    assert ">P1<" in written(tmp_path / "plain")[0]
    write_report(metrics, tmp_path / "named", show_patients=True)
    page, _, numbers = written(tmp_path / "named")
    assert ">P1<" in page and original[0]["patient"] in numbers


def test_privacy_that_was_not_tested(tmp_path, metrics):
    write_report({**metrics, "privacy": None, "privacy_reason": "the training slices were not given"}, tmp_path)
    assert "Not tested: the training slices were not given." in "".join(Tags(written(tmp_path)[0]).text)
    metrics["privacy"] |= {"control": None, "membership_control": None}
    write_report({**metrics, "privacy_reason": "no control: one patient"}, tmp_path)
    text = "".join(Tags(written(tmp_path)[0]).text)
    assert "No control: one patient." in text and "Would copies have been found?" not in text
    del metrics["privacy"], metrics["privacy_reason"]
    write_report(metrics, tmp_path)
    assert "Privacy" not in "".join(Tags(written(tmp_path)[0]).text)


def test_readers_are_added_to_a_report(tmp_path, metrics, scores, draw):
    write_report(metrics, tmp_path / "out", draw(tmp_path), title="A title")
    before = json.loads(written(tmp_path / "out")[2])
    assert "Readers" not in "".join(Tags(written(tmp_path / "out")[0]).text)
    assert add_readers(tmp_path / "out", scores) == tmp_path / "out" / "report.html"
    page, markdown, numbers = written(tmp_path / "out")
    assert json.loads(numbers) == {**before, "readers": json.loads(json.dumps(scores))}
    assert "Reader A" in page and "\n## Readers\n" in markdown
    assert markdown.startswith("# A title\n") and page.count("<img") == 4
    add_readers(tmp_path / "out", scores)
    assert written(tmp_path / "out") == (page, markdown, numbers)
    for file in tmp_path.glob("*.png"):
        file.unlink()
    with pytest.raises(FileNotFoundError, match="no such picture"):
        add_readers(tmp_path / "out", scores)
    assert written(tmp_path / "out") == (page, markdown, numbers), "a failure leaves the report as it was"


def test_files_that_are_no_report(tmp_path, metrics, scores):
    with pytest.raises(FileNotFoundError, match=r"no such file: .*metrics\.json"):
        add_readers(tmp_path, scores)
    (tmp_path / "metrics.json").write_text('{"a": 1}')
    with pytest.raises(ValueError, match=r"metrics\.json must be what evaluate\(\) returned, got no counts"):
        add_readers(tmp_path, scores)
    with pytest.raises(ValueError, match="metrics must have a format up to 2, got 3; read it with the version"):
        write_report({**metrics, "format": 3}, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_pictures_that_are_none(tmp_path, metrics):
    with pytest.raises(FileNotFoundError, match=r"no such picture: .*a\.png; draw it before the report is written"):
        write_report(metrics, tmp_path / "out", {"A": tmp_path / "a.png"})
    # A file that metrics.json names must not get into a page unless it is a picture.
    (tmp_path / "a.png").write_text("password = secret")
    with pytest.raises(ValueError, match=r"pictures must be PNG or JPEG files, got .*a\.png; save it as PNG"):
        write_report(metrics, tmp_path / "out", {"A": tmp_path / "a.png"})
    assert not (tmp_path / "out").exists()


def test_picture_in_a_folder_with_spaces(tmp_path, metrics):
    save_png(np.zeros((8, 8), dtype=np.uint8), tmp_path / "my pictures" / "a b.png")
    write_report(metrics, tmp_path, {"Samples": tmp_path / "my pictures" / "a b.png"})
    assert "![Samples](<my pictures/a b.png>)" in written(tmp_path)[1]


def test_few_patients_and_the_name_fid(tmp_path, metrics):
    write_report(metrics, tmp_path)
    assert "none here is, so do not set these values beside published ones" in written(tmp_path)[1]
    metrics["metrics"]["frechet_distance"]["title"] = "FID"
    write_report(metrics, tmp_path)
    assert "none here is" not in written(tmp_path)[1]


def test_markdown_tables_are_whole(tmp_path, metrics, scores):
    write_report({**metrics, "readers": scores}, tmp_path)
    lines = written(tmp_path)[1].splitlines()
    width = None
    for line in lines:
        bars = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else None
        assert bars is None or width is None or bars == width, line
        width = bars


def test_no_heading_of_markdown_stands_above_nothing(tmp_path, metrics, scores):
    """Charts are left out of it, and so are sections that hold nothing else."""
    write_report({**metrics, "readers": scores}, tmp_path)
    lines = [line for line in written(tmp_path)[1].splitlines() if line]
    levels = [len(re.match("#*", line)[0]) for line in lines]
    for place, (level, following) in enumerate(zip(levels, [*levels[1:], 1])):
        assert not level or not following or following > level, lines[place]


def test_colors_have_contrast():
    """WCAG 2.2, 1.4.3: text against its ground at least 4.5 to 1, in the light and the dark theme."""
    style = (Path(__file__).parents[3] / "monai_dcgan/evaluation/report/page.css").read_text()
    themes = [
        dict(re.findall(r"--([a-z]+): #([0-9a-f]{6});", part)) for part in re.findall(r":root \{(.*?)\}", style, re.S)
    ]
    assert len(themes) == 3

    def luminance(color: str) -> float:
        values = [int(color[place : place + 2], 16) / 255 for place in (0, 2, 4)]
        linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for theme in themes:
        for name in ("text", "quiet", "accent", "good", "fair", "bad", "unknown"):
            for ground in ("ground", "raised"):
                bright, dark = sorted((luminance(theme[name]), luminance(theme[ground])), reverse=True)
                assert (bright + 0.05) / (dark + 0.05) >= 4.5, (name, ground)
