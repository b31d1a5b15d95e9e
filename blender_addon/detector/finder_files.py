"""The landmark finder in Mien's own folder: two small networks and their licence; nothing in them is ever executed."""

from __future__ import annotations

import shutil
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import bpy

from ..engine import MienError, Reader, detector_files
from ..version import PACKAGE

if TYPE_CHECKING:
    from collections.abc import Mapping

WHEEL, DIGESTS = detector_files.WHEEL, detector_files.DIGESTS
FINDER, LANDMARKS = detector_files.FINDER, detector_files.LANDMARKS

DOWNLOAD, KEPT = 35_622_638, 1_484_443
"""Bytes of the wheel, and of the three files that are kept of it."""


def folder() -> Path:
    """Where the files lie once they were fetched; nothing is made by asking.

    An extension gets a folder of its own, which Blender removes with it; a clone gets a common one.
    """
    try:
        return Path(bpy.utils.extension_path_user(PACKAGE), "landmarks")
    except ValueError:
        return Path(bpy.utils.user_resource("DATAFILES"), "mien", "landmarks")


def workplace() -> Path:
    """Where it is put together before it is whole."""
    return folder().with_suffix(".part")


def is_here() -> bool:
    """Whether it was fetched; whether it is undamaged is seen when it is read."""
    return (folder() / LANDMARKS).is_file()


def check(files: Mapping[str, bytes]) -> None:
    """Raises MienError where the files are not, byte for byte, those that Mien knows."""
    detector_files.check(files, DIGESTS)


def reader() -> Reader:
    """The networks, read once.

    Raises:
        MienError: they are not here, or damaged.
    """
    if not is_here():
        raise MienError("The landmark finder is not here.", "Get it in Mien's preferences.")
    changed = tuple((folder() / name).stat().st_mtime_ns for name in DIGESTS if (folder() / name).exists())
    return _read(str(folder()), changed)


@lru_cache(maxsize=1)
def _read(place: str, _changed: tuple[int, ...]) -> Reader:
    try:
        files = {name: Path(place, name).read_bytes() for name in DIGESTS}
    except OSError as problem:
        raise MienError(
            f"The landmark finder cannot be read ({problem.strerror}).",
            "Remove it in Mien's preferences, and get it again.",
        ) from problem
    check(files)
    return Reader(files[FINDER], files[LANDMARKS])


def remove() -> None:
    """Deletes it.

    Raises:
        MienError: it is not here, or the system does not let it go.
    """
    if not folder().exists():
        raise MienError("The landmark finder is not here.")
    try:
        shutil.rmtree(folder())
    except OSError as problem:
        raise MienError(f"The landmark finder cannot be deleted ({problem.strerror}).", "Try again.") from problem
    _read.cache_clear()
