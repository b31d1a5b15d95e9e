# ruff: noqa: ARG001, PLR0917 - fixtures are asked for by name, also for what they do
"""The live preview: it shows what a bake would, and leaves nothing behind."""

from __future__ import annotations

import itertools

import bpy
import numpy as np
import pytest

MM = 1000.0
"""Millimetres in a metre, the unit of the sample faces."""


@pytest.fixture(autouse=True)
def nothing_left(mien, scene):
    """Each test begins and ends without any preview."""
    mien.preview.stop_all()
    yield
    mien.preview.stop_all()
    assert not mien.preview.sessions


@pytest.fixture
def seen(evaluated):
    """(V, 3) the face as it is drawn at a frame, with fractions."""

    def look(obj, frame):
        whole = int(np.floor(frame))
        return evaluated(obj, whole, float(frame - whole))

    return look


def drawn_now(obj, positions):
    """(V, 3) the face as it is drawn, without another frame change."""
    return positions(obj.evaluated_get(bpy.context.evaluated_depsgraph_get()).data)


def baked_frames(mien, obj, seen, frames, **options):
    """What a bake shows at these frames; the bake is taken away again."""
    mien.api.bake(obj, **options)
    found = [seen(obj, frame) for frame in frames]
    mien.api.remove_bake(obj)
    return found


def check_like_bake(mien, obj, seen, frames, span, step=1.0):
    start, end = span
    expected = baked_frames(mien, obj, seen, frames, start=start, end=end, step=step)
    mien.preview.start(obj)
    for frame, wanted in zip(frames, expected, strict=True):
        assert np.abs(seen(obj, frame) - wanted).max() * MM < 1e-4, frame
    assert mien.preview.problem(obj) == ""


def mien_values(obj):
    names = [one.identifier for one in obj.mien.bl_rna.properties]
    return [getattr(obj.mien, name) for name in names if name not in ("rna_type", "name")]


def state_of(obj, positions):
    """All of a face that a preview could spoil."""
    keys = obj.data.shape_keys
    return (
        positions(obj.data).tobytes(),
        [(one.name, one.type) for one in obj.modifiers],
        [(key.name, key.value) for key in keys.key_blocks] if keys else None,
        sorted(action.name for action in bpy.data.actions),
        sorted(bpy.data.meshes.keys()),
        # To read a property group makes an empty one before Blender 5.0, whoever reads it.
        sorted(set(obj.keys()) - {"mien", "mien_parts", "mien_marks"}),
        mien_values(obj),
    )


def test_every_frame_is_that_of_the_bake(mien, scene, happy, seen):
    mien.api.add_expression(happy, "surprise", 1.0, 30, 34, 40, 60)
    scene.frame_start, scene.frame_end = 0, 70
    check_like_bake(mien, happy, seen, range(71), (0, 70))


@pytest.mark.parametrize("pace", list(itertools.product([24, 25, 30, 60], [1.0, 2.0])))
def test_frame_rates_speeds_and_fractions(mien, scene, face, seen, pace):
    scene.render.fps, speed = pace
    mien.api.add_expression(face, "angry", 0.9, -20, 5, 15, 50)
    scene.frame_start, scene.frame_end = 1, 40
    face.mien.speed = speed
    frames = [1, 3.5, 8, 12.25, 20, 33.75, 40]
    check_like_bake(mien, face, seen, frames, (1, 40), step=0.25)


def test_time_remapping(mien, scene, happy, seen):
    scene.frame_start, scene.frame_end = 0, 40
    scene.render.frame_map_old, scene.render.frame_map_new = 100, 200
    frames = [0, 9, 24, 25, 40]
    start, end = scene.mien.range_in(scene)
    check_like_bake(mien, happy, seen, frames, (start, end), step=0.5)


def test_jumping_about_is_like_playing(mien, scene, happy, seen):
    scene.frame_start, scene.frame_end = 0, 2000
    mien.preview.start(happy)
    played = {frame: seen(happy, frame) for frame in range(0, 60, 5)}
    for frame in (55, 0, 30, 10, 1500, 45, -40, 20):
        picture = seen(happy, frame)
        if frame in played:
            assert np.array_equal(picture, played[frame])


