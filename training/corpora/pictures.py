"""Contact sheets of faces, rendered by Blender's Workbench: what a corpus looks like at a glance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from core.colours import light
from core.template import ABSENT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from core.template import Template

COLORS = {
    "skin": (0.80, 0.56, 0.45),
    "brows": (0.15, 0.09, 0.06),
    "lips": (0.62, 0.28, 0.26),
    "mouth": (0.22, 0.05, 0.05),
    "eyes": (0.90, 0.90, 0.90),
    "iris": (0.22, 0.36, 0.50),
    "pupil": (0.02, 0.02, 0.03),
    "teeth": (0.90, 0.88, 0.80),
    "tongue": (0.60, 0.22, 0.24),
    "lashes": (0.05, 0.03, 0.03),
}
"""Red, green, blue of each part, 0..1; a part not named here is drawn as skin."""

_EYE, _RINGS = ("pupil", "iris", "eyes"), (9.0, 22.0)
"""Degrees from the eye's axis at which the pupil and the iris end."""

_BACKGROUND = (0.9, 0.9, 0.9)
_PAPER = 0.05  # metres above the first row for the words
_MARGIN = 0.15  # metres left of the first column for the words
_PALETTE = 256  # colours of the file; true colours would make it thrice as big


def contact_sheet(
    path: Path,
    template: Template,
    rows: Sequence[Sequence[NDArray[np.floating[Any]]]],
    titles: Sequence[str] = (),
    *,
    pixels: int = 240,
    cell: tuple[float, float] = (190.0, 270.0),
    center: tuple[float, float] = (0.0, -35.0),
    colors: Sequence[Sequence[NDArray[np.floating[Any]]]] = (),
    captions: Sequence[Sequence[str]] = (),
    row_titles: Sequence[str] = (),
    eyeballs: Sequence[tuple[tuple[float, float, float], float]] = (),
) -> None:
    """Render faces in rows and columns, seen from the front, into one PNG. Needs `bpy` and Pillow.

    Args:
        path: the file to write.
        template: topology and parts of all faces.
        rows: faces (V, 3), millimetres in the template's axes, row by row.
        titles: a word above each column.
        pixels: width of a cell.
        cell: width and height of a cell in millimetres.
        center: x and y, in millimetres, of the middle of each cell.
        colors: (V, 3) red, green, blue of each face's vertices, 0..1 as on a screen; without, those of the parts.
        captions: a word below each face.
        row_titles: a word left of each row.
        eyeballs: centre and radius in mm of balls to put into each face whose template has none.
    """
    import bpy
    from PIL import Image

    width, height = cell[0] / 1000, cell[1] / 1000
    columns = max(len(row) for row in rows)
    scene = bpy.data.scenes.new("contact sheet")
    made: list[Any] = [scene]
    materials = [_material(part) for part in template.parts]
    made += materials
    left = _MARGIN if row_titles else 0.0
    for r, row in enumerate(rows):
        for c, face in enumerate(row):
            shifted = np.asarray(face, dtype=np.float64) - (*center, 0.0)
            place = (c * width, 0.0, -r * height)
            made += _add_face(scene, template, materials, shifted, place)
            if colors:
                _paint(made[-1], colors[r][c])
            for (x, y, z), radius in eyeballs:
                made += _add_eyeball(scene, (x - center[0], y - center[1], z), radius, place)
            if captions:
                made += _add_title(scene, captions[r][c], (place[0], -0.3, place[2] - 0.485 * height), 0.62)
    for r, title in enumerate(row_titles):
        made += _add_title(scene, title, (-width / 2 - 0.5 * _MARGIN, -0.3, -r * height), 0.8)
    for c, title in enumerate(titles):
        made += _add_title(scene, title, (c * width, -0.3, height / 2 + 0.3 * _PAPER))
    top = height / 2 + (_PAPER if titles else 0.0)
    bottom = -(len(rows) - 0.5) * height
    wide = columns * width + left
    made += _add_camera(scene, ((columns - 1) * width / 2 - left / 2, -3.0, (top + bottom) / 2), wide, top - bottom)
    _set_up(scene, path, round(pixels * wide / width), round(pixels * (top - bottom) / width))
    scene.display.shading.color_type = "VERTEX" if colors else "MATERIAL"
    made.append(scene.world)
    try:
        bpy.ops.render.render(write_still=True, scene=scene.name)
    finally:
        bpy.data.batch_remove(made)
    if colors:
        return  # pale ones would become the background's
    # Maximum coverage, because the median cut has no colour left for the few pixels of the eyes.
    small = Image.open(path).quantize(_PALETTE, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    small.save(path, optimize=True)


def _add_face(
    scene: Any, template: Template, materials: Sequence[Any], face: NDArray[np.float64], place: tuple[float, ...]
) -> list[Any]:
    import bpy

    mesh = bpy.data.meshes.new("face")
    points = np.stack([face[:, 0], -face[:, 2], face[:, 1]], axis=1) / 1000
    polygons = [[corner for corner in polygon if corner != ABSENT] for polygon in template.polygons.tolist()]
    mesh.from_pydata(points.tolist(), [], polygons)
    for material in materials:
        mesh.materials.append(material)
    mesh.polygons.foreach_set("material_index", np.asarray(template.polygon_part))
    mesh.polygons.foreach_set("use_smooth", np.ones(len(polygons), bool))
    mesh.update()
    face_object = bpy.data.objects.new("face", mesh)
    face_object.location = place
    scene.collection.objects.link(face_object)
    return [face_object, mesh]


def _paint(mesh: Any, color: NDArray[np.floating[Any]]) -> None:
    # Blender keeps colours in linear light.
    linear = light(np.clip(np.asarray(color, np.float64), 0, 1))
    layer = mesh.color_attributes.new("color", "FLOAT_COLOR", "POINT")
    layer.data.foreach_set("color", np.column_stack([linear, np.ones(len(linear))]).astype(np.float32).reshape(-1))
    mesh.color_attributes.active_color = layer


def _add_eyeball(scene: Any, center: tuple[float, ...], radius: float, place: tuple[float, ...]) -> list[Any]:
    import bmesh
    import bpy

    mesh = bpy.data.meshes.new("eyeball")
    ball = bmesh.new()
    bmesh.ops.create_uvsphere(ball, u_segments=48, v_segments=64, radius=radius / 1000)
    ball.to_mesh(mesh)
    ball.free()
    # The poles lie on z, and the ball is then turned until one looks forward.
    points = np.array([vertex.co for vertex in mesh.vertices])
    middles = np.array([polygon.center for polygon in mesh.polygons])
    _paint(mesh, np.array([COLORS[part] for part in _EYE])[_ring(points)])
    made = [_material(part) for part in _EYE]
    for material in made:
        mesh.materials.append(material)
    mesh.polygons.foreach_set("material_index", _ring(middles))
    mesh.polygons.foreach_set("use_smooth", np.ones(len(mesh.polygons), bool))
    ball_object = bpy.data.objects.new("eyeball", mesh)
    x, y, z = (value / 1000 for value in center)
    ball_object.location = (place[0] + x, place[1] - z, place[2] + y)
    ball_object.rotation_euler = (np.pi / 2, 0, 0)
    scene.collection.objects.link(ball_object)
    return [ball_object, mesh, *made]


def _ring(points: NDArray[np.floating[Any]]) -> NDArray[np.int32]:
    axis = points[:, 2] / np.linalg.norm(points, axis=1)
    return np.digitize(np.degrees(np.arccos(np.clip(axis, -1, 1))), _RINGS).astype(np.int32)


def _add_title(scene: Any, title: str, place: tuple[float, ...], size: float = 1.0) -> list[Any]:
    import bpy

    text: Any = bpy.data.curves.new("title", "FONT")
    text.body, text.size, text.align_x = title, 0.03 * size, "CENTER"
    ink = _material("lashes")
    text.materials.append(ink)
    text_object = bpy.data.objects.new("title", text)
    text_object.location, text_object.rotation_euler = place, (np.pi / 2, 0, 0)
    scene.collection.objects.link(text_object)
    return [text_object, text, ink]


def _add_camera(scene: Any, place: tuple[float, ...], width: float, height: float) -> list[Any]:
    import bpy

    lens = bpy.data.cameras.new("camera")
    lens.type, lens.ortho_scale = "ORTHO", max(width, height)
    camera = bpy.data.objects.new("camera", lens)
    camera.location, camera.rotation_euler = place, (np.pi / 2, 0, 0)
    scene.collection.objects.link(camera)
    scene.camera = camera
    return [camera, lens]


def _set_up(scene: Any, path: Path, width: int, height: int) -> None:
    import bpy

    scene.render.engine = "BLENDER_WORKBENCH"
    scene.render.resolution_x, scene.render.resolution_y = width, height
    scene.render.filepath = str(path)
    scene.render.image_settings.file_format = "PNG"
    scene.render.image_settings.color_mode = "RGB"
    scene.render.image_settings.compression = 100
    scene.view_settings.view_transform = "Standard"
    scene.display.render_aa = "8"
    shading = scene.display.shading
    shading.light, shading.studio_light, shading.color_type = "STUDIO", "paint.sl", "MATERIAL"
    # The folds of a mouth and a brow are seen by their shade.
    shading.show_cavity, shading.cavity_type = True, "BOTH"
    scene.world = bpy.data.worlds.new("paper")
    scene.world.color = _BACKGROUND


def _material(part: str) -> Any:
    import bpy

    material = bpy.data.materials.new(part)
    material.diffuse_color = (*COLORS.get(part, COLORS["skin"]), 1.0)
    material.roughness = 0.6
    return material
