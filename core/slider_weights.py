"""Values of sliders that are there already, such as an artist's own shape keys, that follow given deformations best.

With the shapes b_k (3 M numbers each) as the columns of B, each frame d asks for

    w = argmin  |B w - d|^2 + sum_k rho |b_k|^2 w_k^2    with  lower_k <= w_k <= upper_k

and only N = B^T B and r = B^T d of it matter. The ridge rho lets sliders that do nearly the same share their work;
without it they would fight, and flicker. rho = `RIDGE` costs a slider that works alone a ten-thousandth of its value.

Solved for many frames at once by block principal pivoting (Júdice and Pires 1994): each slider of
each frame is free, at its lower or at its upper bound; the free ones are solved for; all that then break a rule change
sides; where that stops helping, one at a time does (Murty), which cannot go on for ever because N is positive definite.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import MotionError

if TYPE_CHECKING:
    from numpy.typing import NDArray

RIDGE = 1e-4
"""rho: share of a shape's own square that its value costs."""

KKT = 1e-9
"""How exactly the optimum's conditions hold: values in sliders of unit size, gradients in shares of the frame's own."""

_PATIENCE = 4
"""Exchanges of all at a time that may fail to help before one at a time is exchanged."""

_ROOM = 4_000_000
"""Numbers that the systems of a batch of frames may hold."""

_SWEEPS = 20_000

_LOWER, _FREE, _UPPER = -1, 0, 1


