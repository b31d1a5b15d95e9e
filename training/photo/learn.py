"""How photos are read: where on a template the detector's points lie, how they are put right, what they tell.

Learned from photos whose truth is known. A point's place is the median of where it was seen on people; then what is
around it teaches how it is put right, and all of them together whom they show, each time from other people.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from core.detection.faces import POINTS, crop_around
from core.errors import CorpusError
from core.photo.measurement import Home, percent_off
from core.photo.raster import nearest
from core.photo.search import read_points
from core.photo.sheet import SKIN_PARTS, twins
from core.wrapping.spline import similarity
from core.wrapping.surface import barycentric, on_triangles
from training.corpora.facekit import MOUTH

from .codings import Mirror, Said, coded
from .descents import descents, looks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from core.bundle import Bundle
    from core.detection.faces import Reader
    from core.photo.camera import Camera
    from core.photo.descent import Descent
    from core.photo.kit import PhotoKit
    from core.photo.picture import Picture
    from core.template import Template

    from .descents import Look

    Floats = NDArray[np.float64]

_FRONT = 0.4
"""Sine of the turn beyond which a view does not say where a point lies: it slides along the edge of the face."""

_ENOUGH, _FEWEST = 240, 10
"""Views that are asked where a point lies, and the fewest that must see it."""

_ROUGHLY = {
    33: "right_eye_outer", 133: "right_eye_inner", 362: "left_eye_inner", 263: "left_eye_outer",
    10: "forehead", 152: "chin_bottom", 234: "right_cheekbone", 454: "left_cheekbone",
}  # fmt: skip
"""Points of the detector, and landmarks that lie near them."""

_LOST = 12.0
"""Percent of the eye distance: a view that is farther off as a whole is a mistake of the detector."""

_SEED = 4_000_051
FEWEST_PEOPLE = 16
FOLDS = 5
"""Parts of the people of whom each has its points put right by what the others taught."""

_CANDIDATES = 60
"""Triangles, those whose middles are nearest, among which the closest point is looked for."""


@dataclass(frozen=True)
class Shot:
    """A photo whose truth is known, and what the detector saw.

    Attributes:
        camera: it was taken with.
        posed: (V, 3) mm, the face in it.
        points: (468, 3) column, row and depth in pixels.
        colours: (H, W, 3) the photo.
    """

    camera: Camera
    posed: NDArray[np.float32]
    points: Floats
    colours: NDArray[np.float32]


def read(picture: Picture, reader: Reader, about: Floats) -> Floats | None:
    """(468, 3) the detector's points, read around (468, 2) where they are about; None where it sees no face."""
    face = read_points(picture.colours, crop_around(about), reader, times=8)
    return None if face is None else np.column_stack([face.points, face.depth])


def rough_places(template: Template) -> NDArray[np.intp]:
    """(468,) vertices that are near enough to the detector's points to show it where a face is."""
    marks = template.landmarks
    out = np.full(POINTS, marks["nose_tip"], np.intp)
    for point, name in _ROUGHLY.items():
        out[point] = marks[name]
    return out


def places(template: Template, shots: Sequence[Shot]) -> tuple[NDArray[np.int32], Floats, NDArray[np.intp]]:
    """Where the points lie on a template, the same on both sides.

    Args:
        template: the topology of the shots.
        shots: of many people.

    Returns:
        (468, 3) corners of triangles, (468, 3) shares in them, and (468,) the number of each point's partner on the
        other side.

    Raises:
        CorpusError: too few photos show some point.
    """
    skin = _skin(template)
    front = [shot for shot in shots if abs(shot.camera.rotation[0, 2]) < _FRONT][:_ENOUGH]
    found = np.array([_on_template(template, skin, shot) for shot in front]).reshape(-1, POINTS, 3)
    if np.isfinite(found[..., 0]).sum(axis=0).min() < _FEWEST:
        raise CorpusError("There are too few photos from the front to learn from.", "Photograph more people.")
    middle = np.nanmedian(found, axis=0)
    # Who is whose partner the detector itself tells best: it places all points by one pattern.
    upwards = [shot.points * [1.0, -1.0, 1.0] for shot in front]
    partner = mirrored(np.mean([similarity(one, middle).apply(one) for one in upwards], axis=0))
    return (*_closest(template, skin, (middle + middle[partner] * [-1.0, 1.0, 1.0]) / 2), partner)


def _skin(template: Template) -> NDArray[np.intp]:
    """Numbers of the triangles of visible skin."""
    return np.flatnonzero(skin_of(template)[template.triangles].all(axis=1))


def skin_of(template: Template) -> NDArray[np.bool_]:
    """(V,) visible skin: no inside of the mouth, no sockets of the eyes."""
    wanted = [template.parts.index(name) for name in SKIN_PARTS if name in template.parts]
    out = np.isin(template.vertex_part, wanted)
    if template.name == "ict_skin":
        out[MOUTH[0] :] = False  # sockets are a part with the skin there
    return np.asarray(out)


def _on_template(template: Template, skin: NDArray[np.intp], shot: Shot) -> Floats:
    """(468, 3) where the points are seen on the face, carried to the template's neutral; NaN for misses."""
    corners = template.triangles[skin]
    seen = np.column_stack([shot.camera.project(shot.posed), np.zeros(len(shot.posed))])
    depth = -shot.camera.seen(shot.posed)[:, 2]
    height, width = shot.colours.shape[:2]
    shown, _ = nearest(seen[corners][:, :, :2], depth[corners], height, width)
    column, row = np.floor(shot.points[:, :2]).astype(int).T
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    triangle = np.where(inside, shown[np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)], -1)
    met = corners[triangle]
    # What is straight in space is straight in a picture of it too, but evenly spaced only in 1 / distance.
    shares = barycentric(seen[met], np.column_stack([shot.points[:, :2], np.zeros(POINTS)])) / depth[met]
    shares /= shares.sum(axis=1, keepdims=True)
    out = on_triangles(template.vertices, met, shares)
    return np.where((triangle >= 0)[:, None], out, np.nan)


