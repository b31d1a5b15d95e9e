"""The eyes of a corpus' template, as they ship: what keeps the lids of a performance outside (see `core.lids`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from core.lids import Eye, Lids, fit_sphere

from .facekit import SKIN, read_facekit
from .ict import ict_cast
from .makehuman import head_stage

if TYPE_CHECKING:
    from pathlib import Path

    from .cast import Stage


def lids_of(name: str, facekit: Path | None = None) -> Lids | None:
    """The eyes of the template of a corpus.

    Args:
        name: of the corpus.
        facekit: a clone of ICT-FaceKit or its packed file; ICT's skin has no eyeballs of its own, and gets no eyes
            without.

    Returns:
        None for a template whose eyes nobody knows.
    """
    if name == "makehuman":
        stage = head_stage()
        return _shipped(stage, stage.push.template.vertex_count)
    if name == "ict_skin" and facekit is not None:
        return _shipped(ict_cast(read_facekit(facekit), "skin").stage, SKIN)
    return None


def _shipped(stage: Stage, count: int) -> Lids:
    """Of a stage whose first so many vertices are the template's."""
    face, eyes = stage.push.generic, []
    for eye in stage.lids.eyes:
        centre, radius = fit_sphere(face[eye.ball])
        lid, followers = eye.lid[eye.lid < count], eye.followers < count
        place = np.full(len(face), -1)
        place[lid] = np.arange(len(lid))
        leader = place[eye.lid[eye.leader[followers]]]
        ball = eye.ball if (eye.ball < count).all() else eye.ball[:0]
        known = leader >= 0
        indices = (ball, lid, eye.followers[followers][known], leader[known])
        eyes.append(Eye(np.array([*centre, radius], np.float32), *(one.astype(np.int32) for one in indices)))
    return Lids(tuple(eyes))
