"""Photos are read, and the faces in them found, before anything in the scene changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .. import engine
from ..detector import finder_files
from ..engine import MienError
from .reading import read_photo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from ..engine import Picture, Reader, Step


_PARTS = 100
"""Steps that a photo counts for."""


class Looked(NamedTuple):
    """What was seen in a photo.

    Attributes:
        path: of its file.
        points: (468, 3) of the face; None where none was found, or where there is no landmark finder.
        problem: why none was found, one or two sentences; empty where nothing is wrong.
        readable: whether it is a photo at all.
    """

    path: Path
    points: NDArray[np.float64] | None = None
    problem: str = ""
    readable: bool = True


class LookJob:
    """A look at photos, one after the other: make it, walk through `compute`, then read `seen`.

    Args:
        wanted: paths, and which face is meant in each: counted from the left, 0 for the only one.

    Attributes:
        seen: what was seen, in the same order.

    Raises:
        MienError: the landmark finder is damaged.
    """

    def __init__(self, wanted: Sequence[tuple[Path, int]]) -> None:
        self._wanted = wanted
        self._reader = finder_files.reader() if finder_files.is_here() else None
        self.seen: list[Looked] = []

    def compute(self, cancelled: Callable[[], bool] | None = None) -> Iterator[Step]:
        """Does the work, a little at each step; yields how far it is.

        Raises:
            Cancelled: as it was asked.
        """
        total = _PARTS * len(self._wanted)
        for number, (path, which) in enumerate(self._wanted):
            yield engine.Step(_PARTS * number, total, f"reading {path.name}")
            try:
                picture = read_photo(path)
            except MienError as problem:
                self.seen.append(Looked(path, problem=str(problem), readable=False))
                continue
            if self._reader is None:
                self.seen.append(Looked(path))
                continue
            for step in self._find(path, picture, self._reader, which, cancelled):
                part = _PARTS * min(step.done / max(step.total, 1), 1)
                yield engine.Step(_PARTS * number + int(part), total, f"looking at {path.name}")

    def _find(
        self, path: Path, picture: Picture, reader: Reader, which: int, cancelled: Callable[[], bool] | None
    ) -> Iterator[Step]:
        try:
            found = yield from engine.find_in_steps(picture, reader, which, cancelled)
        except engine.Cancelled:
            raise
        except MienError as problem:
            self.seen.append(Looked(path, problem=str(problem)))
        else:
            self.seen.append(Looked(path, found.points))
