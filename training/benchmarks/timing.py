"""Fair times on a shared machine: in one process, in turn, medians; and what the machine itself can do."""

from __future__ import annotations

import ctypes
import math
import platform
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_PAUSE = 0.01
"""Seconds before each measurement, in which the threads of the one before stop spinning."""

_LEAST = 0.02
"""Seconds that one measurement takes at least: quicker ways run several times in a row, and the mean counts."""

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4  # malloc.h


def in_turn(
    ways: Mapping[str, Callable[[], object]], rounds: int, device: torch.device | str = "cpu"
) -> dict[str, float]:
    """Median seconds of each way; they take turns, so that a busy minute of the machine meets all of them.

    Args:
        ways: name -> what to time.
        rounds: how often each is timed.
        device: waited for at the end of each run.
    """
    for way in ways.values():
        _once(way, device)
    repeats = {name: max(1, math.ceil(_LEAST / _once(way, device))) for name, way in ways.items()}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            time.sleep(_PAUSE)
            seconds[name].append(_once(partial(_repeat, way, repeats[name]), device) / repeats[name])
    return {name: float(np.median(taken)) for name, taken in seconds.items()}


def _repeat(way: Callable[[], object], times: int) -> None:
    for _ in range(times):
        way()


def _once(way: Callable[[], object], device: torch.device | str) -> float:
    begun = time.perf_counter()
    way()
    wait_for(device)
    return time.perf_counter() - begun


def wait_for(device: torch.device | str) -> None:
    """Until the device has done what it was told; a CPU has."""
    kind = torch.device(device).type
    if kind == "cuda":
        torch.cuda.synchronize()
    elif kind == "mps":
        torch.mps.synchronize()


def keep_pages() -> bool:
    """Lets malloc keep the memory it has, for the rest of the process: else plain code pays for page faults above all.

    Returns:
        Whether that was possible; glibc alone can.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    libc = ctypes.CDLL(None)
    wanted = ((_M_MMAP_MAX, 0), (_M_TRIM_THRESHOLD, 2**31 - 1), (_M_TOP_PAD, 2**28))
    return all(libc.mallopt(option, value) for option, value in wanted)


def matrix_speed(device: torch.device | str) -> float:
    """Floating point operations a second in a product of float32 matrices; the best of several runs and sizes."""
    best = 0.0
    for size in (1024, 2048):
        one = torch.rand(size, size, device=device)
        out = torch.empty_like(one)
        best = max(best, *(2 * size**3 / _once(partial(torch.mm, one, one, out=out), device) for _ in range(8)))
    return best


def memory_speed(size: int, device: torch.device | str) -> float:
    """Bytes a second when a buffer of so many bytes is read over and over; the best of several runs.

    A buffer that fits the cache is read at the cache's speed, as a decoder's tables are.
    """
    buffer = torch.rand(max(size // 4, 1), device=device)
    return max(buffer.numel() * 4 / _once(buffer.sum, device) for _ in range(30))


def machine(device: torch.device | str) -> dict[str, str | int]:
    """What the figures were taken on, in words."""
    kind = torch.device(device).type
    about: dict[str, str | int] = {
        "processor": _processor(),
        "threads": torch.get_num_threads(),
        "vector": torch.backends.cpu.get_cpu_capability(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "device": kind,
    }
    if kind == "cuda":
        about["gpu"] = torch.cuda.get_device_name()
    return about


def _processor() -> str:
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor()
