"""What a steered run takes from its corpus: faces, strengths in proportion to the motion, and the styles' features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from core.bundle import read_arrays, write_arrays
from core.errors import CorpusError, MienError
from core.identity import ShapeBasis, read_identity
from core.learning.batches import frame_count
from core.learning.pca import principal_components
from core.learning.scenes import Scenes
from core.learning.styles import sequence_features
from core.motion import EXPRESSIONS, MIN_EXTREMENESS, proportional

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from core.topology import Topology

    from .corpora.store import Corpus

FILE = "steering.safetensors"
_FLOORS = "intensity.floors"
_FEWEST = 5
"""Performances of an expression by which its strengths can be told."""

_HIGHEST = 0.9

_FRAMES = 12_000
"""About how many frames components are taken from."""


@dataclass(frozen=True)
class Steered:
    """What a steered run knows beside its network's weights.

    Attributes:
        basis: tells the code of a face.
        floors: (6,) float64, for `core.motion.proportional`.
    """

    basis: ShapeBasis
    floors: NDArray[np.float64]

    def write(self, folder: Path) -> None:
        """Into a run's folder."""
        write_arrays(folder / FILE, self.basis.to_arrays() | {_FLOORS: np.asarray(self.floors, np.float64)}, {})

    @classmethod
    def read(cls, folder: Path) -> Steered:
        """From a run's folder.

        Raises:
            CorpusError: the file is not there, or damaged.
        """
        try:
            arrays, _ = read_arrays(folder / FILE)
            floors = np.array(arrays[_FLOORS], np.float64)
            basis = ShapeBasis.from_arrays(arrays)
        except (MienError, KeyError, ValueError) as problem:
            raise CorpusError(
                f"The steered run {folder} is damaged: {FILE} cannot be read.", "Train again."
            ) from problem
        if basis is None or floors.shape != (len(EXPRESSIONS),) or not ((floors >= 0) & (floors < 1)).all():
            raise CorpusError(f"The steered run {folder} is damaged: {FILE} holds other numbers.", "Train again.")
        return cls(basis, floors)

    @classmethod
    def of(cls, corpus: Corpus, topology: Topology, code: int, landmarks: bool = True) -> Steered:
        """Learned from the people to train on; codes of so many numbers, see `ShapeBasis.fit`."""
        known = np.array([split == "train" for split in corpus.splits])
        return cls(
            ShapeBasis.fit(corpus.template, topology, corpus.neutrals[known], code, landmarks), floors_of(corpus)
        )


def floors_of(corpus: Corpus) -> NDArray[np.float64]:
    """(6,) p of `core.motion.proportional` by the single performances to train on; 0.5 for an expression without."""
    floors = []
    for found in sizes_by_expression(corpus).values():
        # Of a few nobody can tell how performances differ.
        mean, deviation = (float(np.mean(found)), float(np.std(found))) if len(found) >= _FEWEST else (3.0, 1.0)
        floors.append(min(max(mean - deviation, 0) / max(mean + deviation, 1e-9), _HIGHEST))
    return np.array(floors)


def sizes_by_expression(corpus: Corpus) -> dict[str, list[float]]:
    """Expression -> mean deformation in mm of each single performance to train on."""
    sizes: dict[str, list[float]] = {name: [] for name in EXPRESSIONS}
    for index in corpus.split("train"):
        if corpus.sequences[index].kind == "single":
            size = float(np.linalg.norm(corpus.deformation(index), axis=-1).mean())
            sizes[corpus.sequences[index].expression].append(size)
    return sizes


def faces_of(corpus: Corpus, basis: ShapeBasis) -> tuple[Tensor, Tensor]:
    """(P, C) codes and (P, V, 3, 3) Jacobians of all people of a corpus."""
    people = [read_identity(corpus.template, basis, neutral) for neutral in corpus.neutrals]
    codes, jacobians = np.stack([one.code for one in people]), np.stack([one.jacobians for one in people])
    return torch.from_numpy(codes), torch.from_numpy(jacobians)


def scenes_of(corpus: Corpus, indices: Sequence[int], floors: NDArray[np.float64], window: int) -> Scenes:
    """Some of the corpus' sequences, their labels in proportion to the motion; window 0 for all frames."""
    spans = corpus.spans(indices)
    labels = np.zeros(corpus.all_labels.shape, np.float32)
    for index, (first, frames) in zip(indices, spans, strict=True):
        labels[first : first + frames] = strengths_of(corpus, index, floors)
    sequences = [corpus.sequences[index] for index in indices]
    told = [one.kind == "single" and is_told(one.extremeness) for one in sequences]
    return Scenes(
        corpus.steps, corpus.scale, labels, spans,
        persons=[one.subject for one in sequences], scalable=told,
        window=window or max(frames for _, frames in spans),
    )  # fmt: skip


def is_told(extremeness: float) -> bool:
    """Whether eq. 6 tells how strong a performance is: beyond one deviation it says the same of all."""
    # Labels are single precision, in which the least one lies a hair above.
    return bool(np.float32(MIN_EXTREMENESS) < np.float32(extremeness) < 1)


def strengths_of(corpus: Corpus, index: int, floors: NDArray[np.float64]) -> NDArray[np.float32]:
    """(T, 6) a sequence's labels in proportion to the motion; see `core.motion.proportional`."""
    one, scales = corpus.sequences[index], np.zeros(len(EXPRESSIONS))
    scales[EXPRESSIONS.index(one.expression)] = one.extremeness
    if one.second:
        scales[EXPRESSIONS.index(one.second)] = one.second_extremeness
    return proportional(corpus.labels(index), floors, scales)


def motion_on_template(scenes: Scenes, jacobians: Tensor, every: int = 1) -> Tensor:
    """(F, V, 3) mm, every so-manyth frame of all sequences, turned back from each face to the template.

    Args:
        scenes: the sequences.
        jacobians: (P, V, 3, 3) of all people, or none, to take the motion as it is.
        every: 1 for all frames.
    """
    back = torch.linalg.inv(jacobians) if len(jacobians) else None
    return torch.cat([_motion(scenes, back, one, every) for one in range(len(scenes.spans))])


def _motion(scenes: Scenes, back: Tensor | None, number: int, every: int = 1) -> Tensor:
    first, frames = scenes.spans[number]
    own = scenes.steps[first : first + frames : every].float() * scenes.scale
    return own if back is None else torch.einsum("vij,tvj->tvi", back[scenes.persons[number]], own)


def style_features(scenes: Scenes, jacobians: Tensor, count: int, seed: int) -> Tensor:
    """What the styles are read from, (n, D): each sequence's motion on the template, by its principal components.

    Args:
        scenes: the sequences.
        jacobians: (P, V, 3, 3) of all people, or none, to take the motion as it is.
        count: components.
        seed: of the components.
    """
    mean, components, _ = principal_components(
        motion_on_template(scenes, jacobians, max(3, frame_count(scenes) // _FRAMES)), count, seed
    )
    back, flat = torch.linalg.inv(jacobians) if len(jacobians) else None, components.flatten(1).t()
    coefficients = [(_motion(scenes, back, one) - mean).flatten(1) @ flat for one in range(len(scenes.spans))]
    labels = [scenes.labels[first : first + frames] for first, frames in scenes.spans]
    return sequence_features(coefficients, labels)
