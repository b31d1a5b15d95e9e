# ruff: noqa: ARG001 - fixtures are asked for by name, also for what they do
"""Faces made of photos: what comes into the scene, what does not, and what is told; the finder's networks stand in."""

from __future__ import annotations

import json

import bpy
import kinds
import numpy as np
import photo_people as people
import pytest

from tests.core import whole

SMALL = {"size": 256}


@pytest.fixture
def person(mien):
    return people.Person(mien)


@pytest.fixture
def photos(mien, person, monkeypatch, tmp_path):
    """Two photos of a person, whom the finder sees."""
    people.seer(mien, monkeypatch, person)
    return [people.save_photo(tmp_path / name) for name in ("a.jpg", "b.jpg")]


@pytest.fixture
def bare(mien, person, monkeypatch, tmp_path):
    """A photo where there is no finder."""
    monkeypatch.setattr(mien.finder_files, "is_here", lambda: False)
    return people.save_photo(tmp_path / "a.jpg")


def needed(mien):
    return mien.engine.landmarks.NEEDED


def refused(mien, call, *words):
    """The sentence of a refusal after which nothing has changed."""
    before = people.state()
    with pytest.raises(mien.engine.MienError) as problem:
        call()
    for word in words:
        assert word in str(problem.value)
    assert people.state() == before
    return str(problem.value)


def test_a_face_comes_to_the_cursor_selected_and_picked(mien, photos, person):
    bpy.ops.mesh.primitive_cube_add()
    bpy.context.scene.cursor.location = (1, 2, 3)
    result = mien.api.face_from_photos(photos, **SMALL)
    face = result.object
    assert face.name == face.data.name == "a"
    assert tuple(face.location) == (1, 2, 3)
    assert bpy.context.selected_objects == [face]
    assert bpy.context.view_layer.objects.active == bpy.context.scene.mien.face == face
    assert mien.api.fit(face).ok
    assert result.photos == ("a.jpg", "b.jpg")
    assert 0 < result.seen <= 1
    assert str(result).startswith("a is here, made of 2 photos like the MakeHuman head, and picked as the face.")
    assert not [image for image in bpy.data.images if image.name.startswith("a.jpg")], "the photos are not kept"


def test_it_is_the_person_and_performs(mien, photos, person, positions, evaluated):
    face = mien.api.face_from_photos(photos, name="Anna", **SMALL).object
    made = positions(face.data) @ np.linalg.inv(mien.sample_face.TO_BLENDER.T) * 1000
    skin = np.unique(person.bundle.photo.vertices)
    wanted, mean = person.vertices[skin], person.bundle.template.vertices[skin]

    def off(vertices):
        # Size and place of a head are no matter of a photo.
        a, b = (one - one.mean(axis=0) for one in (vertices, wanted))
        return np.sqrt(((a / np.linalg.norm(a) - b / np.linalg.norm(b)) ** 2).sum())

    assert off(made[skin]) < 0.7 * off(mean)
    mien.api.add_expression(face, "happy", 1, 0, 8, 12, 20)
    mien.api.bake(face, start=0, end=20, engine_name="numpy")
    moved = np.linalg.norm(evaluated(face, 10) - evaluated(face, 0), axis=1)
    assert moved.max() > 0.003


def test_where_it_comes_from_is_kept_and_no_more(mien, photos):
    face = mien.api.face_from_photos(photos, **SMALL).object
    about = json.loads(face.data["mien_photo"])
    assert about["photos"] == ["a.jpg", "b.jpg"]
    assert about["like"] == "MakeHuman head"
    assert about["generator"] == mien.engine.load().digest
    assert len(about["strengths"]) == len(mien.engine.load().bundle.modes)
    assert str(photos[0].parent) not in face.data["mien_photo"]


def test_the_texture_is_in_the_file_and_can_be_left_out(mien, photos, tmp_path):
    face = mien.api.face_from_photos(photos, **SMALL).object
    (image,) = [one for one in bpy.data.images if one.users and tuple(one.size) == (256, 256)]
    assert image.packed_file
    assert len(face.data.uv_layers) == 1
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    plain = mien.api.face_from_photos(photos, textured=False)
    assert plain.seen == 0
    assert "seen in the texture" not in str(plain)
    assert not len(bpy.data.images)


def test_nothing_changes_before_it_is_finished(mien, photos):
    job = mien.api.PhotoJob([mien.api.PhotoInput(one) for one in photos], **SMALL)
    before, steps = people.state(), []
    for step in job.compute():
        steps.append(step)
        assert people.state() == before
    assert [step.done for step in steps] == sorted(step.done for step in steps)
    assert {step.total for step in steps} == {100}
    assert steps[-1].done >= 80
    assert len({step.doing for step in steps}) >= 5
    job.finish()
    assert people.state() != before


