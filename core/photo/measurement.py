"""What a photo tells: the detector's points, put right by what is around them, and the person they are of.

The detector knows roughly where a point is. Gradients around it tell how far the lip's border, the lid, the jaw's
outline really are; where what is around a point looks like nothing that was learned from, such as hair over a cheek,
only the usual shift is made. Then all points together are laid onto the template, coded and decoded: what no face does
is left out. The codes' first numbers guess the person, and how far guesses are off is known: linear and Gaussian, so
that several photos count for what they tell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..detection.faces import eye_distance
from ..wrapping.spline import similarity
from .placing import Handles
from .search import over_grey
from .sight import turn_terms, upright

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..template import Template
    from ..wrapping.spline import Similarity
    from .fitted import View
    from .kit import PhotoKit

    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Measurement:
    """What one photo tells.

    Attributes:
        seen: (468, 3) where the detector's points are, put right one by one; as it gives them.
        points: (468, 3) where they are by all of them together.
        guess: (M,) of the modes' strengths, see `Coding.answer`; None where the kit has not learned to guess.
    """

    seen: Floats
    points: Floats
    guess: Floats | None

    def off(self, places: Floats, eyes: float) -> float:
        """How far (468, 2) places are from what is seen; see `percent_off`."""
        return percent_off(places, self.seen[:, :2], eyes)


def percent_off(places: Floats, others: Floats, eyes: float) -> float:
    """Root mean square distance of places (n, 2) in a picture, in percent of the eye distance in its pixels."""
    return float(100 * np.sqrt(((places - others) ** 2).sum(axis=1).mean())) / eyes


def measure(view: View, kit: PhotoKit, template: Template) -> Measurement | None:
    """Measures a photo; None where there are no points.

    What is around a mark that a person placed goes with it, before all points are read together and after.

    Args:
        view: the photo.
        kit: of the template.
        template: that faces are laid onto.
    """
    if view.points is None:
        return None
    handles = Handles(kit, template) if view.marks else None

    def pulled(points: Floats) -> Floats:
        return points if handles is None else handles.pulled(points, view.marks)

    if kit.descent is None or kit.coding is None:
        return Measurement(pulled(view.points), pulled(view.points), None)
    home = Home.of(kit, template)
    seen = pulled(kit.descent.put_right(over_grey(view.picture), view.points, home.pixels(view.points)))
    laid = home.laid(seen)
    known, guess = kit.coding.read(laid.left, laid.terms)
    return Measurement(seen, pulled(laid.place.invert(home.points + known * home.eyes) * [1.0, -1.0, 1.0]), guess)


@dataclass(frozen=True)
class Laid:
    """Points of a picture, laid onto a template.

    Attributes:
        place: the similarity from the picture, its rows counted upwards.
        left: (468, 3) how far they lie from the template's, in eye distances.
        upright: (3, 3) from the template's axes to those of the upright picture.
    """

    place: Similarity
    left: Floats
    upright: Floats

    @property
    def terms(self) -> Floats:
        """(6,) of the turn in the upright picture; see `turn_terms`."""
        return turn_terms(self.upright)


@dataclass(frozen=True)
class Home:
    """Where the detector's points lie on a template.

    Attributes:
        points: (468, 3) mm.
        eyes: mm between the outer corners of the eyes.
    """

    points: Floats
    eyes: float

    @classmethod
    def of(cls, kit: PhotoKit, template: Template) -> Home:
        """On the mean face."""
        points = kit.points_of(template.vertices)
        return cls(points, eye_distance(points))

    def pixels(self, points: Floats) -> float:
        """Between the eyes' outer corners in a picture with points (468, 3), were the face seen from the front."""
        return self.eyes / similarity(points * [1.0, -1.0, 1.0], self.points).scale

    def laid(self, points: Floats) -> Laid:
        """Points (468, 3) of a picture."""
        upwards = points * [1.0, -1.0, 1.0]
        place, turn = similarity(upwards, self.points), np.eye(3)
        turn[:2, :2] = upright(upwards)
        return Laid(place, (place.apply(upwards) - self.points) / self.eyes, turn @ place.rotation.T)
