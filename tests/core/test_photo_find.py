"""Faces in photos of any shape and size, by a reader that sees two coloured eyes; the real networks: tests/addon."""

from __future__ import annotations

import numpy as np
import pytest

from core.detection.faces import LEFT_EYE, MOUTH, POINTS, RIGHT_EYE, ROOM, Crop, Face, Reader, Sighting, anchors, apart
from core.errors import Cancelled, PhotoError
from core.photo.find import find, find_in_steps
from core.photo.picture import Picture
from core.photo.search import Candidate, read_surely

RNG = np.random.default_rng(5)
PLACES = RNG.uniform((-0.7, -0.6), (1.7, 1.7), (POINTS, 2))
"""Of the points, from the right eye on: along the line to the left eye, and down from it."""
PLACES[list(RIGHT_EYE)], PLACES[list(LEFT_EYE)] = [[-0.2, 0], [0.2, 0]], [[1.2, 0], [0.8, 0]]
PLACES[list(MOUTH)] = [[0.2, 1.1], [0.8, 1.1]]
OUTER = 1.4
"""Distance between the eyes' outer corners, between their middles."""
SQUARE = 2.3
"""Side of the face's square, between the middles of the eyes."""


class EyeReader:
    """Sees a red right eye and a blue left one, upright, as far as they take a good part of a square."""

    def __init__(self, sure=0.95, certain=1 - 1e-9, depth=None):
        self.sure, self.certain = sure, certain
        self.depth = np.zeros(POINTS) if depth is None else depth
        self.windows = 0

    def find_all(self, picture, least):
        self.windows += 1
        found = []
        for right, left in pairs(picture):
            across = left - right
            side = float(np.linalg.norm(across)) * SQUARE
            upright = across[0] > abs(across[1])
            if upright and 0.12 <= side / len(picture) <= 0.95 and self.sure >= least:
                down = np.array([-across[1], across[0]])
                middle = right + across / 2 + 0.5 * down
                points = np.stack([right, left, middle, middle + down / 2, right - across, left + across])
                angle = float(np.arctan2(across[1], across[0]))
                found.append(Sighting(Crop(middle, side * ROOM, angle), points, self.sure))
        return apart(found)

    def read(self, picture, crop):
        near = sorted(pairs(picture), key=lambda pair: float(np.linalg.norm(np.mean(pair, axis=0) - crop.centre)))
        if not near:
            return Face(np.full((POINTS, 2), 5.0), 0.0, np.zeros(POINTS))
        right, left = near[0]
        across = left - right
        frame = np.stack([across, [-across[1], across[0]]])
        return Face(right + PLACES @ frame, self.certain, self.depth * float(np.linalg.norm(across)))


def pairs(picture):
    """Middles of red and of blue blobs, each red with its nearest blue."""
    red = blobs((picture[:, :, 0] > 0.7) & (picture[:, :, 2] < 0.4))
    blue = blobs((picture[:, :, 2] > 0.7) & (picture[:, :, 0] < 0.4))
    return [(one, min(blue, key=lambda other: float(np.linalg.norm(other - one)))) for one in red if blue]


def blobs(mask):
    places, found = np.argwhere(mask)[:, ::-1] + 0.5, []
    while len(places):
        own = np.linalg.norm(places - places[0], axis=1) < 0.15 * max(len(mask), 40)
        found.append(places[own].mean(axis=0))
        places = places[~own]
    return found


def photo(width, height, *faces, quarter=0, alpha=None):
    """A photo with faces, each of the middle between its eyes and how far they lie apart; turned at last."""
    colours = np.full((height, width, 3), 0.5, np.float32)
    rows, columns = np.mgrid[:height, :width] + 0.5
    for column, row, size in faces:
        for side, colour in ((-0.5, (1, 0, 0)), (0.5, (0, 0, 1))):
            near = (columns - column - side * size) ** 2 + (rows - row) ** 2 < (0.22 * size) ** 2
            colours[near] = colour
    seen = np.zeros((height, width), np.float32) if alpha == "none" else None
    return Picture("a.jpg", np.ascontiguousarray(np.rot90(colours, quarter)), seen)