def test_unkeyed_strengths_begin_where_a_bake_begins(mien, scene, face, seen):
    face.mien.happy = 0.7
    scene.frame_start, scene.frame_end = 10, 40
    expected = baked_frames(mien, face, seen, [10, 11, 20], start=10, end=40)
    early = baked_frames(mien, face, seen, [4], start=4, end=40)
    mien.preview.start(face)
    for frame, wanted in zip([10, 4, 11, 4, 20], [expected[0], *early, expected[1], *early, expected[2]], strict=True):
        assert np.abs(seen(face, frame) - wanted).max() * MM < 1e-4


def test_leaving_restores_all_and_nothing_was_touched(mien, scene, happy, positions, seen):
    happy.modifiers.new("Smooth", "SUBSURF").levels = 0
    happy.modifiers.active = happy.modifiers["Smooth"]
    at_rest = seen(happy, 18)
    before = state_of(happy, positions)
    mien.preview.start(happy)
    assert mien.preview.is_on(happy)
    assert happy.modifiers.active.name == "Smooth"
    assert np.abs(seen(happy, 18) - at_rest).max() * MM > 1
    assert positions(happy.data).tobytes() == before[0]
    mien.preview.stop(happy)
    assert not mien.preview.is_on(happy)
    assert state_of(happy, positions) == before
    assert np.array_equal(seen(happy, 18), at_rest)
    assert not list(mien.preview_file.folder().iterdir())


def test_it_moves_the_face_at_once(mien, scene, happy, positions):
    scene.frame_set(18)
    before = drawn_now(happy, positions)
    mien.preview.start(happy)
    assert np.abs(drawn_now(happy, positions) - before).max() * MM > 1


def test_nothing_to_perform_shows_the_rest(mien, scene, face, positions, seen):
    rest = positions(face.data)
    mien.preview.start(face)
    assert np.array_equal(seen(face, 5), rest)


def test_sliders_and_keys_show_while_the_playhead_stands(mien, scene, happy, positions):
    scene.frame_set(18)
    mien.preview.start(happy)
    shown = [drawn_now(happy, positions)]

    def changed():
        # Sliders and editors in a window tag what they change; a script has to.
        happy.update_tag()
        bpy.context.view_layer.update()
        shown.append(drawn_now(happy, positions))
        return not np.array_equal(shown[-1], shown[-2])

    happy.mien.sad = 0.5
    assert changed()
    happy.mien.gain = 0.5
    assert changed()
    curve = mien.fcurves.curves_of(happy).find("mien.happy")
    curve.keyframe_points[1].co.y = 0.3
    curve.update()
    assert changed()
    group = happy.vertex_groups.new(name="half")
    group.add(range(0, len(happy.data.vertices), 2), 1.0, "REPLACE")
    happy.mien.mask = "half"
    assert changed()
    group.add(range(len(happy.data.vertices)), 0.25, "REPLACE")
    happy.data.update()
    assert changed()
    assert mien.preview.problem(happy) == ""


def test_an_idle_scene_stays_idle(mien, scene, happy):
    """What the preview tags itself does not wake it again."""
    mien.preview.start(happy)
    counts = []
    bpy.app.handlers.depsgraph_update_post.append(lambda *_: counts.append(1))
    try:
        happy.mien.gain = 0.5
        happy.update_tag()
        for _ in range(5):
            bpy.context.view_layer.update()
    finally:
        bpy.app.handlers.depsgraph_update_post.pop()
    assert len(counts) <= 2


def own_keys(face):
    """Five keys of the artist's: one stands still, one is keyed, one driven by the frame, one masked, one muted."""
    face.shape_key_add(name="Basis", from_mix=False)
    rng = np.random.default_rng(0)
    group = face.vertex_groups.new(name="few")
    group.add(range(900), 0.5, "REPLACE")
    for name in ("still", "keyed", "driven", "masked", "muted"):
        key = face.shape_key_add(name=name, from_mix=False)
        flat = np.empty(len(key.points) * 3, np.float32)
        key.points.foreach_get("co", flat)
        key.points.foreach_set("co", flat + rng.normal(0, 1e-3, len(flat)).astype(np.float32))
    blocks = face.data.shape_keys.key_blocks
    blocks["still"].value, blocks["masked"].value, blocks["muted"].value = 0.5, 0.6, 0.7
    blocks["masked"].vertex_group, blocks["muted"].mute = "few", True
    for frame, value in ((0, 0.0), (30, 1.0)):
        blocks["keyed"].value = value
        blocks["keyed"].keyframe_insert("value", frame=frame)
    blocks["driven"].driver_add("value").driver.expression = "frame / 100"


