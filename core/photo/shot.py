"""What one photo shows of a face's texels, and how far it is to be believed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..detection.views import sample
from ..template import EYEBALL_PARTS
from ..wrapping.meshes import unit, vertex_normals
from .blending import distances, doubled, halved, ramp
from .raster import nearest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..template import Template
    from .camera import Camera
    from .picture import Picture
    from .sheet import Sheet

    Floats = NDArray[np.float64]

_LONG = 640
"""Pixels of the longer side of the picture in which it is found out what hides what."""

_SEE_THROUGH = ("lashes", "lash sheets", "tears")
_EYES, _MOUTH = EYEBALL_PARTS, ("teeth", "tongue", "mouth")

_FACING = (0.20, 0.62)
"""Cosine between the skin's normal and the way to the lens, from which on and up to which it is believed."""

_NEAR, _FAR = 7.0, 25.0
"""mm in depth between neighbouring pixels that make an edge: one of the face itself, such as that of a nose before a
cheek, and one behind which the neck lies, or something else than the person."""

_HIDDEN = 2.5  # mm behind what the picture shows
_OWN_EDGE, _EDGE = (2.0, 6.0), (3.0, 8.5)
"""mm from such edges, from which on and up to which skin is believed: a fit is off by about as much, and then what lies
behind is there instead."""

_EYE_EDGE, _MOUTH_EDGE = (0.5, 1.6), (0.2, 1.0)
"""The same from an eye, and from the inside of a mouth."""

_SHARP = (0.1, 0.35)
"""Pixels of the photo in a mm of the skin, from which on and up to which it is believed: what is seen aslant in a small
photo is a smear."""

_FRAME = (1.0, 8.0)  # pixels from the photo's border
_FINE = 5.0  # pixels a mm, enough for a face


