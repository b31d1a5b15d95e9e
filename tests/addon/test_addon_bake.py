# ruff: noqa: ARG001, PLR0917 - fixtures are asked for by name, also for what they do
"""What a bake leaves in the scene: the generator's frames, and nothing else changed."""

from __future__ import annotations

import bpy
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from core.generator import Generator
from core.motion import Cue, labels_from_cues

TURN = Rotation.from_euler("xyz", [90, 20, -50], degrees=True).as_matrix()
FPS = 24


def expected_mm(mien, frames, cues, neutral, present=None, engine="numpy"):
    """(n, V, 3) the generator's frames on a face, its labels made by core from the cues and not from the timeline."""
    generator = Generator.load(mien.engine.DEFAULT_BUNDLE, engine=engine)
    first = np.floor((min([*frames, *(cue.start for cue in cues)]) / FPS - mien.motion.SETTLE) * 12)
    seconds = [
        Cue(c.expression, c.intensity, *(np.array([c.start, c.apex_start, c.apex_end, c.end]) / FPS)) for c in cues
    ]
    labels = labels_from_cues(seconds, int(max(frames) / FPS * 12 - first) + 2 + mien.motion.AHEAD, 12.0, first / 12)
    performer = generator.on(generator.identity_of(neutral, present))
    return performer.generate(labels, times=np.asarray(frames) / FPS - first / 12)


CUES = (Cue("happy", 0.8, 0, 12, 24, 36), Cue("surprise", 1.0, 20, 26, 40, 50))


@pytest.fixture
def perform(mien):
    def key(obj):
        for cue in CUES:
            mien.motion.write_cue(obj, cue)
        return obj

    return key


@pytest.mark.parametrize("number", range(5))
def test_the_baked_mesh_is_rest_plus_deformation_in_every_layout(
    mien, template, layout_object, perform, positions, evaluated, number
):
    """Within 1e-3 mm, in a mesh of another scale, place and turn, on an object that is moved and parented as well."""
    layout = template.all_layouts()[number]
    scale = 0.001  # metres; keeps float32 far finer than the tolerance
    obj = perform(layout_object(layout, lambda points: scale * points @ TURN.T + (0.2, -0.3, 0.1)))
    parent = bpy.data.objects.new("Parent", None)
    bpy.context.scene.collection.objects.link(parent)
    obj.parent, parent.scale, obj.location, obj.rotation_euler = parent, (3, 3, 3), (1, 2, 3), (0.3, 0.2, 0.1)
    rest = positions(obj.data)
    result = mien.api.bake(obj, start=0, end=50, engine_name="numpy")
    assert len(result.keys) == 51
    frames = [0, 7, 18, 30, 50]
    present = layout.present
    deformation = expected_mm(mien, frames, CUES, template.vertices, present)
    assert np.abs(deformation[2]).max() > 0.1, "the comparison would compare nothing"
    for frame, moved in zip(frames, deformation, strict=True):
        wanted = rest.copy()
        wanted[layout.object_index[present]] += (scale * moved @ TURN.T)[present]
        np.testing.assert_allclose(evaluated(obj, frame), wanted, atol=1e-3 * scale)


def test_between_frames_half_of_both_and_outside_rest(mien, face, perform, positions, evaluated):
    perform(face)
    rest = positions(face.data)
    mien.api.bake(face, start=10, end=20)
    half = (evaluated(face, 14) + evaluated(face, 15)) / 2
    np.testing.assert_allclose(evaluated(face, 14, 0.5), half, atol=1e-7)
    assert np.abs(evaluated(face, 15) - rest).max() > 1e-4
    for frame in (-50, 9, 21, 300):
        np.testing.assert_array_equal(evaluated(face, frame), rest)


def test_a_part_of_the_range_bakes_the_same_frames_as_the_whole(mien, face, perform, evaluated):
    perform(face)
    mien.api.bake(face, start=0, end=50)
    whole = [evaluated(face, frame) for frame in (22, 30)]
    mien.api.bake(face, start=22, end=30)
    for before, frame in zip(whole, (22, 30), strict=True):
        np.testing.assert_allclose(evaluated(face, frame), before, atol=1e-8)


def test_a_mirrored_scale_and_an_uneven_one(mien, template, layout_object, perform, positions, evaluated):
    squash = np.array([-0.002, 0.001, 0.001])
    obj = perform(layout_object(template.all_layouts()[0], lambda points: points * squash))
    obj.scale = (-0.5, 1, 1)
    bpy.context.view_layer.update()
    rest = positions(obj.data)
    mien.api.bake(obj, start=0, end=24)
    wanted = rest + expected_mm(mien, [18], CUES, template.vertices)[0] * squash
    np.testing.assert_allclose(evaluated(obj, 18), wanted, atol=2e-6)


