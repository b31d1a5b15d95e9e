# ruff: noqa: ARG001, PLR0917 - fixtures are asked for by name, also for what they do
"""Several faces, several performances: each bake has a name, an action and a record of its own."""

from __future__ import annotations

import bpy
import numpy as np
import pytest


@pytest.fixture
def two(mien, happy):
    """A face with two bakes: happy, and sad, which plays."""
    mien.api.bake(happy, start=0, end=36, way="compact", engine_name="numpy")
    mien.api.add_expression(happy, "sad", 1.0, 0, 10, 20, 36)
    happy.mien.happy = 0.0
    mien.fcurves.curves_of(happy).find("mien.happy").mute = True
    mien.api.bake(happy, start=0, end=36, new=True, name="Sad", engine_name="numpy")
    return happy


def names(face):
    return [one.name for one in face.data.mien.bakes]


def test_each_bake_has_its_name_its_keys_and_its_action(mien, two, evaluated):
    assert names(two) == ["Happy", "Sad"]
    assert two.data.mien.active == 1
    happy, sad = two.data.mien.bakes
    assert happy.action != sad.action
    assert not set(happy.key_names) & set(sad.key_names)
    seen = {}
    for name in ("Sad", "Happy", "Sad", "Happy"):
        mien.api.play_bake(two, name)
        assert two.data.shape_keys.animation_data.action.name == f"{two.name} {name}"
        again = evaluated(two, 15)
        np.testing.assert_array_equal(again, seen.setdefault(name, again))
    assert np.abs(seen["Sad"] - seen["Happy"]).max() > 1e-3
    mien.api.play_bake(two, "")
    np.testing.assert_array_equal(evaluated(two, 15), evaluated(two, -5))
    with pytest.raises(mien.engine.MeshError, match="no bake 'Fear'"):
        mien.api.play_bake(two, "Fear")


def test_while_gltf_is_exported_every_action_keys_every_bakes_shapes(mien, two):
    """The exporter would else carry one performance into the next; in playback these curves would only cost."""
    every = {key for one in two.data.mien.bakes for key in one.key_names}

    def keyed(one):
        return {curve.data_path for curve in mien.actions.curves_in(one.action)}

    before = [keyed(one) for one in two.data.mien.bakes]
    assert before == [{mien.actions.path_of(key) for key in one.key_names} for one in two.data.mien.bakes]
    mien.package.glTF2_pre_export_callback({})
    for one in two.data.mien.bakes:
        assert keyed(one) == {mien.actions.path_of(key) for key in every}
    mien.package.glTF2_post_export_callback({})
    assert [keyed(one) for one in two.data.mien.bakes] == before


def test_choosing_in_the_list_is_playing(mien, two, evaluated):
    sad = evaluated(two, 15)
    two.data.mien.active = 0
    assert np.abs(evaluated(two, 15) - sad).max() > 1e-3
    two.data.mien.active = 1
    np.testing.assert_array_equal(evaluated(two, 15), sad)


def test_removing_one_leaves_the_other(mien, two, evaluated):
    mien.api.play_bake(two, "Happy")
    happy = evaluated(two, 15)
    assert mien.api.remove_bake(two, "Sad") == 37
    assert names(two) == ["Happy"]
    np.testing.assert_array_equal(evaluated(two, 15), happy)
    assert {key.name for key in two.data.shape_keys.key_blocks} == {"Basis", *two.data.mien.bakes[0].key_names}
    assert [action.name for action in bpy.data.actions if "Sad" in action.name] == []
    mien.api.remove_bake(two)
    assert two.data.shape_keys is None


def test_a_bake_of_a_name_is_replaced_in_its_place(mien, two, evaluated):
    sad = evaluated(two, 15)
    two.mien.gain = 0.5
    mien.api.bake(two, start=0, end=36, name="Happy", engine_name="numpy")
    assert names(two) == ["Happy", "Sad"]
    assert two.data.mien.active == 0
    mien.api.play_bake(two, "Sad")
    np.testing.assert_array_equal(evaluated(two, 15), sad)


