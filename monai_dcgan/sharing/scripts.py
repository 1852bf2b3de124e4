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
"""The modules of the package that configs need, copied so that they run where the package is not installed."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

__all__ = ["SCRIPTS", "Scripts", "names_in", "rewritten_config"]

PACKAGE, SCRIPTS = "monai_dcgan", "scripts"
_SOURCES = Path(__file__).parents[2]
_TARGET = "_target_"
_WORD = re.compile(rf"\b{PACKAGE}\b")
_IMPORT = re.compile(rf"\$import ({PACKAGE}[\w.]*) as (\w+)$")
# MONAI, PyTorch and NumPy have fields of their own in the metadata of a bundle.
_APART = {PACKAGE, "monai", "torch", "numpy"}


def names_in(config: Mapping[str, Any]) -> set[str]:
    """Return what of the package a config needs, by dotted names.

    Args:
        config: a config of a bundle; its imports have the form ``$import monai_dcgan.a as b``.

    Returns:
        names such as ``monai_dcgan.networks.DCGANGenerator``, from ``_target_`` and from attributes in expressions.
    """
    texts = list(_texts(config))
    names = {text for key, text in texts if key == _TARGET and _is_own(text)}
    expressions = [text for _, text in texts if text.startswith("$")]
    for module, alias in (found.groups() for found in map(_IMPORT.match, expressions) if found):
        used = {name for text in expressions for name in re.findall(rf"(?<![\w.@]){alias}\.(\w+)", text)}
        names |= {f"{module}.{name}" for name in used}
    return names


def rewritten_config(config: Mapping[str, Any]) -> Any:
    """Return a config whose targets and imports name :data:`SCRIPTS` in the place of the package.

    Raises:
        ValueError: when the package is named anywhere else, where it cannot be replaced safely.
    """
    result = _rewritten(config)
    left = [text for _, text in _texts(result) if _WORD.search(text)]
    if left:
        raise ValueError(f"a config must name {PACKAGE} in targets and '$import ... as ...' only, got {left[0]!r}")
    return result


def _rewritten(value: Any, key: str = "") -> Any:
    if isinstance(value, Mapping):
        return {name: _rewritten(inner, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [_rewritten(inner) for inner in value]
    replaceable = isinstance(value, str) and (key == _TARGET or _IMPORT.match(value))
    return _WORD.sub(SCRIPTS, value) if replaceable else value


def _texts(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _texts(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, str):
        yield key, value


def _is_own(name: str | None) -> bool:
    return name is not None and (name == PACKAGE or name.startswith(f"{PACKAGE}."))


def _file(module: str) -> Path:
    """Return the file of a module, or of the ``__init__`` of a package."""
    path = _SOURCES.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@cache
def _tree(module: str) -> ast.Module:
    return ast.parse(_file(module).read_text(encoding="utf-8"))


class Scripts:
    """The modules that names need, and those that these import, and so on.

    A name that comes through the ``__init__`` of a package brings the module that defines it, not the whole package:
    its ``__init__`` is written anew with the names that are needed, in their order.

    Args:
        names: dotted names, as of :func:`names_in`.

    Raises:
        ValueError: when a name is not one of the package.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._modules: set[str] = set()
        self._exports: dict[str, set[str]] = {PACKAGE: set()}
        for name in sorted(names):
            self._need(name)

    @property
    def modules(self) -> list[str]:
        """The modules that are copied, without the ``__init__`` that are written anew."""
        return sorted(self._modules)

    def write(self, folder: str | Path) -> None:
        """Write the modules to ``folder``, which becomes the package :data:`SCRIPTS`."""
        sources = {module: _renamed(module) for module in self._modules}
        sources |= {package: self._init(package) for package in set(self._exports) - self._modules}
        for module, text in sources.items():
            path = Path(folder).joinpath(*_file(module).relative_to(_SOURCES / PACKAGE).parts)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    def requirements(self) -> set[str]:
        """Return the distributions that the modules import, without MONAI, PyTorch and NumPy."""
        imported = {name.split(".")[0] for module in self._modules for name in _imported(_tree(module))}
        imported -= set(sys.stdlib_module_names) | _APART
        distributions = packages_distributions()
        return {distributions[name][0] for name in imported}

    def _need(self, name: str) -> None:
        package = PACKAGE
        for part in name.split(".")[1:]:
            if part in _bound(package):
                self._export(package, part)
                return
            package = f"{package}.{part}"
            if not _file(package).is_file():
                raise ValueError(f"a name must be one of {PACKAGE}, got {name!r}; there is no {package}")
            if _file(package).name != "__init__.py":
                self._take(package)
                return
            self._exports.setdefault(package, set())

    def _export(self, package: str, name: str) -> None:
        if name in self._exports[package]:
            return
        self._exports[package].add(name)
        origin = _bound(package)[name]
        if origin is None:
            # Defined in the __init__ itself.
            self._take(package)
        else:
            self._take_from(origin, name)

    def _take_from(self, module: str, name: str) -> None:
        """Take what ``from module import name`` needs; a module may have the name of what its package exports."""
        parts = module.split(".")
        for end in range(1, len(parts)):
            self._exports.setdefault(".".join(parts[:end]), set())
        if _file(module).name == "__init__.py":
            self._exports.setdefault(module, set())
            self._need(f"{module}.{name}")
        else:
            self._take(module)

    def _take(self, module: str) -> None:
        if module in self._modules:
            return
        self._modules.add(module)
        for node in ast.walk(_tree(module)):
            if isinstance(node, ast.ImportFrom) and _is_own(node.module):
                for alias in node.names:
                    self._take_from(str(node.module), alias.name)
            elif isinstance(node, ast.Import) and any(_is_own(alias.name) for alias in node.names):
                raise ValueError(f"{module} must import from {PACKAGE} by 'from ... import ...' to be copied")

    def _init(self, package: str) -> str:
        source = _file(package).read_text(encoding="utf-8")
        header = "".join(line for line in source.splitlines(keepends=True)[:10] if line.startswith("#"))
        text = f'{header}"""{ast.get_docstring(_tree(package))}"""\n'
        needed = self._exports[package]
        lines = [
            f"from {SCRIPTS}{origin.removeprefix(PACKAGE)} import {name}\n"
            for name, origin in _bound(package).items()
            if name in needed and origin is not None
        ]
        return text + ("\n" + "".join(lines) if lines else "")


def _bound(package: str) -> dict[str, str | None]:
    """Return the names of an ``__init__`` with the module that each comes from, None where it is defined there."""
    names: dict[str, str | None] = {}
    for node in _tree(package).body:
        if isinstance(node, ast.ImportFrom) and _is_own(node.module):
            names |= {alias.asname or alias.name: node.module for alias in node.names}
        elif isinstance(node, ast.Assign):
            names |= {target.id: None for target in node.targets if isinstance(target, ast.Name)}
    return names


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def _renamed(module: str) -> str:
    """Return the source of a module whose imports name the scripts in the place of the package."""
    lines = _file(module).read_text(encoding="utf-8").splitlines(keepends=True)
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.ImportFrom) and _is_own(node.module):
            for number in range(node.lineno - 1, node.end_lineno or node.lineno):
                lines[number] = _WORD.sub(SCRIPTS, lines[number])
    return "".join(lines)
