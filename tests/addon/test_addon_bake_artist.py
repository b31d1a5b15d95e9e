# ruff: noqa: ARG001 - fixtures are asked for by name, also for what they do
"""The artist works on the same shape keys while bakes play, are switched, baked again and removed: nothing is lost."""

from __future__ import annotations

import bpy
import numpy as np
import pytest


@pytest.fixture
def blinking(happy):
    """A happy face with two shape keys of its own: "blink" is keyed, "frown" is not."""
    happy.shape_key_add(name="Basis", from_mix=False)
    for number, name in enumerate(("blink", "frown")):
        key = happy.shape_key_add(name=name, from_mix=False)
        key.value = 0.0
        for point in list(key.points)[number::9]:
            point.co.z += 0.003
    key_it(happy, "blink", {0: 0.0, 15: 1.0})
    return happy


def key_it(face, name, values):
    key = face.data.shape_keys.key_blocks[name]
    for frame, value in values.items():
        key.value = value
        key.keyframe_insert("value", frame=frame)


def value_at(evaluated, face, name, frame):
    evaluated(face, frame)
    return face.data.shape_keys.key_blocks[name].value


def bake(mien, face, way="compact", **more):
    return mien.api.bake(face, start=0, end=36, way=way, engine_name="numpy", **more)


@pytest.mark.parametrize("then", ["again", "another", "play none", "remove", "switch and remove"])
@pytest.mark.parametrize("way", ["compact", "keys", "own"])
def test_what_is_keyed_while_a_bake_plays_goes_on_whatever_comes_then(mien, blinking, evaluated, way, then):
    if way == "own":
        blinking.data.shape_keys.key_blocks["frown"].mute = False
        blinking.shape_key_add(name="smile", from_mix=False).value = 0.0
    bake(mien, blinking, "compact", name="First")
    bake(mien, blinking, way, name="Second")
    free = "blink"
    if way == "own":  # all the artist's keys are driven: one more that is not
        blinking.shape_key_add(name="free", from_mix=False).value = 0.0
        free = "free"
    key_it(blinking, free, {3: 0.0, 30: 0.5})
    if then == "again":
        blinking.mien.gain = 0.5
        if way != "own":
            bake(mien, blinking, way, name="Second")
    elif then == "another":
        bake(mien, blinking, "compact", new=True)
    elif then == "play none":
        mien.api.play_bake(blinking, "")
    elif then == "remove":
        mien.api.remove_bake(blinking, "Second")
    else:
        mien.api.play_bake(blinking, "First")
        mien.api.remove_bake(blinking, "Second")
    assert value_at(evaluated, blinking, free, 30) == pytest.approx(0.5)
    while blinking.data.mien.bakes:
        mien.api.remove_bake(blinking)
    assert value_at(evaluated, blinking, free, 30) == pytest.approx(0.5)


def test_baked_onto_own_keys_again_a_key_beside_them_keeps_its_curve(mien, blinking, evaluated):
    keys = blinking.data.shape_keys.key_blocks
    keys["frown"].vertex_group = blinking.vertex_groups.new(name="some").name  # so it is not performed with
    bake(mien, blinking, "own")
    key_it(blinking, "frown", {3: 0.0, 7: 1.0})
    bake(mien, blinking, "own")
    assert value_at(evaluated, blinking, "frown", 7) == pytest.approx(1.0)
    mien.api.remove_bake(blinking)
    assert value_at(evaluated, blinking, "frown", 7) == pytest.approx(1.0)
    assert value_at(evaluated, blinking, "blink", 15) == pytest.approx(1.0)


def test_a_curves_modifiers_and_handles_come_home_with_it(mien, blinking, evaluated):
    bake(mien, blinking)
    curve = mien.fcurves.curves_of(blinking.data.shape_keys).find('key_blocks["blink"].value')
    noise = curve.modifiers.new("NOISE")
    noise.strength, noise.scale = 0.3, 4.0
    curve.extrapolation = "LINEAR"
    expected = [curve.evaluate(frame) for frame in range(-5, 40, 3)]
    mien.api.remove_bake(blinking)
    curve = mien.fcurves.curves_of(blinking.data.shape_keys).find('key_blocks["blink"].value')
    np.testing.assert_allclose([curve.evaluate(frame) for frame in range(-5, 40, 3)], expected, atol=1e-6)


