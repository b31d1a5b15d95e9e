"""What the shape of a face says of its owner's manner: measures of a neutral, and scores made of them.

This is an assumption of ours, not something measured on people. Faces are known to differ in what they show: who has
a short upper lip shows more teeth in a smile, how far a mouth opens goes with the length of the mandible, and the
manner of a person is stable over time (Cohn et al. 2002). How much of it the neutral tells nobody has measured for
faces like ours. So `Habits.anatomy` states a share, and every comparison of a model that sees the face with one that
does not depends on that number; with 0 nobody's manner follows from their face.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .prototypes import SIDED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

UNITS: Mapping[str, Mapping[str, float]] = {
    # A heavy brow close above the eye comes down easily; a high and light one goes up.
    "browDown": {"brow_depth": 0.8, "brow_height": -0.7, "eye_depth": 0.4},
    "browInnerUp": {"brow_height": 0.8, "face_height": 0.5, "brow_depth": -0.4},
    "browOuterUp": {"brow_height": 0.6, "brow_width": 0.7},
    # Full cheeks have more to raise, and press on the lower lid.
    "cheekSquint": {"cheek_depth": 1.0, "cheekbone_width": 0.5, "cheek_drop": -0.5},
    # Deep-set eyes move less of what lies around them.
    "eyeBlink": {"eye_depth": -0.8, "brow_height": 0.5},
    "eyeLookDown": {"eye_depth": -0.7, "nose_length": 0.6},
    "eyeSquint": {"cheek_depth": 0.7, "eye_depth": 0.6, "brow_height": -0.4},
    "eyeWide": {"eye_depth": -0.7, "brow_height": -0.4, "face_width": 0.5},
    # The jaw turns about its joint: a long mandible carries the chin further. A prominent chin has little way forward.
    "jawForward": {"chin_depth": -0.8, "jaw_length": -0.5},
    "jawOpen": {"jaw_length": 0.9, "lower_face": 0.7, "jaw_height": -0.3},
    "mouthDimple": {"cheek_depth": 0.8, "mouth_width": 0.5},
    # A high chin has the muscle that pulls the corners down, and cheeks that hang help it.
    "mouthFrown": {"chin_height": 0.8, "cheek_drop": 0.6, "mouth_width": -0.3},
    # Full lips roll, press and purse further than thin ones; thin ones press harder.
    "mouthFunnel": {"lip_height": 0.9, "lip_depth": 0.5},
    "mouthLowerDown": {"chin_height": -0.7, "lip_height": 0.6, "jaw_width": 0.4},
    "mouthPress": {"lip_height": -0.9, "jaw_width": 0.5},
    "mouthRollLower": {"lip_height": 0.7, "chin_depth": -0.5},
    "mouthRollUpper": {"upper_lip": 0.8, "lip_height": 0.4},
    "mouthShrugLower": {"chin_height": 0.8, "chin_depth": 0.6},
    "mouthShrugUpper": {"upper_lip": 0.7, "lip_depth": 0.5},
    # A wide mouth between wide cheekbones: the zygomatic muscle pulls further out.
    "mouthSmile": {"mouth_width": 0.8, "cheekbone_width": 0.5, "midface_depth": 0.5},
    "mouthStretch": {"mouth_width": 0.5, "jaw_width": 0.7, "face_width": 0.4},
    # A short upper lip uncovers the teeth.
    "mouthUpperUp": {"upper_lip": -1.0, "lip_depth": 0.4},
    "noseSneer": {"nose_length": -0.7, "nose_depth": 0.6, "upper_lip": -0.4},
}
"""Unit without its side -> measure -> weight: what makes a person's unit strong. Signs matter, sizes hardly: each
score is brought to unit variance."""

AMPLITUDES: Mapping[str, Mapping[str, float]] = {
    "angry": {"brow_depth": 0.7, "jaw_width": 0.7, "jaw_height": 0.4},
    "disgust": {"nose_depth": 0.7, "cheek_depth": 0.6},
    "fear": {"eye_depth": -0.7, "face_width": -0.6},
    "happy": {"mouth_width": 0.6, "cheek_depth": 0.7, "lower_face": -0.4},
    "sad": {"cheek_drop": 0.8, "face_height": 0.5, "brow_depth": -0.3},
    "surprise": {"lower_face": 0.8, "brow_height": 0.4, "jaw_length": 0.5},
}
"""Expression -> measure -> weight: what makes a person's performance of it strong."""

