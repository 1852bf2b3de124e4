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
"""What ``participants.tsv`` of a BIDS data set says of its participants."""

from __future__ import annotations

import csv
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monai_dcgan.data.datalists.attributes import AttributeReader, is_attribute
from monai_dcgan.data.datalists.common import Request
from monai_dcgan.utils.files import read_json

__all__ = ["PARTICIPANTS_FILE", "Participants"]

logger = logging.getLogger(__name__)

PARTICIPANTS_FILE, SIDECAR_FILE = "participants.tsv", "participants.json"
ID_COLUMN = "participant_id"
# Units of ages that a sidecar may declare; those of infants and of pediatric tumors are often not years.
UNITS = {"y": "Y", "a": "Y", "m": "M", "w": "W", "d": "D"}


class Participants:
    """Give cases the attributes of their participants, where ``participants.tsv`` has them.

    It adds to a data set that is whole without: of a table that cannot be read, only a warning comes. So it is where
    rows of one participant differ: what differs is left out, as nothing says to which session a row belongs.

    Args:
        request: what is asked.
    """

    def __init__(self, request: Request) -> None:
        self.file = request.data_dir / PARTICIPANTS_FILE
        self.reader = AttributeReader(self.file, request.problems)
        self.rows = _agreed(self.file)
        self.age_unit = _age_unit(request.data_dir / SIDECAR_FILE) if self.rows else "Y"

    def add(self, case: dict[str, Any], subject: str) -> dict[str, Any] | None:
        """Return ``case`` with the attributes of ``subject`` (``01`` of ``sub-01``); see ``AttributeReader.add``."""
        return self.reader.add(case, self.rows.get(subject, {}), self.age_unit)


def _agreed(file: Path) -> dict[str, dict[str, str]]:
    """Return subject -> what all his rows agree in."""
    agreed: dict[str, dict[str, str]] = {}
    differing: set[str] = set()
    for row in _read(file):
        subject = (row.get(ID_COLUMN) or "").strip().removeprefix("sub-")
        own = agreed.setdefault(subject, row)
        for name in [name for name in own if name != ID_COLUMN and row[name] != own[name]]:
            own.pop(name)
            differing.add(name)
    if differing:
        logger.warning("rows of one participant in %s differ in %s: left out", file, ", ".join(sorted(differing)))
    return agreed


def _read(file: Path) -> list[dict[str, str]]:
    """Return the attributes of each row; none where the table is missing or, with a warning, cannot be read."""
    if not file.is_file():
        return []
    try:
        with open(file, newline="", encoding="utf-8-sig") as stream:
            rows = csv.DictReader(stream, restval="", delimiter="\t", quoting=csv.QUOTE_NONE)
            columns = [name for name in rows.fieldnames or [] if name == ID_COLUMN or is_attribute(name)]
            found = [{name: row[name] for name in columns} for row in rows]
    except (csv.Error, UnicodeDecodeError, OSError) as error:
        logger.warning("%s must be a table in UTF-8 with tabs (%s): what it says of patients is not used", file, error)
        return []
    if ID_COLUMN not in columns:
        logger.warning("%s must have a column %s: what it says of patients is not used", file, ID_COLUMN)
        return []
    return found


def _age_unit(file: Path) -> str:
    """Return the unit of ages that the sidecar declares; years, as BIDS says, where it declares none."""
    try:
        content = read_json(file) if file.is_file() else {}
    except ValueError as error:
        logger.warning("%s: ages are taken to be years", error)
        return "Y"
    described = content.get("age") if isinstance(content, Mapping) else None
    declared = str(described.get("Units") or "years") if isinstance(described, Mapping) else "years"
    unit = UNITS.get(declared.strip()[:1].lower())
    if unit is None:
        logger.warning(
            "Units of age in %s must be years, months, weeks or days, got %r: taken as years", file, declared
        )
    return unit or "Y"
