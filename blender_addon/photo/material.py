"""What a face from photos wears: places on a texture, the texture itself, and materials of its own."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import bpy
import numpy as np

from ..engine import ABSENT, MienError, light
from ..materials import new_material, set_look
from ..sample_face import LOOKS, SEE_THROUGH

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from ..engine import Template, Texture

UV_LAYER = "Mien"
"""The mesh' UV map that the texture lies on."""

TEXTURED = ("skin", "brows", "lips")
"""Parts that share the one material with the texture: their colours are in the photos."""

_ROUGHNESS, _SPECULAR = 0.55, 0.35
"""Skin shines little, and what shone in the photos is in the texture already."""

_LASHES = 0.2
"""Opacity of the lashes: strips that stand for hairs are not solid, and those on the lids are in the photos already."""

_SUBSURFACE = {"Subsurface Weight": 0.12, "Subsurface Scale": 0.004}
"""Light goes some millimetres into skin; the scale is in metres, as the face is."""


def dress(
    mesh: bpy.types.Mesh, template: Template, kit_uv: NDArray[np.float32], texture: Texture, name: str
) -> bpy.types.Image:
    """Gives a mesh of a template's polygons a UV map, a texture packed into the file, and materials of its own.

    Args:
        mesh: with the template's polygons, in their order, as `make_mesh` makes it; in metres. The materials that it
            has are taken off, and stay as they are.
        template: the topology.
        kit_uv: (P, 4, 2) from 0 to 1, where each corner of the polygons lies on the texture.
        texture: what the face looks like.
        name: what the image and the materials are called by.

    Returns:
        The image.

    Raises:
        MienError: the mesh has other polygons, or is being edited; whatever fails, nothing is left behind.
    """
    if mesh.is_editmode or len(mesh.polygons) != len(template.polygons):
        raise MienError(
            "This mesh has not the polygons of the face that the photos were read by.", "Make the face again."
        )
    with _nothing_left(mesh):
        _lay_out(mesh, template, kit_uv)
        image = _image(f"{name} skin", texture.colours)
        materials, index = _materials(template, texture, image, name)
        mesh.materials.clear()
        for material in materials:
            mesh.materials.append(material)
        mesh.polygons.foreach_set("material_index", np.array(index, np.int32)[template.polygon_part])
        mesh.update()
    return image


@contextlib.contextmanager
def _nothing_left(mesh: bpy.types.Mesh) -> Iterator[None]:
    """Where something fails inside, the mesh is as it was, and what was made is gone."""
    kinds = ("images", "materials")
    before = {kind: set(getattr(bpy.data, kind)) for kind in kinds}
    layers, active = {layer.name for layer in mesh.uv_layers}, mesh.uv_layers.active_index
    worn, index = list(mesh.materials), np.empty(len(mesh.polygons), np.int32)
    mesh.polygons.foreach_get("material_index", index)
    try:
        yield
    except BaseException:
        # By name: a reference to a layer dangles as soon as another one comes or goes.
        for layer in [layer.name for layer in mesh.uv_layers if layer.name not in layers]:
            mesh.uv_layers.remove(mesh.uv_layers[layer])
        if layers:
            mesh.uv_layers.active_index = active
        mesh.materials.clear()
        for material in worn:
            mesh.materials.append(material)
        mesh.polygons.foreach_set("material_index", index)
        for kind in reversed(kinds):
            every = getattr(bpy.data, kind)
            for one in [one for one in every if one not in before[kind]]:
                every.remove(one)
        raise


def _lay_out(mesh: bpy.types.Mesh, template: Template, kit_uv: NDArray[np.float32]) -> None:
    layer = mesh.uv_layers.get(UV_LAYER) or mesh.uv_layers.new(name=UV_LAYER, do_init=False)
    if layer is None:
        raise MienError("This mesh has no room for another UV map.", "Remove one.")
    corners = np.ascontiguousarray(kit_uv[template.polygons != ABSENT], np.float32)
    layer.uv.foreach_set("vector", corners.ravel())
    layer.active = True
    layer.active_render = True


def _image(name: str, colours: NDArray[np.float32]) -> bpy.types.Image:
    """A byte image in the file; row 0 of the colours is its top."""
    height, width = colours.shape[:2]
    image = bpy.data.images.new(name, width, height, alpha=False, float_buffer=False)
    image.colorspace_settings.name = "sRGB"
    image.alpha_mode = "STRAIGHT"
    pixels = np.ones((height, width, 4), np.float32)
    pixels[..., :3] = colours[::-1]
    image.pixels.foreach_set(pixels.ravel())
    image.update()
    image.pack()
    return image


def _materials(
    template: Template, texture: Texture, image: bpy.types.Image, name: str
) -> tuple[list[bpy.types.Material], list[int]]:
    """The skin and one material for each other part; and for each part of the template which it has."""
    made, index = [_skin(f"{name} skin", image, texture)], []
    for part in template.parts:
        if part in TEXTURED:
            index.append(0)
        else:
            index.append(len(made))
            made.append(_plain(f"{name} {part}", part, texture))
    return made, index


def _skin(name: str, image: bpy.types.Image, texture: Texture) -> bpy.types.Material:
    material, shader = new_material(name)
    nodes, links = material.node_tree.nodes, material.node_tree.links
    picture, place = nodes.new("ShaderNodeTexImage"), nodes.new("ShaderNodeUVMap")
    picture.image, place.uv_map = image, UV_LAYER
    picture.location = (shader.location.x - 320, shader.location.y)
    place.location = (picture.location.x - 220, picture.location.y - 160)
    links.new(place.outputs["UV"], picture.inputs["Vector"])
    links.new(picture.outputs["Color"], shader.inputs["Base Color"])
    # Workbench and the UV editor show the texture of the active node.
    nodes.active = picture
    typical = np.median(texture.colours[::16, ::16].reshape(-1, 3), axis=0)
    set_look(material, shader, _linear(typical), _ROUGHNESS)
    for socket, value in {"Specular IOR Level": _SPECULAR, **_SUBSURFACE}.items():
        if socket in shader.inputs:
            shader.inputs[socket].default_value = value
    return material


def _plain(name: str, part: str, texture: Texture) -> bpy.types.Material:
    """A part of one colour; that of the eyes by the photos, where they tell it."""
    material, shader = new_material(name)
    colour, roughness = LOOKS.get(part, LOOKS["skin"])
    told = {"iris": texture.iris, "eyes": texture.white}.get(part)
    opacity = _LASHES if part == "lashes" else SEE_THROUGH.get(part, 1.0)
    set_look(material, shader, colour if told is None else _linear(told), roughness, opacity)
    return material


def _linear(colour: NDArray[np.floating[Any]]) -> tuple[float, ...]:
    """As on a screen -> as Blender reckons."""
    return tuple(float(one) for one in light(np.asarray(colour, np.float64)))
