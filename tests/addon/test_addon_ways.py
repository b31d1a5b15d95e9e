# ruff: noqa: ARG001, PLR0917 - fixtures are asked for by name, also for what they do
"""The ways to bake: each plays what was generated, says how far off it is, and leaves nothing when it goes."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

FRAMES = (-4, 0, 1, 5, 12, 18, 30, 36, 37, 60)
WAYS = ("keys", "absolute", "compact", "own", "cache")


def state(obj):
    """What a person could see of a mesh that bakes come to and go from."""
    keys = obj.data.shape_keys
    found = {
        "bakes": [(one.name, one.way, one.text) for one in obj.data.mien.bakes],
        "modifiers": [one.name for one in obj.modifiers],
        "actions": sorted((one.name, one.users) for one in bpy.data.actions),
    }
    if keys is None:
        return found | {"keys": None}
    animation = keys.animation_data
    points = np.empty((len(keys.key_blocks), len(obj.data.vertices) * 3), np.float32)
    for row, key in zip(points, keys.key_blocks, strict=True):
        key.points.foreach_get("co", row)
    return found | {
        "keys": [(one.name, one.value, one.slider_min, one.slider_max) for one in keys.key_blocks],
        "points": points.tobytes(),
        "relative": keys.use_relative,
        "eval_time": keys.eval_time,
        "action": animation.action.name if animation and animation.action else None,
        "animated": animation is not None,
        "active": obj.active_shape_key_index,
    }


@pytest.fixture
def sliders(mien, happy):
    """A happy face with shape keys of its own: the apexes of the six expressions, one of them keyed already."""
    generator, fit = mien.engine.generator("", "numpy", "auto"), mien.api.fit(happy)
    performer, to_local = generator.on(mien.neutrals.identity_of(happy, fit, generator)), fit.to_local
    happy.shape_key_add(name="Basis", from_mix=False)
    rest = mien.rest.basis_positions(happy.data)
    for number, name in enumerate(mien.engine.EXPRESSIONS):
        labels = np.zeros((12, 6), np.float32)
        labels[:, number] = 1
        key = happy.shape_key_add(name=f"my {name}", from_mix=False)
        key.value = 0.0
        key.points.foreach_set("co", (rest + performer.generate(labels)[-1] @ to_local.T).astype(np.float32).ravel())
    key = happy.data.shape_keys.key_blocks["my sad"]
    for frame, value in ((1, 0.0), (20, 0.4)):
        key.value = value
        key.keyframe_insert("value", frame=frame)
    bpy.context.scene.frame_set(10)
    return happy


@pytest.fixture
def truth(mien, happy, evaluated):
    """The frames as generated, and the face at rest, in the object's units."""
    mien.api.bake(happy, start=0, end=36, engine_name="numpy")
    frames = np.stack([evaluated(happy, frame) for frame in FRAMES])
    mien.api.remove_bake(happy)
    assert np.abs(frames[5] - frames[0]).max() > 0.001
    return frames


def baked(mien, face, way, tmp_path, **more):
    cache = {"cache": tmp_path / "face.pc2"} if way == "cache" else {}
    return mien.api.bake(face, start=0, end=36, way=way, engine_name="numpy", **cache, **more)


@pytest.mark.parametrize("way", [way for way in WAYS if way != "own"])
def test_every_way_plays_what_was_generated(mien, happy, truth, evaluated, tmp_path, way):
    result = baked(mien, happy, way, tmp_path)
    off = [
        np.linalg.norm(evaluated(happy, frame) - seen, axis=1).max() for frame, seen in zip(FRAMES, truth, strict=True)
    ]
    assert 1000 * max(off) <= result.error_mm + 1e-3
    assert (result.error_mm > 0) == (way == "compact")
    np.testing.assert_array_equal(evaluated(happy, -4), truth[0])
    np.testing.assert_array_equal(evaluated(happy, 60), truth[-1])


