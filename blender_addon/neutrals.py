"""What a generator knows of a face: its neutral in the template's millimetres, read once for each shape of the mesh."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np
from mathutils.kdtree import KDTree

from .baking.rest import rest_positions
from .engine import Layout
from .wrapping import store

if TYPE_CHECKING:
    import bpy
    from numpy.typing import NDArray

    from .engine import Bundle, Generator, Identity
    from .mesh_bridge import Fit
    from .wrapping.store import Stored

    Neutral = tuple[NDArray[np.float64], NDArray[np.bool_] | None]

_KEPT = 16

_NEAR = 4
"""Vertices of a wrapped head that tell how far the template goes along with what was sculpted."""

_SAME = 1e-5
"""Share of the head's size below which nothing was sculpted."""

_known: dict[str, tuple[tuple[int, ...], Bundle, Identity | None]] = {}


def identity_of(obj: bpy.types.Object, fit: Fit, generator: Generator) -> Identity | None:
    """What a generator knows of a face; worked out again only when the mesh at rest has another shape.

    Args:
        obj: the face.
        fit: how it lies on the generator's template; it does.
        generator: that performs.

    Returns:
        None for generators to whom all faces are alike.
    """
    assert fit.to_local is not None
    mesh = obj.data
    shape = np.ascontiguousarray(rest_positions(mesh)).tobytes()
    kind = f"{mesh.mien.wrap.mark} {getattr(fit.layout, 'name', '')}".encode()
    mark = tuple(zlib.crc32(part) for part in (shape, kind, fit.to_local.astype(np.float32).tobytes()))
    known = _known.get(obj.name)
    if known is None or known[0] != mark or known[1] is not generator.bundle:
        while len(_known) >= _KEPT:
            del _known[next(iter(_known))]
        _known[obj.name] = known = (mark, generator.bundle, generator.identity_of(*neutral_of(obj, fit)))
    return known[2]


def neutral_of(obj: bpy.types.Object, fit: Fit) -> Neutral:
    """Where the template's vertices lie on a face at rest, in the template's millimetres, axes and place.

    The similarity of the fit is taken out: it comes in again where `fit.to_local` turns deformations into the object's
    units, so what is told here is the shape alone.

    Args:
        obj: the face.
        fit: how it lies on a template; it does.

    Returns:
        (V, 3) float64; (V,) which of them the object has, or None where it has all. The others stay the template's own.
    """
    template = fit.template
    assert template is not None
    assert fit.to_local is not None
    own = template.vertices.astype(np.float64)
    stored = store.stored(obj.data, by_edges=False)
    if stored is not None:
        places = _wrapped(obj.data, stored, len(own))
        # A wrap that keeps no places tells of nobody; the template's own face then stands for it.
        return (own if places is None else _laid(places, stored.to_local, own)), None
    if not isinstance(fit.layout, Layout):
        return own, None
    present = fit.layout.present
    points = rest_positions(obj.data)[fit.layout.object_index[present]].astype(np.float64)
    own[present] = _laid(points, fit.to_local, own[present])
    return own, (None if present.all() else present)


def _laid(
    points: NDArray[np.float64], to_local: NDArray[np.float64], target: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(n, 3) points in object units as the template's mm, about the middle of the target (n, 3)."""
    return np.asarray((points - points.mean(axis=0)) @ np.linalg.inv(to_local).T + target.mean(axis=0))


def _wrapped(mesh: bpy.types.Mesh, stored: Stored, count: int) -> NDArray[np.float64] | None:
    """Where the wrapped template lies now, (V, 3) in the units and axes of when it was wrapped; None if unknown."""
    places, rest = stored.about.get("positions"), stored.rest
    if not isinstance(places, np.ndarray) or places.shape != (count, 3) or not np.isfinite(places).all():
        return None
    laid = places.astype(np.float64)
    if rest is None:
        return laid
    matrix, shift = stored.since(mesh)
    now = rest_positions(mesh)[stored.binding.vertices].astype(np.float64)
    moved = (now - shift) @ np.linalg.inv(matrix).T - rest
    if np.abs(moved).max() <= _SAME * float(np.ptp(rest, axis=0).max()):
        return laid
    return laid + _carried(rest.astype(np.float64), moved, laid)


def _carried(rest: NDArray[np.float64], moved: NDArray[np.float64], places: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far places (V, 3) go along with vertices (M, 3) that were sculpted by (M, 3): as the nearest ones do."""
    tree = KDTree(len(rest))
    for number, place in enumerate(rest.tolist()):
        tree.insert(place, number)
    tree.balance()
    near = min(_NEAR, len(rest))
    found = [tree.find_n(place, near) for place in places.tolist()]
    index = np.array([[one[1] for one in row] for row in found])
    far = np.array([[one[2] for one in row] for row in found])
    weights = 1 / (far**2 + (1e-3 * float(np.ptp(rest, axis=0).max())) ** 2)
    weights /= weights.sum(axis=1, keepdims=True)
    return np.asarray(np.einsum("vk,vkx->vx", weights, moved[index]))