class SliderSolver:
    """Finds slider values for deformations; all that depends on the sliders alone is made once.

    Args:
        shapes: (K, M, 3) what each slider adds at the value 1; any unit. Shapes may be alike or zero; a zero shape
            gets the value in its range that is nearest to 0.
        lower: (K,) smallest values; single precision, as Blender keeps them.
        upper: (K,) largest values; where equal to the smallest, the slider is fixed there.

    Raises:
        MotionError: shapes that do not fit, numbers that are not finite, a lower bound above its upper one.
    """

    def __init__(
        self, shapes: NDArray[np.floating[Any]], lower: NDArray[np.floating[Any]], upper: NDArray[np.floating[Any]]
    ) -> None:
        given = np.asarray(shapes, np.float32)
        self._bounds = np.asarray(lower, np.float32), np.asarray(upper, np.float32)
        low, high = (bound.astype(np.float64) for bound in self._bounds)
        if given.ndim != 3 or given.shape[2] != 3 or low.shape != (len(given),) or high.shape != (len(given),):
            raise MotionError("The sliders' shapes and bounds do not fit together.")
        if not (np.isfinite(given).all() and np.isfinite(low).all() and np.isfinite(high).all()):
            raise MotionError("Some shapes or bounds of sliders are not finite numbers.")
        if (low > high).any():
            raise MotionError("A slider's smallest value is above its largest.", "Exchange them.")
        self._shapes = given.reshape(len(given), given.shape[1] * 3)
        exact = self._shapes.astype(np.float64)
        size = np.sqrt(np.einsum("kc,kc->k", exact, exact))
        # In sliders of unit size all numbers are alike, whatever the unit: u = w size, N has ones on its diagonal.
        self._size = np.where(size > 0, size, 1.0)
        self._unit = exact / self._size[:, None]
        self._normal = self._unit @ self._unit.T
        self._normal[np.diag_indices_from(self._normal)] = np.where(size > 0, 1 + RIDGE, 1.0)
        self._low, self._high = low * self._size, high * self._size

    def solve(self, frames: NDArray[np.floating[Any]]) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """Slider values for frames, each for itself.

        Args:
            frames: (n, M, 3) deformations in the unit of the shapes.

        Returns:
            weights (n, K) float32 within the bounds; errors (n,) the largest distance of a vertex in each frame from
            what the rounded values show, in the unit of the shapes.

        Raises:
            MotionError: another shape, or numbers that are not finite.
        """
        given = np.asarray(frames, np.float32)
        if given.ndim != 3 or given.shape[1:] != (self._shapes.shape[1] // 3, 3):
            raise MotionError(f"The frames have the shape {given.shape}; the sliders do not fit them.")
        if not np.isfinite(given).all():
            raise MotionError("Some frames hold values that are not finite numbers.")
        count = len(self._shapes)
        weights, errors = np.zeros((len(given), count), np.float32), np.zeros(len(given))
        step = max(1, min(_ROOM // max(count, 1) ** 2, _ROOM // max(self._shapes.shape[1], 1)))
        for first in range(0, len(given), step):
            part = slice(first, first + step)
            flat = given[part].reshape(-1, self._shapes.shape[1])
            best = self._optimum(flat @ self._unit.T) / self._size
            weights[part] = np.clip(best.astype(np.float32), *self._bounds)
            off = (flat - weights[part] @ self._shapes).reshape(len(flat), -1, 3).astype(np.float64)
            errors[part] = np.sqrt((off**2).sum(axis=2).max(axis=1, initial=0))
        return weights, errors

    def _optimum(self, right: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n, K) B^T d -> (n, K) the best values, in sliders of unit size."""
        values = np.clip(right, self._low, self._high)
        if values.size == 0:
            return values
        state = np.tile(np.where(self._low >= self._high, _LOWER, _FREE), (len(right), 1))
        todo = np.arange(len(right))
        fewest = np.full(len(right), right.shape[1] + 1)
        patience = np.full(len(right), _PATIENCE)
        for _ in range(10 * right.shape[1] + 100):
            values[todo] = self._with_free(right[todo], state[todo])
            wrong = self._wrong(values[todo], right[todo], state[todo])
            broken = (wrong != state[todo]).sum(axis=1)
            better = broken < fewest[todo]
            fewest[todo] = np.where(better, broken, fewest[todo])
            patience[todo] = np.where(better, _PATIENCE, patience[todo] - 1)
            single = patience[todo] < 0
            wrong[single] = _last_change_only(state[todo][single], wrong[single])
            state[todo] = wrong
            todo = todo[broken > 0]
            if len(todo) == 0:
                return values
        values[todo] = self._descent(np.clip(values[todo], self._low, self._high), right[todo])
        return values

    def _with_free(self, right: NDArray[np.float64], state: NDArray[np.int64]) -> NDArray[np.float64]:
        """(n, K): the free sliders solved for, the others at their bounds."""
        free = state == _FREE
        bound = np.where(state == _LOWER, self._low, self._high)
        held = np.where(free, 0.0, bound)
        # Rows and columns of the held ones become those of the identity.
        systems = self._normal * (free[:, :, None] & free[:, None, :])
        diagonal = np.arange(right.shape[1])
        systems[:, diagonal, diagonal] = np.where(free, self._normal[diagonal, diagonal], 1.0)
        sides = np.where(free, right - held @ self._normal, held)
        return np.linalg.solve(systems, sides[..., None])[..., 0]

    def _wrong(
        self, values: NDArray[np.float64], right: NDArray[np.float64], state: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """(n, K): the states that these values ask for; where nothing differs they are the optimum."""
        slack = KKT * np.maximum(np.abs(right).max(axis=1, initial=0), np.abs(values).max(axis=1, initial=0))[:, None]
        gradient = values @ self._normal - right
        wanted = state.copy()
        free = state == _FREE
        wanted[free & (values < self._low - slack)] = _LOWER
        wanted[free & (values > self._high + slack)] = _UPPER
        room = self._low < self._high
        wanted[(state == _LOWER) & (gradient < -slack) & room] = _FREE
        wanted[(state == _UPPER) & (gradient > slack) & room] = _FREE
        return wanted

    def _descent(self, values: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
        """Coordinate descent: slow, but rounding cannot make it go in circles."""
        diagonal = self._normal.diagonal()
        for _ in range(_SWEEPS):
            largest = 0.0
            for one in range(right.shape[1]):
                gradient = values @ self._normal[one] - right[:, one]
                moved = np.clip(values[:, one] - gradient / diagonal[one], self._low[one], self._high[one])
                largest = max(largest, float(np.abs(moved - values[:, one]).max()))
                values[:, one] = moved
            if largest <= KKT * np.abs(right).max():
                break
        return values


def _last_change_only(state: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.int64]:
    """Murty's rule: of the sliders that are to change, only the last one does."""
    changes = state != wanted
    last = changes.shape[1] - 1 - changes[:, ::-1].argmax(axis=1)
    keep = changes & (np.arange(changes.shape[1]) != last[:, None])
    return np.where(keep, state, wanted)
