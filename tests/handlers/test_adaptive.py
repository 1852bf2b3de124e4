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
"""The probability of the augmentation follows the signs of the logits of reals."""

from __future__ import annotations

import json
from types import SimpleNamespace

import ignite.distributed as idist
import pytest
import torch
from ignite.engine import Events
from monai.utils.enums import AdversarialKeys

from monai_dcgan.engines import TERMS
from monai_dcgan.handlers import AdaptiveAugmentation, ResumeTraining, TrainingCheckpoint, TrainingLog
from monai_dcgan.losses import (
    DiscriminatorLoss,
    HingeAdversarialLoss,
    LeastSquaresAdversarialLoss,
    RelativisticAdversarialLoss,
    WassersteinAdversarialLoss,
)
from monai_dcgan.transforms import DifferentiableAugmentation
from tests.training import make_training, training_objects


def _augmentation(probability: float = 0.0) -> DifferentiableAugmentation:
    return DifferentiableAugmentation(1, brightness=0.25, translation=0.125, probability=probability)


def _show(handler: AdaptiveAugmentation, signs, batch: int = 10, first: int = 1, device: str = "cpu") -> list[float]:
    """Give the handler one iteration for each sign; return what it writes into the terms."""
    written = []
    for iteration, sign in enumerate(signs, start=first):
        output = {AdversarialKeys.REALS: torch.zeros(batch, 2, 4, 4), TERMS: {"d_real_sign": torch.tensor(sign)}}
        output[TERMS]["d_real_sign"] = output[TERMS]["d_real_sign"].to(device)
        handler(SimpleNamespace(state=SimpleNamespace(output=output, iteration=iteration)))
        written.append(output[TERMS]["augmentation_probability"])
    return written if device == "meta" else [value.item() for value in written]


def test_moves_by_the_images_shown():
    augmentation = _augmentation(0.5)
    handler = AdaptiveAugmentation(augmentation, target=0.6, interval=4, images=400)
    # 40 of 400 images an interval: up, down, held at the target to the bit, down.
    written = _show(handler, [0.9] * 4 + [0.5] * 4 + [0.6] * 4 + [1.0, 0.0, 0.2, 1.0])
    steps = [0.5] * 4 + [0.6] * 4 + [0.5] * 8
    assert written == pytest.approx(steps), "the terms hold the probability of their own iteration"
    assert augmentation.probability == pytest.approx(0.4)


def test_from_nothing_to_all_in_the_given_images():
    augmentation = _augmentation()
    written = _show(AdaptiveAugmentation(augmentation, images=400), [1.0] * 80)
    reached = next(number for number, value in enumerate(written) if value >= 1 - 1e-6)
    assert reached * 10 == 400
    assert max(written) == augmentation.probability == 1.0
    _show(AdaptiveAugmentation(augmentation, images=100), [-1.0] * 80)
    assert augmentation.probability == 0.0


def test_batches_count_by_their_size():
    augmentation = _augmentation(0.5)
    handler = AdaptiveAugmentation(augmentation, target=0.6, interval=2, images=1000)
    _show(handler, [1.0], batch=90)
    _show(handler, [-1.0], batch=10, first=2)
    assert augmentation.probability == pytest.approx(0.6), "(90 - 10) / 100 lies above 0.6"


def test_processes_share_what_they_measure(monkeypatch):
    augmentation = _augmentation(0.5)
    other = torch.tensor([-20.0, 20.0])
    monkeypatch.setattr(idist, "all_reduce", lambda tensor: tensor + other)
    _show(AdaptiveAugmentation(augmentation, interval=1, images=300), [1.0])
    assert augmentation.probability == pytest.approx(0.4), "down by 30 images"


def test_the_device_is_read_once_an_interval():
    handler = AdaptiveAugmentation(_augmentation(), interval=4)
    # A meta tensor has no values: reading one raises.
    _show(handler, [1.0] * 3, device="meta")
    with pytest.raises(RuntimeError, match="meta"):
        _show(handler, [1.0], first=4, device="meta")


