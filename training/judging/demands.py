"""Rest that is exact, and intensity that means something: what a run does with cues that no corpus has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import spearmanr

from core.motion import EXPRESSIONS, Cue, labels_from_cues

from .acting import apex_frames, of_kind, unseen_people
from .metrics import flipped, mean_deformation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .acting import Actor

REST_BAR, RANK_BAR = 0.01, 0.99
"""Millimetres of deformation where the labels are zero; rank correlation of mean deformation and label."""

LEVELS = np.arange(31) * 0.05
STRONG = (1.0, 1.25, 1.5)
_RISE, _APEX, _FALL, _END, _SECONDS = 0.25, 0.75, 1.25, 1.75, 2.0
"""Seconds of the cue of a sweep: start, apex start, apex end, end; and of the whole."""


def one_cue(expression: str, intensity: float, frame_rate: float) -> tuple[NDArray[np.float32], int]:
    """(T, 6) labels of a cue of two seconds, and the frame in the middle of its apex."""
    cue = Cue(expression, intensity, _RISE, _APEX, _FALL, _END)
    labels = labels_from_cues([cue], round(_SECONDS * frame_rate) + 1, frame_rate)
    return labels, round((_APEX + _FALL) / 2 * frame_rate)


def two_cues(first: str, second: str, frame_rate: float) -> NDArray[np.float32]:
    """(T, 6): rest, a cue, rest, another cue, rest; about seven seconds."""
    cues = [Cue(first, 1.0, 1.0, 1.5, 2.0, 2.6), Cue(second, 0.7, 3.6, 4.1, 4.5, 5.3)]
    return labels_from_cues(cues, round(7 * frame_rate), frame_rate)


def rest(actor: Actor, people: int = 12) -> dict[str, Any]:
    """The largest deformation in frames whose labels are zero, mm: at the start, between two cues, and at the end.

    Calm, and with the takes of seeds 0 and 1 where the network varies.
    """
    rate = actor.corpus.frame_rate
    places = {"start": 0.0, "between": 0.0, "end": 0.0}
    chosen = unseen_people(actor.corpus, people)
    for number, subject in enumerate(chosen):
        labels = two_cues(EXPRESSIONS[number % 6], EXPRESSIONS[(number + number // 6 + 1) % 6], rate)
        moving = np.flatnonzero(labels.max(axis=1) > 0)
        still = np.flatnonzero(labels.max(axis=1) == 0)
        for seed in (None, 0, 1) if actor.varies else (None,):
            size = np.linalg.norm(actor.perform_labels(labels, subject, seed, frames=still.tolist()), axis=-1)
            for place, those in _places(still, moving).items():
                places[place] = max(places[place], float(size[those].max()))
    return {**places, "worst": max(places.values()), "people": len(chosen), "bar": REST_BAR}


def _places(still: NDArray[np.intp], moving: NDArray[np.intp]) -> dict[str, NDArray[np.bool_]]:
    before, after = still < moving[0], still > moving[-1]
    return {"start": before, "between": ~before & ~after, "end": after}


def intensity(actor: Actor, people: int = 8) -> dict[str, Any]:
    """The label is swept from 0 to 1.5: does the face follow, and does it stay whole?

    Returns:
        rank: {"worst", "mean"} of Spearman's correlation of the mean deformation at the apex with the label, over
        people and expressions; rank_by_expression: the worst. mean_mm: mean deformation by level of `LEVELS`.
        largest_fall: the largest step down from one level to the next, as a share of the deformation at 1. flipped: by
        strength, the mean number of triangles of a face that turn over ("all"); of these, those that do not in that
        person's own true performance of the expression ("beyond_own"), nor in any test person's ("beyond_any"), nor in
        the own true apex scaled to the same mean deformation ("beyond_scaled"); and how many the scaled truth turns
        over itself ("scaled_truth").
    """
    corpus, chosen = actor.corpus, unseen_people(actor.corpus, people)
    true = {(corpus.sequences[i].subject, corpus.sequences[i].expression): i for i in of_kind(corpus, "test")}
    turned = {index: _ever_flipped(actor, index) for index in true.values()}
    ranks: dict[str, list[float]] = {}
    means, falls = [], []
    counts: dict[float, list[dict[str, int]]] = {level: [] for level in STRONG}
    for expression in EXPRESSIONS:
        same = [turned[index] for (_, name), index in true.items() if name == expression]
        anybody = np.any(same, axis=0) if same else np.zeros(len(corpus.template.triangles), bool)
        for subject in chosen:
            poses = _sweep(actor, expression, subject)
            sizes = mean_deformation(poses)
            ranks.setdefault(expression, []).append(_rank(sizes))
            means.append(sizes)
            at_one = max(float(sizes[LEVELS.searchsorted(0.999)]), 1e-9)
            falls.append(float(np.maximum(-np.diff(sizes), 0).max()) / at_one)
            own = true.get((subject, expression))
            if own is not None:
                for level in STRONG:
                    pose = poses[int(LEVELS.searchsorted(level - 1e-6))]
                    counts[level].append(_turned_over(actor, pose, own, turned[own], anybody))
    every = [one for each in ranks.values() for one in each]
    return {
        "rank": {"worst": min(every), "mean": float(np.mean(every)), "bar": RANK_BAR},
        "rank_by_expression": {name: min(each) for name, each in ranks.items()},
        "levels": [round(float(level), 2) for level in LEVELS],
        "mean_mm": np.mean(means, axis=0).tolist(),
        "largest_fall": max(falls),
        "flipped": {f"{level:g}": _mean_counts(each) for level, each in counts.items()},
        "people": len(chosen),
    }


def _sweep(actor: Actor, expression: str, subject: int) -> NDArray[np.float32]:
    poses = []
    for level in LEVELS:
        labels, middle = one_cue(expression, float(level), actor.corpus.frame_rate)
        poses.append(actor.perform_labels(labels, subject, frames=[middle])[0])
    return np.stack(poses)


def _rank(sizes: NDArray[np.float64]) -> float:
    if np.ptp(sizes) == 0:
        return 0.0  # a face that never moves follows nothing
    return float(spearmanr(LEVELS, sizes).statistic)


def _ever_flipped(actor: Actor, index: int) -> NDArray[np.bool_]:
    """(F,) triangles that turn over in some frame of a true sequence."""
    corpus = actor.corpus
    neutral = corpus.neutrals[corpus.sequences[index].subject]
    return flipped(neutral, corpus.deformation(index), corpus.template.triangles).any(axis=0)


def _turned_over(
    actor: Actor, pose: NDArray[np.float32], own: int, mine: NDArray[np.bool_], anybody: NDArray[np.bool_]
) -> dict[str, int]:
    """Counts of a generated pose's triangles, against the true sequence `own` of the same person.

    Args:
        actor: whose pose it is.
        pose: (V, 3) mm.
        own: index of the sequence.
        mine: (F,) triangles that turn over in it.
        anybody: (F,) those that turn over in anybody's of the expression.
    """
    corpus, triangles = actor.corpus, actor.corpus.template.triangles
    neutral, truth = corpus.neutrals[corpus.sequences[own].subject], corpus.deformation(own)
    apex = truth[apex_frames(corpus.labels(own))]
    apex = apex[len(apex) // 2]
    factor = float(mean_deformation(pose[None])[0] / max(mean_deformation(apex[None])[0], 1e-9))
    here, scaled = flipped(neutral, np.stack([pose, factor * apex]), triangles)
    return {
        "all": int(here.sum()), "beyond_own": int((here & ~mine).sum()), "beyond_any": int((here & ~anybody).sum()),
        "beyond_scaled": int((here & ~scaled & ~mine).sum()), "scaled_truth": int(scaled.sum()),
    }  # fmt: skip


def _mean_counts(counts: list[dict[str, int]]) -> dict[str, float]:
    return {name: float(np.mean([one[name] for one in counts])) for name in counts[0]} if counts else {}
