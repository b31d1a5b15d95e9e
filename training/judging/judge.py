"""All that is asked of a run beyond the paper's tables, measured on its corpus' test people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .accuracy import by_kind, swapped
from .demands import intensity, rest
from .geometry import geometry
from .takes import takes
from .transitions import transitions

if TYPE_CHECKING:
    from pathlib import Path

    from core.learning.classifier import SequenceClassifier

    from .acting import Actor


def judge(
    actor: Actor, classifier: SequenceClassifier | None, facekit: Path | None, *, quick: bool = False
) -> dict[str, Any]:
    """What evaluation.json has under "beyond".

    kinds (see `accuracy.by_kind`), swapped_error_mm (see `accuracy.swapped`) and rest; and unless quick, intensity,
    takes, transitions and geometry. What a corpus or a network cannot show is None.

    Args:
        actor: the run.
        classifier: of true sequences; None where takes and transitions are not asked for.
        facekit: see `geometry.geometry`.
        quick: only errors and rest.
    """
    found: dict[str, Any] = {"kinds": by_kind(actor), "swapped_error_mm": swapped(actor), "rest": rest(actor)}
    if quick or classifier is None:
        return found
    return found | {
        "intensity": intensity(actor), "takes": takes(actor, classifier),
        "transitions": transitions(actor, classifier), "geometry": geometry(actor, facekit),
    }  # fmt: skip
