"""Lids slide over the eyeball: what a network's lids sink into it is pushed out again. numpy alone.

A network learns each vertex by itself and knows of no eyeball; on a wide or a squinting eye some lid ends inside. The
same rule that keeps the corpora's lids outside is applied to what comes out.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import TemplateError
from .wrapping.spline import similarity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from .template import Template

CLEARANCE = 0.2
"""Millimetres that a lid keeps from the eyeball; where it is nearer at rest, it comes no nearer than that."""

MAX_EYES = 8

_INDICES = ("ball", "lid", "followers", "leader", "probes")
_OPTIONAL = ("probes", "reading")  # of bundles of today
_LIKELY = 0.3  # of its radius, by which an eyeball that is told may be off one that is carried
_FEWEST = 4  # probes that tell how a face lies
_TOLD = 1e-4  # mm; what is less is rounding, and rest shall stay exactly rest


@dataclass(frozen=True)
class Eye:
    """One eye of a template.

    Attributes:
        sphere: (4,) float32, centre and radius of the eyeball by the template's neutral, mm.
        ball: (b,) int32 the template's vertices of the eyeball; none where it has no eyes.
        lid: (n,) int32 vertices that keep outside.
        followers: (m,) int32 the lids' inner sides and lashes, which go along.
        leader: (m,) int32 the place in `lid` of the vertex that each follower goes with.
        probes: (k,) int32 vertices of the face that tell where an eyeball lies that the mesh does not have; none for
            "carried along with the lids".
        reading: (4, k, 3) float32, how: what is added to `sphere` for each mm that a probe, the face laid onto the
            template by its probes, lies off the template's.
    """

    sphere: NDArray[np.float32]
    ball: NDArray[np.int32]
    lid: NDArray[np.int32]
    followers: NDArray[np.int32]
    leader: NDArray[np.int32]
    probes: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    reading: NDArray[np.float32] = field(default_factory=lambda: np.zeros((4, 0, 3), np.float32))


@dataclass(frozen=True)
class Lids:
    """The eyes of a template. Checked when made.

    Raises:
        TemplateError: arrays that do not fit together.
    """

    eyes: tuple[Eye, ...]

    def __post_init__(self) -> None:
        for eye in self.eyes:
            whole = all(getattr(eye, name).ndim == 1 and getattr(eye, name).dtype == np.int32 for name in _INDICES)
            if not whole or eye.sphere.shape != (4,) or not np.isfinite(eye.sphere).all() or eye.sphere[3] <= 0:
                raise TemplateError("The eyes of a bundle are damaged.")
            if eye.reading.shape != (4, len(eye.probes), 3) or not np.isfinite(eye.reading).all():
                raise TemplateError("The eyes of a bundle are damaged.")
            indices = [getattr(eye, name) for name in _INDICES]
            if any((one < 0).any() for one in indices) or len(eye.leader) != len(eye.followers):
                raise TemplateError("The eyes of a bundle do not fit together.")
            if len(eye.leader) and eye.leader.max() >= len(eye.lid):
                raise TemplateError("The eyes of a bundle do not fit together.")
        if len(self.eyes) > MAX_EYES:
            raise TemplateError(f"A template has at most {MAX_EYES} eyes.")

    @property
    def highest(self) -> int:
        """The highest vertex that is named; -1 for none."""
        named = [getattr(eye, name) for eye in self.eyes for name in ("ball", "lid", "followers", "probes")]
        return max((int(one.max(initial=-1)) for one in named), default=-1)

    def on(
        self,
        template: Template,
        neutral: NDArray[np.floating[Any]],
        present: NDArray[np.bool_] | None = None,
        jacobians: NDArray[np.floating[Any]] | None = None,
    ) -> LidsOnFace:
        """The lids of a face.

        Args:
            template: of the eyes.
            neutral: (V, 3) the face at rest, mm.
            present: (V,) False where the face lacks a vertex; an eye whose lids it lacks is left alone.
            jacobians: (V, 3, 3) of the face, for eyeballs that its mesh does not have and no probes tell of.
        """
        points = np.asarray(neutral, np.float64)
        there = np.isfinite(points).all(axis=1) & (True if present is None else np.asarray(present, bool))
        found = [
            _FaceEye(template, eye, points, there, jacobians)
            for eye in self.eyes
            if there[eye.lid].all() and there[eye.followers].all() and len(eye.lid)
        ]
        return LidsOnFace(tuple(one for one in found if one.sound))

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """As plain arrays for a bundle: "lids.0.sphere", "lids.0.lid" and so on."""
        return {
            f"lids.{k}.{name}": getattr(eye, name)
            for k, eye in enumerate(self.eyes)
            for name in _names()
            if name not in _OPTIONAL or len(eye.probes)
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Lids | None:
        """The inverse of `to_arrays`; None where there are none of them.

        Raises:
            TemplateError: an array is missing or damaged.
        """
        eyes: list[Eye] = []
        while f"lids.{len(eyes)}.sphere" in arrays and len(eyes) <= MAX_EYES:
            given = {name: arrays.get(f"lids.{len(eyes)}.{name}") for name in _names()}
            if given["probes"] is None and given["reading"] is None:
                given = {name: one for name, one in given.items() if name not in _OPTIONAL}
            if any(one is None for one in given.values()):
                raise TemplateError("The eyes of a bundle lack one of their arrays.")
            eyes.append(Eye(**given))  # type: ignore[arg-type]  # none of them is None
        return cls(tuple(eyes)) if eyes else None


def _names() -> list[str]:
    return [one.name for one in fields(Eye)]


class LidsOnFace:
    """The lids of one face. They hold nothing that changes, and performers may share them."""

    def __init__(self, eyes: tuple[_FaceEye, ...]) -> None:
        self._eyes = eyes

    def keep(self, deformation: NDArray[np.float32]) -> None:
        """Pushes lids that have sunk into an eyeball out along its radius, in place, and what follows them with them.

        Args:
            deformation: (n, V, 3) float32 mm.
        """
        for eye in self._eyes:
            eye.keep(deformation)


class _FaceEye:
    def __init__(
        self,
        template: Template,
        eye: Eye,
        neutral: NDArray[np.float64],
        there: NDArray[np.bool_],
        jacobians: NDArray[np.floating[Any]] | None,
    ) -> None:
        centre, radius = _sphere_of(template, eye, neutral, there, jacobians)
        self._lid, self._followers, self._leader = eye.lid, eye.followers, eye.leader
        self._from_centre = (neutral[eye.lid] - centre).astype(np.float32)
        self._following = (neutral[eye.followers] - centre).astype(np.float32)
        height = np.linalg.norm(self._from_centre, axis=1) - radius
        self._nearest = np.asarray(np.minimum(height, CLEARANCE) + radius, np.float32)
        self._local = _averaging(template, eye.lid)
        self.sound = bool(np.isfinite(radius) and radius > 0 and np.isfinite(self._nearest).all())

    def keep(self, deformation: NDArray[np.float32]) -> None:
        places = deformation[:, self._lid] + self._from_centre
        distance = np.linalg.norm(places, axis=2)
        lack = np.maximum(self._nearest - distance, 0)
        lack[lack < _TOLD] = 0
        if not lack.any():
            return
        # Neighbours help, so that no dent is left.
        lack = np.maximum(lack, lack @ self._local)
        deformation[:, self._lid] += places * (lack / np.maximum(distance, 1e-6))[..., None]
        following = deformation[:, self._followers] + self._following
        share = lack[:, self._leader] / np.maximum(np.linalg.norm(following, axis=2), 1e-6)
        deformation[:, self._followers] += following * share[..., None]


def fit_sphere(points: NDArray[np.floating[Any]]) -> tuple[NDArray[np.float64], float]:
    """Centre (3,) and radius of the sphere nearest to the points (n, 3), by least squares."""
    system = np.column_stack([2 * points, np.ones(len(points))])
    solution = np.linalg.lstsq(system, (points**2).sum(axis=1), rcond=None)[0]
    return solution[:3], float(np.sqrt(max(solution[3] + (solution[:3] ** 2).sum(), 0.0)))


def _sphere_of(
    template: Template,
    eye: Eye,
    neutral: NDArray[np.float64],
    there: NDArray[np.bool_],
    jacobians: NDArray[np.floating[Any]] | None,
) -> tuple[NDArray[np.float64], float]:
    """Centre and radius of a face's eyeball: by its own vertices, its probes, or carried along with the lids."""
    if len(eye.ball) > 3 and there[eye.ball].all():
        return fit_sphere(neutral[eye.ball])
    home = template.vertices[eye.lid].mean(axis=0)
    near = np.eye(3) if jacobians is None else np.asarray(jacobians, np.float64)[eye.lid].mean(axis=0)
    centre = neutral[eye.lid].mean(axis=0) + near @ (eye.sphere[:3] - home)
    radius = float(eye.sphere[3] * np.cbrt(abs(np.linalg.det(near))))
    if len(eye.probes) < _FEWEST or not there[eye.probes].all():
        return centre, radius
    told = read_sphere(eye, template.vertices[eye.probes].astype(np.float64), neutral[eye.probes])
    # Faces are told by what people look like; of a cartoon's that says nothing.
    likely = abs(told[1] / max(radius, 1e-6) - 1) < _LIKELY and np.linalg.norm(told[0] - centre) < _LIKELY * radius
    return told if likely else (centre, radius)


