"""What the generator knows of a face: a code of its shape, and how that shape turns and stretches motion.

Both are computed once a face, from its neutral. numpy alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import TemplateError
from .jacobians import checked_neutral, jacobians
from .wrapping.spline import similarity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from .lids import Lids, LidsOnFace
    from .template import Template
    from .topology import Topology

__all__ = ["COARSENESS", "MAX_CODE", "Identity", "ShapeBasis", "jacobians", "read_identity"]

COARSENESS = 2
"""Level of the hierarchy whose vertices the code of a template without landmarks is read from: a 25th of them."""

ENOUGH_LANDMARKS = 24
"""With so many named points on it a template's faces are told apart by those, as anthropometry does."""

MAX_CODE = 256
_NAMES = ("picked", "mean", "basis")
_REACH = 3.0  # standard deviations, towards which a code is limited
_FEWEST = 4  # vertices with which a face can be laid onto the template
_MISS = 0.3  # mm, what the basis cannot say of a face; only where vertices are missing does it count


@dataclass(frozen=True)
class Identity:
    """A face, as the generator sees it.

    Attributes:
        code: (C,) float32, its shape in standard deviations of people, within about 3 of 0.
        jacobians: (V, 3, 3) float32, see `jacobians`.
        lids: what keeps its lids outside of its eyeballs; None where the generator knows no eyes.
    """

    code: NDArray[np.float32]
    jacobians: NDArray[np.float32]
    lids: LidsOnFace | None = None


@dataclass(frozen=True)
class ShapeBasis:
    """How a code is read from a neutral: code = basis . (aligned neutral[picked] - mean), softly limited.

    Attributes:
        picked: (n,) int32 vertices of the template that are looked at.
        mean: (n, 3) float32 mm, where they lie in the mean person, laid onto the template.
        basis: (C, n, 3) float32, a deviation in mm to standard deviations of each component; orthogonal to each other.

    Raises:
        TemplateError: arrays that do not fit together, or hold numbers that are not finite.
    """

    picked: NDArray[np.int32]
    mean: NDArray[np.float32]
    basis: NDArray[np.float32]

    def __post_init__(self) -> None:
        for name, kinds in zip(_NAMES, ("iu", "f", "f"), strict=True):
            given = np.asarray(getattr(self, name))
            if given.dtype.kind not in kinds:
                raise TemplateError(f"The {name} of a shape basis is of the type {given.dtype}.")
            copy = np.array(given, np.int32 if kinds == "iu" else np.float32, order="C")
            copy.flags.writeable = False
            object.__setattr__(self, name, copy)
        count = len(self.picked)
        fits = self.picked.ndim == 1 and self.mean.shape == (count, 3) and self.basis.shape[1:] == (count, 3)
        if not fits or count < _FEWEST or self.basis.ndim != 3 or not 1 <= len(self.basis) <= MAX_CODE:
            raise TemplateError("A shape basis has arrays that do not fit together.")
        if not (np.isfinite(self.mean).all() and np.isfinite(self.basis).all()):
            raise TemplateError("A shape basis holds values that are not finite numbers.")
        if self.picked.min() < 0 or len(np.unique(self.picked)) != count:
            raise TemplateError("A shape basis names a vertex twice, or one that no template has.")

    @property
    def size(self) -> int:
        """C, numbers of a code."""
        return len(self.basis)

    @classmethod
    def fit(
        cls,
        template: Template,
        topology: Topology,
        neutrals: NDArray[np.floating[Any]],
        count: int = 24,
        landmarks: bool = True,
    ) -> ShapeBasis:
        """The strongest principal components of people's neutrals, each laid onto the template by a similarity.

        What is looked at are the template's landmarks: what tells faces' manners apart, such as how short an upper lip
        is, are lengths between them, which among all vertices are lost in the shape of the skull (of the scores of
        `training/corpora/anatomy.py` 64 components of landmarks say three quarters, 32 or 64 of vertices spread over
        the head a half).

        Args:
            template: of the neutrals.
            topology: of the template; where it has fewer than `ENOUGH_LANDMARKS`, the vertices of its level
                `COARSENESS` are looked at.
            neutrals: (S, V, 3) mm, of the people to learn from; at least two.
            count: C; where there are fewer components than that, the rest say 0.
            landmarks: False for the vertices of that level whatever landmarks there are.

        Raises:
            TemplateError: too few people, or another template's.
        """
        people = np.asarray(neutrals)
        if people.ndim != 3 or people.shape[1:] != template.vertices.shape or len(people) < 2:
            raise TemplateError("A shape basis is made of at least two neutrals of its template.")
        picked = np.unique(list(template.landmarks.values())).astype(np.int32)
        if not landmarks or len(picked) < ENOUGH_LANDMARKS:
            picked = level_vertices(topology, COARSENESS)
        home = template.vertices[picked].astype(np.float64)
        laid = np.stack([_laid(person[picked], home) for person in people])
        mean = laid.mean(axis=0)
        _, values, rows = np.linalg.svd((laid - mean).reshape(len(laid), -1), full_matrices=False)
        deviation = values / np.sqrt(len(laid) - 1)
        known = min(count, int((deviation > 1e-6 * max(deviation[0], 1e-9)).sum()))
        # The sign of a singular vector is the library's whim: the largest coordinate is positive here.
        largest = rows[np.arange(known), np.abs(rows[:known]).argmax(axis=1)]
        basis = np.zeros((count, rows.shape[1]))
        basis[:known] = rows[:known] * (np.sign(largest) / deviation[:known])[:, None]
        return cls(picked, mean.astype(np.float32), basis.reshape(count, -1, 3).astype(np.float32))

    def read(
        self, template: Template, neutral: NDArray[np.floating[Any]], present: NDArray[np.bool_] | None = None
    ) -> NDArray[np.float32]:
        """(C,) float32 the code of a neutral; arguments as those of `read_identity`."""
        points, there = checked_neutral(template, neutral, present)
        seen = there[self.picked]
        if int(seen.sum()) < _FEWEST:
            return np.zeros(self.size, np.float32)
        used = self.picked[seen]
        aligned = _laid(points[used], template.vertices[used].astype(np.float64))
        apart = (aligned - self.mean[seen]).reshape(-1)
        basis = self.basis.astype(np.float64).reshape(self.size, -1)
        code = basis @ apart if seen.all() else _from_part(basis, np.repeat(seen, 3), apart)
        return np.asarray(_REACH * np.tanh(code / _REACH), np.float32)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """The basis as plain arrays for a bundle: "identity.picked", "identity.mean", "identity.basis"."""
        return {f"identity.{name}": getattr(self, name) for name in _NAMES}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> ShapeBasis | None:
        """The inverse of `to_arrays`; None where there are none of them.

        Raises:
            TemplateError: an array is missing or damaged.
        """
        found = [arrays.get(f"identity.{name}") for name in _NAMES]
        if all(one is None for one in found):
            return None
        picked, mean, basis = found
        if picked is None or mean is None or basis is None:
            raise TemplateError("A stored shape basis lacks one of its arrays.")
        return cls(picked, mean, basis)


