"""The last millimetres: the template's skin pulled to the closest places of a head by ever softer smooth fields."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .contours import curve_of, rim_pulls
from .meshes import edges_of, neighbours, vertex_normals
from .solver import SmoothField

if TYPE_CHECKING:
    from collections.abc import Generator

    from numpy.typing import NDArray

    from .contours import Rim
    from .head import Head

STEPS = 12
_STIFF, _SOFT = 20.0, 0.5
_ALIKE = 0.5
_NEARER, _CLOSE = 3.0, 2.0  # times the median, and mm: closest places farther off are left out
_LANDMARK_WEIGHT = 5.0  # at the first step; none at the last, for nobody clicks to a millimetre
_RIM_WEIGHT = 0.3
_ANCHOR = 1e-6


def register(
    shape: NDArray[np.float64],
    triangles: NDArray[np.int32],
    usable: NDArray[np.bool_],
    marks: tuple[NDArray[np.int64], NDArray[np.float64]],
    *,
    rim: Rim,
    head: Head,
) -> Generator[int, None, NDArray[np.float64]]:
    """Lays a template's skin onto a head. Yields the steps done, of `STEPS`.

    Args:
        shape: (V, 3) mm, where it begins: near already.
        triangles: (F, 3) of the skin; vertices of no triangle stay where they are.
        usable: (V,) bool: visible skin; the rest follows smoothly.
        marks: (n,) vertices and (n, 3) mm places of landmarks.
        rim: of the lips; see contours.py.
        head: the surface.

    Returns:
        (V, 3) mm.
    """
    field = SmoothField(neighbours(edges_of(triangles)[0], len(shape)))
    active = np.flatnonzero(usable)
    moved = np.zeros_like(shape)
    curve = curve_of(head, rim.places(shape)) if len(rim.edges) else None
    for step, stiffness in enumerate(np.geomspace(_STIFF, _SOFT, STEPS)):
        weight, pull = _pulls(shape, moved, triangles, active, head)
        share = _LANDMARK_WEIGHT * (1 - step / (STEPS - 1)) ** 2
        np.add.at(weight, marks[0], share)
        np.add.at(pull, marks[0], share * (marks[1] - shape[marks[0]]))
        if curve is not None:
            vertices, places = rim_pulls(rim, curve, shape + moved, triangles)
            np.add.at(weight, vertices, _RIM_WEIGHT)
            np.add.at(pull, vertices, _RIM_WEIGHT * (places - shape[vertices]))
        moved = field.solve(stiffness, weight + _ANCHOR, pull, moved)
        yield step + 1
    return np.asarray(shape + moved)


def _pulls(
    shape: NDArray[np.float64],
    moved: NDArray[np.float64],
    triangles: NDArray[np.int32],
    active: NDArray[np.intp],
    head: Head,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(V,) weights, and (V, 3) weights times the displacement that each vertex should have."""
    current = shape + moved
    normals = vertex_normals(current, triangles)[active]
    found = head.closest(current[active])
    good = ((normals * found.normal).sum(axis=1) > _ALIKE) & found.inner
    weight, pull = np.zeros(len(shape)), np.zeros_like(shape)
    if good.any():
        good &= found.distance < max(_NEARER * float(np.median(found.distance[good])), _CLOSE)
        chosen = active[good]
        weight[chosen] = 1.0
        pull[chosen] = found.place[good] - shape[chosen]
    return weight, pull
