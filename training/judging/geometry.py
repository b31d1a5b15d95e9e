"""Clean geometry: lips that cross, lids inside eyeballs, teeth that bend; of generated and of true motion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.motion import EXPRESSIONS

from .acting import of_kind, unseen_people
from .demands import one_cue
from .lids import Lids
from .lips import Lips
from .pieces import Pieces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from .acting import Actor

    Motion = NDArray[np.float32]
    Performances = Callable[[], Iterable[tuple[int, Motion]]]

LID_BAR = 0.3


def geometry(actor: Actor, facekit: Path | None = None, people: int = 12) -> dict[str, Any]:
    """Lips, lids and rigid pieces of the test people.

    The sources: "true" and "generated" are the single performances with their labels, "full" is every expression at
    strength 1 with rest before and behind. Where the network varies, "takes" are the single performances again, each
    person with a seed of their own.

    Args:
        actor: who performs.
        facekit: ICT-FaceKit, for the eyeballs that ICT's skin lacks; None to leave them out.
        people: so many of the test people.
    """
    corpus, chosen = actor.corpus, unseen_people(actor.corpus, people)
    indices = [index for index in of_kind(corpus, "test") if corpus.sequences[index].subject in chosen]

    def true() -> Iterable[tuple[int, Motion]]:
        return ((corpus.sequences[index].subject, corpus.deformation(index)) for index in indices)

    def generated() -> Iterable[tuple[int, Motion]]:
        return ((corpus.sequences[index].subject, actor.perform(index)) for index in indices)

    def full() -> Iterable[tuple[int, Motion]]:
        for subject in chosen:
            for expression in EXPRESSIONS:
                labels, _ = one_cue(expression, 1.0, corpus.frame_rate)
                yield subject, actor.perform_labels(labels, subject)

    def takes() -> Iterable[tuple[int, Motion]]:
        of = ((index, corpus.sequences[index].subject) for index in indices)
        return ((subject, actor.perform(index, seed=subject)) for index, subject in of)

    sources: dict[str, Performances] = {"true": true, "generated": generated, "full": full}
    if actor.varies:
        sources["takes"] = takes
    possible = {"lips": Lips.of(corpus), "lids": Lids.of(corpus, facekit), "pieces": Pieces.of(corpus)}
    checks = {name: check for name, check in possible.items() if check is not None}
    found: dict[str, Any] = {name: {} if name in checks else None for name in possible}
    for source, performances in sources.items():
        for name, result in _looked(checks, performances()).items():
            found[name][source] = result
    return {**found, "people": len(chosen), "lid_bar": LID_BAR}


def _looked(checks: Mapping[str, Lips | Lids | Pieces], performances: Iterable[tuple[int, Motion]]) -> dict[str, Any]:
    for check in checks.values():
        check.clear()
    for subject, motion in performances:
        for check in checks.values():
            check.look(subject, motion)
    return {name: check.result() for name, check in checks.items()}