def read_identity(
    template: Template,
    basis: ShapeBasis,
    neutral: NDArray[np.floating[Any]],
    present: NDArray[np.bool_] | None = None,
    lids: Lids | None = None,
) -> Identity:
    """What the generator must know of a face, from its neutral.

    Args:
        template: the generator's.
        basis: the generator's.
        neutral: (V, 3), registered to the template; its turn and scale go into the Jacobians, not into the code.
        present: (V,) False where the face lacks a vertex; None where it has all. NaN counts as lacking.
        lids: the generator's eyes; None where it knows none.

    Returns:
        Code and Jacobians, always finite.

    Raises:
        ValueError: the neutral has another shape than the template.
    """
    turning = jacobians(template, neutral, present)
    on_face = None if lids is None else lids.on(template, neutral, present, turning)
    return Identity(basis.read(template, neutral, present), turning, on_face)


def level_vertices(topology: Topology, level: int) -> NDArray[np.int32]:
    """(n,) int32 the template's vertices that a level of its hierarchy has kept, in the level's order."""
    kept = np.arange(topology.sizes[level], dtype=np.int64)
    for step in reversed(range(level)):
        index, weight = topology.unpool_index[step], topology.unpool_weight[step]
        # A kept vertex has three times itself, with the weights 1, 0, 0.
        own = np.flatnonzero((weight[:, 0] == 1) & (index == index[:, :1]).all(axis=1))
        place = np.zeros(topology.sizes[step + 1], np.int64)
        place[index[own[::-1], 0]] = own[::-1]
        kept = place[kept]
    return kept.astype(np.int32)


def _laid(points: NDArray[np.floating[Any]], home: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 3) the points turned, scaled and shifted onto home by least squares."""
    centred = points.astype(np.float64) - points.mean(axis=0, dtype=np.float64)
    spread = float(np.abs(centred).max(initial=0.0))
    if spread == 0:
        return np.broadcast_to(home.mean(axis=0), home.shape).copy()
    return similarity(centred / spread, home).apply(centred / spread)


def _from_part(basis: NDArray[np.float64], seen: NDArray[np.bool_], apart: NDArray[np.float64]) -> NDArray[np.float64]:
    """(C,) the code that explains what is seen by least squares, and leans weakly on the mean person."""
    # A component in mm at one standard deviation is its row of the basis over that row's squared length.
    modes = basis[:, seen] / np.maximum((basis**2).sum(axis=1, keepdims=True), 1e-12)
    return np.asarray(np.linalg.solve(modes @ modes.T + _MISS**2 * np.eye(len(basis)), modes @ apart))