@pytest.mark.parametrize("way", WAYS)
def test_removing_leaves_no_trace(mien, request, evaluated, tmp_path, way):
    face = request.getfixturevalue("sliders" if way in ("own", "keys", "compact") else "happy")
    bpy.context.scene.frame_set(15)
    before, seen = state(face), evaluated(face, 15)
    baked(mien, face, way, tmp_path)
    assert state(face) != before
    baked(mien, face, way, tmp_path)
    mien.api.remove_bake(face)
    np.testing.assert_array_equal(evaluated(face, 15), seen)
    assert state(face) == before


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("before_it", [False, True])
def test_cancelling_leaves_all_as_it_was(mien, request, tmp_path, way, before_it):
    face = request.getfixturevalue("sliders" if way in ("own", "compact") else "happy")
    if before_it:
        baked(mien, face, "compact" if way != "absolute" else "absolute", tmp_path)
    before = state(face)
    looks = iter([False, False, True])
    with pytest.raises(mien.engine.Cancelled):
        baked(mien, face, way, tmp_path, cancelled=lambda: next(looks))
    assert state(face) == before
    assert not list(tmp_path.glob("*.pc2"))
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("first", WAYS)
@pytest.mark.parametrize("second", WAYS)
def test_any_way_replaces_any_other(mien, sliders, evaluated, tmp_path, first, second):
    if "absolute" in (first, second):
        with pytest.raises(mien.engine.MeshError, match="of its own"):
            baked(mien, sliders, "absolute", tmp_path)
        return
    before, seen = state(sliders), evaluated(sliders, 10)
    baked(mien, sliders, first, tmp_path)
    baked(mien, sliders, second, tmp_path)
    assert [one.way for one in sliders.data.mien.bakes] == [second]
    assert np.abs(evaluated(sliders, 18) - evaluated(sliders, -4)).max() > 1e-3
    mien.api.remove_bake(sliders)
    np.testing.assert_array_equal(evaluated(sliders, 10), seen)
    after = state(sliders)
    assert after == before


@pytest.mark.parametrize("other", ["keys", "compact", "cache"])
def test_absolute_keys_and_others_replace_each_other(mien, happy, truth, evaluated, tmp_path, other):
    for way in ("absolute", other, "absolute", other):
        baked(mien, happy, way, tmp_path)
        for frame, seen in zip(FRAMES, truth, strict=True):
            np.testing.assert_allclose(evaluated(happy, frame), seen, atol=6e-5)
    mien.api.remove_bake(happy)
    assert happy.data.shape_keys is None


def test_own_keys_perform_within_their_sliders_and_the_error_is_told(mien, truth, sliders, evaluated):
    result = baked(mien, sliders, "own", None)
    assert result.keys == []
    keys = sliders.data.shape_keys.key_blocks
    assert len(keys) == 7
    values = np.array(
        [[curve.evaluate(frame) for frame in range(37)] for curve in mien.fcurves.curves_of(sliders.data.shape_keys)]
    )
    assert len(values) == 6
    assert values.min() >= 0
    assert values.max() <= 1
    rest = mien.rest.basis_positions(sliders.data)
    offs = []
    for frame, seen in zip(FRAMES, truth, strict=True):
        offs.append(np.linalg.norm(evaluated(sliders, frame) - seen, axis=1).max() * 1000)
    assert 0 < max(offs) <= result.error_mm + 1e-3
    moved = np.linalg.norm(truth[5] - rest, axis=1).max() * 1000
    assert result.error_mm < 0.35 * moved  # six apexes alone say most of a smile, not all of it
    assert f"{result.error_mm:.2f} mm off" in str(result)


def test_looks_and_driven_keys_are_not_performed_with(mien, sliders, evaluated):
    keys = sliders.data.shape_keys
    keys.key_blocks["my fear"].value = 0.3  # stands still: the character's looks
    keys.key_blocks["my angry"].driver_add("value").driver.expression = "0.1"
    keys.key_blocks["my disgust"].mute = True
    assert {key.name for key in mien.bake_sliders.sliders(sliders)} == {"my happy", "my sad", "my surprise"}
    baked(mien, sliders, "own", None)
    assert keys.key_blocks["my fear"].value == pytest.approx(0.3)
    assert {curve.data_path.split('"')[1] for curve in mien.fcurves.curves_of(keys)} == {
        "my happy",
        "my sad",
        "my surprise",
    }


