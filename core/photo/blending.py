"""Pictures with holes: distances from what is not wanted, and holes filled smoothly (numpy alone)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SOME = 1e-6  # weight below which nothing is known


def ramp(values: NDArray[np.floating[Any]], low: float, high: float) -> NDArray[np.float32]:
    """0 up to `low`, 1 from `high` on (or the other way round where `high` is less), smooth in between."""
    share = np.clip((np.asarray(values, np.float32) - low) / (high - low), 0.0, 1.0)
    return np.asarray(share * share * (3 - 2 * share), np.float32)


def distances(bad: NDArray[np.bool_], reach: int) -> NDArray[np.float32]:
    """How far each pixel is from the nearest bad one.

    Args:
        bad: (H, W).
        reach: pixels; whatever is farther is as far as this.

    Returns:
        (H, W) float32 in pixels, 0 for the bad ones.
    """
    height, width = bad.shape
    rows = np.arange(height, dtype=np.float32)[:, None]
    above = np.maximum.accumulate(np.where(bad, rows, -np.inf), axis=0)
    below = np.minimum.accumulate(np.where(bad, rows, np.inf)[::-1], axis=0)[::-1]
    upright = np.minimum(np.minimum(rows - above, below - rows), reach).astype(np.float32) ** 2
    out = upright.copy()
    for aside in range(1, min(reach, width - 1) + 1):
        np.minimum(out[:, aside:], upright[:, :-aside] + aside**2, out=out[:, aside:])
        np.minimum(out[:, :-aside], upright[:, aside:] + aside**2, out=out[:, :-aside])
    return np.minimum(np.sqrt(out), reach)


def halved(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """(H, W, ...) -> half as high and wide, rounded up: means of four; the last row and column count twice if odd."""
    if len(values) % 2:
        values = np.concatenate([values, values[-1:]])
    if values.shape[1] % 2:
        values = np.concatenate([values, values[:, -1:]], axis=1)
    four = values[::2, ::2] + values[1::2, ::2] + values[::2, 1::2] + values[1::2, 1::2]
    return np.asarray(four * np.float32(0.25))


def doubled(values: NDArray[np.float32], shape: tuple[int, ...] | None = None) -> NDArray[np.float32]:
    """(H, W, ...) -> (2 H, 2 W, ...), between the middles of pixels evenly mixed; cut to a shape, if one is given."""
    for axis in (0, 1):
        values = _doubled_along(values, axis)
    return values if shape is None else values[: shape[0], : shape[1]]


def _doubled_along(values: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    given = np.moveaxis(values, axis, 0)
    before = np.concatenate([given[:1], given[:-1]])
    after = np.concatenate([given[1:], given[-1:]])
    out = np.empty((2 * len(given), *given.shape[1:]), np.float32)
    out[0::2] = 0.75 * given + 0.25 * before
    out[1::2] = 0.75 * given + 0.25 * after
    return np.moveaxis(out, 0, axis)


def filled(values: NDArray[np.float32], weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """What is not known, from what is: the nearer, the more it counts, and far from all of it the mean (pull and push).

    Args:
        values: (H, W, C) float32.
        weights: (H, W) from 0 for what is not known to 1 for what stays.

    Returns:
        (H, W, C) float32.
    """
    if len(values) <= 4:
        total = weights.sum()
        mean = (values * weights[..., None]).sum(axis=(0, 1)) / max(float(total), _SOME)
        return np.asarray(values * weights[..., None] + mean * (1 - weights[..., None]), np.float32)
    known = halved(weights)
    means = halved(values * weights[..., None]) / np.maximum(known, _SOME)[..., None]
    coarse = doubled(filled(means, np.minimum(4 * known, 1.0)), values.shape)
    coarse += (values - coarse) * weights[..., None]
    return coarse
