"""What is said of a mesh whose number of vertices belongs to no face that Mien knows, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .engine import Template

PACKS = {26_719: "ICT-FaceKit head", 14_062: "ICT-FaceKit skin", 9_409: "ICT-FaceKit face"}
"""Numbers of vertices that belong to a model pack of ours, for whom it is not installed."""

WRAP_IT = "Wrap it: place its landmarks in the panel Wrap, and it performs in its own topology."
"""The remedy for a head that no generator knows."""

_NEAR = 20
"""A mesh is taken for a known one that was changed where one vertex in so many is more or fewer."""


def unknown_count(name: str, count: int, templates: Sequence[Template]) -> tuple[str, str]:
    """Sentence and remedy for a mesh of a number of vertices that no template has.

    Args:
        name: of the object.
        count: its vertices.
        templates: all that are looked for, at least one.
    """
    layouts = [layout for template in templates for layout in template.all_layouts()]
    nearest = min(layouts, key=lambda layout: abs(layout.vertex_count - count))
    away = count - nearest.vertex_count
    if count in PACKS:
        return (
            f"{name} has the {count:,} vertices of an {PACKS[count]}, which needs a model pack.",
            "Install the ICT model pack in Mien's preferences, and leave Only Bundle there empty.",
        )
    if count in [len(one.vertices) + len(one.edges) + len(one.polygons) for one in templates]:
        return (
            f"{name} has {count:,} vertices: it is a face that was subdivided.",
            "Take the mesh from before the Subdivision was applied; as a modifier it may stay.",
        )
    if abs(away) <= nearest.vertex_count // _NEAR:
        more = f"{abs(away):,} {'more' if away > 0 else 'fewer'} than {nearest.name}"
        return (
            f"{name} has {count:,} vertices, {more}.",
            "Take the mesh from before vertices were added, merged or deleted, or wrap it as it is.",
        )
    known = ", ".join(f"{layout.vertex_count:,}" for layout in layouts)
    return f"{name} has {count:,} vertices; Mien knows faces of {known}.", WRAP_IT