def test_own_shape_keys_go_on(mien, scene, happy, seen):
    own_keys(happy)
    check_like_bake(mien, happy, seen, [0, 7, 18, 18.5, 30, 36], (0, 40), step=0.5)


def test_own_shape_keys_may_change(mien, scene, happy, positions):
    own_keys(happy)
    scene.frame_set(18)
    mien.preview.start(happy)
    before = drawn_now(happy, positions)
    happy.data.shape_keys.key_blocks["still"].value = 0.0
    bpy.context.view_layer.update()
    after = drawn_now(happy, positions)
    assert np.abs(after - before).max() * MM > 0.1
    mien.preview.stop(happy)
    mien.preview.start(happy)
    assert np.abs(drawn_now(happy, positions) - after).max() * MM < 1e-4


@pytest.mark.parametrize("way", ["keys", "absolute", "compact", "own"])
def test_bake_while_previewing(mien, scene, happy, seen, way):
    scene.frame_start, scene.frame_end = 0, 40
    if way == "own":
        own_keys(happy)
    mien.preview.start(happy)
    shown = [seen(happy, frame) for frame in (0, 9, 18, 30)]
    mien.preview.stop(happy)
    mien.api.bake(happy, start=0, end=40, way=way)
    alone = [seen(happy, frame) for frame in (0, 9, 18, 30)]
    mien.api.remove_bake(happy)

    mien.preview.start(happy)
    mien.api.bake(happy, start=0, end=40, way=way)
    bpy.context.view_layer.update()
    assert mien.preview.is_on(happy), mien.preview.problem(happy)
    for frame, wanted in zip((0, 9, 18, 30), shown, strict=True):
        assert np.abs(seen(happy, frame) - wanted).max() * MM < (1e-4 if way != "own" else 0.05)
    mien.preview.stop(happy)
    for frame, wanted in zip((0, 9, 18, 30), alone, strict=True):
        assert np.array_equal(seen(happy, frame), wanted)


def test_it_lies_behind_a_baked_cache(mien, scene, happy, seen, tmp_path):
    mien.api.bake(happy, start=0, end=40, way="cache", cache=str(tmp_path / "a.pc2"))
    happy.modifiers.new("Smooth", "SUBSURF").levels = 0
    mien.api.add_expression(happy, "happy", 1.3, 0, 12, 24, 36)
    cached = seen(happy, 18)
    mien.preview.start(happy)
    assert [one.type for one in happy.modifiers] == ["MESH_CACHE", "MESH_CACHE", "SUBSURF"]
    assert happy.modifiers[1].name == "Mien Preview"
    assert np.abs(seen(happy, 18) - cached).max() * MM > 0.5


def test_two_faces_at_once(mien, scene, happy, seen):
    other = mien.api.add_sample_face(list(mien.engine.load().bundle.samples)[-1])
    mien.api.add_expression(other, "sad", 1.0, 0, 12, 24, 36)
    expected = [baked_frames(mien, one, seen, [18], start=0, end=40)[0] for one in (happy, other)]
    mien.preview.start(happy)
    mien.preview.start(other)
    for one, wanted in zip((happy, other), expected, strict=True):
        assert np.abs(seen(one, 18) - wanted).max() * MM < 1e-4
    mien.preview.stop(happy)
    assert np.abs(seen(other, 18) - expected[1]).max() * MM < 1e-4


def test_a_copy_has_a_preview_of_its_own(mien, scene, happy, seen):
    mien.preview.start(happy)
    copy = happy.copy()
    copy.data = happy.data.copy()
    scene.collection.objects.link(copy)
    bpy.context.view_layer.update()
    assert copy.modifiers[0].filepath != happy.modifiers[0].filepath
    copy.animation_data_clear()
    for name in mien.engine.EXPRESSIONS:
        setattr(copy.mien, name, 0.0)
    copy.update_tag()
    bpy.context.view_layer.update()
    assert np.abs(seen(copy, 18) - seen(happy, 18)).max() * MM > 1
    mien.preview.stop(happy)
    assert mien.preview.is_on(copy)


