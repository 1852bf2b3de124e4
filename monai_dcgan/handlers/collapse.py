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
"""Early signs that a training goes wrong."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import ignite.distributed as idist
import torch
from ignite.engine import Events
from monai.engines.workflow import Workflow
from monai.networks import eval_mode
from monai.utils import StrEnum
from torch import nn
from torch.nn import functional as F
from torch.utils.data import Dataset

from monai_dcgan.handlers.events import TrainingEvents, training_log_of
from monai_dcgan.handlers.real_slices import spread_slices
from monai_dcgan.inferers import LatentSampler
from monai_dcgan.transforms import split_pair
from monai_dcgan.utils.checks import check_count, check_fraction, check_positive_int

__all__ = ["Collapse", "CollapseGuard", "nearest_distance"]

logger = logging.getLogger(__name__)

POOLED_SIZE = 16
BATCH_SIZE = 16


class Collapse(StrEnum):
    """What a :class:`CollapseGuard` looks for."""

    DIVERSITY = "diversity"
    MASKS = "masks"
    DISCRIMINATOR_WINS = "discriminator_wins"
    DISCRIMINATOR_IDLE = "discriminator_idle"


ADVICE = {
    Collapse.DIVERSITY: (
        "the generator may be making few pictures again and again; look at the sample grids, and try augmentation of "
        "what the discriminator sees, a relativistic loss with a gradient penalty, or a lower learning rate"
    ),
    Collapse.MASKS: (
        "the generator may have given up masks; look at the sample grids, and try a larger l1_weight, or data with "
        "larger regions (min_tumor_area)"
    ),
    Collapse.DISCRIMINATOR_WINS: (
        "the generator learns little from it; try augmentation of what the discriminator sees, a gradient penalty, "
        "label_smoothing, or a lower learning rate of the discriminator"
    ),
    Collapse.DISCRIMINATOR_IDLE: (
        "the generator has nothing to learn from; try a higher learning rate of the discriminator, a smaller gradient "
        "penalty, or less augmentation of what it sees"
    ),
}


def nearest_distance(images: torch.Tensor) -> float:
    """Return the mean distance from each picture to the one most like it.

    A generator that makes few pictures again and again makes twins, however unlike each other those few are; the mean
    distance over all pairs would not see it. Distances are Euclidean between pictures averaged down to 16 x 16, so that
    noise on a repeated picture does not pass for variety.

    Args:
        images: (N, C, H, W), at least two.

    Returns:
        the mean, 0 when every picture has a twin.
    """
    if images.ndim != 4 or len(images) < 2:
        raise ValueError(f"images must be (N, C, H, W) with at least two pictures, got {tuple(images.shape)}")
    small = F.adaptive_avg_pool2d(images.float(), POOLED_SIZE).flatten(1)
    distances = torch.cdist(small, small, compute_mode="donot_use_mm_for_euclid_dist")
    return float(distances.fill_diagonal_(float("inf")).amin(1).mean())


class CollapseGuard:
    """Warn, once for each cause, when a training shows signs that it goes wrong; it stops nothing.

    After every ``every`` epochs the generator makes ``number`` slices from fixed latents, and two numbers go to the
    training's log: ``sample_diversity``, their :func:`nearest_distance` as a share of that of ``number`` real slices,
    and ``empty_masks``, the share of made masks without a pixel. The rest is read with the log.

    Causes (:class:`Collapse`), their limits, and why:

    - ``diversity``: after ``grace`` images, ``sample_diversity`` below ``min_diversity``, or below half of the best
      it has been. In two sound trainings of 300,000 images (TCGA-LGG, Figshare) it rose from 0.1 at 20,000 images over
      0.25 and 0.4 at 50,000 to 0.8 and 0.9, and never fell below 0.74 of the best before.
    - ``masks``: after ``grace`` images, more than ``max_lost_masks`` of the masks that real slices have are empty, in
      any mask channel. In the same trainings 0.08 and 0.16 were at the end; with 64 slices a share is known to 0.06.
    - ``discriminator_wins``: ``d_real - d_fake`` above ``max_separation`` in every line of the log over ``patience``
      images. The same trainings reached 0.991 in single lines. The number is a difference of probabilities, which only
      losses on logits drive to 1; with others (hinge, least squares) this warning does not come.
    - ``discriminator_idle``: after ``grace`` images, ``d_real - d_fake`` has never been above ``min_separation`` in
      any line. Two networks in balance come to no difference as well, but on the way there the discriminator was
      ahead; one that never was has not learned.

    All limits are conventions that keep the sound trainings quiet. With a warning
    ``TrainingEvents.COLLAPSE_SUSPECTED`` is fired. Numbers that are not finite end a training, see ``TrainingLog``.

    Args:
        generator: network that makes the slices, usually the moving average.
        latent_sampler: gives the latents of the first ``number`` pictures.
        mask_channels: number of mask channels of the generator.
        real: map-style data set of real slices without a random transform.
        number: slices to compare, at least 2.
        every: epochs between two comparisons.
        grace: images shown before pictures are judged.
        patience: images over which a discriminator that wins is watched.
        min_diversity: lower limit of ``sample_diversity``.
        max_lost_masks: upper limit of the share of lost masks.
        max_separation: ``d_real - d_fake`` from which on the discriminator has won.
        min_separation: ``d_real - d_fake`` that a discriminator reaches that learns.

    Attributes:
        causes: images shown at the first sign, by cause.

    Raises:
        ValueError: when an argument is out of its range, when the real slices do not differ, or when no
            ``TrainingLog`` stands before it among the handlers.
    """

    def __init__(
        self,
        generator: nn.Module,
        latent_sampler: LatentSampler,
        mask_channels: int,
        real: Dataset,
        number: int = 64,
        every: int = 1,
        grace: int = 50_000,
        patience: int = 20_000,
        min_diversity: float = 0.15,
        max_lost_masks: float = 0.5,
        max_separation: float = 0.995,
        min_separation: float = 0.05,
    ) -> None:
        for name, whole in (("number", number), ("every", every), ("patience", patience)):
            check_positive_int(name, whole)
        check_count("grace", grace)
        for name, share in (
            ("min_diversity", min_diversity),
            ("max_lost_masks", max_lost_masks),
            ("max_separation", max_separation),
            ("min_separation", min_separation),
        ):
            check_fraction(name, share)
        self.generator = generator
        self.latents = latent_sampler.at(range(number))
        self.mask_channels = mask_channels
        self.every, self.grace, self.patience = every, grace, patience
        self.min_diversity, self.max_lost_masks = min_diversity, max_lost_masks
        self.max_separation, self.min_separation = max_separation, min_separation
        images, masks = spread_slices(real, number)
        self.real_diversity = nearest_distance(images)
        if self.real_diversity == 0.0:
            raise ValueError(f"real must hold slices that differ, the {len(images)} looked at all have a twin")
        self.real_empty = _empty(masks)
        self.causes: dict[str, int] = {}
        self._best_diversity = 0.0
        self._best_separation = 0.0
        self._won_since: int | None = None
        self._last_line = 0

    def attach(self, engine: Workflow) -> None:
        """Follow the training ``engine``."""
        self._log = training_log_of(engine, "CollapseGuard")
        engine.add_event_handler(TrainingEvents.LOG_WRITTEN, self._watch_discriminator)
        engine.add_event_handler(Events.EPOCH_COMPLETED(every=self.every), self._look)

    def state_dict(self) -> dict[str, Any]:
        """Return what was found so far."""
        return {
            "causes": dict(self.causes),
            "best_diversity": self._best_diversity,
            "best_separation": self._best_separation,
            "won_since": self._won_since,
            "last_line": self._last_line,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what :meth:`state_dict` returned."""
        self.causes = dict(state["causes"])
        self._best_diversity, self._best_separation = state["best_diversity"], state["best_separation"]
        self._won_since, self._last_line = state["won_since"], state["last_line"]

    def _watch_discriminator(self, engine: Workflow) -> None:
        record = self._log.record
        images, separation = record["images"], record["d_real"] - record["d_fake"]
        self._best_separation = max(self._best_separation, separation)
        if separation <= self.max_separation:
            self._won_since = None
        elif self._won_since is None:
            self._won_since = self._last_line
        self._last_line = images
        seen = f"d_real {record['d_real']:.4f}, d_fake {record['d_fake']:.4f}"
        if self._won_since is not None and images - self._won_since >= self.patience:
            self._warn(
                engine,
                Collapse.DISCRIMINATOR_WINS,
                f"the discriminator has told all made slices from real ones for {images - self._won_since} images "
                f"({seen})",
            )
        if images >= self.grace and self._best_separation < self.min_separation:
            self._warn(
                engine,
                Collapse.DISCRIMINATOR_IDLE,
                f"the discriminator has never told made slices from real ones ({seen})",
            )

    def _look(self, engine: Workflow) -> None:
        with eval_mode(self.generator):
            parts = self.latents.split(BATCH_SIZE)
            pairs = [self.generator(part.to(engine.state.device)).float().cpu() for part in parts]
        images, masks = split_pair(torch.cat(pairs), self.mask_channels)
        self._judge(engine, nearest_distance(images) / self.real_diversity, _empty(masks))

    def _judge(self, engine: Workflow, diversity: float, empty: torch.Tensor) -> None:
        """Log and judge the diversity as a share of the real one, and the share of empty masks by channel."""
        self._best_diversity = max(self._best_diversity, diversity)
        values = {"sample_diversity": diversity}
        if self.mask_channels:
            values["empty_masks"] = float(empty.mean())
        self._log.write(engine, values)
        if engine.state.images < self.grace:
            return
        if diversity < max(self.min_diversity, 0.5 * self._best_diversity):
            self._warn(
                engine,
                Collapse.DIVERSITY,
                f"made slices differ by {diversity:.0%} of what real ones do (best so far {self._best_diversity:.0%})",
            )
        for channel, (made, real) in enumerate(zip(empty.tolist(), self.real_empty.tolist())):
            if made - real > self.max_lost_masks * (1.0 - real):
                self._warn(
                    engine,
                    Collapse.MASKS,
                    f"{made:.0%} of the made masks in channel {channel} are empty, {real:.0%} of the real ones",
                )

    def _warn(self, engine: Workflow, cause: Collapse, what: str) -> None:
        if cause in self.causes:
            return
        self.causes[str(cause)] = engine.state.images
        if idist.get_rank() == 0:
            logger.warning("after %d images: %s; %s", engine.state.images, what, ADVICE[cause])
        engine.fire_event(TrainingEvents.COLLAPSE_SUSPECTED)


def _empty(masks: torch.Tensor) -> torch.Tensor:
    """Return the share of masks without a pixel, by channel: (N, M, H, W) -> (M,)."""
    return (masks.flatten(2).amax(2) <= 0).float().mean(0)
