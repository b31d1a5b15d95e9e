"""Who is it: a template's principal modes of people, a similarity, and the head's surface, fitted together.

Linearised about the present guess, the unknowns (M modes and the seven of a similarity) minimise

    sum_l |e_l|^2 / s_l^2 + n_eff / (n s^2) sum_i ((e_i . n_i)^2 + t |e_i|^2) + |c|^2

with e_l the landmarks' misses, e_i those of the closest places, n_i the head's normals, c the modes' strengths in
standard deviations. Mostly along the normal, so that the surface may slide until the modes agree with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .meshes import vertex_normals
from .spline import Similarity, similarity

if TYPE_CHECKING:
    from collections.abc import Generator

    from numpy.typing import NDArray

    from .head import Head

ROUNDS = 16
_BY_LANDMARKS = 2  # rounds without the surface
_SAMPLES = 2500
_EFFECTIVE = 1000.0  # places whose misses are independent
_LANDMARK_MM, _SURFACE_MM = 2.0, 1.0  # what they are usually off by
_TANGENTIAL = 0.05
_ALIKE = 0.6  # cosine between normals, below which two places do not belong together
_NEARER = 3.0  # times the median distance: what is farther is left out


@dataclass(frozen=True)
class Person:
    """The template's mean become this person.

    Attributes:
        shape: (V, 3) mm, the template's own frame: mean plus modes.
        similarity: from there to the head's frame.
        strengths: (M,) standard deviations.
    """

    shape: NDArray[np.float64]
    similarity: Similarity
    strengths: NDArray[np.float64]

    @property
    def placed(self) -> NDArray[np.float64]:
        """(V, 3) in the head's frame."""
        return self.similarity.apply(self.shape)


@dataclass(frozen=True)
class Start:
    """What is known before.

    Attributes:
        vertices: (V, 3) mm, the template's neutral.
        triangles: (F, 3).
        modes: (M, V, 3) mm at one standard deviation; M may be 0.
        usable: (V,) bool: visible skin.
        marks: (n,) vertices of the landmarks.
        places: (n, 3) mm, where they lie on the head.
    """

    vertices: NDArray[np.float64]
    triangles: NDArray[np.int32]
    modes: NDArray[np.float64]
    usable: NDArray[np.bool_]
    marks: NDArray[np.int64]
    places: NDArray[np.float64]


def fit_person(start: Start, head: Head) -> Generator[int, None, Person]:
    """Fits modes and similarity; deterministic. Yields the rounds done, of `ROUNDS`.

    Args:
        start: template and landmarks.
        head: the surface.
    """
    candidates = np.flatnonzero(start.usable)
    rng = np.random.default_rng(0)
    sample = np.sort(rng.choice(candidates, min(_SAMPLES, len(candidates)), replace=False))
    strengths = np.zeros(len(start.modes))
    person = Person(start.vertices, similarity(start.vertices[start.marks], start.places), strengths)
    for number in range(ROUNDS):
        person = _round(start, head, person, sample if number >= _BY_LANDMARKS else None)
        yield number + 1
    return person


def _round(start: Start, head: Head, person: Person, sample: NDArray[np.int64] | None) -> Person:
    count, shape, place = len(start.modes), person.shape, person.similarity
    jacobian = _jacobian(start.modes, shape, start.marks)
    miss = (place.invert(start.places) - shape[start.marks]).reshape(-1)
    matrix = jacobian @ jacobian.T / _LANDMARK_MM**2
    right = jacobian @ miss / _LANDMARK_MM**2
    if sample is not None:
        more, further = _surface_terms(start, head, person, sample)
        matrix, right = matrix + more, right + further
    unknown = np.arange(count)
    matrix[unknown, unknown] += 1.0
    right[:count] -= person.strengths
    matrix += 1e-9 * np.eye(count + 7)
    step = np.linalg.solve(matrix, right)
    strengths = person.strengths + step[:count]
    moved = start.vertices + np.tensordot(strengths, start.modes, axes=1)
    # The similarity nearest to what the linear step does to the shape; then one after the other.
    small = similarity(shape, shape + np.tensordot(step[count:], _generators(shape), axes=1))
    scale, rotation = place.scale * small.scale, place.rotation @ small.rotation
    shift = place.scale * place.rotation @ small.shift + place.shift
    return Person(moved, Similarity(scale, rotation, shift), strengths)


def _surface_terms(
    start: Start, head: Head, person: Person, sample: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    place = person.similarity
    current = person.placed
    normals = vertex_normals(current, start.triangles)[sample]
    found = head.closest(current[sample])
    good = ((normals * found.normal).sum(axis=1) > _ALIKE) & found.inner
    if not good.any():
        return np.zeros((len(start.modes) + 7,) * 2), np.zeros(len(start.modes) + 7)
    good &= found.distance < max(_NEARER * float(np.median(found.distance[good])), 2.0)
    chosen = sample[good]
    normal = found.normal[good] @ place.rotation
    jacobian = _jacobian(start.modes, person.shape, chosen).reshape(-1, len(chosen), 3)
    miss = place.invert(found.place[good]) - person.shape[chosen]
    along, off = np.einsum("anx,nx->an", jacobian, normal), (miss * normal).sum(axis=1)
    weight = _EFFECTIVE / max(len(chosen), 1) / _SURFACE_MM**2
    flat = jacobian.reshape(len(jacobian), -1)
    matrix = weight * (along @ along.T + _TANGENTIAL * flat @ flat.T)
    return matrix, weight * (along @ off + _TANGENTIAL * flat @ miss.reshape(-1))


def _jacobian(
    modes: NDArray[np.float64], shape: NDArray[np.float64], vertices: NDArray[np.int64]
) -> NDArray[np.float64]:
    """(M + 7, 3 n): what each unknown does to these vertices."""
    both = np.concatenate([modes[:, vertices], _generators(shape[vertices])])
    return np.asarray(both.reshape(len(both), -1))


def _generators(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(7, n, 3): a similarity's small changes: size and turns (in hundredths of a mm), shifts."""
    x, y, z = points.T
    none, one = np.zeros_like(x), np.ones_like(x)
    turns = [(none, -z, y), (z, none, -x), (-y, x, none)]
    shifts = [(one, none, none), (none, one, none), (none, none, one)]
    columns = [np.stack(way, axis=1) for way in (*turns, *shifts)]
    out = np.stack([points, *columns])
    out[:4] /= 100.0
    return out
