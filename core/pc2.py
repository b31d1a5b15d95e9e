"""PC2 point caches: every vertex of every frame in one flat file, which Blender's Mesh Cache modifier plays.

Little endian: "POINTCACHE2" and a zero, version 1, points V, start (frame), sample rate (frames from one sample to the
next), samples T; then T x V x 3 single precision numbers, in the object's own axes and unit.
"""

from __future__ import annotations

import contextlib
import math
import os
import struct
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

import numpy as np

from .errors import MienError, MotionError

if TYPE_CHECKING:
    from types import TracebackType

    from numpy.typing import NDArray

_HEADER = struct.Struct("<12siiffi")
_MAGIC, _VERSION = b"POINTCACHE2\0", 1
_MAX_COUNT = 2**31 - 1


class Pc2Writer:
    """Writes a cache whole or not at all: beside its place first, which it takes when all frames are there.

    To be used in a `with`; whatever goes wrong in it leaves the folder, and a file that was there before, as it was.

    Args:
        path: the file; its folder must be there.
        vertex_count: V, at least 1.
        start: scene frame of the first sample.
        step: frames from one sample to the next, above 0.
        count: T, samples that will be written, at least 1.

    Raises:
        MotionError: numbers out of range.
    """

    def __init__(self, path: Path | str, vertex_count: int, start: float, step: float, count: int) -> None:
        if not (1 <= vertex_count <= _MAX_COUNT and 1 <= count <= _MAX_COUNT):
            raise MotionError(f"A cache cannot hold {count} frames of {vertex_count} vertices.")
        if not (math.isfinite(start) and math.isfinite(step) and step > 0):
            raise MotionError(f"A cache cannot begin at frame {start} in steps of {step}.")
        self.path = Path(path)
        self._header = _HEADER.pack(_MAGIC, _VERSION, vertex_count, start, step, count)
        self._vertices, self._count, self._written = vertex_count, count, 0
        self._file: IO[bytes] | None = None
        self._temporary = self.path

    def __enter__(self) -> Self:
        """Makes the temporary file.

        Raises:
            MienError: the folder cannot be written to.
        """
        try:
            handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}-")
        except OSError as problem:
            raise _cannot(self.path, problem) from problem
        self._temporary, self._file = Path(name), os.fdopen(handle, "wb")
        try:
            self._put(self._header)
        except MienError:
            self._drop()
            raise
        return self

    def write(self, frames: NDArray[np.floating[Any]]) -> None:
        """The next samples.

        Args:
            frames: (n, V, 3) positions, object's axes and unit.

        Raises:
            MotionError: another shape, more samples than promised, numbers that are not finite.
            MienError: the disk refuses.
        """
        given = np.ascontiguousarray(frames, "<f4")
        if given.ndim != 3 or given.shape[1:] != (self._vertices, 3):
            raise MotionError(
                f"The cache holds {self._vertices} vertices; frames of the shape {given.shape} do not fit."
            )
        if self._written + len(given) > self._count:
            raise MotionError(f"The cache was made for {self._count} frames, and more were given.")
        if not np.isfinite(given).all():
            raise MotionError("Some frames hold values that are not finite numbers.")
        self._put(given.data)
        self._written += len(given)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Puts the file into its place, or removes it.

        Raises:
            MotionError: frames are missing.
            MienError: the disk refuses.
        """
        assert self._file is not None
        try:
            if kind is None:
                self._finish()
        finally:
            self._drop()

    def _finish(self) -> None:
        assert self._file is not None
        if self._written != self._count:
            raise MotionError(f"The cache was made for {self._count} frames, and got {self._written}.")
        try:
            self._file.close()
            self._temporary.chmod(0o644)
            self._temporary.replace(self.path)
        except OSError as problem:
            raise _cannot(self.path, problem) from problem

    def _put(self, data: Any) -> None:
        if self._file is None or self._file.closed:
            raise MotionError("The cache is not open.", "Write within its with.")
        try:
            self._file.write(data)
        except OSError as problem:
            raise _cannot(self.path, problem) from problem

    def _drop(self) -> None:
        """Closes and removes the temporary file where it still is."""
        assert self._file is not None
        # A full disk refuses what was left in the buffer; the file goes anyway.
        with contextlib.suppress(OSError):
            self._file.close()
        self._temporary.unlink(missing_ok=True)


@dataclass(frozen=True)
class Pc2:
    """A cache in memory.

    Attributes:
        start: scene frame of the first sample.
        step: frames from one sample to the next.
        frames: (T, V, 3) float32.
    """

    start: float
    step: float
    frames: NDArray[np.float32]


def read_pc2(path: Path | str) -> Pc2:
    """Reads a cache; its header and its size are checked.

    Raises:
        MotionError: it is no such cache, or it is cut off.
        MienError: the file cannot be read.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as problem:
        raise MienError(f"{path.name} cannot be read ({problem.strerror}).") from problem
    if len(data) < _HEADER.size:
        raise MotionError(f"{path.name} is no point cache.")
    magic, version, points, start, step, samples = _HEADER.unpack_from(data)
    if magic != _MAGIC or version != _VERSION or points < 1 or samples < 1:
        raise MotionError(f"{path.name} is no point cache.")
    if len(data) != _HEADER.size + 12 * points * samples:
        raise MotionError(f"{path.name} is cut off or damaged.", "Bake again.")
    frames = np.frombuffer(data, "<f4", offset=_HEADER.size).reshape(samples, points, 3)
    return Pc2(start, step, frames.astype(np.float32))


def _cannot(path: Path, problem: OSError) -> MienError:
    return MienError(
        f"{path.name} cannot be written ({problem.strerror or problem}).",
        "Choose another folder, or make room on the disk.",
    )
