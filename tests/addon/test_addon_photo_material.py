"""A face in the clothes of a texture: UV map, packed image, materials of its own; and nothing where it fails."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

SIZE = 64
GREEN, IRIS, WHITE = (0.2, 0.8, 0.3), (0.3, 0.5, 0.2), (0.7, 0.68, 0.66)


@pytest.fixture
def texture(mien):
    """Green, and the top row red."""
    colours = np.tile(np.array(GREEN, np.float32), (SIZE, SIZE, 1))
    colours[0] = (1, 0, 0)
    return mien.engine.Texture(colours, 0.5, np.array(IRIS, np.float32), np.array(WHITE, np.float32))


@pytest.fixture
def mesh(mien, template):
    return mien.sample_face.make_mesh("Somebody", template, template.vertices)


@pytest.fixture
def wear(mien, template, texture):
    """Dresses a mesh in the texture, or in another."""
    uv = mien.engine.load().bundle.photo.uv

    def dress(mesh, other=None):
        return mien.material.dress(mesh, template, uv, other or texture, "Somebody")

    return dress


@pytest.fixture
def dressed(mesh, wear):
    wear(mesh)
    return mesh


def everything():
    kinds = ("images", "materials", "meshes", "node_groups", "textures")
    return {kind: sorted(one.name for one in getattr(bpy.data, kind)) for kind in kinds}


def shader_of(material):
    return next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")


def index_of(mesh):
    out = np.empty(len(mesh.polygons), np.int32)
    mesh.polygons.foreach_get("material_index", out)
    return out


def screen(colour):
    """Blender's colour as on a screen."""
    linear = np.array(colour[:3])
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


def test_each_corner_lies_where_the_kit_says(mien, dressed):
    (layer,) = dressed.uv_layers
    assert layer.name == "Mien"
    assert layer.active_render
    assert dressed.uv_layers.active == layer
    found = np.empty(len(dressed.loops) * 2, np.float32)
    layer.uv.foreach_get("vector", found)
    np.testing.assert_allclose(found.reshape(-1, 4, 2), mien.engine.load().bundle.photo.uv, atol=1e-6)


def test_the_image_is_upright_and_in_the_file(mesh, wear, tmp_path):
    image = wear(mesh)
    assert image.packed_file
    assert not image.is_float
    assert image.colorspace_settings.name == "sRGB"
    assert image.alpha_mode == "STRAIGHT"
    bpy.data.objects.new("Somebody", mesh).use_fake_user = True
    path = tmp_path / "face.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    bpy.ops.wm.open_mainfile(filepath=str(path))
    (again,) = [one for one in bpy.data.images if tuple(one.size) == (SIZE, SIZE)]
    pixels = np.array(again.pixels[:]).reshape(SIZE, SIZE, 4)
    np.testing.assert_allclose(pixels[-1, :, :3], np.tile((1, 0, 0), (SIZE, 1)), atol=1 / 255)
    np.testing.assert_allclose(pixels[:-1, :, :3], np.broadcast_to(GREEN, (SIZE - 1, SIZE, 3)), atol=1 / 255)
    assert (pixels[..., 3] == 1).all()


def test_one_material_has_the_texture_and_every_part_has_its_own(dressed, template):
    names = [material.name for material in dressed.materials]
    assert len(set(names)) == len(names) == len(template.parts) - 2
    index = index_of(dressed)
    used = {
        part: {names[one] for one in index[template.polygon_part == number]}
        for number, part in enumerate(template.parts)
    }
    assert used["skin"] == used["brows"] == used["lips"] == {"Somebody skin"}
    assert all(used[part] == {f"Somebody {part}"} for part in ("eyes", "iris", "pupil", "teeth", "lashes"))
    skin = dressed.materials["Somebody skin"]
    (picture,) = [node for node in skin.node_tree.nodes if node.type == "TEX_IMAGE"]
    assert skin.node_tree.nodes.active == picture, "Blender's solid shading shows the active one"
    assert shader_of(skin).inputs["Base Color"].links[0].from_node == picture
    assert picture.inputs["Vector"].links[0].from_node.uv_map == "Mien"
    assert 0 < shader_of(skin).inputs["Subsurface Weight"].default_value < 0.5
    np.testing.assert_allclose(screen(skin.diffuse_color), GREEN, atol=0.01)


