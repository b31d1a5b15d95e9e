"""How good a wrap is, in numbers and in advice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .head import Head
    from .identity import Person
    from .surface import SurfaceOf

_POOR_PERCENT = 0.8  # of the head's height, mean distance
_POOR_SHARE = 1.5  # percent of the head's height, 95 % of the distances
_FLIPPED = 0.003  # share of the triangles
_STRANGE = 2.2  # root mean square of the modes' strengths: nobody in training was so far from the mean


@dataclass(frozen=True)
class Quality:
    """What a wrap came to.

    Attributes:
        distance: (N,) float32 mm from each visible vertex of the head's skin to the wrapped face; NaN elsewhere.
        mean: mm, over the face alone.
        p95: mm, 95 % of the vertices are nearer.
        percent_of_height: the mean distance in percent of the height of the wrapped template.
        flipped: indices of the wrapped template's triangles (`template.triangles`, skin alone) that are turned over.
        advice: sentences; empty where all is well.
    """

    distance: NDArray[np.float32]
    mean: float
    p95: float
    percent_of_height: float
    flipped: NDArray[np.intp]
    advice: tuple[str, ...]


def judge(
    head: Head,
    laid: NDArray[np.float64],
    triangles: NDArray[np.int32],
    folded: NDArray[np.intp],
    surface_of: SurfaceOf,
    *,
    person: Person,
    dropped: tuple[str, ...],
) -> Quality:
    """Measures a wrap, from the head to the template: what of the face the template does not reach counts.

    Args:
        head: the surface, in mm.
        laid: (V, 3) mm, the wrapped template.
        triangles: (F, 3) of its skin.
        folded: those that are turned over.
        surface_of: makes a surface.
        person: what the modes found.
        dropped: landmarks that disagreed.
    """
    used = np.unique(triangles)
    low, high = laid[used].min(axis=0), laid[used].max(axis=0)
    distance = head.distances(surface_of(laid, triangles))
    inside = ((head.vertices > low) & (head.vertices < high)).all(axis=1)
    counted = distance[inside & np.isfinite(distance)]
    height = float(high[1] - low[1])
    mean = float(counted.mean()) if len(counted) else float("inf")
    p95 = float(np.quantile(counted, 0.95)) if len(counted) else float("inf")
    percent = 100 * mean / height
    advice = _advice(percent, 100 * p95 / height, len(folded) / len(triangles), person, dropped)
    return Quality(distance.astype(np.float32), mean, p95, percent, folded, advice)


def _advice(
    percent: float, p95_percent: float, folded: float, person: Person, dropped: tuple[str, ...]
) -> tuple[str, ...]:
    found = []
    if percent > _POOR_PERCENT:
        found.append(
            f"The face lies {percent:.1f}% of the head's height off on average: check the landmarks, and that the "
            "mesh is a head at rest."
        )
    elif p95_percent > _POOR_SHARE:
        found.append("Some places lie far off: look where the picture is red; hair or a collar there does no harm.")
    if folded > _FLIPPED:
        found.append("The face folds in places: check the landmarks round them.")
    strengths = person.strengths
    if len(strengths) and float(np.sqrt((strengths**2).mean())) > _STRANGE:
        found.append("This head is unlike the people Mien has learnt from; judge the motion by eye.")
    if dropped:
        words = ", ".join(name.replace("_", " ") for name in dropped)
        found.append(f"Left out, as it disagrees with the other landmarks: {words}. Place it again, and wrap again.")
    return tuple(found)