def test_renamed_and_deleted(mien, scene, happy, seen):
    mien.preview.start(happy)
    first = seen(happy, 18)
    happy.name = "Somebody else"
    assert not np.array_equal(seen(happy, 9), first)
    bpy.data.objects.remove(happy)
    scene.frame_set(20)
    assert not mien.preview.sessions
    assert not list(mien.preview_file.folder().iterdir())


def test_a_modifier_removed_by_hand_ends_it(mien, scene, happy):
    mien.preview.start(happy)
    happy.modifiers.clear()
    scene.frame_set(20)
    assert not mien.preview.is_on(happy)
    assert not mien.preview.sessions


def test_undo_and_redo(mien, scene, happy, seen):
    mien.preview.stop_all()
    scene.mien.face = happy
    name = happy.name
    bpy.ops.ed.undo_push(message="before")
    assert bpy.ops.mien.preview() == {"FINISHED"}
    bpy.ops.ed.undo_push(message="preview")
    shown = seen(bpy.data.objects[name], 18)
    bpy.data.objects[name].mien.gain = 0.5
    bpy.ops.ed.undo_push(message="gain")
    bpy.ops.ed.undo()
    assert mien.preview.is_on(bpy.data.objects[name])
    assert np.array_equal(seen(bpy.data.objects[name], 18), shown)
    bpy.ops.ed.undo()
    face = bpy.data.objects[name]
    assert not mien.preview.is_on(face)
    rest = seen(face, 18)
    assert not mien.preview.sessions
    bpy.ops.ed.redo()
    face = bpy.data.objects[name]
    assert mien.preview.is_on(face)
    assert np.array_equal(seen(face, 18), shown)
    assert bpy.ops.mien.preview() == {"FINISHED"}
    assert np.array_equal(seen(bpy.data.objects[name], 18), rest)


def test_the_saved_file_knows_nothing(mien, happy, seen, tmp_path, positions):
    bpy.context.scene.frame_set(18)
    mien.preview.start(happy)
    shown = seen(happy, 18)
    mien.preview.stop(happy)
    before = state_of(happy, positions)
    mien.preview.start(happy)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"), check_existing=False, compress=False)
    assert mien.preview.is_on(happy)
    assert np.array_equal(drawn_now(happy, positions), shown)
    assert b"Mien Preview" not in (tmp_path / "a.blend").read_bytes()
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "a.blend"))
    assert state_of(bpy.data.objects["Ada"], positions) == before
    assert not mien.preview.sessions


def test_a_crash_leaves_nothing_for_long(mien, scene, happy, tmp_path):
    """What Blender saves by itself holds the modifier; whoever opens it does not get it."""
    mien.preview.start(happy)
    bpy.data.libraries.write(str(tmp_path / "left.blend"), {scene, happy}, fake_user=True)
    assert b"Mien Preview" in (tmp_path / "left.blend").read_bytes()
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "left.blend"))
    assert bpy.data.objects
    assert not any(obj.modifiers for obj in bpy.data.objects)


def test_a_mesh_that_was_edited_ends_it_with_a_sentence(mien, scene, happy):
    mien.preview.start(happy)
    bpy.context.view_layer.objects.active = happy
    bpy.ops.object.mode_set(mode="EDIT")
    scene.frame_set(12)
    assert mien.preview.is_on(happy)
    bpy.ops.mesh.select_all(action="SELECT")
    bpy.ops.mesh.subdivide()
    bpy.ops.object.mode_set(mode="OBJECT")
    scene.frame_set(18)
    assert not mien.preview.is_on(happy)
    assert "vertices" in mien.preview.problem(happy)
    assert not happy.modifiers


def test_through_edit_mode_and_back(mien, scene, happy, seen):
    mien.preview.start(happy)
    shown = seen(happy, 18)
    bpy.context.view_layer.objects.active = happy
    bpy.ops.object.mode_set(mode="EDIT")
    scene.frame_set(30)
    bpy.ops.object.mode_set(mode="OBJECT")
    assert np.array_equal(seen(happy, 18), shown)


def test_a_moved_rest_is_noticed(mien, scene, happy, seen, positions):
    mien.preview.start(happy)
    shown = seen(happy, 18)
    happy.data.vertices.foreach_set("co", (positions(happy.data) * 1.1).ravel())
    happy.data.update()
    bpy.context.view_layer.update()
    assert np.abs(seen(happy, 18) - shown * 1.1).max() * MM < 1e-3


