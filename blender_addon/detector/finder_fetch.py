"""The landmark finder is fetched: a wheel is downloaded, three files are taken out, the rest is thrown away."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import bpy

from ..engine import MienError, detector_files, torch_wheels
from ..pytorch.torch_jobs import Step, ask_for_room, clear_away, following, growing, workplace
from ..pytorch.torch_pip import pip, pip_command
from . import finder_files

if TYPE_CHECKING:
    from collections.abc import Generator

WHAT = "the landmark finder"


def hindrance(wheel: str) -> str:
    """Why it cannot be fetched now; empty where it can.

    Args:
        wheel: a wheel on this disk; empty to download one.
    """
    if finder_files.is_here():
        return "The landmark finder is here already."
    if wheel:
        return "" if Path(wheel).is_file() else f"There is no file {wheel}."
    if not bpy.app.online_access:
        return "Blender may not go online: see Preferences, System, Network, Allow Online Access."
    try:
        pip_command(WHAT)
    except MienError as problem:
        return str(problem)
    return ""


def fetch(wheel: str = "") -> Generator[Step, None, str]:
    """Downloads, takes out, checks, and only then moves into place; closing it leaves nothing behind.

    Args:
        wheel: a wheel on this disk to take instead of downloading one.

    Returns:
        A sentence about what is here now.

    Raises:
        MienError: whatever is in the way; nothing is left behind.
    """
    if finder_files.folder().exists():
        if finder_files.is_here():
            raise MienError("The landmark finder is here already.", "Remove it first.")
        finder_files.remove()
    with workplace(finder_files.workplace(), WHAT) as work:
        if not wheel:
            yield from _download(work)
        yield Step("Checking", 0.99)
        files = taken_out(Path(wheel) if wheel else next((work / "wheels").glob("*.whl")))
        finder_files.check(files)
        made = work / "landmarks"
        made.mkdir()
        for name, content in files.items():
            (made / name).write_bytes(content)
        made.rename(finder_files.folder())
    kept = torch_wheels.in_words(sum(len(content) for content in files.values()))
    return f"The landmark finder is here, {kept} on disk."


def _download(work: Path) -> Generator[Step, None, None]:
    # pip keeps a second copy for a moment.
    ask_for_room(work, 2 * finder_files.DOWNLOAD + finder_files.KEPT, WHAT)
    into = work / "wheels"
    words = ["download", "--no-deps", "--only-binary=:all:", "--quiet", *detector_files.SELECTION, "--dest", str(into)]
    step = growing("Downloading", [into, work / "tmp"], finder_files.DOWNLOAD)
    yield from following(pip([*words, finder_files.WHEEL], work, WHAT), step)


def taken_out(wheel: Path) -> dict[str, bytes]:
    """See `core.detection.files.taken_out`."""
    return detector_files.taken_out(wheel, finder_files.DIGESTS)


def clear() -> None:
    """Deletes what a Blender that was killed has left."""
    clear_away(finder_files.workplace())
