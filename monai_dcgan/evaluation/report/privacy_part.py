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
"""The part of a report on privacy: what was looked for, what was found, and whether it would have been found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from monai_dcgan.evaluation.report.blocks import Block, Bullets, Picture, Section, Table, Text
from monai_dcgan.evaluation.report.values import number, patient_labels, percent_of, range_of

__all__ = ["privacy_section"]

_PAIRS = (
    "Synthetic slices that lie nearest to a training slice, the most suspicious first. Numbers are positions in the "
    "sets; patients are labels given here. Share: of held-out slices that come as near."
)
_SPACES = (
    "Distances to the training slices. Data copying C_T (Meehan 2020): below -3 suggests copying. Authenticity (Alaa "
    "2022): share of slices that no training slice explains. Nearer to training: 50% without copying."
)
_CONTROL = (
    "Control: copies of training slices were planted among slices of unseen patients. Found: called suspicious. Source "
    "named: the slice copied was named. Certain: called a copy without statistics."
)
_MEMBERSHIP = (
    "Membership attack (Chen 2020): can one who holds slices of a person tell from the synthetic set whether that "
    "person was in the training? AUC 0.5 is guessing. The rows below are the control: sets that do not and do leak."
)


def privacy_section(metrics: Mapping[str, Any], pictures: Sequence[Picture]) -> Section | None:
    """Return the part on privacy; None where an evaluation says nothing of it."""
    found, reason = metrics.get("privacy"), metrics.get("privacy_reason")
    blocks: list[Block] = []
    if found is None:
        blocks += [Text(f"Not tested: {reason}.", "warning")] if reason else []
        return Section("Privacy", [*blocks, *pictures]) if blocks or pictures else None
    blocks += [Text(_sentence(reason), "warning")] if reason else []
    memorization, control = found.get("memorization"), found.get("control")
    membership, attacks = found.get("membership"), found.get("membership_control")
    if memorization is not None:
        copies = [*_memorization(memorization), *pictures, *_pairs(memorization)]
        blocks.append(Section("Copies of training slices", copies))
    if control is not None:
        blocks.append(Section("Would copies have been found?", _control(control)))
    if membership is not None or attacks is not None:
        blocks.append(Section("Membership", _membership(membership, attacks)))
    return Section("Privacy", blocks)


def _memorization(found: Mapping[str, Any]) -> list[Block]:
    verdict = found["verdict"]
    rows = []
    for space, own in found["spaces"].items():
        copying, nearer = own["data_copying"], own["neighbor_ratio"]
        for name in ("synthetic", "heldout"):
            made = name == "synthetic"
            rows.append(
                (
                    f"{space}, {'synthetic' if made else 'held-out'}",
                    *(number(own["quantiles"][name][key]) for key in ("least", "1%", "median")),
                    number(own["threshold"]),
                    f"{number(copying['value'])}\n{range_of(copying['interval'])}" if made else "",
                    percent_of(own["authenticity"][name]),
                    percent_of(nearer["nearer_to_training"]) if made else "",
                )
            )
    header = (
        "space and set",
        "least distance",
        "1% quantile",
        "median",
        "threshold",
        "data copying C_T",
        "authenticity",
        "nearer to training",
    )
    blocks: list[Block] = [Text(_sentence(verdict["text"]), "warning" if verdict["copied"] else "plain")]
    blocks += [Bullets([_sentence(remark) for remark in verdict["remarks"]])] if verdict["remarks"] else []
    return [*blocks, Table(_SPACES, header, rows)]


def _pairs(found: Mapping[str, Any]) -> list[Block]:
    if not found["pairs"]:
        return []
    labels = patient_labels(found["pairs"])
    rows = []
    for pair in found["pairs"]:
        shift = "-" if pair["shift"] is None else f"{pair['shift'][0]:g}, {pair['shift'][1]:g}"
        rows.append(
            (
                f"synthetic {pair['synthetic']}",
                str(pair["training"]),
                "-" if pair["patient"] is None else labels[pair["patient"]],
                f"{number(pair['distance'])}\nin {pair['space']}",
                percent_of(pair["heldout_share"]),
                pair["flip"],
                shift,
            )
        )
    header = ("slice", "training slice", "patient", "distance", "share", "flip", "pixels down, right")
    return [Table(_PAIRS, header, rows)]


def _control(found: Mapping[str, Any]) -> list[Block]:
    rows = [
        (kind, percent_of(recall), percent_of(found["source_found"][kind]), percent_of(found["certain"][kind]))
        for kind, recall in found["recall"].items()
    ]
    alarms = (
        f"False alarms: {percent_of(found['false_alarms'])} of {found['num_unseen']} slices of unseen patients were "
        f"called suspicious. The set without copies was {_called(found['without_copies'])}, the set with "
        f"{found['num_copies']} copies {_called(found['with_copies'])}."
    )
    wrong = found["without_copies"]["copied"] or not found["with_copies"]["copied"]
    return [
        Table(_CONTROL, ("planted copies", "found", "source named", "certain"), rows),
        Text(alarms, "warning" if wrong else "plain"),
    ]


def _called(verdict: Mapping[str, Any]) -> str:
    shares = range_of([100 * end for end in verdict["interval"]], ".1f") if verdict["interval"] else ""
    share = f"{percent_of(verdict['share'])} suspicious" + (f", 95%: {shares}%" if shares else "")
    return f"called {'copied' if verdict['copied'] else 'free of copies'} ({share})"


def _membership(found: Mapping[str, Any] | None, attacks: Mapping[str, Any] | None) -> list[Block]:
    named = {"this synthetic set": found}
    named |= {f"control: {name} set": own for name, own in (attacks or {}).items()}
    rows = [
        (
            f"{name}, {space}",
            f"{own['auc']:.3f}\n{range_of(own['interval'], '.3f')}",
            f"{own['patient_auc']:.3f}",
            percent_of(own["true_positive_rate"]),
        )
        for name, attack in named.items()
        if attack is not None
        for space, own in attack["spaces"].items()
    ]
    header = ("set and space", "AUC over slices", "AUC over patients", "members found at 5% false alarms")
    blocks: list[Block] = []
    if found is not None:
        blocks.append(Text(_sentence(found["text"]), "warning" if found["leaks"] else "plain"))
    return [*blocks, Table(_MEMBERSHIP, header, rows)]


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}" + ("" if text.endswith(".") else ".")
