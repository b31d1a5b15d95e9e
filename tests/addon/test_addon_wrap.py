# ruff: noqa: ARG001 - fixtures are asked for by name, also for what they do
"""A head of another topology is wrapped, and performs: the job, its buttons, what is kept and what is seen of it."""

from __future__ import annotations

import dataclasses
import re
import struct
import zlib
from pathlib import Path
from types import SimpleNamespace

import bpy
import numpy as np
import pytest
import strange_heads as heads


@pytest.fixture
def strange(mien, face, template):
    """A head whose topology Mien does not know, and its landmarks; the sample face beside it is the truth."""
    obj, marks = heads.stranger(mien, face, template)
    return SimpleNamespace(obj=obj, marks=marks, truth=face)


@pytest.fixture(scope="session")
def kept(tmp_path_factory):
    """Where the wrapped head is kept for the tests that only look at it."""
    return tmp_path_factory.mktemp("wrapped") / "wrapped.blend"


@pytest.fixture
def wrapped(mien, face, template, kept):
    """The strange head, wrapped once for all tests."""
    if not kept.is_file():
        obj, marks = heads.stranger(mien, face, template)
        mien.api.wrap(obj, marks)
        bpy.context.scene.mien.face = obj
        bpy.ops.wm.save_as_mainfile(filepath=str(kept), copy=True)
    bpy.ops.wm.open_mainfile(filepath=str(kept), load_ui=False)
    return bpy.data.objects["Stranger"]


def test_a_strange_head_performs_as_the_known_one_does(mien, strange, evaluated):
    before = mien.api.fit(strange.obj)
    assert not before.ok
    assert "wrap" in before.remedy.lower()
    told = []
    result = mien.api.wrap(strange.obj, strange.marks, progress=told.append)
    assert mien.api.fit(strange.obj).ok
    assert result.mean < 1.0, "mm from the head"
    assert result.flipped == 0
    assert not result.advice
    assert all(0 <= step.done <= step.total for step in told)
    assert len({step.doing for step in told}) >= 3
    assert set(mien.marks.read(strange.obj)) == set(strange.marks), "landmarks that were given are kept"
    motions = []
    for obj in (strange.obj, strange.truth):
        mien.api.add_expression(obj, "happy", 1.0, 0, 12, 24, 36)
        mien.api.bake(obj, start=0, end=36, way="absolute")
        rest, apex = evaluated(obj, 0).astype(float), evaluated(obj, 18).astype(float)
        motions.append((rest, apex - rest))
    (rest, motion), (own_rest, own_motion) = motions
    # The strange head still has Ada's own vertices among its own, in another order.
    number = {tuple(np.round(place, 5)): index for index, place in enumerate(rest)}
    _, _, skin = heads.skin_of(strange.truth, mien.engine.load().bundle.template)
    pairs = [(number.get(tuple(np.round(own_rest[one], 5))), one) for one in np.flatnonzero(skin >= 0)]
    pairs = np.array([pair for pair in pairs if pair[0] is not None])
    assert len(pairs) > 3000
    got, truth = motion[pairs[:, 0]], own_motion[pairs[:, 1]]
    assert (got * truth).sum() / np.linalg.norm(got) / np.linalg.norm(truth) > 0.97
    assert np.linalg.norm(got - truth) < 0.25 * np.linalg.norm(truth)


def test_nothing_changes_before_it_is_finished(mien, strange):
    before = heads.snapshot()
    job = mien.api.WrapJob(strange.obj, strange.marks)
    steps = job.compute()
    for _ in range(3):
        next(steps)
    steps.close()
    assert heads.snapshot() == before


def test_it_can_be_cancelled_at_every_step(mien, strange):
    before = heads.snapshot()
    with pytest.raises(mien.engine.Cancelled):
        mien.api.wrap(strange.obj, strange.marks, cancelled=lambda: True)
    assert heads.snapshot() == before


@pytest.mark.parametrize("change", ["vertices", "mode", "gone"])
def test_a_head_that_changes_meanwhile_is_told(mien, strange, change):
    steps = mien.api.WrapJob(strange.obj, strange.marks).compute()
    next(steps)
    if change == "vertices":
        strange.obj.data.vertices.add(1)
    elif change == "mode":
        bpy.context.view_layer.objects.active = strange.obj
        bpy.ops.object.mode_set(mode="EDIT")
    else:
        bpy.data.objects.remove(strange.obj)
    with pytest.raises(mien.engine.MeshError, match=r"changed while|is gone"):
        next(steps)


