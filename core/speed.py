"""How fast the generator is here: one way to time it, for the preferences and for whoever else asks."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .engines import torch_devices
from .errors import DeviceError
from .generator import Generator
from .motion import EXPRESSIONS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .bundle import Bundle

FRAMES = 96
"""Frames of one run: eight seconds at the default bundle's rate."""

_PAUSE = 0.02
"""Seconds before each run, in which the threads of the one before stop spinning."""


@dataclass(frozen=True)
class Speed:
    """What one engine needs.

    Attributes:
        engine: "numpy" or "torch".
        device: "cpu", "cuda" or "mps".
        milliseconds: a frame, from motion labels to deformations in numpy, in batches.
    """

    engine: str
    device: str
    milliseconds: float


def frame_milliseconds(*generators: Generator, frames: int = FRAMES, rounds: int = 7) -> list[float]:
    """Median milliseconds a frame of a whole performance, as a bake computes it; the first run does not count.

    Args:
        generators: what to time; they take turns, so that a busy moment of the machine meets all of them.
        frames: of the performance; at least 1.
        rounds: runs of each that count; at least 1.
    """
    rises = np.linspace(0, 2 * np.pi, frames, dtype=np.float32)[:, None] + np.arange(len(EXPRESSIONS), dtype=np.float32)
    labels = np.square(np.sin(rises))
    seconds = [[_once(generator, labels) for generator in generators] for _ in range(rounds + 1)]
    return [float(median) * 1000 / frames for median in np.median(seconds[1:], axis=0)]


def _once(generator: Generator, labels: NDArray[np.float32]) -> float:
    time.sleep(_PAUSE)
    begun = time.perf_counter()
    for _ in generator.stream(labels, reuse=True):
        pass
    return time.perf_counter() - begun


def every_engine(bundle: Bundle, frames: int = FRAMES, rounds: int = 7) -> list[Speed]:
    """`frame_milliseconds` of numpy, and of torch on each device that works, fastest first."""
    working = []
    for engine, device in [("numpy", "cpu"), *(("torch", device) for device in torch_devices())]:
        with contextlib.suppress(DeviceError):  # what works is told
            working.append(Generator(bundle, engine, device))
    times = frame_milliseconds(*working, frames=frames, rounds=rounds)
    found = [Speed(one.engine_name, one.device_name, taken) for one, taken in zip(working, times, strict=True)]
    return sorted(found, key=lambda speed: speed.milliseconds)