def test_another_engine_is_noticed(mien, scene, happy, seen):
    pytest.importorskip("torch")
    mien.preview.start(happy)
    shown = seen(happy, 18)
    chosen = bpy.context.preferences.addons[mien.package.__name__].preferences
    chosen.engine = "torch"
    try:
        assert np.abs(seen(happy, 18) - shown).max() * MM < 1e-2
    finally:
        chosen.engine = "numpy"


def test_what_goes_wrong_ends_it_once(mien, scene, happy, monkeypatch):
    mien.preview.start(happy)
    calls = []

    def fail(*_args, **_more):
        calls.append(1)
        raise mien.engine.MotionError("Nothing works.", "Wait.")

    monkeypatch.setattr(mien.preview_session.Session, "positions", fail)
    scene.frame_set(10)
    scene.frame_set(11)
    assert calls == [1]
    assert not mien.preview.is_on(happy)
    assert mien.preview.problem(happy) == "Nothing works. Wait."
    monkeypatch.undo()
    mien.preview.start(happy)
    assert mien.preview.problem(happy) == ""


def test_numbers_that_are_none_are_never_shown(mien, scene, happy, monkeypatch, seen):
    mien.preview.start(happy)
    good = mien.engine.Performer.decode
    monkeypatch.setattr(
        mien.engine.Performer, "decode", lambda self, latents, **more: good(self, latents, **more) * np.nan
    )
    assert np.isfinite(seen(happy, 18)).all()
    assert "finite" in mien.preview.problem(happy)


def test_a_face_that_does_not_fit_is_refused(mien, scene):
    cube = bpy.data.objects.new("Cube", bpy.data.meshes.new("Cube"))
    scene.collection.objects.link(cube)
    with pytest.raises(mien.engine.MeshError):
        mien.preview.start(cube)
    assert not cube.modifiers
    scene.mien.face = cube
    assert not bpy.ops.mien.preview.poll()


def drive(face):
    """Happiness by another object's height."""
    lever = bpy.data.objects.new("Lever", None)
    bpy.context.scene.collection.objects.link(lever)
    driver = face.driver_add("mien.happy").driver
    variable = driver.variables.new()
    variable.name, variable.type = "height", "TRANSFORMS"
    variable.targets[0].id, variable.targets[0].transform_type = lever, "LOC_Z"
    driver.expression = "height"
    return lever


def test_driven_strengths(mien, scene, face, seen):
    lever = drive(face)
    for frame, height in ((0, 0.0), (12, 0.8), (24, 0.8), (36, 0.0)):
        lever.location.z = height
        lever.keyframe_insert("location", frame=frame)
    scene.frame_start, scene.frame_end = 0, 40
    check_like_bake(mien, face, seen, [0, 12, 18, 30], (0, 40))


def test_a_moved_source_of_a_driver_is_caught_up_with(mien, scene, face, seen):
    lever = drive(face)
    lever.location.z = 0.4
    scene.frame_start, scene.frame_end = 0, 40
    mien.preview.start(face)
    before = seen(face, 18)
    lever.location.z = 0.8
    bpy.context.view_layer.update()
    assert bpy.app.timers.is_registered(mien.preview.catch_up)
    assert mien.preview.catch_up() is None
    bpy.app.timers.unregister(mien.preview.catch_up)
    after = seen(face, 18)
    assert np.abs(after - before).max() * MM > 0.5
    mien.preview.stop(face)
    mien.preview.start(face)
    assert np.abs(seen(face, 18) - after).max() * MM < 1e-4


def test_another_scene_does_not_move_it(mien, scene, happy, positions):
    scene.frame_set(18)
    mien.preview.start(happy)
    shown = drawn_now(happy, positions)
    other = bpy.data.scenes.new("Other")
    other.frame_set(3)
    assert np.array_equal(drawn_now(happy, positions), shown)


def test_renders_do_not_show_it(mien, scene, happy):
    mien.preview.start(happy)
    assert not happy.modifiers["Mien Preview"].show_render


def test_disabling_the_extension_ends_it(mien, scene, happy):
    mien.preview.start(happy)
    folder = mien.preview_file.folder()
    mien.preview_handlers.unregister()
    try:
        assert not happy.modifiers
        assert not folder.exists()
        lists = [getattr(bpy.app.handlers, name) for name in mien.preview_handlers.HANDLERS]
        assert not any(handler in lists[n] for n, handler in enumerate(mien.preview_handlers.HANDLERS.values()))
    finally:
        mien.preview_handlers.register()


