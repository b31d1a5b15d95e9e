# ruff: noqa: ARG001, PLR0917 - fixtures are asked for by name, also for what they do
"""A real photo, and what people do to photos, with the real networks; only where they can be had."""

from __future__ import annotations

import importlib
from pathlib import Path

import bpy
import numpy as np
import photo_people as people
import pytest
from PIL import Image

ASTRONAUT = Path(__file__).resolve().parent.parent / "data" / "astronaut.jpg"
"""Eileen Collins; NASA, public domain."""
CORE = "bl_ext.user_default.mien.core"
EYES = 62.5
"""Pixels from eye to eye in it."""
NOSE = np.array([223.0, 127.0])
"""The tip of her nose."""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def astronaut():
    return Image.open(ASTRONAUT)


@pytest.fixture
def find(real):
    """The face in a picture."""

    def _find(picture, which=0):
        alpha = np.asarray(picture, np.float32)[:, :, 3] / 255 if picture.mode == "RGBA" else None
        photo = real.engine.Picture("a.jpg", np.asarray(picture.convert("RGB"), np.float32) / 255, alpha)
        steps = real.engine.find_in_steps(photo, real.finder_files.reader(), which)
        while True:
            try:
                next(steps)
            except StopIteration as ended:
                return ended.value

    return _find


@pytest.fixture
def refused(real, find):
    def _refused(picture, which=0):
        with pytest.raises(real.engine.PhotoError) as problem:
            find(picture, which)
        assert problem.value.remedy
        return problem.value.sentence

    return _refused


def on_paper(size, *faces):
    """A picture with smaller ones on it: each with its width and its upper left corner."""
    paper = Image.new("RGB", size, (120, 130, 120))
    for picture, width, corner in faces:
        paper.paste(picture.resize((width, width), Image.Resampling.LANCZOS), corner)
    return paper


def points_in(found, scale=1.0, corner=(0, 0)):
    return (found.points[:, :2] - corner) / scale


@pytest.fixture
def known(find, astronaut):
    """(468, 2) her points."""
    return points_in(find(astronaut))


def off(found, known):
    """Root mean square distance, in shares of that between the eyes."""
    return np.sqrt(((found - known) ** 2).sum(axis=1).mean()) / EYES


def test_her_face_is_found(find, astronaut):
    found = find(astronaut)
    assert found.pixels == pytest.approx(EYES, abs=2)
    assert np.linalg.norm(found.points[4, :2] - NOSE) < 3
    assert found.faces == 1
    assert abs(found.turn) < 10
    assert found.score > 0.99


@pytest.mark.parametrize("quarter", [1, 2, 3])
def test_photos_without_exif_may_lie_on_their_side(find, astronaut, known, quarter):
    found = points_in(find(astronaut.rotate(90 * quarter, expand=True)))
    column, row = known.T
    there = {1: (row, 512 - column), 2: (512 - column, 512 - row), 3: (512 - row, column)}[quarter]
    assert off(found, np.stack(there, axis=1)) < 0.01


@pytest.mark.parametrize(
    ("size", "width", "corner"),
    [((4000, 3000), 700, (3000, 2000)), ((700, 2400), 600, (50, 1500)), ((3000, 700), 500, (100, 100))],
)
def test_a_face_somewhere_in_a_photo_of_any_shape(find, astronaut, known, size, width, corner):
    found = points_in(find(on_paper(size, (astronaut, width, corner))), width / 512, corner)
    assert off(found, known) < 0.02


