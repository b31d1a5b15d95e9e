"""How well a template's motion arrives on a head that moves by itself."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from core.steps import waited
from core.wrapping.bind import bind
from core.wrapping.landmarks import GUIDE
from core.wrapping.meshes import face_normals
from core.wrapping.wrap import wrap

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from core.template import Template
    from core.wrapping.surface import TreeSurface

    from .heads import TestHead

CLICK_MM = 1.0
"""Standard deviation of each coordinate of a landmark: nobody clicks exactly."""


@dataclass(frozen=True)
class Score:
    """One head.

    Attributes:
        seconds: wrap and binding.
        distance_percent: mean distance of the surfaces, percent of the head's height.
        place_mm: how far the template's vertices lie from where they truly belong; None where nobody knows.
        actions: action -> cosine, relative_rms, mm (mean where the true motion is above half a millimetre), and
            flipped (triangles that turn over at full strength, and do not in the true motion).
        folded: triangles of the wrapped template that are turned over and are not in the true one.
    """

    seconds: float
    distance_percent: float
    place_mm: float | None
    actions: dict[str, dict[str, float]]
    folded: int


def score(
    template: Template,
    modes: NDArray[np.floating[Any]],
    motion: Mapping[str, NDArray[np.float64]],
    head: TestHead,
    *,
    surface_of: Callable[..., TreeSurface],
    seed: int,
) -> Score:
    """Wraps a template onto a head by the guide's landmarks, off by `CLICK_MM`, and compares motion with motion."""
    rng = np.random.default_rng(seed)
    clicks = {
        one.name: head.landmarks[one.name] + rng.normal(0, CLICK_MM, 3) for one in GUIDE if one.name in head.landmarks
    }
    begun = time.perf_counter()
    steps = wrap(template, head.vertices, head.triangles, clicks, surface_of, modes=modes)
    wrapped = waited(steps)
    binding = bind(template, wrapped, head.vertices, head.triangles, surface_of)
    seconds = time.perf_counter() - begun
    actions = {}
    for name, field in motion.items():
        got = np.zeros_like(head.vertices)
        got[binding.moving] = binding.on_object(field[None].astype(np.float32))[0] @ wrapped.to_local.T
        actions[name] = _compare(head, got, head.motion[name])
    known = head.true_place is not None and len(head.true_place) == len(wrapped.positions)
    folded = set(wrapped.quality.flipped.tolist())
    place = None
    if known:
        assert head.true_place is not None
        place = float(np.linalg.norm(wrapped.positions - head.true_place, axis=1).mean())
        folded -= set(_turned(template.vertices, head.true_place, template.triangles).tolist())
    return Score(seconds, wrapped.quality.percent_of_height, place, actions, len(folded))


def _compare(head: TestHead, got: NDArray[np.float64], true: NDArray[np.float64]) -> dict[str, float]:
    here, there = got[head.counted], true[head.counted]
    moving = np.linalg.norm(there, axis=1) > 0.5
    turned = set(_turned(head.vertices, head.vertices + got, head.triangles).tolist())
    truly = set(_turned(head.vertices, head.vertices + true, head.triangles).tolist())
    return {
        "cosine": float((here * there).sum() / np.sqrt((here**2).sum() * (there**2).sum())),
        "relative_rms": float(np.sqrt(((here - there) ** 2).sum() / (there**2).sum())),
        "mm": float(np.linalg.norm(here - there, axis=1)[moving].mean()),
        "flipped": float(len(turned - truly)),
    }


def _turned(
    before: NDArray[np.floating[Any]], after: NDArray[np.floating[Any]], triangles: NDArray[np.integer[Any]]
) -> NDArray[np.intp]:
    normals = [face_normals(np.asarray(points, np.float64), triangles) for points in (before, after)]
    return np.flatnonzero((normals[0] * normals[1]).sum(axis=1) < 0)
