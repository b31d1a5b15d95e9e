"""Materials of one colour, in every Blender."""

from __future__ import annotations

from typing import Any

import bpy


def new_material(name: str) -> tuple[bpy.types.Material, Any]:
    """A material, and its shader."""
    material = bpy.data.materials.new(name)
    if bpy.app.version < (5, 0, 0):  # since then all materials have nodes
        material.use_nodes = True
    return material, next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")


def set_look(
    material: bpy.types.Material, shader: Any, colour: tuple[float, ...], roughness: float, opacity: float = 1.0
) -> None:
    """Sets a colour (red, green and blue as amounts of light), for renders and for the 3D view's solid shading."""
    material.diffuse_color = (*colour, opacity)
    material.roughness = roughness
    shader.inputs["Base Color"].default_value = (*colour, 1.0)
    shader.inputs["Roughness"].default_value = roughness
    shader.inputs["Alpha"].default_value = opacity
