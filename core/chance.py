"""Chance with random access: the number of a cell is always the same, in whatever order cells are asked for.

numpy's own generators run in a line, and what they make of a line may change from one numpy to the next. A take must
be the same in every Blender, and life must be known at any second without all those before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_ODD = 0x9E3779B97F4A7C15  # the golden ratio in 64 bits
_MASK = 2**64 - 1


def uniform(*key: ArrayLike) -> NDArray[np.float64]:
    """Numbers in (0, 1), one for each cell.

    Args:
        key: whole numbers or arrays of them, broadcast against each other; negative ones too. The same key has the
            same number, and other keys have numbers that have nothing to do with it.

    Returns:
        float64 of the broadcast shape.
    """
    with np.errstate(over="ignore"):
        state: NDArray[Any] = np.zeros(np.broadcast_shapes(*(np.shape(one) for one in key)), np.uint64)
        for one in key:
            state = _mixed(state + np.uint64(_ODD) + _bits(one))
    return np.asarray(((state >> np.uint64(12)).astype(np.float64) + 0.5) / 2.0**52)


def normal(*key: ArrayLike) -> NDArray[np.float64]:
    """Numbers of a standard normal distribution, one for each cell; see `uniform` (Box and Muller 1958)."""
    return np.asarray(np.sqrt(-2 * np.log(uniform(*key, 1))) * np.cos(2 * np.pi * uniform(*key, 2)))


def _bits(number: ArrayLike) -> NDArray[np.uint64]:
    if isinstance(number, int):
        return np.asarray(number & _MASK, np.uint64)
    return np.asarray(number, np.int64).astype(np.uint64)


def _mixed(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64's finaliser (Steele, Lea and Flood 2014)."""
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))
