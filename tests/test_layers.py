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
"""The floors of the package: imports run downward only."""

from __future__ import annotations

import ast

FLOORS = {
    "cli": 5,
    "evaluation": 4,
    "downstream": 4,
    "sharing": 4,
    "data": 3,
    "engines": 3,
    "handlers": 3,
    "networks": 2,
    "losses": 2,
    "transforms": 2,
    "inferers": 2,
    "metrics": 2,
    "workflow": 2,
    "utils": 1,
}
# Within a floor these may use one another in the order in which they stand.
ALLOWED = {("handlers", "engines"), ("handlers", "data"), ("sharing", "evaluation")}
ROOT_NAMES = {"__version__"}


def imported_rooms(path):
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            parts = name.split(".")
            if parts[0] == "monai_dcgan" and len(parts) > 1 and parts[1] not in ROOT_NAMES:
                yield parts[1]


def sources(repository):
    return [path for path in sorted((repository / "monai_dcgan").rglob("*.py")) if "__" not in path.parent.name]


def test_imports_run_downward(repository):
    wrong = []
    for path in sources(repository):
        relative = path.relative_to(repository / "monai_dcgan")
        room = relative.parts[0].removesuffix(".py")
        if room in ("__init__", "__main__"):
            continue
        for target in imported_rooms(path):
            upward = FLOORS[target] >= FLOORS[room] and target != room
            if upward and (room, target) not in ALLOWED:
                wrong.append(f"{relative} imports {target}")
    assert not wrong


def test_every_room_has_a_floor(repository):
    rooms = {path.relative_to(repository / "monai_dcgan").parts[0].removesuffix(".py") for path in sources(repository)}
    assert rooms - {"__init__", "__main__"} == set(FLOORS)


def calls_print(source):
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return any(isinstance(node.func, ast.Name) and node.func.id == "print" for node in calls)


def test_only_the_command_line_prints(repository):
    assert calls_print("if True:\n    x = print('a')")
    assert not [path for path in sources(repository) if path.parent.name != "cli" and calls_print(path.read_text())]


def test_every_file_has_the_license_header(repository):
    for folder in ("monai_dcgan", "tests", "benchmarks"):
        for path in (repository / folder).rglob("*.py"):
            assert path.read_text().startswith("# Copyright (c) monai_dcgan contributors\n# Licensed under"), path
