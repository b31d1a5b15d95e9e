"""Contact sheets of faces, rendered by Blender's Workbench: what a corpus looks like at a glance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

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

_BACKGROUND = (0.9, 0.9, 0.9)
_PAPER = 0.05  # metres above the first row for the words
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
    """
    import bpy
    from PIL import Image

    width, height = cell[0] / 1000, cell[1] / 1000
    columns = max(len(row) for row in rows)
    scene = bpy.data.scenes.new("contact sheet")
    made: list[Any] = [scene]
    materials = [_material(part) for part in template.parts]
    made += materials
    for r, row in enumerate(rows):
        for c, face in enumerate(row):
            shifted = np.asarray(face, dtype=np.float64) - (*center, 0.0)
            made += _add_face(scene, template, materials, shifted, (c * width, 0.0, -r * height))
    for c, title in enumerate(titles):
        made += _add_title(scene, title, (c * width, -0.3, height / 2 + 0.3 * _PAPER))
    top = height / 2 + (_PAPER if titles else 0.0)
    bottom = -(len(rows) - 0.5) * height
    made += _add_camera(scene, ((columns - 1) * width / 2, -3.0, (top + bottom) / 2), columns * width, top - bottom)
    _set_up(scene, path, columns * pixels, round(columns * pixels * (top - bottom) / (columns * width)))
    made.append(scene.world)
    try:
        bpy.ops.render.render(write_still=True, scene=scene.name)
    finally:
        bpy.data.batch_remove(made)
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


def _add_title(scene: Any, title: str, place: tuple[float, ...]) -> list[Any]:
    import bpy

    text: Any = bpy.data.curves.new("title", "FONT")
    text.body, text.size, text.align_x = title, 0.03, "CENTER"
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
    scene.world = bpy.data.worlds.new("paper")
    scene.world.color = _BACKGROUND


def _material(part: str) -> Any:
    import bpy

    material = bpy.data.materials.new(part)
    material.diffuse_color = (*COLORS.get(part, COLORS["skin"]), 1.0)
    material.roughness = 0.6
    return material
