"""PyTorch is looked up and fetched, in small steps that can be broken off; it comes whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import shutil
import sys
import threading
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit
from urllib.request import url2pathname

from ..engine import MienError, torch_wheels
from . import torch_folder
from .torch_pip import Source, free_bytes, in_thread, pip, run, size_of
from .torch_unpack import contents, unpack

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from ..engine import torch_wheels as wheels

T = TypeVar("T")

_WHEELS_ONLY = ["--only-binary=:all:", "--quiet"]
_HEARTBEAT = 60.0
"""Seconds after which a fetching that gave no sign of life is taken for dead."""

_LOOK = 1.0
"""Seconds between two looks at how much has come."""

_CHECK = """
import sys, json
sys.path.append(sys.argv[1])
import torch, numpy
assert torch.zeros(2).numpy().shape == (2,) and float(torch.from_numpy(numpy.ones(3)).sum()) == 3
print("MIEN " + json.dumps({"torch": torch.__version__, "at": torch.__file__, "numpy": numpy.__file__}))
"""


@dataclass(frozen=True)
class Step:
    """Where the work is.

    Attributes:
        words: what happens now.
        part: how much is done, 0 to 1.
    """

    words: str
    part: float = 0.0


@dataclass(frozen=True)
class Plan:
    """What would be fetched.

    Attributes:
        source: where from.
        wheels: which files.
        download: bytes.
        exact: the index told the size; else it is a rough one.
    """

    source: Source
    wheels: tuple[wheels.Wheel, ...]
    download: int
    exact: bool

    @property
    def version(self) -> str:
        """Of torch."""
        return next(wheel.version for wheel in self.wheels if wheel.name == "torch")

    def __str__(self) -> str:
        about = "" if self.exact else "about "
        disk = torch_wheels.in_words(torch_wheels.rough_bytes_unpacked(self.download))
        others = f" and {len(self.wheels) - 1} more" if len(self.wheels) > 1 else ""
        size = torch_wheels.in_words(self.download)
        return f"PyTorch {self.version}{others}: {about}{size} to download, about {disk} on disk"


def look_up(source: Source) -> Generator[Step, None, Plan]:
    """Asks the index what would be fetched and how big it is; nothing is downloaded but words about the wheels.

    Raises:
        MienError: there is no such torch, or the index cannot be reached.
    """
    options = source.options()
    with workplace(torch_folder.beside("part")) as work:
        report = work / "report.json"
        common = ["install", "--dry-run", "--ignore-installed", *_WHEELS_ONLY, "--report", str(report), *options]
        for _ in pip([*common, "--no-deps", source.torch], work):
            yield Step("Asking for PyTorch")
        said = json.loads(report.read_text(encoding="utf-8"))
        found = torch_wheels.reported(said)
        others = torch_wheels.companions(said, platform.system())
        if others:
            for _ in pip([*common, *others], work):
                yield Step("Asking for what it needs")
            found += torch_wheels.reported(json.loads(report.read_text(encoding="utf-8")))
    asking = in_thread(lambda: [_size(wheel.url) for wheel in found])
    sizes = yield from following(asking, lambda: Step("Asking how big it is"))
    if all(sizes):
        return Plan(source, tuple(found), sum(sizes), exact=True)
    return Plan(source, tuple(found), max(sum(sizes), torch_wheels.rough_bytes(platform.system())), exact=False)


def fetch(source: Source, plan: Plan | None = None) -> Generator[Step, None, str]:
    """Downloads, unpacks, tries out, and only then moves into place; closing it leaves nothing behind.

    Args:
        source: where from.
        plan: what `look_up` found there; looked up where it is missing.

    Returns:
        A sentence about what is there now.

    Raises:
        MienError: whatever is in the way; nothing is left behind.
    """
    if torch_folder.folder().exists():
        raise MienError("There is a PyTorch in Mien's folder already.", "Remove it first.")
    if plan is None or plan.source != source:
        plan = yield from look_up(source)
    with workplace(torch_folder.beside("part")) as work:
        yield from _download(plan, work)
        yield from _unpack(work)
        yield from _try_out(work)
        about = torch_folder.About(
            plan.version,
            torch_folder.this_python(),
            torch_folder.this_machine(),
            size_of(work / "site"),
            tuple(wheel.requirement for wheel in plan.wheels),
        )
        torch_folder.write_about(work / "site", about)
        (work / "site").rename(torch_folder.folder())
    return f"PyTorch {about.version} is here, {torch_wheels.in_words(about.size)} on disk."


def _download(plan: Plan, work: Path) -> Iterator[Step]:
    ask_for_room(work, plan.download + torch_wheels.rough_bytes_unpacked(plan.download))
    into = work / "wheels"
    words = ["download", "--no-deps", *_WHEELS_ONLY, "--dest", str(into), *plan.source.options()]
    step = growing(f"Downloading PyTorch {plan.version}", [into, work / "tmp"], plan.download)
    yield from following(pip([*words, *(wheel.requirement for wheel in plan.wheels)], work), step)


def _unpack(work: Path) -> Iterator[Step]:
    files = sorted((work / "wheels").glob("*.whl"))
    size = sum(one.file_size for file in files for one, _ in contents(file))
    ask_for_room(work, size)
    site, done = work / "site", 0
    for file in files:
        for count in unpack(file, site):
            done += count
            yield Step(f"Unpacking: {torch_wheels.in_words(done)} of {torch_wheels.in_words(size)}", done / size)
    if (site / "numpy").exists():
        raise MienError("This PyTorch brings a numpy of its own, which must not stand beside Blender's.")
    shutil.rmtree(work / "wheels")


def _try_out(work: Path) -> Iterator[Step]:
    """Imports it in a process of its own, with Blender's Python and numpy: one that crashes crashes there."""
    log = work / "check.txt"
    # -s: Blender itself does not look into the person's own site-packages.
    command = [sys.executable, "-s", "-c", _CHECK, str(work / "site")]
    code = yield from following(run(command, {}, log), lambda: Step("Trying it out", 0.99))
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    said = [json.loads(line.removeprefix("MIEN ")) for line in lines if line.startswith("MIEN ")]
    if code or not said:
        why = next((line.strip() for line in reversed(lines) if line.strip()), f"it ends with {code}")
        raise MienError(f"This PyTorch does not work in Blender's Python ({why.rstrip('.')[:200]}).")
    if not Path(said[0]["at"]).samefile(work / "site" / "torch" / "__init__.py"):
        raise MienError("Blender's Python has a PyTorch of its own already.", "Mien can use that one.")


