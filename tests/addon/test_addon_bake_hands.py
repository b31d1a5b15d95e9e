"""A bake among hands that are busy on the same shape keys: renamed, deleted, copied, in Edit Mode."""

from __future__ import annotations

import bpy
import numpy as np
import pytest


def blocks(obj):
    return [key.name for key in obj.data.shape_keys.key_blocks]


@pytest.mark.parametrize("by_hand", ["delete", "rename", "delete all"])
def test_baking_again_after_keys_were_deleted_or_renamed(mien, happy, by_hand):
    mine = happy.shape_key_add(name="Basis", from_mix=False)
    mine = happy.shape_key_add(name="mine", from_mix=False).name
    mien.api.bake(happy, start=1, end=5)
    keys = happy.data.shape_keys.key_blocks
    if by_hand == "rename":
        keys["Happy 0003"].name = "kept"
    for name in {"delete": ["Happy 0003"], "rename": [], "delete all": blocks(happy)[2:]}[by_hand]:
        happy.shape_key_remove(keys[name])
    kept = ["kept"] if by_hand == "rename" else []
    result = mien.api.bake(happy, start=3, end=6)
    assert result.keys == ["Happy 0003", "Happy 0004", "Happy 0005", "Happy 0006"]
    assert blocks(happy) == ["Basis", mine, *kept, *result.keys]
    curves = {curve.data_path for curve in mien.fcurves.curves_of(happy.data.shape_keys)}
    assert {f'key_blocks["{name}"].value' for name in result.keys} <= curves
    assert mien.api.remove_bake(happy) == 4
    assert blocks(happy) == ["Basis", mine, *kept]


def test_removing_from_a_copy_leaves_the_original_its_animation(mien, scene, happy):
    mien.api.bake(happy, start=1, end=5)
    copy = bpy.data.objects.new("Copy", happy.data.copy())
    scene.collection.objects.link(copy)
    theirs, mine = copy.data.shape_keys.animation_data_create(), happy.data.shape_keys.animation_data
    theirs.action = mine.action
    if hasattr(mine, "action_slot"):
        theirs.action_slot = mine.action_slot
    assert mien.api.remove_bake(copy) == 5
    assert len(mien.fcurves.curves_of(happy.data.shape_keys)) == 5
    assert mien.api.remove_bake(happy) == 5


def test_an_unfinished_bake_is_on_record(mien, happy):
    """Blender may save by itself, or crash, while a long bake runs."""
    mien.api.bake(happy, start=1, end=5)
    job = mien.api.BakeJob(happy, start=1, end=40)
    steps = job.compute()
    next(steps)
    written = len(blocks(happy)) - 1
    _, bake = happy.data.mien.bakes
    assert bake.unfinished
    assert bake.about["frames_done"] == written - 5 > 0
    assert mien.api.remove_bake(happy, bake.name) == written - 5
    assert mien.api.remove_bake(happy) == 5
    assert happy.data.shape_keys is None


def test_what_a_crash_left_does_not_hinder_the_next_bake(mien, happy, evaluated):
    mien.api.bake(happy, start=1, end=20)
    whole = evaluated(happy, 18)
    mien.api.remove_bake(happy)
    job = mien.api.BakeJob(happy, start=1, end=40)
    steps = job.compute()
    next(steps)
    job._closed = True  # as if Blender had ended here
    steps.close()
    result = mien.api.bake(happy, start=1, end=20)
    assert [one.unfinished for one in happy.data.mien.bakes] == [True, False]
    assert len(result.keys) == 20
    np.testing.assert_allclose(evaluated(happy, 18), whole, atol=1e-8)
    assert mien.api.remove_bake(happy) == 20
    assert mien.api.remove_bake(happy) > 0
    assert happy.data.shape_keys is None


def test_walking_away_half_way_leaves_the_bake_before(mien, happy, evaluated):
    mien.api.bake(happy, start=1, end=30)
    before, record = evaluated(happy, 20), happy.data.mien.bakes[0].text
    steps = mien.api.BakeJob(happy, start=10, end=90).compute()
    next(steps)
    next(steps)
    assert len(blocks(happy)) > 31 + 16
    steps.close()
    assert len(blocks(happy)) == 31
    assert [one.text for one in happy.data.mien.bakes] == [record]
    np.testing.assert_array_equal(evaluated(happy, 20), before)


def test_a_face_that_goes_to_edit_mode_half_way_comes_back_unchanged(mien, happy):
    steps = mien.api.BakeJob(happy, start=1, end=60).compute()
    next(steps)
    bpy.ops.object.mode_set(mode="EDIT")
    with pytest.raises(mien.engine.MeshError, match="was changed"):
        next(steps)
    assert happy.mode == "EDIT"
    bpy.ops.object.mode_set(mode="OBJECT")
    assert happy.data.shape_keys is None


def test_frames_are_not_kept_beside_the_mesh(mien, happy):
    """What a bake holds on to besides the keys does not grow with its length."""
    import tracemalloc

    peaks = []
    for end in (64, 256):
        tracemalloc.start()
        mien.api.bake(happy, start=1, end=end, engine_name="numpy")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        mien.api.remove_bake(happy)
    frame = len(happy.data.vertices) * 12
    assert peaks[1] - peaks[0] < 0.25 * 192 * frame


def test_a_late_abort_takes_no_finished_bake_away(mien, happy):
    job = mien.api.BakeJob(happy, start=1, end=5)
    for _ in job.compute():
        pass
    job.finish()
    job.abort()
    assert len(blocks(happy)) == 6
    assert mien.api.remove_bake(happy) == 5