def test_measurement_survives_in_the_middle_of_an_interval():
    signs = [0.9, 0.4, 0.7, 0.5, 0.61, 0.62, 0.3, 0.9, 0.8, 0.7, 0.9, 0.1]
    whole = _augmentation(0.5)
    expected = _show(AdaptiveAugmentation(whole, images=400), signs)
    for stop in range(1, len(signs)):
        first, second = _augmentation(0.5), _augmentation()
        before, after = (AdaptiveAugmentation(augmentation, images=400) for augmentation in (first, second))
        written = _show(before, signs[:stop])
        second.load_state_dict(first.state_dict())
        after.load_state_dict(before.state_dict())
        _show(before, [1.0], first=stop + 1)
        assert written + _show(after, signs[stop:], first=stop + 1) == expected, "the state must be a copy"
        assert second.probability == whole.probability
    with pytest.raises(ValueError, match="state must hold two measured numbers"):
        AdaptiveAugmentation(_augmentation()).load_state_dict({"sum": 1})


def test_resumed_training_goes_on_with_the_same_probabilities(tmp_path):
    def run(folder, epochs: int) -> tuple[list[float], DifferentiableAugmentation]:
        augmentation, seen = _augmentation(0.2), []
        handler = AdaptiveAugmentation(augmentation, target=0.0, interval=3, images=60)
        trainer = make_training(max_epochs=epochs, augmentation=augmentation, draws=[augmentation])
        objects = {**training_objects(trainer), "augmentation": augmentation, "adaptive_augmentation": handler}
        ResumeTraining(folder / "checkpoints", objects).attach(trainer)
        handler.attach(trainer)
        TrainingLog(folder / "metrics.jsonl", interval=2).attach(trainer)
        TrainingCheckpoint(folder / "checkpoints", objects).attach(trainer)
        trainer.add_event_handler(Events.ITERATION_COMPLETED, lambda engine: seen.append(augmentation.probability))
        trainer.run()
        return seen, augmentation

    whole, _ = run(tmp_path / "whole", 4)
    # An epoch of 4 iterations ends in the middle of an interval of 3.
    first, _ = run(tmp_path / "parts", 2)
    rest, _ = run(tmp_path / "parts", 4)
    assert first + rest == whole
    assert len(set(whole)) > 2
    lines = (tmp_path / "whole" / "metrics.jsonl").read_text().splitlines()
    shown = [json.loads(line)["augmentation_probability"] for line in lines]
    before = [0.2, *whole]
    assert shown == pytest.approx([(before[index] + before[index + 1]) / 2 for index in range(0, 16, 2)])


@pytest.mark.parametrize("loss", [LeastSquaresAdversarialLoss, RelativisticAdversarialLoss, WassersteinAdversarialLoss])
def test_losses_without_a_zero_are_refused(loss):
    augmentation = _augmentation()
    trainer = make_training(augmentation=augmentation, handlers=[AdaptiveAugmentation(augmentation)])
    trainer.d_loss = DiscriminatorLoss(loss())
    with pytest.raises(ValueError, match=f"adversarial loss must be bce or hinge .* got {loss.__name__}"):
        trainer.run()


def test_hinge_goes():
    augmentation = _augmentation()
    trainer = make_training(max_epochs=1, augmentation=augmentation, handlers=[AdaptiveAugmentation(augmentation)])
    trainer.d_loss = DiscriminatorLoss(HingeAdversarialLoss())
    trainer.run()
    assert trainer.state.iteration == 4


def test_augmentation_of_another_is_refused():
    trainer = make_training(augmentation=_augmentation(), handlers=[AdaptiveAugmentation(_augmentation())])
    with pytest.raises(ValueError, match="augmentation must be among those of the trainer, got another"):
        trainer.run()


def test_logits_that_are_no_numbers_stop_the_training():
    with pytest.raises(FloatingPointError, match="d_real_sign must stay finite, got nan at iteration 4"):
        _show(AdaptiveAugmentation(_augmentation()), [1.0, float("nan"), 1.0, 1.0])


@pytest.mark.parametrize(
    ("kwargs", "text"),
    [
        ({"target": 1.0}, "target must be a number between -1 and 1, got 1.0"),
        ({"target": True}, "target must be a number between -1 and 1, got True"),
        ({"interval": 0}, "interval must be a whole number of at least 1"),
        ({"images": 0.5}, "images must be a whole number of at least 1"),
    ],
)
def test_bad_arguments(kwargs, text):
    with pytest.raises(ValueError, match=text):
        AdaptiveAugmentation(_augmentation(), **kwargs)
    with pytest.raises(ValueError, match="augmentation must have an operation to steer"):
        AdaptiveAugmentation(DifferentiableAugmentation(1))
