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
"""What a data set says of its patients besides their names: sex, age, scanner and site, to compare subgroups by."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from monai_dcgan.data.problems import NO_TEXT, Problems
from monai_dcgan.utils.enums import Keys

__all__ = [
    "ATTRIBUTES",
    "NAMES",
    "AttributeReader",
    "attributes_of",
    "check_attributes",
    "count_attributes",
    "is_attribute",
]

logger = logging.getLogger(__name__)

ATTRIBUTES = "attributes"
# Attribute -> names of columns and keys that hold it: the first that is there counts, as ``_plain`` compares them.
NAMES: dict[str, tuple[str, ...]] = {
    "sex": ("sex", "patient_sex", "gender"),
    "age": ("age", "patient_age", "age_years", "age_in_years"),
    "scanner": ("scanner", "scanner_id", "scanner_model", "manufacturers_model_name", "manufacturer"),
    "site": ("site", "site_id", "center", "centre", "hospital", "institution", "institution_name"),
}
SEXES = {"m": "male", "male": "male", "man": "male", "f": "female", "female": "female", "woman": "female"}
MISSING = {"", "-", "?", "n/a", "na", "nan", "none", "null", "unknown", "not available", "not given", "missing"}
# A number of years; "89+" as BIDS has it; or with the units of DICOM's ages ("045Y").
AGE = re.compile(
    r"(?P<number>-?(?:\d+(?:\.\d*)?(?:e[+-]?\d+)?|inf))\s*(?:\+|(?P<unit>[YMWD]))?", re.IGNORECASE | re.ASCII
)
PER_YEAR = {"Y": 1.0, "M": 12.0, "W": 365.25 / 7, "D": 365.25}
OLDEST = 130.0


def attributes_of(record: Mapping[str, Any], age_unit: str = "Y") -> dict[str, str | float | None]:
    """Return the attributes that a row of a table, or an entry of a list, gives.

    Names are compared without regard to capitals, spaces, hyphens, underscores and apostrophes:

    ========= =================================================================================================
    attribute names, the first that is there
    ========= =================================================================================================
    sex       sex, patient_sex, gender; m, male, f, female and the like become ``male`` and ``female``
    age       age, patient_age, age_years, age_in_years: years; DICOM's 045Y, 006M, 003W, 010D become years, and
              89+ is 89
    scanner   scanner, scanner_id, scanner_model, manufacturers_model_name, manufacturer
    site      site, site_id, center, centre, hospital, institution, institution_name
    ========= =================================================================================================

    Other codes, such as 1 and 2 for sex, stay as they are: nothing says what they mean.

    Args:
        record: column or key -> value.
        age_unit: unit of an age that names none: Y, M, W or D for years, months, weeks or days.

    Returns:
        attribute -> text, or years for ``age``, in the order of the table; without those that are missing: an empty
        text, ``n/a``, ``unknown`` and the like, and what is neither text nor a number, such as the coordinates of a
        ``center``. An age that is no number is None.

    Raises:
        ValueError: when an age is not from 0 to 130 years, or a text holds control characters.

    Example:
        >>> attributes_of({"Sex": "F", "Age": "045Y", "Center": "n/a"})
        {'sex': 'female', 'age': 45.0}
    """
    plain: dict[str, Any] = {}
    for name, value in record.items():
        if isinstance(name, str):
            plain.setdefault(_plain(name), value)
    found: dict[str, str | float | None] = {}
    for attribute, names in NAMES.items():
        value = next((plain[name] for name in map(_plain, names) if name in plain), None)
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            continue
        text = str(value).strip()
        if text.lower() not in MISSING:
            found[attribute] = _years(text, age_unit) if attribute == "age" else _text(attribute, text)
    return found


def is_attribute(name: str) -> bool:
    """Return whether a column or key of this name holds an attribute; see ``attributes_of``."""
    return any(_plain(name) == _plain(known) for names in NAMES.values() for known in names)


def _plain(name: str) -> str:
    return re.sub(r"[\s_'-]", "", name).lower()


def _text(attribute: str, text: str) -> str:
    if NO_TEXT.search(text):
        raise ValueError(f"{attribute} must be text that UTF-8 can write, got {text!a}; correct it")
    return SEXES.get(text.lower(), text) if attribute == "sex" else text


def _years(text: str, unit: str) -> float | None:
    match = AGE.fullmatch(text)
    if match is None:
        return None
    years = float(match["number"]) / PER_YEAR[(match["unit"] or unit).upper()]
    if not 0 <= years <= OLDEST:
        raise ValueError(f"age must be from 0 to {OLDEST:g} years, got {text}; correct it, or leave it empty")
    return round(years, 3)


class AttributeReader:
    """Give cases their attributes.

    Args:
        where: what gives them, for messages.
        problems: where cases are noted whose attributes cannot be.
    """

    def __init__(self, where: object, problems: Problems) -> None:
        self.where, self.problems = where, problems
        self.has_warned = False

    def add(self, case: dict[str, Any], record: Mapping[str, Any], age_unit: str = "Y") -> dict[str, Any] | None:
        """Return ``case`` with the attributes of ``record``, as it is without any; a problem and None for a bad one.

        Ages that are no numbers are left out, which is said once.
        """
        try:
            found = attributes_of(record, age_unit)
        except ValueError as error:
            self.problems.add(case[Keys.CASE], [str(self.where)], str(error))
            return None
        known = {name: value for name, value in found.items() if value is not None}
        if len(known) < len(found) and not self.has_warned:
            self.has_warned = True
            logger.warning(
                "age of case %s in %s must be a number of years; it, and others like it, count as not given",
                case[Keys.CASE],
                self.where,
            )
        return {**case, ATTRIBUTES: known} if known else case


def check_attributes(found: Any) -> Mapping[str, str | float]:
    """Return the attributes that a store's file has for a case.

    Raises:
        TypeError: when they are none.
    """
    kinds = {name: (int, float) if name == "age" else str for name in NAMES}
    if not isinstance(found, Mapping) or not all(isinstance(found[name], kinds.get(name, ())) for name in found):
        raise TypeError(f"attributes must be {', '.join(NAMES)}, got {found!r}")
    return found


def count_attributes(cases: Iterable[Mapping[str, str | float]]) -> dict[str, dict[str, Any]]:
    """Count what cases have for attributes.

    Args:
        cases: the attributes of each case; empty for a case without any.

    Returns:
        attribute -> ``given``, cases that have it, and ``missing``, those that don't; of ``age`` least, median and
        largest in ``years``; of the others ``values``: value -> cases. Attributes that no case has are left out.
    """
    cases = list(cases)
    counted: dict[str, dict[str, Any]] = {}
    for name in NAMES:
        own = [case[name] for case in cases if name in case]
        if not own:
            continue
        counted[name] = {"given": len(own), "missing": len(cases) - len(own)}
        if name == "age":
            counted[name]["years"] = [float(value) for value in np.percentile(np.asarray(own, float), (0, 50, 100))]
        else:
            counts = Counter(map(str, own))
            counted[name]["values"] = {value: counts[value] for value in sorted(counts)}
    return counted
