# ruff: noqa: T201 - commands speak on standard output
"""`python -m training.judging.bound`: how near anybody could come to the test sequences of a corpus of our recipe.

Who knows the recipe knows how people with a face like this perform a cue like this: the mean of many of them, drawn
anew, each counting by how well it fits the label, is the best answer that there is to labels, or to labels and a face.
What is left is chance: the person's own manner, the occasion, and the noise of tracking. (It is a mean of actions, not
of what lids make of them, so a hair above the least there can be.)
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - tyro reads the annotations
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import tyro

from core.errors import CorpusError
from core.metrics import error_per_frame
from training.corpora.cast import Actor
from training.corpora.facekit import read_facekit
from training.corpora.ict import ict_cast
from training.corpora.makehuman import makehuman_cast
from training.corpora.manner import Habits, draw_style
from training.corpora.recipe import KEEP_EVERY, draw_apex, limited, move
from training.corpora.store import open_corpus
from training.steered import is_told, sizes_by_expression

from .acting import apex_frames, of_kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from core.motion import Cue
    from training.corpora.anatomy import Face
    from training.corpora.cast import Cast
    from training.corpora.recipe import Performance
    from training.corpora.store import Corpus

LABELS, FACES, ITSELF = "labels alone", "labels and the face", "the performance itself"
_ALIKE = 0.05  # deviation of the logarithm of the mean deformation within which a draw fits a label
_EVERY = 23  # vertices by which a draw's mean deformation is told
_FEWEST = 3
_LOWEST = 0.9  # deviations below the mean of which eq. 6, limited to 0.05, says the same


@dataclass(frozen=True)
class Bound:
    """Simulates people who perform the cues of the test sequences, and asks how far the truth is from their mean."""

    corpus: Annotated[Path, tyro.conf.Positional]
    """Folder of a corpus of ours, of recipe 2."""
    draws: int = 300
    """People for each test sequence."""
    people: int = 0
    """At most so many of the test subjects; 0 for all."""
    facekit: Path | None = None
    """ICT-FaceKit, for a corpus of its heads."""
    seed: int = 0
    """Of the draws."""
    json: Path | None = None
    """File for the figures."""


def run(config: Bound) -> dict[str, dict[str, float]]:
    """Prints, and returns, error_mm and apex_error_mm for who knows labels, labels and face, or the performance.

    Raises:
        CorpusError: not a corpus of this recipe, or numbers that make no sense.
    """
    if config.draws < _FEWEST or config.people < 0:
        raise CorpusError("A bound wants at least 3 draws, and no negative number of people.")
    corpus = open_corpus(config.corpus, verify=False)
    recipe = dict(corpus.header.get("recipe") or {})
    if recipe.pop("number", None) != 2:
        raise CorpusError(f"The corpus {config.corpus} was not made by recipe 2.", "Make one: training corpus.")
    cast, rng = _cast_of(corpus, config.facekit), np.random.default_rng(config.seed)
    sizes = sizes_by_expression(corpus)
    edges = {
        name: (float(np.mean(one) - _LOWEST * np.std(one)), float(np.mean(one) + np.std(one)))
        for name, one in sizes.items()
        if one
    }
    lacking = {corpus.sequences[index].expression for index in of_kind(corpus, "test")} - edges.keys()
    if lacking:
        raise CorpusError(f"Nobody to learn from performs {', '.join(sorted(lacking))}.", "Make a larger corpus.")
    plain = cast.shown(cast.stage.fields).astype(np.float32)
    found: dict[str, list[tuple[NDArray[Any], NDArray[Any]]]] = defaultdict(list)
    for actor, index, one in _performances(corpus, cast, Habits(**recipe), config.people):
        truth, top = corpus.deformation(index), apex_frames(corpus.labels(index))
        fields = cast.shown(actor.fields).astype(np.float32)
        known = {ITSELF: (one.weights[::KEEP_EVERY], fields)}
        face = cast.stage.anatomy(actor.neutral)
        # Who knows no face knows the actions on the generic one.
        for name, seen, own in ((LABELS, None, plain), (FACES, face, fields)):
            drawn = _drawn(one.cue, actor.habits, seen, config.draws, rng)
            extremeness = corpus.sequences[index].extremeness
            mean = _mean(drawn, one, own, truth, extremeness=extremeness, edges=edges[one.cue.expression])
            known[name] = (mean, own)
        for name, (weights, own) in known.items():
            errors = error_per_frame(np.tensordot(weights.astype(np.float32), own, axes=1), truth)
            found[name].append((errors, errors[top]))
    result = {
        name: {
            "error_mm": float(np.concatenate([errors for errors, _ in each]).mean()),
            "apex_error_mm": float(np.concatenate([errors for _, errors in each]).mean()),
        }
        for name, each in found.items()
    }
    for name, figures in result.items():
        print(f"{name:24}{figures['error_mm']:8.4f} mm, apex {figures['apex_error_mm']:.4f}")
    if config.json is not None:
        config.json.write_text(json.dumps({"corpus": config.corpus.name, "draws": config.draws, **result}, indent=1))
    return result


def _cast_of(corpus: Corpus, facekit: Path | None) -> Cast:
    name = str(corpus.header["name"])
    if name == "makehuman":
        return makehuman_cast()
    if facekit is None or name not in ("ict_skin", "ict_paper"):
        raise CorpusError(f"Nobody knows how the people of {name} move.", "Give --facekit for a corpus of ICT's heads.")
    return ict_cast(read_facekit(facekit), "skin" if name == "ict_skin" else "paper")


def _performances(corpus: Corpus, cast: Cast, habits: Habits, people: int) -> Iterator[tuple[Actor, int, Performance]]:
    """Each single performance of test subjects: who, the sequence's number, and what the recipe drew for it."""
    seed, subjects = int(corpus.header["seed"]), sorted({corpus.sequences[one].subject for one in corpus.split("test")})
    singles = of_kind(corpus, "test")
    for number in subjects[: people or None]:
        actor = Actor.on(cast.stage, seed, number, cast.neutral(seed, number), habits)
        drawn = {one.cue.expression: one for one in reversed(actor.performances()) if one.kind == "single"}
        for index in singles:
            if corpus.sequences[index].subject == number:
                yield actor, index, drawn[corpus.sequences[index].expression]


