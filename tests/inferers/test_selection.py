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
"""Tests of the choice of slices."""

from __future__ import annotations

import numpy as np
import pytest

from monai_dcgan.inferers import OfferSampler, SliceSelection, parse_shard, shard_places
from monai_dcgan.metrics import MaskRules

RULES = MaskRules(min_mask_area=0.05)
STRIDE = 2**32


def masks(good):
    """Masks of 4 x 4 pixels, (N, 1, 4, 4): one pixel where ``good``, else none."""
    result = np.zeros((len(good), 1, 4, 4))
    result[:, 0, 1, 1] = good
    return result


def tenth(picture):
    """Whether a picture passes: three of ten do, at random but always the same."""
    return bool(np.random.default_rng(picture).random() < 0.3)


def choose(good, number, num_classes=0, batch_size=4, rules=RULES, shard=None, made=()):
    """Offer pictures until the selection is done; return the picture of each place, and the batches."""
    selection = SliceSelection(rules, number, num_classes, shard)
    selection.restore(made)
    chosen, batches, rejected = {}, [], {}
    for pictures in selection.offers(batch_size):
        batches.append(pictures)
        for row, place in selection.place(pictures, masks([good(picture) for picture in pictures])).items():
            assert place not in chosen
            chosen[place] = pictures[row]
            rejected[place] = selection.rejected(place)
    assert selection.done
    return chosen, batches, rejected


def test_a_rejected_picture_is_replaced_by_the_next_candidate_of_its_place():
    bad = {1, 1 + STRIDE, 3}
    chosen, batches, rejected = choose(lambda picture: picture not in bad, number=6)
    assert chosen == {0: 0, 1: 1 + 2 * STRIDE, 2: 2, 3: 3 + STRIDE, 4: 4, 5: 5}
    assert batches == [[0, 1, 2, 3], [1 + STRIDE, 3 + STRIDE], [1 + 2 * STRIDE], [4, 5]]
    assert rejected == {0: {}, 1: {"min_mask_area": 2}, 2: {}, 3: {"min_mask_area": 1}, 4: {}, 5: {}}


@pytest.mark.parametrize("num_classes", [0, 3])
def test_without_rules_picture_i_has_place_i(num_classes):
    chosen, batches, _ = choose(lambda _: False, 7, num_classes, rules=MaskRules())
    assert chosen == {place: place for place in range(7)}
    assert batches == [[0, 1, 2, 3], [4, 5, 6]]


@pytest.mark.parametrize("num_classes", [0, 2, 3])
@pytest.mark.parametrize("batch_size", [1, 4, 64])
def test_a_place_has_one_picture_whatever_else_is_made(num_classes, batch_size):
    whole, batches, _ = choose(tenth, 41, num_classes)
    turns = max(1, num_classes)
    assert all(picture % turns == place % turns for place, picture in whole.items()), "classes take turns"
    assert sum(picture != place for place, picture in whole.items()) > 20
    assert choose(tenth, 41, num_classes, batch_size)[0] == whole
    shorter = choose(tenth, 7, num_classes, batch_size)[0]
    assert shorter == {place: whole[place] for place in range(7)}
    rest = choose(tenth, 41, num_classes, batch_size, made=range(0, 41, 2))[0]
    assert rest == {place: whole[place] for place in range(1, 41, 2)}
    assert max(map(max, batches)) < SliceSelection(RULES, 41, num_classes).most


@pytest.mark.parametrize("count", [1, 2, 3, 16, 41])
@pytest.mark.parametrize("batch_size", [1, 4, 64])
def test_shards_make_the_set_and_nothing_twice(count, batch_size):
    whole, batches, _ = choose(tenth, 41, 2, batch_size)
    union = {}
    for own in range(1, count + 1):
        chosen, offered, _ = choose(tenth, 41, 2, batch_size, shard=f"{own}/{count}")
        assert not union.keys() & chosen.keys()
        assert all(batch in batches for batch in offered), "a network sees the batches that it sees without shards"
        union |= chosen
    assert union == whole


@pytest.mark.parametrize(
    ("number", "shard", "expected"),
    [
        [10, None, range(0, 10)],
        [10, "1/3", range(0, 3)],
        [10, "2/3", range(3, 6)],
        [10, "3/3", range(6, 10)],
        [1_000_000, "3/16", range(125_000, 187_500)],
    ],
)
def test_places_of_a_shard(number, shard, expected):
    assert shard_places(number, shard) == expected


@pytest.mark.parametrize("text", ["0/3", "4/3", "3", "1/0", "-1/3", "a/b", "1/3/5", "", None, "1.0/2"])
def test_a_shard_is_i_of_n(text):
    with pytest.raises(ValueError, match="shard must be I/N with I from 1 to N, such as 3/16, got"):
        parse_shard(text)


def test_gives_up_where_hardly_any_slice_passes():
    rules = MaskRules(min_mask_area=0.05, max_mask_parts=3)
    text = (
        r"rules on masks must let at least 1% of the slices pass, got 9 of 1000 with min_mask_area=0\.05 \(broken by "
        r"991\), max_mask_parts=3 \(broken by 0\); loosen the rules, or train the generator longer"
    )
    with pytest.raises(ValueError, match=text):
        choose(lambda picture: picture < 9, number=50, batch_size=50, rules=rules)
    # Ten of a thousand are enough.
    chosen, _, _ = choose(
        lambda picture: picture < 9 or picture == 9 + 900 * STRIDE, number=10, batch_size=10, rules=rules
    )
    assert chosen[9] == 9 + 900 * STRIDE


def test_gives_up_where_one_class_does_not_pass():
    with pytest.raises(ValueError, match=r"got 0 of 1000 of class 1 with min_mask_area=0\.05 \(broken by 1000\)"):
        choose(lambda picture: picture % 2 == 0, number=2, num_classes=2)


def test_record():
    selection = SliceSelection(MaskRules(min_mask_area=0.05, max_mask_parts=3), number=9, shard="1/3")
    assert selection.record({"min_mask_area": 4}) == {
        "rules": {"min_mask_area": 0.05, "max_mask_parts": 3},
        "tried": 7,
        "rejected": {"min_mask_area": 4, "max_mask_parts": 0},
    }


def test_batches_must_be_judged_one_after_the_other():
    batches = iter(OfferSampler(SliceSelection(RULES, 9), 4))
    next(batches)
    with pytest.raises(RuntimeError, match=r"must be judged by place\(\) before the next ones"):
        next(batches)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        [lambda: SliceSelection(RULES, 0), "num_slices must be a whole number of at least 1, got 0"],
        [lambda: SliceSelection(RULES, 1, -1), "num_classes must be a whole number of at least 0, got -1"],
        [
            lambda: SliceSelection(RULES, 3, 0, "1/4"),
            "shard must be one of at most as many as there are slices, 3, got",
        ],
        [lambda: OfferSampler(SliceSelection(RULES, 3), 0), "batch_size must be a whole number of at least 1, got 0"],
        [lambda: SliceSelection(RULES, 9, 0, "1/3").restore([0, 3]), r"places must be in range\(0, 3\), got 3"],
    ],
)
def test_bad_arguments(call, text):
    with pytest.raises(ValueError, match=text):
        call()
