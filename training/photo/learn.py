"""How the detector sees faces: where on a template its points lie, what they are usually off by, and how they err.

Learned from photos whose truth is known. A point's place is the median of where it was seen on people; what is then
left between it and its place, in the upright picture and in eye distances, is a bias that depends on the turn, and
noise: a few ways in which points err together, and what each errs by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.detection.faces import POINTS, crop_around
from core.errors import CorpusError
from core.photo.kit import turn_terms
from core.photo.search import read_points
from core.photo.sight import upright
from core.wrapping.surface import barycentric

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from core.detection.faces import Reader
    from core.photo.camera import Camera
    from core.photo.picture import Picture
    from core.template import Template

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

_LOST = 0.12
"""Eye distances: a view that is farther off as a whole is a mistake of the detector."""

_FLOOR = 0.003
"""Eye distances that every point errs by itself at least."""

_CANDIDATES = 60
"""Triangles, those whose middles are nearest, among which the closest point is looked for."""

_FOLDS = 8
"""Parts of the people of whom each is foreseen by the others."""

SKINS = ("skin", "brows", "lips")


@dataclass(frozen=True)
class Shot:
    """A photo whose truth is known, and what the detector saw.

    Attributes:
        camera: it was taken with.
        posed: (V, 3) mm, the face in it.
        points: (468, 3) column, row and depth in pixels.
    """

    camera: Camera
    posed: NDArray[np.float32]
    points: Floats


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


def places(template: Template, shots: Sequence[Shot]) -> tuple[NDArray[np.int32], Floats]:
    """Where the points lie on a template.

    Args:
        template: the topology of the shots.
        shots: of many people.

    Returns:
        (468, 3) corners of triangles, and (468, 3) shares in them.

    Raises:
        CorpusError: too few photos show some point.
    """
    skin = _skin(template)
    front = [shot for shot in shots if abs(shot.camera.rotation[0, 2]) < _FRONT][:_ENOUGH]
    found = np.array([_on_template(template, skin, shot) for shot in front]).reshape(-1, POINTS, 3)
    if np.isfinite(found[..., 0]).sum(axis=0).min() < _FEWEST:
        raise CorpusError("There are too few photos from the front to learn from.", "Photograph more people.")
    return _closest(template, skin, np.nanmedian(found, axis=0))


def _skin(template: Template) -> NDArray[np.intp]:
    """Numbers of the triangles of visible skin."""
    wanted = [template.parts.index(name) for name in SKINS if name in template.parts]
    return np.flatnonzero(np.isin(template.vertex_part[template.triangles], wanted).all(axis=1))


def _on_template(template: Template, skin: NDArray[np.intp], shot: Shot) -> Floats:
    """(468, 3) where the rays through the points meet the face, carried to the template's neutral; NaN for misses."""
    corners = template.triangles[skin]
    at = shot.camera.seen(shot.posed)
    flat = at[:, :2] / -at[:, 2:]
    ways = (shot.points[:, :2] - shot.camera.centre) / shot.camera.focal * [1.0, -1.0]
    low, high = flat[corners].min(axis=1), flat[corners].max(axis=1)
    out = np.full((POINTS, 3), np.nan)
    for number, way in enumerate(ways):
        near = np.flatnonzero(((low <= way) & (way <= high)).all(axis=1))
        hit = _first_hit(at[corners[near]], np.array([*way, -1.0]))
        if hit is not None:
            triangle, place = hit
            shares = barycentric(at[corners[near[triangle]]][None], place[None])[0]
            out[number] = shares @ template.vertices[corners[near[triangle]]]
    return out


