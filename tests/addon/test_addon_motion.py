# ruff: noqa: PLR0917 - fixtures are asked for by name
"""From keys on the timeline to motion labels."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from core.motion import EXPRESSIONS, Cue, labels_from_cues

RATE = 12.0


def labels_at(performance, frames, fps):
    """The labels read at scene frames, (n, 6)."""
    moment = performance.times[0] + (np.asarray(frames) - performance.start) / fps
    return np.stack([np.interp(moment * RATE, np.arange(len(performance.labels)), c) for c in performance.labels.T], 1)


@pytest.mark.parametrize(("fps", "base"), [(24, 1.0), (30, 1.001), (25, 1.0), (60, 1.0)])
def test_cues_keyed_on_the_timeline_give_the_labels_of_core(mien, scene, face, fps, base):
    scene.render.fps, scene.render.fps_base = fps, base
    rate = mien.motion.frame_rate_of(scene)
    assert rate == pytest.approx(fps / base)
    mien.api.add_expression(face, "happy", 0.8, 3, 15, 29, 47)
    mien.api.add_expression(face, "sad", 0.4, 20, 31, 40, 60)
    found = mien.motion.performance(face, 1, 70, rate, RATE)
    cues = [
        Cue("happy", 0.8, *(np.array([3, 15, 29, 47]) / rate)),
        Cue("sad", 0.4, *(np.array([20, 31, 40, 60]) / rate)),
    ]
    first = np.round((1 / rate - found.times[0]) * RATE)
    assert first / RATE + found.times[0] == pytest.approx(1 / rate)  # labels lie on multiples of 1/RATE
    expected = labels_from_cues(cues, len(found.labels), RATE, first / RATE)
    np.testing.assert_allclose(found.labels, expected, atol=2e-6)
    assert found.times[-1] * RATE <= len(found.labels) - 1
    assert found.frame_count == 70


def test_a_part_of_the_range_reads_the_same_labels_as_the_whole(mien, happy):
    whole = mien.motion.performance(happy, 0, 40, 24, RATE)
    part = mien.motion.performance(happy, 17, 25, 24, RATE)
    np.testing.assert_array_equal(part.labels, whole.labels[: len(part.labels)])
    np.testing.assert_allclose(part.times, whole.times[17:26], atol=1e-12)


def test_the_stronger_of_overlapping_cues_counts_at_each_moment(mien, face):
    cues = [(0.8, 1, 14, 34, 54), (0.5, 20, 40, 50, 60), (1.0, 8, 9, 9, 12), (0.3, 0, 30, 31, 80)]
    for intensity, *times in cues:
        mien.api.add_expression(face, "angry", intensity, *times)
    curve = mien.fcurves.curves_of(face).find("mien.angry")
    frames = np.linspace(-5, 90, 951)
    expected = np.max([Cue("angry", level, *times).value(frames) for level, *times in cues], axis=0)
    np.testing.assert_allclose([curve.evaluate(frame) for frame in frames], expected, atol=1e-5)


def test_keys_outside_a_new_cue_stay(mien, face):
    for frame, value in ((-20, 0.3), (-10, 0.0), (100, 0.0), (120, 0.9)):
        face.mien.fear = value
        face.keyframe_insert("mien.fear", frame=frame)
    curve = mien.fcurves.curves_of(face).find("mien.fear")
    before = {point.co.x: (point.co.y, point.interpolation) for point in curve.keyframe_points}
    mien.api.add_expression(face, "fear", 0.7, 0, 10, 20, 30)
    curve = mien.fcurves.curves_of(face).find("mien.fear")
    after = {point.co.x: (point.co.y, point.interpolation) for point in curve.keyframe_points}
    assert before.items() <= after.items()
    assert after[10.0][0] == pytest.approx(0.7)


def test_a_jump_takes_one_frame(mien, face):
    mien.api.add_expression(face, "surprise", 1.0, 10, 10, 20, 20)
    curve = mien.fcurves.curves_of(face).find("mien.surprise")
    keys = [(point.co.x, point.co.y) for point in curve.keyframe_points]
    assert keys == [(9, 0), (10, 1), (20, 1), (21, 0)]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("joy", 0.5, 0, 1, 2, 3), "no expression"),
        (("happy", 2.0, 0, 1, 2, 3), "intensity"),
        (("happy", 0.5, 0, 5, 2, 9), "out of order"),
        (("happy", float("nan"), 0, 1, 2, 3), "finite"),
    ],
)
def test_a_cue_that_makes_no_sense_keys_nothing(mien, face, words, said):
    with pytest.raises(mien.engine.MotionError, match=said):
        mien.api.add_expression(face, *words)
    assert face.animation_data is None


def test_strengths_without_keys_hold_and_drivers_are_obeyed(mien, scene, face):
    face.mien.sad = 0.4
    control = bpy.data.objects.new("Control", None)
    scene.collection.objects.link(control)
    for frame, place in ((1, 0.0), (25, 1.0)):
        control.location.x = place
        control.keyframe_insert("location", index=0, frame=frame)
    linear = mien.fcurves.LINEAR
    for curve in mien.fcurves.curves_of(control):
        curve.keyframe_points.foreach_set("interpolation", [linear] * 2)
    driver = face.driver_add("mien.fear").driver
    driver.expression = "0.5 * x"
    variable = driver.variables.new()
    variable.name, variable.type = "x", "TRANSFORMS"
    variable.targets[0].id = control
    variable.targets[0].transform_type = "LOC_X"
    before = (len(bpy.data.scenes), len(bpy.data.objects), len(bpy.data.meshes), scene.frame_current)
    found = mien.motion.performance(face, 1, 30, 24, RATE)
    assert (len(bpy.data.scenes), len(bpy.data.objects), len(bpy.data.meshes), scene.frame_current) == before
    np.testing.assert_allclose(found.labels[:, EXPRESSIONS.index("sad")], 0.4, atol=1e-6)
    frames = (np.arange(len(found.labels)) / RATE - found.times[0]) * 24 + 1
    expected = 0.5 * np.clip((frames - 1) / 24, 0, 1)
    np.testing.assert_allclose(found.labels[:, EXPRESSIONS.index("fear")], expected, atol=2e-4)


def test_an_action_in_the_nla_performs_as_it_did(mien, happy):
    keyed = mien.motion.performance(happy, 0, 40, 24, RATE)
    animation = happy.animation_data
    action = animation.action
    strip = animation.nla_tracks.new().strips.new("Happy", 10, action)
    strip.frame_start, strip.frame_end = 10, 10 + action.frame_range[1] - action.frame_range[0]
    animation.action = None
    found = mien.motion.performance(happy, 10, 50, 24, RATE)
    column = EXPRESSIONS.index("happy")
    later = labels_at(found, np.arange(10, 51), 24)[:, column]
    now = labels_at(keyed, np.arange(0, 41), 24)[:, column]
    assert later.max() > 0.7
    np.testing.assert_allclose(later, now, atol=0.05)  # labels lie on twelfths of a second, the strip began between two


@pytest.mark.parametrize("fps", [24, 25, 30, 60])
def test_half_the_frames_at_twice_the_speed(mien, face, fps):
    mien.api.add_expression(face, "happy", 0.8, fps, 2 * fps, 3 * fps, 4 * fps)
    plain = mien.motion.performance(face, fps, 4 * fps, fps, RATE)
    face.mien.speed = 2.0
    fast = mien.motion.performance(face, fps, 4 * fps, fps, RATE)
    seconds = np.array([1, 1.25, 1.5, 2.0, 2.5, 3.0])
    slow = labels_at(plain, fps * (1 + 2 * (seconds - 1)), fps)
    np.testing.assert_allclose(labels_at(fast, fps * seconds, fps), slow, atol=1e-6)
    assert labels_at(fast, [fps * 2.6], fps).max() == 0


@pytest.mark.parametrize(("old", "new"), [(100, 200), (100, 50), (100, 100)])
def test_time_remapping_moves_the_range_that_is_baked(mien, scene, happy, evaluated, old, new):
    """Blender reads every curve at frame * old / new: what is baked is slow or fast with all the rest of the scene."""
    scene.frame_start, scene.frame_end = 1, 40
    mien.api.bake(happy, start=0, end=100)
    moving = evaluated(happy, 18)
    mien.api.remove_bake(happy)
    scene.render.frame_map_old, scene.render.frame_map_new = old, new
    result = mien.api.bake(happy)
    assert result.start <= old / new
    assert result.end >= 40 * old / new
    np.testing.assert_allclose(evaluated(happy, 18 * new // old), moving, atol=1e-7)


@pytest.mark.parametrize("step", [0.5, 2.0, 3.0])
def test_a_step_bakes_the_frames_between_or_leaves_some_out(mien, happy, evaluated, step):
    mien.api.bake(happy, start=0, end=36)
    whole = {frame: evaluated(happy, frame) for frame in (6, 12, 18, 36)}
    result = mien.api.bake(happy, start=0, end=36, step=step)
    assert len(result.keys) == 36 / step + 1
    for frame, seen in whole.items():
        np.testing.assert_allclose(evaluated(happy, frame), seen, atol=1e-7)


def test_the_scenes_own_frame_step_changes_nothing(mien, scene, happy):
    plain = mien.motion.performance(happy, 0, 36, 24, RATE)
    scene.frame_step = 5
    again = mien.motion.performance(happy, 0, 36, 24, RATE)
    np.testing.assert_array_equal(plain.labels, again.labels)
    assert mien.api.bake(happy, start=0, end=36).keys[1] == "Happy 0001"


def test_a_muted_curve_is_not_read(mien, happy):
    mien.fcurves.curves_of(happy).find("mien.happy").mute = True
    happy.mien.happy = 0.0
    happy.mien.sad = 0.1
    labels = mien.motion.performance(happy, 0, 36, 24, RATE).labels
    assert labels[:, EXPRESSIONS.index("happy")].max() == 0
    assert labels[:, EXPRESSIONS.index("sad")].max() == pytest.approx(0.1)


def test_smooth_keys_are_read_between_frames_and_overshoot_is_cut(mien, face):
    for frame, value in ((0, 0.0), (10, 1.5), (12, 1.5), (30, 0.0)):
        face.mien.disgust = value
        face.keyframe_insert("mien.disgust", frame=frame)
    curve = mien.fcurves.curves_of(face).find("mien.disgust")
    found = mien.motion.performance(face, 0, 30, 24, RATE)
    moments = [3, 5.5, 17.25]
    column = EXPRESSIONS.index("disgust")
    grid = (np.arange(len(found.labels)) / RATE - found.times[0]) * 24
    expected = np.clip([curve.evaluate(frame) for frame in grid], 0, 1.5)
    np.testing.assert_allclose(found.labels[:, column], expected, atol=1e-6)
    assert labels_at(found, moments, 24)[:, column].min() > 0
    assert 0 <= found.labels.min() <= found.labels.max() <= 1.5


def test_nothing_to_perform_and_no_frames_are_told(mien, face):
    with pytest.raises(mien.engine.MotionError, match="all strengths are 0"):
        mien.motion.performance(face, 1, 10, 24, RATE)
    with pytest.raises(mien.engine.MotionError, match="holds no frame"):
        mien.motion.performance(face, 10, 9, 24, RATE)


@pytest.mark.parametrize("kind", ["muted strip", "other motion", "muted track"])
def test_strips_that_move_no_strength_count_for_nothing(mien, happy, kind):
    happy.mien.speed = 2.0
    plain = mien.motion.performance(happy, 0, 36, 24, RATE)
    other = bpy.data.objects.new("Other", None)
    other.location.x = 1.0
    other.keyframe_insert("location", frame=-300)
    track = happy.animation_data.nla_tracks.new()
    action = other.animation_data.action if kind == "other motion" else happy.animation_data.action.copy()
    strip = track.strips.new("strip", -300, action)
    strip.mute, track.mute = kind == "muted strip", kind == "muted track"
    assert not mien.strengths.Tracks(happy).by_blender
    found = mien.motion.performance(happy, 0, 36, 24, RATE)
    np.testing.assert_array_equal(found.labels, plain.labels)


def test_a_driver_that_reads_the_active_scene_reads_the_artists(mien, scene, face):
    if bpy.app.version < (4, 2, 0):
        pytest.skip("context properties")
    scene["control"] = 0.0
    for frame, value in ((0, 0.0), (24, 0.8)):
        scene["control"] = value
        scene.keyframe_insert('["control"]', frame=frame)
    driver = face.driver_add("mien.happy").driver
    driver.expression = "x"
    variable = driver.variables.new()
    variable.name, variable.type = "x", "CONTEXT_PROP"
    variable.targets[0].context_property, variable.targets[0].data_path = "ACTIVE_SCENE", '["control"]'
    labels = mien.motion.performance(face, 0, 30, 24, RATE).labels
    assert labels[:, EXPRESSIONS.index("happy")].max() == pytest.approx(0.8, abs=1e-3)


@pytest.mark.parametrize("harm", ["locked", "driven", "sampled"])
def test_keys_that_are_kept_from_change_stay_as_they_are(mien, happy, harm):
    curve = mien.fcurves.curves_of(happy).find("mien.happy")
    if harm == "locked":
        curve.lock = True
    elif harm == "driven":
        happy.driver_add("mien.happy").driver.expression = "0.5"
    else:
        curve.convert_to_samples(0, 40)
    before = [tuple(point.co) for point in curve.keyframe_points], len(curve.sampled_points)
    with pytest.raises(mien.engine.MotionError, match=harm if harm != "sampled" else "samples"):
        mien.api.add_expression(happy, "happy", 1.0, 5, 10, 20, 30)
    curve = mien.fcurves.curves_of(happy).find("mien.happy")
    assert ([tuple(point.co) for point in curve.keyframe_points], len(curve.sampled_points)) == before
