# ruff: noqa: ARG001, ARG002 - fixtures are asked for by name, also for what they do; the tree is asked as the real one
"""Pictures by rays, crops, what views agree on, and the whole search with a reader that knows the truth."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from core.detection import detect as detection
from core.detection import views
from core.detection.agreement import agree, believable
from core.detection.detect import Detected, detect, frontal, sides
from core.detection.faces import LEFT_EYE, MOUTH, POINTS, RIGHT_EYE, Crop, Face, anchors, crop_around, decode
from core.detection.pairing import Pairs, carry_marks, pair
from core.detection.views import Head, View, sample, shoot
from core.errors import Cancelled, MienError
from core.wrapping.surface import TreeSurface

RNG = np.random.default_rng(8)


class Brute(TreeSurface):
    """Looks at every triangle, for all rays at once."""

    def __init__(self, vertices, triangles):
        super().__init__(vertices, triangles, None)
        self.a, b, c = (self.vertices[triangles[:, corner]] for corner in range(3))
        self.u, self.v = b - self.a, c - self.a

    def cast(self, origins, directions, reach=np.inf):
        found = [
            self._cast(*part) for part in zip(*(np.array_split(one, 16) for one in (origins, directions)), strict=True)
        ]
        return tuple(np.concatenate(one) for one in zip(*found, strict=True))

    def _cast(self, origins, directions):
        cross = np.cross(directions[:, None], self.v)
        with np.errstate(divide="ignore", invalid="ignore"):
            scale = 1 / (self.u * cross).sum(axis=2)
            away = origins[:, None] - self.a
            first = (away * cross).sum(axis=2) * scale
            turned = np.cross(away, self.u)
            second = np.einsum("nfi,ni->nf", turned, directions) * scale
            reach = (self.v * turned).sum(axis=2) * scale
            hit = (first >= 0) & (second >= 0) & (first + second <= 1) & (reach > 0)
        reach = np.where(hit, reach, np.inf)
        return reach.min(axis=1), np.where(hit.any(axis=1), reach.argmin(axis=1), -1)


surface_of = Brute


def ball(rows=9, columns=14, size=(80.0, 110.0, 90.0)):
    """(N, 3) an egg, y up, and its triangles."""
    u, v = np.meshgrid(np.linspace(0.02, np.pi - 0.02, rows), np.linspace(0, 2 * np.pi, columns, endpoint=False))
    points = np.stack([np.sin(u) * np.sin(v), np.cos(u), np.sin(u) * np.cos(v)], axis=-1).reshape(-1, 3) * size
    column, row = np.meshgrid(np.arange(columns), np.arange(rows - 1), indexing="ij")
    a, b = column * rows + row, (column + 1) % columns * rows + row
    quads = np.stack([a, a + 1, b + 1, b], axis=-1).reshape(-1, 4)
    return points, np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])


FRONT = np.eye(3)


@pytest.fixture(scope="module")
def egg():
    return Head.of(surface_of(*ball()))


def test_a_picture_knows_the_places_of_its_pixels(egg):
    view = View(FRONT, np.array([5.0, 0, 0]), 300.0)
    shot = shoot(egg, view, 64)
    front = egg.surface.vertices[egg.surface.vertices[:, 2] > 40]
    places, facing = shot.places(view.pixels(front, 64))
    assert np.linalg.norm(places - front, axis=1).max() < 4.0  # a pixel is 4.7 wide
    assert (facing > 0.2).all()
    nowhere, facing = shot.places(np.array([[1.0, 1.0], [-5, 30], [500, 30], [np.nan, 3]]))
    assert np.isnan(nowhere).any(axis=1).all()
    assert not facing.any()


def test_a_picture_is_of_the_head_before_a_background(egg):
    shot = shoot(egg, View(FRONT, np.zeros(3), 300.0), 64)
    shown = np.isfinite(shot.depth)
    height, width = 220 / 300 * 64, 160 / 300 * 64
    assert shown.any(axis=1).sum() == pytest.approx(height, abs=3)
    assert shown.any(axis=0).sum() == pytest.approx(width, abs=3)
    assert (shot.pictures[:, ~shown] == views.BEHIND.astype(np.float32)).all()
    assert shot.pictures.min() >= 0
    assert shot.pictures.max() <= 1
    # Light comes from above: the forehead is brighter than the chin.
    assert shot.pictures[0, 20, 32].sum() > 1.2 * shot.pictures[0, 44, 32].sum()
    assert shot.facing[32, 32] == pytest.approx(1, abs=0.05)


def test_inside_out_it_looks_the_same(egg):
    other = Head.of(surface_of(egg.surface.vertices, egg.surface.triangles[:, ::-1]))
    view = View(FRONT, np.zeros(3), 300.0)
    np.testing.assert_allclose(shoot(egg, view, 32).pictures, shoot(other, view, 32).pictures, atol=1e-5)


def test_an_edge_is_not_mixed_with_what_lies_behind_it():
    square = np.array([[-1.0, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]])
    vertices = np.concatenate([square * 100, square * 50 + [50, 0, 60]])
    triangles = np.array([[0, 1, 2], [0, 2, 3], [4, 5, 6], [4, 6, 7]])
    view = View(FRONT, np.zeros(3), 200.0)
    shot = shoot(Head.of(surface_of(vertices, triangles)), view, 50)
    near_edge = view.pixels(np.column_stack([np.linspace(-6, 6, 40), np.zeros(40), np.zeros(40)]), 50)
    depth = shot.places(near_edge)[0][:, 2]
    assert set(np.round(depth[np.isfinite(depth)], 6)) == {0.0, 60.0}


def test_views_turn_round_their_centre_and_stay_upright():
    view = View(FRONT, np.array([1.0, 2, 3]), 10.0)
    for yaw, pitch in ((30, 0), (-15, 0), (0, 15), (20, -10)):
        axes = view.turned(yaw, pitch).axes
        np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-12)
        assert np.linalg.det(axes) == pytest.approx(1)
        assert np.degrees(np.arccos(axes[2] @ FRONT[2])) == pytest.approx(np.hypot(yaw, pitch), abs=0.5)
    assert view.turned(30, 0).axes[2] @ FRONT[0] > 0.4  # from the picture's right
    assert view.turned(0, 15).axes[2] @ FRONT[1] > 0.2  # from above


def test_all_sides_are_looked_at_the_usual_one_first():
    every = sides()
    assert len({tuple(np.round(axes).astype(int).ravel()) for axes in every}) == 24
    assert all(np.linalg.det(axes) == pytest.approx(1) for axes in every)
    np.testing.assert_array_equal(every[0], [[1, 0, 0], [0, 0, 1], [0, -1, 0]])
    assert any(np.array_equal(axes, FRONT) for axes in every[:8])


def test_crops_are_cut_as_they_lie():
    size = 40
    rows, columns = np.mgrid[0:size, 0:size] + 0.5
    picture = np.stack([columns, rows, rows * 0], axis=-1).astype(np.float32)
    crop = Crop(np.array([20.0, 18.0]), 12.0, 0.4)
    cut = crop.cut(picture, 6)
    steps = (np.arange(6) + 0.5) / 6
    wanted = crop.to_picture(np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)).reshape(6, 6, 2)
    np.testing.assert_allclose(cut[:, :, :2], wanted, atol=1e-4)
    corner = crop.to_picture(np.array([[1.0, 0.5]]))[0] - crop.centre
    np.testing.assert_allclose(corner, [6 * np.cos(0.4), 6 * np.sin(0.4)])
    assert (sample(picture, np.array([[-9.0, 5.0]]))[0, 0]) == 0.5  # the edge goes on


def test_a_crop_follows_the_tilt_of_the_head():
    points = RNG.uniform(-30, 30, (POINTS, 2))
    points[list(RIGHT_EYE)], points[list(LEFT_EYE)] = [[-20, -10]], [[20, -10]]
    straight = crop_around(points)
    assert straight.angle == 0
    assert straight.side == pytest.approx(1.5 * np.ptp(points, axis=0).max())
    angle = 0.5
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    tilted = crop_around(points @ turn + 50)
    assert tilted.angle == pytest.approx(angle)
    assert tilted.side == pytest.approx(straight.side)
    np.testing.assert_allclose(tilted.centre, straight.centre @ turn + 50)


def test_what_the_first_network_says_is_read():
    every = anchors()
    assert every.shape == (896, 2)
    np.testing.assert_allclose(
        every[[0, 1, 2, 511, 512, 895]], np.array([[1, 1], [1, 1], [3, 1], [31, 31], [2, 2], [30, 30]]) / 32
    )
    said = np.array([4.0, -8, 32, 40, *range(12)])
    box, points = decode(said, np.array([0.5, 0.25]), 128)
    np.testing.assert_allclose(box, [0.5 + 4 / 128, 0.25 - 8 / 128, 0.25, 40 / 128])
    np.testing.assert_allclose(points[1], [0.5 + 2 / 128, 0.25 + 3 / 128])


def test_views_agree_and_the_stray_one_is_left_out():
    truth = RNG.normal(0, 50, (20, 3))
    places = truth + RNG.normal(0, 0.3, (5, 20, 3))
    facing = np.full((5, 20), 0.9)
    places[2, 4] += [40, 0, 0]  # one view went astray
    places[:, 5] = np.nan  # nobody saw it
    places[1:, 6] = np.nan  # one did
    facing[1:, 7] = 0.1  # all but one too flat
    places[:, 8] += RNG.normal(0, 30, (5, 3))  # no two agree
    points, kept, spread = agree(places, facing, 160.0)
    assert np.flatnonzero(~kept).tolist() == [5, 6, 7, 8]
    assert np.linalg.norm(points - truth, axis=1)[kept].max() < 0.8
    assert np.isnan(points[~kept]).all()
    assert np.isnan(spread[~kept]).all()
    assert 0.1 < np.median(spread[kept]) < 1
    assert spread[4] < 1.0


def test_a_pair_that_moves_unlike_its_neighbours_is_not_believed():
    here = RNG.uniform(-60, 60, (200, 3))
    there = here * [1.1, 0.9, 1.0] + RNG.normal(0, 0.3, here.shape)
    there[17] += [0, 25, 0]
    assert np.flatnonzero(~believable(here, there, 4.0)).tolist() == [17]
    assert believable(here[:3], there[:3], 4.0).all()


class Seer:
    """A reader that knows where the points are, and sees them where they face it; not from the side or from behind."""

    def __init__(self, monkeypatch, points, axes, *, noise=0.0, least=60.0):
        self.points, self.axes, self.noise, self.least = points, axes, noise, least
        self.taken = []
        real = views.shoot

        def shooting(head, view, size):
            self.shot = real(head, view, size)
            self.taken.append(view)
            return self.shot

        monkeypatch.setattr(detection, "shoot", shooting)

    def _score(self):
        axes = self.shot.view.axes
        seen = self.shot.view.pixels(self.points, len(self.shot.depth))
        inside = ((seen > 0) & (seen < len(self.shot.depth))).all()
        straight = axes[2] @ self.axes[2] > 0.7 and axes[1] @ self.axes[1] > 0.7
        return 0.95 if straight and inside else 0.05

    def find(self, picture):
        size = len(picture)
        seen = self.shot.view.pixels(self.points, size)
        wide = np.ptp(seen, axis=0).max()
        crop = Crop((seen.min(axis=0) + seen.max(axis=0)) / 2, 1.5 * float(wide))
        return crop, self._score() if wide > self.least * size / 128 / 4 else 0.1

    def read(self, picture, crop):
        seen = self.shot.view.pixels(self.points, len(picture))
        assert np.isfinite(crop.centre).all()
        return Face(seen + RNG.normal(0, self.noise, seen.shape), self._score(), np.zeros(len(seen)))


def face_on(vertices, triangles):
    """(468, 3) points on the egg's front, eyes and mouth where the networks have them."""
    want = RNG.uniform([-45, -70], [45, 60], (POINTS, 2))
    for names, x, y in ((RIGHT_EYE, -30, 25), (LEFT_EYE, 30, 25), (MOUTH, 0, -40)):
        want[list(names)] = [[x - 12, y], [x + 12, y]]
    want[list(LEFT_EYE)] = want[list(LEFT_EYE)][::-1]
    surface = surface_of(vertices, triangles)
    origins = np.column_stack([want, np.full(POINTS, 500.0)])
    distance, _ = surface.cast(origins, np.tile([0, 0, -1.0], (POINTS, 1)))
    return origins + np.outer(distance, [0, 0, -1.0])


