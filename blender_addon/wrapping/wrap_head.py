"""A head as it is read for a wrap: at rest, in triangles, in axes that a similarity understands; and its faults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..alignment import align
from ..baking.rest import rest_positions
from ..engine import MeshError, landmarks, suggestions

if TYPE_CHECKING:
    from collections.abc import Mapping

    import bpy
    from numpy.typing import NDArray

    from ..engine import Template

    Marks = Mapping[str, NDArray[np.float64]]

FEWEST = 100
"""Vertices below which no face can move."""

_EVEN = 1e-3
"""Relative difference between the axes' scales below which a scale is even."""

_PLANE = 1e-5
"""A mesh' third extent over its first, below which it lies in a plane; on heads it is 0.5 and more."""

_NEAR = 0.25
"""Share of the head's size by which a landmark may lie outside of its box."""

_FLAT = 0.08
"""Second extent of the landmarks over their first, below which they lie on a line; on heads it is 0.5 and more."""

_FRONT = {"nose_tip", "chin", "nose_bridge", "lower_lip_bottom", "left_mouth_corner", "right_mouth_corner"}
"""Landmarks where the skin looks forward."""

TITLES = {one.name: one.title for one in landmarks.GUIDE}
"""Landmarks' names -> their names for people."""


@dataclass(frozen=True)
class Head:
    """A mesh at rest.

    Attributes:
        vertices: (N, 3) float64, the object's units and axes.
        triangles: (F, 3) int32, counter-clockwise from outside as the object is seen.
        to_wrap: (3, 3) float64, from the object's axes into those that the wrap works in; see `axes_for`.
    """

    vertices: NDArray[np.float64]
    triangles: NDArray[np.int32]
    to_wrap: NDArray[np.float64]


def read_head(obj: bpy.types.Object, template: Template, marks: Marks) -> Head:
    """The head of an object, with landmarks that fit it.

    Args:
        obj: a mesh object that `mesh_bridge` does not refuse.
        template: what is to be wrapped.
        marks: landmarks' names -> (3,) in the object's units and axes.

    Raises:
        MeshError: with a sentence and a remedy.
    """
    vertices = rest_positions(obj.data).astype(np.float64)
    triangles = triangles_of(obj.data)
    check_mesh(obj.name, vertices, triangles)
    check_marks(obj.name, vertices, marks, template)
    to_wrap = axes_for(np.array(obj.matrix_world, np.float64)[:3, :3], marks, template)
    _check_sides(obj.name, to_wrap, marks, template)
    if np.linalg.det(to_wrap) < 0:
        triangles = triangles[:, ::-1]
    seen = {name: to_wrap @ place for name, place in marks.items()}
    if _is_inside_out(vertices @ to_wrap.T, triangles, seen, template):
        triangles = triangles[:, ::-1]
    return Head(vertices, np.ascontiguousarray(triangles), to_wrap)


def _is_inside_out(
    vertices: NDArray[np.float64], triangles: NDArray[np.int32], marks: Marks, template: Template
) -> bool:
    """Whether the triangles round the landmarks that lie in front look into the head, as all of some scans do."""
    own = landmarks.places_on(template)
    names = [name for name in marks if name in own]
    lying = align(np.array([marks[name] for name in names]), np.array([own[name] for name in names]))
    forward = lying.rotation[:, 2]
    corners = [vertices[triangles[:, number]] for number in range(3)]
    centres = (corners[0] + corners[1] + corners[2]) / 3
    looking = np.cross(corners[1] - corners[0], corners[2] - corners[0]) @ forward
    votes = 0
    for name in _FRONT & set(marks):
        nearest = int(((centres - marks[name]) ** 2).sum(axis=1).argmin())
        votes += int(np.sign(looking[nearest]))
    return votes < 0


def triangles_of(mesh: bpy.types.Mesh) -> NDArray[np.int32]:
    """(F, 3) int32 vertex indices: the polygons cut into triangles as Blender draws them."""
    mesh.calc_loop_triangles()  # of what Blender keeps beside the mesh; nothing of the mesh itself
    flat = np.empty(len(mesh.loop_triangles) * 3, np.int32)
    mesh.loop_triangles.foreach_get("vertices", flat)
    return flat.reshape(-1, 3)