def _first_hit(corners: Floats, way: Floats) -> tuple[int, Floats] | None:
    """Of (n, 3, 3) triangles the nearest that a ray from the origin meets from outside, and where."""
    if not len(corners):
        return None
    one, two = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    normal = np.cross(one, two)
    slope = normal @ way
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = np.einsum("nx,nx->n", normal, corners[:, 0]) / slope
        place = distance[:, None] * way
        rest = place - corners[:, 0]
        area = np.einsum("nx,nx->n", normal, normal)
        u = np.einsum("nx,nx->n", np.cross(rest, two), normal) / area
        v = np.einsum("nx,nx->n", np.cross(one, rest), normal) / area
        inside = (u >= 0) & (v >= 0) & (u + v <= 1) & (slope < 0) & (distance > 0)
    if not inside.any():
        return None
    best = int(np.where(inside, distance, np.inf).argmin())
    return best, place[best]


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
class Sample:
    """What the detector is off by in one photo, in eye distances.

    Attributes:
        left: (468, 3) in the upright picture: to the right, up, and towards the viewer.
        terms: (6,) of how the face is turned.
        shape: (468, 3) how the face differs from the mean, in the template's axes.
    """

    left: Floats
    terms: Floats
    shape: Floats


def off(shot: Shot, seen: Floats, mean: Floats, eyes: float) -> Sample:
    """What the detector is off by in a photo.

    Args:
        shot: the photo.
        seen: (468, 3) mm where its points truly lie on the posed face.
        mean: (468, 3) mm where they lie on the template.
        eyes: mm between the template's eyes.
    """
    at = shot.camera.seen(seen)
    scale = shot.camera.focal / float(-at[:, 2].mean())
    true = np.column_stack([shot.camera.project(seen), at[:, 2] * scale])
    left = (shot.points - true) * [1.0, -1.0, 1.0]
    turn = np.eye(3)
    turn[:2, :2] = upright(shot.points * [1.0, -1.0, 1.0])
    left = left @ turn.T / (scale * eyes)
    left[:, 2] -= left[:, 2].mean()
    return Sample(left, turn_terms(turn @ shot.camera.rotation), (seen - mean) / eyes)


def mirrored(template: Template, corners: NDArray[np.int32], shares: Floats) -> NDArray[np.intp]:
    """(468,) the number of each point's partner on the other side."""
    at = (template.vertices[corners] * shares[:, :, None]).sum(axis=1)
    apart = np.linalg.norm(at[:, None] * [-1.0, 1.0, 1.0] - at[None], axis=2)
    return apart.argmin(axis=1)


@dataclass(frozen=True)
class Errors:
    """What the detector is off by: see `PhotoKit`.

    Attributes:
        bias: (6, 468, 3).
        heard: (Q, 468, 3).
        leaning: (Q, 468, 3).
        person: (S, 468, 3).
        factor: (K, 468, 3).
        spread: (468, 3).
    """

    bias: Floats
    heard: Floats
    leaning: Floats
    person: Floats
    factor: Floats
    spread: Floats


