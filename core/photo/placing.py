"""What is known of landmarks in a photo: by the detector's points, or by those that a person has placed so far.

Places are columns and rows of the photo; row 0 is on top.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..detection.faces import POINTS
from ..wrapping.suggestions import exchanged
from .guide import GUIDE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from ..template import Template
    from ..wrapping.landmarks import Mark
    from .kit import PhotoKit

    Floats = NDArray[np.float64]
    Places = Mapping[str, Floats]

_NEAR = 8.0
"""mm between a landmark and the detector's nearest point, beyond which the points tell nothing of it."""

_BROAD = 40.0
"""mm over which the points tell how the face is turned at one of them."""

_SOFT = 11.0
"""mm over which points follow a landmark: at two of these, a third of the distance between the eyes, it is over."""

_BETWEEN = 0.1
"""Share of a pull that points keep back: of two that pull against each other close by, neither wins."""

_REACH = 45.0
"""mm over which a landmark's own deviation is believed of its surroundings."""

_FRONTAL = 1500.0
"""mm squared: so much spread of the landmarks it takes until they tell how the face is turned."""

_WRONG_SIDE = 0.4
"""A landmark that lies by this share of its distance from the middle on the other side is the other side's."""

_POINTS = {
    "upper_lip_top": 0,
    "upper_lip_bottom": 13,
    "lower_lip_top": 14,
    "lower_lip_bottom": 17,
    "right_lid_upper": 159,
    "left_lid_upper": 386,
    "right_lid_lower": 145,
    "left_lid_lower": 374,
}
"""Landmarks beside which two of the detector's points touch on a face at rest -> the one that is theirs."""


class Handles:
    """Landmarks that go by the detector's points.

    Each is the point next to it, plus the little way from there, turned and sized as the points around are.

    Args:
        kit: of the template.
        template: whose landmarks are meant.

    Attributes:
        names: of the landmarks, in the guide's order.
    """

    def __init__(self, kit: PhotoKit, template: Template) -> None:
        self._anchors = kit.points_of(template.vertices)
        names, rows = [], []
        for mark in GUIDE:
            if mark.name not in template.landmarks:
                continue
            place = template.vertices[template.landmarks[mark.name]].astype(np.float64)
            away = np.linalg.norm(self._anchors - place, axis=1)
            point = _POINTS.get(mark.name, int(away.argmin()))
            if mark.needed or away[point] <= _NEAR:
                names.append(mark.name)
                rows.append(self._row(point, place))
        self.names = tuple(names)
        self._rows = np.array(rows).reshape(-1, POINTS)

    def places(self, points: Floats) -> dict[str, Floats]:
        """Where they are seen: name -> (2,), by (468, 2 or 3) points."""
        return dict(zip(self.names, self._rows @ points[:, :2], strict=True))

    def pulled(self, points: Floats, marks: Places) -> Floats:
        """The points after a person has moved landmarks: what is around each goes along softly.

        Args:
            points: (468, 2 or 3) as the detector found them.
            marks: name -> (2,) where the person wants them; those that are no handles pull nothing.
        """
        own = self.places(points)
        names = [name for name in marks if name in own]
        if not names:
            return points
        start = np.array([own[name] for name in names])
        pull = np.array([marks[name] for name in names], np.float64) - start
        soft = _SOFT * self.scale(points)
        inner = _bell(start, start, soft)
        inner[np.diag_indices(len(names))] += _BETWEEN
        moved = points.copy()
        moved[:, :2] += _bell(points[:, :2], start, soft) @ np.linalg.solve(inner, pull)
        return moved

    def scale(self, points: Floats) -> float:
        """Pixels that a mm is, about, however the face is turned."""
        here, there = self._anchors - self._anchors.mean(axis=0), points[:, :2] - points[:, :2].mean(axis=0)
        return float(np.linalg.norm(np.linalg.lstsq(here, there, rcond=None)[0], 2))

    def _row(self, point: int, place: Floats) -> Floats:
        """(468,) what each point counts for a place."""
        anchors = self._anchors
        share = np.exp(-((anchors - anchors[point]) ** 2).sum(axis=1) / (2 * _BROAD**2))[:, None]
        around = anchors - (share * anchors).sum(axis=0) / share.sum()
        row = (place - anchors[point]) @ np.linalg.solve((around * share).T @ around, (around * share).T)
        row[point] += 1
        return np.asarray(row)


@dataclass(frozen=True)
class Laid:
    """How a face's millimetres lie in a photo, without perspective: place = matrix @ mm + shift.

    Attributes:
        matrix: (2, 3).
        shift: (2,).
    """

    matrix: Floats
    shift: Floats

    def apply(self, places: Floats) -> Floats:
        """(n, 3) mm -> (n, 2)."""
        return np.asarray(places @ self.matrix.T + self.shift)