def test_a_face_that_fills_the_photo_and_one_in_the_dark(find, astronaut, known):
    box = (180, 75, 278, 190)
    assert off(points_in(find(astronaut.crop(box).resize((980, 1150))), 10) + box[:2], known) < 0.03
    assert off(points_in(find(astronaut.point(lambda value: value // 6))), known) < 0.03
    assert off(points_in(find(astronaut.convert("L"))), known) < 0.03


def test_cut_out_and_in_front_of_nothing(find, astronaut, known):
    pixels = np.array(astronaut.convert("RGBA"))
    solid = np.zeros(pixels.shape[:2], bool)
    solid[40:200, 130:310] = True
    pixels[~solid] = 0
    assert off(points_in(find(Image.fromarray(pixels))), known) < 0.02


def test_of_two_people_one_is_chosen(find, refused, astronaut, known):
    group = on_paper((1200, 600), (astronaut, 400, (700, 50)), (astronaut, 350, (50, 100)))
    assert refused(group) == "a.jpg shows 2 faces."
    assert off(points_in(find(group, 1), 350 / 512, (50, 100)), known) < 0.02
    assert off(points_in(find(group, 2), 400 / 512, (700, 50)), known) < 0.02
    assert refused(group, 3) == "a.jpg shows 2 faces, so there is no number 3."
    passing = on_paper((1500, 900), (astronaut, 800, (50, 50)), (astronaut, 300, (1100, 500)))
    assert find(passing).faces == 1


def test_what_is_no_face_is_none(refused, astronaut):
    assert refused(astronaut.crop((0, 250, 512, 512))) == "Mien sees no face in a.jpg."
    noise = np.random.default_rng(0).integers(0, 255, (400, 500, 3)).astype(np.uint8)
    assert refused(Image.fromarray(noise)) == "Mien sees no face in a.jpg."
    pixels = np.array(astronaut.convert("RGBA"))
    pixels[40:210, 130:310, 3] = 0
    assert refused(Image.fromarray(pixels)) == "Mien sees no face in the solid part of a.jpg."
    pixels[:, :, 3] = 255
    pixels[100:210, 130:310, 3] = 100
    assert refused(Image.fromarray(pixels)) == "The face in a.jpg lies where the picture is see-through."


def test_tiny_and_cut_off_faces_are_told(refused, astronaut):
    assert refused(on_paper((800, 600), (astronaut, 160, (30, 220)))).startswith("The face in a.jpg is too small: 2")
    for box in ((0, 0, 512, 140), (235, 0, 512, 512)):
        assert refused(astronaut.crop(box)) == "The face in a.jpg is cut off by the edge."


@pytest.mark.parametrize("yaw", [0, 30, 50, 70, 80, 90])
def test_profiles_are_told(real, find, refused, yaw):
    views = importlib.import_module(f"{CORE}.detection.views")
    bundle = real.engine.load().bundle
    vertices = bundle.samples["Ada"].astype(np.float64)
    head = views.Head.of(real.bvh.surface_of(vertices, bundle.template.triangles))
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    view = views.View(np.eye(3), (low + high) / 2, float((high - low).max()) * 1.3).turned(-yaw, 0)
    picture = Image.fromarray((views.shoot(head, view, 320).pictures[0] * 255).astype(np.uint8))
    if yaw > 60:
        assert refused(picture) == "The face in a.jpg is seen from the side."
    else:
        assert find(picture).turn == pytest.approx(yaw, abs=7)


def test_a_face_of_a_real_photo(real, scene):
    before = people.state()
    with pytest.raises(real.engine.PhotoError, match="so there is no number 2"):
        real.api.face_from_photos([real.api.PhotoInput(ASTRONAUT, which=2)])
    assert people.state() == before
    result = real.api.face_from_photos(ASTRONAUT, size=512)
    assert not result.warnings
    assert 0.3 < result.seen < 0.9
    assert real.api.fit(result.object).ok
    assert bpy.context.scene.mien.face == result.object


def test_marks_alone_are_near_what_the_networks_see(real, scene, positions, monkeypatch):
    job = real.api.PhotoJob([real.api.PhotoInput(ASTRONAUT)], textured=False)
    for _ in job.compute():
        pass
    camera, posed = job.fitted.cameras[0], job.fitted.posed[0]
    known = job.template.landmarks
    marks = {name: camera.project(posed[[known[name]]])[0] for name in real.engine.landmarks.NEEDED}
    monkeypatch.setattr(real.finder_files, "is_here", lambda: False)
    given = real.api.PhotoInput(ASTRONAUT, marks=marks)
    by_hand = real.api.face_from_photos([given], textured=False)
    assert by_hand.off[0] < 2
    made = positions(by_hand.object.data) @ np.linalg.inv(real.sample_face.TO_BLENDER.T) * 1000
    assert np.linalg.norm(made - job.fitted.neutral, axis=1).mean() < 12
