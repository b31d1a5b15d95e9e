# ruff: noqa: ARG001 - fixtures are asked for by name, also for what they do
"""What artists and farms do that nobody asked for: shaped curves, paint modes, folders for files, wild numbers."""

from __future__ import annotations

import sys

import bpy
import numpy as np
import pytest


def curve_of(mien, face, expression="happy"):
    return mien.fcurves.curves_of(face).find(f"mien.{expression}")


def bezier(face, *keys):
    """A smooth curve on the happy strength: (frame, value)…"""
    for frame, value in keys:
        face.mien.happy = value
        face.keyframe_insert("mien.happy", frame=frame)


def sampled(curve, step=0.25, first=-10.0, last=130.0):
    return np.array([curve.evaluate(frame) for frame in np.arange(first, last, step)])


FRAMES = np.arange(-10.0, 130.0, 0.25)
SHAPES = {
    "one piece": [(1, 0.0), (100, 1.0)],
    "several": [(1, 0.2), (25, 0.6), (38, 0.1), (70, 0.9), (110, 0.0)],
    "on the cue's ends": [(1, 0.9), (30, 0.1), (45, 0.3), (90, 0.7)],
    "all within": [(33, 0.1), (40, 0.5)],
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_weaker_cue_changes_nothing(mien, face, shape):
    bezier(face, *((frame, 0.5 + value / 2) for frame, value in SHAPES[shape]))
    curve = curve_of(mien, face)
    before, count = sampled(curve), len(curve.keyframe_points)
    mien.api.add_expression(face, "happy", 0.2, 30, 33, 41, 45)
    np.testing.assert_array_equal(sampled(curve_of(mien, face)), before)
    assert len(curve_of(mien, face).keyframe_points) == count


@pytest.mark.parametrize("shape", SHAPES)
def test_a_stronger_cue_bends_nothing_outside_itself(mien, face, shape):
    bezier(face, *SHAPES[shape])
    before = sampled(curve_of(mien, face))
    mien.api.add_expression(face, "happy", 1.4, 30, 33, 41, 45)
    after = sampled(curve_of(mien, face))
    cue = np.interp(FRAMES, [30, 33, 41, 45], [0, 1.4, 1.4, 0])
    whole = FRAMES % 1 == 0
    inside = (FRAMES >= 30) & (FRAMES <= 45)
    np.testing.assert_allclose(after[whole & inside], np.maximum(before, cue)[whole & inside], atol=1e-3)
    np.testing.assert_allclose(after[whole & ~inside], before[whole & ~inside], atol=1e-5)
    np.testing.assert_allclose(after[~inside], before[~inside], atol=1e-4)
    assert after[inside].max() == pytest.approx(1.4, abs=1e-5)


def test_modifiers_on_the_strength_are_refused(mien, face):
    bezier(face, (1, 0.0), (50, 1.0))
    curve = curve_of(mien, face)
    curve.modifiers.new("NOISE")
    before = sampled(curve)
    with pytest.raises(mien.engine.MotionError, match="modifiers"):
        mien.api.add_expression(face, "happy", 1.0, 10, 15, 20, 30)
    np.testing.assert_array_equal(sampled(curve), before)


def test_adding_an_expression_leaves_the_rest_of_the_scene_alone(mien, scene, face):
    scene.mien.face = face
    other = bpy.data.objects.new("Lamp", None)
    scene.collection.objects.link(other)
    other.keyframe_insert("location", frame=1)
    scene.frame_set(10, subframe=0.25)
    other.location.x = 5  # a tweak without a key
    bpy.ops.mien.add_expression(expression="happy", intensity=1.0, start=5, apex_start=10, apex_end=20, end=30)
    assert other.location.x == 5
    assert (scene.frame_current, scene.frame_subframe) == (10, 0.25)
    assert face.mien.happy == pytest.approx(1.0, abs=0.05), "the panel shows the new keys at once"


@pytest.mark.parametrize("mode", ["EDIT", "SCULPT", "WEIGHT_PAINT", "VERTEX_PAINT", "TEXTURE_PAINT"])
def test_other_modes_are_refused_before_anything_is_computed(mien, scene, happy, mode):
    scene.mien.face = happy
    bpy.ops.object.mode_set(mode=mode)
    fit = mien.api.fit(happy)
    assert not fit.ok
    assert "Mode" in fit.sentence
    assert not bpy.ops.mien.bake.poll()
    with pytest.raises(mien.engine.MeshError, match="Mode"):
        mien.api.BakeJob(happy, start=1, end=5)
    bpy.ops.object.mode_set(mode="OBJECT")


@pytest.mark.parametrize("baked", [False, True])
def test_a_mesh_that_another_object_edits_is_refused(mien, scene, happy, baked):
    if baked:
        mien.api.bake(happy, start=1, end=3)
    twin = bpy.data.objects.new("Twin", happy.data)
    scene.collection.objects.link(twin)
    bpy.context.view_layer.objects.active = twin
    bpy.ops.object.mode_set(mode="EDIT")
    assert happy.mode == "OBJECT"
    assert "Another object" in mien.api.fit(happy).sentence
    with pytest.raises(mien.engine.MeshError, match="Another object"):
        mien.api.bake(happy, start=1, end=5)
    if baked:
        with pytest.raises(mien.engine.MeshError, match="cannot be changed now"):
            mien.api.remove_bake(happy)
    bpy.ops.object.mode_set(mode="OBJECT")
    assert (happy.data.shape_keys is not None) == baked


def test_a_folder_for_a_bundle_is_one_sentence_each_time(mien, tmp_path):
    for _ in range(3):
        with pytest.raises(mien.engine.BundleError, match="cannot be read"):
            mien.engine.load(tmp_path)


def test_a_remembered_error_does_not_grow(mien, tmp_path):
    path = tmp_path / "broken.safetensors"
    path.write_bytes(b"nothing")
    lengths = []
    for _ in range(30):
        with pytest.raises(mien.engine.BundleError) as caught:
            mien.engine.load(path)
        length, trace = 0, caught.value.__traceback__
        while trace is not None:
            length, trace = length + 1, trace.tb_next
        lengths.append(length)
    assert lengths[-1] == lengths[1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--cue", "happy:1:0:1e6:2e6:1e8"], "beyond Blender's"),
        (["--cue", "happy:1:-20:-10:5:10"], "begins at frame 0"),
        (["--cue", "happy:1:1:5:9:12", "--start", "-3"], "begins at frame 0"),
        (["--cue", "happy:1:1:5:9:12", "--end", "3000000000"], "beyond Blender's"),
    ],
)
def test_wild_numbers_are_wrong_usage(mien, tmp_path, capsys, words, said):
    out = tmp_path / "shot.glb"
    assert mien.cli.main(["bake", "sample:Ada", *words, "--out", str(out), "--quiet"]) == mien.cli.USAGE
    assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_number_of_four_hundred_digits(mien, tmp_path, capsys):
    cues = tmp_path / "cues.json"
    cue = {"expression": "happy", "intensity": 1, "start": 1, "apex_start": 2, "apex_end": 3, "end": 4}
    cues.write_text(str([cue]).replace("'", '"').replace('"end": 4', f'"end": {"9" * 400}'))
    words = ["bake", "sample:Ada", "--cues", str(cues), "--out", str(tmp_path / "a.blend")]
    assert mien.cli.main(words) == mien.cli.USAGE
    assert "not a number" in capsys.readouterr().err