def read_sphere(eye: Eye, home: NDArray[np.float64], points: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Centre (3,) and radius of the eyeball behind the probes of a face.

    Args:
        eye: with `probes`.
        home: (k, 3) where the template has them.
        points: (k, 3) where the face has them.
    """
    laid = similarity(points, home)
    sphere = eye.sphere + np.tensordot(eye.reading.astype(np.float64), laid.apply(points) - home, axes=2)
    return laid.invert(sphere[:3]), float(sphere[3] / laid.scale)


def _averaging(template: Template, lid: NDArray[np.int32]) -> NDArray[np.float32]:
    """(n, n) to be multiplied from the right: of each lid vertex the mean of itself and all its neighbours' lacks.

    Neighbours that are no lid count as lacking nothing.
    """
    place = np.full(template.vertex_count, -1, np.int64)
    place[lid] = np.arange(len(lid))
    first, second = template.edges.T
    count = np.bincount(np.concatenate([first, second]), minlength=template.vertex_count)[lid] + 1.0
    mean = np.eye(len(lid))
    both = (place[first] >= 0) & (place[second] >= 0)
    mean[place[first[both]], place[second[both]]] = mean[place[second[both]], place[first[both]]] = 1.0
    return np.ascontiguousarray((mean / count[:, None]).T, np.float32)