def off(found, column, row, size):
    """Share of the distance between the eyes by which the points are off."""
    right = np.array([column - size / 2, row])
    return np.abs(found.points[:, :2] - right - PLACES * size).max() / size


@pytest.mark.parametrize(
    ("width", "height", "face"),
    [
        (512, 512, (200, 180, 60)),
        (1600, 900, (1300, 300, 200)),
        (300, 1400, (150, 1100, 60)),
        (3000, 2000, (2500, 1500, 70)),
        (200, 220, (100, 80, 60)),
    ],
    ids=["square", "wide", "tall", "small in large", "fills it"],
)
def test_a_face_is_found_where_it_is(width, height, face):
    found = find(photo(width, height, face), EyeReader())
    assert off(found, *face) < 0.05
    assert found.points.shape == (POINTS, 3)
    assert found.faces == 1
    assert abs(found.turn) < 1
    assert found.pixels == pytest.approx(OUTER * face[2], rel=0.05)


@pytest.mark.parametrize("quarter", [1, 2, 3])
def test_a_photo_that_lies_on_its_side_is_read_as_it_lies(quarter):
    upright, turned = (
        find(photo(700, 500, (450, 150, 80)), EyeReader()),
        photo(700, 500, (450, 150, 80), quarter=quarter),
    )
    found = find(turned, EyeReader())
    centre = np.array([350, 250])
    cosine, sine = np.round(np.cos(quarter * np.pi / 2)), np.round(np.sin(quarter * np.pi / 2))
    there = (upright.points[:, :2] - centre) @ np.array([[cosine, -sine], [sine, cosine]])
    np.testing.assert_allclose(found.points[:, :2], there + np.array([turned.width, turned.height]) / 2, atol=4)
    assert abs(found.turn) < 1


def test_of_several_faces_one_is_chosen_from_the_left():
    group = photo(1200, 700, (900, 200, 80), (250, 300, 70), (600, 550, 20))
    with pytest.raises(PhotoError, match=r"^a\.jpg shows 2 faces\. Choose one by its number, 1 to 2"):
        find(group, EyeReader())
    assert off(find(group, EyeReader(), which=1), 250, 300, 70) < 0.05
    assert off(find(group, EyeReader(), which=2), 900, 200, 80) < 0.05
    assert off(find(group, EyeReader(), near=np.array([880.0, 240.0])), 900, 200, 80) < 0.05
    assert find(group, EyeReader(), which=2).faces == 2, "what is small is background"
    with pytest.raises(PhotoError, match="so there is no number 3"):
        find(group, EyeReader(), which=3)


def test_the_search_ends_where_only_background_is_left():
    large, none = EyeReader(), EyeReader()
    find(photo(1280, 960, (640, 400, 200)), large)
    with pytest.raises(PhotoError):
        find(photo(1280, 960), none)
    assert large.windows <= 3
    assert none.windows > 50


def test_depth_goes_along_and_tells_the_turn():
    depth = PLACES[:, 0] * 0.5  # the face's left is nearer: it looks to the picture's left
    found = find(photo(600, 600, (300, 250, 90)), EyeReader(depth=depth))
    np.testing.assert_allclose(np.ptp(found.points[:, 2]), np.ptp(depth) * 90, rtol=0.05)
    assert found.turn == pytest.approx(-np.degrees(np.arctan(0.5)), abs=1)


