"""What a camera writes beside a photo: how it was held, and with which lens; anything may be damaged or absent."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ORIENTATION, _MORE = 0x0112, 0x8769
_FOCAL, _FOCAL_35, _WIDTH, _HEIGHT = 0x920A, 0xA405, 0xA002, 0xA003
_PLANE_X, _PLANE_UNIT = 0xA20E, 0xA210
_FORMATS = {1: "B", 3: "H", 4: "I", 5: "II", 6: "b", 8: "h", 9: "i", 10: "ii", 11: "f", 12: "d"}
"""Types of numbers that are read; those of two parts are fractions."""

_UNITS = {2: 25.4, 3: 10.0, 4: 1.0, 5: 0.001}
"""Millimetres of the units that a sensor's pixels are counted in."""

_MOST_TAGS = 1000
_DIAGONAL = math.hypot(36.0, 24.0)
"""Millimetres, of the film that focal lengths are told for."""

_SHORTEST, _LONGEST = 0.15, 30.0
"""Focal lengths in diagonals of the photo that any camera has."""

_SAME_SHAPE = 0.02
"""Sides whose ratio differs by more, in shares of it, are those of a photo that was cropped since."""


@dataclass(frozen=True)
class Exif:
    """What is said.

    Attributes:
        orientation: 1 to 8, as the standard counts them; 1 is upright.
        focal: mm of the lens; 0 where it is not said.
        focal_35: mm of the lens that shows as much on 35 mm film; 0 where it is not said.
        plane: pixels on a mm of the sensor; 0 where it is not said.
        size: width and height in pixels when it was taken; 0 where it is not said.
    """

    orientation: int = 1
    focal: float = 0.0
    focal_35: float = 0.0
    plane: float = 0.0
    size: tuple[int, int] = (0, 0)


def read_exif(data: bytes) -> Exif:
    """From a block of EXIF, which is a TIFF file without pictures; what makes no sense is as if it were not there."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(data[:4])
    if order is None or len(data) < 8:
        return Exif()
    first = _tags(data, order, struct.unpack_from(order + "I", data, 4)[0])
    more = _tags(data, order, int(first[_MORE])) if _MORE in first else {}
    unit = _UNITS.get(int(more.get(_PLANE_UNIT, 2)), 0.0)
    orientation = int(first.get(_ORIENTATION, 1))
    return Exif(
        orientation if 1 <= orientation <= 8 else 1,
        more.get(_FOCAL, 0.0),
        more.get(_FOCAL_35, 0.0),
        more.get(_PLANE_X, 0.0) / unit if unit else 0.0,
        (int(more.get(_WIDTH, 0)), int(more.get(_HEIGHT, 0))),
    )


def _tags(data: bytes, order: str, start: int) -> dict[int, float]:
    """The first number of each tag of a directory, where it is one that is 0 or more."""
    found: dict[int, float] = {}
    if start + 2 > len(data):
        return found
    (count,) = struct.unpack_from(order + "H", data, start)
    for number in range(min(count, _MOST_TAGS)):
        at = start + 2 + 12 * number
        if at + 12 > len(data):
            break
        tag, kind, length = struct.unpack_from(order + "HHI", data, at)
        form = order + _FORMATS.get(kind, "")
        size = struct.calcsize(form)
        place = at + 8 if size * length <= 4 else struct.unpack_from(order + "I", data, at + 8)[0]
        if not size or not length or place + size > len(data):
            continue
        value = struct.unpack_from(form, data, place)
        whole = value[0] / value[1] if len(value) == 2 and value[1] else float(value[0]) if len(value) == 1 else 0.0
        if math.isfinite(whole) and whole >= 0:
            found.setdefault(tag, whole)
    return found


def focal_in_pixels(exif: Exif, width: int, height: int) -> float | None:
    """The focal length in pixels of a photo of this size; None where it is not told.

    A photo that was cropped since it was taken, as its shape tells, has none: what its camera said is wrong for it.
    """
    diagonal, taken = math.hypot(width, height), exif.size
    if all(taken):
        now, then = max(width, height) / min(width, height), max(taken) / min(taken)
        if abs(now / then - 1) > _SAME_SHAPE:
            return None
    focal = exif.focal_35 / _DIAGONAL * diagonal
    if not focal and all(taken):
        focal = exif.focal * exif.plane * max(width, height) / max(taken)
    elif not focal:
        focal = exif.focal * exif.plane
    return focal if _SHORTEST * diagonal <= focal <= _LONGEST * diagonal else None


def upright(values: NDArray[np.float32], orientation: int) -> NDArray[np.float32]:
    """A photo as it was meant to be seen.

    Args:
        values: (H, W, C) as it was stored.
        orientation: see `Exif`.

    Returns:
        (H, W, C), or (W, H, C) where it was stored on its side.
    """
    turned = np.rot90(values, {3: 2, 4: 2, 5: -1, 6: -1, 7: 1, 8: 1}.get(orientation, 0))
    return turned[:, ::-1] if orientation in {2, 4, 5, 7} else turned
