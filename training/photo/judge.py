"""How well people are found in photos: mm against the truth, beside the mean face."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from core.detection.faces import LEFT_EYE, RIGHT_EYE
from core.errors import MienError
from core.photo.fit import fit
from core.photo.fitted import View
from core.steps import waited
from core.wrapping.spline import similarity
from training.corpora.pushforward import rigid_alignment

from .learn import SKINS, read

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from core.bundle import Bundle
    from core.detection.faces import Reader
    from core.photo.fitted import Fitted
    from core.photo.kit import PhotoKit

    from .album import Page

    Faces = NDArray[np.floating[Any]]

NEAR = 12.0
"""Mm from the nearest of the detector's points within which skin counts as face."""


@dataclass(frozen=True)
class Found:
    """One person, found in photos whose truth is known; all in mm after rigid alignment, over the face.

    Attributes:
        mean: how far the template's mean face is from this person.
        one: how far the fit of each photo by itself is.
        all: how far the fit of all photos together is.
        shapes: the same three after a similarity: what is left when nobody asks how big the head is.
        off: of each single fit, root mean square distance of the points in percent of the eye distance.
        true: the same, of the fitted face's points from where they truly are in the photo.
        expressions: in each photo.
    """

    mean: float
    one: tuple[float, ...]
    all: float
    shapes: tuple[float, float, float]
    off: tuple[float, ...]
    true: tuple[float, ...]
    expressions: tuple[str, ...]


def face_of(bundle: Bundle) -> NDArray[np.bool_]:
    """(V,) the skin around the detector's points: no ears, scalp, neck, no inside of the mouth."""
    template, kit = bundle.template, bundle.photo
    assert kit is not None
    skin = np.isin(template.vertex_part, [template.parts.index(name) for name in SKINS if name in template.parts])
    points = kit.points_of(template.vertices)
    away = np.linalg.norm(template.vertices[:, None].astype(np.float64) - points[None], axis=2).min(axis=1)
    return np.asarray(skin & (away < NEAR))


def rigid_mm(face: Faces, truth: Faces, over: NDArray[np.bool_]) -> float:
    """Mean distance of corresponding vertices, the face turned and shifted onto the truth but never scaled."""
    moved = rigid_alignment(face.astype(np.float64), truth.astype(np.float64), over)
    return float(np.linalg.norm(moved - truth, axis=1)[over].mean())


def shape_mm(face: Faces, truth: Faces, over: NDArray[np.bool_]) -> float:
    """The same, and scaled."""
    placed = similarity(face[over].astype(np.float64), truth[over].astype(np.float64))
    return float(np.linalg.norm(placed.apply(face) - truth, axis=1)[over].mean())


def judge(bundle: Bundle, reader: Reader, page: Page, over: NDArray[np.bool_]) -> Found | None:
    """Finds one person by one photo at a time, then by all; None where the detector sees no face in one of them."""
    kit, truth = bundle.photo, page.neutral
    assert kit is not None
    views = []
    for camera, posed, picture in zip(page.cameras, page.posed, page.pictures, strict=True):
        points = read(picture, reader, camera.project(kit.points_of(posed)))
        if points is None:
            return None
        views.append(View(picture, points))
    alone = [waited(fit(bundle, [view])) for view in views]
    together = waited(fit(bundle, views))
    mean = bundle.template.vertices
    shapes = [shape_mm(one.neutral, truth, over) for one in alone]
    return Found(
        rigid_mm(mean, truth, over),
        tuple(rigid_mm(one.neutral, truth, over) for one in alone),
        rigid_mm(together.neutral, truth, over),
        (shape_mm(mean, truth, over), statistics.fmean(shapes), shape_mm(together.neutral, truth, over)),
        tuple(one.off[0] for one in alone),
        tuple(_off_truth(kit, one, page, number) for number, one in enumerate(alone)),
        page.expressions,
    )


def _off_truth(kit: PhotoKit, found: Fitted, page: Page, number: int) -> float:
    true = page.cameras[number].project(kit.points_of(page.posed[number]))
    seen = found.cameras[0].project(kit.points_of(found.posed[0]))
    eyes = float(np.linalg.norm(true[RIGHT_EYE[0]] - true[LEFT_EYE[0]]))
    return float(100 * np.sqrt(((seen - true) ** 2).sum(axis=1).mean())) / eyes


def figures(people: Iterable[Found | None]) -> dict[str, Any]:
    """Means over people; see `page`.

    Raises:
        MienError: nobody was found.
    """
    every = list(people)
    found = [one for one in every if one is not None]
    if not found:
        raise MienError("Nobody was found in the photos.", "Look at them.")
    mean, three = statistics.fmean(one.mean for one in found), statistics.fmean(one.all for one in found)
    one = statistics.fmean(mm for person in found for mm in person.one)
    moved = [
        (mm, name != "neutral") for person in found for mm, name in zip(person.one, person.expressions, strict=True)
    ]
    shapes = [statistics.fmean(person.shapes[place] for person in found) for place in range(3)]
    return {
        "people": len(found),
        "lost": len(every) - len(found),
        "mean_face_mm": mean,
        "views_1_mm": one,
        "views_3_mm": three,
        "views_1_ratio": one / mean,
        "views_3_ratio": three / mean,
        "reprojection_percent": statistics.fmean(off for person in found for off in person.off),
        "from_truth_percent": statistics.fmean(off for person in found for off in person.true),
        "neutral_photos_mm": statistics.fmean(mm for mm, moves in moved if not moves),
        "photos_with_expression_mm": statistics.fmean(mm for mm, moves in moved if moves),
        "shape_mean_face_mm": shapes[0],
        "shape_views_1_mm": shapes[1],
        "shape_views_3_mm": shapes[2],
    }
