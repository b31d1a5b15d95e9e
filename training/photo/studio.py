"""A studio: people of ours are photographed by Blender's Cycles, from where we know and as we know them to be."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.colours import light as light_of
from core.template import ABSENT
from core.wrapping.meshes import vertex_normals
from training.corpora.template_makehuman import makehuman_template

from .layout import makehuman_layout
from .paint import SIZE, scalp

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from core.photo.camera import Camera
    from core.template import Template

    from .paint import Cut, Skin

    Floats = NDArray[np.float64]

_PAINTED = frozenset({"skin", "brows", "lips"})
_PLAIN = {
    "mouth": ((0.25, 0.07, 0.06), 0.4),
    "eyes": ((0.78, 0.74, 0.70), 0.15),
    "iris": ((0.1, 0.1, 0.1), 0.15),
    "pupil": ((0.005, 0.005, 0.005), 0.1),
    "teeth": ((0.78, 0.72, 0.60), 0.25),
    "tongue": ((0.5, 0.16, 0.15), 0.4),
    "lashes": ((0.02, 0.015, 0.012), 0.7),
    "lash sheets": ((0.02, 0.015, 0.012), 0.7),
    "tears": ((1.0, 1.0, 1.0), 0.1),
}
_SOLID = {"lashes": 0.15, "lash sheets": 0.02, "tears": 0.02}
"""How solid strips of lashes are, and what is wet on an eye."""

_METRES = 0.001


@dataclass(frozen=True)
class Light:
    """What lights a photo.

    Attributes:
        around: red, green and blue of the light from everywhere.
        lamps: (L, 3) directions to the lamps in the picture's axes.
        powers: (L,) watts.
        sizes: (L,) metres; the bigger, the softer.
        backdrop: red, green and blue of what is behind the person.
    """

    around: Floats
    lamps: Floats
    powers: Floats
    sizes: Floats
    backdrop: Floats


def draw_light(rng: np.random.Generator) -> Light:
    """A room, a window, a flash: anything between soft and hard, warm and cold."""
    count = int(rng.integers(1, 4))
    lamps = rng.normal(0, 1, (count, 3)) * [1.0, 0.6, 0.5] + [0, 0.5, 1.0]
    lamps /= np.linalg.norm(lamps, axis=1, keepdims=True)
    warm = rng.normal(0, 0.06)
    around = rng.uniform(0.15, 0.8) * np.array([1 + warm, 1.0, 1 - warm])
    powers = rng.uniform(4, 22, count) / count
    return Light(around, lamps, powers, rng.uniform(0.1, 1.2, count), rng.uniform(0.02, 0.8, 3) ** 1.5)


class Studio:
    """One head, one camera, three lamps; each photo puts them anew.

    Args:
        samples: rays a pixel.
        head: its template, and (P, 4, 2) where its polygons lie on the skin's picture; None for the MakeHuman head,
            which alone has hair.
    """

    def __init__(self, samples: int = 5, head: tuple[Template, NDArray[np.float32]] | None = None) -> None:
        import bpy

        bpy.ops.wm.read_factory_settings(use_empty=True)
        self._scene = bpy.context.scene
        self._template, self._uv = head or (makehuman_template(), makehuman_layout())
        self._folder = tempfile.TemporaryDirectory()
        self._image = bpy.data.images.new("skin", SIZE, SIZE)
        self._iris = self._hair_look = self._wall = None
        self._head = self._add_head()
        self._hair = None if head else self._add_hair()
        self._camera = self._add_camera()
        self._lamps = [self._add_lamp(number) for number in range(3)]
        self._backdrop = self._add_backdrop()
        self._set_up(samples)

    def photograph(  # noqa: PLR0917 - a photo is taken of all that
        self,
        face: NDArray[np.floating[Any]],
        skin: Skin,
        camera: Camera,
        size: tuple[int, int],
        light: Light,
        hair: float,
    ) -> NDArray[np.uint8]:
        """Takes a picture.

        Args:
            face: (V, 3) mm, as the person looks.
            skin: of the person.
            camera: its lens looks at the middle of the picture.
            size: width and height in pixels.
            light: what lights it.
            hair: mm that it stands up; 0 for none.

        Returns:
            (H, W, 3) uint8.
        """
        import bpy
        from PIL import Image

        flipped = np.ones((SIZE, SIZE, 4), np.float32)
        flipped[..., :3] = skin.colours[::-1]
        self._image.pixels.foreach_set(flipped.reshape(-1))
        self._image.update()
        self._iris.inputs["Base Color"].default_value = (*light_of(np.clip(skin.iris, 0, 1)), 1.0)
        self._shape(self._head.data, face)
        self._comb(face, skin, hair)
        self._aim(camera, size)
        self._light(light, camera)
        path = Path(self._folder.name) / "photo.png"
        self._scene.render.filepath = str(path)
        bpy.ops.render.render(write_still=True)
        with Image.open(path) as picture:
            return np.asarray(picture.convert("RGB"))

    def _comb(self, face: NDArray[np.floating[Any]], skin: Skin, hair: float) -> None:
        if self._hair is None:
            return
        self._hair.hide_render = hair <= 0
        if hair > 0:
            self._hair_look.inputs["Base Color"].default_value = (*light_of(np.clip(skin.hair, 0, 1)), 1.0)
            self._shape(self._hair.data, self._hair_over(face, hair, skin.cut))

    def _hair_over(self, face: NDArray[np.floating[Any]], thick: float, cut: Cut) -> Floats:
        rest = self._template.vertices.astype(np.float64)
        grows = scalp(rest, cut)
        # Thickest on top, thin at its edge; below the skin where none grows.
        bulk = grows * (0.35 + 0.65 * np.clip((rest[:, 1] - 20) / 90, 0, 1))
        normals = vertex_normals(face.astype(np.float64), self._template.triangles)
        return np.asarray(face + normals * (thick * bulk + 1.0 * grows - 4.0 * (1 - grows))[:, None])

    def _shape(self, mesh: Any, face: NDArray[np.floating[Any]]) -> None:
        mesh.vertices.foreach_set("co", np.asarray(face * _METRES, np.float32)[: len(mesh.vertices)].reshape(-1))
        mesh.update()

    def _aim(self, camera: Camera, size: tuple[int, int]) -> None:
        from mathutils import Matrix

        self._scene.render.resolution_x, self._scene.render.resolution_y = size
        lens = self._camera.data
        lens.sensor_fit, lens.sensor_width = "HORIZONTAL", 36.0
        lens.lens = camera.focal * 36.0 / size[0]
        matrix = np.eye(4)
        matrix[:3, :3], matrix[:3, 3] = camera.rotation.T, camera.eye() * _METRES
        self._camera.matrix_world = Matrix(matrix.tolist())

    def _light(self, light: Light, camera: Camera) -> None:
        from mathutils import Vector

        self._scene.world.node_tree.nodes["Background"].inputs["Color"].default_value = (*light.around, 1.0)
        for number, lamp in enumerate(self._lamps):
            lamp.hide_render = number >= len(light.lamps)
            if lamp.hide_render:
                continue
            way = light.lamps[number] @ camera.rotation
            lamp.location = Vector((way * 1.2).tolist())
            lamp.rotation_euler = Vector(way.tolist()).to_track_quat("Z", "Y").to_euler()
            lamp.data.energy, lamp.data.size = float(light.powers[number]), float(light.sizes[number])
        behind = camera.rotation.T @ np.array([0, 0, -0.6])
        self._backdrop.location = behind.tolist()
        self._backdrop.rotation_euler = self._camera.matrix_world.to_euler()
        self._wall.inputs["Color"].default_value = (*light.backdrop, 1.0)

    def _add_head(self) -> Any:
        import bpy

        template = self._template
        mesh = bpy.data.meshes.new("head")
        polygons = [[corner for corner in one if corner != ABSENT] for one in template.polygons.tolist()]
        mesh.from_pydata((template.vertices * _METRES).tolist(), [], polygons)
        layer = mesh.uv_layers.new(name="skin")
        layer.data.foreach_set("uv", self._uv[template.polygons != ABSENT].reshape(-1))
        painted = self._skin()
        for part in template.parts:
            mesh.materials.append(painted if part in _PAINTED else self._plain(part))
        mesh.polygons.foreach_set("material_index", np.asarray(template.polygon_part))
        mesh.shade_smooth()
        return self._placed("head", mesh, subdivided=True)

    def _add_hair(self) -> Any:
        import bpy

        template = self._template
        assert template.polygon_part is not None
        skin = template.polygons[template.polygon_part == template.parts.index("skin")]
        # Not on the face, where what is sunk below thin lids would come out on their other side.
        at = template.vertices[skin]
        skin = skin[((at[..., 1] > 22) | (at[..., 2] < -55) | (np.abs(at[..., 0]) > 60)).all(axis=1)]
        mesh = bpy.data.meshes.new("hair")
        polygons = [[corner for corner in one if corner != ABSENT] for one in skin.tolist()]
        mesh.from_pydata((template.vertices * _METRES).tolist(), [], polygons)
        material = self._plain("hair")
        self._hair_look = material.node_tree.nodes["Principled BSDF"]
        mesh.materials.append(material)
        mesh.shade_smooth()
        return self._placed("hair", mesh, subdivided=False)

    def _placed(self, name: str, mesh: Any, *, subdivided: bool) -> Any:
        import bpy

        found = bpy.data.objects.new(name, mesh)
        self._scene.collection.objects.link(found)
        if subdivided:
            modifier = found.modifiers.new("smooth", "SUBSURF")
            modifier.levels = modifier.render_levels = 1
        return found

    def _skin(self) -> Any:
        import bpy

        material = _material("skin")
        nodes, links = material.node_tree.nodes, material.node_tree.links
        texture = nodes.new("ShaderNodeTexImage")
        texture.image = self._image
        shader = nodes["Principled BSDF"]
        links.new(texture.outputs["Color"], shader.inputs["Base Color"])
        shader.inputs["Roughness"].default_value = 0.55
        assert bpy.data is not None
        return material

    def _plain(self, part: str) -> Any:
        material = _material(part)
        colour, roughness = _PLAIN.get(part, ((0.1, 0.1, 0.1), 0.8))
        shader = material.node_tree.nodes["Principled BSDF"]
        shader.inputs["Base Color"].default_value = (*colour, 1.0)
        shader.inputs["Roughness"].default_value = roughness
        shader.inputs["Alpha"].default_value = _SOLID.get(part, 1.0)
        if part == "iris":
            self._iris = shader
        return material

    def _add_camera(self) -> Any:
        import bpy

        camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
        camera.data.clip_start, camera.data.clip_end = 0.01, 20.0
        self._scene.collection.objects.link(camera)
        self._scene.camera = camera
        return camera

    def _add_lamp(self, number: int) -> Any:
        import bpy

        lamp = bpy.data.objects.new(f"lamp {number}", bpy.data.lights.new(f"lamp {number}", "AREA"))
        self._scene.collection.objects.link(lamp)
        return lamp

    def _add_backdrop(self) -> Any:
        import bpy

        mesh = bpy.data.meshes.new("backdrop")
        mesh.from_pydata([(-4, -4, 0), (4, -4, 0), (4, 4, 0), (-4, 4, 0)], [], [(0, 1, 2, 3)])
        material = _material("backdrop")
        nodes, links = material.node_tree.nodes, material.node_tree.links
        # It glows, since nobody needs the lamps' light on it.
        self._wall = nodes.new("ShaderNodeEmission")
        links.new(self._wall.outputs["Emission"], nodes["Material Output"].inputs["Surface"])
        mesh.materials.append(material)
        return self._placed("backdrop", mesh, subdivided=False)

    def _set_up(self, samples: int) -> None:
        import bpy

        scene = self._scene
        scene.render.engine = "CYCLES"
        scene.cycles.samples, scene.cycles.use_denoising = samples, False
        scene.cycles.max_bounces = 3
        # Who wants it sooner starts it twice.
        scene.render.threads_mode, scene.render.threads = "FIXED", 1
        scene.render.resolution_percentage = 100
        scene.render.image_settings.file_format = "PNG"
        scene.view_settings.view_transform = "Standard"
        scene.world = bpy.data.worlds.new("room")
        if bpy.app.version < (5, 0, 0):
            scene.world.use_nodes = True


def _material(name: str) -> Any:
    import bpy

    material = bpy.data.materials.new(name)
    if bpy.app.version < (5, 0, 0):
        material.use_nodes = True
    return material