def test_the_eyes_have_the_colours_of_the_photos(mien, dressed, template, wear):
    for part, colour in (("iris", IRIS), ("eyes", WHITE)):
        inputs = shader_of(dressed.materials[f"Somebody {part}"]).inputs
        np.testing.assert_allclose(screen(inputs["Base Color"].default_value), colour, atol=1e-3)
    plain = mien.sample_face.make_mesh("Other", template, template.vertices)
    wear(plain, mien.engine.Texture(np.zeros((32, 32, 3), np.float32), 0.5, None, None))
    usual = mien.sample_face.LOOKS["iris"][0]
    found = shader_of(plain.materials["Somebody iris.001"]).inputs["Base Color"].default_value
    np.testing.assert_allclose(found[:3], usual, atol=1e-6)


def test_the_materials_of_plain_faces_stay_as_they_are(mien, face, dressed):
    shared = {material.name: tuple(material.diffuse_color) for material in face.data.materials}
    assert "Mien iris" in shared
    assert not set(shared) & {material.name for material in dressed.materials}
    untouched = tuple(face.data.materials["Mien iris"].diffuse_color[:3])
    np.testing.assert_allclose(untouched, mien.sample_face.LOOKS["iris"][0], atol=1e-6)


def test_it_renders(scene, dressed):
    face = bpy.data.objects.new("Somebody", dressed)
    scene.collection.objects.link(face)
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    camera.location, camera.rotation_euler = (0, -1, 0), (np.pi / 2, 0, 0)
    lamp = bpy.data.objects.new("lamp", bpy.data.lights.new("lamp", "SUN"))
    lamp.rotation_euler, lamp.data.energy = (np.pi / 2, 0, 0), 3
    for one in (camera, lamp):
        scene.collection.objects.link(one)
    scene.camera, camera.data.lens, camera.data.clip_start = camera, 120, 0.01
    scene.render.engine, scene.cycles.samples, scene.cycles.use_denoising = "CYCLES", 8, False
    scene.render.resolution_x = scene.render.resolution_y = 64
    scene.render.resolution_percentage = 100
    scene.view_settings.view_transform = "Standard"
    path = f"{bpy.app.tempdir}face.png"
    scene.render.filepath, scene.render.image_settings.file_format = path, "PNG"
    bpy.ops.render.render(write_still=True)
    picture = bpy.data.images.load(path)
    pixels = np.array(picture.pixels[:]).reshape(64, 64, 4)[..., :3]
    red, green, blue = np.median(pixels[22:36, 24:40].reshape(-1, 3), axis=0)
    assert green > 1.5 * blue
    assert green > 2 * red


def test_dressed_again_it_wears_the_new(mien, dressed, wear):
    image = wear(dressed, mien.engine.Texture(np.full((32, 32, 3), 0.5, np.float32), 0.1, None, None))
    assert [layer.name for layer in dressed.uv_layers] == ["Mien"]
    skin = dressed.materials[int(index_of(dressed)[0])]
    assert next(node for node in skin.node_tree.nodes if node.type == "TEX_IMAGE").image == image
    assert tuple(image.size) == (32, 32)


@pytest.mark.parametrize("step", ["_lay_out", "_image", "_skin", "_plain"])
def test_what_fails_leaves_nothing_behind(mien, mesh, wear, monkeypatch, step):
    layer = mesh.uv_layers.new(name="Own")
    before, worn, index, own = everything(), list(mesh.materials), index_of(mesh), layer.name
    real = getattr(mien.material, step)

    def fail(*given):
        real(*given)
        raise OSError("The disk is full.")

    monkeypatch.setattr(mien.material, step, fail)
    with pytest.raises(OSError, match="full"):
        wear(mesh)
    assert everything() == before
    assert list(mesh.materials) == worn
    np.testing.assert_array_equal(index_of(mesh), index)
    assert [one.name for one in mesh.uv_layers] == [own]


def test_another_mesh_is_refused(mien, wear):
    mesh = bpy.data.meshes.new("Cube")
    mesh.from_pydata([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [], [(0, 1, 2)])
    before = everything()
    with pytest.raises(mien.engine.MienError, match="Make the face again"):
        wear(mesh)
    assert everything() == before
