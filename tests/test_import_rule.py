"""Who may import whom: every file is parsed, and the offending import is named."""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# These are torch code through and through: whoever imports them needs torch, so they are imported lazily themselves.
TORCH_MODULES = {"core.model", "core.fast", "core.fast_inference", "core.torch_engine"}

BLENDER = {"bpy", "bmesh", "bpy_extras", "mathutils", "addon_utils", "blf", "gpu", "gpu_extras"}


@dataclass(frozen=True)
class Rule:
    """What one area may import besides the standard library, numpy and itself.

    `always` and `lazily` hold first names ("torch") or our own packages ("core.learning"); `lazily` counts inside
    functions and under TYPE_CHECKING. An area with `relative` imports itself by relative import only.
    """

    always: frozenset[str] = frozenset()
    lazily: frozenset[str] = frozenset()
    relative: bool = False


HEAVY = frozenset({"torch", "scipy", "safetensors", "pymeshlab", "potpourri3d", "trimesh"})
EXTRAS = HEAVY | {"lightning", "tyro", "tqdm", "platformdirs", "anny", "matplotlib", "PIL", "imageio"}

RULES = {
    "core": Rule(lazily=HEAVY, relative=True),
    "core.learning": Rule(always=frozenset({"core", "torch", "lightning"}), relative=True),
    # Pictures of faces are rendered by Blender, where it is there.
    "training": Rule(always=EXTRAS | {"core", "core.learning"}, lazily=frozenset(BLENDER)),
    "blender_addon": Rule(always=frozenset(BLENDER), relative=True),
}


@dataclass(frozen=True)
class Import:
    """One imported module: its full name, whether it was written relatively, and where it stands."""

    module: str
    relative: bool
    line: int
    lazy: bool
    as_extension: bool  # in the `else` of `if __package__ == "blender_addon":`
    as_package: bool  # in its body


class Imports(ast.NodeVisitor):
    """Collects the imports of one file, also those by `importlib.import_module("…")` and `__import__("…")`."""

    def __init__(self, package: str) -> None:
        self.package = package
        self.found: list[Import] = []
        self._depth = 0
        self._door: list[str] = []

    def _add(self, module: str, line: int, *, relative: bool = False) -> None:
        door = self._door[-1] if self._door else ""
        self.found.append(Import(module, relative, line, self._depth > 0, door == "else", door == "body"))

    def visit_Import(self, node: ast.Import) -> None:
        for name in node.names:
            self._add(name.name, node.lineno)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        base = node.module or ""
        if node.level:
            parts = self.package.split(".")
            parents = parts[: len(parts) - node.level + 1]
            base = ".".join([*parents, *([base] if base else [])]) if parents else "(outside)"
        for name in node.names:
            # `from . import x` and `from core import x` may name modules: judge the longer name.
            self._add(f"{base}.{name.name}", node.lineno, relative=node.level > 0)

    def visit_Call(self, node: ast.Call) -> None:
        called = ast.unparse(node.func)
        if called in {"__import__", "import_module", "importlib.import_module"} and node.args:
            argument = node.args[0]
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                relative = argument.value.startswith(".")
                module = self.package + argument.value if relative else argument.value
                self._add(module, node.lineno, relative=relative)
        self.generic_visit(node)

    def _inside(self, node: ast.AST) -> None:
        self._depth += 1
        self.generic_visit(node)
        self._depth -= 1

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._inside(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._inside(node)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._inside(node)

    def visit_If(self, node: ast.If) -> None:
        test = ast.unparse(node.test)
        typing = test in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}
        door = test.replace('"', "'") == "__package__ == 'blender_addon'"
        for branch, statements in (("body", node.body), ("else", node.orelse)):
            self._depth += typing and branch == "body"
            self._door.append(branch if door else (self._door[-1] if self._door else ""))
            for statement in statements:
                self.visit(statement)
            self._door.pop()
            self._depth -= typing and branch == "body"


def area_of(path: str) -> str:
    """The longest area that a path such as "core/learning/losses.py" lies in."""
    package = ".".join(Path(path).parent.parts)
    return max((area for area in RULES if f"{package}.".startswith(f"{area}.")), key=len)


