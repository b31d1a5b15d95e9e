"""Colours as on a screen, and as amounts of light (IEC 61966-2-1, sRGB)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def light(colours: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """Colours as on a screen, 0 to 1, as amounts of light; what is below 0 stays below."""
    return np.where(colours <= 0.04045, colours / 12.92, ((np.maximum(colours, 0) + 0.055) / 1.055) ** 2.4)


def screen(amounts: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """The inverse of `light` from 0 on; below, 0."""
    safe = np.maximum(amounts, 0.0)
    return np.where(safe <= 0.0031308, safe * 12.92, 1.055 * np.maximum(safe, 1e-9) ** (1 / 2.4) - 0.055)