@pytest.mark.parametrize("change", ["sculpted", "key", "scaled", "nods"])
def test_a_shape_that_changes_meanwhile_is_told(mien, strange, change):
    obj = strange.obj
    obj.shape_key_add(name="Basis")
    key = obj.shape_key_add(name="Tall")
    key.value = 0.0
    for place in key.data:
        place.co *= 1.3
    job = mien.api.WrapJob(obj, strange.marks)
    for _ in job.compute():
        pass
    if change == "sculpted":
        obj.data.shape_keys.reference_key.data[7].co.x += 0.001
    elif change == "key":
        key.value = 0.5
    elif change == "scaled":
        obj.scale.x = 2
    else:
        obj.rotation_euler, obj.location, obj.scale = (0.1, 0.2, 0.3), (1, 2, 3), (2, 2, 2)
    bpy.context.view_layer.update()
    if change == "nods":
        assert job.finish().vertices
        return
    with pytest.raises(mien.engine.MeshError, match="changed while"):
        job.finish()
    assert not mien.wrap_job.is_wrapped(obj)


def test_a_face_that_mien_knows_says_what_a_wrap_takes_from_it(mien, face, template, strange):
    assert not mien.api.wrap(strange.obj, strange.marks).note
    own = mien.api.fit(face).layout.name
    said = "Ada is a face that Mien knows without a wrap; Forget Wrap brings that back."
    for _ in range(2):  # also when it is wrapped again
        result = mien.api.wrap(face, heads.places(mien, face, template))
        assert result.note == said
        assert str(result).endswith(said)
    mien.api.forget_wrap(face)
    assert mien.api.fit(face).layout.name == own


def test_the_kinds_of_heads_are_chosen_by_a_word(mien):
    assert mien.wrap_job.generator_like().path == mien.engine.DEFAULT_BUNDLE
    assert mien.wrap_job.generator_like("MAKEHUMAN").path == mien.engine.DEFAULT_BUNDLE
    with pytest.raises(mien.engine.BundleError, match=r"No generator is called 'nobody'; there are: MakeHuman head"):
        mien.wrap_job.generator_like("nobody")
    assert [one[0] for one in mien.properties.head_items()] == ["auto", "MakeHuman head"]
    assert all(np.float32(one[4]) == one[4] for one in mien.properties.head_items()), "menus hand over floats"


def test_a_pack_without_landmarks_is_passed_over_and_says_so_when_asked_for(mien, strange, monkeypatch):
    default = mien.engine.load()
    template = dataclasses.replace(default.bundle.template, name="old_head", landmarks={})
    bundle = dataclasses.replace(default.bundle, template=template)
    old = dataclasses.replace(default, path=Path("old.safetensors"), bundle=bundle)
    monkeypatch.setattr(mien.packs, "known", lambda *_: [old, default])
    assert mien.wrap_job.generator_like() is default
    assert mien.wrap_job.generator_like("old") is old
    with pytest.raises(mien.engine.MeshError, match=r"has no landmarks.* newer model pack"):
        mien.api.wrap(strange.obj, strange.marks, like="old")


def test_what_is_kept_comes_back_from_the_file(mien, wrapped):
    fit = mien.fit_look.summary(mien.store.stored(wrapped.data))
    assert fit.like == "MakeHuman head"
    assert 0 < fit.mean < fit.p95 < 3
    assert fit.vertices > 5000
    heat = mien.fit_look.demand(wrapped.data)
    assert len(heat.distance) == len(wrapped.data.vertices)
    reached = np.isfinite(heat.distance)
    assert reached.sum() > 5000
    assert abs(np.nanmean(heat.distance) - fit.mean) < 0.25 * fit.mean + 0.02
    assert len(heat.wrapped) == mien.engine.load().bundle.template.vertex_count