def violations(path: str, source: str) -> list[str]:
    """The imports of a file that break the rule, as "path:line: sentence"."""
    area = area_of(path)
    parts = list(Path(path).with_suffix("").parts)
    finder = Imports(".".join(parts[:-1]))
    finder.visit(ast.parse(source, path))
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    problems = ((one, _problem(name, area, one)) for one in finder.found)
    return [f"{path}:{one.line}: {problem}" for one, problem in problems if problem]


def _within(module: str, package: str) -> bool:
    return f"{module}.".startswith(f"{package}.")


def _problem(name: str, area: str, one: Import) -> str:
    """What is wrong with an import in the module `name` of an area; empty if nothing is."""
    rule = RULES[area]
    top = one.module.split(".", maxsplit=1)[0]
    if area == "blender_addon" and (top == "core" or _within(one.module, "blender_addon.core")):
        return _problem_at_the_door(name, one)
    if one.module == "(outside)" or (one.relative and top != area.split(".", maxsplit=1)[0]):
        return "a relative import leaves the package"
    if top in RULES:
        return _problem_among_ours(name, area, one)
    if top in sys.stdlib_module_names or top == "numpy" or top in rule.always:
        return ""
    if top in rule.lazily:
        return "" if one.lazy or name in TORCH_MODULES else f"{top} must be imported lazily, inside a function"
    return f"{area} must not import {top}"


def _problem_among_ours(name: str, area: str, one: Import) -> str:
    rule = RULES[area]
    target = max((other for other in RULES if _within(one.module, other)), key=len)
    if target != area and target not in rule.always:
        return f"{area} must not import {target}"
    if rule.relative and not one.relative:
        return f"{area} imports {one.module} absolutely; write a relative import"
    torch_code = any(_within(one.module, module) for module in TORCH_MODULES)
    if area == "core" and torch_code and not one.lazy and name not in TORCH_MODULES:
        return f"{one.module} needs torch and must be imported lazily, inside a function"
    return ""


def _problem_at_the_door(name: str, one: Import) -> str:
    if name != "blender_addon.engine":
        return "blender_addon imports core only in engine.py"
    if _within(one.module, "core.learning") or _within(one.module, "blender_addon.core.learning"):
        return "the extension has no core.learning"
    if not (one.as_extension if one.relative else one.as_package):
        return 'core is imported under `if __package__ == "blender_addon":`, and .core in its else'
    return ""


def files_of(area: str) -> list[Path]:
    folder = ROOT.joinpath(*area.split("."))
    files = [path for path in sorted(folder.rglob("*.py")) if "__pycache__" not in path.parts]
    return [path for path in files if area_of(path.relative_to(ROOT).as_posix()) == area]


@pytest.mark.parametrize("area", RULES)
def test_every_file_keeps_the_import_rule(area: str):
    files = files_of(area)
    assert files, f"there is no file in {area}"
    broken = [
        problem
        for path in files
        for problem in violations(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))
    ]
    assert not broken, "\n".join(broken)


DOOR = """\
if __package__ == "blender_addon":
    from core import generator
    from core.errors import MienError
else:
    from .core import generator
    from .core.errors import MienError
"""


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("core/a.py", "import os, json\nimport numpy as np\nfrom .errors import MienError\nfrom . import spirals\n"),
        (
            "core/a.py",
            "def f():\n    import torch\n    from scipy.sparse import csr_matrix\n    from .model import X\n",
        ),
        (
            "core/a.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch\n    from .model import X\n",
        ),
        ("core/model.py", "import torch\nfrom .motion import EXPRESSIONS\n"),
        ("core/learning/a.py", "import torch\nimport lightning\nfrom ..model import X\nfrom .losses import y\n"),
        ("core/learning/__init__.py", "from .losses import y\nfrom ..errors import z\n"),
        ("training/a.py", "import tyro, anny\nfrom core.learning import losses\nfrom .corpora import store\n"),
        ("training/corpora/a.py", "from ..train import x\nfrom training.train import x\n"),
        ("blender_addon/a.py", "import bpy\nimport numpy\nfrom . import engine\nfrom .engine import x\n"),
        ("blender_addon/ui/a.py", "from .. import engine\nfrom ..engine import x\n"),
        ("blender_addon/engine.py", DOOR),
    ],
)
def test_the_checker_lets_good_imports_pass(path: str, source: str):
    assert violations(path, source) == []


