"""The smooth field that follows a pull: (stiffness L^T L + W) u = W p, by conjugate gradients (numpy alone).

L is the umbrella operator, (L u)_i = u_i - mean of the neighbours' u: what is smooth costs little. Sparse
factorisation would need scipy, which Blender lacks; the stiffness is low once the person is known, so conjugate
gradients with the diagonal as preconditioner, begun at the last answer, need some forty steps (docs/wrapping.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .meshes import Neighbours


class SmoothField:
    """Solves for a field over a mesh's vertices.

    Args:
        near: the mesh.
    """

    def __init__(self, near: Neighbours) -> None:
        self._near = near
        # Diagonal of L^T L: 1 + sum over the neighbours j of 1 / degree_j^2; nothing binds a vertex without any.
        self._diagonal = 1 + near.total(1 / near.degree**2)

    def energy(self, field: NDArray[np.float64]) -> NDArray[np.float64]:
        """(C, N) -> (C, N): L^T L times the field."""
        bent = field - self._near.mean(field)
        return np.asarray(bent - self._near.total(bent / self._near.degree))

    def solve(
        self,
        stiffness: float,
        weight: NDArray[np.float64],
        pull: NDArray[np.float64],
        start: NDArray[np.float64],
        *,
        tolerance: float = 1e-3,
        most: int = 400,
    ) -> NDArray[np.float64]:
        """The field u of (stiffness L^T L + diag(weight)) u = pull.

        Args:
            stiffness: above 0.
            weight: (N,) at least 0, some above.
            pull: (N, C) weight times where each vertex is pulled.
            start: (N, C) where to begin.
            tolerance: of the residual, relative to the pull's.
            most: iterations.

        Returns:
            (N, C).
        """
        # Axis by axis, as the neighbours are gathered fast.
        wanted, field = np.ascontiguousarray(pull.T), np.array(start.T, order="C")
        scale = 1 / (stiffness * self._diagonal + weight)
        rest = wanted - stiffness * self.energy(field) - weight * field
        enough = tolerance**2 * max(float((scale * wanted**2).sum()), 1e-30)
        way = scale * rest
        power = _dots(rest, way)
        for _ in range(most):
            if power.sum() <= enough:
                break
            answer = stiffness * self.energy(way) + weight * way
            step = power / np.maximum(_dots(way, answer), 1e-300)
            field += step * way
            rest -= step * answer
            ready = scale * rest
            last, power = power, _dots(rest, ready)
            way = ready + power / np.maximum(last, 1e-300) * way
        return np.ascontiguousarray(field.T)


def _dots(here: NDArray[np.float64], there: NDArray[np.float64]) -> NDArray[np.float64]:
    """(C, 1) the products of each axis."""
    return np.asarray(np.einsum("cn,cn->c", here, there)[:, None])