def lay(face: Places, placed: Places) -> Laid | None:
    """How a face lies, by at least two landmarks; None where they tell nothing.

    The fewer they are, the more it is believed to look straight ahead.

    Args:
        face: name -> (3,) mm of the template.
        placed: name -> (2,).
    """
    names = [name for name in face if name in placed]
    if len(names) < 2:
        return None
    source, target = np.array([face[name] for name in names]), np.array([placed[name] for name in names], np.float64)
    laid = _ahead(source, target)
    if laid is None or len(names) < 4:
        return laid
    middle = source.mean(axis=0)
    here, over = source - middle, target - laid.apply(source)
    more = np.linalg.solve(here.T @ here + _FRONTAL * np.eye(3), here.T @ over).T
    matrix = laid.matrix + more
    return Laid(matrix, target.mean(axis=0) - matrix @ middle)


def suggest(face: Places, placed: Places) -> dict[str, Floats]:
    """Where the landmarks that are not placed may be: name -> (2,); none until two are placed.

    Args:
        face: name -> (3,) mm of the template.
        placed: name -> (2,).
    """
    laid = lay(face, placed)
    wanted = [name for name in face if name not in placed]
    if laid is None or not wanted:
        return {}
    known = [name for name in face if name in placed]
    source, points = (np.array([face[name] for name in names]) for names in (known, wanted))
    over = np.array([placed[name] for name in known]) - laid.apply(source)
    weights = np.linalg.solve(_bell(source, source, _REACH) + 0.1 * np.eye(len(known)), over)
    return dict(zip(wanted, laid.apply(points) + _bell(points, source, _REACH) @ weights, strict=True))


def own_side(mark: Mark, place: Floats, face: Places, placed: Places) -> str:
    """The name that a place deserves: the landmark asked for, or its partner where it lies on the other side.

    Args:
        mark: the landmark asked for.
        place: (2,) where it was put.
        face: name -> (3,) mm of the template.
        placed: name -> (2,), the others.
    """
    others = {name: where for name, where in placed.items() if name != mark.name}
    laid = lay(face, others)
    if not mark.side or mark.partner in others or mark.partner not in face or laid is None:
        return mark.name
    outward = face[mark.name] - face[mark.partner]
    middle = laid.apply((face[mark.name] + face[mark.partner])[None] / 2)[0]
    seen = laid.matrix @ outward / 2
    offset = float((place - middle) @ seen) / float(seen @ seen)
    return mark.partner if offset < -_WRONG_SIDE else mark.name


def is_swapped(face: Places, placed: Places) -> bool:
    """Whether left and right are exchanged throughout: with their names exchanged the landmarks fit far better."""
    own, other = _residual(face, placed), _residual(face, exchanged(placed))
    return own is not None and other is not None and other < 0.6 * own


def next_mark(names: Iterable[str], placed: Places, put_off: Iterable[str] = ()) -> Mark | None:
    """The landmark to ask for now; None where nothing is left.

    Args:
        names: those that the template has.
        placed: those that are there.
        put_off: those that the photo does not show.
    """
    left = set(names) - set(placed) - set(put_off)
    return next((mark for mark in GUIDE if mark.name in left), None)


def _residual(face: Places, placed: Places) -> float | None:
    """Pixels, root mean square, by which landmarks miss a face that looks straight ahead; None where few are placed."""
    names = [name for name in face if name in placed]
    if len(names) < 4:
        return None
    source, target = np.array([face[name] for name in names]), np.array([placed[name] for name in names])
    laid = _ahead(source, target)
    return None if laid is None else float(np.sqrt(((laid.apply(source) - target) ** 2).sum(axis=1).mean()))


def _ahead(source: Floats, target: Floats) -> Laid | None:
    """How a face lies that looks straight ahead: turned and sized in the picture's plane; None for a single spot."""
    middle, seen = source.mean(axis=0), target.mean(axis=0)
    here, there = source - middle, target - seen
    spread = float((here[:, :2] ** 2).sum())
    if not spread > 0 or not (there**2).sum() > 0:
        return None
    # Rows grow downwards.
    along = float((here[:, 0] * there[:, 0] - here[:, 1] * there[:, 1]).sum()) / spread
    across = float((here[:, 0] * there[:, 1] + here[:, 1] * there[:, 0]).sum()) / spread
    matrix = np.array([[along, across, 0.0], [across, -along, 0.0]])
    return Laid(matrix, seen - matrix @ middle)


def _bell(here: Floats, there: Floats, width: float) -> Floats:
    return np.asarray(np.exp(-((here[:, None] - there[None]) ** 2).sum(axis=-1) / (2 * width**2)))
