"""What rides on a face: each vertex keeps its place beside some anchors that shift and turn with the skin.

An anchor reads a few vertices of the template. Its reading is linear, the turn it comes to is a true rotation: a lower
jaw opens by 25 degrees, and teeth that were turned by a linear rule would swell by a tenth.

    (t, s) = reading d,    |s| = sin(angle),    R = I + [s] + [s]^2 / (1 + cos(angle))
    m_v = sum_h share_vh (t_h + (R_h - I) arm_vh)

One anchor for all vertices is a rigid body. Riders stand wherever a `Binding` stands.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arrays import owned
from ..errors import TemplateError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

STEEPEST = 0.95
"""Sine of the largest angle that an anchor turns by; 72 degrees."""

LARGEST = 1e4
"""No number of a reading, and no arm in mm, is larger."""

_ARRAYS: dict[str, type] = {
    "vertices": np.int32,
    "controls": np.int32,
    "reading": np.float32,
    "holds": np.int32,
    "shares": np.float32,
    "arms": np.float32,
}


@dataclass(frozen=True)
class Riders:
    """Vertices that keep their place beside anchors. Checked when made; its arrays are read-only.

    Attributes:
        name: a word for people, such as "Lower Teeth".
        vertex_count: how many vertices the object's mesh has, all of them.
        vertices: (M,) int32, the object's vertices that move, each once.
        controls: (A, K) int32, the template's vertices that each anchor reads.
        reading: (A, 6, 3 K) float32; three rows for the anchor's shift in mm, three for the sine of its turn, both in
            the template's axes.
        holds: (M, H) int32, the anchors that each vertex obeys.
        shares: (M, H) float32, how much; rows sum to 1, or to less for what fades out to stillness.
        arms: (M, H, 3) float32, from the anchor's centre to the vertex at rest, mm.

    Raises:
        TemplateError: shapes that do not fit together, indices out of range, numbers that are not finite.
    """

    name: str
    vertex_count: int
    vertices: NDArray[np.int32]
    controls: NDArray[np.int32]
    reading: NDArray[np.float32]
    holds: NDArray[np.int32]
    shares: NDArray[np.float32]
    arms: NDArray[np.float32]

    def __post_init__(self) -> None:
        owned(self, _ARRAYS, "a part")
        self._check_shapes()
        if self.vertices.min(initial=0) < 0 or self.vertices.max(initial=-1) >= self.vertex_count:
            raise TemplateError("A part names a vertex that the object does not have.")
        if len(np.unique(self.vertices)) != len(self.vertices):
            raise TemplateError("A part names a vertex of the object twice.")
        if self.controls.min(initial=0) < 0 or self.holds.min(initial=0) < 0:
            raise TemplateError("A part reads a vertex that the template does not have.")
        if self.holds.max(initial=-1) >= len(self.controls):
            raise TemplateError("A part obeys an anchor that it does not have.")
        for name in ("reading", "shares", "arms"):
            if not (np.abs(getattr(self, name)) <= LARGEST).all():  # so NaN is no number below it
                raise TemplateError(f"The {name} of a part are no numbers up to {LARGEST:g}.")

    def _check_shapes(self) -> None:
        fits = self.vertices.ndim == 1 and self.controls.ndim == self.holds.ndim == 2 and self.controls.size > 0
        fits = fits and self.reading.shape == (len(self.controls), 6, 3 * self.controls.shape[1])
        fits = fits and len(self.holds) == len(self.vertices) and self.shares.shape == self.holds.shape
        if not (fits and self.arms.shape == (*self.holds.shape, 3)):
            raise TemplateError("A part has arrays that do not fit together.")

    @property
    def moving(self) -> NDArray[np.int32]:
        """(M,) int32: the object's vertices that a performance moves, in the order of `on_object`."""
        return self.vertices

    def on_object(self, deformation: NDArray[np.float32]) -> NDArray[np.float32]:
        """(T, V, 3) mm of the template -> (T, M, 3) float32 mm of the object's `moving` vertices."""
        given = np.asarray(deformation, np.float32)
        out = np.zeros((len(given), len(self.vertices), 3), np.float32)
        for number, frame in enumerate(given):
            read = frame[self.controls].reshape(len(self.controls), -1)
            six = np.einsum("arc,ac->ar", self.reading, read)
            turns = rotations(six[:, 3:]) - np.eye(3, dtype=np.float32)
            for hold, share, arm in zip(self.holds.T, self.shares.T, self.arms.transpose(1, 0, 2), strict=True):
                # Where all obey one anchor one product of matrices does.
                turned = arm @ turns[0].T if len(turns) == 1 else np.einsum("mij,mj->mi", turns[hold], arm)
                out[number] += share[:, None] * (six[hold, :3] + turned)
        return out

    def scaled(self, factor: NDArray[np.float32]) -> Riders:
        """The riders on a template that moves factor (V,) times as far at each vertex, at no cost for a frame."""
        spread = np.repeat(factor[self.controls], 3, axis=1)
        return replace(self, reading=np.clip(self.reading * spread[:, None], -LARGEST, LARGEST))

    def check(self, template_vertex_count: int) -> None:
        """Whether a template of so many vertices has all that are read.

        Raises:
            TemplateError: it has not.
        """
        if self.controls.max(initial=-1) >= template_vertex_count:
            raise TemplateError("A part reads a vertex that the template does not have.")

    def to_arrays(self) -> tuple[dict[str, NDArray[Any]], str]:
        """The riders as plain arrays and a JSON text."""
        about = {"kind": "riders", "name": self.name, "vertex_count": self.vertex_count}
        return {name: getattr(self, name) for name in _ARRAYS}, json.dumps(about)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], about: str) -> Riders:
        """The inverse of `to_arrays`.

        Raises:
            TemplateError: an array or a word is missing or damaged.
        """
        try:
            words = json.loads(about)
            found = {name: arrays[name] for name in _ARRAYS}
            return cls(str(words["name"]), int(words["vertex_count"]), **found)
        except (KeyError, TypeError, ValueError, OverflowError) as problem:
            raise TemplateError(f"The stored part is incomplete or damaged ({problem}).") from problem