def walk(work):
    steps = []
    while True:
        try:
            steps.append(next(work))
        except StopIteration as end:
            return end.value, steps


@pytest.fixture
def quick(monkeypatch):
    """Small pictures: every ray looks at every triangle here."""
    monkeypatch.setattr(detection, "_COARSE", 24)
    monkeypatch.setattr(detection, "_FINE", 48)


TURNS = {"-y, z up": sides()[0], "z, y up": FRONT, "x, -z up": sides()[-3], "on its head": sides()[9]}


@pytest.mark.parametrize("name", TURNS)
def test_the_face_is_found_whichever_way_it_looks(monkeypatch, quick, name):
    vertices, triangles = ball()
    points = face_on(vertices, triangles)
    axes = TURNS[name]
    turned, there = vertices @ axes * 0.01 + 3, points @ axes * 0.01 + 3
    seer = Seer(monkeypatch, there, axes, noise=0.3)
    found, steps = walk(detect(surface_of(turned, triangles), seer))
    assert found.kept.sum() > 400
    off = np.linalg.norm(found.points - there, axis=1)[found.kept]
    assert np.median(off) < 0.03
    assert off.max() < 0.12  # of a head 2.2 high, in pictures of 48 pixels
    assert found.score == 0.95
    np.testing.assert_allclose(found.view.axes, axes, atol=0.1)
    assert all(0 <= one.done < one.total for one in steps)
    assert [one.done for one in steps] == sorted(one.done for one in steps)


