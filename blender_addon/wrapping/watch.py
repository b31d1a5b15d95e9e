"""Whether a head is still what was read while something long is worked out from it."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np

from ..baking.rest import rest_positions
from ..engine import MeshError

if TYPE_CHECKING:
    import bpy
    from numpy.typing import NDArray


class Watch:
    """Remembers a head as it is now.

    Args:
        obj: a mesh object.
    """

    def __init__(self, obj: bpy.types.Object) -> None:
        self._object = obj
        self._mark, self._scale, self._places = _mark_of(obj), _scale_of(obj), _places_of(obj)

    def check(self, *, thoroughly: bool = False) -> None:
        """Whether the head is still the one that was read.

        Args:
            thoroughly: look at all its vertices, too.

        Raises:
            MeshError: it is gone, or was changed.
        """
        obj = self._object
        try:
            same = _mark_of(obj) == self._mark
            # A head that nods meanwhile is the same; what it is scaled by may decide on its proportions.
            same = same and np.allclose(_scale_of(obj), self._scale, rtol=0, atol=1e-3)
            same = same and not (thoroughly and _places_of(obj) != self._places)
        except ReferenceError as problem:
            raise MeshError("The head is gone; it was deleted while Mien wrapped it.") from problem
        if not same:
            raise MeshError(f"{obj.name} was changed while Mien wrapped it.", "Wrap it again.")


def _mark_of(obj: bpy.types.Object) -> tuple[object, ...]:
    mesh = obj.data
    counts = len(mesh.vertices), len(mesh.edges), len(mesh.polygons)
    return (obj.name_full, mesh.name_full, *counts, obj.mode, mesh.is_editmode)


def _places_of(obj: bpy.types.Object) -> int:
    """A number that is another one where a vertex lies elsewhere at rest."""
    return zlib.crc32(np.ascontiguousarray(rest_positions(obj.data)))


def _scale_of(obj: bpy.types.Object) -> NDArray[np.float64]:
    """(3, 3) what the object's matrix does to lengths, -1 to 1; no turn, shift or even scale makes a difference."""
    matrix = np.nan_to_num(np.array(obj.matrix_world, np.float64)[:3, :3])
    lengths = matrix.T @ matrix * np.sign(np.linalg.det(matrix))
    return np.asarray(lengths / max(float(np.abs(lengths).max()), 1e-300))