def test_a_key_changed_late_in_a_long_scene(mien, scene, happy, seen):
    """Only what comes after the change is computed again, and it comes to the same."""
    mien.api.add_expression(happy, "fear", 1.0, 700, 720, 760, 800)
    scene.frame_start, scene.frame_end = 0, 900
    mien.preview.start(happy)
    first = {frame: seen(happy, frame) for frame in (18, 740, 790, 890)}
    curve = mien.fcurves.curves_of(happy).find("mien.fear")
    curve.keyframe_points[1].co.y = curve.keyframe_points[2].co.y = 0.5
    curve.update()
    changed = {frame: seen(happy, frame) for frame in first}
    assert np.array_equal(changed[18], first[18])
    assert np.abs(changed[740] - first[740]).max() * MM > 0.5
    mien.preview.stop(happy)
    mien.preview.start(happy)
    for frame, wanted in changed.items():
        assert np.abs(seen(happy, frame) - wanted).max() * MM < 1e-4


def test_the_mask_is_painted_live(mien, scene, happy, seen):
    group = happy.vertex_groups.new(name="mask")
    group.add(range(len(happy.data.vertices)), 1.0, "REPLACE")
    happy.mien.mask = "mask"
    mien.preview.start(happy)
    rest, full = seen(happy, -30), seen(happy, 18)
    bpy.context.view_layer.objects.active = happy
    bpy.ops.object.mode_set(mode="WEIGHT_PAINT")
    assert np.array_equal(seen(happy, 18), full)
    group.add(range(len(happy.data.vertices)), 0.0, "REPLACE")
    happy.data.update()
    bpy.context.view_layer.update()
    assert np.abs(seen(happy, 18) - rest).max() * MM < 0.2
    bpy.ops.object.mode_set(mode="OBJECT")
    assert mien.preview.is_on(happy), mien.preview.problem(happy)


def test_own_keys_in_the_nla(mien, scene, happy, seen):
    happy.shape_key_add(name="Basis", from_mix=False)
    key = happy.shape_key_add(name="key", from_mix=False)
    flat = np.empty(len(key.points) * 3, np.float32)
    key.points.foreach_get("co", flat)
    key.points.foreach_set("co", flat + np.float32(0.001))
    for frame, value in ((0, 0.0), (40, 1.0)):
        key.value = value
        key.keyframe_insert("value", frame=frame)
    animation = happy.data.shape_keys.animation_data
    animation.nla_tracks.new().strips.new("strip", 0, animation.action)
    animation.action = None
    mien.preview.start(happy)
    shown = [(seen(happy, frame), key.value) for frame in (10, 30)]
    assert shown[0][1] != shown[1][1]
    mien.preview.stop(happy)
    key.mute = True
    mien.preview.start(happy)
    for frame, (with_key, value) in zip((10, 30), shown, strict=True):
        assert np.abs((with_key - seen(happy, frame)) * MM - value).max() < 1e-3, frame


def test_two_objects_of_one_mesh(mien, scene, happy, seen):
    """One may be previewed without the other."""
    twin = happy.copy()
    scene.collection.objects.link(twin)
    rest = seen(twin, 18)
    mien.preview.start(happy)
    assert np.abs(seen(happy, 18) - rest).max() * MM > 1
    assert np.array_equal(seen(twin, 18), rest)


def test_a_face_from_a_blender_that_previews_is_freed(mien, scene, happy, tmp_path):
    """Appended or pasted, it brings a modifier whose file nobody here writes."""
    mien.preview.start(happy)
    bpy.data.libraries.write(str(tmp_path / "pasted.blend"), {happy})
    mien.preview.stop(happy)
    place = mien.preview_file.folder()
    with bpy.data.libraries.load(str(tmp_path / "pasted.blend")) as (there, here):
        here.objects = list(there.objects)
    (pasted,) = here.objects
    scene.collection.objects.link(pasted)
    # As if another Blender had written it.
    for modifier in pasted.modifiers:
        modifier.filepath = modifier.filepath.replace(place.name, place.name[:-3] + "xyz")
    assert len(pasted.modifiers) == 1
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "saved.blend"))
    assert not pasted.modifiers
