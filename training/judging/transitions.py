"""From expression to expression: what single frames show, and how smoothly the face gets there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d

from core.learning.classifier import frame_truth, train_frames
from core.motion import EXPRESSIONS

from .acting import APEX, of_kind
from .metrics import jerk

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from core.learning.classifier import FrameClassifier, SequenceClassifier
    from training.corpora.store import Corpus

    from .acting import Actor

    Motion = NDArray[np.float32]

PERCENTILE = 95
_SMOOTHING = 1.0  # frames; the tracking noise of the corpora has this correlation in time
_NEUTRAL = len(EXPRESSIONS)


def transitions(actor: Actor, classifier: SequenceClassifier) -> dict[str, Any] | None:
    """The test people's transitions, generated and true; None where the corpus has none.

    Returns:
        votes: agreement (share of frames where generated and true ones show the same), right (share that shows the
        label's expression: "generated", "true"), neutral_between (share of the frames between the two apexes that
        shows a neutral face: "generated", "true"); frames_between. jerk: see `_jerks`, of the calm performances and,
        where the network varies, of the takes of seed 0 ("take").
    """
    corpus = actor.corpus
    indices = of_kind(corpus, "test", "transition")
    if not indices:
        return None
    frames = frame_classifier(corpus, classifier)
    jerks = _jerks(actor, classifier, indices, None)
    if actor.varies:
        jerks["take"] = _jerks(actor, classifier, indices, 0)["raw"]
    return {"votes": _votes(actor, classifier, frames, indices), "jerk": jerks, "sequences": len(indices)}


def frame_classifier(corpus: Corpus, classifier: SequenceClassifier) -> FrameClassifier:
    """Learned from the true frames of the single performances and transitions to train on."""
    known = [*of_kind(corpus, "train"), *of_kind(corpus, "train", "transition")]
    coefficients = [classifier.coefficients(torch.tensor(corpus.deformation(index))) for index in known]
    truth = [frame_truth(torch.tensor(corpus.labels(index))) for index in known]
    return train_frames(torch.cat(coefficients), torch.cat(truth))


def between(labels: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(T,) bool: the frames after the first expression's apex and before the second's; (T, 6) labels of two."""
    used = np.flatnonzero(labels.max(axis=0) > 0)
    apexes = sorted(np.flatnonzero(labels[:, one] >= APEX * labels[:, one].max()).tolist() for one in used)
    frames = np.arange(len(labels))
    return (frames > apexes[0][-1]) & (frames < apexes[-1][0])


def _votes(
    actor: Actor, classifier: SequenceClassifier, frames: FrameClassifier, indices: Sequence[int]
) -> dict[str, Any]:
    corpus = actor.corpus
    generated, true, asked, inside = [], [], [], []
    for index in indices:
        generated.append(_seen(classifier, frames, actor.perform(index)))
        true.append(_seen(classifier, frames, corpus.deformation(index)))
        asked.append(frame_truth(torch.tensor(corpus.labels(index))).numpy())
        inside.append(between(corpus.labels(index)))
    g, t, a, within = (np.concatenate(each) for each in (generated, true, asked, inside))
    return {
        "agreement": float((g == t).mean()),
        "right": {"generated": float((g == a).mean()), "true": float((t == a).mean())},
        "neutral_between": {name: _share((seen == _NEUTRAL)[within]) for name, seen in (("generated", g), ("true", t))},
        "frames_between": int(within.sum()),
    }


@torch.inference_mode()
def _seen(classifier: SequenceClassifier, frames: FrameClassifier, motion: Motion) -> NDArray[np.int64]:
    return frames(classifier.coefficients(torch.tensor(motion))).argmax(dim=1).numpy()


def _jerks(actor: Actor, classifier: SequenceClassifier, indices: Sequence[int], seed: int | None) -> dict[str, Any]:
    """Jerk of generated transitions against the 95th percentile of the true ones', mm/s^3, in three ways.

    "raw": as they are; the noise of tracking makes the true ones' jerk the larger. "smoothed": both smoothed in time.
    "projected": the true ones put together from the classifier's 64 components, which drops most of the noise; the
    generated ones as they are. Each: generated (mean), true (mean), true_p95, within (share of generated below it).
    """
    corpus = actor.corpus
    made: dict[str, list[float]] = {"raw": [], "smoothed": [], "projected": []}
    true: dict[str, list[float]] = {"raw": [], "smoothed": [], "projected": []}
    as_it_is: Callable[[Motion], Motion] = np.asarray
    ways = {
        "raw": (as_it_is, as_it_is),
        "smoothed": (_smoothed, _smoothed),
        "projected": (as_it_is, lambda motion: _projected(classifier, motion)),
    }
    for index in indices:
        generated, truth = actor.perform(index, seed), corpus.deformation(index)
        for name, (own, others) in ways.items():
            made[name].append(jerk(own(generated), corpus.frame_rate))
            true[name].append(jerk(others(truth), corpus.frame_rate))
    return {name: _compared(made[name], true[name]) for name in ways}


def _compared(made: list[float], true: list[float]) -> dict[str, float]:
    most = float(np.percentile(true, PERCENTILE))
    within = float(np.mean(np.array(made) <= most))
    return {"generated": float(np.mean(made)), "true": float(np.mean(true)), "true_p95": most, "within": within}


def _smoothed(motion: Motion) -> Motion:
    return np.asarray(gaussian_filter1d(motion, _SMOOTHING, axis=0, mode="nearest"), np.float32)


@torch.inference_mode()
def _projected(classifier: SequenceClassifier, motion: Motion) -> Motion:
    flat = classifier.components.flatten(1)
    return (classifier.mean.flatten() + classifier.coefficients(torch.tensor(motion)) * classifier.scale @ flat).view(
        motion.shape
    ).numpy()  # fmt: skip


def _share(those: NDArray[np.bool_]) -> float | None:
    return float(those.mean()) if len(those) else None
