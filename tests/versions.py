"""The extension's tests in every Blender that it supports, each in an environment of its own: `make test-all`.

    python tests/versions.py                     all of them, and docs/versions.md is written
    python tests/versions.py 4.2 5.2 --quick     some of them, nothing is written

An environment holds what a person's Blender has: its own numpy, no torch. Exit code 0 when all are green; a Blender
that cannot be had on this machine (its Python, its wheel) is reported and counts as not green, unless --quick.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BLENDERS = {"4.2": ("4.2.23", "3.11"), "4.5": ("4.5.15", "3.11"), "5.0": ("5.0.1", "3.11"), "5.2": ("5.2.3", "3.13")}
"""Series -> the wheel of bpy, and the Python it is for."""

TOOLS = ("pytest", "hypothesis", "pillow", "tyro", "safetensors")
SUITE = ("tests/addon", "tests/test_import_rule.py")
TIMEOUT = 1200
"""Seconds that one Blender gets."""


@dataclass(frozen=True)
class Outcome:
    """How one Blender did."""

    series: str
    versions: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    problem: str = ""

    @property
    def green(self) -> bool:
        """All that ran has passed, and something ran."""
        return not self.problem and not self.failed and self.passed > 0


def environment(series: str) -> Path:
    """The Python of a Blender's environment, made where it is not there yet.

    Raises:
        FileNotFoundError: this machine lacks the Python.
        subprocess.CalledProcessError: something cannot be installed.
    """
    wheel, python = BLENDERS[series]
    folder = ROOT / ".venvs" / series
    own, mark = folder / "bin" / "python", folder / ".made"
    pins = [*_pins(), f"bpy=={wheel}"]
    if mark.is_file() and mark.read_text() == "\n".join(pins):
        return own
    found = _interpreter(python)
    subprocess.run([found, "-m", "venv", "--clear", str(folder)], check=True)
    subprocess.run([str(own), "-m", "pip", "install", "--quiet", *pins], check=True)
    mark.write_text("\n".join(pins))
    return own


def _interpreter(version: str) -> str:
    """A Python of this version that runs: on the PATH, or among those of pyenv."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for candidate in [shutil.which(f"python{version}"), *sorted(pyenv.glob(f"{version}.*/bin/python"))]:
        asked = [str(candidate), "-c", "import sys, venv; print('%d.%d' % sys.version_info[:2])"]
        if candidate and subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip() == version:
            return str(candidate)
    raise FileNotFoundError(f"there is no python{version} here")


def _pins() -> list[str]:
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    pins = dict(re.findall(r"^([\w-]+)==([\w.]+)$", text, re.MULTILINE))
    return [*(f"{name}=={pins[name]}" for name in TOOLS), "scipy>=1.11,<2"]


def run(series: str) -> Outcome:
    """The suite in one Blender."""
    try:
        python = environment(series)
    except FileNotFoundError as problem:
        return Outcome(series, BLENDERS[series][0], problem=str(problem))
    except subprocess.CalledProcessError as problem:
        return Outcome(series, BLENDERS[series][0], problem=f"its environment cannot be made ({problem})")
    asked = "import bpy, numpy, platform; print(bpy.app.version_string, platform.python_version(), numpy.__version__)"
    said = subprocess.run([str(python), "-c", asked], capture_output=True, text=True, check=False).stdout.split("\n")
    versions = next((line for line in said if re.match(r"\d+\.\d+\.\d+ ", line)), BLENDERS[series][0])
    report = ROOT / ".venvs" / f"{series}.xml"
    report.unlink(missing_ok=True)
    begun = time.monotonic()
    # The wheels of 4.2 and 4.5 may crash while Python ends, after the work: the report counts, not the exit code.
    try:
        subprocess.run(
            [str(python), "-m", "pytest", *SUITE, "-q", f"--junitxml={report}", "-o", "junit_logging=no"],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            timeout=TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Outcome(series, versions, problem=f"the tests took more than {TIMEOUT} seconds")
    return _read(series, versions, report, time.monotonic() - begun)


def _read(series: str, versions: str, report: Path, seconds: float) -> Outcome:
    try:
        suite = ET.parse(report).getroot().find("testsuite")
    except (OSError, ET.ParseError):
        return Outcome(series, versions, seconds=seconds, problem="the tests did not come to their end")
    assert suite is not None
    count = {name: int(suite.get(name, 0)) for name in ("tests", "failures", "errors", "skipped")}
    failed = count["failures"] + count["errors"]
    return Outcome(series, versions, count["tests"] - failed - count["skipped"], failed, count["skipped"], seconds)


def table(outcomes: list[Outcome]) -> str:
    """For people, and for docs/versions.md."""
    lines = ["| Blender, Python, numpy | passed | failed | skipped | seconds |", "| --- | --- | --- | --- | --- |"]
    for one in outcomes:
        result = one.problem or f"{one.passed} | {one.failed} | {one.skipped} | {one.seconds:.0f}"
        lines.append(f"| {', '.join(one.versions.split())} | {result} |")
    return "\n".join(lines)


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description="The extension's tests in every Blender that it supports.")
    parser.add_argument("series", nargs="*", metavar="SERIES", help=f"of {', '.join(BLENDERS)}; default, all")
    parser.add_argument("--quick", action="store_true", help="pass over a Blender that cannot be had here")
    options = parser.parse_args()
    unknown = sorted(set(options.series) - set(BLENDERS))
    if unknown:
        parser.error(f"there is no {', '.join(unknown)}; choose of {', '.join(BLENDERS)}")
    outcomes = [run(series) for series in options.series or BLENDERS]
    sys.stdout.write(f"\n{table(outcomes)}\n")
    if not options.series:
        page = (
            "# Tested Blenders\n\n`make test-all`, last run on "
            f"{datetime.now(UTC):%Y-%m-%d}: the extension built, installed from its zip and driven in each, "
            "without torch (`make test` has it). What is skipped needs torch or files that the project lacks.\n\n"
            f"{table(outcomes)}\n"
        )
        (ROOT / "docs" / "versions.md").write_text(page, encoding="utf-8")
    lacking = ("there is no python", "its environment cannot be made")
    passed_over = [one for one in outcomes if options.quick and one.problem.startswith(lacking)]
    return 0 if all(one.green for one in outcomes if one not in passed_over) else 1


if __name__ == "__main__":
    sys.exit(main())
