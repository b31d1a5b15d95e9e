"""What one connected piece of a mesh near a face is, told by where it lies, how big and how round it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .attach import BITE_UP, sphere
from .roles import Role

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .places import Features

# Sizes of what belongs to a head, millimetres.
_EYE_RADIUS = (8.0, 20.0)
_EYE_BOX = 36.0
_ROUND = 0.2  # a sphere's points lie this near to it, as a share of its radius; corneas bulge
_STRIP = 1.7  # lashes are that much wider than high
_INSIDE_EYE = 17.5  # from an eye's centre; lashes reach farther
_LID_UP = 8.0  # hairs of lashes begin so near to the height of the eye's centre
_TOOTH = 16.0
_MOUTH_ASIDE, _MOUTH_UP, _MOUTH_DOWN, _MOUTH_BACK = 42.0, 36.0, 40.0, 110.0
_BOTH_JAWS = 14.0  # what reaches so far above and below the bite is of both jaws
_BROW = (9.0, 38.0)
_TOUCHING = 8.0  # hair of brows and beards lies on the skin
_HAIRY = 30.0


def role_by_place(
    points: NDArray[np.floating[Any]], found: Features, above: NDArray[np.floating[Any]]
) -> tuple[Role, str]:
    """What one connected piece is, told by where it lies and how big and round it is.

    Args:
        points: (n, 3) mm in the template's axes.
        found: the head's features.
        above: (m,) mm from some of the piece's vertices to the skin, at least one.

    Returns:
        The role, and why, for people.
    """
    low, high = points.min(axis=0), points.max(axis=0)
    middle, size = (low + high) / 2, high - low
    for look in (_as_glasses, as_eye, _as_mouth, _as_brow):
        told = look(points, middle, size, found, above)
        if told is not None:
            return told
    return _as_hair(middle, size, high, found, above)


def _as_glasses(
    _points: NDArray[np.float64], middle: NDArray[np.float64], size: NDArray[np.float64], found: Features,
    _above: NDArray[np.float64],
) -> tuple[Role, str] | None:  # fmt: skip
    apart = float(np.abs(found.eyes[0, 0] - found.eyes[1, 0]))
    eyes = found.eyes.mean(axis=0)
    front = middle[2] + size[2] / 2
    level = abs(middle[1] - eyes[1]) < 22 and size[1] < 75
    if level and size[0] > 1.4 * apart and abs(middle[0] - eyes[0]) < 10 and front > eyes[2] + 18:
        return Role.GLASSES, "spans both eyes"
    return None


def as_eye(
    points: NDArray[np.float64], middle: NDArray[np.float64], size: NDArray[np.float64], found: Features,
    _above: NDArray[np.float64],
) -> tuple[Role, str] | None:  # fmt: skip
    """Whether a piece is an eye or lashes, and why; None where it is neither. See `role_by_place`."""
    eye = found.eyes[np.abs(found.eyes[:, 0] - middle[0]).argmin()]
    away = middle - eye
    if np.abs(away[:2]).max() > 14 or abs(away[2]) > 26 or size.max() > 2 * _EYE_BOX:
        return None
    _, radius, off = sphere(points)
    ball = _EYE_RADIUS[0] < radius < _EYE_RADIUS[1] and off < _ROUND
    if ball and size.max() < _EYE_BOX + 8 and size[:2].min() > radius:
        return Role.EYES, "a ball behind the lids"
    if size[0] > _STRIP * size[1] and size[0] > 16 and away[2] > 2:
        return Role.LASHES, "a thin strip at the lids"
    if np.linalg.norm(points - eye, axis=1).max() < _INSIDE_EYE:
        return Role.EYES, "small, and inside the eye"
    if size.max() < _EYE_BOX and abs(away[1]) < _LID_UP and away[2] > 2:
        return Role.LASHES, "small, and at the lids"
    return None


def _as_mouth(
    points: NDArray[np.float64], middle: NDArray[np.float64], size: NDArray[np.float64], found: Features,
    _above: NDArray[np.float64],
) -> tuple[Role, str] | None:  # fmt: skip
    away = middle - found.mouth
    inside = abs(away[0]) + size[0] / 2 < _MOUTH_ASIDE and -_MOUTH_DOWN < away[1] < _MOUTH_UP
    inside = inside and -_MOUTH_BACK < away[2] < 0 and points[:, 2].max() < found.mouth[2] + 2 and size[1] < 70
    if not inside:
        return None
    role = in_mouth(points, found)
    return role, "behind the lips" if role is Role.GUMS else f"behind the lips: {role.title.lower()}"


def in_mouth(points: NDArray[np.float64], found: Features, *, tongue: bool = True) -> Role:
    """What lies in a mouth: by the bite, and by whether there is an arch or a body in the middle."""
    low, high = points.min(axis=0), points.max(axis=0)
    bite = found.mouth[1] + BITE_UP
    if high[1] > bite + _BOTH_JAWS and low[1] < bite - _BOTH_JAWS and (high - low).max() > _TOOTH * 2:
        return Role.GUMS
    if (low[1] + high[1]) / 2 > bite:
        return Role.UPPER
    # A row is empty behind the incisors, a tongue is not.
    deep = points[:, 2] < high[2] - 0.4 * (high[2] - low[2])
    central = np.abs(points[:, 0] - (low[0] + high[0]) / 2) < 0.25 * (high[0] - low[0])
    solid = deep.any() and central[deep].mean() > 0.2
    if tongue and solid and (high - low)[2] > 2 * _TOOTH and (high - low).min() > 5:
        return Role.TONGUE
    return Role.LOWER


def _as_brow(
    _points: NDArray[np.float64], middle: NDArray[np.float64], size: NDArray[np.float64], found: Features,
    above: NDArray[np.float64],
) -> tuple[Role, str] | None:  # fmt: skip
    eyes = found.eyes.mean(axis=0)
    up = middle[1] - eyes[1]
    thin = size[1] < 34 and size[0] < 150 and middle[2] > eyes[2] - 12
    if _BROW[0] < up < _BROW[1] and thin and np.median(above) < _TOUCHING:
        return Role.BROWS, "on the skin above the eyes"
    return None


def _as_hair(
    middle: NDArray[np.float64], size: NDArray[np.float64], high: NDArray[np.float64], found: Features,
    above: NDArray[np.float64],
) -> tuple[Role, str]:  # fmt: skip
    eyes = found.eyes.mean(axis=0)
    near = np.median(above) < _HAIRY
    if near and high[1] > eyes[1] + 55 and size.max() < 900:
        return Role.HAIR, "on the skull"
    below = middle[1] < found.nose_tip[1] - 3 and high[1] < eyes[1] and middle[1] > found.chin[1] - 60
    if below and np.median(above) < _TOUCHING and middle[2] > eyes[2] - 60:
        return Role.BEARD, "on the skin below the nose"
    face = found.chin[1] < middle[1] < high[1] < eyes[1] + 70 and middle[2] > eyes[2] - 40
    if face and above.max() < _TOUCHING:
        return Role.SKIN, "on the skin of the face"
    return Role.NONE, "nothing known lies there"
