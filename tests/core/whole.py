"""A bundle whose head has two more balls for eyes, as a template of skin alone would need them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from core.followers import Followers
from core.photo.whole import PARTS, Remainder
from core.template import Layout

MOVED = 5
"""Of the balls' vertices, the first so many follow the chin."""

_CORNERS = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], float)
_SIDES = np.array([[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]])


def with_balls(bundle):
    """The bundle, with a kit that knows more of the head than its template has."""
    template, count = bundle.template, bundle.template.vertex_count
    middles = np.array([[32.0, 0, -5], [-32.0, 0, -5]])
    vertices = np.concatenate([_CORNERS * 9 + middle for middle in middles])
    polygons = np.concatenate([_SIDES, _SIDES + len(_CORNERS)]) + count
    part = np.full(len(polygons), PARTS.index("eyes"))
    part[[5, 11]] = PARTS.index("iris")  # those that look forward
    modes = np.zeros((len(bundle.modes), *vertices.shape))
    modes[:, :, 1] = np.linspace(0.1, 0.5, len(modes))[:, None]
    rest = Remainder(
        vertices.astype(np.float32),
        modes.astype(np.float16),
        polygons.astype(np.int32),
        part.astype(np.int32),
        np.full((len(polygons), 4, 2), 0.5, np.float32),
    )
    chin = template.landmarks["chin"]
    fields = np.zeros((1, MOVED, 3))
    fields[..., 1] = 1.0
    reading = np.array([[0.0, 1.0, 0.0]])
    follow = Followers(count + np.arange(MOVED, dtype=np.int32), np.array([chin], np.int32), reading, fields)
    layout = Layout("head with balls", count + len(vertices), np.arange(count, dtype=np.int32), follow)
    return replace(
        bundle,
        template=replace(template, layouts=(*template.layouts, layout)),
        photo=replace(bundle.photo, whole=rest),
    )
