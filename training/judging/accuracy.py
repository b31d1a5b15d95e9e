"""Section 5.2: how far generated faces lie from those of people the network never saw."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np

from core.metrics import error_per_frame
from core.motion import EXPRESSIONS

from .acting import apex_frames, of_kind, unseen_people

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .acting import Actor

KINDS = ("single", "transition", "blend")

Errors = dict[str, list[Any]]
"""By expression, the (T,) errors in mm of each sequence."""


def measure(actor: Actor, kind: str = "single") -> tuple[Errors, Errors, Errors]:
    """Errors of the test sequences of one kind: of all frames, of the apex alone, and of a face that never moves.

    A sequence of two expressions counts as one of its first; its apex is where either is at its highest.
    """
    corpus = actor.corpus
    errors: Errors = defaultdict(list)
    at_apex: Errors = defaultdict(list)
    still: Errors = defaultdict(list)
    for index in of_kind(corpus, "test", kind):
        truth, expression = corpus.deformation(index), corpus.sequences[index].expression
        frames = error_per_frame(actor.perform(index), truth)
        errors[expression].append(frames)
        at_apex[expression].append(frames[apex_frames(corpus.labels(index))])
        still[expression].append(error_per_frame(np.zeros_like(truth), truth))
    return errors, at_apex, still


def swapped(actor: Actor) -> float | None:
    """Error of single performances in mm when everybody is given the next person's face; None where faces say nothing.

    How much worse it is than with their own is what the face tells.
    """
    if actor.steered is None:
        return None
    corpus, people = actor.corpus, unseen_people(actor.corpus)
    if len(people) < 2:
        return None
    following = dict(zip(people, [*people[1:], people[0]], strict=True))
    errors = []
    for index in of_kind(corpus, "test"):
        other = following[corpus.sequences[index].subject]
        generated = actor.perform_labels(actor.read(index), other)
        errors.append(error_per_frame(generated, corpus.deformation(index)))
    return float(np.concatenate(errors).mean())


def means(errors: Mapping[str, list[Any]]) -> dict[str, float]:
    """Mean over all frames, by expression and as "total"."""
    found = {name: float(np.concatenate(errors[name]).mean()) for name in EXPRESSIONS if errors.get(name)}
    return found | {"total": float(np.concatenate([one for each in errors.values() for one in each]).mean())}


def by_kind(actor: Actor) -> dict[str, Any]:
    """The totals for each kind of sequence the corpus has: error_mm, apex_error_mm, still_face_mm, sequences."""
    found = {}
    for kind in KINDS[1:]:
        errors, at_apex, still = measure(actor, kind)
        if errors:
            found[kind] = {
                "error_mm": means(errors)["total"], "apex_error_mm": means(at_apex)["total"],
                "still_face_mm": means(still)["total"], "sequences": sum(len(each) for each in errors.values()),
            }  # fmt: skip
    return found
