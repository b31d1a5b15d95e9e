"""A template wrapped onto a head: landmarks, person, registration; what it came to, and how good it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import Cancelled, MeshError
from ..steps import Step
from . import identity, registration
from .contours import rim_of
from .head import Head, flipped, vertex_openness
from .identity import Start, fit_person
from .meshes import edges_of, pieces
from .quality import Quality, judge
from .registration import register
from .spline import Similarity, Spline, similarity, trusted
from .untangling import untangled
from .visibility import OPEN

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from numpy.typing import NDArray

    from ..template import Template
    from .surface import SurfaceOf


LEAST_LANDMARKS = 6
_UNLIKE = 3.0  # mm the landmarks are off the person by, above which they bend the start
_BEND = 0.2
_LINE = 0.05  # a landmark cloud this flat, second to first extent, is a line


@dataclass(frozen=True)
class Wrapped:
    """Where a template lies on a head.

    Attributes:
        positions: (V, 3) object units: each vertex of the template.
        similarity: the template's mm and axes -> the object's units and axes.
        landmarks_used: names.
        landmarks_dropped: names of those that disagreed with the others.
        quality: how good it is.
        skin: (N,) bool: the object's vertices that belong to the piece with the face on it.
        visible: (N,) bool: those of them near the face that are seen from outside.
    """

    positions: NDArray[np.float64]
    similarity: Similarity
    landmarks_used: tuple[str, ...]
    landmarks_dropped: tuple[str, ...]
    quality: Quality
    skin: NDArray[np.bool_]
    visible: NDArray[np.bool_]

    @property
    def to_local(self) -> NDArray[np.float64]:
        """(3, 3): a deformation d in the template's mm is `to_local @ d` in the object's units and axes."""
        return np.asarray(self.similarity.scale * self.similarity.rotation)


def wrap(
    template: Template,
    vertices: NDArray[np.floating[Any]],
    triangles: NDArray[np.integer[Any]],
    landmarks: Mapping[str, NDArray[np.floating[Any]]],
    surface_of: SurfaceOf,
    *,
    modes: NDArray[np.floating[Any]] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Generator[Step, None, Wrapped]:
    """Wraps a template onto a head. Yields how far it is, and returns what it came to.

    Args:
        template: with landmarks.
        vertices: (N, 3) object units, any axes, without reflection; finite.
        triangles: (F, 3).
        landmarks: name -> (3,) in object units; names that the template lacks are passed over.
        surface_of: makes a surface of vertices and triangles.
        modes: (M, V, 3) mm, the template's principal modes of people at one standard deviation each; M may be 0.
        cancelled: asked now and then.

    Raises:
        MeshError: landmarks or mesh cannot be used.
        Cancelled: as asked.
    """
    head_at, names, dropped, marks = _prepare(template, vertices, triangles, landmarks)
    total = 3 + identity.ROUNDS + registration.STEPS

    def step(done: int, doing: str) -> Step:
        if cancelled is not None and cancelled():
            raise Cancelled
        return Step(done, total, doing)

    yield step(0, "looking at the head")
    sheet = skin_of(template)
    seen = openness_of(template, surface_of)
    usable = seen > OPEN
    first = similarity(template.vertices[marks], head_at(names))
    points = first.invert(np.asarray(vertices, np.float64))
    places = first.invert(head_at(names))
    around = Spline(template.vertices[marks], places, _BEND)(template.vertices[sheet])
    extent = np.stack([around.min(axis=0), around.max(axis=0)])
    yield step(1, "looking at the head")
    head = Head(points, triangles, places, extent, surface_of, cancelled=cancelled)
    neutral = template.vertices.astype(np.float64)
    skin_triangles = template.triangles[sheet[template.triangles[:, 0]]]
    given = np.zeros((0, *neutral.shape)) if modes is None or not len(modes) else np.asarray(modes, np.float64)
    start = Start(neutral, template.triangles, given, usable, marks, places)
    person = yield from _counted(fit_person(start, head), 2, step, "finding the person")
    begun = _bent(person.placed, marks, places)
    rim = rim_of(neutral, edges_of(skin_triangles)[0], seen, template.landmarks)
    fitting = register(begun, skin_triangles, usable, (marks, places), rim=rim, head=head)
    laid = yield from _counted(fitting, 2 + identity.ROUNDS, step, "laying the face on")
    placed = person.similarity.apply(neutral)
    laid = _carried(template, sheet, begun, untangled(placed, laid, skin_triangles))
    yield step(total - 1, "measuring")
    overall = _after(first, person.similarity)
    folded = np.flatnonzero(sheet[template.triangles[:, 0]])[flipped(placed, laid, skin_triangles)]
    quality = judge(head, laid, skin_triangles, folded, surface_of, person=person, dropped=dropped)
    return Wrapped(first.apply(laid), overall, names, dropped, quality, head.skin, head.openness > OPEN)


def _counted(
    work: Generator[int, None, Any], offset: int, step: Callable[[int, str], Step], doing: str
) -> Generator[Step, None, Any]:
    while True:
        try:
            done = next(work)
        except StopIteration as end:
            return end.value
        yield step(offset + done, doing)


def _prepare(
    template: Template,
    vertices: NDArray[np.floating[Any]],
    triangles: NDArray[np.integer[Any]],
    landmarks: Mapping[str, NDArray[np.floating[Any]]],
) -> tuple[Callable[[tuple[str, ...]], NDArray[np.float64]], tuple[str, ...], tuple[str, ...], NDArray[np.int64]]:
    """What can be told before any work: places of landmarks, names used and dropped, the template's vertices."""
    if not len(vertices) or not len(triangles):
        raise MeshError("This mesh has no polygons.", "Pick the mesh of a head.")
    if not np.isfinite(vertices).all():
        raise MeshError("Some vertices of this mesh are nowhere (NaN).", "Repair the mesh.")
    known = {name: np.asarray(place, np.float64) for name, place in landmarks.items() if name in template.landmarks}
    if len(known) < LEAST_LANDMARKS:
        raise MeshError(
            f"A wrap needs at least {LEAST_LANDMARKS} landmarks; {len(known)} are placed.", "Place some more."
        )
    names = tuple(known)
    places = np.stack([known[name] for name in names])
    if places.shape[1:] != (3,) or not np.isfinite(places).all():
        raise MeshError("Some landmarks are nowhere (NaN).", "Place them again.")
    marks = np.array([template.landmarks[name] for name in names])
    _check_shape(template.vertices[marks].astype(np.float64), places)
    good = trusted(template.vertices[marks].astype(np.float64), places)
    used = tuple(name for name, one in zip(names, good, strict=True) if one)
    dropped = tuple(name for name in names if name not in used)
    return (lambda wanted: np.stack([known[name] for name in wanted])), used, dropped, marks[good]


