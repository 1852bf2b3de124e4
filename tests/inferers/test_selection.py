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

from monai_dcgan.inferers import SliceSelection
from monai_dcgan.metrics import MaskRules

RULES = MaskRules(min_mask_area=0.05)


def masks(good):
    """Masks of 4 x 4 pixels, (N, 1, 4, 4): one pixel where ``good``, else none."""
    result = np.zeros((len(good), 1, 4, 4))
    result[:, 0, 1, 1] = good
    return result


def choose(good, number, num_classes=0, batch_size=4, rules=RULES):
    """Offer pictures in batches; return the pictures by their place, and the selection."""
    selection = SliceSelection(rules, number, num_classes)
    chosen = {}
    for start in range(0, len(good), batch_size):
        pictures = range(start, min(start + batch_size, len(good)))
        for row, place in selection.place(pictures, masks([good[picture] for picture in pictures])).items():
            assert place not in chosen
            chosen[place] = pictures[row]
    return [chosen[place] for place in sorted(chosen)], selection


def test_the_next_pictures_take_the_place_of_rejected_ones():
    chosen, selection = choose([1, 0, 1, 1, 0, 0, 1, 0, 1, 1], number=4)
    assert chosen == [0, 2, 3, 6]
    assert selection.done
    assert selection.record() == {
        "rules": {"min_mask_area": 0.05},
        "tried": 7,
        "rejected": {"min_mask_area": 3},
    }


def test_without_rules_picture_i_has_place_i():
    for num_classes in (0, 3):
        chosen, selection = choose([0] * 7, number=7, num_classes=num_classes, rules=MaskRules())
        assert chosen == list(range(7))
        assert selection.most == 7
        assert selection.done
        assert selection.record() == {"rules": {}, "tried": 7, "rejected": {}}


def test_a_rejected_picture_is_replaced_by_one_of_its_class():
    """Class 0 always passes; class 1 with pictures 7, 13 and 19; class 2 with 5, 8 and 11."""
    good = [picture % 3 == 0 or picture in (7, 13, 19, 5, 8, 11) for picture in range(30)]
    chosen, selection = choose(good, number=8, num_classes=3)
    assert chosen == [0, 7, 5, 3, 13, 8, 6, 19]
    assert [picture % 3 for picture in chosen] == [0, 1, 2, 0, 1, 2, 0, 1]
    # Pictures 1, 4, 10 and 16 of class 1, and 2 of class 2.
    assert selection.rejected == {"min_mask_area": 5}
    assert selection.tried == 8 + 5


@pytest.mark.parametrize("num_classes", [0, 2, 3])
def test_a_larger_set_begins_with_the_smaller_one_at_any_batch_size(num_classes):
    good = np.random.default_rng(0).random(400) < 0.3
    longest, _ = choose(good, 40, num_classes)
    assert len(longest) == 40
    for number in (1, 2, 7, 39):
        for batch_size in (1, 5, 64):
            chosen, selection = choose(good, number, num_classes, batch_size)
            assert chosen == longest[:number]
            assert selection.record() == choose(good, number, num_classes, 3)[1].record()


def test_gives_up_where_hardly_any_slice_passes():
    rules = MaskRules(min_mask_area=0.05, max_mask_parts=3)
    text = (
        r"rules on masks must let at least 1% of the slices pass, got 9 of 1000 with min_mask_area=0\.05 \(broken by "
        r"991\), max_mask_parts=3 \(broken by 0\); loosen the rules, or train the generator longer"
    )
    with pytest.raises(ValueError, match=text):
        choose([True] * 9 + [False] * 2000, number=50, rules=rules)
    chosen, _ = choose([True] * 9 + [False] * 990 + [True], number=10)
    assert chosen == [*range(9), 999]


@pytest.mark.parametrize("number", [3, 10])
def test_gives_up_where_the_last_picture_offered_passes(number):
    with pytest.raises(ValueError, match="got 2 of 1000"):
        choose([True] + [False] * 998 + [True], number)


def test_gives_up_where_one_class_does_not_pass():
    with pytest.raises(ValueError, match=r"got 0 of 1000 of class 1 with min_mask_area=0\.05 \(broken by 1000\)"):
        choose([True, False] * 1000, number=2, num_classes=2)


@pytest.mark.parametrize(("number", "num_classes"), [(1, 0), (9, 0), (11, 0), (25, 2), (40, 3)])
def test_pictures_are_offered_until_the_set_is_done_or_given_up(number, num_classes):
    """The worst generators that are not given up make the last slice with the last picture that is offered."""
    selection = SliceSelection(RULES, number, num_classes)
    with pytest.raises(ValueError, match="rules on masks must let"):
        choose([False] * selection.most, number, num_classes)
    turns = max(1, num_classes)
    every = [(picture // turns) % 100 == 0 for picture in range(selection.most)]
    assert choose(every, number, num_classes)[1].done


def test_bad_arguments():
    with pytest.raises(ValueError, match="num_slices must be a whole number of at least 1, got 0"):
        SliceSelection(RULES, 0)
    with pytest.raises(ValueError, match="num_classes must be a whole number of at least 0, got -1"):
        SliceSelection(RULES, 1, -1)