def test_forgetting_leaves_landmarks_and_strengths(mien, wrapped):
    mien.api.add_expression(wrapped, "sad", 0.5, 1, 5, 9, 12)
    assert bpy.ops.mien.forget_wrap() == {"FINISHED"}
    assert not mien.wrap_job.is_wrapped(wrapped)
    assert not mien.api.fit(wrapped).ok
    assert len(wrapped.mien_marks) >= 12
    assert wrapped.animation_data.action is not None
    assert not bpy.ops.mien.forget_wrap.poll()
    assert not mien.api.forget_wrap(wrapped)


def test_undo_takes_a_wrap_back_and_redo_brings_it_again(mien, wrapped):
    bpy.ops.ed.undo_push(message="wrapped")
    mien.api.forget_wrap(wrapped)
    bpy.ops.ed.undo_push(message="forgotten")
    bpy.ops.ed.undo()
    head = bpy.data.objects["Stranger"]
    assert mien.api.fit(head).ok
    assert mien.fit_look.look(head.data) is not None
    bpy.ops.ed.redo()
    head = bpy.data.objects["Stranger"]
    assert not mien.wrap_job.is_wrapped(head)
    assert mien.fit_look.look(head.data) is None


def test_a_live_preview_ends_where_the_wrap_goes(mien, wrapped, positions):
    mien.api.add_expression(wrapped, "happy", 1.0, 0, 5, 9, 12)
    before = positions(wrapped.data).copy()
    assert bpy.ops.mien.preview() == {"FINISHED"}
    mien.api.forget_wrap(wrapped)
    assert not mien.preview.is_on(wrapped)
    assert not wrapped.modifiers
    np.testing.assert_array_equal(positions(wrapped.data), before)


@pytest.mark.parametrize("how", ["forgotten", "wrapped again"])
def test_so_do_the_previews_of_others_with_the_same_mesh(mien, wrapped, how):
    twin = bpy.data.objects.new("Twin", wrapped.data)
    bpy.context.scene.collection.objects.link(twin)
    mien.api.add_expression(twin, "happy", 1.0, 0, 5, 9, 12)
    mien.preview.start(twin)
    if how == "forgotten":
        mien.api.forget_wrap(wrapped)
    else:
        mien.api.wrap(wrapped)
    assert not mien.preview.is_on(twin)
    assert not twin.modifiers


def test_the_button_wraps_and_is_grey_without_landmarks(mien, strange):
    bpy.context.scene.mien.face = strange.obj
    assert not bpy.ops.mien.wrap.poll()
    mien.marks.put_all(strange.obj, strange.marks)
    assert bpy.ops.mien.wrap.poll()
    assert bpy.ops.mien.wrap() == {"FINISHED"}
    assert mien.wrap_job.is_wrapped(strange.obj)
    assert bpy.ops.mien.preview.poll(), "a head that is wrapped goes on as every face"


def test_a_panel_of_its_own_only_where_it_is_needed(mien, strange):
    context = bpy.context
    context.scene.mien.face = strange.truth
    assert not mien.wrap_operators.may_wrap(context)
    context.scene.mien.face = strange.obj
    assert mien.wrap_operators.may_wrap(context)
    context.view_layer.objects.active = strange.obj
    bpy.ops.object.mode_set(mode="EDIT")
    assert not mien.wrap_operators.may_wrap(context)


def _pixels(path):
    """(H, W, 3) of a PNG that wrap_picture wrote."""
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", data[16:24])
    length = struct.unpack(">I", data[33:37])[0]
    assert data[37:41] == b"IDAT"
    lines = np.frombuffer(zlib.decompress(data[41 : 41 + length]), np.uint8).reshape(height, 1 + 3 * width)
    return lines[:, 1:].reshape(height, width, 3).astype(int)