@dataclass(frozen=True)
class Scene:
    """A posed face before a lens, in a small picture of its own.

    Attributes:
        part: (h, w) int32 part of the template that each pixel shows, -1 for none.
        depth: (h, w) float32 mm before the lens, infinite where there is nothing.
        corner: (2,) column and row of the photo where it begins.
        scale: its pixels in a pixel of the photo.
        pixels: of the photo in a mm of the face.
        at: (V, 2) columns and rows of the photo where the vertices are seen.
        depths: (V,) mm how far before the lens they are.
        facing: (V,) cosine between their normals and the way to the lens.
    """

    part: NDArray[np.int32]
    depth: NDArray[np.float32]
    corner: Floats
    scale: float
    pixels: float
    at: Floats
    depths: Floats
    facing: Floats

    def of_photo(self, places: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
        """(n, 2) columns and rows of the photo -> of the small picture."""
        return np.asarray((places - self.corner) * self.scale)

    def to_photo(self, places: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
        """The inverse."""
        return np.asarray(places / self.scale + self.corner)

    def shows(self, template: Template, names: tuple[str, ...]) -> NDArray[np.bool_]:
        """(h, w) where it shows some parts."""
        numbers = [number for number, name in enumerate(template.parts) if name in names]
        return np.isin(self.part, numbers)


def scene_of(template: Template, posed: NDArray[np.float32], camera: Camera, long: int = _LONG) -> Scene:
    """Draws a posed face (V, 3) as the camera sees it, lashes aside; as large as told, in pixels."""
    assert template.polygon_part is not None
    quad = template.polygons[:, 3] >= 0
    number = np.repeat(template.polygon_part, 1 + quad)
    solid = ~np.isin(number, [index for index, name in enumerate(template.parts) if name in _SEE_THROUGH])
    triangles, number = template.triangles[solid], number[solid]
    points = posed.astype(np.float64)
    at, depths = camera.project(points), np.maximum(-camera.seen(points)[:, 2], 1.0)
    low, high = at[triangles].min(axis=(0, 1)), at[triangles].max(axis=(0, 1))
    scale = (long - 4) / float(max((high - low).max(), 1e-6))
    corner = low - 2 / scale
    width, height = (int(one) for one in np.ceil((high - corner) * scale) + 2)
    shown, depth = nearest(((at - corner) * scale)[triangles], depths[triangles], height, width)
    normals = vertex_normals(points, template.triangles.astype(np.int64))
    facing = (normals * unit(camera.eye() - points)).sum(axis=1)
    part = np.where(shown >= 0, number[shown], -1).astype(np.int32)
    return Scene(part, depth, corner, scale, camera.focal / float(np.median(depths)), at, depths, facing)


@dataclass(frozen=True)
class Shot:
    """What a photo shows.

    Attributes:
        texels: (m,) which of the sheet's it shows, ascending.
        colours: (m, 3) float32 of them.
        weights: (m,) float32 from 0 to 1, how far they are believed.
        sharpness: (m,) float32 pixels of the photo in a mm of the skin.
        grey: whether it has no colours.
    """

    texels: NDArray[np.intp]
    colours: NDArray[np.float32]
    weights: NDArray[np.float32]
    sharpness: NDArray[np.float32]
    grey: bool


def shot_of(sheet: Sheet, picture: Picture, scene: Scene) -> Shot:
    """Looks each texel up in a photo."""
    nothing = np.full(sheet.template.vertex_count, -1.0)
    facing = np.where(np.isfinite(scene.facing), scene.facing, nothing)
    # Those that turn away with all corners are not looked at any further.
    faces = facing > _FACING[0]
    texels = np.flatnonzero(faces[sheet.corners[:, 0]] | faces[sheet.corners[:, 1]] | faces[sheet.corners[:, 2]])
    values = sheet.spread(np.column_stack([scene.at, scene.depths, facing]), texels)
    places, deep, cosine = values[:, :2], values[:, 2], values[:, 3]
    small = scene.of_photo(places)
    column, row = (np.clip(small[:, axis].astype(np.intp), 0, scene.part.shape[1 - axis] - 1) for axis in (0, 1))
    weights = ramp(cosine, *_FACING)
    weights *= deep < scene.depth[row, column] + _HIDDEN + 1.0 / np.maximum(cosine, 0.1)
    weights *= ramp(cosine * scene.pixels, *_SHARP)
    weights *= ramp(_border_distance(places, picture), *_FRAME)
    believed = _believed(sheet.template, scene, picture)
    weights *= sample(believed[..., None], small)[:, 0]
    kept = weights > 0
    if not kept.any():
        return Shot(texels[:0], np.zeros((0, 3), np.float32), weights[:0], weights[:0], picture.grey)
    texels, places, cosine, weights = texels[kept], places[kept], cosine[kept], weights[kept]
    colours = _looked_up(picture, scene, places)
    return Shot(texels, colours, weights, (scene.pixels * cosine).astype(np.float32), picture.grey)


def _border_distance(places: NDArray[np.float32], picture: Picture) -> NDArray[np.float32]:
    size = np.array([picture.width, picture.height], np.float32)
    near = np.minimum(places, size - places)
    return np.minimum(near[:, 0], near[:, 1])


def _believed(template: Template, scene: Scene, picture: Picture) -> NDArray[np.float32]:
    """(h, w) 0..1 by how far from edges, eyes and the inside of the mouth each pixel is."""
    mm = 1.0 / (scene.pixels * scene.scale)
    height, width = scene.part.shape
    edge = _jumps(scene.depth, _FAR)
    if picture.alpha is not None:
        rows, columns = np.mgrid[0:height, 0:width] + 0.5
        there = scene.to_photo(np.column_stack([columns.ravel(), rows.ravel()]))
        edge |= sample(picture.alpha[..., None], there).reshape(height, width) < 0.9
    # A photo of few pixels is unsharp by some of them.
    blur = 0.5 / scene.pixels
    out = np.ones((height, width), np.float32)
    for bad, (low, high) in (
        (edge, _EDGE),
        (_jumps(scene.depth, _NEAR), _OWN_EDGE),
        (scene.shows(template, _EYES), _EYE_EDGE),
        (scene.shows(template, _MOUTH), _MOUTH_EDGE),
    ):
        far = distances(bad, int(np.ceil((high + blur) / mm)) + 1) * mm
        out *= ramp(far, low + blur, high + blur)
    return out


def _jumps(depth: NDArray[np.float32], least: float) -> NDArray[np.bool_]:
    """(h, w) where there is nothing, or where a neighbour lies so much nearer or farther, in mm."""
    out = np.isinf(depth)
    with np.errstate(invalid="ignore"):
        down, right = (np.abs(np.diff(depth, axis=axis)) > least for axis in (0, 1))
    out[:-1] |= down
    out[1:] |= down
    out[:, :-1] |= right
    out[:, 1:] |= right
    return out


def _looked_up(picture: Picture, scene: Scene, places: NDArray[np.float32]) -> NDArray[np.float32]:
    """The photo's colours, from a copy of the face that is about as fine as a texture can show."""
    low = np.clip(np.floor(places.min(axis=0)) - 8, 0, None).astype(int)
    high = np.ceil(places.max(axis=0)).astype(int) + 8
    crop = np.ascontiguousarray(picture.colours[low[1] : high[1], low[0] : high[0]], np.float32)
    fine, scale = scene.pixels, 1.0
    while fine > 2 * _FINE:
        crop = halved(crop)
        fine, scale = fine / 2, scale / 2
    while fine < _FINE / 1.5:
        crop = sharpened(doubled(crop))
        fine, scale = fine * 2, scale * 2
    return np.clip(sample(crop, (places - low) * scale), 0.0, 1.0)


def sharpened(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """(H, W, C) of twice the size: what `doubled` makes softer than it was is given back, about as a cubic would."""
    for axis in (0, 1):
        given = np.moveaxis(values, axis, 0)
        out = given.copy()
        out[2:-2] += 0.125 * (2 * given[2:-2] - given[:-4] - given[4:])
        values = np.moveaxis(out, 0, axis)
    return values