def check_mesh(name: str, vertices: NDArray[np.float64], triangles: NDArray[np.int32]) -> None:
    """Whether a mesh can be wrapped at all.

    Raises:
        MeshError: it holds no surface, too little of it, or vertices that are nowhere.
    """
    if not len(triangles):
        raise MeshError(f"{name} has no faces, only vertices and edges.", "Pick the mesh of the head.")
    if not np.isfinite(vertices).all():
        raise MeshError(f"{name} has vertices that are nowhere (NaN).", "Repair the mesh.")
    used = np.unique(triangles)
    if len(used) < FEWEST:
        raise MeshError(
            f"{name} has faces between {len(used):,} vertices, too few for a face to move.",
            f"Subdivide it and apply that, so that it has {FEWEST:,} at least.",
        )
    places = vertices[used] - vertices[used].mean(axis=0)
    spread = np.sqrt(np.clip(np.linalg.eigvalsh(places.T @ places), 0, None))
    if spread[0] <= _PLANE * spread[2]:
        raise MeshError(f"{name} is flat: all its vertices lie in one plane.", "Pick the mesh of the head.")


def check_marks(name: str, vertices: NDArray[np.float64], marks: Marks, template: Template) -> None:
    """Whether there are landmarks enough, and where a head could have them.

    Raises:
        MeshError: some are unknown, missing, nowhere, far from the head, or all on a line.
    """
    unknown = sorted(set(marks) - set(TITLES))
    if unknown:
        raise MeshError(f"There is no landmark called {', '.join(unknown)}.", f"Mien knows {', '.join(TITLES)}.")
    if not can_wrap(template):
        raise MeshError(
            "The generator's head has no landmarks, so it cannot be wrapped.",
            "Install a newer model pack, or choose another head under Like.",
        )
    missing = [one.title for one in landmarks.missing(marks)]
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise MeshError(
            f"{len(missing)} of the landmarks that a wrap needs are not placed: {', '.join(missing[:3])}{more}.",
            "Place them with Pick Landmarks.",
        )
    _check_places(name, vertices, marks)


def _check_places(name: str, vertices: NDArray[np.float64], marks: Marks) -> None:
    places = np.array(list(marks.values()), np.float64)
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    reach = _NEAR * float((high - low).max())
    for key, place in zip(marks, places, strict=True):
        if not np.isfinite(place).all() or (place < low - reach).any() or (place > high + reach).any():
            raise MeshError(
                f"The landmark {TITLES[key]} is not on {name}.",
                "Place it again; in a file, give places in the object's own units and axes.",
            )
    extent = np.linalg.svd(places - places.mean(axis=0), compute_uv=False)
    if extent[1] <= _FLAT * extent[0]:
        raise MeshError("The landmarks lie on a line or in one spot.", "Clear them and place them again.")


def axes_for(matrix: NDArray[np.float64], marks: Marks, template: Template) -> NDArray[np.float64]:
    """In which axes the head has a head's proportions: its own, or those of the scene.

    What an uneven or negative scale of the object does belongs to the face as it is seen, or undoes what was done to
    the mesh; the landmarks tell which of both is like a head.

    Args:
        matrix: (3, 3), the object's axes into the scene's.
        marks: see `read_head`.
        template: see `read_head`.

    Returns:
        (3, 3), the identity or `matrix`.
    """
    own = np.eye(3)
    lengths = np.linalg.svd(matrix, compute_uv=False)
    if lengths[2] <= 1e-6 * lengths[0] or not np.isfinite(matrix).all():
        return own
    if np.linalg.det(matrix) > 0 and lengths[0] - lengths[2] <= _EVEN * lengths[0]:
        return own
    return min((matrix, own), key=lambda axes: _misfit(axes, marks, template))


def can_wrap(template: Template) -> bool:
    """Whether a template names the landmarks that a wrap needs."""
    return not landmarks.missing(template.landmarks)


def _misfit(axes: NDArray[np.float64], marks: Marks, template: Template) -> float:
    """Millimetres, root mean square, by which the landmarks miss the template's after a similarity."""
    own = landmarks.places_on(template)
    names = [name for name in marks if name in own]
    points = np.array([marks[name] for name in names]) @ axes.T
    return align(points, np.array([own[name] for name in names])).residual


def _check_sides(name: str, axes: NDArray[np.float64], marks: Marks, template: Template) -> None:
    placed = {key: axes @ place for key, place in marks.items()}
    if suggestions.is_swapped(landmarks.places_on(template), placed):
        raise MeshError(
            f"The landmarks of {name} have left and right swapped.",
            "Left is the face's own left: clear them and place them again.",
        )