@pytest.mark.parametrize("after", [0, 2, 5, 12])
def test_cancelled_on_the_way_nothing_changes(mien, photos, after):
    steps = []
    refused(
        mien,
        lambda: mien.api.face_from_photos(photos, progress=steps.append, cancelled=lambda: len(steps) > after, **SMALL),
        "Cancelled; nothing was changed.",
    )


def test_what_fails_while_it_is_added_leaves_the_scene_as_it_was(mien, photos, face, monkeypatch):
    job = mien.api.PhotoJob([mien.api.PhotoInput(one) for one in photos], **SMALL)
    for _ in job.compute():
        pass

    def fail(*_):
        raise mien.engine.MienError("The disk is full.", "Make room.")

    with monkeypatch.context() as patch:
        patch.setattr(mien.photo_object, "show", fail)
        refused(mien, job.finish, "The disk is full.")
    bpy.ops.object.mode_set(mode="EDIT")
    try:
        refused(mien, job.finish, "Object Mode")
    finally:
        bpy.ops.object.mode_set(mode="OBJECT")
    assert job.finish().object.name in bpy.data.objects, "it may be tried again"


def test_twice_the_same_photos_give_two_faces_and_the_same_shape(mien, photos, positions):
    first, second = (mien.api.face_from_photos(photos, **SMALL).object for _ in range(2))
    assert first.name != second.name
    np.testing.assert_array_equal(positions(first.data), positions(second.data))


def test_landmarks_do_without_the_finder(mien, bare, person):
    given = mien.api.PhotoInput(bare, marks=person.marks(needed(mien)))
    result = mien.api.face_from_photos([given], **SMALL)
    assert result.off[0] < 2
    assert mien.api.fit(result.object).ok


def test_without_finder_and_landmarks_it_says_what_to_do(mien, bare, person):
    said = refused(mien, lambda: mien.api.face_from_photos(bare), "a.jpg has no landmarks. Get the landmark finder")
    assert "Tip of the nose, Chin, Left outer corner of the eye" in said
    few = mien.api.PhotoInput(bare, marks=person.marks(needed(mien)[:4]))
    said = refused(mien, lambda: mien.api.face_from_photos([few]), "a.jpg has 4 landmarks, and needs 6 at least.")
    assert "Tip of the nose" not in said
    assert "corner of the mouth" in said


def test_points_that_are_known_are_not_looked_for_again(mien, bare, person):
    given = mien.api.PhotoInput(bare, points=person.points(10.0))
    job = mien.api.PhotoJob([given], textured=False)
    for _ in job.compute():
        pass
    np.testing.assert_array_equal(job.views[0].points, person.points(10.0))
    assert job.fitted.cameras[0].rotation[0, 2] == pytest.approx(np.sin(np.radians(10)), abs=0.06)


def test_where_the_finder_sees_nothing_landmarks_still_do(mien, photos, person, monkeypatch):
    people.seer(mien, monkeypatch, person, {"a.jpg": "Mien sees no face in a.jpg."})
    refused(mien, lambda: mien.api.face_from_photos(photos, **SMALL), "Mien sees no face in a.jpg. Take another.")
    given = [mien.api.PhotoInput(photos[0], marks=person.marks(needed(mien))), photos[1]]
    result = mien.api.face_from_photos(given, **SMALL)
    assert "Mien sees no face in a.jpg by itself, and went by your landmarks alone." in result.warnings


def test_the_face_that_is_meant_is_told_to_the_finder(mien, photos, person, monkeypatch):
    asked = []
    find = mien.engine.find_in_steps

    def spy(photo, reader, which=0, cancelled=None, near=None):
        asked.append((photo.name, which, near))
        return (yield from find(photo, reader, which, cancelled, near))

    monkeypatch.setattr(mien.engine, "find_in_steps", spy)
    marks = {"nose_tip": np.array([100.0, 50.0]), "chin": np.array([100.0, 90.0])}
    given = [mien.api.PhotoInput(photos[0], which=2), mien.api.PhotoInput(photos[1], marks=marks)]
    job = mien.api.PhotoJob(given, textured=False)
    for _ in zip(job.compute(), range(9), strict=False):
        pass
    assert asked[0] == ("a.jpg", 2, None)
    assert asked[1][2] == pytest.approx([100, 70])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"marks": {"beard": (1, 2)}}, "There is no landmark 'beard'"),
        ({"marks": {"chin": (1, 2, 3)}}, "The landmark chin of a.jpg is no place."),
        ({"marks": {"chin": (1, float("nan"))}}, "The landmark chin of a.jpg is no place."),
        ({"marks": {"chin": "here"}}, "hold something that is no place"),
        ({"marks": [1, 2]}, "hold something that is no place"),
        ({"points": np.zeros((4, 3))}, "The points of the face in a.jpg are damaged."),
        ({"points": np.full((468, 3), np.inf)}, "The points of the face in a.jpg are damaged."),
    ],
)
def test_landmarks_that_are_none_are_told(mien, photos, change, words):
    refused(mien, lambda: mien.api.face_from_photos([mien.api.PhotoInput(photos[0], **change)]), words)


