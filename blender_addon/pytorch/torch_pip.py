"""pip of Blender's own Python, watched from outside: started, waited for in small steps, ended with all it left."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ..engine import MienError
from .torch_folder import this_machine, this_python

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

T = TypeVar("T")

_HIDDEN = getattr(subprocess, "CREATE_NO_WINDOW", 0)
"""On Windows no console appears."""


_WITHOUT_PIP = {
    "PyTorch": "Use Blender from its makers, or the zip of Mien that brings PyTorch along.",
    "the landmark finder": "Use Blender from its makers, or choose a wheel that you downloaded.",
}
"""What to do in a Blender without pip."""

_PAUSE = 0.02
"""Seconds between two looks at whether something has ended."""


@dataclass(frozen=True)
class Source:
    """Where PyTorch comes from.

    Attributes:
        version: of torch; empty for the newest.
        index: the address of an index, or a folder of wheels; empty for what pip is set up with.
    """

    version: str = ""
    index: str = ""

    @property
    def is_folder(self) -> bool:
        """Nothing leaves this machine."""
        return bool(self.index) and "://" not in self.index

    @property
    def torch(self) -> str:
        """The requirement that pip reads."""
        return f"torch=={self.version}" if self.version else "torch"

    def options(self) -> list[str]:
        """What pip is told about it.

        Raises:
            MienError: the version or the index cannot be one.
        """
        if not re.fullmatch(r"[\w.+!]*", self.version):
            raise MienError(f"{self.version!r} is no version.", "Write it as in 2.13.0, or leave the field empty.")
        if not self.index:
            return []
        if not self.is_folder:
            return ["--index-url", self.index]
        if not Path(self.index).is_dir():
            raise MienError(f"There is no folder {self.index}.", "Choose a folder of wheels, or empty the field.")
        return ["--no-index", "--find-links", str(Path(self.index).resolve())]


def pip_command(what: str = "PyTorch") -> list[str]:
    """What starts pip: the module where it is installed, else the wheel that Python keeps to install it from.

    Args:
        what: is to be fetched, in words.

    Raises:
        MienError: this Python has neither.
    """
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    folders = [sysconfig.get_config_var("WHEEL_PKG_DIR")]
    keeper = importlib.util.find_spec("ensurepip")
    if keeper and keeper.origin:
        folders.append(str(Path(keeper.origin).parent / "_bundled"))
    wheels = sorted(wheel for one in folders if one for wheel in Path(one).glob("pip-*.whl"))
    if not wheels:
        raise MienError(
            f"Blender's Python has no pip, so it cannot get {what}.",
            _WITHOUT_PIP.get(what, "Use Blender from its makers."),
        )
    return [sys.executable, str(wheels[-1] / "pip")]


def pip(words: list[str], work: Path, what: str = "PyTorch") -> Generator[None, None, None]:
    """Runs pip and yields while it works; closing the generator ends pip.

    Args:
        words: its command and options.
        work: folder for its temporary files and its log.
        what: is fetched, in words.

    Raises:
        MienError: pip fails; the sentence says why.
    """
    temporary = work / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    room = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(temporary))
    # The person's own settings of pip hold (an index, a proxy), but not those that change where it installs.
    settings = {"PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0", "PIP_NO_INPUT": "1", "PYTHONIOENCODING": "utf-8"}
    common = ["--disable-pip-version-check", "--no-color", "--no-cache-dir"]
    log = work / "pip.txt"
    code = yield from run([*pip_command(what), *words, *common], {**room, **settings}, log)
    if code:
        raise _failure(log.read_text(encoding="utf-8", errors="replace"), what)


def run(command: list[str], settings: Mapping[str, str], log: Path) -> Generator[None, None, int]:
    """Runs a command and yields while it works; closing the generator ends it.

    Args:
        command: what to run.
        settings: more of its environment.
        log: file for all that it says.

    Returns:
        Its exit code.

    Raises:
        MienError: it cannot be started.
    """
    environment = {**os.environ, **settings}
    for name in ("PYTHONPATH", "PYTHONHOME", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT"):
        environment.pop(name, None)
    with log.open("wb") as said:
        try:
            process = subprocess.Popen(  # noqa: S603 - our own words, no shell
                command,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=log.parent,
                creationflags=_HIDDEN,
            )
        except OSError as problem:
            raise MienError(f"Blender's Python cannot be started ({problem.strerror}).") from problem
        try:
            while process.poll() is None:
                time.sleep(_PAUSE)
                yield
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    return process.returncode


def in_thread(work: Callable[[], T]) -> Generator[None, None, T]:
    """Does what would make the window wait in a thread, and yields meanwhile; its errors are raised here."""
    results: list[T] = []
    problems: list[Exception] = []

    def guarded() -> None:
        try:
            results.append(work())
        except Exception as problem:  # noqa: BLE001 - handed on below
            problems.append(problem)

    thread = threading.Thread(target=guarded, daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(_PAUSE)
        yield
    if problems:
        raise problems[0]
    return results[0]


def size_of(folder: Path) -> int:
    """Bytes of all files in a folder, of those that stay there while it looks."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(place, name)).st_size  # noqa: PTH118 - thousands of files, again and again
    return total


def free_bytes(folder: Path) -> int:
    """Room on the disk."""
    return shutil.disk_usage(folder).free


def _failure(said: str, what: str) -> MienError:
    """What pip complains about, as a sentence."""
    text = said.lower()
    # pip tries again and at last says that it found nothing: the reason stands before.
    words = ("retrying (", "failed to establish", "resolution", "timed out", "proxyerror", "certificate", "unreachable")
    if any(word in text for word in words):
        return MienError(f"The index of {what} cannot be reached.", "Look at the network and the index, and try again.")
    if "no matching distribution" in text or "could not find a version" in text:
        if what != "PyTorch":
            return MienError(f"The index does not have {what}.", "Choose a wheel that you downloaded.")
        return MienError(
            f"The index has no such PyTorch for Python {this_python()} on {this_machine()}.",
            "Choose another version or index.",
        )
    if "no space left" in text or "not enough space" in text:
        return MienError("The disk is full.", "Make room and try again.")
    lines = [line.removeprefix("ERROR:").strip() for line in said.splitlines() if line.startswith("ERROR")]
    lines = lines or [line.strip() for line in said.splitlines() if line.strip()] or ["it says nothing"]
    return MienError(f"pip cannot get {what} ({lines[-1].rstrip('.')[:200]}).")
