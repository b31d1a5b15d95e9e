"""How a face's shape turns and stretches motion: the Jacobian, at each vertex, of the map from the template's neutral.

A displacement of the template's skin becomes the face's by d_v = J_v x_v: where the mouth is wider, so is the smile.
After Sumner and Popovic, "Deformation transfer for triangle meshes" (2004), fitted over neighbourhoods and smoothed.
numpy alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .blur import Blur
from .template import EYEBALL_PARTS
from .wrapping.meshes import neighbours, pieces, vertex_normals
from .wrapping.spline import similarity

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from .template import Template

RIGID_PARTS = frozenset({*EYEBALL_PARTS, "teeth", "tongue"})
"""Parts that are carried whole, by one turn and one scale for each piece."""

HANGING_PARTS = frozenset({"lashes"})
"""Parts that go with the skin next to them."""

_STRETCH = (0.65, 1.5)  # of the face's scale; what says more speaks of a fold in the mesh, not of the face
_PRIOR = 1e-4  # of a neighbourhood's own moment: how much it leans on the face as a whole
_FEWEST = 4  # vertices of a face or a rigid piece, with which a similarity is found
_WILDEST = 1e6  # mm; a vertex that far off is none
_KEPT = 4  # templates


def jacobians(
    template: Template, neutral: NDArray[np.floating[Any]], present: NDArray[np.bool_] | None = None
) -> NDArray[np.float32]:
    """The Jacobian at each vertex of the map from the template's neutral to another's.

    Least squares over each vertex's 2-ring (the normals keep it from being flat), stretch limited, smoothed over 6 mm
    of the skin; eyes, teeth and tongue by one similarity each, lashes as the skin next to them. What the template
    needs for this is prepared once.

    Args:
        template: topology, parts and the neutral the motion is on.
        neutral: (V, 3), in any frame and unit: its turn and scale are in the Jacobians.
        present: (V,) False where the face lacks a vertex; None where it has all. NaN counts as lacking. Those vertices
            get the similarity of the whole face.

    Returns:
        (V, 3, 3) float32, always finite; the identity for the template's own neutral.

    Raises:
        ValueError: the neutral has another shape than the template.
    """
    points, there = checked_neutral(template, neutral, present)
    surface = _surface(template)
    whole, scale = face_similarity(template.vertices, points, there)
    found = surface.fitted(points, there, whole)
    limited = _limited(found, scale)
    smooth = surface.blurred(limited, there, whole)
    for group in surface.rigid:
        members = group[there[group]]
        if len(members) >= _FEWEST:
            smooth[group] = _turn(template.vertices[members], points[members])
        else:
            smooth[group] = whole
    smooth[surface.hanging] = smooth[surface.anchors]
    smooth[~there] = whole
    return smooth.astype(np.float32)


def checked_neutral(
    template: Template, neutral: NDArray[np.floating[Any]], present: NDArray[np.bool_] | None
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """(V, 3) points and (V,) which of them are there; the others lie at 0."""
    points = np.array(neutral, np.float64)
    if points.shape != template.vertices.shape or (present is not None and np.shape(present) != points.shape[:1]):
        raise ValueError(f"a neutral of this template has the shape {template.vertices.shape}, not {points.shape}")
    with np.errstate(invalid="ignore"):
        there = (np.abs(points) < _WILDEST).all(axis=1)  # NaN is no number below it
    if present is not None:
        there &= np.asarray(present, bool)
    points[~there] = 0.0
    return points, there


def face_similarity(
    vertices: NDArray[np.floating[Any]], points: NDArray[np.float64], there: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], float]:
    """(3, 3) turn times scale of the face as a whole, and the scale; the identity where too little of it is there."""
    if int(there.sum()) < _FEWEST:
        return np.eye(3), 1.0
    source, target = vertices[there].astype(np.float64), points[there]
    spread, wanted = (float(np.sqrt(((one - one.mean(axis=0)) ** 2).sum())) for one in (source, target))
    turn = similarity(source, target).rotation
    # By spread: a fit's own scale goes to nothing where the points have little to do with the template.
    scale = wanted / max(spread, 1e-9)
    return turn * scale, scale


class _Surface:
    """What the Jacobians need of a template alone.

    Attributes:
        rigid: vertices of each piece that is carried whole.
        hanging: (n,) vertices that go with others, and `anchors`, (n,), the nearest of the skin.
    """

    def __init__(self, template: Template) -> None:
        self._vertices = template.vertices.astype(np.float64)
        self._triangles = np.asarray(template.triangles, np.int64)
        self.rigid, self.hanging = sorted_pieces(template)
        bends = np.ones(template.vertex_count, bool)
        for group in (*self.rigid, self.hanging):
            bends[group] = False
        self._skin = np.flatnonzero(bends)
        self.anchors = np.zeros(0, np.intp)
        if len(self._skin) == 0:
            self.hanging = self.anchors
        elif len(self.hanging):
            self.anchors = self._skin[_nearest(self._vertices[self.hanging], self._vertices[self._skin])]
        self._here, self._there = _two_rings(template, bends)
        self._first = np.flatnonzero(np.diff(self._here, prepend=-1))  # each vertex that has a ring begins one
        self._ringed = self._here[self._first]
        self._edges, self._normals = self._frames(self._vertices, self._triangles)
        self._moment = self._summed(self._edges, self._edges)
        self._blur = Blur(self._vertices, self._triangles, self._skin)

    def fitted(
        self, points: NDArray[np.float64], there: NDArray[np.bool_], whole: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """(V, 3, 3) least squares over the 2-rings; where there are none, the face's similarity."""
        complete = bool(there.all())
        triangles = self._triangles if complete else self._triangles[there[self._triangles].all(axis=1)]
        source, moment, normals = self._edges, self._moment, self._normals
        if not complete:
            pairs = (there[self._here] & there[self._there]).astype(np.float64)
            _, normals = self._frames(self._vertices, triangles, pairs)
            source = source * pairs
            moment = self._summed(source, source)
        edges, target_normals = self._frames(points, triangles, None if complete else pairs)
        moment = moment + _outer(normals, normals)
        mixed = self._summed(edges, source) + _outer(target_normals, normals)
        lean = _PRIOR * np.trace(moment, axis1=1, axis2=2)[:, None, None] + 1e-12
        out = np.broadcast_to(whole, (len(points), 3, 3)).copy()
        out[self._ringed] = (mixed + lean * whole) @ np.linalg.inv(moment + lean * np.eye(3))
        return out

    def blurred(
        self, given: NDArray[np.float64], there: NDArray[np.bool_], whole: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """(V, 3, 3) the Gaussian mean over the skin round each of its vertices."""
        return self._blur(given, there, whole)

    def _frames(
        self, points: NDArray[np.float64], triangles: NDArray[np.int64], pairs: NDArray[np.float64] | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(3, E) vectors to all vertices of the 2-rings, and (3, R) normals as long as all of those together."""
        rows = np.ascontiguousarray(points.T)
        edges = np.take(rows, self._there, axis=1) - np.take(rows, self._here, axis=1)
        if pairs is not None:
            edges *= pairs
        square = np.einsum("ae,ae->e", edges, edges)
        size = np.sqrt(np.add.reduceat(square, self._first) / 2) if len(self._first) else np.zeros(0)
        return edges, (vertex_normals(points, triangles)[self._ringed] * size[:, None]).T

    def _summed(self, left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
        """(R, 3, 3) the sums of outer products over each 2-ring."""
        out = np.empty((len(self._first), 3, 3))
        for a in range(3):
            for b in range(3):
                out[:, a, b] = np.add.reduceat(left[a] * right[b], self._first) if len(self._first) else 0.0
        return out


def _nearest(points: NDArray[np.float64], places: NDArray[np.float64]) -> NDArray[np.intp]:
    """(n,) the index of the place nearest to each point."""
    found = [((places - point) ** 2).sum(axis=1).argmin() for point in points]
    return np.asarray(found, np.intp)


def _two_rings(template: Template, bends: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Pairs (vertex, another at most two edges away), sorted by the vertex; of vertices that bend alone."""
    edges = template.edges[bends[template.edges].all(axis=1)]
    near = neighbours(edges, template.vertex_count)
    middle = np.flatnonzero(np.isin(np.arange(template.vertex_count), edges))
    owner, ring = near.links(middle)
    onward, second = near.links(ring)
    count = template.vertex_count
    here, there = middle[owner], ring
    keys = np.unique(np.concatenate([here * count + there, here[onward] * count + second]))
    here, there = keys // count, keys % count
    apart = here != there
    return here[apart], there[apart]


def sorted_pieces(template: Template) -> tuple[list[NDArray[np.intp]], NDArray[np.intp]]:
    """The pieces that are carried whole, and all vertices that hang on the skin."""
    rigid: list[NDArray[np.intp]] = []
    hanging = [np.zeros(0, np.intp)]
    label = pieces(template.edges, template.vertex_count)
    for number in np.unique(label):
        members = np.flatnonzero(label == number)
        part = template.parts[template.vertex_part[members[0]]]
        if part in RIGID_PARTS:
            rigid.append(members)
        elif part in HANGING_PARTS:
            hanging.append(members)
    return rigid, np.concatenate(hanging)


def _turn(source: NDArray[np.floating[Any]], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """(3, 3) the turn times scale that carries the source points best onto the target's."""
    found = similarity(source, target)
    return found.rotation * found.scale


def _limited(given: NDArray[np.float64], scale: float) -> NDArray[np.float64]:
    """The Jacobians with their stretch within `_STRETCH` of the scale; those that are within it stay as they are."""
    low, high = (bound * scale for bound in _STRETCH)
    gram = np.swapaxes(given, 1, 2) @ given
    values = np.linalg.eigvalsh(gram)
    wild = (values[:, 0] < low**2) | (values[:, 2] > high**2)
    out = given.copy()
    u, stretch, vt = np.linalg.svd(given[wild])
    out[wild] = (u * np.clip(stretch, low, high)[:, None, :]) @ vt
    return out


def _outer(left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """(3, n) and (3, n) -> (n, 3, 3)."""
    return np.asarray(left.T[:, :, None] * right.T[:, None, :])


def _prepared() -> Callable[[Template], _Surface]:
    kept: dict[tuple[str, tuple[str, ...]], _Surface] = {}

    def surface(template: Template) -> _Surface:
        key = (template.content_hash, template.parts)
        found = kept.pop(key, None) or _Surface(template)
        kept[key] = found  # the one used last lies last
        while len(kept) > _KEPT:
            kept.pop(next(iter(kept)))
        return found

    return surface


_surface = _prepared()
