"""Faces looked for in a photo of any shape and size: windows of several sizes, and the photo turned where it must be.

The first network sees a face only where it takes a good part of a square picture. So windows go over the photo, the
largest first, until those that are left could only show faces that are small beside the ones found.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ..detection.faces import ROOM, Crop, Face, Sighting, apart, crop_around
from ..errors import Cancelled
from ..steps import Step
from .scaling import limited, shrunk
from .windows import GREY, SEEN_FROM, Turned

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from numpy.typing import NDArray

    from ..detection.faces import Reader
    from .picture import Picture

    Floats = NDArray[np.float64]
    Pixels = NDArray[np.float32]

SMALL = 0.5
"""A face smaller than so much of the largest one is background."""

_SEARCHED = 1280
"""Pixels of the longer side of the copy that faces are looked for in."""

_LEAST, _BOTH = 0.5, 0.6
"""How likely the first network must call a face for the second to have a look, and the product of what both say: the
second is easily persuaded, the first seldom sure of what is none."""

_SURE = 0.9
"""How sure the second must be where the photo was turned: turned things look like much."""

_LEVELS_TURNED = 3

_READ = 256
"""Pixels of the crop that points are read from at most: a little more than the second network takes."""

_TIMES, _STAYS = 8, 0.01
"""How often a crop is put right at most, and radians and shares of its side by which it then still moves."""

_DOUBT = 1e-6
"""Surer than this the second network never was of a face in a crop that stood askew."""

_LEAST_PIXELS = 8
"""A crop of fewer pixels shows nothing."""

_PROFILE = 0.16
"""Eyes that lie nearer to each other, in shares of the face's square, are those of a profile."""


@dataclass(frozen=True)
class Candidate:
    """What may be a face; places in pixels of the photo.

    Attributes:
        sighting: what the first network sees.
        face: what the second sees; None where it cannot have a look, as at a profile.
    """

    sighting: Sighting
    face: Face | None

    @property
    def score(self) -> float:
        """How sure the second network is, 0 to 1."""
        return 0.0 if self.face is None else self.face.score

    @property
    def is_face(self) -> bool:
        """Whether both networks see one."""
        return self.score * self.sighting.score >= _BOTH

    @property
    def is_profile(self) -> bool:
        """Whether the first network sees a face from the side."""
        return self.sighting.eyes < _PROFILE

    @property
    def square(self) -> Crop:
        """The face's own, about from the brows to the chin."""
        crop = self.sighting.crop if self.face is None else crop_around(self.face.points)
        return replace(crop, side=crop.side / ROOM)


def search(
    picture: Picture, reader: Reader, smallest: float, cancelled: Callable[[], bool] | None = None
) -> Generator[Step, None, list[Candidate]]:
    """What may be faces in a photo as it is; or where there is none, what are faces in it when it is turned.

    Args:
        picture: the photo.
        reader: the networks.
        smallest: pixels below which the square of a face is of no use, and not looked for.
        cancelled: asked between steps.

    Raises:
        Cancelled: as it was asked.
    """
    whole = over_grey(picture)
    small = limited(whole, _SEARCHED)
    upright: list[Candidate] = []
    for quarter in (0, 1, 3, 2):
        seen = Turned(np.ascontiguousarray(np.rot90(small, quarter)), quarter, picture.width / small.shape[1])
        levels = seen.levels(smallest)[: _LEVELS_TURNED if quarter else None]
        found = yield from _through(seen, levels, whole, reader, cancelled)
        if any(one.is_face for one in found if not quarter or one.score >= _SURE):
            return found
        upright = upright or found
    return upright


def _through(
    seen: Turned, levels: list[float], whole: Pixels, reader: Reader, cancelled: Callable[[], bool] | None
) -> Generator[Step, None, list[Candidate]]:
    """All windows, level after level, until the next could only show what is small beside the largest face."""
    sightings: list[Sighting] = []
    known: dict[int, Candidate] = {}
    windows = [seen.windows(side) for side in levels]
    done, total = 0, sum(map(len, windows))
    for number, (side, corners) in enumerate(zip(levels, windows, strict=True)):
        level = seen.at(side)
        for corner in corners:
            if cancelled is not None and cancelled():
                raise Cancelled
            yield Step(done, total, "looking for the face")
            done += 1
            every = reader.find_all(level.window(corner), _LEAST)
            sightings += [seen.in_photo(one, level, corner) for one in every]
        sightings = apart(sightings)
        known = {id(one): known.get(id(one)) or _looked_at(one, whole, reader) for one in sightings}
        largest = max((one.square.side for one in known.values() if one.is_face), default=0.0)
        # The first level is for faces that fill the photo; others are seen better in the second.
        if number and largest and SMALL * largest >= SEEN_FROM * side * seen.scale:
            break
    return list(known.values())