def errors(people: Sequence[Sequence[Sample]], partner: NDArray[np.intp], recipe: Recipe) -> Errors:
    """Bias, leaning and noise, the same on both sides of the face.

    Args:
        people: of each person all photos, the same number of each.
        partner: (468,) of `mirrored`.
        recipe: how many ways of each kind.
    """
    kept = [one for one in people if not any(lost(sample) for sample in one)]
    each = len(kept[0])
    left, shape = (
        _both_sides(np.array([[getattr(one, name) for one in who] for who in kept]), partner)
        for name in ("left", "shape")
    )
    terms = np.array([[one.terms for one in who] for who in kept])
    terms = np.concatenate([terms, terms * [1, -1, 1, 1, -1, 1]]).reshape(-1, terms.shape[-1])
    flat, shapes = left.reshape(len(terms), -1), shape.reshape(len(terms), -1)
    _, values, rows = np.linalg.svd(shapes, full_matrices=False)
    heard = rows[: recipe.heard] / (values[: recipe.heard, None] / np.sqrt(len(shapes)))
    told = np.concatenate([terms, shapes @ heard.T], axis=1)
    # A person's photos tell the same of the face: people count, not photos.
    ridge = np.r_[0, np.full(5, 1e-3 * len(terms)), np.full(len(heard), recipe.ridge * each)]
    weights = np.linalg.solve(told.T @ told + np.diag(ridge), told.T @ flat)
    noise = _unforeseen(told, flat, ridge, len(kept)).reshape(-1, each, flat.shape[1])
    person = _between(noise, recipe.person)
    within = (noise - noise.mean(axis=1, keepdims=True)).reshape(len(terms), -1) * np.sqrt(each / (each - 1))
    factor = _strongest(within, recipe.ways)
    own = (noise**2).mean(axis=(0, 1)) - (factor**2).sum(axis=0) - (person**2).sum(axis=0)
    own = np.sqrt(np.maximum(own, _FLOOR**2)) * recipe.caution
    bias, leaning = weights[: terms.shape[1]], weights[terms.shape[1] :]
    arrays = (bias, heard, leaning, person, factor)
    bias, heard, leaning, person, factor = (one.reshape(-1, POINTS, 3) for one in arrays)
    return Errors(bias, heard, leaning, person, factor, own.reshape(POINTS, 3))


@dataclass(frozen=True)
class Recipe:
    """How errors are told apart.

    Attributes:
        heard: ways in which faces differ that are looked at.
        ridge: people's worth of doubt that they matter.
        person: ways in which the detector errs on a person in all photos alike.
        ways: in which points err together in one photo.
        caution: by how much more each point is taken to err by itself: what is estimated from some hundred photos looks
            surer than it is.
    """

    heard: int = 40
    ridge: float = 40.0
    person: int = 20
    ways: int = 60
    caution: float = 5.0


def lost(sample: Sample) -> bool:
    """Whether the detector was mistaken as a whole."""
    return float(np.sqrt((sample.left[:, :2] ** 2).sum(axis=1).mean())) > _LOST


def _unforeseen(told: Floats, flat: Floats, ridge: Floats, people: int) -> Floats:
    """(n, m) what is left of each photo by what all other people tell: of those who taught it, less would be left."""
    fold = np.tile(np.repeat(np.arange(people) % _FOLDS, len(told) // (2 * people)), 2)
    left = np.empty_like(flat)
    for number in range(_FOLDS):
        out = fold == number
        rows = told[~out]
        weights = np.linalg.solve(rows.T @ rows + np.diag(ridge), rows.T @ flat[~out])
        left[out] = flat[out] - told[out] @ weights
    return left


def _both_sides(values: Floats, partner: NDArray[np.intp]) -> Floats:
    """(P, E, 468, 3) -> (2 P, E, 468, 3): people, and their mirror images."""
    return np.concatenate([values, values[:, :, partner] * [-1.0, 1.0, 1.0]])


def _strongest(noise: Floats, ways: int) -> Floats:
    """(ways, n) in which rows of (N, n) vary together, less what they vary by themselves."""
    _, values, rows = np.linalg.svd(noise, full_matrices=False)
    spread = values**2 / len(noise)
    rest = float(spread[ways:].sum() / max(noise.shape[1] - ways, 1))
    return rows[:ways] * np.sqrt(np.maximum(spread[:ways] - rest, 0))[:, None]


def _between(noise: Floats, ways: int) -> Floats:
    """(ways, n) in which people's means of (P, E, n) differ beyond what their photos' differences explain."""
    mean = noise.mean(axis=1)
    rows = np.linalg.svd(mean, full_matrices=False)[2][:ways]
    inner = ((noise - mean[:, None]) @ rows.T) ** 2
    chance = inner.sum(axis=(0, 1)) / (noise.shape[0] * (noise.shape[1] - 1)) / noise.shape[1]
    spread = ((mean @ rows.T) ** 2).mean(axis=0) - chance
    return rows * np.sqrt(np.maximum(spread, 0))[:, None]