def test_senseless_wishes_are_told(mien, photos):
    refused(mien, lambda: mien.api.face_from_photos([]), "There is no photo. Choose one or more")
    refused(mien, lambda: mien.api.face_from_photos(photos, size=10), "A texture of 10 pixels makes no sense.")
    refused(mien, lambda: mien.api.face_from_photos(photos, like="nobody"), "No generator is called 'nobody'")
    refused(mien, lambda: mien.api.face_from_photos(photos[0].with_name("none.jpg")), "There is no photo /")


def test_a_generator_that_cannot_read_photos_says_so(mien, photos, monkeypatch):
    from dataclasses import replace

    loaded = mien.engine.load()
    blind = replace(loaded, bundle=replace(loaded.bundle, photo=None))
    monkeypatch.setattr(mien.packs, "known", lambda *_: [blind])
    refused(mien, lambda: mien.api.face_from_photos(photos), "No generator here can read photos.")
    refused(mien, lambda: mien.api.face_from_photos(photos, like="makehuman"), "The MakeHuman head cannot read photos.")


def test_what_is_used_but_not_good_is_told(mien, photos, person, monkeypatch, tmp_path):
    grey = people.save_photo(tmp_path / "grey.jpg", grey=True)
    far = people.save_photo(tmp_path / "far.jpg")
    assert "no colours, so neither has the texture" in str(mien.api.face_from_photos(grey, **SMALL))
    assert "grey.jpg has no colours, which greys" in str(mien.api.face_from_photos([photos[0], grey], **SMALL))
    assert "degrees aside at best); add one that does." in str(mien.api.face_from_photos(far, **SMALL))
    small = mien.api.PhotoInput(photos[0], points=person.points(far=1800.0))
    assert "The face is small (" in str(mien.api.face_from_photos([small], **SMALL))
    assert not mien.api.face_from_photos(photos, **SMALL).warnings


def test_a_photo_that_does_not_match_is_named(mien, photos, person, tmp_path, monkeypatch):
    """As shipped, where what points say is put right and decoded before it is fitted."""
    monkeypatch.undo()
    other = people.save_photo(tmp_path / "c.jpg")
    points = person.points()
    points[:, 0] += 0.4 * (points[:, 1] - points[:, 1].mean())
    given = [mien.api.PhotoInput(path, points=person.points(turn)) for path, turn in zip(photos, (0, 25), strict=True)]
    given.append(mien.api.PhotoInput(other, points=points))
    warned = " ".join(mien.api.face_from_photos(given, **SMALL).warnings)
    assert "c.jpg does not match the others" in warned
    assert "a.jpg does not match" not in warned


def test_a_head_of_skin_alone_comes_with_its_eyes(mien, photos, positions, evaluated, tmp_path):
    kinds.write_whole(tmp_path / "whole.safetensors")
    bundle = str(tmp_path / "whole.safetensors")
    face = mien.api.face_from_photos(photos, bundle=bundle, **SMALL).object
    count = mien.engine.load(bundle).bundle.template.vertex_count
    assert len(face.data.vertices) == count + 16
    worn = np.empty(len(face.data.polygons), np.int32)
    face.data.polygons.foreach_get("material_index", worn)
    names = [face.data.materials[index].name for index in worn[-12:]]
    assert names.count("a iris") == 2
    assert names.count("a eyes") == 10
    assert mien.api.fit(face, bundle=bundle).ok
    mien.api.add_expression(face, "surprise", 1, 0, 8, 12, 20)
    mien.api.bake(face, start=0, end=20, engine_name="numpy", bundle=bundle)
    moved = np.linalg.norm(evaluated(face, 10) - evaluated(face, 0), axis=1)
    assert moved[count : count + whole.MOVED].min() > 1e-4, "what follows the chin"
    assert not moved[count + whole.MOVED :].any()