def following(work: Generator[None, None, T], step: Callable[[], Step]) -> Generator[Step, None, T]:
    """Yields a step for each sign of life of some work, and closes the work when it is closed itself."""
    with contextlib.closing(work):
        while True:
            try:
                next(work)
            except StopIteration as end:
                outcome: T = end.value
                return outcome
            yield step()


def growing(words: str, folders: list[Path], total: int) -> Callable[[], Step]:
    """A step that looks now and then how much has come."""
    looked, size = -_LOOK, 0

    def step() -> Step:
        nonlocal looked, size
        if time.monotonic() - looked > _LOOK:
            size = min(sum(size_of(folder) for folder in folders), total)
            looked = time.monotonic()
        done = f"{torch_wheels.in_words(size)} of {torch_wheels.in_words(total)}"
        return Step(f"{words}: {done}", size / total if total else 0.0)

    return step


@contextlib.contextmanager
def workplace(work: Path, what: str = "PyTorch") -> Iterator[Path]:
    """A folder beside Mien's, on the same disk, for what is not whole yet; it goes however the work ends.

    Args:
        work: the folder.
        what: is fetched, in words.

    Raises:
        MienError: another Blender is at work there, or it cannot be made.
    """
    if is_alive(work):
        raise MienError(f"Another Blender is getting {what} at this moment.", "Wait until it is done.")
    try:
        clear_away(work)
        work.mkdir(parents=True)
        (work / "alive").touch()
    except OSError as problem:
        raise MienError(f"Mien's folder cannot be written ({problem.strerror}).") from problem
    over = threading.Event()
    threading.Thread(target=_keep_alive, args=(work, over), daemon=True).start()
    try:
        yield work
    except OSError as problem:
        raise MienError(f"Mien's folder does not take {what} ({problem.strerror}).") from problem
    finally:
        over.set()
        shutil.rmtree(work, ignore_errors=True)


def _keep_alive(work: Path, over: threading.Event) -> None:
    """Gives signs of life while the work lasts, also while Blender itself is busy with something else."""
    while not over.wait(_HEARTBEAT / 6):
        with contextlib.suppress(OSError):
            os.utime(work / "alive")


def is_alive(work: Path) -> bool:
    """Whether somebody gave a sign of life there not long ago."""
    try:
        return time.time() - (work / "alive").stat().st_mtime < _HEARTBEAT
    except OSError:
        return False


def clear_away(work: Path) -> None:
    """Deletes what a Blender that was killed has left of its fetching in a workplace."""
    if work.exists() and not is_alive(work):
        shutil.rmtree(work, ignore_errors=True)


def ask_for_room(work: Path, needed: int, what: str = "PyTorch") -> None:
    """Raises MienError where the disk has no room for so many bytes."""
    free = free_bytes(work)
    if free < needed:
        raise MienError(
            f"There is no room for {what}: it needs {torch_wheels.in_words(needed)} on the disk, and "
            f"{torch_wheels.in_words(free)} are free.",
            "Make room and try again.",
        )


def _size(url: str) -> int:
    """Bytes of a wheel, by its head alone; 0 where nobody tells."""
    parts = urlsplit(url)
    try:
        if parts.scheme == "file":
            return Path(url2pathname(parts.path)).stat().st_size
        if parts.scheme not in ("http", "https"):
            return 0
        ask = urllib.request.Request(url, method="HEAD")  # noqa: S310 - the scheme was looked at
        with urllib.request.urlopen(ask, timeout=10) as answer:  # noqa: S310
            return int(answer.headers.get("Content-Length") or 0)
    except (OSError, ValueError):
        return 0
