"""Values on a mesh: spread from vertices that know them to those that do not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_ROUNDS = 400
_ENOUGH = 1e-5


def settled(  # noqa: PLR0917 - as the sum below is written
    edges: NDArray[np.integer[Any]],
    values: Floats,
    weights: Floats,
    pull: Floats,
    target: Floats,
    joined: Floats | None = None,
) -> Floats:
    """The smooth values u that minimise the sum of w (u - v)^2, of p (u - t)^2 and, over edges, of k (u_i - u_j)^2.

    By conjugate gradients, each column by itself.

    Args:
        edges: (E, 2) vertices, each pair once.
        values: (V, C) what is known.
        weights: (V,) w, how well; 0 where it is not.
        pull: (V,) p, how strongly a vertex strives for the target; somewhere above 0, or some weight is.
        target: (C,) or (V, C) t.
        joined: (E,) k; 1 where nothing is given.
    """
    first, second = edges[:, 0], edges[:, 1]
    count = len(values)
    joined = np.ones(len(edges)) if joined is None else joined
    diagonal = weights + pull + np.bincount(first, joined, count) + np.bincount(second, joined, count)
    # A vertex of no edge that knows nothing keeps 0.
    diagonal = np.where(diagonal > 0, diagonal, 1.0)[:, None]
    right = weights[:, None] * values + pull[:, None] * target

    def applied(given: Floats) -> Floats:
        out = diagonal * given
        for column in range(given.shape[1]):
            out[:, column] -= np.bincount(first, joined * given[second, column], count)
            out[:, column] -= np.bincount(second, joined * given[first, column], count)
        return out

    out = right / diagonal
    left = right - applied(out)
    scaled = left / diagonal
    way, rest = scaled.copy(), (left * scaled).sum(axis=0)
    goal = _ENOUGH**2 * np.maximum((right * right / diagonal).sum(axis=0), 1e-30)
    for _ in range(_ROUNDS):
        if (rest <= goal).all():
            break
        bent = applied(way)
        length = rest / np.maximum((way * bent).sum(axis=0), 1e-300)
        out += length * way
        left -= length * bent
        scaled = left / diagonal
        new = (left * scaled).sum(axis=0)
        way = scaled + new / np.maximum(rest, 1e-300) * way
        rest = new
    return np.asarray(out)