def test_an_action_chosen_by_hand_is_the_artists_from_then_on(mien, blinking, evaluated):
    bake(mien, blinking)
    keys = blinking.data.shape_keys
    mine = keys.animation_data.action
    keys.animation_data.action = None
    key_it(blinking, "frown", {0: 0.0, 20: 0.75})
    chosen = keys.animation_data.action
    assert chosen != mine
    mien.api.play_bake(blinking, "")
    mien.api.play_bake(blinking, blinking.data.mien.bakes[0].name)
    assert value_at(evaluated, blinking, "frown", 20) == pytest.approx(0.75)
    mien.api.remove_bake(blinking)
    assert keys.animation_data.action == chosen


@pytest.mark.parametrize("way", ["keys", "compact", "own"])
def test_renamed_keys_are_followed(mien, blinking, evaluated, positions, way):
    rest = evaluated(blinking, -5)
    bake(mien, blinking, way)
    seen = evaluated(blinking, 18)
    keys = blinking.data.shape_keys.key_blocks
    entry = blinking.data.mien.bakes[0]
    chosen = (entry.key_names or entry.driven_names)[0 if way != "keys" else 18]
    keys[chosen].name = "called otherwise"
    if way != "own":
        keys["blink"].name = "wink"
    mien.api.play_bake(blinking, "")
    np.testing.assert_array_equal(evaluated(blinking, -5), rest)
    if way != "own":
        assert value_at(evaluated, blinking, "wink", 15) == pytest.approx(1.0)
    mien.api.play_bake(blinking, entry.name)
    np.testing.assert_allclose(evaluated(blinking, 18), seen, atol=1e-7)
    mien.api.remove_bake(blinking)
    assert len(keys) == 3
    np.testing.assert_array_equal(evaluated(blinking, -5), rest)
    assert ("called otherwise" in keys) == (way == "own")


def test_a_renamed_slot_is_still_the_one(mien, blinking, evaluated):
    keys = blinking.data.shape_keys
    if not hasattr(keys.animation_data, "action_slot"):
        pytest.skip("slots came with Blender 4.4")
    action = keys.animation_data.action
    bake(mien, blinking)
    slot = next(one for one in action.slots if one.target_id_type == "KEY")
    slot.name_display = "Renamed"
    mien.api.remove_bake(blinking)
    assert keys.animation_data.action == action
    assert keys.animation_data.action_slot == slot


def test_with_none_playing_a_bake_is_a_new_one_and_nothing_is_removed(mien, scene, happy, evaluated):
    scene.mien.face = happy
    scene.frame_start, scene.frame_end = 0, 10
    bpy.ops.mien.bake()
    bpy.ops.mien.play_none()
    assert not bpy.ops.mien.remove_bake.poll()
    bpy.ops.mien.bake()
    assert [one.name for one in happy.data.mien.bakes] == ["Happy", "Happy 2"]


def test_names_of_bakes_stay_unlike_and_are_never_empty(mien, happy):
    bake(mien, happy)
    bake(mien, happy, new=True, name="B")
    first, second = happy.data.mien.bakes
    second.name = "Happy"
    assert second.name == "Happy 2"
    second.name = "  "
    assert second.name == "Bake"
    second.name = "Happy 2"
    assert mien.api.bake_again(happy, "Happy 2", engine_name="numpy").name == "Happy 2"
    assert first.name == "Happy"


@pytest.mark.parametrize("harm", [{"names": None}, {"names": 3}, {"error_mm": "x"}, {"start": None}, {"megabytes": []}])
def test_a_record_that_makes_no_sense_breaks_no_panel(mien, scene, happy, harm):
    bake(mien, happy)
    entry = happy.data.mien.bakes[0]
    entry.about = {**entry.about, **harm}
    assert isinstance(entry.key_names, list)
    assert all(
        isinstance(entry.about.get(name, 0.0), float | int) for name in ("start", "end", "error_mm", "megabytes")
    )
    scene.mien.face = happy
    assert mien.operators.verdict(bpy.context).ok