def _closest(template: Template, skin: NDArray[np.intp], points: Floats) -> tuple[NDArray[np.int32], Floats]:
    from trimesh.triangles import closest_point

    corners = template.triangles[skin]
    every = template.vertices[corners].astype(np.float64)
    middles = every.mean(axis=1)
    out, shares = np.empty((len(points), 3), np.int32), np.empty((len(points), 3))
    for number, point in enumerate(points):
        near = np.argsort(((middles - point) ** 2).sum(axis=1))[:_CANDIDATES]
        on = closest_point(every[near], np.tile(point, (len(near), 1)))
        best = int(((on - point) ** 2).sum(axis=1).argmin())
        out[number] = corners[near[best]]
        shares[number] = barycentric(every[near[best]][None], on[best][None])[0]
    return out, shares


@dataclass(frozen=True)
class Sitting:
    """A person, and the photos of them.

    Attributes:
        neutral: (V, 3) mm.
        shots: the photos.
    """

    neutral: NDArray[np.float32]
    shots: Sequence[Shot]


def learn(people: Sequence[Sitting], bundle: Bundle, rough: PhotoKit) -> PhotoKit:
    """Learns all that photos are read by.

    Args:
        people: with the same number of photos each.
        bundle: whose modes people are told by.
        rough: a kit of its template, of which the expressions and the layout are kept.

    Raises:
        CorpusError: too few people, or photos from the front.
    """
    template = bundle.template
    corners, shares, partner = places(template, [shot for person in people for shot in person.shots])
    kit = replace(rough, vertices=corners, shares=np.asarray(shares, np.float32), descent=None, coding=None)
    home = Home.of(kit, template)
    kept = [person for person in people if not any(lost(shot, kit, home) for shot in person.shots)]
    if len(kept) < FEWEST_PEOPLE:
        raise CorpusError(f"There are {len(kept)} people to learn from, too few.", "Photograph more people.")
    rng = np.random.default_rng(_SEED)
    seen = [[looks(number, shot, kit, home, rng) for shot in who.shots] for number, who in enumerate(kept)]
    flat = [look for who in seen for both in who for look in both]
    whole, *parts = descents(flat, partner, FOLDS)
    told = []
    for number, (who, theirs) in enumerate(zip(kept, seen, strict=True)):
        other = parts[number % FOLDS]
        told.append([said(shot, both[0], other, kit, home) for shot, both in zip(who.shots, theirs, strict=True)])
    strengths = strengths_of(bundle.modes, np.stack([who.neutral for who in kept]) - template.vertices)
    lesson = coded(told, strengths, Mirror(partner, _mirrored_modes(bundle)))
    return replace(kit, spread=np.asarray(lesson.spread, np.float32), descent=whole, coding=lesson.coding)


def said(shot: Shot, look: Look, other: Descent, kit: PhotoKit, home: Home) -> Said:
    """What a photo's points say after they were put right by what was learned from others, and the truth."""
    points = other.moved(shot.points, look.features.astype(np.float32), home.pixels(shot.points))
    laid = home.laid(points)
    there = kit.points_of(shot.posed)
    at = shot.camera.seen(there)
    true = np.column_stack([shot.camera.project(there), at[:, 2] * shot.camera.focal / -at[:, 2].mean()])
    true[:, 2] += points[:, 2].mean() - true[:, 2].mean()
    wanted = (laid.place.apply(true * [1.0, -1.0, 1.0]) - home.points) / home.eyes
    return Said(laid.left, wanted, laid.terms, laid.upright)


def lost(shot: Shot, kit: PhotoKit, home: Home) -> bool:
    """Whether the detector was mistaken as a whole."""
    true = shot.camera.project(kit.points_of(shot.posed))
    return percent_off(true, shot.points[:, :2], home.pixels(shot.points)) > _LOST


def mirrored(points: Floats) -> NDArray[np.intp]:
    """(468,) the number of each point's partner on the other side; pairs, and some that stand alone.

    Args:
        points: (468, 3), up and down where the face is.
    """
    apart = np.linalg.norm(points[:, None] * [-1.0, 1.0, 1.0] - points[None], axis=2)
    rows, columns = linear_sum_assignment(apart + apart.T)
    assert (rows == np.arange(len(points))).all()
    # An assignment of least distance may go round in rings; pairs do not.
    return np.where(columns[columns] == rows, columns, rows)


def strengths_of(modes: NDArray[np.floating[Any]], offsets: NDArray[np.floating[Any]]) -> Floats:
    """(P, M) of modes (M, V, 3), by least squares, for offsets (P, V, 3) from the mean."""
    flat = modes.reshape(len(modes), -1).astype(np.float64)
    return np.linalg.solve(flat @ flat.T, flat @ offsets.reshape(len(offsets), -1).T).T


def _mirrored_modes(bundle: Bundle) -> Floats:
    """(M, M) strengths of each mode in a mirror."""
    partner = twins(bundle.template.vertices, np.arange(bundle.template.vertex_count))
    return strengths_of(bundle.modes, bundle.modes[:, partner] * np.array([-1.0, 1.0, 1.0]))
