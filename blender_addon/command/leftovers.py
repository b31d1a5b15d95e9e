"""Half-written files of processes that were killed: found where shots are written, and removed."""

from __future__ import annotations

import contextlib
import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from .shots import Shot

TEMPORARY = ".mien-"
"""What the names of files begin with that `scene_io.write` has not finished."""

OLD_SECONDS = 3600.0
"""No file takes so long to write: what is older is nobody's."""


@dataclass(frozen=True)
class Lost:
    """A shot whose process was killed, and between which times of the clock (seconds since 1970)."""

    shot: Shot
    begun: float
    ended: float


def remove_old(shots: Sequence[Shot]) -> None:
    """Removes what killed processes of earlier days left where these shots are written."""
    for path, written in _found([path for shot in shots for path in shot.writes]):
        if time.time() - written > OLD_SECONDS:
            _remove(path)


def remove_lost(lost: Sequence[Lost]) -> None:
    """Removes what these shots left half-written; to be called when none of the batch's processes writes any more."""
    for one in lost:
        for path, written in _found(one.shot.writes):
            if one.begun - 1 <= written <= one.ended + 1:
                _remove(path)


def _found(written: Sequence[Path]) -> Iterator[tuple[Path, float]]:
    # A mesh cache is begun under its own name between a dot and a dash.
    begun = {f".{path.name}" for path in written}
    for folder in {path.parent for path in written}:
        with contextlib.suppress(OSError):
            for path in sorted(folder.glob(".*-*")):
                if path.name.startswith(TEMPORARY) or path.name.rpartition("-")[0] in begun:
                    with contextlib.suppress(OSError):
                        yield path, path.stat().st_mtime


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
        return
    with contextlib.suppress(OSError):
        path.unlink()