def test_torch_and_numpy_bake_the_same(mien, face, perform, evaluated):
    perform(face)
    pytest.importorskip("torch")
    baked = []
    for engine in ("numpy", "torch"):
        assert mien.api.bake(face, start=15, end=30, engine_name=engine).engine.startswith(engine)
        baked.append(np.stack([evaluated(face, frame) for frame in (16, 22, 29)]))
    np.testing.assert_allclose(baked[0], baked[1], atol=2e-7)  # metres: 2e-4 mm


def state(obj):
    """All that a person could see of an object's shape keys and their animation."""
    keys = obj.data.shape_keys
    found = {
        "vertices": [tuple(v.co) for v in obj.data.vertices][::50],
        "actions": sorted(a.name for a in bpy.data.actions),
        "bakes": [(one.name, one.way, one.text, one.unfinished) for one in obj.data.mien.bakes],
        "playing": obj.data.mien.active,
        "modifiers": [one.name for one in obj.modifiers],
    }
    if keys is None:
        return found | {"keys": None}
    blocks = [
        (k.name, k.value, k.mute, k.relative_key.name, [tuple(p.co) for p in k.points][::50]) for k in keys.key_blocks
    ]
    animation = keys.animation_data
    curves = []
    if animation is not None and animation.action is not None:
        action = animation.action
        layers = action.layers if hasattr(action, "layers") else ()
        bags = [bag for layer in layers for strip in layer.strips for bag in strip.channelbags] if layers else [action]
        curves = [
            (c.data_path, [(tuple(p.co), p.interpolation) for p in c.keyframe_points]) for b in bags for c in b.fcurves
        ]
    drivers = [(d.data_path, d.driver.expression) for d in animation.drivers] if animation else None
    return found | {
        "keys": blocks,
        "active": obj.active_shape_key_index,
        "curves": curves,
        "drivers": drivers,
        "own": sorted(keys.keys()),
        "animated": animation is not None,
    }


@pytest.fixture
def acted(face):
    """A face with shape keys of its own: a keyed one, a driven one, and one named as Mien names its keys."""
    face.shape_key_add(name="Basis", from_mix=False)
    for name in ("blink", "jaw", "Happy, Surprise 0003"):
        key = face.shape_key_add(name=name, from_mix=False)
        for point in list(key.points)[::7]:
            point.co.z += 0.002
    blocks = face.data.shape_keys.key_blocks
    blocks["blink"].keyframe_insert("value", frame=1)
    blocks["blink"].value = 1.0
    blocks["blink"].keyframe_insert("value", frame=9)
    blocks["jaw"].driver_add("value").driver.expression = "0.25"
    face.active_shape_key_index = 2
    return face


@pytest.mark.parametrize("own_keys", [False, True])
def test_removing_restores_exactly_and_existing_keys_were_never_touched(mien, request, perform, evaluated, own_keys):
    face = perform(request.getfixturevalue("acted" if own_keys else "face"))
    bpy.context.scene.frame_set(4)
    before = state(face)
    plain = evaluated(face, 4)
    mien.api.bake(face, start=1, end=12)
    if own_keys:
        during = state(face)
        assert during["keys"][:4] == before["keys"]
        assert during["drivers"] == before["drivers"]
        assert before["curves"][0] in during["curves"]
        assert during["active"] == 2
    mien.api.bake(face, start=2, end=8)
    assert mien.api.remove_bake(face) == 7
    np.testing.assert_array_equal(evaluated(face, 4), plain)
    after = state(face)
    after["actions"] = [name for name in after["actions"] if name in before["actions"]]
    assert after == before
    assert len(bpy.data.actions) == len(before["actions"])


def test_existing_keys_act_on_top(mien, acted, perform, positions, evaluated):
    perform(acted)
    rest = positions(acted.data)
    acting = evaluated(acted, 9) - rest
    mien.api.bake(acted, start=5, end=12)
    fit = mien.api.fit(acted)
    deformation = expected_mm(mien, [9], CUES, *mien.neutrals.neutral_of(acted, fit))
    wanted = rest + acting + deformation[0] @ fit.to_local.T
    np.testing.assert_allclose(evaluated(acted, 9), wanted, atol=1e-6)


def test_baking_again_replaces_own_keys_only(mien, acted, perform):
    perform(acted)
    mien.api.bake(acted, start=1, end=30)
    result = mien.api.bake(acted, start=2, end=9)
    names = [key.name for key in acted.data.shape_keys.key_blocks]
    assert names[:4] == ["Basis", "blink", "jaw", "Happy, Surprise 0003"]
    assert names[4:] == result.keys
    assert len(names) == 4 + 8
    assert result.keys[0] == "Happy, Surprise 0002"
    assert result.keys[1] == "Happy, Surprise 0003.001"
    curves = mien.fcurves.curves_of(acted.data.shape_keys)
    assert {c.data_path for c in curves} == {f'key_blocks["{name}"].value' for name in ["blink", *result.keys]}
    (bake,) = acted.data.mien.bakes
    record = bake.about
    assert (record["start"], record["end"], record["names"]) == (2, 9, result.keys)
    assert record["bundle"] == mien.engine.load().digest


