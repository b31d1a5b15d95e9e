"""What is fitted, and what comes out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from .camera import Camera
    from .picture import Picture

    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class View:
    """One photo of the person, and what is known of it.

    Attributes:
        picture: the photo.
        points: (468, 3) the detector's points: column, row, and how far towards the viewer, in pixels; None where
            there is no detector.
        marks: landmarks of the template -> (2,) column and row, placed by a person, who is believed more than the
            detector.
    """

    picture: Picture
    points: Floats | None = None
    marks: Mapping[str, Floats] = field(default_factory=dict)


@dataclass(frozen=True)
class Fitted:
    """A person, found in photos.

    Attributes:
        neutral: (V, 3) float32 mm, the person at rest, in the template's frame.
        strengths: (M,) of the bundle's modes, standard deviations.
        cameras: of each photo.
        posed: of each photo, (V, 3) float32 mm: the face with the expression that it has there, in the template's
            frame.
        off: of each photo, root mean square distance of the fitted points from where they are seen in it, one by one;
            in percent of the distance between the eyes' outer corners. What no such face does is in it.
        met: the same, from where all points together say that they are, which is what is fitted.
    """

    neutral: NDArray[np.float32]
    strengths: Floats
    cameras: tuple[Camera, ...]
    posed: tuple[NDArray[np.float32], ...]
    off: tuple[float, ...]
    met: tuple[float, ...]
