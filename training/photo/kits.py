"""Kits: what photos are read by on a template, put together of what was learned and of what the template gives."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.bundle import read_arrays, write_arrays
from core.detection.faces import POINTS
from core.errors import CorpusError
from core.photo.kit import PhotoKit
from core.photo.whole import PARTS, Remainder
from training.corpora.facekit import LASHES, SKIN, TEARS, TEETH, TONGUE, read_facekit, read_layout
from training.corpora.ict import eyeball_shells, ict_cast
from training.corpora.makehuman import head_stage
from training.corpora.modes import MODES
from training.corpora.template_makehuman import makehuman_template
from training.licences import notice

from .expressions import expressions_on
from .layout import ict_layout, makehuman_layout

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.corpora.facekit import FaceKit

KEPT = Path(__file__).resolve().parents[2] / "docs" / "kits"
"""What was learned of photos, a file for each template."""

_FORMAT = "mien-photo-2"
_GIVEN = ("photo.expressions", "photo.uv", Remainder.prefix)
_PUPIL, _IRIS = 0.16, 0.38
"""Sines of the angles from the middle of an eye at which pupil and iris end."""


def keep(path: Path, kit: PhotoKit, name: str) -> None:
    """Writes what was learned on the template of a corpus, whole or not at all; what the template gives is not kept."""
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {name: array for name, array in kit.to_arrays().items() if not name.startswith(_GIVEN)}
    write_arrays(path, arrays, {"format": _FORMAT, "notice": notice(name)})


def kit_of(name: str, facekit: Path | None = None, kept: Path | None = None) -> PhotoKit | None:
    """The kit of a template.

    Args:
        name: of the template's corpus.
        facekit: a clone of ICT-FaceKit, which an ICT template's kit needs.
        kept: what was learned; None for what was kept in the project.

    Returns:
        None where nothing was learned, or the template's own is not at hand.

    Raises:
        CorpusError: the file is not what was kept, the FaceKit is damaged, or the package `anny` is not installed.
    """
    path = kept or KEPT / f"{name}.safetensors"
    if not path.is_file():
        return None
    arrays, about = read_arrays(path)
    if about.get("format") != _FORMAT:
        raise CorpusError(f"{path} does not hold what was learned of photos.")
    given = _given(name, facekit)
    return None if given is None else PhotoKit.from_arrays({**arrays, **given})


def blank_kit(name: str, facekit: Path | None = None) -> PhotoKit:
    """A kit of which nothing was learned.

    Raises:
        CorpusError: it cannot be put together; see `kit_of`.
    """
    given = _given(name, facekit)
    if given is None:
        raise CorpusError(
            f"What photos of {name} are laid out by is not there.", "Give a clone of ICT-FaceKit with --facekit."
        )
    places = {"photo.vertices": np.zeros((POINTS, 3), np.int32), "photo.shares": np.full((POINTS, 3), 1 / 3)}
    kit = PhotoKit.from_arrays({**given, **places, "photo.spread": np.full((POINTS, 3), 0.02)})
    assert kit is not None
    return kit


def _given(name: str, facekit: Path | None) -> dict[str, NDArray[Any]] | None:
    """The arrays of a kit that are not learned; None where they are not at hand."""
    if name == "makehuman":
        expressions = expressions_on(head_stage(), makehuman_template().vertex_count)
        return {"photo.expressions": expressions, "photo.uv": makehuman_layout()}
    places = None if facekit is None or name != "ict_skin" else read_layout(facekit)
    if facekit is None or places is None:
        return None
    kit = read_facekit(facekit)
    skin = int((kit.polygons.max(axis=1) < SKIN).sum())
    uv, other = ict_layout(places, skin)
    rest = _remainder(kit, skin, other)
    return {"photo.expressions": expressions_on(ict_cast(kit).stage, SKIN), "photo.uv": uv, **rest.to_arrays()}


def _remainder(kit: FaceKit, skin: int, uv: NDArray[np.float32]) -> Remainder:
    """Of FaceKit: eyes, teeth, tongue, lashes; iris and pupil are drawn onto the eyeballs' outer shells."""
    polygons = kit.polygons[skin:]
    part = np.full(len(polygons), PARTS.index("eyes"))
    for name, (first, last) in {"tongue": TONGUE, "teeth": TEETH, "tears": TEARS, "lashes": LASHES}.items():
        part[(polygons[:, 0] >= first) & (polygons[:, 0] < last)] = PARTS.index(name)
    for shell, (centre, radius) in eyeball_shells(kit):
        inside = np.isin(polygons[:, :3], shell).all(axis=1)
        middle = kit.neutral[polygons[:, :3]].mean(axis=1) - centre
        aside = np.linalg.norm(middle[:, :2], axis=1) / radius
        for name, reach in (("iris", _IRIS), ("pupil", _PUPIL)):
            part[inside & (aside < reach) & (middle[:, 2] > 0)] = PARTS.index(name)
    modes = kit.identity[: MODES["ict_skin"], SKIN:].astype(np.float16)
    return Remainder(kit.neutral[SKIN:], modes, polygons, part.astype(np.int32), uv)
