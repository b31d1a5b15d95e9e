"""What all points of a face together say: where they are, and of whom they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ..arrays import Stored
from ..detection.faces import POINTS
from ..errors import TemplateError
from .sight import TURNS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_MOST = 400
"""Codes."""


@dataclass(frozen=True)
class Prior:
    """What is believed of a person's strengths of the modes: a Gaussian.

    Attributes:
        mean: (M,).
        precision: (M, M).
    """

    mean: Floats
    precision: Floats


@dataclass(frozen=True)
class Coding(Stored):
    """Linear maps between points and codes; checked when made.

    Points are told by how far they lie, in distances between the eyes' outer corners, from where they lie on the
    template, when they are laid onto it by a similarity.

    Attributes:
        turned: (6, 468, 3) float32, where points of faces that are turned lie on average; see `turn_terms`.
        codes: (K, 468, 3) float16, the codes of what is left; the first M are guesses of the modes' strengths.
        points: (6 + K, 468, 3) float16, where points truly are, by the turn and the codes.
        answer: (M, M) float32, what the guesses are on average, by the true strengths.
        between: (M, M) float32, covariance of what they are off by in all photos of a person alike.
        within: (M, M) float32, of what they are off by in one photo.

    Raises:
        TemplateError: arrays that do not fit together, or hold numbers that are not finite.
    """

    prefix = "photo.coding."
    what = "the photo kit's coding"
    types: ClassVar = {
        "turned": np.float32,
        "codes": np.float16,
        "points": np.float16,
        "answer": np.float32,
        "between": np.float32,
        "within": np.float32,
    }

    turned: NDArray[np.float32]
    codes: NDArray[np.float16]
    points: NDArray[np.float16]
    answer: NDArray[np.float32]
    between: NDArray[np.float32]
    within: NDArray[np.float32]

    def __post_init__(self) -> None:
        self._make_own()
        flat = self.codes.ndim == 3 and self.answer.ndim == 2
        count, modes = (len(self.codes), len(self.answer)) if flat else (0, 0)
        fits = self.turned.shape == (TURNS, POINTS, 3) and self.codes.shape == (count, POINTS, 3)
        fits = fits and self.points.shape == (TURNS + count, POINTS, 3) and 0 < modes <= count <= _MOST
        fits = fits and self.answer.shape == self.between.shape == self.within.shape == (modes, modes)
        if not fits:
            raise TemplateError(f"The arrays of {self.what} do not have the shapes they should.")
        if not all(_is_covariance(one) for one in (self.between, self.within)):
            raise TemplateError(f"The numbers of {self.what} make no sense.")

    def read(self, left: Floats, terms: Floats) -> tuple[Floats, Floats]:
        """Codes points, and decodes them: what no face does is left out.

        Args:
            left: (468, 3) where they lie.
            terms: (6,) of the turn.

        Returns:
            (468, 3) where they truly are, as far as this tells; (M,) guesses of the modes' strengths.
        """
        codes = np.tensordot(self.codes.astype(np.float64), left - np.tensordot(terms, self.turned, axes=1), axes=2)
        known = np.tensordot(np.concatenate([terms, codes]), self.points.astype(np.float64), axes=1)
        return np.asarray(known), np.asarray(codes[: len(self.answer)])

    def person_of(self, guesses: Sequence[Floats], surer: float = 1.0) -> Prior:
        """What photos tell of a person who is one of the modes' people.

        A guess of a photo is A c + u + w: c the strengths, u what guesses are off by on this person in all photos, w in
        this one. So with n photos the mean guess has the covariance of u and an n-th of that of w.

        Args:
            guesses: (M,) of each photo.
            surer: by how much the precision is multiplied.
        """
        answer = self.answer.astype(np.float64)
        spread = self.between.astype(np.float64) + self.within.astype(np.float64) / len(guesses)
        told = np.linalg.solve(spread, answer).T
        precision = np.eye(len(answer)) + told @ answer
        return Prior(np.linalg.solve(precision, told @ np.mean(guesses, axis=0)), precision * surer)


def _is_covariance(matrix: NDArray[np.float32]) -> bool:
    return np.allclose(matrix, matrix.T, atol=1e-4) and bool(np.linalg.eigvalsh(matrix).min() > 0)