CHOICES: Mapping[str, Mapping[str, float]] = {
    "angry": {"upper_lip": -0.8, "lip_depth": 0.5},
    "disgust": {"upper_lip": -0.8, "lip_height": 0.4},
    "fear": {"lower_face": 0.8, "jaw_length": 0.6},
    "happy": {"upper_lip": -0.8, "lip_depth": 0.5, "mouth_width": 0.4},
    "sad": {"mouth_width": 0.7, "lip_depth": 0.5},
    "surprise": {"jaw_length": 0.8, "lower_face": 0.6},
}
"""Expression -> measure -> weight: what leads people to the variants with the mouth more open, which come last."""

LEAN = {"brow_lean": 0.5, "eye_lean": 0.4, "cheek_lean": 0.6, "mouth_lean": 0.8, "jaw_lean": 0.6}
"""Measure -> weight of the lean between left and right that is common to a person's whole face."""

_LEANS = {"brow": "brow_lean", "eye": "eye_lean", "cheek": "cheek_lean", "nose": "cheek_lean", "mouth": "mouth_lean"}
"""First word of a sided unit -> the measure that its own lean follows."""

_MOST = 3.0  # standard deviations of a score
_STILL = 1e-6  # a measure that varies by less says nothing


@dataclass(frozen=True)
class Face:
    """What one face says; standard deviations over the people of its corpus, about normal, within +-3.

    A score is NaN where the people of the corpus do not differ in what it is made of, such as the lean of even faces.

    Attributes:
        units: unit without its side -> strength.
        leans: sided unit -> how much stronger the left side is.
        lean: the same of the whole face.
        amplitudes: expression -> strength of the whole performance.
        choices: expression -> how far towards the last variant.
    """

    units: Mapping[str, float]
    leans: Mapping[str, float]
    lean: float
    amplitudes: Mapping[str, float]
    choices: Mapping[str, float]