def test_before_frame_0_a_blend_holds_all(mien, tmp_path):
    out = tmp_path / "a.blend"
    assert mien.cli.main(["bake", "sample:Ada", "--cue", "happy:1:-6:-3:0:3", "--out", str(out), "--quiet"]) == 0
    bpy.ops.wm.open_mainfile(filepath=str(out))
    names = [key.name for key in bpy.data.shape_keys[0].key_blocks]
    assert names[1] == "Happy -006"
    assert len(names) == 1 + 10


def test_a_folder_for_an_output_is_told_before_the_work(mien, tmp_path, capsys):
    (tmp_path / "folder.blend").mkdir()
    outs = ["--out", str(tmp_path / "a.blend"), "--out", str(tmp_path / "folder.blend")]
    assert mien.cli.main(["bake", "sample:Ada", "--cue", "happy:1:1:5:9:12", *outs]) == mien.cli.USAGE
    assert "is a folder" in capsys.readouterr().err
    assert not (tmp_path / "a.blend").exists()


@pytest.mark.parametrize("problem", [MemoryError(), ZeroDivisionError("x")])
def test_a_farm_gets_a_code_and_a_sentence_whatever_happens(mien, tmp_path, capsys, monkeypatch, problem):
    monkeypatch.setattr(mien.operator_base, "RAISE_UNEXPECTED", False)

    def fail(*_, **__):
        raise problem

    monkeypatch.setattr(mien.api, "bake", fail)
    words = ["bake", "sample:Ada", "--cue", "happy:1:1:5:9:12", "--out", str(tmp_path / "a.blend")]
    assert mien.cli.main(words) == mien.cli.FAILED
    error = capsys.readouterr().err
    assert ("memory" if isinstance(problem, MemoryError) else "did not expect") in error
    assert "Traceback" not in error
    assert not list(tmp_path.iterdir())


