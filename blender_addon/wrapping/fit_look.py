"""What is kept of a wrap's quality: numbers for the panel, and the heat map that is drawn and written."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import packs
from ..baking.rest import rest_positions
from ..engine import MeshError, MienError
from . import store
from .heat import HeatMap
from .wrap_head import triangles_of

if TYPE_CHECKING:
    import bpy
    from numpy.typing import NDArray

    from .store import Stored

_KEPT = 4

_looks: dict[tuple[object, ...], HeatMap] = {}


@dataclass(frozen=True)
class Summary:
    """A wrap in numbers and sentences, see `wrap_job.WrapResult`; what a file does not hold is 0 or empty."""

    like: str
    vertices: int
    mean: float
    p95: float
    percent_of_height: float
    flipped: int
    dropped: tuple[str, ...]
    advice: tuple[str, ...]


def summary(stored: Stored) -> Summary:
    """What a mesh keeps of its wrap."""
    about = stored.about
    mean, p95, percent = (_number(about.get(name)) for name in ("mean", "p95", "percent_of_height"))
    count = len(_array(about.get("flipped"), 1))
    words = (_texts(about.get("dropped")), _texts(about.get("advice")))
    return Summary(stored.title, len(stored.binding.moving), mean, p95, percent, count, *words)


def look(mesh: bpy.types.Mesh) -> HeatMap | None:
    """The heat map of a wrapped mesh; None where there is none, for whoever draws and must not fail."""
    try:
        return demand(mesh)
    except MienError:
        return None


def demand(mesh: bpy.types.Mesh) -> HeatMap:
    """The heat map of a wrapped mesh; worked out once for each wrap.

    Raises:
        MeshError: it is not wrapped, was changed since, or keeps no distances.
    """
    if not store.is_stored(mesh):
        raise MeshError(f"{mesh.name} is not wrapped.")
    # Whoever draws asks with every redraw: what tells at once whether anything is new.
    counts = len(mesh.vertices), len(mesh.edges), zlib.crc32(np.ascontiguousarray(rest_positions(mesh)))
    mark = (mesh.session_uid, mesh.mien.wrap.mark, *counts)
    if mark not in _looks:
        stored = store.stored(mesh)
        assert stored is not None
        while len(_looks) >= _KEPT:
            del _looks[next(iter(_looks))]
        _looks[mark] = _heat(mesh, stored)
    return _looks[mark]


def _heat(mesh: bpy.types.Mesh, stored: Stored) -> HeatMap:
    distance, positions = _array(stored.about.get("distance"), 1), _array(stored.about.get("positions"), 2)
    if len(distance) != len(mesh.vertices) or positions.shape[1:] != (3,):
        raise MeshError(f"The wrap that {mesh.name} keeps has no picture of its fit.", store.AGAIN)
    matrix, shift = stored.since(mesh)
    to_local = matrix @ stored.to_local
    wrapped = positions.astype(np.float64) @ matrix.T + shift
    flipped = wrapped[_flipped_corners(stored, len(wrapped))]
    rest = rest_positions(mesh).astype(np.float64)
    return HeatMap(rest, triangles_of(mesh), distance.astype(np.float32), flipped, wrapped, to_local)


def _flipped_corners(stored: Stored, count: int) -> NDArray[np.int32]:
    """(n, 3) corners of the template's triangles that are turned over; none where its generator is not there."""
    told = _array(stored.about.get("flipped"), 1)
    numbers = told[(told >= 0) & (told < 2**31)].astype(np.int64)  # NaN neither
    for loaded in packs.known():
        template = loaded.bundle.template
        if template.content_hash == stored.template_hash and template.vertex_count == count:
            return template.triangles[numbers[numbers < len(template.triangles)]]
    return np.empty((0, 3), np.int32)


def _number(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) and np.isfinite(value) else 0.0


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else ()


def _array(value: Any, dimensions: int) -> NDArray[Any]:
    if isinstance(value, np.ndarray) and value.ndim == dimensions:
        return value
    return np.empty((0,) * dimensions, np.float32)
