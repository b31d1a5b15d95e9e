"""Landmarks by themselves: the head is found in pictures, looked at from several sides, and the views agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..errors import Cancelled, MienError
from ..steps import Step
from .agreement import agree
from .faces import LEFT_EYE, MOUTH, RIGHT_EYE, Crop, Reader, crop_around
from .views import Head, Shot, View, shoot

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from numpy.typing import NDArray

    from ..wrapping.surface import TreeSurface

    Floats = NDArray[np.float64]

VIEWS = ((0, 0), (-15, 0), (15, 0), (-30, 0), (30, 0), (0, 15), (0, -15))
"""Yaw and pitch, in degrees, from which the found face is looked at."""

POINTS_NEEDED = 150
"""Fewer points than these, of 468, are no face that is understood."""

SURE = 0.8
"""From here on no other side of the head is tried."""

_UNSURE = 0.5
"""Below this, no view is believed."""

_COARSE, _FINE = 128, 256
"""Pixels of a picture that the face is searched in, and of one that its points are read from."""

_MARGIN = 1.65
"""How much more than its points a picture of the face shows."""

_OUTER = 1.0
"""Percent of the vertices at each end that may be strays, far from the head."""

_STRAYS = 0.7
"""Where what is left without strays is less than this share of the whole mesh, they are left out."""

_TOPS = (0.5, 0.3, 0.18, 0.12)
"""Which parts of a tall mesh are searched for its head, from the top."""


@dataclass(frozen=True)
class Detected:
    """The points of a face.

    Attributes:
        points: (468, 3) in the mesh' unit and axes, on its surface; NaN where not kept.
        kept: (468,) bool, those that enough views agree on.
        spread: (468,) how far the views lie apart, in the mesh' unit; NaN where not kept.
        score: how sure the network is that this is a face, 0 to 1.
        view: the frontal one.
    """

    points: Floats
    kept: NDArray[np.bool_]
    spread: Floats
    score: float
    view: View


def detect(
    surface: TreeSurface,
    reader: Reader,
    cancelled: Callable[[], bool] | None = None,
    looks_from: Sequence[Floats] | None = None,
) -> Generator[Step, None, Detected]:
    """Finds the points of a face on a mesh, whichever way it looks, also on a whole body.

    Args:
        surface: the mesh.
        reader: the two networks.
        cancelled: asked between steps.
        looks_from: from where to look for the face, each as `View.axes`; from all `sides` where not given.

    Yields:
        A step before each picture.

    Raises:
        MienError: it sees no face, or does not understand it.
        Cancelled: as it was asked.
    """
    every = sides() if looks_from is None else looks_from
    head, done, total = Head.of(surface), 0, len(every) + len(VIEWS)

    def step(doing: str) -> Step:
        if cancelled is not None and cancelled():
            raise Cancelled
        return Step(done, total, doing)

    front: _Look | None = None
    for axes in every:
        yield step("looking for the face")
        found = _look(head, axes, reader)
        front = found if front is None or (found is not None and found.score > front.score) else front
        done += 1
        if front is not None and front.score >= SURE:
            break
    if front is None:
        raise _unseen()
    total, looks = done + len(VIEWS), []
    for yaw, pitch in VIEWS:
        yield step("looking at the face from several sides")
        looks.append(_again(head, front.view.turned(yaw, pitch), front.places, reader))
        done += 1
    return _detected(front, [one for one in looks if one is not None and one.score >= _UNSURE])


def sides() -> list[Floats]:
    """24 ways to look at a mesh along its axes, the usual ones first; each as `View.axes`."""
    x, y, z = np.eye(3)
    found = []
    for up in (z, y, -y, x, -x, -z):
        first = {2: -y, 1: z, 0: -y}[int(np.abs(up).argmax())]
        aside = np.cross(up, first)
        found += [np.stack([np.cross(up, to), up, to]) for to in (first, aside, -aside, -first)]
    return found


@dataclass(frozen=True)
class _Look:
    """One picture that was read.

    Attributes:
        view: from where.
        places: (468, 3) where the points lie on the mesh; NaN for those beside it.
        facing: (468,) how much the surface looks at the viewer there.
        score: how sure the network is, 0 to 1.
    """

    view: View
    places: Floats
    facing: Floats
    score: float


def _look(head: Head, axes: Floats, reader: Reader) -> _Look | None:
    """Searches the whole mesh from one side, and its top; None where nothing looks like a face."""
    best: _Look | None = None
    for view in _windows(head, axes):
        shot = shoot(head, view, _COARSE)
        crop, score = reader.find(shot.pictures[0])
        if score < _UNSURE:
            continue
        depth = shot.depth[np.isfinite(shot.depth)].max(initial=-np.inf)
        if not np.isfinite(depth):
            continue
        flat = (crop.centre - _COARSE / 2) * (view.side / _COARSE) * [1.0, -1.0]
        centre = view.centre + np.array([*flat, depth]) @ axes
        zoomed = View(axes, centre, crop.side / _COARSE * view.side * 1.1)
        found = _from_the_front(head, _read(shoot(head, zoomed, _FINE), None, reader), reader)
        if found is not None and (best is None or found.score > best.score):
            best = found
        if best is not None and best.score >= SURE:
            break
    return best


def _windows(head: Head, axes: Floats) -> Iterator[View]:
    """The whole mesh, most of it, then squares at its upper end, as wide as a part of its height."""
    flat = head.surface.vertices @ axes.T
    low, high = flat.min(axis=0), flat.max(axis=0)
    whole = float((high - low)[:2].max())
    if whole > 0:
        yield View(axes, (low + high) / 2 @ axes, whole * 1.1)
    inner = np.percentile(flat, [_OUTER, 100 - _OUTER], axis=0)
    most = float((inner[1] - inner[0])[:2].max()) * 1.1
    if 0 < most < _STRAYS * whole:
        # A few strays far away make the head a speck in the picture of all.
        low, high = inner
        flat = flat[((flat >= low) & (flat <= high)).all(axis=1)]
        yield View(axes, (low + high) / 2 @ axes, most * 1.1)
    for part in _TOPS:
        side = part * (high[1] - low[1])
        if not 0 < side < 0.9 * (high - low)[0]:
            continue
        top = flat[flat[:, 1] > high[1] - side]
        if not len(top):
            continue
        middle = (top.min(axis=0) + top.max(axis=0)) / 2
        yield View(axes, np.array([np.median(top[:, 0]), high[1] - 0.45 * side, middle[2]]) @ axes, float(side) * 1.1)


def _read(shot: Shot, around: Floats | None, reader: Reader) -> _Look | None:
    """Reads the points in each light, twice: the second time in the crop that the first one shows to be right.

    Args:
        shot: the pictures.
        around: (468, 2) where the points will be, about; None for the middle of the picture.
        reader: the networks.
    """
    size = len(shot.depth)
    crop = Crop(np.full(2, size / 2), size / 1.1) if around is None else crop_around(around)
    points, score = np.empty((0, 2)), 0.0
    for _ in range(2):
        faces = [reader.read(picture, crop) for picture in shot.pictures]
        points = np.mean([one.points for one in faces], axis=0)
        score = min(one.score for one in faces)
        crop = crop_around(points)
        if not np.isfinite(points).all() or crop.side < 8:
            return None
    places, facing = shot.places(points)
    return _Look(shot.view, places, facing, score)


def _again(head: Head, view: View, places: Floats, reader: Reader) -> _Look | None:
    """Reads the face once more, from elsewhere; `places` (468, 3) are where its points lie, about."""
    known = np.isfinite(places).all(axis=1)
    around = view.pixels(np.where(known[:, None], places, np.nanmean(places, axis=0)), _FINE)
    return _read(shoot(head, view, _FINE), around, reader)


def _from_the_front(head: Head, look: _Look | None, reader: Reader) -> _Look | None:
    """The face as its eyes and mouth lie straight, twice, since the first look was turned; None where it is none."""
    for _ in range(2):
        view = None if look is None or look.score < _UNSURE else frontal(look.places)
        look = None if view is None or look is None else _again(head, view, look.places, reader)
    return look if look is not None and look.score >= _UNSURE else None


def frontal(places: Floats) -> View | None:
    """The view straight at a face, with room around it.

    Args:
        places: (468, 3) its points; some may be NaN.

    Returns:
        The view; None where an eye or the mouth is not there, or they lie on one line.
    """
    corners = [places[list(names)] for names in (RIGHT_EYE, LEFT_EYE, MOUTH)]
    if any(not np.isfinite(one).any(axis=0).all() for one in corners):
        return None
    right, left, mouth = (np.nanmean(one, axis=0) for one in corners)
    across = left - right
    upwards = (right + left) / 2 - mouth
    toward = np.cross(across, upwards)
    if np.linalg.norm(toward) <= 0.05 * np.linalg.norm(across) * np.linalg.norm(upwards):
        return None
    axes = np.stack([across, np.cross(toward, across), toward])
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    flat = places[np.isfinite(places).all(axis=1)] @ axes.T
    low, high = np.percentile(flat, [1, 99], axis=0)
    # What a point slipped off to, far behind, must not pull the middle along.
    centre = np.array([*(low + high)[:2] / 2, np.median(flat[:, 2])])
    return View(axes, centre @ axes, float((high - low)[:2].max()) * _MARGIN)


def _detected(front: _Look, looks: list[_Look]) -> Detected:
    if len(looks) < 3:
        raise _unseen()
    size = front.view.side / _MARGIN
    points, kept, spread = agree(np.stack([one.places for one in looks]), np.stack([one.facing for one in looks]), size)
    if kept.sum() < POINTS_NEEDED:
        raise MienError(
            f"Mien sees a face on this head, but finds too few landmarks on it ({kept.sum()} of {len(kept)}).",
            "Place them by hand.",
        )
    return Detected(points, kept, spread, float(np.median([one.score for one in looks])), front.view)


def _unseen() -> MienError:
    return MienError("Mien sees no face on this head.", "Place the landmarks by hand.")
