# ruff: noqa: ARG001 - fixtures are asked for by name, also for what they do
"""The list of photos: added, looked at, moved, removed, kept with the file; and the button that makes the face."""

from __future__ import annotations

from types import SimpleNamespace

import bpy
import numpy as np
import pytest

ESC, TIMER = (SimpleNamespace(type=word) for word in ("ESC", "TIMER"))
SIZE = 300, 400


def picture(path, size=SIZE):
    """A photo of nothing but a ramp."""
    image = bpy.data.images.new("ramp", *size)
    image.pixels.foreach_set(np.tile(np.linspace(0, 1, size[0] * size[1], dtype=np.float32)[:, None], 4).ravel())
    image.filepath_raw, image.file_format = str(path), "PNG"
    image.save()
    bpy.data.images.remove(image)
    return path


@pytest.fixture
def photos(tmp_path):
    """A folder with three photos and a file that is none."""
    for name in ("ann.png", "ben.png", "cid.png"):
        picture(tmp_path / name)
    (tmp_path / "text.png").write_text("no picture")
    return tmp_path


@pytest.fixture
def points(mien):
    """(468, 3) of a face that looks out of the middle of a photo."""
    bundle = mien.engine.load().bundle
    return bundle.photo.points_of(bundle.template.vertices.astype(float)) * [1, -1, 1] + [150, 200, 0]


@pytest.fixture
def seer(mien, monkeypatch, points):
    """The finder, without its networks: it is told what to see in which file."""
    told = SimpleNamespace(problems={}, looked=[])

    def find(photo, _reader, which=0, cancelled=None, near=None):
        for done in range(4):
            if cancelled is not None and cancelled():
                raise mien.engine.Cancelled
            yield mien.engine.Step(done, 4, "looking for the face")
        told.looked.append((photo.name, which))
        if photo.name in told.problems and not which:
            raise mien.engine.MienError(told.problems[photo.name], "Choose one by its number.")
        return SimpleNamespace(points=points + which)

    monkeypatch.setattr(mien.engine, "find_in_steps", find)
    monkeypatch.setattr(mien.finder_files, "reader", lambda: None if not told else object())
    monkeypatch.setattr(mien.finder_files, "is_here", lambda: True)
    return told


def add(folder, *names):
    return bpy.ops.mien.add_photos(directory=str(folder), files=[{"name": name} for name in names])


def own():
    return bpy.context.scene.mien_photos


def titles():
    return [photo.title for photo in own().photos]


def states(mien):
    return [mien.photo_list.state_of(photo) for photo in own().photos]


def reason(operator):
    with pytest.raises(RuntimeError) as problem:
        operator()
    return str(problem.value)


def placed(mien, photo, count):
    names = [mark.name for mark in mien.engine.photo_guide.GUIDE][:count]
    mien.photo_list.keep_marks(photo, {name: np.array([10.5 + n, 20.25]) for n, name in enumerate(names)})
    return names


def test_added_photos_are_looked_at_at_once(mien, photos, seer, points):
    assert add(photos, "ann.png", "ben.png") == {"FINISHED"}
    assert titles() == ["ann.png", "ben.png"]
    assert states(mien) == ["found", "found"]
    assert own().active == 1
    assert mien.photo_list.points_of(own().photos[0]) == pytest.approx(points, abs=1e-3)
    assert not len(bpy.data.images)
    # A second time it is refused, beside a new one it is passed over.
    assert "ann.png is in the list already" in reason(lambda: add(photos, "ann.png"))
    add(photos, "cid.png", "ann.png")
    assert titles() == ["ann.png", "ben.png", "cid.png"]


def test_without_the_finder_they_wait_for_landmarks(mien, photos):
    add(photos, "ann.png")
    assert states(mien) == ["bare"]
    assert not own().photos[0].problem
    assert "landmark finder is not here" in reason(bpy.ops.mien.find_photo_faces)
    assert "ann.png has no landmarks yet" in reason(bpy.ops.mien.make_face)


def test_a_photo_without_a_face_stays_with_its_sentence(mien, photos, seer):
    seer.problems["ben.png"] = "ben.png shows 2 faces."
    add(photos, "ann.png", "ben.png")
    assert states(mien) == ["found", "bare"]
    assert own().photos[1].problem == "ben.png shows 2 faces. Choose one by its number."
    assert "ben.png has no landmarks yet" in reason(bpy.ops.mien.make_face)
    own().photos[1].which = 2
    assert bpy.ops.mien.find_photo_faces(again=True) == {"FINISHED"}
    assert seer.looked[-1] == ("ben.png", 2)
    assert states(mien) == ["found", "found"]
    assert not own().photos[1].problem


def test_a_file_that_is_no_photo_is_refused_and_the_others_come(mien, photos, seer):
    add(photos, "text.png", "ann.png")
    assert titles() == ["ann.png"]
    assert "text.png" in reason(lambda: add(photos, "text.png"))
    assert "gone.png" in reason(lambda: add(photos, "gone.png"))
    assert titles() == ["ann.png"]