def test_a_glb_keeps_texture_coordinates_colours_and_weights(mien, face, template, tmp_path):
    """glTF splits a vertex where they differ; joined again, each corner and vertex has its own."""
    mesh = face.data
    mesh.materials.clear()  # glTF would cut the mesh apart by material
    mesh.polygons.foreach_set("material_index", np.zeros(len(mesh.polygons), np.int32))
    layer = mesh.uv_layers.new(name="UVMap")
    corners = np.random.default_rng(1).random((len(mesh.loops), 2)).astype(np.float32)  # every corner is a seam
    layer.data.foreach_set("uv", corners.ravel())
    colours = mesh.color_attributes.new("Paint", "FLOAT_COLOR", "CORNER")
    painted = np.linspace(0, 1, len(mesh.loops) * 4, dtype=np.float32)
    colours.data.foreach_set("color", painted)
    rig = bpy.data.objects.new("Rig", bpy.data.armatures.new("Rig"))
    bpy.context.scene.collection.objects.link(rig)
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    for name in ("one", "two"):
        bone = rig.data.edit_bones.new(name)
        bone.tail = (0, 0, 1)
    bpy.ops.object.mode_set(mode="OBJECT")
    weights = np.linspace(0.1, 0.9, len(mesh.vertices))
    for name, shares in (("one", weights), ("two", 1 - weights)):
        group = face.vertex_groups.new(name=name)
        for vertex, share in enumerate(shares):
            group.add([vertex], float(share), "REPLACE")
    face.parent = rig
    face.modifiers.new("Rig", "ARMATURE").object = rig
    path = tmp_path / "face.glb"
    bpy.ops.export_scene.gltf(filepath=str(path), export_all_vertex_colors=True, export_vertex_color="ACTIVE")
    mien.scene_io.read(path)
    back = max(mien.scene_io.meshes(), key=lambda one: len(one.data.vertices))
    assert mien.api.fit(back).ok
    assert len(back.data.vertices) == template.vertex_count
    found = np.empty((len(back.data.loops), 2), np.float32)
    back.data.uv_layers[0].data.foreach_get("uv", found.ravel())
    # glTF has triangles: each corner of a vertex has one of the texture coordinates it had before.
    mine = {}
    for loop, uv in zip(bpy.data.meshes[back.data.name].loops, found, strict=True):
        mine.setdefault(loop.vertex_index, []).append(uv)
    assert len(np.unique(found.round(5), axis=0)) > 0.9 * len(corners)
    assert len(back.data.color_attributes) == 1
    assert {group.name for group in back.vertex_groups} >= {"one", "two"}
    one = back.vertex_groups["one"].index
    read = np.array([sum(g.weight for g in v.groups if g.group == one) for v in back.data.vertices])
    # In the order of the vertices, as they were.
    order = np.corrcoef(read, weights)[0, 1]
    assert order > 0.9999
    sys.stdout.flush()


def test_a_stepped_and_an_eased_curve_go_on_as_they_went(mien, face):
    for kind in ("CONSTANT", "SINE", "LINEAR"):
        bezier(face, (1, 0.1), (20, 0.4), (60, 0.2), (100, 0.8))
        for point in curve_of(mien, face).keyframe_points:
            point.interpolation = kind
        before = sampled(curve_of(mien, face))
        mien.api.add_expression(face, "happy", 1.0, 30, 33, 41, 45)
        after, whole = sampled(curve_of(mien, face)), FRAMES % 1 == 0
        outside = whole & ((FRAMES < 30) | (FRAMES > 45))
        np.testing.assert_allclose(after[outside], before[outside], atol=1e-5)
        assert after.max() == pytest.approx(1.0)
        face.animation_data_clear()


def test_an_empty_stretch_gets_no_more_keys_than_the_cue_needs(mien, face):
    bezier(face, (-20, 0.0), (100, 0.0))
    mien.api.add_expression(face, "happy", 1.0, 30, 33, 41, 45)
    assert [point.co.x for point in curve_of(mien, face).keyframe_points] == [-20, 30, 33, 41, 45, 100]


def test_cues_at_frames_that_are_not_whole(mien, face):
    mien.api.add_expression(face, "happy", 0.8, 1.0, 4.0, 7.0, 10.1)
    mien.api.add_expression(face, "happy", 0.9, 10.1, 14.3, 17.7, 20.2)
    mien.api.add_expression(face, "happy", 1.0, 10.104, 12.0, 13.0, 20.195)
    assert curve_of(mien, face).evaluate(12.5) == pytest.approx(1.0, abs=1e-3)