def test_the_picture_shows_where_it_fits_and_where_not(mien, wrapped, tmp_path):
    before = heads.snapshot()
    heat = mien.fit_look.demand(wrapped.data)
    mien.wrap_picture.write(heat, tmp_path / "fit.png")
    assert heads.snapshot() == before
    good = _pixels(tmp_path / "fit.png")
    half = heat.wrapped @ np.linalg.inv(heat.to_local).T
    low = np.median(half[:, 1])
    far = heat.vertices @ np.linalg.inv(heat.to_local).T
    bad = mien.heat.HeatMap(
        heat.vertices,
        heat.triangles,
        np.where(far[:, 1] > low, 9, heat.distance).astype(np.float32),
        heat.wrapped[mien.engine.load().bundle.template.triangles[:1]],
        heat.wrapped,
        heat.to_local,
    )
    mien.wrap_picture.write(bad, tmp_path / "bad.png")
    worse = _pixels(tmp_path / "bad.png")
    red = lambda picture: (picture[..., 0] > picture[..., 2] + 60) & (picture[..., 0] > picture[..., 1] + 60)  # noqa: E731
    height = mien.wrap_picture.PIXELS
    assert red(good[:height]).mean() < 0.1
    upper, lower = red(worse[: height // 3]).mean(), red(worse[2 * height // 3 : height]).mean()
    assert upper > 0.2 > lower, "red above, where we said that it is far off"
    magenta = (worse[..., 0] > 250) & (worse[..., 1] == 0)
    assert magenta.any(), "a triangle that is turned over is marked"
    assert not ((good[..., 0] > 250) & (good[..., 1] == 0)).any()


def test_colours_go_from_blue_to_red_and_grey_where_nothing_moves(mien):
    near, far, further, none = mien.heat.colours(np.array([0, 3, 30, np.nan], np.float32))
    assert near[2] > near[0]
    assert far[0] > far[2]
    np.testing.assert_array_equal(far, further)
    np.testing.assert_allclose(none, mien.heat.UNREACHED)


ESC, TIMER, CLICK = (SimpleNamespace(type=word) for word in ("ESC", "TIMER", "LEFTMOUSE"))


@pytest.fixture
def modal(mien, strange, modal_job):
    """The wrap of a head whose landmarks are placed."""
    bpy.context.scene.mien.face = strange.obj
    mien.marks.put_all(strange.obj, strange.marks)
    return modal_job(mien.wrap_operators.MIEN_OT_wrap)


def waited(modal, window):
    """How the operator ends when the clock ticks on."""
    while (outcome := modal.modal(window, TIMER)) == {"RUNNING_MODAL"}:
        assert modal.modal(window, CLICK) == {"RUNNING_MODAL"}
        modal._worker.join(0.02)
    return outcome


def test_it_computes_beside_the_window_until_done(mien, modal, window, strange):
    before = heads.snapshot()
    assert modal._begin(window) == {"RUNNING_MODAL"}
    modal._worker.join()
    assert heads.snapshot() == before, "the thread changes nothing"
    assert waited(modal, window) == {"FINISHED"}
    assert mien.wrap_job.is_wrapped(strange.obj)
    assert window.idle()
    assert not mien.wrap_operators.progress.running
    assert "performs like the MakeHuman head" in modal.reports[-1][1]


def test_the_window_says_how_far_it_is(mien, modal, window, strange):
    modal._begin(window)
    assert waited(modal, window) == {"FINISHED"}
    assert any("laying the face on — ESC cancels" in (text or "") for text in window.texts)


def test_escape_leaves_everything_as_it_was(mien, modal, window, strange):
    before = heads.snapshot()
    modal._begin(window)
    assert modal.modal(window, TIMER) == {"RUNNING_MODAL"}
    assert modal.modal(window, ESC) == {"CANCELLED"}
    assert heads.snapshot() == before
    assert window.idle()
    assert modal.reports == [({"INFO"}, "Cancelled; nothing was changed.")]
    modal._worker.join(60)
    assert not modal._worker.is_alive(), "the thread ends too"
    assert heads.snapshot() == before


def test_a_window_that_closes_ends_it(mien, modal, window, strange):
    before = heads.snapshot()
    modal._begin(window)
    modal.cancel(window)
    assert window.idle()
    modal._worker.join(60)
    assert not modal._worker.is_alive()
    assert heads.snapshot() == before


def test_what_goes_wrong_in_the_thread_is_told(mien, modal, window, strange, monkeypatch):
    def broken(*_arguments, **_more):
        yield mien.engine.Step(0, 1, "trying")
        raise mien.engine.MeshError("This is no head.", "Take another.")

    monkeypatch.setattr(mien.engine, "wrap", broken)
    before = heads.snapshot()
    modal._begin(window)
    assert waited(modal, window) == {"CANCELLED"}
    assert modal.reports == [({"ERROR"}, "This is no head. Take another.")]
    assert heads.snapshot() == before
    assert window.idle()


def test_a_head_that_is_gone_ends_it(mien, modal, window, strange):
    modal._begin(window)
    bpy.data.objects.remove(strange.obj)
    assert modal.modal(window, TIMER) == {"CANCELLED"}
    assert "is gone" in modal.reports[0][1]
    assert window.idle()


@pytest.fixture(scope="module")
def drawing(draw_states):
    """(what each state draws, what Blender complained about)."""
    return draw_states("draw_wrap.py")


@pytest.mark.parametrize(
    ("state", "words", "absent"),
    [
        ("known", ["Fits the"], ["mien.wrap", "pick_landmarks"]),
        ("strange", ["rap it", "pick_landmarks", "mien.wrap"], ["forget_wrap", "Mean Distance"]),
        ("placed", ["18 of 18", "mien.wrap"], ["forget_wrap"]),
        ("under way", ["Esc cancels"], ["mien.wrap"]),
        ("wrapped", ["Mean Distance", " mm", "Wrap Again", "show_fit", "forget_wrap"], ["Turned Over"]),
        ("poor", ["4.00 mm (2.00%)", "Turned Over", "Left out: Chin", "It is poor"], []),
        ("changed", ["was changed since it was wrapped", "Wrap Again", "forget_wrap"], ["Mean Distance"]),
        ("edit", ["Edit Mode"], ["mien.wrap"]),
    ],
)
def test_each_state_of_the_panel_shows_what_is_so_and_what_to_do(drawing, state, words, absent):
    drawn = drawing[0][state]
    # Sentences are cut into lines as wide as the sidebar.
    text = " ".join(re.findall(r"'draw_string': ['\"](.*?)['\"],", drawn)) + drawn
    for word in words:
        assert word in text
    for word in absent:
        assert word not in text


def test_drawing_the_panel_makes_blender_complain_of_nothing(drawing):
    said = [line for line in drawing[1].splitlines() if "rna_uiItem" in line or "unknown" in line or "Error" in line]
    assert not said


def test_a_whole_name_counts_before_a_word_of_another(mien, monkeypatch):
    def pack(title, name):
        template = SimpleNamespace(name=name)
        return SimpleNamespace(title=title, bundle=SimpleNamespace(template=template), path=Path(f"{title}.npz"))

    first, second = pack("Convict", "convict_skin"), pack("ICT", "ict_skin")
    monkeypatch.setattr(mien.packs, "known", lambda _bundle="": [first, second])
    like = mien.wrap_job.generator_like
    assert like("ict") is second
    assert like("ICT_SKIN") is second
    assert like("convict") is first
    assert like("skin") is first
    with pytest.raises(mien.engine.BundleError, match="No generator is called 'nobody'"):
        like("nobody")


def test_a_wrap_that_fails_at_its_end_changes_nothing(mien, wrapped, monkeypatch):
    part = wrapped.mien_parts.parts.add()
    part.inner, part.text, part.mark, part.template = True, "a", "b", "c"
    before = wrapped.data.mien.wrap.mark, mien.marks.state_of(wrapped)
    places = {name: place * 1.001 for name, place in mien.marks.read(wrapped).items()}

    def fail(*_):
        mien.keeping.forget(part)
        raise ValueError("nobody expects it")

    monkeypatch.setattr(mien.finding, "bind_again", fail)
    with pytest.raises(ValueError, match="nobody"):
        mien.api.wrap(wrapped, places)
    assert (wrapped.data.mien.wrap.mark, mien.marks.state_of(wrapped)) == before
    assert (part.text, part.mark, part.template) == ("a", "b", "c")
    assert mien.api.fit(wrapped).ok


def test_a_landmark_of_another_mien_is_taken_as_picked(mien, face):
    mien.marks.put(face, "chin", (0, 0, 0), "suggested")
    mark = face.mien_marks[0]
    stored = mark if "how" in mark.keys() else mark.bl_system_properties_get()  # noqa: SIM118 - no mapping
    stored["how"] = 99
    assert mien.marks.hows(face) == {"chin": "picked"}
    mien.marks.restore(face, mien.marks.state_of(face))
    assert mien.marks.hows(face) == {"chin": "picked"}
