"""When a face blinks, and how small movements come and go: known at any second without those before it.

Always the same for the same seed: see `chance`. numpy alone.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from .chance import normal, uniform

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MINUTE = 60.0  # seconds of a cell of blinks
_FEWEST, _MOST = 12, 18  # blinks a minute (about 15 in rest and talk: Bentivoglio et al. 1997)
_UNEVEN = 0.35  # deviation of the logarithm of an interval
_BOUNDS = (0.62, 1.6)  # of the minute's mean interval: from 2 to 8 seconds
_DOUBLE, _AGAIN = 0.12, 0.42  # share of blinks that come twice, and seconds between the two
_CLOSING, _SHUT, _OPENING = 0.1, 0.03, 0.2  # seconds
_LAG = 0.008  # seconds between the eyes, at most
_WAVES = ((0.11, 0.7), (0.29, 0.6), (0.83, 0.35))  # hertz and deviation; their squares sum to about 1
_MEAN_SHARE = 0.69  # root of the sum of the squares of a cubic B-spline's shares, in the mean
_AROUND = (-1, 0, 1, 2)  # places that a cubic B-spline reads
_SLOW = 0.045  # hertz, at which micro-movements come and go
_STREAMS = {"phase": 11, "count": 12, "interval": 13, "double": 14, "tempo": 15, "lag": 16, "wave": 17, "slow": 18}


def blinks(seconds: NDArray[np.float64], seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(n,) and (n,): how far the left and the right eye are closed by blinks, 0..1."""
    phase = _MINUTE * float(uniform(seed, _STREAMS["phase"]))
    minute = np.floor((seconds - phase) / _MINUTE).astype(np.int64)
    left, right = np.zeros(len(seconds)), np.zeros(len(seconds))
    for number in np.unique(minute):
        here = np.flatnonzero(minute == number)
        # A blink that begins a minute may belong to the one before, whose last interval ends there.
        starts, tempo, lag = (
            np.concatenate(both)
            for both in zip(*(_schedule(seed, int(number) + step) for step in (-1, 0)), strict=True)
        )
        since = (seconds[here, None] - phase) - starts
        left[here] = _closure((since - lag) / tempo).max(axis=1)
        right[here] = _closure((since + lag) / tempo).max(axis=1)
    return left, right


@functools.lru_cache(maxsize=64)
def _schedule(seed: int, minute: int) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Blinks of a minute: (m,) seconds they begin at, (m,) how slow they are, (m,) half the lag between the eyes."""
    count = _FEWEST + int((_MOST - _FEWEST + 1) * float(uniform(seed, _STREAMS["count"], minute)))
    number = np.arange(count)
    uneven = np.exp(_UNEVEN * normal(seed, _STREAMS["interval"], minute, number)).clip(*_BOUNDS)
    starts = (minute + np.cumsum(uneven) / uneven.sum()) * _MINUTE
    twice = uniform(seed, _STREAMS["double"], minute, number) < _DOUBLE
    starts = np.concatenate([starts, starts[twice] + _AGAIN])
    number = np.concatenate([number, number[twice] + _MOST])
    tempo = 0.85 + 0.35 * uniform(seed, _STREAMS["tempo"], minute, number)
    return starts, tempo, _LAG * (uniform(seed, _STREAMS["lag"], minute, number) - 0.5)


def _closure(since: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far an eye is closed, 0..1, so many seconds after its blink began: it shuts fast and opens slowly."""
    opens = _CLOSING + _SHUT
    return np.asarray(smooth(since / _CLOSING) * (1 - smooth((since - opens) / _OPENING)))


def drift(
    seconds: NDArray[np.float64], seed: int, channels: NDArray[np.int64], one_way: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """(n, K) smooth noise that comes and goes, of deviation about 1 where it is at its strongest.

    Args:
        seconds: (n,).
        seed: of the take.
        channels: (K,) which noises.
        one_way: (K,) which of them go from 0 to 1, and never below 0.
    """
    hertz, deviation = np.array(_WAVES).T
    waves = _noise(seconds * hertz[:, None], (seed, _STREAMS["wave"]), channels)
    wave = np.einsum("w,kwn->nk", deviation, waves)
    slow = _noise(seconds[None] * _SLOW, (seed, _STREAMS["slow"]), channels)[:, 0].T
    return np.asarray((0.5 + 0.5 * np.tanh(1.5 * slow)) * np.where(one_way, 0.5 + 0.5 * np.tanh(wave), wave))


def _noise(at: NDArray[np.float64], key: tuple[int, int], channels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Of deviation about 1: a cubic B-spline through normal numbers of whole places, so its curve is smooth.

    Args:
        at: (w, n) places of each of w waves.
        key: of the noise.
        channels: (K,).

    Returns:
        (K, w, n)
    """
    cell = np.floor(at).astype(np.int64)
    t = at - cell
    shares = np.stack([(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3]) / 6
    if at.shape[1] == 1:  # a preview asks for frame after frame, and a cell holds dozens of them
        named = tuple(channels.tolist())
        drawn = np.stack([_drawn(key, named, wave, one) for wave, one in enumerate(cell[:, 0].tolist())], axis=-1)
        drawn = drawn[..., None]
    else:
        steps, waves = np.array(_AROUND)[:, None, None], np.arange(len(at))[:, None]
        drawn = normal(*key, channels[:, None, None, None], waves, cell + steps)
    return np.asarray(np.einsum("kswn,swn->kwn", drawn, shares) / _MEAN_SHARE)


@functools.lru_cache(maxsize=64)
def _drawn(key: tuple[int, int], channels: tuple[int, ...], wave: int, cell: int) -> NDArray[np.float64]:
    """(K, 4): the numbers of a wave around a cell."""
    return normal(*key, np.array(channels)[:, None], wave, cell + np.array(_AROUND))


def smooth(x: NDArray[Any]) -> NDArray[np.float64]:
    """0 below 0, 1 above 1, and the smooth step between."""
    t = np.clip(x, 0.0, 1.0)
    return np.asarray(t * t * (3 - 2 * t), np.float64)
