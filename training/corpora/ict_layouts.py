"""Where the skin of an ICT head is found: in the whole head, whose teeth, gums and lashes follow, and as a face."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

from core.followers import Followers
from core.template import ABSENT, Layout

from .facekit import FACE, SKIN, TEARS, VERTICES, FaceKit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

_FACE_CONTROLS, _LID_CONTROLS = 192, 256
_NEAR_LASHES = 6.0  # mm
_NOISE = 0.4  # mm that a control may be off by, as a generated face is
_STRENGTH = 0.32  # how far actions usually are from 0, root mean square
_STILL = 0.1  # mm; what an action moves by less stays where it is


def layouts_of_skin(kit: FaceKit, units: Mapping[str, NDArray[np.float32]]) -> tuple[Layout, ...]:
    """Layouts of the template of 14,062 vertices.

    Args:
        kit: the head.
        units: action -> (26719, 3) mm on the generic head.
    """
    whole = Layout("ICT-FaceKit head", VERTICES, np.arange(SKIN, dtype=np.int32), followers(kit, units))
    index = np.where(np.arange(SKIN) < FACE, np.arange(SKIN), ABSENT)
    return whole, Layout("ICT-FaceKit face", FACE, index.astype(np.int32))


def followers(kit: FaceKit, units: Mapping[str, NDArray[np.float32]]) -> Followers:
    """What of the head is not skin and moves: lower teeth, gums, tongue, lashes and the rims of the lids.

    Eyeballs and upper teeth stay where they are, as in the kit's own shapes. The reader is a ridge regression: the
    actions' strengths that most likely moved the controls, if each has a deviation of `_STRENGTH` and each coordinate
    is off by `_NOISE`.
    """
    fields = np.stack([units[name] for name in units]).astype(np.float64)
    rest = kit.neutral.astype(np.float64)
    controls = _controls(rest)
    read = fields[:, controls].reshape(len(fields), -1)
    ridge = np.eye(len(fields)) * (_NOISE / _STRENGTH) ** 2
    reading = np.linalg.solve(read @ read.T + ridge, read)
    movement = np.linalg.norm(fields[:, SKIN:], axis=-1)
    moved = SKIN + np.flatnonzero(movement.max(axis=0) > _STILL)
    used = np.flatnonzero(movement.max(axis=1) > _STILL)
    return Followers(
        moved.astype(np.int32), controls.astype(np.int32),
        reading[used].astype(np.float32), fields[np.ix_(used, moved)].astype(np.float32),
    )  # fmt: skip


def _controls(rest: NDArray[np.float64]) -> NDArray[np.int64]:
    away, _ = cKDTree(rest[TEARS[0] :]).query(rest[:FACE])
    lids = np.flatnonzero(away < _NEAR_LASHES)
    return np.unique(np.concatenate([_spread(rest[:FACE], _FACE_CONTROLS), lids[_spread(rest[lids], _LID_CONTROLS)]]))


def _spread(points: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """(count,) points far from each other: always the one farthest from all chosen before."""
    chosen = [int(points[:, 2].argmax())]
    away = np.full(len(points), np.inf)
    while len(chosen) < count:
        away = np.minimum(away, np.linalg.norm(points - points[chosen[-1]], axis=1))
        chosen.append(int(away.argmax()))
    return np.array(chosen)
