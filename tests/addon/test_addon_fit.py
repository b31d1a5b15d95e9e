# ruff: noqa: ARG001 - fixtures are asked for by name, also for what they do
"""Which meshes count as a face, and what is said of those that do not."""

from __future__ import annotations

import bpy
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

NAMES = [
    "the face alone",
    "MPFB human with helpers",
    "MPFB human without helpers",
    "anny full body",
    "anny head",
]


def layout_named(template, name):
    return next(layout for layout in template.all_layouts() if layout.name == name)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("triangulate", [False, True])
def test_every_layout_is_found_in_any_scale_place_and_turn(mien, template, layout_object, name, triangulate):
    turn = Rotation.from_euler("xyz", [100, -35, 210], degrees=True).as_matrix()
    layout = layout_named(template, name)
    obj = layout_object(layout, lambda points: 0.02 * points @ turn.T + (3, -40, 7), triangulate)
    found = mien.api.fit(obj)
    assert found.ok
    assert not found.caution, found.remedy
    assert found.layout.name == name
    assert found.scale == pytest.approx(0.02, rel=1e-4)
    assert found.residual < 0.01
    np.testing.assert_allclose(found.rotation, turn, atol=1e-5)
    np.testing.assert_allclose(found.to_local, 0.02 * turn, atol=1e-6)


def test_another_person_fits_and_a_little_noise_is_told_apart_from_a_mess(mien, template, layout_object):
    alone = template.all_layouts()[0]
    noise = np.random.default_rng(3).normal(0, 1, template.vertices.shape)
    person = layout_object(alone, lambda points: points + 3 * noise)
    strange = layout_object(alone, lambda points: points + 10 * noise)
    mess = layout_object(alone, lambda points: points + 60 * noise)
    fits = [mien.api.fit(obj) for obj in (person, strange, mess)]
    assert [found.ok for found in fits] == [True, True, False]
    assert fits[1].caution
    assert "unlike" in fits[1].remedy
    assert "not the shape of a head" in fits[2].sentence


def test_a_mirrored_face(mien, template, layout_object):
    obj = layout_object(template.all_layouts()[0], lambda points: points * (-1, 1, 1))
    found = mien.api.fit(obj)
    assert not found.ok
    assert "mirrored" in found.sentence
    obj.scale.x = -1  # what the mesh has wrong, the object may put right
    bpy.context.view_layer.update()
    assert mien.api.fit(obj).ok


def test_an_uneven_scale_of_the_object_counts(mien, template, layout_object):
    obj = layout_object(template.all_layouts()[0], lambda points: points * (1, 0.4, 1))
    assert not mien.api.fit(obj).ok
    obj.scale = (1, 2.5, 1)
    bpy.context.view_layer.update()
    found = mien.api.fit(obj)
    assert found.ok
    np.testing.assert_allclose(found.to_local, np.diag([1, 0.4, 1]), atol=1e-4)


def test_another_vertex_order(mien, template, scene):
    order = np.random.default_rng(1).permutation(template.vertex_count)
    mesh = bpy.data.meshes.new("Shuffled")
    place = np.argsort(order)
    faces = [[int(place[c]) for c in face if c >= 0] for face in template.polygons]
    mesh.from_pydata(template.vertices[order].tolist(), [], faces)
    obj = bpy.data.objects.new("Shuffled", mesh)
    scene.collection.objects.link(obj)
    found = mien.api.fit(obj)
    assert not found.ok
    assert "another order" in found.sentence
    assert "vertex order" in found.remedy


def test_one_vertex_fewer(mien, template, face):
    import bmesh

    edit = bmesh.new()
    edit.from_mesh(face.data)
    edit.verts.ensure_lookup_table()
    bmesh.ops.delete(edit, geom=[edit.verts[100]], context="VERTS")
    edit.to_mesh(face.data)
    edit.free()
    found = mien.api.fit(face)
    assert not found.ok
    assert f"{template.vertex_count - 1:,} vertices, 1 fewer than the face alone" in found.sentence
    assert found.remedy


