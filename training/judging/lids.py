"""Lids inside eyeballs: how deep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from core.template import EYEBALL_PARTS
from training.corpora.eyelids import Eyelids
from training.corpora.facekit import SKIN, read_facekit
from training.corpora.ict import ict_cast
from training.corpora.pushforward import PushForward

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from training.corpora.store import Corpus

    Points = NDArray[np.floating[Any]]

_SAME = 0.05  # mm; a person's neutral made again from the seed is the corpus' own


class Lids:
    """Looks at how far the lids are above the eyeballs.

    Args:
        corpus: whose faces are looked at.
        eyelids: knows lids and eyeballs on the faces that `stage` gives.
        stage: (subject, (V, 3) face) -> the face with its eyeballs.
    """

    def __init__(self, corpus: Corpus, eyelids: Eyelids, stage: Callable[[int, Points], Points]) -> None:
        self.corpus, self.eyelids, self._stage = corpus, eyelids, stage
        self._deepest: list[float] = []
        self._beyond: list[float] = []

    @classmethod
    def of(cls, corpus: Corpus, facekit: Path | None) -> Lids | None:
        """None where there are no eyeballs: neither in the template nor in a FaceKit that the people come from."""
        if not set(EYEBALL_PARTS).isdisjoint(corpus.template.parts):
            push = PushForward(corpus.template, corpus.template.vertices)
            return cls(corpus, Eyelids(push), lambda _, face: face)
        if corpus.template.name != "ict_skin" or facekit is None or not facekit.exists():
            return None
        cast, seed = ict_cast(read_facekit(facekit), "skin"), int(corpus.header["seed"])
        people: dict[int, Points] = {}

        def stage(subject: int, face: Points) -> Points:
            if subject not in people:
                number = int(corpus.subject_names[subject].removeprefix(cast.prefix))
                people[subject] = np.asarray(cast.stage.neutral(seed, number))[SKIN:]
            return np.concatenate([face, people[subject]])

        first = corpus.subject_names[0].removeprefix(cast.prefix)
        same = first.isdigit() and _near(cast.stage.neutral(seed, int(first))[:SKIN], corpus.neutrals[0])
        return cls(corpus, cast.stage.lids, stage) if same else None  # of other people the eyeballs are not known

    def clear(self) -> None:
        """Forget what was seen."""
        self._deepest, self._beyond = [], []

    def look(self, subject: int, motion: Points) -> None:
        """At a performance, (T, V, 3) mm."""
        neutral = np.asarray(self.corpus.neutrals[subject], np.float64)
        rest = self._depth(subject, neutral)
        deepest = [self._depth(subject, neutral + frame) for frame in motion]
        self._deepest.append(max(float(one.max(initial=0)) for one in deepest))
        self._beyond.append(max(float((one - rest).max(initial=0)) for one in deepest))

    def _depth(self, subject: int, face: Points) -> NDArray[np.float64]:
        heights = self.eyelids.heights(self._stage(subject, face))
        return np.maximum(-np.concatenate(heights), 0) if heights else np.zeros(0)

    def result(self) -> dict[str, float]:
        """Of the deepest place of each performance, mm: worst and mean, and the worst beyond what rest has."""
        mean = float(np.mean(self._deepest))
        return {"worst_mm": max(self._deepest), "mean_mm": mean, "beyond_rest_mm": max(self._beyond)}


def _near(one: Points, other: Points) -> bool:
    return bool(np.abs(one - other).max() < _SAME)
