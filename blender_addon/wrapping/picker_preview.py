"""The live preview of the wrap: the template bent by the landmarks alone, as wires over the head."""

# mypy: disable-error-code="dict-item, func-returns-value"
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gpu
import numpy as np
from gpu_extras.batch import batch_for_shader
from mathutils import Matrix

from ..engine import Spline, landmarks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from ..engine import Template

FEWEST = 6
"""Landmarks, placed or offered, below which a spline tells nothing."""

_INNER = frozenset({"eyes", "iris", "pupil", "teeth", "tongue", "lashes", "mouth"})
"""Parts of a template that would only be seen through the skin."""

_SMOOTHING = 0.02
"""How far the spline may stay off the landmarks: a hand is not exact to the tenth of a millimetre."""

_NEARER = 4e-4
_COLOUR = (0.35, 1.0, 0.75)


def skin_edges(template: Template) -> NDArray[np.int32]:
    """(E, 2) int32: the edges of the template's outer parts."""
    assert template.polygon_part is not None
    outer = [number for number, name in enumerate(template.parts) if name not in _INNER]
    polygons = template.polygons[np.isin(template.polygon_part, outer)]
    after = np.roll(polygons, -1, axis=1)
    triangle = polygons[:, 3] < 0
    after[triangle, 2], after[triangle, 3] = polygons[triangle, 0], -1
    sides = np.stack([polygons, after], axis=2).reshape(-1, 2)
    sides = np.sort(sides[(sides >= 0).all(axis=1)], axis=1)
    return np.unique(sides, axis=0).astype(np.int32)


def bent(template: Template, targets: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64] | None:
    """(V, 3) the template's vertices among the targets; None where there are too few.

    Args:
        template: the one to wrap.
        targets: landmarks' names -> (3,) on the head, in any axes and units.
    """
    source = landmarks.places_on(template)
    names = [name for name in source if name in targets]
    if len(names) < FEWEST:
        return None
    spline = Spline(np.array([source[name] for name in names]), np.array([targets[name] for name in names]), _SMOOTHING)
    return spline(template.vertices.astype(np.float64))


class Wires:
    """Draws the bent template.

    Args:
        template: the one to wrap.
    """

    def __init__(self, template: Template) -> None:
        self._template = template
        self._edges = skin_edges(template)
        self._version = -1
        self._batch: Any = None

    def draw(self, targets: Mapping[str, NDArray[np.float64]], version: int) -> None:
        """In a handler that draws the scene; worked out again where the version is another than last time."""
        if version != self._version:
            vertices, self._version, self._batch = bent(self._template, targets), version, None
            if vertices is not None and np.isfinite(vertices).all():
                shader = gpu.shader.from_builtin("UNIFORM_COLOR")
                self._batch = batch_for_shader(
                    shader, "LINES", {"pos": vertices.astype(np.float32)}, indices=self._edges
                )
        if self._batch is None:
            return
        gpu.state.blend_set("ALPHA")
        # What lies behind the head's surface is hinted at, what lies before it is drawn.
        for test, alpha in (("NONE", 0.04), ("LESS_EQUAL", 0.3)):
            gpu.state.depth_test_set(test)
            with gpu.matrix.push_pop_projection():
                _pull_nearer()
                shader = gpu.shader.from_builtin("UNIFORM_COLOR")
                shader.uniform_float("color", (*_COLOUR, alpha))
                self._batch.draw(shader)
        gpu.state.depth_test_set("NONE")
        gpu.state.blend_set("NONE")


def _pull_nearer() -> None:
    # In clip space: z goes toward the viewer by a share of w, with and without perspective.
    pull = Matrix.Identity(4)
    pull[2][3] = -_NEARER
    gpu.matrix.load_projection_matrix(pull @ gpu.matrix.get_projection_matrix())