def test_a_subdivision_as_a_modifier_fits_and_applied_does_not(mien, face):
    face.modifiers.new("Subdivision", "SUBSURF").levels = 1
    assert mien.api.fit(face).ok
    bpy.ops.object.modifier_apply(modifier="Subdivision")
    found = mien.api.fit(face)
    assert not found.ok
    assert "Subdivision" in found.remedy


def test_an_open_mouth_is_mentioned(mien, template, face, positions):
    points = positions(face.data)
    lip = points[template.landmarks["lower_lip_top"]]
    lower = (np.linalg.norm(points - lip, axis=1) < 0.012) & (points[:, 2] <= lip[2])
    lower[template.landmarks["upper_lip_bottom"]] = False
    points[lower] += (0, 0, -0.015)
    face.data.vertices.foreach_set("co", points.ravel())
    found = mien.api.fit(face)
    assert found.ok
    assert found.caution
    assert "mouth stands open" in found.remedy


def test_edit_mode_absolute_keys_and_other_things_get_one_sentence(mien, scene, face):
    bpy.ops.object.mode_set(mode="EDIT")
    assert "Edit Mode" in mien.api.fit(face).sentence
    bpy.ops.object.mode_set(mode="OBJECT")
    face.shape_key_add(name="Basis")
    face.data.shape_keys.use_relative = False
    assert "absolute" in mien.api.fit(face).sentence
    empty = bpy.data.objects.new("Nothing", bpy.data.meshes.new("Nothing"))
    lamp = bpy.data.objects.new("Lamp", bpy.data.lights.new("Lamp", "POINT"))
    assert "no vertices" in mien.api.fit(empty).sentence
    assert "not a mesh" in mien.api.fit(lamp).sentence
    assert "No face" in mien.api.fit(None).sentence
    face.data.shape_keys.use_relative = True
    assert mien.api.fit(face).ok


def test_a_vertex_that_is_nowhere(mien, face):
    face.data.vertices[7].co = (float("nan"), 0, 0)
    found = mien.api.fit(face)
    assert not found.ok
    assert "NaN" in found.sentence


def test_linked_data_gets_one_sentence(mien, scene, face, tmp_path):
    path = tmp_path / "library.blend"
    bpy.data.libraries.write(str(path), {face})
    with bpy.data.libraries.load(str(path), link=True) as (there, here):
        here.objects = there.objects
    (linked,) = here.objects
    found = mien.api.fit(linked)
    assert not found.ok
    assert "linked" in found.sentence
    with pytest.raises(mien.engine.MeshError, match="linked"):
        mien.api.add_expression(linked, "happy", 0.5, 0, 5, 10, 15)


def test_a_shared_mesh_is_mentioned(mien, scene, face):
    twin = bpy.data.objects.new("Twin", face.data)
    scene.collection.objects.link(twin)
    found = mien.api.fit(face)
    assert found.ok
    assert "2 objects share" in found.remedy


def test_still_shape_keys_belong_to_the_rest_and_moving_ones_do_not(mien, face, positions):
    plain, alone = positions(face.data), mien.api.fit(face).scale
    face.shape_key_add(name="Basis", from_mix=False)
    bigger = face.shape_key_add(name="Bigger", from_mix=False)
    bigger.points.foreach_set("co", (plain * 1.5).ravel())
    bigger.value = 1.0
    assert mien.api.fit(face).scale == pytest.approx(1.5 * alone, rel=1e-4)
    bigger.keyframe_insert("value", frame=1)
    assert mien.api.fit(face).scale == pytest.approx(alone, rel=1e-4)


def test_the_cached_verdict_follows_the_mesh(mien, template, face):
    assert mien.mesh_bridge.fit_cached(face, template).ok
    assert mien.mesh_bridge.fit_cached(face, template) is mien.mesh_bridge.fit_cached(face, template)
    for vertex in face.data.vertices:
        vertex.co.x *= -1
    assert "mirrored" in mien.mesh_bridge.fit_cached(face, template).sentence


def test_the_turn_in_words(mien, face):
    assert mien.api.fit(face).size == "1 unit is about 1,000 mm, looks to -Y, up is +Z"
    face.rotation_euler.z = np.pi / 2
    bpy.context.view_layer.update()
    assert mien.api.fit(face).size == "1 unit is about 1,000 mm, looks to +X, up is +Z"
