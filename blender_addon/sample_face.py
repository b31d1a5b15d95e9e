"""Add > Mesh > Mien Face: a neutral face in one click, so that a newcomer has something to bake."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import bpy
import numpy as np
from bpy.props import EnumProperty  # noqa: TC002 - Blender evaluates the annotations
from mathutils import Euler

from . import engine
from .engine import ABSENT, MienError
from .materials import new_material, set_look
from .operator_base import MienOperator
from .preferences import choice

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .engine import Template

METRES_PER_MM = 0.001
_THREE_QUARTERS = Euler((math.radians(83), 0.0, math.radians(22))).to_quaternion()
"""Where a portrait is taken from: a little to the side, a little from above."""

TO_BLENDER = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]], np.float32)
"""The template's axes (y up, z forward) in Blender's: z up, looking to -Y as the front view expects."""

LOOKS = {
    "skin": ((0.80, 0.54, 0.44), 0.5),
    "brows": ((0.20, 0.12, 0.08), 0.7),
    "lips": ((0.66, 0.30, 0.28), 0.35),
    "mouth": ((0.40, 0.12, 0.12), 0.4),
    "eyes": ((0.90, 0.88, 0.86), 0.1),
    "iris": ((0.16, 0.28, 0.36), 0.1),
    "pupil": ((0.01, 0.01, 0.01), 0.1),
    "teeth": ((0.88, 0.84, 0.74), 0.2),
    "tongue": ((0.62, 0.24, 0.26), 0.4),
    "lashes": ((0.04, 0.03, 0.03), 0.6),
    "lash sheets": ((0.04, 0.03, 0.03), 0.6),
    "tears": ((1.0, 1.0, 1.0), 0.1),
}
"""Linear colour and roughness of each part; other parts look like skin."""

SEE_THROUGH = {"lashes": 0.35, "lash sheets": 0.02, "tears": 0.02}
"""Opacity of parts that are not solid: MakeHuman's lashes are strips that hairs would be painted on; ICT's are sheets
that are much wider, three on each other."""

_items: list[tuple[str, str, str]] = []  # Blender keeps no reference to the words of a dynamic enum


def sample_names(context: bpy.types.Context) -> list[str]:
    """The bundle's sample faces; empty where the bundle cannot be read (the panel says why)."""
    try:
        return list(engine.load(choice(context).bundle).bundle.samples)
    except MienError:
        return []


def add_sample_face(name: str = "", *, bundle: str = "", context: bpy.types.Context | None = None) -> bpy.types.Object:
    """Adds a sample face at the 3D cursor, in metres, selects it and picks it as the scene's face.

    Args:
        name: one of the bundle's sample faces; empty for the first.
        bundle: path; empty for the one that ships with Mien.
        context: default, Blender's own.

    Raises:
        MienError: the bundle cannot be read, or has no such face.
    """
    context = context or bpy.context
    content = engine.load(bundle).bundle
    name = name or next(iter(content.samples), "")
    if name not in content.samples:
        raise MienError(f"The bundle has no sample face {name!r}.", f"Choose from {', '.join(content.samples)}.")
    mesh = make_mesh(title(name), content.template, content.samples[name])
    face = bpy.data.objects.new(title(name), mesh)
    show(face, context)
    return face


def show(face: bpy.types.Object, context: bpy.types.Context) -> None:
    """Puts a new face at the 3D cursor, selects it and nothing else, and picks it as the scene's face."""
    context.collection.objects.link(face)
    face.location = context.scene.cursor.location
    for other in context.view_layer.objects.selected:
        other.select_set(False)
    face.select_set(True)
    context.view_layer.objects.active = face
    context.scene.mien.face = face


def title(name: str) -> str:
    """A sample's name for people."""
    return name.replace("_", " ").capitalize()


def make_mesh(name: str, template: Template, vertices: NDArray[np.float32]) -> bpy.types.Mesh:
    """A mesh of the template's polygons, smooth, one material a part.

    Args:
        name: of the mesh.
        template: the topology.
        vertices: (V, 3) mm in the template's axes.
    """
    mesh = bpy.data.meshes.new(name)
    corners = [[corner for corner in face if corner != ABSENT] for face in template.polygons.tolist()]
    mesh.from_pydata((vertices @ TO_BLENDER.T * METRES_PER_MM).tolist(), [], corners)
    for part in template.parts:
        mesh.materials.append(_material(part))
    mesh.polygons.foreach_set("material_index", template.polygon_part)
    mesh.shade_smooth()
    mesh.update()
    return mesh


def _material(part: str) -> bpy.types.Material:
    name = f"Mien {part}"
    material = bpy.data.materials.get(name)
    if material is not None and material.library is None:
        return material
    material, shader = new_material(name)
    colour, roughness = LOOKS.get(part, LOOKS["skin"])
    set_look(material, shader, colour, roughness, SEE_THROUGH.get(part, 1.0))
    return material


def _sample_items(_self: object, context: bpy.types.Context | None) -> list[tuple[str, str, str]]:
    names = sample_names(context or bpy.context)
    _items[:] = [(name, title(name), f"Add the sample face {title(name)}") for name in names]
    return _items


class MIEN_OT_add_sample_face(MienOperator, bpy.types.Operator):  # noqa: N801 - Blender's way to name classes
    """Adds a sample face."""

    bl_idname = "mien.add_sample_face"
    bl_label = "Add Sample Face"
    bl_description = "Add a neutral sample face, ready to perform"
    bl_options = {"REGISTER", "UNDO"}

    sample: EnumProperty(name="Face", description="Which sample face", items=_sample_items)

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """In Object Mode only."""
        if context.mode != "OBJECT":
            cls.poll_message_set("Go back to Object Mode first.")
            return False
        return True

    def run(self, context: bpy.types.Context) -> set[str]:
        """Add, look at it, say so."""
        face = add_sample_face(self.sample, bundle=choice(context).bundle, context=context)
        frame_view(context)
        self.report({"INFO"}, f"{face.name} is here, {face.dimensions.z * 100:.0f} cm tall, and picked as the face.")
        return {"FINISHED"}


def frame_view(context: bpy.types.Context) -> None:
    """A head is small beside Blender's two-metre cube: look it in the face, where there is a window."""
    for area in context.screen.areas if context.screen and not bpy.app.background else ():
        region = next((one for one in area.regions if one.type == "WINDOW"), None)
        if area.type == "VIEW_3D" and region is not None:
            area.spaces.active.region_3d.view_rotation = _THREE_QUARTERS
            with context.temp_override(area=area, region=region):
                if bpy.ops.view3d.view_selected.poll():
                    bpy.ops.view3d.view_selected()


class MIEN_MT_sample_faces(bpy.types.Menu):  # noqa: N801
    """Add > Mesh > Mien Face."""

    bl_idname = "MIEN_MT_sample_faces"
    bl_label = "Mien Face"

    def draw(self, context: bpy.types.Context) -> None:
        """One line a sample."""
        names = sample_names(context)
        for name in names:
            self.layout.operator("mien.add_sample_face", text=title(name)).sample = name
        if not names:
            self.layout.label(text="The bundle has no sample faces", icon="ERROR")


def draw_add_menu(self: bpy.types.Menu, _context: bpy.types.Context) -> None:
    """The line in Add > Mesh."""
    self.layout.menu(MIEN_MT_sample_faces.bl_idname, icon="USER")