def _drawn(cue: Cue, habits: Habits, face: Face | None, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """(n, T, U) weights of so many people's performances of a cue."""
    people = [draw_style(rng, habits, face) for _ in range(count)]
    return np.stack([move(limited(draw_apex(cue.expression, one, rng)), cue, one, rng)[::KEEP_EVERY] for one in people])


def _mean(
    drawn: NDArray[np.float64],
    one: Performance,
    fields: NDArray[np.float32],
    truth: NDArray[np.float32],
    *,
    extremeness: float,
    edges: tuple[float, float],
) -> NDArray[np.float64]:
    """(T, U) mean of the draws, each as it fits the label; eq. 6 tells no more of the strongest than that they are."""
    few = fields[:, ::_EVERY]

    def size(weights: NDArray[np.float64]) -> float:
        return float(np.linalg.norm(np.tensordot(weights, few, axes=1), axis=-1).mean())

    # What a draw would measure on the whole face, its noise included, by what the true one does.
    own = size(one.weights[::KEEP_EVERY])
    sizes = np.array([size(each) for each in drawn])
    measured = sizes * float(np.linalg.norm(truth, axis=-1).mean()) / own
    if is_told(extremeness):
        fits = np.exp(-0.5 * (np.log(sizes / own) / _ALIKE) ** 2)
        drawn = drawn * (own / sizes)[:, None, None]
    else:
        fits = (measured >= edges[1] if extremeness >= 1 else measured <= edges[0]).astype(float)
    if fits.sum() < _FEWEST:
        fits = 1 / (1 + (np.log(sizes / own) / _ALIKE) ** 2)
    return np.tensordot(fits / fits.sum(), drawn, axes=1)


if __name__ == "__main__":
    run(tyro.cli(Bound, description=Bound.__doc__))