def _looked_at(one: Sighting, whole: Pixels, reader: Reader) -> Candidate:
    candidate = Candidate(one, None)
    return candidate if candidate.is_profile else Candidate(one, read_points(whole, one.crop, reader))


def read_surely(colours: Pixels, candidate: Candidate, reader: Reader) -> Face | None:
    """Reads a face until the crop is right, however wrong the first network was about how it is turned.

    The second network sees a face in a crop that stands askew, too, only not where it is.

    Args:
        colours: (H, W, 3) the photo.
        candidate: that is a face.
        reader: the networks.
    """
    first, best = candidate.sighting.crop, candidate.face
    for turn in (0.0, np.pi / 2, -np.pi / 2, np.pi):
        face = read_points(colours, replace(first, angle=first.angle + turn), reader, _TIMES)
        if face is not None and (best is None or turn == 0.0 or face.score > best.score):
            best = face
        if best is not None and 1 - best.score < _DOUBT:
            break
    return best


def read_points(colours: Pixels, crop: Crop, reader: Reader, times: int = 2) -> Face | None:
    """Reads the points of a face several times, each in the crop that the one before shows to be right.

    Args:
        colours: (H, W, 3) the photo.
        crop: where the face is, about.
        reader: the networks.
        times: at most; it ends when the crop stays.

    Returns:
        The face in pixels of the photo; None where there is nothing to be read.
    """
    face: Face | None = None
    for _ in range(times):
        face = _read_once(colours, crop, reader)
        if face is None or not np.isfinite(face.points).all():
            return None
        crop, before = crop_around(face.points), crop
        turned = abs((crop.angle - before.angle + np.pi) % (2 * np.pi) - np.pi)
        moved = max(float(np.linalg.norm(crop.centre - before.centre)), abs(crop.side - before.side))
        if turned < _STAYS and moved < _STAYS * crop.side:
            break
    return face


@dataclass(frozen=True)
class Piece:
    """What is around a crop, with no more pixels than are wanted.

    Attributes:
        pixels: (h, w, 3).
        crop: where it stands in them.
        scale: (2,) pixels of the piece for one of the photo.
        corner: (2,) column and row of the piece in the photo.
    """

    pixels: Pixels
    crop: Crop
    scale: Floats
    corner: Floats


def piece_of(colours: Pixels, crop: Crop, wanted: int) -> Piece | None:
    """Cuts what a crop shows out of a photo, shrunk until its side takes so many pixels; None beside the photo."""
    # The corners of a crop that stands on its tip lie 0.71 of its side from its middle.
    low = np.maximum(np.floor(crop.centre - 0.75 * crop.side), 0).astype(int)
    high = np.ceil(crop.centre + 0.75 * crop.side).astype(int)
    piece = colours[low[1] : max(high[1], 0), low[0] : max(high[0], 0)]
    if not piece.size or crop.side < _LEAST_PIXELS:
        return None
    small = shrunk(piece, wanted / crop.side)
    scale = np.array([small.shape[1] / piece.shape[1], small.shape[0] / piece.shape[0]])
    return Piece(small, Crop((crop.centre - low) * scale, crop.side * float(scale.mean()), crop.angle), scale, low)


def _read_once(colours: Pixels, crop: Crop, reader: Reader) -> Face | None:
    piece = piece_of(colours, crop, _READ)
    if piece is None:
        return None
    face = reader.read(piece.pixels, piece.crop)
    return Face(face.points / piece.scale + piece.corner, face.score, face.depth / float(piece.scale.mean()))


def over_grey(picture: Picture) -> Pixels:
    """(H, W, 3) the photo's colours, grey where it is see-through."""
    if picture.alpha is None:
        return picture.colours
    alpha = picture.alpha[:, :, None]
    return np.asarray(picture.colours * alpha + GREY * (1 - alpha), np.float32)
