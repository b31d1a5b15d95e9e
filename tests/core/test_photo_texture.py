"""Textures of painted faces, whose truth is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.errors import Cancelled
from core.photo.camera import Camera
from core.photo.picture import Picture
from core.photo.sheet import sheet_of
from core.photo.zones import zones_of

from .painted import HAIR, HEIGHT, IRIS, LIPS, SIZE, SKIN, WIDTH, camera_at, of_part, painted, photo, texels, textured


@pytest.fixture(scope="module")
def sheet(bundle):
    return sheet_of(bundle.template, bundle.photo.uv, SIZE)


@pytest.fixture(scope="module")
def front(bundle):
    """A face with hair, seen from the front before a green wall."""
    camera = camera_at(0)
    return textured(bundle, [(camera, photo(bundle, camera, painted(bundle, hair=True)), None)])


def test_a_photo_lands_where_it_belongs(bundle, sheet):
    spots = [(-28, -50, 9, (0.2, 0.3, 0.8)), (14, 45, 8, (0.1, 0.1, 0.1)), (0, -40, 8, (0.9, 0.2, 0.2))]
    truth = painted(bundle, spots)
    camera = camera_at(10)
    found = texels(sheet, textured(bundle, [(camera, photo(bundle, camera, truth), None)]))
    plain = sheet.spread(zones_of(bundle.template).plain[:, None])[:, 0] == 1
    off = np.abs(found - sheet.spread(truth))[plain].max(axis=1)
    assert np.median(off) < 0.02
    assert np.quantile(off, 0.95) < 0.08
    blue = np.linalg.norm(found - (0.2, 0.3, 0.8), axis=1) < 0.25
    places = sheet.spread(bundle.template.vertices)[blue]
    assert np.abs(np.median(places, axis=0)[:2] - (-28, -50)).max() < 3


def test_lips_are_found_without_a_part_for_them(bundle):
    template = bundle.template
    skin, lips = (template.parts.index(name) for name in ("skin", "lips"))
    alone = np.where(template.polygon_part == lips, skin, template.polygon_part)
    found, usual = zones_of(replace(template, polygon_part=alone)), zones_of(template)
    own = np.unique(template.polygons[template.polygon_part == lips])
    seen = own[template.vertices[own, 2] > template.vertices[template.landmarks["left_mouth_corner"], 2]]
    assert found.features[seen].mean() > 0.97
    assert (found.features != usual.features).mean() < 0.02


@pytest.mark.parametrize("off", [0.0, 3.0])
def test_neither_wall_nor_hair_comes_onto_the_skin(bundle, sheet, off):
    """Not where the fit is off by some mm, either."""
    camera, fitted = camera_at(0), bundle.template.vertices + np.array([off, 0, 0], np.float32)
    texture = textured(bundle, [(camera, photo(bundle, camera, painted(bundle, hair=True)), fitted)])
    found = texels(sheet, texture)
    # The wall is far greener than red; skin and lips are not, and eyes, which misfits bring onto lids, are grey.
    assert (found[:, 1] - found[:, 0]).max() < 0.05
    brow = sheet.spread(sheet.template.vertices)[:, 1] > 25
    assert np.linalg.norm(found[brow] - SKIN, axis=1).max() < 0.25, "hair is far from skin by 0.8"


def test_what_nobody_sees_is_like_skin(sheet, front):
    behind = sheet.spread(sheet.template.vertices)[:, 2] < -90
    assert behind.sum() > 10_000
    assert np.abs(texels(sheet, front)[behind] - SKIN).max() < 0.12
    assert 0.3 < front.seen < 0.8


def test_there_is_no_line_where_the_skin_is_sewn_together(bundle, front):
    template, kit = bundle.template, bundle.photo
    mine = np.isin(template.polygon_part, [template.parts.index(name) for name in ("skin", "brows", "lips")])
    corners, uv = template.polygons[mine].ravel(), kit.uv[mine].reshape(-1, 2)
    at = np.clip((uv * [1, -1] + [0, 1]) * SIZE, 0, SIZE - 1).astype(int)
    found = front.colours[at[:, 1], at[:, 0]]
    low, high = np.full((template.vertex_count, 3), 9.0), np.full((template.vertex_count, 3), -9.0)
    np.minimum.at(low, corners, found)
    np.maximum.at(high, corners, found)
    first, last = np.full((template.vertex_count, 2), 9.0), np.full((template.vertex_count, 2), -9.0)
    np.minimum.at(first, corners, uv)
    np.maximum.at(last, corners, uv)
    sewn = (last - first).max(axis=1) > 0.02
    assert sewn.sum() > 50
    assert (high - low)[sewn].max() < 0.06


def test_beyond_the_skin_its_colours_go_on(sheet, front):
    covers = np.zeros((SIZE, SIZE), bool)
    covers.reshape(-1)[sheet.place] = True
    for shift in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        beside = np.roll(covers, shift, axis=(0, 1)) & ~covers
        inside = np.roll(front.colours, shift, axis=(0, 1))
        assert np.abs(front.colours - inside)[beside].max() < 0.15
    assert np.isfinite(front.colours).all()
    assert front.colours.min() > 0.1, "nowhere is it black"


def test_the_hidden_side_is_that_of_the_other(bundle, sheet):
    red = (0.9, 0.15, 0.15)
    truth = painted(bundle, [(-40, -40, 8, red), (40, -40, 8, red)])
    camera = camera_at(60)
    found = texels(sheet, textured(bundle, [(camera, photo(bundle, camera, truth), None)]))
    places = sheet.spread(bundle.template.vertices)
    for side in (-1, 1):
        cheek = (np.linalg.norm(places[:, :2] - (40 * side, -40), axis=1) < 4) & (places[:, 2] > -20)
        assert np.median(np.linalg.norm(found[cheek] - red, axis=1)) < 0.2
    away = (np.abs(places[:, 0] + 40) < 4) & (np.abs(places[:, 1] + 62) < 4) & (places[:, 2] > -20)
    assert np.median(np.linalg.norm(found[away] - SKIN, axis=1)) < 0.15


def test_each_side_keeps_its_own_marks(bundle, sheet):
    truth = painted(bundle, [(30, -50, 8, (0.1, 0.1, 0.4))])
    camera = camera_at(0)
    found = texels(sheet, textured(bundle, [(camera, photo(bundle, camera, truth), None)]))
    places = sheet.spread(bundle.template.vertices)
    for side, marked in ((1, True), (-1, False)):
        spot = (np.linalg.norm(places[:, :2] - (30 * side, -50), axis=1) < 4) & (places[:, 2] > -20)
        dark = np.median(found[spot].mean(axis=1)) < 0.4
        assert dark == marked


def test_more_photos_show_more_and_agree_in_brightness(bundle, sheet):
    truth = painted(bundle)
    cameras = [camera_at(yaw) for yaw in (0, 55, -55)]
    lights = (1.0, 0.6, np.array([1.0, 0.9, 0.75]))
    shots = [
        (camera, photo(bundle, camera, truth, light=light), None) for camera, light in zip(cameras, lights, strict=True)
    ]
    one, three = textured(bundle, shots[:1]), textured(bundle, shots)
    assert three.seen > one.seen + 0.15
    found = texels(sheet, three)
    plain = sheet.spread(zones_of(bundle.template).plain[:, None])[:, 0] == 1
    ratio = found[plain] / sheet.spread(truth)[plain]
    # The dark photo is as bright as the others: what varies is far less than 40%.
    assert np.quantile(ratio, 0.98, axis=0).max() / np.quantile(ratio, 0.02, axis=0).min() < 1.25


def smile(bundle):
    """(V, 3) a face with an open mouth: the lower lip and the chin go down."""
    template, expressions = bundle.template, bundle.photo.expressions.astype(float)
    wanted = {"lower_lip_top": -12.0, "chin": -10.0, "upper_lip_bottom": 2.0, "left_eye_outer": 0.0}
    rows = np.stack([expressions[:, template.landmarks[name], 1] for name in wanted])
    goal = np.array(list(wanted.values()))
    strengths = np.linalg.solve(rows.T @ rows + 0.1 * np.eye(rows.shape[1]), rows.T @ goal)
    return (template.vertices + np.tensordot(strengths, expressions, axes=1)).astype(np.float32)


def test_teeth_and_eyes_do_not_colour_lips_and_lids(bundle, sheet):
    posed, camera, blue = smile(bundle), camera_at(0, -5), (0.0, 0.0, 1.0)
    gap = posed[bundle.template.landmarks["upper_lip_bottom"], 1] - posed[bundle.template.landmarks["lower_lip_top"], 1]
    assert gap > 5, "the mouth is open"
    strange = dict.fromkeys(("eyes", "iris", "pupil", "teeth", "mouth", "tongue"), blue)
    picture = photo(bundle, camera, painted(bundle), posed, paint=strange)
    assert (picture.colours[..., 2] > 0.9).sum() > 500, "blue is in the photo"
    texture = textured(bundle, [(camera, picture, posed)])
    found = texels(sheet, texture)
    assert (found[:, 2] - found[:, 0]).max() < 0.05
    lips = of_part(sheet, "lips")
    assert np.median(np.linalg.norm(found[lips] - LIPS, axis=1)) < 0.12


def test_the_see_through_part_of_a_photo_counts_for_nothing(bundle, sheet):
    camera, truth = camera_at(0), painted(bundle)
    whole = photo(bundle, camera, truth)
    alpha = np.ones((HEIGHT, WIDTH), np.float32)
    alpha[:, : WIDTH // 2] = 0
    colours = whole.colours.copy()
    colours[alpha == 0] = (0.0, 0.0, 1.0)
    half = textured(bundle, [(camera, Picture("cut out", colours, alpha), None)])
    assert (texels(sheet, half)[:, 2] < 0.75).all()
    assert half.seen < 0.7 * textured(bundle, [(camera, whole, None)]).seen


@pytest.mark.parametrize("aside", [0.0, 5.0])
def test_the_iris_is_read_also_where_it_looks_aside(bundle, aside):
    template, camera = bundle.template, camera_at(0, focal=2600.0)
    posed = template.vertices.copy()
    eyes = np.isin(template.vertex_part, [template.parts.index(name) for name in ("iris", "pupil")])
    posed[eyes, 0] += aside
    posed[eyes, 2] += 1.0
    picture = photo(bundle, camera, painted(bundle), posed, light=0.8)
    read = textured(bundle, [(camera, picture, None)], size=256)
    assert np.abs(read.iris - 0.8 * np.array(IRIS)).max() < 0.02
    assert read.white.min() > 0.6
    assert np.ptp(read.white) < 0.1


def test_an_iris_that_is_too_small_or_grey_is_not_read(bundle):
    far = camera_at(0, focal=150.0)
    assert textured(bundle, [(far, photo(bundle, far, painted(bundle)), None)], size=256).iris is None
    near = camera_at(0)
    grey = photo(bundle, near, np.repeat(painted(bundle).mean(axis=1, keepdims=True), 3, axis=1), grey=True)
    texture = textured(bundle, [(near, grey, None)], size=256)
    assert texture.iris is None
    assert texture.white is None


def test_a_grey_photo_takes_the_tint_of_one_with_colours(bundle, sheet):
    truth, first, second = painted(bundle), camera_at(0), camera_at(60)
    colours = photo(bundle, second, truth).colours
    grey = np.repeat(colours @ np.array([[0.3], [0.6], [0.1]], np.float32), 3, axis=2)
    shots = [(first, photo(bundle, first, truth), None), (second, Picture("grey", grey, grey=True), None)]
    found = texels(sheet, textured(bundle, shots))
    places = sheet.spread(bundle.template.vertices)
    cheek = (places[:, 0] > 55) & (places[:, 2] > -50) & (places[:, 1] < 0) & (places[:, 1] > -60)
    assert np.median(found[cheek, 0] / found[cheek, 2]) == pytest.approx(SKIN[0] / SKIN[2], rel=0.12)


def test_a_beard_stays_and_hair_beside_a_bare_chin_goes(bundle, sheet):
    template, camera = bundle.template, camera_at(45)
    x, y, z = template.vertices.astype(float).T
    jaw = (z > -60) & (np.abs(x) > 50) & (y < -20)
    chin = (y < -85) & (z > -40)
    places = sheet.spread(template.vertices)
    side = (
        (places[:, 0] > 55) & (places[:, 2] > -45) & (places[:, 2] < -15) & (places[:, 1] < -30) & (places[:, 1] > -60)
    )
    darkness = []
    for hairy in (jaw | chin, jaw):
        truth = painted(bundle)
        truth[hairy & (template.vertex_part == template.parts.index("skin"))] = HAIR
        found = texels(sheet, textured(bundle, [(camera, photo(bundle, camera, truth), None)]))
        darkness.append(np.median(found[side].mean(axis=1)))
    assert darkness[0] < 0.4
    assert darkness[1] > 0.55


def test_a_photo_that_shows_no_face_gives_plain_skin(bundle):
    behind = camera_at(180)
    texture = textured(bundle, [(behind, photo(bundle, behind, painted(bundle, hair=True)), None)], size=256)
    assert texture.seen == 0
    assert texture.iris is None
    assert np.isfinite(texture.colours).all()
    assert np.ptp(texture.colours.reshape(-1, 3), axis=0).max() < 0.3


def test_a_face_beyond_the_photo_is_taken_as_far_as_it_goes(bundle, sheet):
    camera = camera_at(0)
    cut = Camera(camera.rotation, camera.shift, camera.focal, camera.centre - [WIDTH / 2, 0])
    picture = photo(bundle, cut, painted(bundle), background=(0.0, 0.0, 1.0))
    texture = textured(bundle, [(cut, picture, None)])
    assert (texels(sheet, texture)[:, 2] < 0.75).all()
    whole = textured(bundle, [(camera, photo(bundle, camera, painted(bundle)), None)])
    assert 0.2 * whole.seen < texture.seen < 0.6 * whole.seen


def test_steps_count_up_and_the_same_photos_give_the_same_texture(bundle, front):
    camera = camera_at(0)
    again = textured(bundle, [(camera, photo(bundle, camera, painted(bundle, hair=True)), None)])
    np.testing.assert_array_equal(front.colours, again.colours)
    assert [step.done for step in front.steps] == list(range(len(front.steps)))
    assert len(front.steps) <= front.steps[0].total
    assert len({step.total for step in front.steps}) == 1


def test_cancelled_it_stops(bundle):
    camera, asked = camera_at(0), []

    def cancelled():
        asked.append(1)
        return len(asked) > 2

    with pytest.raises(Cancelled):
        textured(bundle, [(camera, photo(bundle, camera, painted(bundle)), None)], cancelled=cancelled)
    assert len(asked) == 3


@pytest.mark.parametrize("size", [256, 333])
def test_any_size_is_served(bundle, size):
    camera = camera_at(0)
    texture = textured(bundle, [(camera, photo(bundle, camera, painted(bundle)), None)], size=size)
    assert texture.colours.shape == (size, size, 3)
    assert texture.colours.dtype == np.float32
    assert texture.colours.min() >= 0
    assert texture.colours.max() <= 1