@pytest.mark.parametrize(
    ("picture", "reader", "words"),
    [
        (photo(600, 400), EyeReader(), "Mien sees no face in a.jpg. Take a photo in which the face is large"),
        (photo(600, 400, (300, 200, 60)), EyeReader(certain=0.2), "Mien sees no face in a.jpg."),
        (photo(600, 400, (300, 200, 60), alpha="none"), EyeReader(), "no face in the solid part of a.jpg."),
        (photo(600, 400, (300, 200, 16)), EyeReader(), "is too small: 22 pixels from eye to eye, and 24 are needed."),
        (photo(600, 400, (300, 20, 90)), EyeReader(), "The face in a.jpg is cut off by the edge."),
        (photo(600, 400, (300, 340, 90)), EyeReader(), "The face in a.jpg is cut off by the edge."),
        (
            photo(600, 400, (300, 150, 90)),
            EyeReader(depth=PLACES[:, 0] * 1.8),
            "The face in a.jpg is seen from the side.",
        ),
    ],
    ids=["none", "unsure", "see-through", "tiny", "cut off above", "cut off below", "aside"],
)
def test_what_cannot_be_used_is_one_sentence_and_a_remedy(picture, reader, words):
    with pytest.raises(PhotoError) as problem:
        find(picture, reader)
    assert words in str(problem.value)
    assert problem.value.sentence.count(".") <= 2  # the one of the file's name, and the full stop
    assert problem.value.remedy


def test_it_can_be_cancelled_at_every_step():
    seen = []
    steps = find_in_steps(photo(900, 700), EyeReader(), cancelled=lambda: len(seen) >= 5)
    with pytest.raises(Cancelled):
        seen.extend(steps)
    assert len(seen) == 5
    assert all(step.done < step.total for step in seen)


class Askew(EyeReader):
    """In a crop that stands askew it sees the points half as askew, and is less sure."""

    def read(self, picture, crop):
        face = super().read(picture, crop)
        middle = face.points.mean(axis=0)
        half = np.clip(crop.angle, -1.2, 1.2) / 2
        turn = np.array([[np.cos(half), np.sin(half)], [-np.sin(half), np.cos(half)]])
        score = 1 - 1e-9 if abs(crop.angle) < 1.2 else 0.99
        return Face((face.points - middle) @ turn + middle, score, face.depth)


@pytest.mark.parametrize("angle", [0.0, 0.8, -0.8, np.pi, 1.6, -1.6])
def test_a_crop_that_stands_askew_is_put_right(angle):
    picture, reader = photo(600, 600, (300, 250, 90)), Askew()
    crop = Crop(np.array([300.0, 295.0]), 90 * SQUARE * ROOM, angle)
    face = read_surely(picture.colours, Candidate(Sighting(crop, np.zeros((6, 2)), 0.9), None), reader)
    right = np.array([255, 250])
    assert np.abs(face.points - right - PLACES * 90).max() < 5


class Boxes:
    """A first network that says what it is told: the numbers of anchors -> box of 16 numbers, and score."""

    input_shape = (128, 128, 3)

    def __init__(self, told):
        self.told = told

    def __call__(self, picture):
        assert picture.shape == self.input_shape
        boxes, scores = np.zeros((896, 16), np.float32), np.full((896, 1), -9, np.float32)
        for number, (box, score) in self.told.items():
            boxes[number], scores[number] = box, np.log(score / (1 - score))
        return boxes, scores


def test_each_face_of_a_picture_is_seen_once_the_likeliest_first():
    box = np.zeros(16)
    box[2:4], box[4:8] = 40, [-8, -6, 8, -6]  # a face 40 pixels wide, its eyes 16 apart, a little above its middle
    narrow = np.where(np.arange(16) == 2, -3, box)
    near = [int(np.linalg.norm(anchors() - place, axis=1).argmin()) for place in ((0.3, 0.5), (0.36, 0.5), (0.8, 0.5))]
    reader = object.__new__(Reader)
    reader._finder = Boxes(
        {near[0]: (box, 0.7), near[1]: (box, 0.9), near[2]: (box, 0.6), 5: (box, 0.3), 800: (narrow, 0.9)}
    )
    found = reader.find_all(np.zeros((256, 256, 3), np.float32), 0.5)
    assert [one.score for one in found] == pytest.approx([0.9, 0.6], abs=1e-6)
    assert [one.side for one in found] == pytest.approx([80, 80])
    assert found[0].crop.centre == pytest.approx(anchors()[near[1]] * 256)
    assert [one.eyes for one in found] == pytest.approx([0.4, 0.4])
    assert found[0].crop.angle == 0
    crop, score = reader.find(np.zeros((256, 256, 3), np.float32))
    assert (crop.side, score) == pytest.approx((80 * ROOM, 0.9))
