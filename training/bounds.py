"""How well anybody could do: with 64 blendshapes, and with nothing to go by but the labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from core.metrics import error_per_frame
from core.motion import EXPRESSIONS

from .judging.acting import of_kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from core.learning.classifier import SequenceClassifier

    from .corpora.store import Corpus

_NEIGHBOURS = 25
_PACE = 2.0  # how much a label's change counts beside the label itself


@torch.inference_mode()
def bounds(corpus: Corpus, basis: SequenceClassifier) -> dict[str, float | None]:
    """Two errors on the single test performances that tell where a model's own comes from, in mm.

    "blendshapes": the true sequences themselves, put together from the 64 principal components of the training
    motion. "labels": the median of the training frames with the most similar labels (the label and how it rises and
    falls) of the same expression, in those components: about what can be known without seeing the face. None where no
    expression of the test people was trained on.

    Args:
        corpus: with training and test sequences.
        basis: whose mean and components are those of the corpus.
    """
    mean, components = basis.mean.flatten(), basis.components.flatten(1)
    train, test = of_kind(corpus, "train"), of_kind(corpus, "test")
    known = {
        name: _stack(corpus, [i for i in train if corpus.sequences[i].expression == name], mean, components)
        for name in EXPRESSIONS
    }
    projected, guessed = [], []
    for index in test:
        truth = corpus.deformation(index)
        own = (torch.tensor(truth).flatten(1) - mean) @ components.t()
        projected.append(error_per_frame(_decode(own, mean, components, truth), truth))
        features, coefficients = known[corpus.sequences[index].expression]
        if len(features):
            away = torch.cdist(torch.tensor(_features(corpus.labels(index))), features)
            near = away.topk(min(_NEIGHBOURS, len(features)), largest=False).indices
            guess = coefficients[near].median(dim=1).values
            guessed.append(error_per_frame(_decode(guess, mean, components, truth), truth))
    return {"blendshapes": _mean(projected), "labels": _mean(guessed)}


def _stack(
    corpus: Corpus, indices: Sequence[int], mean: torch.Tensor, components: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    if not indices:
        return torch.zeros(0, 3), torch.zeros(0, len(components))
    features = [torch.tensor(_features(corpus.labels(index))) for index in indices]
    motions = (torch.tensor(corpus.deformation(index)).flatten(1) for index in indices)
    return torch.cat(features), torch.cat([(motion - mean) @ components.t() for motion in motions])


def _features(labels: NDArray[np.float32]) -> NDArray[np.float32]:
    strength = labels.max(axis=1)
    before, after = np.diff(strength, prepend=strength[:1]), np.diff(strength, append=strength[-1:])
    return np.stack([strength, _PACE * before, _PACE * after], axis=1).astype(np.float32)


def _decode(
    coefficients: torch.Tensor, mean: torch.Tensor, components: torch.Tensor, like: NDArray[np.float32]
) -> NDArray[np.float32]:
    return (mean + coefficients @ components).numpy().reshape(like.shape)


def _mean(errors: list[NDArray[Any]]) -> float | None:
    return float(np.concatenate(errors).mean()) if errors else None
