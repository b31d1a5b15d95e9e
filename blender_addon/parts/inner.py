"""Pieces of a wrapped face's own mesh that are no skin: eyes, teeth and lashes in one mesh with the head."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..engine import MienError, merge
from . import keeping

if TYPE_CHECKING:
    import bpy

    from ..engine import Binding


def with_inner(face: bpy.types.Object, binding: Binding, template: str) -> Any:
    """How a wrapped face moves, the pieces of its own mesh included.

    Pieces whose binding is damaged, or of another template or mesh, move as the wrap says.

    Args:
        face: whose list of parts it is.
        binding: the wrap's.
        template: `content_hash` of its template.

    Returns:
        The binding itself where there are no such pieces, else what stands wherever a binding stands.
    """
    movers = []
    for entry in face.mien_parts.parts if hasattr(face, "mien_parts") else ():
        if not entry.inner or not entry.on or entry.template != template:
            continue
        try:
            mover = keeping.kept(entry)
        except MienError:
            continue
        if mover is not None and mover.vertex_count == binding.vertex_count:
            movers.append(mover)
    return merge(binding, movers) if movers else binding
