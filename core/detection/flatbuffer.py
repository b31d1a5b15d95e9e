"""Flatbuffers, the container of TensorFlow Lite's files: tables whose fields are found by their numbers."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Table:
    """A table of a flatbuffer; a field that is not there has its default.

    Args:
        content: the whole file.
        place: where the table begins.

    Raises:
        struct.error, ValueError: here and in all that is asked of it: a place beyond the end.
    """

    def __init__(self, content: bytes, place: int) -> None:
        self._content, self._place = content, place
        fields = place - self._at(place, "i")
        self._fields = struct.unpack_from(f"<{max(self._at(fields, 'H') - 4, 0) // 2}H", content, fields + 4)

    def _at(self, place: int, kind: str) -> int:
        if place < 0:
            # A negative place would count from the end.
            raise ValueError("a place before the beginning")
        value: int = struct.unpack_from("<" + kind, self._content, place)[0]
        return value

    def _where(self, field: int) -> int:
        """Where a field lies; 0 where it is not there."""
        offset = self._fields[field] if field < len(self._fields) else 0
        return self._place + offset if offset else 0

    def _target(self, field: int) -> int:
        """Where what a field points at lies; 0 where it is not there."""
        place = self._where(field)
        return place + self._at(place, "I") if place else 0

    def number(self, field: int, kind: str, default: int = 0) -> int:
        """A number, of a kind that `struct` names."""
        place = self._where(field)
        return self._at(place, kind) if place else default

    def table(self, field: int) -> Table | None:
        """A table that the field points at."""
        place = self._target(field)
        return Table(self._content, place) if place else None

    def tables(self, field: int) -> list[Table]:
        """A list of tables."""
        place = self._target(field)
        if not place:
            return []
        count = self._at(place, "I")
        if place + 4 + 4 * count > len(self._content):
            raise ValueError("a list beyond the end")
        starts = [place + 4 * (1 + index) for index in range(count)]
        return [Table(self._content, start + self._at(start, "I")) for start in starts]

    def array(self, field: int, dtype: str) -> NDArray[Any]:
        """A list of numbers."""
        place = self._target(field)
        if not place:
            return np.zeros(0, dtype)
        return np.frombuffer(self._content, dtype, self._at(place, "I"), place + 4)


def root(content: bytes) -> Table:
    """The first table of a file.

    Raises:
        struct.error, ValueError: it is no flatbuffer.
    """
    return Table(content, struct.unpack_from("<I", content, 0)[0])