def test_on_a_whole_body_the_head_is_found_at_its_top(monkeypatch, quick):
    vertices, triangles = ball()
    points = face_on(vertices, triangles)
    body = vertices * [3, 7, 1.5] - [0, 850, 0]
    both, corners = np.concatenate([vertices, body]), np.concatenate([triangles, triangles + len(vertices)])
    seer = Seer(monkeypatch, points, FRONT)
    found, _ = walk(detect(surface_of(both, corners), seer, looks_from=[FRONT]))
    assert found.kept.sum() > 400
    assert seer.taken[0].side > 1700
    assert found.view.side < 300


def test_no_face_is_one_sentence(monkeypatch, quick, egg):
    blind = Seer(monkeypatch, egg.surface.vertices[:POINTS], -FRONT)
    blind._score = lambda: 0.1
    with pytest.raises(MienError, match=r"sees no face on this head\. Place the landmarks by hand"):
        walk(detect(egg.surface, blind))
    assert len(blind.taken) >= 24


def test_views_that_do_not_agree_are_told(monkeypatch, quick, egg):
    seer = Seer(monkeypatch, face_on(*ball()), FRONT, noise=8.0)
    with pytest.raises(MienError, match="by hand"):
        walk(detect(egg.surface, seer, looks_from=[FRONT]))