def _check_shape(source: NDArray[np.float64], places: NDArray[np.float64]) -> None:
    extents = np.linalg.svd(places - places.mean(axis=0), compute_uv=False)
    if not extents[0] > 0 or extents[1] < _LINE * extents[0]:
        raise MeshError("The landmarks all lie in one place or on one line.", "Place them on the face, one by one.")

    def miss(points: NDArray[np.float64]) -> float:
        fitted = similarity(points, places).apply(points)
        return float(np.sqrt(((fitted - places) ** 2).sum(axis=1).mean()))

    spread = float(np.sqrt(((places - places.mean(axis=0)) ** 2).sum(axis=1).mean()))
    as_is, mirrored = miss(source), miss(source * (-1, 1, 1))
    if mirrored < 0.7 * as_is and as_is > 0.15 * spread:
        raise MeshError(
            "Left and right are swapped: the landmarks fit a mirrored face.",
            "Left is the face's own left; for a mirrored mesh, scale it by -1 along X and apply the scale.",
        )
    if as_is > 0.5 * spread:
        raise MeshError("The landmarks do not look like those of a face.", "Place them again, in the order shown.")


_open: dict[str, NDArray[np.float64]] = {}


def skin_of(template: Template) -> NDArray[np.bool_]:
    """(V,) bool: the piece of a template that the nose tip lies on: skin, and the linings that belong to it."""
    label = pieces(edges_of(template.triangles)[0], template.vertex_count)
    tip = template.landmarks.get("nose_tip", int(template.vertices[:, 2].argmax()))
    return np.asarray(label == label[tip])


def openness_of(template: Template, surface_of: SurfaceOf) -> NDArray[np.float64]:
    """(V,) how much of the sky each vertex of a template's skin sees, 0..1; worked out once for each template."""
    key = template.content_hash
    if key not in _open:
        skin = template.triangles[skin_of(template)[template.triangles[:, 0]]]
        _open[key] = vertex_openness(template.vertices.astype(np.float64), skin, surface_of)
    return _open[key]


def _bent(placed: NDArray[np.float64], marks: NDArray[np.int64], places: NDArray[np.float64]) -> NDArray[np.float64]:
    """A start for faces unlike all people: bent so that the landmarks nearly meet."""
    miss = float(np.sqrt(((placed[marks] - places) ** 2).sum(axis=1).mean()))
    if miss < _UNLIKE:
        return placed
    return Spline(placed[marks], places, _BEND)(placed)


def _carried(
    template: Template, sheet: NDArray[np.bool_], before: NDArray[np.float64], after: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Pieces that are no skin (eyes, teeth, lashes) go along with the skin nearest to each of them, whole."""
    out = after.copy()
    label = pieces(edges_of(template.triangles)[0], template.vertex_count)
    skin = np.flatnonzero(sheet)
    for piece in np.unique(label[~sheet]):
        members = np.flatnonzero(label == piece)
        apart = np.linalg.norm(before[members][:, None] - before[skin][None, ::4], axis=-1)
        near = skin[::4][np.unique(apart.argmin(axis=1))]
        out[members] += (after[near] - before[near]).mean(axis=0)
    return out


def _after(outer: Similarity, inner: Similarity) -> Similarity:
    """First the inner, then the outer."""
    return Similarity(
        outer.scale * inner.scale,
        outer.rotation @ inner.rotation,
        outer.scale * outer.rotation @ inner.shift + outer.shift,
    )
