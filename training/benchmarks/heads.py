"""A face of any number of vertices: a template subdivided, and cropped round the nose."""

from __future__ import annotations

import numpy as np

from core.template import Template
from training.corpora.paper_face import PAPER_VERTICES, crop_round_nose, reachable, subdivision

_MOST = 6
"""Times that a template is subdivided at most."""


def face_of(template: Template, count: int = PAPER_VERTICES) -> Template:
    """A face of exactly `count` vertices.

    Every triangle is cut in four until there are enough vertices; those farther from the nose, along the edges, are
    cut off.

    Args:
        template: with the landmark "nose_tip", or the vertex farthest forward is taken for it.
        count: vertices wanted.

    Returns:
        A template of triangles with the landmark "nose_tip".

    Raises:
        TemplateError: no whole number of triangles leaves so many vertices.
    """
    points, triangles = np.asarray(template.vertices, np.float64), np.asarray(template.triangles, np.int64)
    tip = template.landmarks.get("nose_tip", int(points[:, 2].argmax()))
    for _ in range(_MOST):
        if reachable(tip, points, triangles) > count:
            break
        weights, triangles = subdivision(triangles, len(points))
        points = weights @ points
    kept, corners = crop_round_nose(points, triangles, tip, count)
    polygons = np.column_stack([corners, np.full(len(corners), -1)]).astype(np.int32)
    nose = {"nose_tip": int(np.searchsorted(kept, tip))}
    return Template(f"{template.name}_{count}", points[kept].astype(np.float32), polygons, nose)


__all__ = ["PAPER_VERTICES", "face_of"]