def test_it_can_be_cancelled_between_pictures(monkeypatch, quick, egg):
    seer = Seer(monkeypatch, face_on(*ball()), FRONT)
    work = detect(egg.surface, seer, lambda: len(seer.taken) > 3)
    with pytest.raises(Cancelled):
        walk(work)
    assert len(seer.taken) < 12


def test_a_face_without_eyes_or_all_on_a_line_has_no_front():
    points = np.full((POINTS, 3), np.nan)
    assert frontal(points) is None
    points[:] = np.arange(POINTS)[:, None]
    assert frontal(points) is None


@pytest.fixture
def template():
    vertices, triangles = ball()
    points = face_on(vertices, triangles)
    nose, chin, ear = (
        int(np.linalg.norm(vertices - at, axis=1).argmin()) for at in ([0, 0, 90], [0, -60, 70], [80, 0, 0])
    )
    return SimpleNamespace(
        vertices=vertices, triangles=triangles, landmarks={"nose": nose, "chin": chin, "ear": ear}
    ), points


def seen(points):
    kept = np.isfinite(points).all(axis=1)
    return Detected(points, kept, np.where(kept, 0.02, np.nan), 1.0, View(FRONT, np.zeros(3), 1.0))


def test_landmarks_are_carried_by_the_pairs_around_them(template):
    like, points = template
    turn = sides()[5]
    carry = lambda places: (places * [1.15, 0.95, 1.05] + 0.001 * places[:, [1]] * places) @ turn * 0.01 - 7  # noqa: E731
    there = carry(points)
    there[40], there[60] = np.nan, there[60] + 0.4
    pairs = pair(seen(points), seen(there))
    assert 400 < len(pairs.head) == len(pairs.template) <= POINTS - 2
    assert not any(np.allclose(one, points[60]) for one in pairs.template)
    assert pairs.spread == pytest.approx(2.0, rel=0.15)
    surface = surface_of(carry(like.vertices), like.triangles)
    surface.closest = lambda at: (np.zeros(len(at)), at)  # the egg is too coarse for it
    found = carry_marks(like, pairs, surface, ["nose", "chin", "ear", "tail"])
    assert set(found) == {"nose", "chin"}  # nobody looked at the ear
    for name, place in found.items():
        assert np.linalg.norm(place - surface.vertices[like.landmarks[name]]) < 0.02