def test_faces_are_looked_for_later_and_landmarks_by_hand_stay(mien, photos, monkeypatch, request):
    add(photos, "ann.png", "ben.png")
    names = placed(mien, own().photos[1], 7)
    assert states(mien) == ["bare", "placed"]
    told = request.getfixturevalue("seer")
    bpy.ops.mien.find_photo_faces()
    assert [name for name, _ in told.looked] == ["ann.png"]
    assert states(mien) == ["found", "placed"]
    assert list(mien.photo_list.marks_of(own().photos[1])) == names
    assert "looked at already" in reason(bpy.ops.mien.find_photo_faces)
    # Again for the one that is selected: anew, moved landmarks too.
    own().active = 1
    bpy.ops.mien.find_photo_faces(again=True)
    assert states(mien) == ["found", "found"]


def test_the_list_is_ordered_shortened_and_emptied(mien, photos, seer):
    assert "list is empty" in reason(bpy.ops.mien.remove_photo)
    add(photos, "ann.png", "ben.png", "cid.png")
    bpy.ops.mien.move_photo(direction="UP")
    assert (titles(), own().active) == (["ann.png", "cid.png", "ben.png"], 1)
    bpy.ops.mien.move_photo(direction="DOWN")
    assert bpy.ops.mien.move_photo(direction="DOWN") == {"CANCELLED"}
    assert (titles(), own().active) == (["ann.png", "ben.png", "cid.png"], 2)
    bpy.ops.mien.remove_photo()
    assert (titles(), own().active) == (["ann.png", "ben.png"], 1)
    bpy.ops.mien.remove_photo()
    assert "one photo only" in reason(lambda: bpy.ops.mien.move_photo(direction="UP"))
    bpy.ops.mien.clear_photos()
    assert (titles(), own().active) == ([], -1)
    assert (photos / "ann.png").exists()


def test_the_list_is_kept_with_the_file_and_changes_are_undone(mien, photos, seer, points, tmp_path):
    add(photos, "ann.png")
    placed(mien, own().photos[0], 2)
    assert states(mien) == ["moved"]
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.mien.clear_photo()
    assert states(mien) == ["bare"]
    bpy.ops.ed.undo_push(message="after")
    bpy.ops.ed.undo()
    assert states(mien) == ["moved"]
    own().title, own().size = "Ann", "4096"
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "scene.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "scene.blend"))
    assert (titles(), own().title, own().size) == (["ann.png"], "Ann", "4096")
    assert mien.photo_list.points_of(own().photos[0]) == pytest.approx(points, abs=1e-3)
    assert mien.photo_list.marks_of(own().photos[0])["chin"] == pytest.approx([11.5, 20.25])


def test_a_photo_that_is_gone_is_named_and_found_beside_the_blend(mien, photos, seer, tmp_path):
    add(photos, "ann.png")
    (photos / "ann.png").rename(photos / "elsewhere.png")
    assert states(mien) == ["gone"]
    for button in (bpy.ops.mien.make_face, bpy.ops.mien.edit_photo):
        assert "ann.png is not on the disk any more" in reason(button)
    (tmp_path / "project").mkdir()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "project" / "scene.blend"))
    picture(tmp_path / "project" / "ann.png")
    assert states(mien) == ["found"]
    own().photos[0].filepath = str(photos / "elsewhere.png")
    assert titles() == ["elsewhere.png"]


@pytest.mark.parametrize("text", ["nonsense", "bm9uc2Vuc2U=", "short", "not finite"])
def test_damaged_points_are_none(mien, photos, seer, points, text):
    add(photos, "ann.png")
    photo = own().photos[0]
    if text == "short":
        mien.photo_list.keep_points(photo, points[:100])
    elif text == "not finite":
        mien.photo_list.keep_points(photo, points * np.nan)
    else:
        photo.points = text
    assert states(mien) == ["bare"]


def test_landmarks_of_another_mien_are_passed_over(mien, photos, seer):
    add(photos, "ann.png")
    for name, place in (("left_toe", (1, 2)), ("chin", (float("nan"), 2)), ("nose_tip", (3, 4))):
        mark = own().photos[0].marks.add()
        mark.name, mark.place = name, place
    assert list(mien.photo_list.marks_of(own().photos[0])) == ["nose_tip"]


# In a window.


@pytest.fixture
def adding(mien, modal_job, photos):
    operator = modal_job(mien.photo_operators.MIEN_OT_add_photos)
    operator.directory = str(photos)
    operator.files = [SimpleNamespace(name="ann.png"), SimpleNamespace(name="ben.png")]
    return operator


def test_adding_shows_how_far_it_is(mien, window, seer, adding):
    adding._begin(window)
    assert mien.photo_work.progress.running
    while adding.modal(window, TIMER) == {"RUNNING_MODAL"}:
        pass
    assert window.idle()
    assert not mien.photo_work.progress.running
    assert any("ann.png" in text for text in window.texts if text)
    assert titles() == ["ann.png", "ben.png"]
    assert adding.reports == [({"INFO"}, "2 photos were added.")]