class Anatomy:
    """Reads faces of one template, by its landmarks.

    Args:
        landmarks: name -> vertex; the 43 that both templates have.
        people: (S, V, 3) neutrals of the population in which a score has mean 0 and deviation 1.
    """

    def __init__(self, landmarks: Mapping[str, int], people: NDArray[np.floating[Any]]) -> None:
        self._landmarks = dict(landmarks)
        known = measures(self._landmarks, people)
        self._names = tuple(known)
        values = np.stack(list(known.values()), axis=1)
        self._mean, self._deviation = values.mean(axis=0), values.std(axis=0)
        self._tables = {
            "units": UNITS,
            "leans": {unit: {measure: 1.0} for unit, measure in _leans().items()},
            "lean": {"lean": LEAN},
            "amplitudes": AMPLITUDES,
            "choices": CHOICES,
        }
        weights = [self._row(table) for rows in self._tables.values() for table in rows.values()]
        raw = self._standard(values) @ np.stack(weights).T
        spread = raw.std(axis=0)
        self._weights = np.stack(weights) / np.where(spread > _STILL, spread, np.nan)[:, None]

    def __call__(self, neutral: NDArray[np.floating[Any]]) -> Face:
        """What a neutral, (V, 3) in any scale, turn and place, says."""
        values = np.array([one[0] for one in measures(self._landmarks, neutral[None]).values()])
        scores = iter(np.clip(self._weights @ self._standard(values), -_MOST, _MOST).tolist())
        found = {name: {key: next(scores) for key in rows} for name, rows in self._tables.items()}
        lean = found.pop("lean")["lean"]
        return Face(lean=lean, **found)

    def _row(self, table: Mapping[str, float]) -> NDArray[np.float64]:
        return np.array([table.get(name, 0.0) for name in self._names])

    def _standard(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        moves = self._deviation > _STILL
        return np.where(moves, (values - self._mean) / np.where(moves, self._deviation, 1.0), 0.0)


def measures(landmarks: Mapping[str, int], faces: NDArray[np.floating[Any]]) -> dict[str, NDArray[np.float64]]:
    """Twenty-two measures and five left-right differences that do not change with a face's scale, turn and place.

    Args:
        landmarks: name -> vertex.
        faces: (S, V, 3) neutrals.

    Returns:
        Name -> (S,). Lengths in distances between the eyes; the five "…_lean" are logarithms of left over right.
    """
    at = {name: np.asarray(faces[:, vertex], np.float64) for name, vertex in landmarks.items()}
    eyes = {side: (at[f"{side}_eye_inner"] + at[f"{side}_eye_outer"]) / 2 for side in ("left", "right")}
    unit = _norm(eyes["left"] - eyes["right"])
    across = (eyes["left"] - eyes["right"]) / unit[:, None]
    rise = at["glabella"] - at["chin"]
    up = rise - (rise * across).sum(axis=-1, keepdims=True) * across
    up /= _norm(up)[:, None]
    ahead = np.cross(across, up)

    def long(first: str, second: str) -> NDArray[np.float64]:
        return _norm(at[first] - at[second]) / unit

    def both(first: str, second: str) -> NDArray[np.float64]:
        """Mean of both sides of a length; a name that has no side stays as it is."""
        return np.mean([long(*_sided(at, side, first, second)) for side in ("left", "right")], axis=0)

    def along(axis: NDArray[np.float64], first: str, second: str) -> NDArray[np.float64]:
        """Mean of both sides of how far the first lies beyond the second along an axis."""
        pairs = [_sided(at, side, first, second) for side in ("left", "right")]
        return np.mean([((at[a] - at[b]) * axis).sum(axis=-1) / unit for a, b in pairs], axis=0)

    def lean(first: str, second: str) -> NDArray[np.float64]:
        left, right = (long(*_sided(at, side, first, second)) for side in ("left", "right"))
        return np.log(left / right)

    return {
        "mouth_width": long("left_mouth_corner", "right_mouth_corner"),
        "upper_lip": long("subnasale", "upper_lip_bottom"),
        "lip_height": long("upper_lip_top", "upper_lip_bottom") + long("lower_lip_top", "lower_lip_bottom"),
        "lip_depth": along(ahead, "upper_lip_top", "subnasale"),
        "chin_height": long("lower_lip_bottom", "chin_bottom"),
        "chin_depth": along(ahead, "chin", "lower_lip_bottom"),
        "lower_face": long("subnasale", "chin_bottom") / long("glabella", "subnasale"),
        "jaw_length": both("jaw_angle", "chin"),
        "jaw_width": long("left_jaw_angle", "right_jaw_angle"),
        "jaw_height": both("jaw_angle", "ear_lobe"),
        "cheekbone_width": long("left_cheekbone", "right_cheekbone"),
        "cheek_depth": along(ahead, "cheek", "mouth_corner"),
        "cheek_drop": along(up, "eye_outer", "cheek"),
        "midface_depth": along(ahead, "nose_bridge", "cheekbone"),
        "eye_depth": along(ahead, "nose_bridge", "eye_outer"),
        "nose_length": long("nose_bridge", "subnasale"),
        "nose_depth": along(ahead, "nose_tip", "nose_wing"),
        "brow_height": along(up, "brow_middle", "lid_upper"),
        "brow_depth": along(ahead, "brow_middle", "eye_inner"),
        "brow_width": long("left_brow_outer", "right_brow_outer"),
        "face_width": long("left_ear_front", "right_ear_front") / long("glabella", "chin"),
        "face_height": along(up, "glabella", "chin_bottom"),
        "brow_lean": lean("brow_middle", "nose_bridge"),
        "eye_lean": lean("eye_outer", "nose_bridge"),
        "cheek_lean": lean("cheek", "nose_tip"),
        "mouth_lean": lean("mouth_corner", "eye_outer"),
        "jaw_lean": lean("jaw_angle", "chin"),
    }


def _sided(at: Mapping[str, Any], side: str, *names: str) -> tuple[str, ...]:
    return tuple(name if name in at else f"{side}_{name}" for name in names)


def _norm(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.linalg.norm(vectors, axis=-1))


def _leans() -> dict[str, str]:
    """Unit without its side -> the measure its own lean follows; of those that have sides."""
    return {unit: measure for unit in sorted(SIDED) for word, measure in _LEANS.items() if unit.startswith(word)}
