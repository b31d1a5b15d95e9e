"""What photos are read by on one template: where the detector's points lie, how far they are off, expressions, UVs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..arrays import Stored, within_one
from ..detection.faces import POINTS
from ..errors import TemplateError
from ..wrapping.surface import on_triangles
from .coding import Coding
from .descent import Descent
from .whole import Remainder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from numpy.typing import NDArray

    from ..template import Template

_MOST = 200
"""Expressions."""


@dataclass(frozen=True)
class PhotoKit(Stored):
    """Checked when made.

    Attributes:
        expressions: (E, V, 3) float16 mm, ways in which a face moves, one standard deviation each.
        vertices: (468, 3) int32 corners of the template's triangle in which each of the detector's points lies.
        shares: (468, 3) float32 where in it, from 0 to 1.
        spread: (468, 3) float32, above 0 and below 1, standard deviation of what each point errs after it was put
            right: to the right, up and towards the viewer in the upright picture, in distances between the eyes' outer
            corners.
        uv: (P, 4, 2) float32 from 0 to 1, where each corner of the template's polygons lies on its texture.
        descent: how points are put right; None where nobody has learned it.
        coding: what they tell of the person; None then as well.
        whole: what a head has beside the template; None for nothing.

    Raises:
        TemplateError: arrays that do not fit together, or hold numbers that are not finite.
    """

    prefix = "photo."
    what = "a photo kit"
    types: ClassVar = {
        "expressions": np.float16,
        "vertices": np.int32,
        "shares": np.float32,
        "spread": np.float32,
        "uv": np.float32,
    }

    expressions: NDArray[np.float16]
    vertices: NDArray[np.int32]
    shares: NDArray[np.float32]
    spread: NDArray[np.float32]
    uv: NDArray[np.float32]
    descent: Descent | None = None
    coding: Coding | None = None
    whole: Remainder | None = None

    def __post_init__(self) -> None:
        self._make_own()
        fits = self.vertices.shape == self.shares.shape == self.spread.shape == (POINTS, 3)
        fits = fits and self.expressions.ndim == 3 and self.expressions.shape[2] == 3
        fits = fits and self.uv.ndim == 3 and self.uv.shape[1:] == (4, 2)
        fits = fits and (self.descent is None) == (self.coding is None)
        if not fits or len(self.expressions) > _MOST:
            raise TemplateError("The arrays of a photo kit do not have the shapes they should.")
        inside = within_one(self.shares) and within_one(self.uv)
        if not inside or self.spread.min() <= 0 or self.spread.max() >= 1 or self.vertices.min() < 0:
            raise TemplateError("The points of a photo kit make no sense.")

    def check(self, template: Template, modes: int) -> None:
        """Raises TemplateError where it is not one of this template, and of so many modes, if there are any."""
        fits = self.expressions.shape[1:] == template.vertices.shape and len(self.uv) == len(template.polygons)
        fits = fits and (self.coding is None or modes in {0, len(self.coding.answer)})
        if not fits or self.vertices.max() >= template.vertex_count:
            raise TemplateError("The photo kit does not fit the template.")
        if self.whole is not None:
            self.whole.check(template, modes)

    def points_of(self, vertices: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """(..., 468, 3) where the detector's points lie on faces, or what moves them (..., V, 3)."""
        return on_triangles(vertices, self.vertices, self.shares)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """As plain arrays for a bundle."""
        out = super().to_arrays()
        for more in (self.descent, self.coding, self.whole):
            out |= {} if more is None else more.to_arrays()
        return out

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self | None:
        """The inverse of `to_arrays`; None where there is none.

        Raises:
            TemplateError: an array is missing or damaged.
        """
        found = cls._picked(arrays)
        if not found:
            return None
        more: dict[str, Any] = {"descent": Descent, "coding": Coding, "whole": Remainder}
        return cls(**found, **{name: kind.from_arrays(arrays) for name, kind in more.items()})