class TestCaches:
    """A point cache's file is never written over: an undo, a copy or another bake may still play it."""

    @pytest.fixture
    def saved(self, happy, tmp_path):
        bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
        return happy

    def test_undo_brings_the_old_motion_back(self, mien, saved, evaluated):
        name = saved.name
        bake(mien, saved, "cache")
        seen = evaluated(saved, 18)
        bpy.ops.ed.undo_push(message="baked")
        saved.mien.gain = 0.2
        mien.api.bake(saved, start=10, end=30, way="cache", engine_name="numpy")
        assert np.abs(evaluated(saved, 18) - seen).max() > 1e-3
        bpy.ops.ed.undo_push(message="again")
        bpy.ops.ed.undo()
        np.testing.assert_array_equal(evaluated(bpy.data.objects[name], 18), seen)

    def test_given_up_at_the_last_moment_the_old_one_plays(self, mien, saved, evaluated, tmp_path):
        bake(mien, saved, "cache")
        seen, files = evaluated(saved, 18), sorted(tmp_path.rglob("*.pc2"))
        saved.mien.gain = 0.2
        job = mien.api.BakeJob(saved, start=0, end=36, way="cache", engine_name="numpy")
        for _ in job.compute():
            pass
        job.abort()
        np.testing.assert_array_equal(evaluated(saved, 18), seen)
        assert sorted(tmp_path.rglob("*")) == sorted({*files, tmp_path / "shot.blend", tmp_path / "mien_cache"})

    def test_a_renamed_bake_keeps_its_file(self, mien, saved, evaluated):
        bake(mien, saved, "cache")
        seen = evaluated(saved, 18)
        saved.data.mien.bakes[0].name = "Take 1"
        saved.mien.gain = 0.2
        bake(mien, saved, "cache", new=True, name="Happy")
        mien.api.play_bake(saved, "Take 1")
        np.testing.assert_array_equal(evaluated(saved, 18), seen)

    def test_a_copy_bakes_into_a_file_of_its_own(self, mien, saved, evaluated):
        bake(mien, saved, "cache")
        seen = evaluated(saved, 18)
        bpy.context.view_layer.objects.active = saved
        saved.select_set(True)
        bpy.ops.object.duplicate()
        copy = bpy.context.object
        copy.mien.gain = 0.2
        bake(mien, copy, "cache")
        np.testing.assert_array_equal(evaluated(saved, 18), seen)
        assert np.abs(evaluated(copy, 18) - seen).max() > 1e-3

    def test_all_who_share_the_mesh_perform_and_stop(self, mien, saved, scene, evaluated):
        bake(mien, saved, "cache")
        twin = saved.copy()
        scene.collection.objects.link(twin)
        rest = evaluated(saved, -5)
        assert np.abs(evaluated(twin, 18) - rest).max() > 1e-3
        mien.api.play_bake(saved, "")
        np.testing.assert_array_equal(evaluated(twin, 18), rest)
        mien.api.play_bake(saved, "Happy")
        mien.api.remove_bake(saved)
        assert not twin.modifiers
        assert not saved.modifiers


@pytest.mark.parametrize("way", ["keys", "absolute", "compact"])
def test_a_range_that_is_no_multiple_of_the_step_ends_as_it_should(mien, face, evaluated, way):
    face.mien.happy = 0.8
    mien.api.bake(face, start=1, end=20, engine_name="numpy")
    rest = evaluated(face, -50)
    wanted = np.abs(evaluated(face, 20) - rest).max()
    mien.api.bake(face, start=1, end=20, step=2.0, way=way, engine_name="numpy")
    for frame in (19, 20):
        assert np.abs(evaluated(face, frame) - rest).max() == pytest.approx(wanted, rel=0.02)
