# ruff: noqa: ARG001 - fixtures are asked for by name, also for what they do
"""The buttons and the panels, as far as they go without a window."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np
import pytest


def test_the_whole_work_by_operators(mien, scene, evaluated, positions):
    assert bpy.ops.mien.add_sample_face() == {"FINISHED"}
    face = scene.mien.face
    assert bpy.context.active_object == face
    assert face.select_get()
    assert bpy.ops.mien.add_expression(
        expression="surprise", intensity=1.0, start=1, apex_start=8, apex_end=12, end=20
    ) == {"FINISHED"}
    scene.frame_start, scene.frame_end = 1, 20
    assert bpy.ops.mien.bake() == {"FINISHED"}
    assert len(face.data.shape_keys.key_blocks) == 21
    rest = positions(face.data)
    assert np.abs(evaluated(face, 11) - rest).max() > 1e-4
    assert bpy.ops.mien.remove_bake() == {"FINISHED"}
    assert face.data.shape_keys is None
    assert face.animation_data.action is not None, "the keyed strengths stay"


def test_the_operator_bakes_what_the_script_bakes(mien, scene, happy, evaluated):
    mien.api.bake(happy, start=5, end=15, engine_name="numpy")
    by_script = evaluated(happy, 12)
    mien.api.remove_bake(happy)
    scene.mien.own_range, scene.mien.frame_start, scene.mien.frame_end = True, 5, 15
    bpy.ops.mien.bake()
    np.testing.assert_array_equal(evaluated(happy, 12), by_script)
    assert len(happy.data.shape_keys.key_blocks) == 12


def test_grey_buttons_have_a_reason(mien, scene):
    assert not bpy.ops.mien.bake.poll()
    with pytest.raises(RuntimeError, match="No face is picked"):
        bpy.ops.mien.bake()
    bpy.ops.mesh.primitive_cube_add()
    bpy.ops.mien.pick_face()
    with pytest.raises(RuntimeError, match="Cube has 8 vertices"):
        bpy.ops.mien.add_expression()
    with pytest.raises(RuntimeError, match="no bake"):
        bpy.ops.mien.remove_bake()
    bpy.ops.object.mode_set(mode="EDIT")
    with pytest.raises(RuntimeError, match="Edit Mode"):
        bpy.ops.mien.bake()
    with pytest.raises(RuntimeError, match="Object Mode"):
        bpy.ops.mien.add_sample_face()
    bpy.ops.object.mode_set(mode="OBJECT")


def test_known_errors_are_one_report_and_change_nothing(mien, scene, face):
    with pytest.raises(RuntimeError, match="nothing to perform"):
        bpy.ops.mien.bake()
    scene.mien.own_range, scene.mien.frame_start, scene.mien.frame_end = True, 9, 3
    with pytest.raises(RuntimeError, match="holds no frame"):
        bpy.ops.mien.bake()
    with pytest.raises(RuntimeError, match="out of order"):
        bpy.ops.mien.add_expression(start=10, apex_start=5)
    assert face.data.shape_keys is None
    assert face.animation_data is None


def test_the_unexpected_is_written_to_a_file(mien, happy, monkeypatch):
    monkeypatch.setattr(mien.operator_base, "RAISE_UNEXPECTED", False)
    monkeypatch.setattr(mien.bake.FrameWriter, "animate", lambda *_: 1 / 0)
    with pytest.raises(RuntimeError, match="A report lies in") as caught:
        bpy.ops.mien.bake()
    path = Path(str(caught.value).split("A report lies in ")[1].strip())
    text = path.read_text()
    assert "ZeroDivisionError" in text
    assert bpy.app.version_string in text
    assert "mien" in str(path.parent)


def test_a_face_deleted_from_the_scene_is_no_longer_the_face(mien, scene, face):
    bpy.ops.object.delete()
    assert mien.operators.face_of(bpy.context) is None
    assert not bpy.ops.mien.bake.poll()


def test_another_bundle_that_is_damaged_is_told(mien, scene, face, tmp_path):
    preferences = bpy.context.preferences.addons["bl_ext.user_default.mien"].preferences
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(mien.engine.DEFAULT_BUNDLE.read_bytes()[:5000])
    try:
        preferences.bundle = str(damaged)
        with pytest.raises(RuntimeError, match=r"damaged\.safetensors"):
            bpy.ops.mien.bake()
        preferences.bundle = str(tmp_path / "absent.safetensors")
        with pytest.raises(RuntimeError, match="There is no bundle"):
            bpy.ops.mien.bake()
    finally:
        preferences.bundle = ""
    assert mien.operators.verdict(bpy.context).ok


def test_a_device_that_is_not_there_is_told(mien, happy):
    with pytest.raises(mien.engine.DeviceError):
        mien.api.bake(happy, start=1, end=3, engine_name="numpy", device="mps")
    assert happy.data.shape_keys is None


def test_sample_faces_look_to_the_viewer_in_metres_with_their_parts(mien, scene, template, positions):
    names = mien.sample_face.sample_names(bpy.context)
    assert names
    for name in names:
        bpy.ops.mien.add_sample_face(sample=name)
        face = scene.mien.face
        assert 0.2 < face.dimensions.z < 0.45
        points = positions(face.data)
        nose, chin, top = (points[template.landmarks[mark]] for mark in ("nose_tip", "chin", "head_top"))
        assert nose[1] < points[:, 1].mean()
        assert top[2] > chin[2]
        left = points[template.landmarks["left_mouth_corner"]]
        assert left[0] > 0
        assert [slot.name for slot in face.material_slots] == [f"Mien {part}" for part in template.parts]
        assert all(polygon.use_smooth for polygon in face.data.polygons)
        assert mien.api.fit(face).ok
    assert len([one for one in bpy.data.materials if one.name.startswith("Mien")]) == len(template.parts)