@pytest.mark.parametrize("way", ["keys", "compact", "cache"])
def test_a_duplicate_plays_the_same_and_stands_alone(mien, happy, evaluated, tmp_path, way):
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    mien.api.bake(happy, start=0, end=36, way=way, engine_name="numpy")
    seen = evaluated(happy, 15)
    assert mien.api.duplicate_bake(happy) == "Happy 2"
    np.testing.assert_array_equal(evaluated(happy, 15), seen)
    happy.mien.gain = 0.3
    mien.api.bake(happy, start=0, end=36, way=way, engine_name="numpy")
    assert names(happy) == ["Happy", "Happy 2"]
    assert np.abs(evaluated(happy, 15) - seen).max() > 1e-4
    mien.api.play_bake(happy, "Happy")
    np.testing.assert_array_equal(evaluated(happy, 15), seen)
    mien.api.remove_bake(happy)
    mien.api.remove_bake(happy)
    assert happy.data.shape_keys is None
    assert not happy.modifiers


@pytest.mark.parametrize("way", ["keys", "absolute", "compact", "cache"])
def test_a_record_bakes_the_same_again_whatever_has_changed_since(mien, scene, happy, evaluated, tmp_path, way):
    happy.mien.mouth, happy.mien.balance, happy.mien.speed = 0.7, 0.3, 1.5
    cache = {"cache": tmp_path / "a.pc2"} if way == "cache" else {}
    first = mien.api.bake(happy, start=0, end=30, way=way, step=1.5, tolerance=0.1, engine_name="numpy", **cache)
    frames = [evaluated(happy, frame) for frame in (5, 11, 20)]
    about = happy.data.mien.bakes[0].about
    assert about["bundle"] == mien.engine.load().digest
    assert about["mien"] == mien.bake_job.VERSION
    assert about["seed"] is None
    happy.mien.mouth, happy.mien.balance, happy.mien.speed = 1.0, 0.0, 1.0
    happy.animation_data_clear()
    happy.mien.happy = 0.0
    scene.render.fps = 60
    again = mien.api.bake_again(happy, engine_name="numpy")
    assert (again.way, again.start, again.end, len(again.keys)) == (way, first.start, first.end, len(first.keys))
    for frame, seen in zip((5, 11, 20), frames, strict=True):
        # Absolute keys lie elsewhere on the same curve: a rounding more.
        np.testing.assert_allclose(evaluated(happy, frame), seen, rtol=0, atol=1e-7 if way == "absolute" else 0)
    new = {"engine", "cache", "modifier"}  # a point cache always gets a file of its own
    kept = {key: value for key, value in happy.data.mien.bakes[0].about.items() if key not in new}
    assert kept == {key: value for key, value in about.items() if key not in new}


@pytest.mark.parametrize("harm", ["bundle", "labels", "times", "shaping", "text"])
def test_a_damaged_record_is_told_and_nothing_is_lost(mien, happy, evaluated, harm):
    mien.api.bake(happy, start=0, end=20, engine_name="numpy")
    seen, entry = evaluated(happy, 15), happy.data.mien.bakes[0]
    about = entry.about
    if harm == "text":
        entry.text = entry.text[:-20]
    else:
        about[harm] = "0" * 64 if harm == "bundle" else {"data": "AAA", "type": "|O", "shape": [3]}
        about["bundle_title"] = "Somebody else's head"  # of today's the bake would be made once more, beside it
        entry.about = about
    with pytest.raises(mien.engine.MienError):
        mien.api.bake_again(happy)
    np.testing.assert_array_equal(evaluated(happy, 15), seen)


def test_own_animation_goes_on_under_every_bake_and_after_it(mien, happy, evaluated):
    happy.shape_key_add(name="Basis", from_mix=False)
    blink = happy.shape_key_add(name="blink", from_mix=False)
    for point in list(blink.points)[::9]:
        point.co.z += 0.003
    for frame, value in ((0, 0.0), (15, 1.0)):
        blink.value = value
        blink.keyframe_insert("value", frame=frame)
    keys = happy.data.shape_keys
    base, alone = keys.animation_data.action, evaluated(happy, 15)
    mien.api.bake(happy, start=0, end=36, engine_name="numpy")
    assert keys.animation_data.action != base
    assert keys.key_blocks["blink"].value == pytest.approx(1.0)
    # What is keyed while a bake plays is not lost with it.
    keys.key_blocks["blink"].value = 0.25
    keys.key_blocks["blink"].keyframe_insert("value", frame=30)
    mien.api.remove_bake(happy)
    assert keys.animation_data.action is not None
    np.testing.assert_array_equal(evaluated(happy, 15), alone)
    evaluated(happy, 30)
    assert keys.key_blocks["blink"].value == pytest.approx(0.25)