def test_arkit_keys_are_preferred_by_their_names(mien, happy):
    assert len(mien.bake_sliders.ARKIT) == 52
    for name in ["Basis", *sorted(mien.bake_sliders.ARKIT), "corrective 1"]:
        happy.shape_key_add(name=name, from_mix=False).value = 0.0
    assert {key.name for key in mien.bake_sliders.sliders(happy)} == mien.bake_sliders.ARKIT


def test_a_face_without_keys_of_its_own_is_told(mien, happy):
    with pytest.raises(mien.engine.MeshError, match="no shape keys of its own"):
        baked(mien, happy, "own", None)
    assert happy.data.shape_keys is None


@pytest.mark.parametrize("tolerance", [0.02, 0.1])
def test_a_tighter_tolerance_takes_more_keys(mien, happy, truth, evaluated, tolerance):
    result = baked(mien, happy, "compact", None, tolerance=tolerance)
    assert 0 < result.error_mm <= tolerance
    assert len(result.keys) < 37
    off = [
        np.linalg.norm(evaluated(happy, frame) - seen, axis=1).max() for frame, seen in zip(FRAMES, truth, strict=True)
    ]
    assert 1000 * max(off) <= tolerance + 1e-3
    other = baked(mien, happy, "compact", None, tolerance=2 * tolerance)
    assert len(other.keys) < len(result.keys)


def test_a_cache_needs_a_place(mien, happy, scene, tmp_path, evaluated):
    with pytest.raises(mien.engine.MeshError, match="not saved"):
        mien.api.bake(happy, start=0, end=36, way="cache")
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    mien.api.bake(happy, start=0, end=36, way="cache")
    (modifier,) = happy.modifiers
    assert modifier.filepath.startswith("//mien_cache")
    seen, name = evaluated(happy, 18), happy.name
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    np.testing.assert_array_equal(evaluated(bpy.data.objects[name], 18), seen)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"way": "magic"}, "no way to bake"),
        ({"tolerance": 0.0}, "tolerance"),
        ({"step": 0.0}, "step"),
        ({"start": 9, "end": 3}, "no frame"),
    ],
)
def test_wrong_words_change_nothing(mien, happy, words, said):
    before = state(happy)
    with pytest.raises(mien.engine.MienError, match=said):
        mien.api.bake(happy, **{"start": 0, "end": 9, "way": "compact"} | words)
    assert state(happy) == before


def test_a_frame_of_the_range_that_no_key_hits_lies_between(mien, happy, truth, evaluated, tmp_path):
    for way in ("cache", "absolute", "keys", "compact"):
        baked(mien, happy, way, tmp_path, step=2.0)
        np.testing.assert_allclose(evaluated(happy, 18), truth[5], atol=6e-5)
        half = (evaluated(happy, 4) + evaluated(happy, 6)) / 2
        np.testing.assert_allclose(evaluated(happy, 5), half, atol=1e-6)


def test_giving_up_while_the_fewest_keys_are_looked_for(mien, happy):
    before = state(happy)
    job = mien.api.BakeJob(happy, start=0, end=120, way="compact", tolerance=0.001, engine_name="numpy")
    steps = job.compute()
    for done, total in steps:
        if done == total:
            break
    next(steps)  # the search is on
    job.abort()
    steps.close()
    assert state(happy) == before


def test_the_search_for_keys_lets_the_window_breathe(mien, happy):
    job = mien.api.BakeJob(happy, start=0, end=120, way="compact", tolerance=0.01, engine_name="numpy")
    seen = [done for done, _ in job.compute()]
    assert seen.count(121) > 2
    assert job.finish().error_mm <= 0.01