def test_a_head_that_shares_too_few_points_is_refused(template):
    like, points = template
    few = np.where(np.arange(POINTS)[:, None] < 100, points, np.nan)
    with pytest.raises(MienError, match=r"do not agree\. Place them by hand"):
        pair(seen(points), seen(few))
    nothing = Pairs(np.empty((0, 3)), np.empty((0, 3)), 0.0, 0.0)
    assert carry_marks(like, nothing, surface_of(*ball()), ["nose"]) == {}


def test_strays_far_away_do_not_make_the_head_a_speck(monkeypatch, quick):
    vertices, triangles = ball(24, 40)
    points = face_on(vertices, triangles)
    stray = np.array([[5000.0, 8000, 30_000], [5010, 8000, 30_000], [5000, 7990, 30_000]])
    both, corners = np.concatenate([vertices, stray]), np.concatenate([triangles, [[960, 961, 962]]])
    found, _ = walk(detect(surface_of(both, corners), Seer(monkeypatch, points, FRONT), looks_from=[FRONT]))
    assert found.kept.sum() > 400
    assert np.linalg.norm(found.points - points, axis=1)[found.kept].max() < 12


def test_a_sheet_that_is_a_line_from_some_sides_shows_no_face(monkeypatch, quick):
    grid = np.stack(np.meshgrid(np.arange(12.0), [0.0], np.arange(12.0), indexing="ij"), -1).reshape(-1, 3)
    corner = (np.arange(11)[:, None] * 12 + np.arange(11)).ravel()
    triangles = np.stack([corner, corner + 1, corner + 12], axis=1)
    seer = Seer(monkeypatch, RNG.uniform(0, 11, (POINTS, 3)), FRONT)
    seer._score = lambda: 0.1
    with pytest.raises(MienError, match="sees no face"):
        walk(detect(surface_of(grid, triangles), seer))
    line = surface_of(grid * [1, 0, 0], triangles)
    with pytest.raises(MienError, match="sees no face"):
        walk(detect(line, seer))
