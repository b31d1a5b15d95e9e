"""Takes against true performances: how far apart, how alike to real ones, and what the classifier makes of them."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from core.learning.classifier import scores
from core.motion import EXPRESSIONS

from .acting import apex_frames, of_kind, unseen_people
from .metrics import coverage_and_density, frechet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from core.learning.classifier import SequenceClassifier

    from .acting import Actor

TAKES = 5
NEIGHBOURS = 5
_ALIKE = 0.15
"""Two people's labels may differ by so much at the apex for their performances to be compared."""


def takes(actor: Actor, classifier: SequenceClassifier) -> dict[str, Any]:
    """Takes of the labels of the test sequences, against those sequences.

    The features are the classifier's last 64 before its answer. A network that does not vary gives its one
    performance. Small samples: `floor` says what true training sequences have against the true test ones.

    Returns:
        frechet, frechet_within (each expression's true mean taken off first, so that only the spread within expressions
        counts), coverage, density; the same under "floor" and "calm"; coverage_of_one (of one take a label track, the
        mean); f1 (macro) of all takes, f1_calm, f1_true; takes (a label track), sequences; apex_spread_mm, see
        `apex_spread`.
    """
    corpus = actor.corpus
    test, train = of_kind(corpus, "test"), of_kind(corpus, "train")
    kinds = np.array([EXPRESSIONS.index(corpus.sequences[index].expression) for index in test])
    true = np.stack([_features(classifier, corpus.deformation(index)) for index in test])
    known = np.stack([_features(classifier, corpus.deformation(index)) for index in train])
    known_kinds = np.array([EXPRESSIONS.index(corpus.sequences[index].expression) for index in train])
    calm = _cloud(actor, classifier, test, None)
    clouds = [_cloud(actor, classifier, test, seed) for seed in range(TAKES)] if actor.varies else [calm]
    made, made_kinds = np.concatenate(clouds), np.tile(kinds, len(clouds))
    single = [coverage_and_density(true, cloud, NEIGHBOURS)[0] for cloud in clouds]
    return {
        **_against(true, kinds, made, made_kinds),
        "coverage_of_one": float(np.mean(single)),
        "calm": _against(true, kinds, calm, kinds),
        "floor": _against(true, kinds, known, known_kinds),
        "f1": _f1(classifier, made, made_kinds),
        "f1_calm": _f1(classifier, calm, kinds),
        "f1_true": _f1(classifier, true, kinds),
        "takes": len(clouds), "sequences": len(test),
        "apex_spread_mm": apex_spread(actor, test) if actor.varies else None,
    }  # fmt: skip


def _cloud(actor: Actor, classifier: SequenceClassifier, indices: Sequence[int], take: int | None) -> NDArray[Any]:
    people = [actor.corpus.sequences[index].subject for index in indices]
    # A seed of their own for everybody: the same few would give all of them the same few styles.
    seeds = [None if take is None else take + TAKES * person for person in people]
    return np.stack(
        [_features(classifier, actor.perform(index, seed)) for index, seed in zip(indices, seeds, strict=True)]
    )


def _features(classifier: SequenceClassifier, motion: NDArray[np.float32]) -> NDArray[np.float64]:
    return classifier.features(torch.tensor(motion)).numpy().astype(np.float64)


def _against(
    true: NDArray[Any], kinds: NDArray[np.intp], made: NDArray[Any], made_kinds: NDArray[np.intp]
) -> dict[str, float]:
    middles = np.zeros((len(EXPRESSIONS), true.shape[1]))
    for number in np.unique(kinds):
        middles[number] = true[kinds == number].mean(axis=0)
    coverage, density = coverage_and_density(true, made, NEIGHBOURS)
    return {
        "frechet": frechet(true, made),
        "frechet_within": frechet(true - middles[kinds], made - middles[made_kinds]),
        "coverage": coverage,
        "density": density,
    }


@torch.inference_mode()
def _f1(classifier: SequenceClassifier, features: NDArray[Any], kinds: NDArray[np.intp]) -> float:
    found = classifier.answer(torch.tensor(features, dtype=torch.float32)).argmax(dim=1).tolist()
    return scores(found, kinds.tolist())["total"]["f1"]


def apex_spread(actor: Actor, test: Sequence[int], people: int = 9) -> dict[str, float]:
    """How far apart two performances of the same labels are in the middle of the apex, mm, the face divided out.

    takes: between the seeds, of the same labels and face. all: between takes of two people whose labels of the same
    expression are less than `_ALIKE` apart. true: between the true performances of the same pairs. share and
    share_of_all are the first two over the third; the first leaves out what the face itself tells, and may well be
    below 1. All on the template, by the inverse of each face's Jacobians; the distance is the mean over the vertices,
    then over pairs.
    """
    corpus, chosen = actor.corpus, set(unseen_people(actor.corpus, people))
    between: list[float] = []
    known: dict[str, list[tuple[float, NDArray[np.float64]]]] = {}
    for index in test:
        one = corpus.sequences[index]
        if one.subject not in chosen:
            continue
        identity = actor.identity(one.subject)
        assert identity is not None  # a network that varies looks at faces
        back = np.linalg.inv(np.asarray(identity.jacobians, np.float64))
        labels = corpus.labels(index)
        apex = np.flatnonzero(apex_frames(labels))
        middle = int(apex[len(apex) // 2])
        poses = [np.einsum("vij,vj->vi", back, actor.perform(index, seed)[middle]) for seed in range(TAKES)]
        between += [_apart(*pair) for pair in combinations(poses, 2)]
        pose = np.einsum("vij,vj->vi", back, corpus.deformation(index)[middle])
        # A seed of their own for everybody: the same one would give all of them the same style.
        own = np.einsum("vij,vj->vi", back, actor.perform(index, TAKES + one.subject)[middle])
        known.setdefault(one.expression, []).append((float(labels.max()), np.stack([pose, own])))
    pairs = [pair for each in known.values() for pair in combinations(each, 2) if abs(pair[0][0] - pair[1][0]) < _ALIKE]
    found = {"takes": float(np.mean(between))}
    if not pairs:
        return found
    true, every = (float(np.mean([_apart(one[at], other[at]) for (_, one), (_, other) in pairs])) for at in (0, 1))
    return found | {"all": every, "true": true, "share": found["takes"] / true, "share_of_all": every / true}


def _apart(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    return float(np.linalg.norm(one - other, axis=-1).mean())