@pytest.mark.parametrize("baked_before", [False, True])
@pytest.mark.parametrize("moment", [1, 5, 11])
def test_a_failure_while_writing_leaves_all_as_it_was(mien, acted, perform, monkeypatch, baked_before, moment):
    perform(acted)
    if baked_before:
        mien.api.bake(acted, start=1, end=6)
    before = state(acted)
    calls = []
    write = mien.fcurves.write

    def failing(*words):
        calls.append(words)
        if len(calls) == moment:
            raise MemoryError("no more")
        return write(*words)

    monkeypatch.setattr(mien.fcurves, "write", failing)
    with pytest.raises(MemoryError):
        mien.api.bake(acted, start=3, end=14)
    assert len(calls) == moment
    assert state(acted) == before


def test_a_failure_on_a_face_without_keys_leaves_none(mien, face, perform, monkeypatch):
    perform(face)
    before = state(face)
    monkeypatch.setattr(mien.bake.FrameWriter, "animate", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        mien.api.bake(face, start=3, end=14)
    assert state(face) == before


def test_cancelling_changes_nothing(mien, face, perform):
    perform(face)
    before = state(face)
    looks = iter([False, True])
    with pytest.raises(mien.engine.Cancelled):
        mien.api.bake(face, start=0, end=200, cancelled=lambda: next(looks))
    assert state(face) == before


def test_values_that_are_not_numbers_never_reach_the_mesh(mien, face, perform, monkeypatch):
    perform(face)
    before = state(face)

    count = len(face.data.vertices)

    def stream(*_, **__):
        yield 0, np.full((10, count, 3), np.nan, np.float32)

    monkeypatch.setattr(mien.engine.Performer, "stream", stream)
    with pytest.raises(mien.engine.MotionError, match="not finite"):
        mien.api.bake(face, start=1, end=10, engine_name="numpy")
    assert state(face) == before


def test_undo_takes_the_bake_back(mien, face, perform):
    perform(face)
    name = face.name
    bpy.ops.ed.undo_push(message="before")
    bpy.context.scene.frame_end = 12
    bpy.ops.mien.bake()
    bpy.ops.ed.undo_push(message="baked")
    assert len(bpy.data.objects[name].data.shape_keys.key_blocks) == 13
    bpy.ops.ed.undo()
    assert bpy.data.objects[name].data.shape_keys is None
    bpy.ops.ed.redo()
    assert len(bpy.data.objects[name].data.shape_keys.key_blocks) == 13


def test_a_shared_mesh_performs_for_all_its_users(mien, scene, face, perform, evaluated):
    twin = bpy.data.objects.new("Twin", face.data)
    scene.collection.objects.link(twin)
    perform(face)
    mien.api.bake(face, start=10, end=20)
    np.testing.assert_array_equal(evaluated(twin, 18), evaluated(face, 18))
    assert mien.api.remove_bake(twin) == 11
    assert face.data.shape_keys is None


def test_an_animation_shared_with_others_stays_theirs(mien, acted, perform, scene):
    perform(acted)
    other = bpy.data.objects.new("Other", acted.data.copy())
    scene.collection.objects.link(other)
    mine, theirs = acted.data.shape_keys.animation_data, other.data.shape_keys.animation_data
    theirs.action = mine.action
    if hasattr(mine, "action_slot"):
        theirs.action_slot = mine.action_slot
    before, elsewhere = state(acted), state(other)
    mien.api.bake(acted, start=1, end=5)
    assert mine.action != theirs.action
    after = state(other)
    assert after["curves"] == elsewhere["curves"]
    mien.api.remove_bake(acted)
    assert mine.action == theirs.action
    assert state(acted) == before


def test_the_frame_on_screen_shows_its_key_at_once(mien, face, perform):
    perform(face)
    bpy.context.scene.frame_set(5)
    mien.api.bake(face, start=1, end=10)
    values = {key.name: key.value for key in list(face.data.shape_keys.key_blocks)[1:]}
    assert values["Happy 0005"] == 1
    assert sum(values.values()) == 1


def test_a_face_that_changed_meanwhile_is_not_written(mien, face, perform):
    perform(face)
    job = mien.api.BakeJob(face, start=1, end=5)
    for _ in job.compute():
        pass
    bpy.ops.object.mode_set(mode="EDIT")
    with pytest.raises(mien.engine.MeshError, match="was changed"):
        job.finish()
    bpy.ops.object.mode_set(mode="OBJECT")
    assert face.data.shape_keys is None


def test_removing_where_nothing_is_baked_is_told(mien, face):
    with pytest.raises(mien.engine.MeshError, match="no bake"):
        mien.api.remove_bake(face)
