"""How far the detector is off, as the fit reckons with it: C = F^T F + D, never formed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


class Noise:
    """A Gaussian of n numbers, of which K ways to err together are known.

    Args:
        factor: (K, n), each row at one standard deviation.
        spread: (n,) standard deviation of what each errs by itself, above 0.
    """

    def __init__(self, factor: NDArray[np.floating[Any]], spread: NDArray[np.floating[Any]]) -> None:
        self._scale = 1 / np.asarray(spread, np.float64)
        self._ways = np.asarray(factor, np.float64) * self._scale
        inner = np.eye(len(self._ways)) + self._ways @ self._ways.T
        self._lower = np.linalg.cholesky(inner)

    def whitened(self, rows: NDArray[np.floating[Any]]) -> tuple[Floats, Floats]:
        """What products under the inverse are made of: <a, b> = A . B - a . b, see `product`.

        Args:
            rows: (m, n).

        Returns:
            (m, n) the rows in their own deviations, and (m, K) what of them counts as error together.
        """
        scaled = rows * self._scale
        together = np.linalg.solve(self._lower, self._ways @ scaled.T).T
        return scaled, together

    def normal(self, jacobian: NDArray[np.floating[Any]], off: NDArray[np.floating[Any]]) -> tuple[Floats, Floats]:
        """J C^-1 J^T and J C^-1 r (Woodbury).

        Args:
            jacobian: (m, n), a row for each unknown.
            off: (n,) what is left.

        Returns:
            (m, m) and (m,).
        """
        scaled, together = self.whitened(jacobian)
        rest, common = self.whitened(off[None])
        return scaled @ scaled.T - together @ together.T, scaled @ rest[0] - together @ common[0]

    def cost(self, off: NDArray[np.floating[Any]]) -> float:
        """R C^-1 r."""
        rest, common = self.whitened(off[None])
        return float((rest**2).sum() - (common**2).sum())
