"""How well people are found in photos: mm against the truth, beside the mean face."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from core.errors import MienError, PhotoError
from core.photo.find import find
from core.photo.fit import fit
from core.photo.fitted import View
from core.photo.measurement import Home, measure, percent_off
from core.steps import waited
from core.wrapping.spline import similarity
from training.corpora.pushforward import rigid_alignment

from .learn import skin_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from core.bundle import Bundle
    from core.detection.faces import Reader
    from core.photo.fitted import Fitted

    from .album import Page

    Faces = NDArray[np.floating[Any]]

OUTLINE = [
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
]  # fmt: skip
"""The detector's points round the face: over the forehead, down the cheeks and along the jaw."""

NEAR = 12.0
"""Mm from the nearest of the detector's points within which skin counts as face."""


@dataclass(frozen=True)
class Found:
    """One person, found in photos whose truth is known; all in mm after rigid alignment, over the face.

    Attributes:
        mean: how far the template's mean face is from this person.
        size: how far this person's very shape is, when as large as the mean face: what not knowing the size costs.
        one: how far the fit of each photo by itself is.
        all: how far the fit of all photos together is.
        shapes: the same three after a similarity: what is left when nobody asks how big the head is.
        off: of each single fit, `Fitted.met`.
        true: of each photo, how far points are from where they truly are in it, in the same percent: those of the
            "detector", as they were "measured", and as they were "fitted"; all, and those of the "outline" alone.
        expressions: in each photo.
    """

    mean: float
    size: float
    one: tuple[float, ...]
    all: float
    shapes: tuple[float, float, float]
    off: tuple[float, ...]
    true: tuple[Mapping[str, float], ...]
    expressions: tuple[str, ...]


def face_of(bundle: Bundle) -> NDArray[np.bool_]:
    """(V,) the skin around the detector's points: no ears, scalp, neck, no inside of the mouth."""
    template, kit = bundle.template, bundle.photo
    assert kit is not None
    points = kit.points_of(template.vertices)
    away = np.linalg.norm(template.vertices[:, None].astype(np.float64) - points[None], axis=2).min(axis=1)
    return np.asarray(skin_of(template) & (away < NEAR))


def rigid_mm(face: Faces, truth: Faces, over: NDArray[np.bool_]) -> float:
    """Mean distance of corresponding vertices, the face turned and shifted onto the truth but never scaled."""
    moved = rigid_alignment(face.astype(np.float64), truth.astype(np.float64), over)
    return float(np.linalg.norm(moved - truth, axis=1)[over].mean())


def as_large(face: Faces, other: Faces, over: NDArray[np.bool_]) -> NDArray[np.float64]:
    """A face (V, 3) as large as another over (V,) bool, as a similarity takes it there."""
    scale = similarity(face[over].astype(np.float64), other[over].astype(np.float64)).scale
    return np.asarray(face * scale, np.float64)


def shape_mm(face: Faces, truth: Faces, over: NDArray[np.bool_]) -> float:
    """The same, and scaled."""
    placed = similarity(face[over].astype(np.float64), truth[over].astype(np.float64))
    return float(np.linalg.norm(placed.apply(face) - truth, axis=1)[over].mean())


def judge(bundle: Bundle, reader: Reader, page: Page, over: NDArray[np.bool_]) -> Found | None:
    """Finds one person by one photo at a time, then by all; None where no face is found in one of them."""
    truth, views = page.neutral, []
    for picture in page.pictures:
        try:
            views.append(View(picture, find(picture, reader).points))
        except PhotoError:
            return None
    alone = [waited(fit(bundle, [view])) for view in views]
    together = waited(fit(bundle, views))
    mean = bundle.template.vertices
    shapes = [shape_mm(one.neutral, truth, over) for one in alone]
    return Found(
        rigid_mm(mean, truth, over),
        rigid_mm(as_large(truth, mean, over), truth, over),
        tuple(rigid_mm(one.neutral, truth, over) for one in alone),
        rigid_mm(together.neutral, truth, over),
        (shape_mm(mean, truth, over), statistics.fmean(shapes), shape_mm(together.neutral, truth, over)),
        tuple(one.met[0] for one in alone),
        tuple(
            _from_truth(bundle, view, one, page, number)
            for number, (view, one) in enumerate(zip(views, alone, strict=True))
        ),
        page.expressions,
    )


def _from_truth(bundle: Bundle, view: View, found: Fitted, page: Page, number: int) -> dict[str, float]:
    """Percent of the eye distance, root mean square, from where points truly are in a photo; see `Found.true`."""
    kit = bundle.photo
    assert kit is not None
    assert view.points is not None
    measured = measure(view, kit, bundle.template)
    assert measured is not None
    true = page.cameras[number].project(kit.points_of(page.posed[number]))
    eyes = Home.of(kit, bundle.template).pixels(view.points)
    fitted = found.cameras[0].project(kit.points_of(found.posed[0]))
    off = {}
    for name, points in (("detector", view.points), ("measured", measured.points), ("fitted", fitted)):
        off[name] = percent_off(points[:, :2], true, eyes)
        off[f"{name}_outline"] = percent_off(points[OUTLINE, :2], true[OUTLINE], eyes)
    return off


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
        "size_alone_mm": statistics.fmean(one.size for one in found),
        "views_1_mm": one,
        "views_3_mm": three,
        "views_1_ratio": one / mean,
        "views_3_ratio": three / mean,
        "reprojection_percent": statistics.fmean(off for person in found for off in person.off),
        "from_truth_percent": {
            name: statistics.fmean(photo[name] for person in found for photo in person.true)
            for name in found[0].true[0]
        },
        "neutral_photos_mm": statistics.fmean(mm for mm, moves in moved if not moves),
        "photos_with_expression_mm": statistics.fmean(mm for mm, moves in moved if moves),
        "shape_mean_face_mm": shapes[0],
        "shape_views_1_mm": shapes[1],
        "shape_views_3_mm": shapes[2],
    }
