"""Painted faces, photographed by a small renderer of their own, so that the truth is known."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from core.photo.camera import Camera
from core.photo.fitted import Fitted
from core.photo.picture import Picture
from core.photo.raster import covered, nearest
from core.photo.texture import make_texture

SIZE = 384
WIDTH, HEIGHT = 480, 600
SKIN, LIPS, HAIR = (0.80, 0.60, 0.50), (0.72, 0.36, 0.36), (0.25, 0.16, 0.10)
IRIS, GREEN = (0.35, 0.25, 0.12), (0.1, 0.9, 0.1)
PAINT = {"eyes": (0.9, 0.9, 0.9), "iris": IRIS, "pupil": (0.02, 0.02, 0.02), "teeth": (0.97, 0.96, 0.93)}


def camera_at(yaw, pitch=0.0, focal=1300.0):
    """Looks at the face from so many degrees to its left, and above."""
    y, p = np.radians(yaw), np.radians(pitch)
    back = np.array([np.sin(y) * np.cos(p), np.sin(p), np.cos(y) * np.cos(p)])
    right = np.cross([0.0, 1.0, 0.0], back)
    right /= np.linalg.norm(right)
    rotation = np.stack([right, np.cross(back, right), back])
    return Camera(rotation, -rotation @ (back * 900 + [0, -20, -50]), focal, np.array([WIDTH / 2, HEIGHT / 2]))


def painted(bundle, spots=(), hair=False):
    """(V, 3) colours of a face: skin that varies a little, lips, spots (x, y, radius, colour) of its front, hair."""
    template = bundle.template
    x, y, z = template.vertices.astype(float).T
    out = np.array(SKIN) + 0.03 * np.sin(np.stack([x / 21, y / 17, (x + y) / 25], axis=1))
    out[np.isin(template.vertex_part, template.parts.index("lips"))] = LIPS
    for across, up, radius, colour in spots:
        near = ((x - across) ** 2 + (y - up) ** 2 < radius**2) & (z > -20)
        out[near] = colour
    if hair:
        out[y > np.interp(z, [-60, -30, 5, 30], [-10, 20, 55, 58])] = HAIR
        out[z < -100] = HAIR
    return out


def photo(bundle, camera, colours, posed=None, *, light=1.0, background=GREEN, **more):
    """A picture of a painted face; eyes and teeth in plain colours, lashes left out."""
    template = bundle.template
    posed = template.vertices if posed is None else posed
    part = np.repeat(template.polygon_part, 2)
    shown_parts = part != template.parts.index("lashes")
    triangles, part = template.triangles[shown_parts], part[shown_parts]
    of_corner = colours[triangles]
    for name, colour in {
        "mouth": (0.3, 0.05, 0.05),
        "tongue": (0.6, 0.2, 0.2),
        **PAINT,
        **more.pop("paint", {}),
    }.items():
        of_corner[part == template.parts.index(name)] = colour
    at = camera.project(posed.astype(float))[triangles]
    deep = -camera.seen(posed.astype(float))[:, 2][triangles]
    shown, _ = nearest(at, deep, HEIGHT, WIDTH)
    pixels = covered(at, HEIGHT, WIDTH)
    own = shown[pixels.row, pixels.column] == pixels.triangle
    picture = np.empty((HEIGHT, WIDTH, 3), np.float32)
    picture[:] = background
    seen = (of_corner[pixels.triangle[own]] * pixels.shares[own][:, :, None]).sum(axis=1)
    picture[pixels.row[own], pixels.column[own]] = np.clip(seen * light, 0, 1)
    return Picture("painted", picture, **more)


def textured(bundle, shots, size=SIZE, cancelled=None):
    """The texture of photos: each camera, picture and posed face (or None)."""
    neutral = bundle.template.vertices
    posed = tuple(neutral if one is None else one for _, _, one in shots)
    exact = (0.0,) * len(shots)
    fitted = Fitted(neutral, np.zeros(1), tuple(camera for camera, _, _ in shots), posed, exact, exact)
    pictures = [picture for _, picture, _ in shots]
    steps, work = [], make_texture(bundle.template, bundle.photo.uv, pictures, fitted, size, cancelled)
    while True:
        try:
            steps.append(next(work))
        except StopIteration as end:
            return SimpleNamespace(**vars(end.value), steps=steps)


def texels(sheet, texture):
    """(n, 3)."""
    return texture.colours.reshape(-1, 3)[sheet.place]


def of_part(sheet, name):
    """(n,) bool: texels that lie in one part."""
    template = sheet.template
    mine = np.unique(template.polygons[template.polygon_part == template.parts.index(name)])
    return np.isin(sheet.corners, mine).all(axis=1)