def rotations(sines: NDArray[np.float32]) -> NDArray[np.float32]:
    """(A, 3) axes as long as the sine of the angle -> (A, 3, 3) rotations of at most 72 degrees."""
    length = np.linalg.norm(sines, axis=1, keepdims=True)
    s = sines * np.minimum(1.0, STEEPEST / np.maximum(length, STEEPEST))
    cross = np.zeros((len(s), 3, 3), np.float32)
    cross[:, 0, 1], cross[:, 0, 2], cross[:, 1, 2] = -s[:, 2], s[:, 1], -s[:, 0]
    cross -= cross.transpose(0, 2, 1)
    cosine = np.sqrt(1 - (s * s).sum(axis=1))
    return np.asarray(np.eye(3) + cross + cross @ cross / (1 + cosine)[:, None, None], np.float32)


def rigid_reading(
    places: NDArray[np.float64], weights: NDArray[np.float64], stiffness: float = 1e-6
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How to read a shift and a turn from points that move together, by least squares.

    Args:
        places: (A, K, 3) where each anchor's points rest, mm.
        weights: (A, K) how much each counts; rows sum to 1.
        stiffness: what is added to the moments of inertia, as a share of their mean: points on a line tell nothing
            of a turn about it, and few points tell little.

    Returns:
        (A, 6, 3 K) reading, and (A, 3) the centres that the shifts are for.
    """
    centres = np.einsum("ak,aki->ai", weights, places)
    arms = places - centres[:, None]
    squares = np.einsum("ak,aki,akj->aij", weights, arms, arms)
    trace = np.trace(squares, axis1=1, axis2=2)[:, None, None]
    inertia = np.eye(3) * trace - squares
    inertia += np.eye(3) * (stiffness * trace * 2 / 3 + 1e-12)
    lever = np.zeros((*arms.shape, 3))  # [w q], so that [w q] d = w q x d
    scaled = arms * weights[..., None]
    lever[..., 0, 1], lever[..., 0, 2], lever[..., 1, 2] = -scaled[..., 2], scaled[..., 1], -scaled[..., 0]
    lever -= lever.swapaxes(-1, -2)
    turn = np.linalg.solve(inertia[:, None], lever)
    shift = weights[..., None, None] * np.eye(3)
    reading = np.concatenate([shift, turn], axis=2)  # (A, K, 6, 3)
    return reading.transpose(0, 2, 1, 3).reshape(len(places), 6, -1), centres
