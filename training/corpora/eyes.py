"""The eyes of a corpus' template, as they ship: what keeps the lids of a performance outside (see `core.lids`).

ICT's skin has no eyeballs, but its people have: where theirs lie follows from the face around the eye. In the kit's 100
modes both change together, and by the conditional mean of normal numbers (with s the modes' strengths, x = X s + noise
what is seen of the face, y = Y s what the eyeball does) y = Y X^T (X X^T + noise^2 I)^-1 x.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from core.lids import Eye, Lids, fit_sphere
from core.wrapping.spline import similarity

from .facekit import SKIN, read_facekit
from .ict import ict_cast, stage_vertices
from .makehuman import head_stage

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from .cast import Stage

_AROUND = 60.0  # mm about the lids
_PROBES = 400
_NOISE = 0.3  # mm, by which a wrapped face is off


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
        kit = read_facekit(facekit)
        return _shipped(ict_cast(kit, "skin").stage, SKIN, kit.identity[:, stage_vertices(kit)].astype(np.float64))
    return None


def _shipped(stage: Stage, count: int, modes: NDArray[np.float64] | None = None) -> Lids:
    """Of a stage whose first so many vertices are the template's; modes (M, V, 3) mm of people, for eyes it lacks."""
    face, eyes = stage.push.generic, []
    for eye in stage.lids.eyes:
        centre, radius = fit_sphere(face[eye.ball])
        lid, followers = eye.lid[eye.lid < count], eye.followers < count
        place = np.full(len(face), -1)
        place[lid] = np.arange(len(lid))
        leader = place[eye.lid[eye.leader[followers]]]
        ball = eye.ball if (eye.ball < count).all() else eye.ball[:0]
        known = leader >= 0
        found = Eye(
            sphere=np.array([*centre, radius], np.float32),
            ball=ball.astype(np.int32),
            lid=lid.astype(np.int32),
            followers=eye.followers[followers][known].astype(np.int32),
            leader=leader[known].astype(np.int32),
        )
        if modes is not None and not len(ball):
            around = np.linalg.norm(face[:count] - face[lid].mean(axis=0), axis=1) < _AROUND
            probes = np.flatnonzero(around & stage.push.skin[:count])
            probes = probes[:: max(1, len(probes) // _PROBES)]
            found = replace(found, probes=probes.astype(np.int32), reading=_reading(face, eye.ball, probes, modes))
        eyes.append(found)
    return Lids(tuple(eyes))


def _reading(
    face: NDArray[np.float64], ball: NDArray[np.int64], probes: NDArray[np.int64], modes: NDArray[np.float64]
) -> NDArray[np.float32]:
    """(4, k, 3) by what an eyeball's centre and radius change for each mm of a probe; faces are laid by those."""
    home, ball_home = face[probes], face[ball]
    seen, told = [], []
    for mode in modes:
        both = []
        for sign in (1.0, -1.0):
            laid = similarity(home + sign * mode[probes], home)
            centre, radius = fit_sphere(laid.apply(ball_home + sign * mode[ball]))
            both.append((laid.apply(home + sign * mode[probes]), np.array([*centre, radius])))
        seen.append((both[0][0] - both[1][0]).ravel() / 2)
        told.append((both[0][1] - both[1][1]) / 2)
    known, eye = np.stack(seen), np.stack(told)  # X^T and Y^T
    found = eye.T @ np.linalg.solve(known @ known.T + _NOISE**2 * np.eye(len(known)), known)
    return found.reshape(4, -1, 3).astype(np.float32)