@pytest.mark.parametrize(
    ("path", "source", "line", "words"),
    [
        ("core/a.py", "import os\nimport bpy\n", 2, "core must not import bpy"),
        ("core/a.py", "def f():\n    import bpy\n", 2, "core must not import bpy"),
        ("core/a.py", "import torch\n", 1, "lazily"),
        ("core/a.py", "try:\n    from scipy import sparse\nexcept ImportError:\n    pass\n", 2, "lazily"),
        ("core/a.py", "class A:\n    import torch\n", 2, "lazily"),
        ("core/a.py", "def f():\n    pass\n\n\nimport torch\n", 5, "lazily"),
        ("core/a.py", "if TYPE_CHECKING:\n    pass\nelse:\n    import torch\n", 4, "lazily"),
        ("core/a.py", "from importlib import import_module\nx = import_module('torch')\n", 2, "lazily"),
        ("core/a.py", "x = __import__('bpy')\n", 1, "core must not import bpy"),
        ("core/a.py", "from .model import Decoder\n", 1, "needs torch"),
        ("core/a.py", "from . import torch_engine\n", 1, "needs torch"),
        ("core/a.py", "from core.errors import MienError\n", 1, "relative import"),
        ("core/a.py", "import core\n", 1, "relative import"),
        ("core/a.py", "from .learning import losses\n", 1, "must not import core.learning"),
        ("core/a.py", "from . import learning\n", 1, "must not import core.learning"),
        ("core/a.py", "def f():\n    from training import train\n", 2, "must not import training"),
        ("core/a.py", "from .. import training\n", 1, "leaves the package"),
        ("core/a.py", "def f():\n    import anny\n", 2, "core must not import anny"),
        ("core/model.py", "import torch\nimport lightning\n", 2, "core must not import lightning"),
        ("core/learning/a.py", "from core.model import X\n", 1, "relative import"),
        ("core/learning/a.py", "import tyro\n", 1, "core.learning must not import tyro"),
        ("core/learning/a.py", "from ... import training\n", 1, "leaves the package"),
        ("training/a.py", "import bpy\n", 1, "lazily"),
        ("training/a.py", "def f():\n    import blender_addon.bake\n", 2, "must not import blender_addon"),
        ("training/corpora/a.py", "import requests\n", 1, "must not import requests"),
        ("blender_addon/a.py", "import bpy\nfrom .core import generator\n", 2, "only in engine.py"),
        ("blender_addon/a.py", "def f():\n    from core.errors import MienError\n", 2, "only in engine.py"),
        ("blender_addon/a.py", "from . import core\n", 1, "only in engine.py"),
        ("blender_addon/ui/a.py", "from ..core import generator\n", 1, "only in engine.py"),
        ("blender_addon/a.py", "from blender_addon import engine\n", 1, "relative import"),
        ("blender_addon/a.py", "def f():\n    import torch\n", 2, "blender_addon must not import torch"),
        ("blender_addon/a.py", "import training.train\n", 1, "must not import training"),
        ("blender_addon/engine.py", "from core import generator\n", 1, "__package__"),
        ("blender_addon/engine.py", "from .core import generator\n", 1, "__package__"),
        ("blender_addon/engine.py", DOOR + "    from core import motion\n", 7, "__package__"),
        ("blender_addon/engine.py", DOOR + "    from .core.learning import losses\n", 7, "no core.learning"),
    ],
)
def test_the_checker_finds_planted_violations(path: str, source: str, line: int, words: str):
    (found,) = violations(path, source)
    assert found.startswith(f"{path}:{line}: ")
    assert words in found