def test_esc_while_adding_adds_nothing(mien, window, seer, adding):
    adding._begin(window)
    for _ in range(7):
        adding.modal(window, TIMER)
    assert seer.looked
    assert adding.modal(window, ESC) == {"CANCELLED"}
    assert window.idle()
    assert titles() == []


def test_what_is_wrong_is_reported(mien, window, seer, adding):
    seer.problems["ann.png"] = "ann.png shows 2 faces."
    adding.files.append(SimpleNamespace(name="text.png"))
    adding._begin(window)
    while adding.modal(window, TIMER) == {"RUNNING_MODAL"}:
        pass
    kind, text = adding.reports[0]
    assert kind == {"WARNING"}
    assert text.startswith("2 photos were added. ann.png shows 2 faces.")
    assert "text.png" in text


def test_a_list_that_was_changed_meanwhile_is_left_alone(mien, window, seer, modal_job, photos):
    add(photos, "ann.png", "ben.png")
    for photo in own().photos:
        mien.photo_list.keep_points(photo, None)
    operator = modal_job(mien.photo_operators.MIEN_OT_find_photo_faces)
    operator.again = False
    operator._begin(window)
    bpy.ops.mien.move_photo(direction="UP")
    while (outcome := operator.modal(window, TIMER)) == {"RUNNING_MODAL"}:
        pass
    assert outcome == {"CANCELLED"}
    assert "changed meanwhile" in operator.reports[0][1]
    assert states(mien) == ["bare", "bare"]


@pytest.mark.parametrize(
    ("area", "region", "taken"), [("VIEW_3D", "UI", True), ("VIEW_3D", "WINDOW", False), ("OUTLINER", "UI", False)]
)
def test_photos_are_dropped_onto_the_sidebar_and_the_scene_keeps_its_own(mien, area, region, taken):
    over = SimpleNamespace(area=SimpleNamespace(type=area), region=SimpleNamespace(type=region))
    handler = mien.photo_operators.MIEN_FH_photos
    assert handler.poll_drop(over) is taken
    assert handler.bl_import_operator == mien.photo_operators.MIEN_OT_add_photos.bl_idname


# The face.


@pytest.fixture
def making(mien, modal_job, photos, seer, monkeypatch):
    """The button on a list of one photo, and what it hands to the job."""
    add(photos, "ann.png")
    given = SimpleNamespace(photos=None, options=None)

    class Job:
        def __init__(self, photos, **options):
            given.photos, given.options = photos, options

        def compute(self):
            for done in range(3):
                yield mien.engine.Step(done, 3, "finding the person")

        def finish(self):
            return SimpleNamespace(object=mien.api.add_sample_face(), warnings=(), __str__=lambda: "Done.")

    monkeypatch.setattr(mien.photo_make, "PhotoJob", Job)
    operator = modal_job(mien.photo_make.MIEN_OT_make_face)
    return operator, given


def finish(operator, window):
    operator._begin(window)
    while (outcome := operator.modal(window, TIMER)) == {"RUNNING_MODAL"}:
        pass
    return outcome


def test_the_job_gets_the_points_as_they_were_found_and_the_marks(mien, window, making, points):
    operator, given = making
    own().title, own().size = "Ann", "1024"
    assert finish(operator, window) == {"FINISHED"}
    assert given.options == {"name": "Ann", "like": "MakeHuman head", "bundle": "", "size": 1024}
    assert given.photos[0].path.name == "ann.png"
    assert given.photos[0].points == pytest.approx(points, abs=1e-3)
    handles = mien.engine.placing.Handles(mien.engine.load().bundle.photo, mien.engine.load().bundle.template)
    there = handles.places(points)["chin"] + [8, 5]
    mien.photo_list.keep_marks(own().photos[0], {"chin": there})
    finish(operator, window)
    assert given.photos[0].marks["chin"] == pytest.approx(there, abs=1e-3)
    # What is around a moved landmark goes with it once, when the photo is measured.
    assert given.photos[0].points == pytest.approx(points, abs=1e-3)


def test_esc_makes_nothing(mien, window, making):
    operator, _ = making
    operator._begin(window)
    operator.modal(window, TIMER)
    assert operator.modal(window, ESC) == {"CANCELLED"}
    assert window.idle()
    assert not len(bpy.data.objects)
    assert bpy.context.scene.mien.face is None


def test_edit_mode_and_a_generator_that_cannot_read_photos_are_told(mien, photos, seer, monkeypatch):
    add(photos, "ann.png")
    assert bpy.ops.mien.make_face.poll()
    mien.api.add_sample_face()
    bpy.ops.object.mode_set(mode="EDIT")
    assert "Object Mode first" in reason(bpy.ops.mien.make_face)
    bpy.ops.object.mode_set(mode="OBJECT")
    monkeypatch.setattr(mien.choosing, "reads_photos", lambda _: False)
    assert "No generator here can read photos" in reason(bpy.ops.mien.make_face)
