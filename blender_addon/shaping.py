"""What the artist's shaping makes of a deformation on its way to the mesh: gains, balance, mask.

Gains and balance are for what is performed. Life is laid over it as it is: half of a blink, or a blink of one eye, is
none. The mask is for all that moves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .alignment import turned
from .engine import MotionError, ShapedLayout, Shaping, factors
from .mesh_bridge import group_weights

if TYPE_CHECKING:
    from collections.abc import Mapping

    import bpy
    import numpy as np
    from numpy.typing import NDArray

    from .engine import Binding, Layout
    from .mesh_bridge import Fit

NAMES = ("gain", "brows", "eyes", "mouth", "balance")
"""The settings of a face that core's `Shaping` takes."""


class Shaper:
    """Template deformations -> offsets of the object's moving vertices. Made anew when a setting changes.

    Args:
        obj: the face, for its vertex groups.
        fit: how its mesh lies on the template.
        settings: see `settings_of`; default, those of the face.
        of_part: the object is a part of the face; without a vertex group of the mask's name all of it moves.

    Raises:
        MotionError: a setting is out of range, or the vertex group is not there.
    """

    def __init__(
        self, obj: bpy.types.Object, fit: Fit, settings: dict[str, Any] | None = None, *, of_part: bool = False
    ) -> None:
        given = settings_of(obj) if settings is None else settings
        assert fit.layout is not None
        assert fit.to_local is not None
        assert fit.template is not None
        self._to_local = fit.to_local
        shaping = Shaping(**{name: float(given[name]) for name in NAMES})
        self._layout: Layout | Binding = fit.layout
        self._shaped = None if shaping.is_neutral else ShapedLayout(fit.layout, factors(fit.template, shaping))
        mask = str(given["mask"])
        if of_part and mask not in obj.vertex_groups:
            mask = ""
        self._mask = _weights(obj, mask, fit.layout.moving)

    def offsets(self, deformation: NDArray[np.float32], life: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
        """What the moving vertices of the object do.

        Args:
            deformation: (n, V, 3) mm of the template.
            life: (n, V, 3) what of it is life; None for none.

        Returns:
            (n, P, 3) object units of `layout.moving`.
        """
        if self._shaped is None:
            moved = self._layout.on_object(deformation)
        elif life is None:
            moved = self._shaped.on_object(deformation)
        else:
            moved = self._shaped.on_object(deformation - life) + self._layout.on_object(life)
        moved = turned(moved, self._to_local)
        return moved if self._mask is None else moved * self._mask


def spares(settings: Mapping[str, Any]) -> bool:
    """Whether these settings leave a performance as it is, mask or none: then nobody needs to tell life apart."""
    return Shaping(**{name: float(settings[name]) for name in NAMES}).is_neutral


def settings_of(obj: bpy.types.Object) -> dict[str, Any]:
    """The shaping of a face, as its record keeps it."""
    return {name: float(getattr(obj.mien, name)) for name in NAMES} | {"mask": obj.mien.mask}


def _weights(obj: bpy.types.Object, mask: str, moving: NDArray[np.int32]) -> NDArray[np.float32] | None:
    """(P, 1) weights of the moving vertices in a vertex group; None for no mask."""
    if not mask:
        return None
    weights = group_weights(obj, mask)
    if weights is None:
        raise MotionError(f"{obj.name} has no vertex group {mask!r}.", "Choose another mask, or leave it empty.")
    return weights[moving]
