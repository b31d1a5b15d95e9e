"""Numbers about motion and about clouds of features; all in numpy and scipy, none knows a network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.spatial.distance import cdist

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating[Any]]


def mean_deformation(motion: Floats) -> NDArray[np.float64]:
    """(n,) mm: mean over the vertices of how far each is from rest, of each frame of (n, V, 3)."""
    return np.linalg.norm(np.asarray(motion, np.float64), axis=-1).mean(axis=-1)


def flipped(neutral: Floats, motion: Floats, triangles: NDArray[np.integer[Any]]) -> NDArray[np.bool_]:
    """Triangles whose normal is turned by more than 90 degrees against rest.

    Args:
        neutral: (V, 3) mm.
        motion: (n, V, 3) mm, deformations.
        triangles: (F, 3).

    Returns:
        (n, F) bool.
    """
    rest = np.asarray(neutral, np.float32)
    before = _normals(rest, triangles)
    turned = np.empty((len(motion), len(triangles)), bool)
    for number, frame in enumerate(motion):  # one by one: all at once would fill the memory
        now = _normals(rest + frame, triangles)
        turned[number] = now[0] * before[0] + now[1] * before[1] + now[2] * before[2] < 0
    return turned


def _normals(points: Floats, triangles: NDArray[np.integer[Any]]) -> tuple[Floats, Floats, Floats]:
    """x, y and z of the triangles' normals, not of unit length; written out, for np.cross takes thrice as long."""
    axes = np.ascontiguousarray(points.T, np.float32)
    first, second, third = np.ascontiguousarray(triangles.T)
    (ax, ay, az), (bx, by, bz) = ([axis[end] - axis[first] for axis in axes] for end in (second, third))
    return ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx


def jerk(motion: Floats, frame_rate: float) -> float:
    """Mean over frames and vertices of the third derivative's length, mm/s^3, by differences of (T, V, 3), T >= 4."""
    third = np.diff(np.asarray(motion, np.float64), n=3, axis=0) * frame_rate**3
    return float(np.linalg.norm(third, axis=-1).mean())


def frechet(one: Floats, other: Floats) -> float:
    """Fréchet distance between the normal distributions fitted to two clouds (Heusel et al. 2017).

    |m1 - m2|^2 + tr(C1 + C2 - 2 (C1^1/2 C2 C1^1/2)^1/2): the symmetric form has real roots whatever the rank, which
    the root of C1 C2 has not when features are silent.

    Args:
        one: (n, D), n >= 2.
        other: (m, D), m >= 2.
    """
    first, second = np.asarray(one, np.float64), np.asarray(other, np.float64)
    apart = first.mean(axis=0) - second.mean(axis=0)
    c1, c2 = (np.atleast_2d(np.cov(cloud, rowvar=False)) for cloud in (first, second))
    values, vectors = np.linalg.eigh(c1)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    cross = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ c2 @ root), 0)).sum()
    return float(max(apart @ apart + np.trace(c1) + np.trace(c2) - 2 * cross, 0.0))


def coverage_and_density(true: Floats, made: Floats, neighbours: int = 5) -> tuple[float, float]:
    """Coverage and density of Naeem et al. 2020, "Reliable fidelity and diversity metrics for generative models".

    Around each true sample lies a ball that reaches to its k-th neighbour among the true ones. Coverage is the share of
    the balls that hold a made sample; density counts the balls that a made sample lies in, over k.

    Args:
        true: (n, D), n > k.
        made: (m, D).
        neighbours: k.
    """
    within = np.sort(cdist(true, true), axis=1)[:, neighbours]  # the nearest is the sample itself
    inside = cdist(true, made) <= within[:, None]
    return float(inside.any(axis=1).mean()), float(inside.sum(axis=0).mean() / neighbours)


def rigid_residual(rest: Floats, motion: Floats) -> float:
    """What the best similarity of each frame leaves of a component's motion (Umeyama 1991), mm.

    Args:
        rest: (n, 3) mm, the component at rest.
        motion: (T, n, 3) mm, its deformations.

    Returns:
        Root mean square over frames and vertices of the distance that is left.
    """
    source = np.asarray(rest, np.float64)
    target = source + np.asarray(motion, np.float64)
    center = source - source.mean(axis=0)
    moved = target - target.mean(axis=1, keepdims=True)
    u, s, vt = np.linalg.svd(np.einsum("tni,nj->tij", moved, center))
    sign = np.ones_like(s)
    sign[:, 2] = np.sign(np.linalg.det(u @ vt))
    turn = (u * sign[:, None]) @ vt
    scale = (s * sign).sum(axis=1) / (center**2).sum()
    left = moved - scale[:, None, None] * np.einsum("tij,nj->tni", turn, center)
    return float(np.sqrt((left**2).sum(axis=-1).mean()))
