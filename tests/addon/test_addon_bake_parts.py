# ruff: noqa: ARG001, PLR0917 - fixtures are asked for by name, also for what they do
"""Parts in other objects are baked with the face: the same keys, one action, all or nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import bpy
import numpy as np
import pytest

WAYS = ("keys", "absolute", "compact", "cache")
NAMES = ("Lashes", "Teeth")
TURN = np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0]], float)


@pytest.fixture
def cast(mien, happy, template, positions, monkeypatch):
    """Ada, happy, with lashes that copy some of her vertices and teeth that go with her chin, in another scale."""
    ada = positions(happy.data).astype(np.float64)
    rng = np.random.default_rng(4)
    near = np.argsort(np.linalg.norm(ada - ada[template.landmarks["nose_tip"]], axis=1))
    lash = near[:400:4]
    chin = near[100:1300:100]
    rows = {
        "Lashes": (lash[:, None], np.ones((len(lash), 1)), np.eye(3)),
        "Teeth": (np.tile(chin, (60, 1)), np.full((60, len(chin)), 1 / len(chin)), 4.0 * TURN),
    }
    made = {}
    for name, (corners, weights, matrix) in rows.items():
        rest = (np.einsum("mk,mkc->mc", weights, ada[corners]) + rng.normal(0, 1e-3, (len(corners), 3))) @ matrix.T
        rest = np.concatenate([rest, rng.normal(0, 1e-2, (20, 3))])  # and vertices that stay
        mesh = bpy.data.meshes.new(name)
        faces = [(k, k + 1, k + 2) for k in range(len(rest) - 2)]
        mesh.from_pydata(rest.tolist(), [], faces)
        obj = bpy.data.objects.new(name, mesh)
        bpy.context.scene.collection.objects.link(obj)
        moving = np.arange(len(corners), dtype=np.int32)
        binding = mien.engine.Binding(name, len(rest), moving, corners, weights.astype(np.float32))
        made[name] = SimpleNamespace(binding=binding, matrix=matrix, corners=corners, weights=weights)
    to_local = mien.api.fit(happy).to_local

    def members(face, fit):
        assert fit.ok
        there = [(bpy.data.objects.get(name), one) for name, one in made.items()]
        return [
            SimpleNamespace(obj=obj, binding=one.binding, to_local=one.matrix @ to_local)
            for obj, one in there
            if obj is not None and face.name == "Ada"
        ]

    monkeypatch.setattr(mien.players, "sources", [members])
    return SimpleNamespace(face=happy, made=made, members=members, rest=ada)


def part(name):
    return bpy.data.objects[name]


def check(cast, evaluated, positions, frame, limit=1e-6):
    """The parts move as the face does: largest motion of each, in units of the face."""
    moved = evaluated(bpy.data.objects["Ada"], frame).astype(np.float64) - cast.rest
    motion = {}
    for name, one in cast.made.items():
        obj = part(name)
        got = evaluated(obj, frame) - basis(obj, positions)
        wanted = np.einsum("mk,mkc->mc", one.weights, moved[one.corners]) @ one.matrix.T
        size = np.cbrt(np.linalg.det(one.matrix))
        assert np.abs(got[: len(wanted)] - wanted).max() < limit * size, (name, frame)
        assert np.abs(got[len(wanted) :]).max() < 1e-7
        motion[name] = float(np.abs(wanted).max() / size)
    return motion


def basis(obj, positions):
    keys = obj.data.shape_keys
    if keys is None:
        return positions(obj.data)
    flat = np.empty(3 * len(obj.data.vertices), np.float32)
    keys.reference_key.points.foreach_get("co", flat)
    return flat.reshape(-1, 3)


def snapshot(positions):
    """All that a bake could leave behind."""
    objects = sorted((one for one in bpy.data.objects if one.type == "MESH"), key=lambda one: one.name)
    return [
        (
            obj.name,
            [modifier.name for modifier in obj.modifiers],
            None if keys is None else [(key.name, key.value, key.slider_max) for key in keys.key_blocks],
            None if keys is None else (keys.animation_data is None, keys.use_relative),
            None if keys is None or not keys.animation_data else getattr(keys.animation_data.action, "name", None),
            [(one.name, one.way, one.text) for one in obj.data.mien.bakes],
            obj.data.mien.active,
            obj.data.mien.before,
            positions(obj.data).tobytes(),
        )
        for obj in objects
        for keys in [obj.data.shape_keys]
    ], sorted((one.name, one.users) for one in bpy.data.actions)


def bake(mien, cast, way="keys", **more):
    return mien.api.bake(bpy.data.objects["Ada"], start=0, end=36, way=way, engine_name="numpy", **more)


@pytest.fixture
def saved(tmp_path):
    """A file of its own, so that caches have a place."""

    def save():
        bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
        return tmp_path

    return save


@pytest.mark.parametrize("way", WAYS)
def test_the_parts_move_with_the_face_and_leave_no_trace(mien, cast, saved, positions, evaluated, way):
    folder = saved()
    before = snapshot(positions)
    result = bake(mien, cast, way, tolerance=0.02)
    assert result.parts == list(NAMES)
    assert "Ada and 2 parts perform" in str(result)
    limit = 5e-5 if way == "compact" else 1e-6
    for frame in (0, 5, 18, 31):
        motion = check(cast, evaluated, positions, frame, limit)
        assert frame in (0, 31) or min(motion.values()) > 1e-4
    if way == "cache":
        assert len(result.files) == 3
        assert all(path.is_file() for path in result.files)
        assert all(len(part(name).modifiers) == 1 for name in NAMES)
    else:
        keys = [one.data.shape_keys for one in (cast.face, *map(part, NAMES))]
        assert [[key.name for key in one.key_blocks] for one in keys[1:]] == 2 * [["Basis", *result.keys]]
        assert len({one.animation_data.action for one in keys}) == 1
        if hasattr(keys[0].animation_data, "action_slot"):
            assert len({one.animation_data.action_slot.handle for one in keys}) == 1
        assert len(bpy.data.actions) == 2  # the strengths', and this one
    for frame in (-3, 60):
        assert max(check(cast, evaluated, positions, frame).values()) == 0
    mien.api.remove_bake(cast.face)
    assert snapshot(positions) == before
    assert folder


def test_compact_keys_keep_the_tolerance_for_all(mien, cast, positions, evaluated):
    bake(mien, cast)
    names = ("Ada", *NAMES)
    truth = {(name, frame): evaluated(bpy.data.objects[name], frame) for name in names for frame in range(37)}
    mien.api.remove_bake(cast.face)
    result = bake(mien, cast, "compact", tolerance=0.1)
    assert 0.02 < result.error_mm <= 0.1
    scales = {"Ada": mien.api.fit(cast.face).scale}
    scales |= {name: scales["Ada"] * np.cbrt(np.linalg.det(cast.made[name].matrix)) for name in NAMES}
    for (name, frame), wanted in truth.items():
        off = np.linalg.norm(evaluated(bpy.data.objects[name], frame) - wanted, axis=1).max()
        assert off / scales[name] < 0.101, (name, frame)


@pytest.mark.parametrize("way", ["keys", "compact", "cache"])
def test_named_bakes_play_copy_and_go_for_all(mien, cast, saved, positions, evaluated, way):
    saved()
    bake(mien, cast, way)
    joy = {name: evaluated(part(name), 18) for name in NAMES}
    mien.api.add_expression(cast.face, "sad", 1.0, 0, 10, 20, 36)
    cast.face.mien.happy = 0.0
    mien.fcurves.curves_of(cast.face).find("mien.happy").mute = True
    bake(mien, cast, way, new=True, name="Sad")
    sad = {name: evaluated(part(name), 18) for name in NAMES}
    assert all(np.abs(sad[name] - joy[name]).max() > 1e-4 for name in NAMES)
    limit = 1e-4 if way == "compact" else 1e-6
    for name, seen in [("Happy", joy), ("Sad", sad), ("Happy", joy)]:
        mien.api.play_bake(cast.face, name)
        for one in NAMES:
            np.testing.assert_array_equal(evaluated(part(one), 18), seen[one])
        check(cast, evaluated, positions, 18, limit)
    mien.api.play_bake(cast.face, "")
    assert max(check(cast, evaluated, positions, 18).values()) == 0
    mien.api.play_bake(cast.face, "Happy")
    assert mien.api.duplicate_bake(cast.face) == "Happy 2"
    np.testing.assert_array_equal(evaluated(part("Teeth"), 18), joy["Teeth"])
    assert [one.name for one in part("Teeth").data.mien.bakes] == ["Happy", "Sad", "Happy 2"]
    cast.face.mien.happy = 0.0
    mien.api.bake_again(cast.face, "Sad")
    np.testing.assert_allclose(evaluated(part("Teeth"), 18), sad["Teeth"], atol=1e-3 if way == "compact" else 1e-6)
    mien.api.remove_bake(cast.face, "Happy")
    mien.api.play_bake(cast.face, "Happy 2")
    np.testing.assert_array_equal(evaluated(part("Teeth"), 18), joy["Teeth"])
    check(cast, evaluated, positions, 18, limit)
    for _ in range(2):
        mien.api.remove_bake(cast.face)
    for one in (cast.face, *map(part, NAMES)):
        assert one.data.shape_keys is None
        assert not one.modifiers
        assert not len(one.data.mien.bakes)


@pytest.mark.parametrize("way", WAYS)
def test_a_bake_is_replaced_for_all(mien, cast, saved, positions, evaluated, way):
    saved()
    bake(mien, cast, way)
    first = [key.name for key in part("Teeth").data.shape_keys.key_blocks] if way != "cache" else []
    cast.face.mien.gain = 0.5
    bake(mien, cast, way)
    check(cast, evaluated, positions, 18, 5e-4 if way == "compact" else 1e-6)
    assert len(part("Teeth").data.mien.bakes) == 1
    if way in ("keys", "absolute"):
        assert [key.name for key in part("Teeth").data.shape_keys.key_blocks] == first
    if way != "cache":
        assert len({one.data.shape_keys.animation_data.action for one in (cast.face, *map(part, NAMES))}) == 1
    assert len(part("Teeth").modifiers) == (way == "cache")
    assert len(bpy.data.actions) == (1 if way == "cache" else 2)


def test_a_part_that_came_later_joins_and_one_that_left_is_cleaned(mien, cast, positions, evaluated, monkeypatch):
    every = mien.players.sources[0]

    def only(wanted):
        monkeypatch.setattr(
            mien.players, "sources", [lambda face, fit: [one for one in every(face, fit) if one.obj.name in wanted]]
        )

    for way in ("keys", "absolute"):
        only({"Lashes"})
        bake(mien, cast, way)
        assert part("Teeth").data.shape_keys is None
        only({"Teeth"})
        bake(mien, cast, way)
        assert part("Lashes").data.shape_keys is None
        assert not len(part("Lashes").data.mien.bakes)
        only(set(NAMES))
        bake(mien, cast, way)
        check(cast, evaluated, positions, 18)
    mien.api.remove_bake(cast.face)
    assert part("Teeth").data.shape_keys is None


def test_a_part_that_left_and_is_edited_holds_the_bake_up(mien, cast, positions, monkeypatch):
    bake(mien, cast)
    monkeypatch.setattr(mien.players, "sources", [])
    edit(cast)
    teeth = part("Teeth").data.mien.bakes[0].text
    with pytest.raises(mien.engine.MeshError, match="Teeth cannot be changed now"):
        bake(mien, cast)
    bpy.ops.object.mode_set(mode="OBJECT")
    assert part("Teeth").data.mien.bakes[0].text == teeth
    assert len(cast.face.data.mien.bakes) == 1
    bake(mien, cast)
    assert part("Teeth").data.shape_keys is None


def test_undo_and_redo_hold_for_all(mien, cast, scene, positions, evaluated):
    bpy.context.preferences.edit.use_global_undo = True
    scene.mien.face = cast.face
    scene.frame_start, scene.frame_end = 0, 36
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.mien.bake()
    bpy.ops.ed.undo_push(message="baked")
    check(cast, evaluated, positions, 18)
    bpy.ops.ed.undo()
    assert all(bpy.data.objects[name].data.shape_keys is None for name in ("Ada", *NAMES))
    bpy.ops.ed.redo()
    assert min(check(cast, evaluated, positions, 18).values()) > 1e-4


@pytest.mark.parametrize("way", WAYS)
def test_cancelling_restores_all(mien, cast, saved, positions, way):
    folder = saved()
    for first in (True, False):
        before, files = snapshot(positions), sorted(folder.rglob("*"))
        asked = iter(range(10**9))
        with pytest.raises(mien.engine.Cancelled):
            bake(mien, cast, way, cancelled=lambda asked=asked: next(asked) > 1)
        assert snapshot(positions) == before
        assert {path for path in folder.rglob("*") if path.is_file()} == {path for path in files if path.is_file()}
        if first:
            bake(mien, cast, way)


@pytest.mark.parametrize("way", WAYS)
def test_a_failure_at_the_last_moment_restores_all(mien, cast, saved, positions, monkeypatch, way):
    folder = saved()
    bake(mien, cast, way)
    before, files = snapshot(positions), {path for path in folder.rglob("*") if path.is_file()}
    if way == "cache":
        play, calls = mien.bake_cache.CacheWriter.play, iter(range(9))
        broken = mien.bake_cache.CacheWriter
        monkeypatch.setattr(broken, "play", lambda self: play(self) if next(calls) < 2 else 1 / 0)
    else:
        monkeypatch.setattr(mien.fcurves, "write", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        bake(mien, cast, way, new=True)
    assert snapshot(positions) == before
    assert {path for path in folder.rglob("*") if path.is_file()} == files


def vanish(cast):
    bpy.data.objects.remove(part("Teeth"))
    return "gone"


def unlink(cast):
    bpy.context.scene.collection.objects.unlink(part("Teeth"))
    return "Teeth, a part of the face, is in no scene"


def edit(cast):
    cast.face.select_set(False)
    bpy.context.view_layer.objects.active = part("Teeth")
    bpy.ops.object.mode_set(mode="EDIT")
    return "Teeth, a part of the face, is not in Object Mode"


def grow(cast):
    part("Teeth").data.vertices.add(1)
    return "Teeth, a part of the face, has 81 vertices, and had 80"


def link(cast):
    part("Teeth").data = part("Lashes").data.copy()
    part("Teeth").data = part("Lashes").data
    return "vertices"


def own_keys(cast):
    part("Teeth").shape_key_add(name="Basis")
    part("Teeth").shape_key_add(name="Open").value = 0
    return "Teeth has shape keys of its own"


def absolute_keys(cast):
    part("Teeth").shape_key_add(name="Basis")
    part("Teeth").data.shape_keys.use_relative = False
    return "The shape keys of Teeth, a part of the face, are absolute"


@pytest.mark.parametrize("harm", [vanish, unlink, edit, grow, link, own_keys, absolute_keys])
def test_a_part_that_cannot_be_baked_is_told_before_anything_changes(mien, cast, positions, monkeypatch, harm):
    held = cast.members(cast.face, mien.api.fit(cast.face))
    monkeypatch.setattr(mien.players, "sources", [lambda *_: held])
    said = harm(cast)
    before = snapshot(positions)
    with pytest.raises(mien.engine.MeshError, match=said) as told:
        bake(mien, cast, "absolute" if harm is own_keys else "keys")
    assert told.value.remedy
    assert snapshot(positions) == before


def test_a_part_that_plays_an_absolute_bake_is_baked_again(mien, cast, positions, evaluated):
    bake(mien, cast, "absolute")
    assert not part("Teeth").data.shape_keys.use_relative
    bake(mien, cast, "absolute")
    check(cast, evaluated, positions, 18)


def test_a_bake_is_duplicated_on_its_face_and_not_on_a_part(mien, cast, positions):
    bake(mien, cast)
    before = snapshot(positions)
    with pytest.raises(mien.engine.MeshError, match="Lashes plays along with Ada"):
        mien.api.duplicate_bake(part("Lashes"))
    assert snapshot(positions) == before


def test_a_face_that_goes_leaves_no_pointer_behind(tmp_path):
    """Blender 5.0 crashed with the next save: a process of its own."""
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "BLENDER_USER_RESOURCES": str(tmp_path), "PYTHONPATH": str(root)}
    words = [sys.executable, str(Path(__file__).parent / "lost_face.py"), str(tmp_path)]
    done = subprocess.run(words, cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert (tmp_path / "alive").is_file(), done.stderr


def test_two_previewed_faces_may_have_one_part(mien, cast, scene, positions, evaluated, monkeypatch):
    twin = cast.face.copy()
    twin.data = cast.face.data.copy()
    twin.name = "Twin"
    scene.collection.objects.link(twin)
    monkeypatch.setattr(mien.players, "sources", [lambda _face, fit: cast.members(cast.face, fit)])
    mien.preview.start(cast.face)
    mien.preview.start(twin)
    path = mien.preview_file.path_of_part(int(part("Teeth").session_uid))
    assert path.is_file()
    mien.preview.stop(twin)
    assert path.is_file()
    assert part("Teeth").modifiers
    mien.preview.stop(cast.face)
    assert not path.is_file()
    assert not part("Teeth").modifiers


def test_a_part_that_a_script_has_turned_is_baked_as_it_is(mien, cast, monkeypatch):
    seen = []
    monkeypatch.setattr(mien.players, "sources", [lambda *_: seen.append(part("Teeth").matrix_world.copy()) or []])
    cast.face.mien_parts.parts.add()
    part("Teeth").location.x = 5
    bake(mien, cast)
    assert seen[0].translation.x == 5


def test_what_a_list_of_parts_raises_ends_the_preview(mien, cast, monkeypatch):
    mien.preview.start(cast.face)
    bpy.context.view_layer.update()
    assert not mien.preview.sessions[int(cast.face.session_uid)].stale

    def fail(*_):
        raise mien.engine.MeshError("The list is damaged.")

    monkeypatch.setattr(mien.players, "sources", [fail])
    cast.face.update_tag(refresh={"OBJECT"})  # the face moves in the scene, and its mesh is as it was
    bpy.context.view_layer.update()
    assert not mien.preview.is_on(cast.face)
    assert "The list is damaged" in mien.preview.problem(cast.face)


def test_a_linked_part_is_told(mien, cast, positions, tmp_path, monkeypatch):
    held = cast.members(cast.face, mien.api.fit(cast.face))
    path = str(tmp_path / "teeth.blend")
    bpy.data.libraries.write(path, {part("Teeth")})
    bpy.data.objects.remove(part("Teeth"))
    with bpy.data.libraries.load(path, link=True) as (_, here):
        here.objects = ["Teeth"]
    bpy.context.scene.collection.objects.link(here.objects[0])
    held[1].obj = here.objects[0]
    monkeypatch.setattr(mien.players, "sources", [lambda *_: held])
    with pytest.raises(mien.engine.MeshError, match="is linked from another file"):
        bake(mien, cast)


def test_two_parts_of_one_mesh_are_told(mien, cast, monkeypatch):
    held = cast.members(cast.face, mien.api.fit(cast.face))
    twin = part("Teeth").copy()
    bpy.context.scene.collection.objects.link(twin)
    held.append(SimpleNamespace(obj=twin, binding=held[1].binding, to_local=held[1].to_local))
    monkeypatch.setattr(mien.players, "sources", [lambda *_: held])
    with pytest.raises(mien.engine.MeshError, match=r"Teeth and Teeth.001 share one mesh"):
        bake(mien, cast)


def test_a_part_that_goes_while_frames_are_made_ends_the_bake(mien, cast, positions):
    before = snapshot(positions)
    job = mien.api.BakeJob(cast.face, start=0, end=36, engine_name="numpy")
    steps = job.compute()
    next(steps)
    bpy.data.objects.remove(part("Lashes"))
    bpy.data.meshes.remove(bpy.data.meshes["Lashes"])
    with pytest.raises(mien.engine.MeshError, match="A part of the face is gone"):
        list(steps)
    rest = [one for one in before[0] if one[0] != "Lashes"]
    assert snapshot(positions) == (rest, before[1])


def test_a_part_that_moves_by_itself_goes_on_beside_the_bake(mien, cast, positions, evaluated):
    teeth = part("Teeth")
    teeth.shape_key_add(name="Basis")
    key = teeth.shape_key_add(name="Grow", from_mix=False)
    flat = positions(teeth.data) * 1.5
    key.points.foreach_set("co", flat.ravel())
    curves = mien.fcurves.curves_of(teeth.data.shape_keys, "own")
    mien.fcurves.write(curves, 'key_blocks["Grow"].value', [0, 36], [0, 1])
    alone = evaluated(teeth, 18) - basis(teeth, positions)
    own = teeth.data.shape_keys.animation_data.action
    bake(mien, cast)
    both = evaluated(teeth, 18) - basis(teeth, positions)
    assert teeth.data.shape_keys.animation_data.action not in (own, cast.face.data.shape_keys.animation_data.action)
    moved = (evaluated(cast.face, 18) - cast.rest)[cast.made["Teeth"].corners[0]].mean(axis=0) @ (4 * TURN).T
    np.testing.assert_allclose((both - alone)[:60], np.tile(moved, (60, 1)), atol=1e-5)
    bake(mien, cast)
    np.testing.assert_allclose(evaluated(teeth, 18) - basis(teeth, positions), both, atol=1e-6)
    mien.api.play_bake(cast.face, "")
    np.testing.assert_allclose(evaluated(teeth, 18) - basis(teeth, positions), alone, atol=1e-6)
    mien.api.remove_bake(cast.face, "Happy")
    assert teeth.data.shape_keys.animation_data.action == own
    assert [key.name for key in teeth.data.shape_keys.key_blocks] == ["Basis", "Grow"]


def test_keys_of_the_artist_on_the_face_do_not_move_a_part(mien, cast, positions, evaluated):
    for obj in (cast.face, part("Teeth")):
        obj.shape_key_add(name="Basis")
        key = obj.shape_key_add(name="jawOpen", from_mix=False)
        key.points.foreach_set("co", (positions(obj.data) + np.float32([0, 0, 0.01])).ravel())
        key.value = 0.0
    keys = cast.face.data.shape_keys
    mien.fcurves.write(mien.fcurves.curves_of(keys, "own"), 'key_blocks["jawOpen"].value', [0, 36], [0, 1])
    before = evaluated(part("Teeth"), 30)
    bake(mien, cast)
    assert part("Teeth").data.shape_keys.key_blocks["jawOpen"].value == 0
    assert np.abs(evaluated(part("Teeth"), 36) - before).max() < 1e-3
    mien.api.remove_bake(cast.face)
    np.testing.assert_array_equal(evaluated(part("Teeth"), 30), before)


@pytest.mark.parametrize("where", ["Ada", "Teeth"])
def test_a_renamed_key_is_followed_on_all(mien, cast, positions, evaluated, where):
    bake(mien, cast)
    keys = bpy.data.objects[where].data.shape_keys
    keys.key_blocks["Happy 0018"].name = "Best"
    mien.api.play_bake(cast.face, "Happy")
    for name in ("Ada", *NAMES):
        assert "Best" in bpy.data.objects[name].data.shape_keys.key_blocks, name
        assert "Best" in bpy.data.objects[name].data.mien.bakes[0].key_names
    assert min(check(cast, evaluated, positions, 18).values()) > 1e-4
    mien.api.remove_bake(cast.face)
    assert all(bpy.data.objects[name].data.shape_keys is None for name in ("Ada", *NAMES))


def test_own_keys_of_the_same_names_perform_and_others_are_told(mien, cast, template, positions, evaluated):
    bake(mien, cast)
    shapes = {name: evaluated(bpy.data.objects[name], 18) for name in ("Ada", "Lashes")}
    mien.api.remove_bake(cast.face)
    for name, shape in shapes.items():
        obj = bpy.data.objects[name]
        obj.shape_key_add(name="Basis")
        key = obj.shape_key_add(name="Smile", from_mix=False)
        key.points.foreach_set("co", shape.ravel())
        key.value = 0.0
    before = snapshot(positions)
    result = bake(mien, cast, "own")
    assert result.parts == ["Lashes"]
    assert any(note.endswith("of the face's: Teeth.") for note in result.notes)
    assert part("Teeth").data.shape_keys is None
    np.testing.assert_allclose(evaluated(part("Lashes"), 18), shapes["Lashes"], atol=1e-5)
    mien.api.remove_bake(cast.face)
    assert snapshot(positions) == before


def test_a_copied_face_with_its_parts_stands_alone(mien, cast, positions, evaluated):
    bake(mien, cast)
    seen = {name: evaluated(part(name), 18) for name in NAMES}
    for name in ("Ada", *NAMES):
        bpy.data.objects[name].select_set(True)
    bpy.context.view_layer.objects.active = cast.face
    bpy.ops.object.duplicate()
    twin = bpy.data.objects["Ada.001"]
    mien.api.play_bake(twin, "")
    for name in NAMES:
        np.testing.assert_array_equal(evaluated(part(name), 18), seen[name])
        np.testing.assert_allclose(evaluated(part(f"{name}.001"), 18), basis(part(f"{name}.001"), positions))
    mien.api.play_bake(twin, "Happy")
    np.testing.assert_array_equal(evaluated(part("Teeth.001"), 18), seen["Teeth"])
    mien.api.remove_bake(twin)
    assert part("Teeth.001").data.shape_keys is None
    np.testing.assert_array_equal(evaluated(part("Teeth"), 18), seen["Teeth"])
    assert min(check(cast, evaluated, positions, 18).values()) > 1e-4


def test_a_face_that_is_copied_alone_does_not_lead_the_parts(mien, cast, positions, evaluated):
    bake(mien, cast)
    twin = cast.face.copy()
    twin.data = cast.face.data.copy()
    bpy.context.scene.collection.objects.link(twin)
    mien.api.remove_bake(twin)
    assert min(check(cast, evaluated, positions, 18).values()) > 1e-4
    mien.api.remove_bake(cast.face)
    assert part("Teeth").data.shape_keys is None


def test_saved_and_loaded_all_belongs_together(mien, cast, positions, evaluated, tmp_path):
    bake(mien, cast)
    path = str(tmp_path / "shot.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.open_mainfile(filepath=path)
    assert min(check(cast, evaluated, positions, 18).values()) > 1e-4
    mien.api.remove_bake(bpy.data.objects["Ada"])
    assert all(bpy.data.objects[name].data.shape_keys is None for name in ("Ada", *NAMES))
    assert [one.name for one in bpy.data.actions if "Happy" in one.name] == []


def test_shaping_holds_for_the_parts(mien, cast, positions, evaluated):
    cast.face.mien.gain, cast.face.mien.mouth, cast.face.mien.balance = 1.2, 0.5, 0.7
    bake(mien, cast)
    assert min(check(cast, evaluated, positions, 18).values()) > 1e-5


def previewed():
    return [name for name in NAMES if any("mien-preview" in one.filepath for one in part(name).modifiers)]


def test_the_live_preview_moves_the_parts(mien, cast, scene, positions, evaluated):
    before = snapshot(positions)
    mien.preview.start(cast.face)
    assert previewed() == list(NAMES)
    for frame in (18, 5, 30):
        assert min(check(cast, evaluated, positions, frame).values()) > 1e-5
    cast.face.mien.mouth = 0.3
    evaluated(cast.face, 18)
    assert min(check(cast, evaluated, positions, 18).values()) > 1e-5
    mien.preview.stop(cast.face)
    assert not previewed()
    cast.face.mien.mouth = 1.0
    evaluated(cast.face, 0)
    assert snapshot(positions) == before
    assert max(check(cast, evaluated, positions, 18).values()) == 0
    assert not [path for path in mien.preview_file.folder().iterdir() if "part" in path.name]


def test_the_preview_shows_what_is_baked(mien, cast, positions, evaluated):
    mien.preview.start(cast.face)
    shown = {name: evaluated(part(name), 18) for name in NAMES}
    mien.preview.stop(cast.face)
    bake(mien, cast)
    for name in NAMES:
        np.testing.assert_allclose(evaluated(part(name), 18), shown[name], atol=2e-6)


def test_a_parts_own_keys_show_in_the_preview(mien, cast, positions, evaluated):
    teeth = part("Teeth")
    teeth.shape_key_add(name="Basis")
    key = teeth.shape_key_add(name="Up", from_mix=False)
    key.points.foreach_set("co", (positions(teeth.data) + np.float32([0, 0, 1])).ravel())
    key.value = 0.0
    mien.preview.start(cast.face)
    before = evaluated(teeth, 18)
    key.value = 0.5
    np.testing.assert_allclose(evaluated(teeth, 18) - before, np.tile([0, 0, 0.5], (80, 1)), atol=1e-5)


def test_a_part_in_edit_mode_waits(mien, cast, positions, evaluated):
    mien.preview.start(cast.face)
    cast.face.select_set(False)
    bpy.context.view_layer.objects.active = part("Teeth")
    bpy.ops.object.mode_set(mode="EDIT")
    bpy.context.scene.frame_set(10)
    bpy.ops.object.mode_set(mode="OBJECT")
    assert mien.preview.is_on(cast.face)
    assert min(check(cast, evaluated, positions, 18).values()) > 1e-5


def test_saved_files_know_nothing_of_the_parts_preview(mien, cast, positions, evaluated, tmp_path):
    path = str(tmp_path / "a.blend")
    mien.preview.start(cast.face)
    bpy.ops.wm.save_as_mainfile(filepath=path)
    assert previewed() == list(NAMES)
    check(cast, evaluated, positions, 18)
    bpy.ops.wm.open_mainfile(filepath=path)
    assert not previewed()
    assert not bpy.data.objects["Ada"].modifiers


def test_parts_that_come_and_go_while_it_is_previewed(mien, cast, positions, evaluated, monkeypatch):
    every = mien.players.sources[0]
    there = {"Lashes"}
    monkeypatch.setattr(
        mien.players, "sources", [lambda face, fit: [one for one in every(face, fit) if one.obj.name in there]]
    )
    mien.preview.start(cast.face)
    assert previewed() == ["Lashes"]
    for now in ({"Lashes", "Teeth"}, {"Teeth"}, set()):
        there.clear()
        there.update(now)
        cast.face.update_tag()
        bpy.context.view_layer.update()
        assert previewed() == sorted(now)


def test_undo_takes_the_parts_preview_back(mien, cast, positions, evaluated):
    bpy.context.preferences.edit.use_global_undo = True
    bpy.context.scene.mien.face = cast.face
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.mien.preview()
    bpy.ops.ed.undo_push(message="previewed")
    bpy.ops.ed.undo()
    assert not previewed()
    assert not bpy.data.objects["Ada"].modifiers
    bpy.ops.ed.redo()
    assert previewed() == list(NAMES)
    assert min(check(cast, evaluated, positions, 18).values()) > 1e-5


def test_a_part_that_cannot_move_ends_no_preview_that_did_not_begin(mien, cast, positions):
    part("Teeth").data.vertices.add(1)
    before = snapshot(positions)
    with pytest.raises(mien.engine.MeshError, match="81 vertices"):
        mien.preview.start(cast.face)
    assert snapshot(positions) == before


def test_a_copy_of_a_part_alone_is_let_go(mien, cast, positions, evaluated):
    mien.preview.start(cast.face)
    for one in bpy.context.selected_objects:
        one.select_set(False)
    part("Teeth").select_set(True)
    bpy.context.view_layer.objects.active = part("Teeth")
    bpy.ops.object.duplicate()
    bpy.context.view_layer.update()
    assert not part("Teeth.001").modifiers
    assert previewed() == list(NAMES)


def world(obj, frame):
    bpy.context.scene.frame_set(frame)
    seen = obj.evaluated_get(bpy.context.evaluated_depsgraph_get())
    flat = np.empty(3 * len(seen.data.vertices), np.float32)
    seen.data.vertices.foreach_get("co", flat)
    matrix = np.array(seen.matrix_world)
    return flat.reshape(-1, 3) @ matrix[:3, :3].T + matrix[:3, 3]


@pytest.mark.parametrize("way", ["keys", "compact"])
def test_gltf_carries_the_parts_along(mien, cast, scene, tmp_path, way):
    scene.frame_start, scene.frame_end = 0, 40
    bake(mien, cast, way)
    bake(mien, cast, way, new=True, name="Twin")  # a clip beside it must not leak in
    truth = {name: [world(part(name), frame) for frame in (0, 12, 18)] for name in NAMES}
    path = tmp_path / "shot.glb"
    mien.exporting.export(path, ".glb")
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    bpy.ops.import_scene.gltf(filepath=str(path), merge_vertices=False)
    for name, frames in truth.items():
        rest = world(part(name), 0)
        which = np.linalg.norm(rest[:, None] - frames[0], axis=2).argmin(axis=1)
        for frame, wanted in zip((12, 18), frames[1:], strict=True):
            np.testing.assert_allclose(world(part(name), frame), wanted[which], atol=1e-5)
            assert np.abs(wanted - frames[0]).max() > 1e-4


@pytest.mark.parametrize("way", ["keys", "cache"])
def test_the_command_line_bakes_the_parts(mien, cast, positions, evaluated, tmp_path, monkeypatch, capsys, way):
    path, out = tmp_path / "head.blend", tmp_path / "shot.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    files = set(tmp_path.iterdir())
    words = ["bake", str(path), "--object", "Ada", "--start", "0", "--end", "36", "--engine", "numpy", "--way", way]
    words += ["--out", str(out), *(["--cache", str(tmp_path / "a.pc2")] if way == "cache" else [])]
    export = mien.scene_io._export
    monkeypatch.setattr(mien.scene_io, "_export", lambda *_: (_ for _ in ()).throw(RuntimeError("full")))
    assert mien.cli.main(words) == 1
    assert set(tmp_path.iterdir()) == files
    monkeypatch.setattr(mien.scene_io, "_export", export)
    assert mien.cli.main(words) == 0, capsys.readouterr()
    assert "Ada and 2 parts perform" in capsys.readouterr().out
    bpy.ops.wm.open_mainfile(filepath=str(out))
    assert min(check(cast, evaluated, positions, 18).values()) > 1e-4
    if way == "cache":
        assert {one.name for one in tmp_path.glob("*.pc2")} == {"a.pc2", "a-Lashes.pc2", "a-Teeth.pc2"}
