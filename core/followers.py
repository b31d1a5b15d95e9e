"""What belongs to a face but is not in its template, and moves with it: teeth, gums, lashes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .arrays import owned
from .errors import TemplateError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

_ARRAYS: dict[str, type] = {"vertices": np.int32, "controls": np.int32, "reading": np.float32, "fields": np.float32}


@dataclass(frozen=True)
class Followers:
    """A linear reader of the face: some of its vertices tell how strong each action is, and the parts obey.

    m = fields^T (reading d), with d the deformation of the controls. Teeth so stay whole: they can only move as the
    actions move them, whatever the chin does beside.

    Attributes:
        vertices: (N,) int32, the object's vertices that follow; none of them is one of the template's.
        controls: (K,) int32, the template's vertices that are read.
        reading: (A, 3 K) float32, strength of each action for a millimetre of each coordinate of the controls.
        fields: (A, N, 3) float32, millimetres that the followers move where an action is at 1.

    Raises:
        TemplateError: shapes that do not fit together, or numbers that are not finite.
    """

    vertices: NDArray[np.int32]
    controls: NDArray[np.int32]
    reading: NDArray[np.float32]
    fields: NDArray[np.float32]

    def __post_init__(self) -> None:
        owned(self, _ARRAYS, "what follows a face")
        actions = len(self.reading) if self.reading.ndim else -1
        fits = self.vertices.ndim == self.controls.ndim == 1 and actions > 0
        fits = fits and self.reading.shape == (actions, 3 * len(self.controls))
        fits = fits and self.fields.shape == (actions, len(self.vertices), 3) and self.fields.size > 0
        if not fits or not np.isfinite(self.reading).all() or not np.isfinite(self.fields).all():
            raise TemplateError("What follows a face has shapes or numbers that do not fit.")

    def check(self, template_count: int, object_count: int, taken: NDArray[np.int32]) -> None:
        """Whether they belong to a layout.

        Args:
            template_count: V, vertices of the template.
            object_count: vertices of the object.
            taken: the object's vertices that are the template's.

        Raises:
            TemplateError: they name vertices that are not there, or some twice.
        """
        if self.controls.min(initial=0) < 0 or self.controls.max(initial=0) >= template_count:
            raise TemplateError("What follows a face reads vertices that the template does not have.")
        if self.vertices.min() < 0 or self.vertices.max() >= object_count:
            raise TemplateError("What follows a face names vertices outside the object.")
        every = np.concatenate([self.vertices, taken])
        if len(np.unique(every)) != len(every):
            raise TemplateError("What follows a face names a vertex twice.")

    def __call__(self, deformation: NDArray[np.float32]) -> NDArray[np.float32]:
        """(T, V, 3) mm of the template -> (T, N, 3) mm of the followers."""
        read = deformation[:, self.controls].reshape(len(deformation), -1)
        strengths = read @ self.reading.T
        moved = strengths @ self.fields.reshape(len(self.fields), -1)
        return np.asarray(moved.reshape(len(deformation), -1, 3), np.float32)

    def to_arrays(self, prefix: str) -> dict[str, NDArray[Any]]:
        """As plain arrays; the fields in half precision, which is exact to two hundredths of a millimetre."""
        arrays = {f"{prefix}{name}": getattr(self, name) for name in _ARRAYS}
        arrays[f"{prefix}fields"] = self.fields.astype(np.float16)
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], prefix: str) -> Followers | None:
        """The inverse of `to_arrays`; None where there are none.

        Raises:
            TemplateError: damaged.
            KeyError: some arrays are there and others are not.
        """
        if not any(f"{prefix}{name}" in arrays for name in _ARRAYS):
            return None
        return cls(*(arrays[f"{prefix}{name}"] for name in _ARRAYS))