def test_two_faces_perform_each_its_own(mien, scene, happy, evaluated):
    other = mien.api.add_sample_face(mien.sample_face.sample_names(bpy.context)[1])
    mien.api.add_expression(other, "angry", 0.9, 0, 10, 20, 30)
    mien.api.bake(happy, start=0, end=36, engine_name="numpy")
    seen = evaluated(happy, 15)
    mien.api.bake(other, start=0, end=36, engine_name="numpy")
    np.testing.assert_array_equal(evaluated(happy, 15), seen)
    assert happy.data.shape_keys.animation_data.action != other.data.shape_keys.animation_data.action
    mien.api.remove_bake(other)
    np.testing.assert_array_equal(evaluated(happy, 15), seen)


def test_a_copied_face_keeps_and_removes_bakes_of_its_own(mien, scene, happy, evaluated):
    mien.api.bake(happy, start=0, end=36, engine_name="numpy")
    seen = evaluated(happy, 15)
    bpy.ops.object.select_all(action="DESELECT")
    happy.select_set(True)
    bpy.context.view_layer.objects.active = happy
    bpy.ops.object.duplicate()
    copy = bpy.context.object
    assert copy.data != happy.data
    np.testing.assert_array_equal(evaluated(copy, 15), seen)
    assert mien.api.remove_bake(copy) == 37
    assert copy.data.shape_keys is None
    np.testing.assert_array_equal(evaluated(happy, 15), seen)
    assert mien.api.remove_bake(happy) == 37


def test_the_buttons(mien, scene, happy, evaluated):
    scene.mien.face = happy
    scene.frame_start, scene.frame_end = 0, 20
    for operator in ("remove_bake", "duplicate_bake", "play_none"):
        assert not getattr(bpy.ops.mien, operator).poll()
    assert bpy.ops.mien.bake() == {"FINISHED"}
    assert bpy.ops.mien.bake(new=True) == {"FINISHED"}
    assert names(happy) == ["Happy", "Happy 2"]
    assert bpy.ops.mien.duplicate_bake() == {"FINISHED"}
    assert bpy.ops.mien.bake(recorded=True) == {"FINISHED"}
    assert bpy.ops.mien.play_none() == {"FINISHED"}
    assert happy.data.mien.active == -1
    with pytest.raises(RuntimeError, match="No bake plays"):
        bpy.ops.mien.bake(recorded=True)
    for operator in ("remove_bake", "duplicate_bake", "play_none"):
        assert not getattr(bpy.ops.mien, operator).poll()
    assert bpy.ops.mien.bake() == {"FINISHED"}  # none plays: another one, and nothing is replaced
    assert len(happy.data.mien.bakes) == 4
    for left in (3, 2, 1, 0):
        assert bpy.ops.mien.remove_bake() == {"FINISHED"}
        assert len(happy.data.mien.bakes) == left
    assert happy.data.shape_keys is None


def test_undo_and_redo_over_several_bakes(mien, scene, happy, evaluated):
    scene.mien.face = happy
    scene.frame_start, scene.frame_end = 0, 20
    name = happy.name
    bpy.ops.ed.undo_push(message="before")
    counts = []
    for way in ("keys", "compact"):
        scene.mien.way = way
        bpy.ops.mien.bake(new=True)
        bpy.ops.ed.undo_push(message=way)
        counts.append(len(bpy.data.objects[name].data.shape_keys.key_blocks))
    seen = evaluated(bpy.data.objects[name], 15)
    bpy.ops.ed.undo()
    face = bpy.data.objects[name]
    assert len(face.data.shape_keys.key_blocks) == counts[0]
    assert names(face) == ["Happy"]
    bpy.ops.ed.undo()
    assert bpy.data.objects[name].data.shape_keys is None
    bpy.ops.ed.redo()
    bpy.ops.ed.redo()
    face = bpy.data.objects[name]
    assert len(face.data.shape_keys.key_blocks) == counts[1]
    np.testing.assert_array_equal(evaluated(face, 15), seen)
    mien.api.remove_bake(face)
    mien.api.remove_bake(face)
    assert face.data.shape_keys is None
