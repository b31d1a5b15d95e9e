"""Eyelids slide over the eyeball: displacement fields that add up know nothing of what lies behind them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.spatial import cKDTree

from core.lids import CLEARANCE, fit_sphere
from core.template import EYEBALL_PARTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .pushforward import PushForward

_REACH = 6.0  # mm around the eyeball: lids and a little of what is around them


@dataclass(frozen=True)
class FoundEye:
    """Vertices around an eyeball: its own, the lids outside, what follows them, and whom each of those follows."""

    ball: NDArray[np.int64]
    lid: NDArray[np.int64]
    followers: NDArray[np.int64]  # lid margins' inner sides and lashes
    leader: NDArray[np.int64]  # for each follower, the place in `lid` of the vertex it goes with


class Eyelids:
    """Keeps lids outside of eyeballs.

    Args:
        push: the template's components on the generic face.
    """

    def __init__(self, push: PushForward) -> None:
        template, face = push.template, push.generic
        balls = [group for group in push.rigid if template.parts[template.vertex_part[group[0]]] in EYEBALL_PARTS]
        self.eyes: Sequence[FoundEye] = [_find_lids(push, face, ball) for ball in balls]
        self._spread = push.averaging

    def __call__(self, neutral: NDArray[np.floating[Any]], frames: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Push lids that have sunk into an eyeball out again, along its radius, and lashes and inner sides with them.

        Args:
            neutral: (V, 3) the face at rest, millimetres.
            frames: (T, V, 3) the face in motion.

        Returns:
            (T, V, 3) new frames; the same where nothing touches.
        """
        out = np.array(frames, dtype=np.float64)
        for eye in self.eyes:
            center, radius = fit_sphere(neutral[eye.ball])
            centers = center + (out[:, eye.ball] - neutral[eye.ball]).mean(axis=1)
            floor = np.minimum(np.linalg.norm(neutral[eye.lid] - center, axis=1) - radius, CLEARANCE)
            lack = self._lack(eye, out, centers, floor + radius)
            for moved, amount in ((eye.lid, lack), (eye.followers, lack[:, eye.leader])):
                outward = out[:, moved] - centers[:, None]
                outward /= np.maximum(np.linalg.norm(outward, axis=-1, keepdims=True), 1e-9)
                out[:, moved] += outward * amount[..., None]
        return out

    def heights(self, face: NDArray[np.floating[Any]]) -> list[NDArray[np.float64]]:
        """For each eye how far its lid in a face, (V, 3), is above the eyeball, mm; below 0 inside."""
        found = []
        for eye in self.eyes:
            center, radius = fit_sphere(face[eye.ball])
            found.append(np.linalg.norm(face[eye.lid] - center, axis=1) - radius)
        return found

    def _lack(
        self, eye: FoundEye, frames: NDArray[np.float64], centers: NDArray[np.float64], nearest: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """(T, lids) millimetres each lid vertex has to go out, neighbours helping so that no dent is left."""
        distance = np.linalg.norm(frames[:, eye.lid] - centers[:, None], axis=-1)
        lack = np.maximum(nearest - distance, 0)
        local = self._spread[eye.lid][:, eye.lid]
        return np.asarray(np.maximum(lack, (local @ lack.T).T))


def _find_lids(push: PushForward, face: NDArray[np.float64], ball: NDArray[np.int64]) -> FoundEye:
    center, radius = fit_sphere(face[ball])
    height = np.linalg.norm(face - center, axis=1) - radius
    near = (height < _REACH) & (face[:, 2] > center[2])
    lid = np.flatnonzero(near & push.skin & (height > 0))
    lashes = np.zeros(len(face), bool)
    lashes[push.hanging] = True
    inner = push.skin & (height <= 0) & (height > -_REACH)
    followers = np.flatnonzero(near & (inner | lashes))
    leader = cKDTree(face[lid]).query(face[followers])[1]
    return FoundEye(ball, lid, followers, leader)
