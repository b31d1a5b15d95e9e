"""A face from photos in the scene: mesh, texture, and where it comes from; all of it or nothing."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

import bpy

from ..engine import MienError
from ..sample_face import make_mesh, show
from . import material

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..engine import Head, Texture

ABOUT = "mien_photo"
"""The mesh' property that tells where it comes from, as JSON: names of photos, generator, strengths of its modes."""

_KINDS = ("objects", "meshes", "materials", "images", "node_groups", "textures")


def add(name: str, head: Head, texture: Texture | None, about: Mapping[str, Any]) -> bpy.types.Object:
    """Adds a face at the 3D cursor, in metres, selects it and picks it as the scene's face.

    Args:
        name: of the object, its mesh and its texture.
        head: the person's.
        texture: None for plain materials.
        about: where it comes from, kept in the mesh.

    Raises:
        MienError: Blender is not in Object Mode.
    """
    context = bpy.context
    if context.mode != "OBJECT":
        raise MienError("A face can be added in Object Mode only.", "Go back to Object Mode, and try again.")
    with _all_or_nothing(context):
        mesh = make_mesh(name, head.template, head.fitted.neutral)
        if texture is not None:
            material.dress(mesh, head.template, head.uv, texture, name)
        mesh[ABOUT] = json.dumps(about)
        face = bpy.data.objects.new(name, mesh)
        show(face, context)
    return face


@contextlib.contextmanager
def _all_or_nothing(context: bpy.types.Context) -> Iterator[None]:
    """What was made inside goes again where something fails; where nothing does, what has no use goes."""
    before = {kind: set(getattr(bpy.data, kind)) for kind in _KINDS}
    picked, active = context.scene.mien.face, context.view_layer.objects.active
    selected = list(context.view_layer.objects.selected)
    try:
        yield
    except BaseException:
        _remove_new(before, unused=False)
        context.scene.mien.face = picked
        for one in selected:
            one.select_set(True)
        context.view_layer.objects.active = active
        raise
    _remove_new(before, unused=True)


def _remove_new(before: Mapping[str, set[Any]], *, unused: bool) -> None:
    for kind, known in before.items():
        for one in [one for one in getattr(bpy.data, kind) if one not in known and not (unused and one.users)]:
            getattr(bpy.data, kind).remove(one)
