"""The parts of a wrap one by one, and a whole one on a head whose vertices are shuffled."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.bundle import no_modes, read_bundle
from core.errors import Cancelled, MeshError
from core.generator import Generator
from core.motion import EXPRESSIONS
from core.wrapping.bind import bind
from core.wrapping.contours import curve_of, rim_of, rim_pulls
from core.wrapping.head import Head, flipped
from core.wrapping.landmarks import GUIDE, NEEDED
from core.wrapping.meshes import edges_of, face_normals, neighbours, pieces, vertex_normals, welded
from core.wrapping.solver import SmoothField
from core.wrapping.spline import Spline, similarity, trusted
from core.wrapping.surface import TreeSurface, barycentric
from core.wrapping.untangling import untangled
from core.wrapping.visibility import openness
from core.wrapping.walking import Walk
from core.wrapping.wrap import skin_of, wrap

BUNDLE = Path(__file__).resolve().parents[2] / "blender_addon" / "assets" / "makehuman.safetensors"


@pytest.fixture(scope="session")
def surface_of():
    pytest.importorskip("bpy", reason="trees of triangles come from Blender")
    from mathutils.bvhtree import BVHTree

    def make(vertices, triangles):
        return TreeSurface(vertices, triangles, BVHTree.FromPolygons(vertices.tolist(), triangles.tolist()))

    return make


@pytest.fixture(scope="module")
def bundle():
    return read_bundle(BUNDLE)


def grid(size, step=1.0):
    """(size^2, 3) points in the plane z = 0, and triangles that look up."""
    place = np.arange(size) * step
    points = np.stack([*np.meshgrid(place, place, indexing="ij"), np.zeros((size, size))], axis=-1).reshape(-1, 3)
    corner = (np.arange(size - 1)[:, None] * size + np.arange(size - 1)).ravel()
    first = np.stack([corner, corner + size, corner + size + 1], axis=1)
    return points, np.concatenate([first, np.stack([corner, corner + size + 1, corner + 1], axis=1)])


def ball(rings=16, radius=10.0):
    """A closed sphere that looks outwards."""
    height = np.linspace(0, np.pi, rings + 1)[1:-1]
    round_ = np.arange(2 * rings) * np.pi / rings
    a, b = np.meshgrid(height, round_, indexing="ij")
    body = np.stack([np.sin(a) * np.cos(b), np.sin(a) * np.sin(b), np.cos(a)], axis=-1).reshape(-1, 3)
    points = radius * np.concatenate([body, [[0, 0, 1], [0, 0, -1]]])
    wide, top, bottom = 2 * rings, len(body), len(body) + 1
    triangles = []
    for row in range(rings - 2):
        for column in range(wide):
            here, beside = row * wide + column, row * wide + (column + 1) % wide
            triangles += [(here, here + wide, beside), (beside, here + wide, beside + wide)]
    for column in range(wide):
        beside, last = (column + 1) % wide, (rings - 2) * wide
        triangles += [(top, column, beside), (bottom, last + beside, last + column)]
    return points, np.array(triangles)


def finish(steps):
    """What a generator returns, and what it yielded."""
    seen = []
    while True:
        try:
            seen.append(next(steps))
        except StopIteration as end:
            return end.value, seen


def test_similarity_finds_scale_turn_and_shift():
    rng = np.random.default_rng(0)
    points, turn = rng.normal(size=(9, 3)), np.linalg.qr(rng.normal(size=(3, 3)))[0]
    turn *= np.sign(np.linalg.det(turn))
    found = similarity(points, 3.5 * points @ turn.T + (1, 2, 3))
    assert found.scale == pytest.approx(3.5)
    np.testing.assert_allclose(found.rotation, turn, atol=1e-12)
    np.testing.assert_allclose(found.invert(found.apply(points)), points, atol=1e-12)


def test_similarity_never_mirrors():
    points = np.random.default_rng(1).normal(size=(20, 3))
    assert np.linalg.det(similarity(points, points * (-1, 1, 1)).rotation) == pytest.approx(1)


def test_spline_meets_its_points_and_smoothing_lets_them_go():
    rng = np.random.default_rng(2)
    source = rng.normal(size=(16, 3))
    target = source * (1.1, 0.9, 1.2) + 0.2 * rng.normal(size=source.shape)
    np.testing.assert_allclose(Spline(source, target)(source), target, atol=1e-10)
    off = [np.abs(Spline(source, target, much)(source) - target).mean() for much in (0.01, 0.1, 10.0)]
    assert 0 < off[0] < off[1] < off[2]


def test_spline_of_an_affine_map_is_that_map_everywhere():
    rng = np.random.default_rng(3)
    source, far = rng.normal(size=(12, 3)), 10 * rng.normal(size=(5, 3))
    matrix = np.array([[1.2, 0.1, 0], [0, 0.8, 0.2], [0.1, 0, 1.0]])
    np.testing.assert_allclose(Spline(source, source @ matrix.T + 1)(far), far @ matrix.T + 1, atol=1e-8)


def test_the_landmark_that_disagrees_is_told(bundle):
    template = bundle.template
    source = np.stack([template.vertices[template.landmarks[one.name]] for one in GUIDE]).astype(float)
    target = 0.01 * source + np.random.default_rng(4).normal(0, 0.01, source.shape)
    assert trusted(source, target).all()
    target[5] += (0.4, 0, 0)  # 40 mm
    assert np.flatnonzero(~trusted(source, target)).tolist() == [5]


def test_exact_landmarks_of_people_are_all_trusted(bundle):
    template = bundle.template
    for person in bundle.samples.values():
        for names in (NEEDED, [one.name for one in GUIDE]):
            vertices = [template.landmarks[name] for name in names]
            assert trusted(template.vertices[vertices].astype(float), person[vertices].astype(float)).all()


def test_barycentric_gives_back_places_also_of_flat_triangles():
    rng = np.random.default_rng(5)
    corners, shares = rng.normal(size=(50, 3, 3)), rng.dirichlet(np.ones(3), 50)
    place = np.einsum("nk,nkx->nx", shares, corners)
    np.testing.assert_allclose(barycentric(corners, place), shares, atol=1e-9)
    flat = np.array([[[0, 0, 0], [1, 0, 0], [2, 0, 0.0]], [[1, 1, 1]] * 3])
    found = barycentric(flat, flat.mean(axis=1))
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found.sum(axis=1), 1)


def test_pieces_of_two_grids_and_a_loose_vertex():
    _, triangles = grid(4)
    edges = edges_of(np.concatenate([triangles, triangles + 16]))[0]
    assert np.unique(pieces(edges, 33), return_counts=True)[1].tolist() == [16, 16, 1]


def test_welded_joins_what_lies_together():
    points = np.array([[0, 0, 0], [0.001, 0, 0], [5, 0, 0], [0, 0, 0.0]])
    place = welded(points, 0.01, np.array([[0, 1, 2], [1, 2, 3]]))
    assert place[0] == place[1] == place[3] != place[2]
    lost = np.concatenate([points, [[-1e20, 0, 0], [1e20, 0, 0]]])
    place = welded(lost, 0.01, np.array([[0, 1, 2], [1, 2, 3]]))
    assert place[0] == place[1] == place[3] != place[2]
    assert len(np.unique(place)) == 4


def test_neighbours_against_a_plain_loop():
    _, triangles = grid(5)
    edges = edges_of(triangles)[0]
    near = neighbours(edges, 27)  # two without any
    values = np.random.default_rng(6).normal(size=(3, 27))
    for vertex in range(27):
        others = [int(b if a == vertex else a) for a, b in edges if vertex in (a, b)]
        np.testing.assert_allclose(near.total(values)[:, vertex], values[:, others].sum(axis=1), atol=1e-12)
    assert near.alone.tolist() == [25, 26]


def test_smooth_field_solves_its_system():
    _, triangles = grid(9)
    edges = edges_of(triangles)[0]
    adjacency = np.zeros((81, 81))
    adjacency[edges[:, 0], edges[:, 1]] = adjacency[edges[:, 1], edges[:, 0]] = 1
    umbrella = np.eye(81) - adjacency / adjacency.sum(axis=1, keepdims=True)
    rng = np.random.default_rng(7)
    weight, pull = rng.uniform(0, 2, 81) * (rng.uniform(size=81) < 0.5), rng.normal(size=(81, 3))
    wanted = np.linalg.solve(7.0 * umbrella.T @ umbrella + np.diag(weight), pull)
    found = SmoothField(neighbours(edges, 81)).solve(7.0, weight, pull, np.zeros((81, 3)), tolerance=1e-10, most=4000)
    np.testing.assert_allclose(found, wanted, atol=1e-6 * np.abs(wanted).max())


def test_openness_outside_and_inside_of_a_ball(surface_of):
    points, triangles = ball()
    normals = vertex_normals(points, triangles)
    surface = surface_of(points, triangles)
    assert (openness(surface, points, normals, 100.0) == 1).all()
    assert (openness(surface, points, -normals, 100.0) == 0).all()


def test_openness_of_many_places_is_that_of_few(surface_of, monkeypatch):
    points, triangles = ball(24)
    wall, more = grid(30, 2.0)
    both = np.concatenate([points, wall - (29, 29, 12)])
    corners = np.concatenate([triangles, more + len(points)])
    normals, surface = vertex_normals(both, corners), surface_of(both, corners)
    one_by_one = openness(surface, both, normals, 100.0)
    monkeypatch.setattr("core.wrapping.visibility._FEW", 100)
    grouped = openness(surface, both, normals, 100.0)
    assert np.abs(grouped - one_by_one).mean() < 0.05
    assert 0 < one_by_one.min() < 0.7


def test_a_fold_is_taken_out_and_nothing_else_moves():
    before, triangles = grid(21)
    after = before + np.array([0, 0, 1.0])
    fold = 10 * 21 + 10
    after[fold] += (2.5, 0, 0)
    assert len(flipped(before, after, triangles))
    flat = untangled(before, after, triangles)
    assert not len(flipped(before, flat, triangles))
    np.testing.assert_allclose(flat[fold], before[fold] + np.array([0, 0, 1.0]), atol=1e-6)
    far = np.linalg.norm(before - before[fold], axis=1) > 9
    np.testing.assert_array_equal(flat[far], after[far])


def test_a_smooth_bend_is_no_fold():
    before, triangles = grid(11)
    after = before * (1, 1, 0) + np.stack([0 * before[:, 0], 0 * before[:, 0], 0.2 * before[:, 0] ** 2], axis=1)
    np.testing.assert_array_equal(untangled(before, after, triangles), after)


# A whole wrap: Ada with other vertices in another order.


@pytest.fixture(scope="module")
def stranger(bundle):
    """Ada's skin, each triangle cut into three at a random place, all shuffled, in metres and turned; and its truth."""
    rng = np.random.default_rng(8)
    template = bundle.template
    ada = bundle.samples["Ada"].astype(np.float64)
    skin = template.triangles[skin_of(template)[template.triangles[:, 0]]].astype(np.int64)
    shares = rng.dirichlet(np.full(3, 4.0), len(skin))
    middle = len(ada) + np.arange(len(skin))
    cut = np.concatenate([np.column_stack([skin[:, [a, b]], middle]) for a, b in ((0, 1), (1, 2), (2, 0))])
    corners = np.concatenate([np.repeat(np.arange(len(ada))[:, None], 3, axis=1), skin])
    shares = np.concatenate([np.tile([1.0, 0, 0], (len(ada), 1)), shares])
    used, triangles = np.unique(cut, return_inverse=True)
    order = rng.permutation(len(used))
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    triangles = place[triangles.reshape(-1, 3)]
    corners, shares = corners[used][order], shares[used][order]
    turn = np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0.0]])

    def on_head(values):
        return np.einsum("nk,nkx->nx", shares, values[corners]) @ turn.T / 1000

    landmarks = {one.name: turn @ ada[template.landmarks[one.name]] / 1000 + rng.normal(0, 0.001, 3) for one in GUIDE}
    return on_head(ada), triangles, landmarks, on_head, ada @ turn.T / 1000


@pytest.fixture(scope="module")
def wrapped(bundle, stranger, surface_of):
    vertices, triangles, landmarks, _, _ = stranger
    return finish(wrap(bundle.template, vertices, triangles, landmarks, surface_of, modes=bundle.modes))


def test_a_wrap_finds_where_each_vertex_lies(bundle, stranger, wrapped):
    found, steps = wrapped
    off = 1000 * np.linalg.norm(found.positions - stranger[-1], axis=1)
    skin = skin_of(bundle.template)
    assert off[skin].mean() < 1.0
    assert off[~skin].mean() < 2.5  # eyes, teeth, lashes
    assert found.quality.mean < 0.3
    assert found.quality.percent_of_height < 0.2
    assert not found.landmarks_dropped
    assert [one.done for one in steps] == sorted(one.done for one in steps)
    assert steps[-1].done < steps[-1].total


def test_motion_arrives_on_a_wrapped_head(bundle, stranger, wrapped, surface_of):
    vertices, triangles, _, on_head, _ = stranger
    found, _ = wrapped
    binding = bind(bundle.template, found, vertices, triangles, surface_of)
    rng = np.random.default_rng(9)
    places = bundle.template.vertices
    for _ in range(4):
        # A smooth field that opens the mouth, as a jaw does.
        way = rng.normal(size=3)
        field = 10 * np.exp(-(((places - places[bundle.template.landmarks["chin"]]) / 40) ** 2).sum(axis=1))
        field = (field * (places[:, 1] < places[bundle.template.landmarks["upper_lip_bottom"], 1]))[:, None] * way
        got = np.zeros_like(vertices)
        got[binding.moving] = binding.on_object(field[None].astype(np.float32))[0] @ found.to_local.T
        true = on_head(field)
        assert (got * true).sum() / np.sqrt((got**2).sum() * (true**2).sum()) > 0.98
        assert np.sqrt(((got - true) ** 2).sum() / (true**2).sum()) < 0.2


def test_hidden_skin_follows_its_own_lip(bundle, stranger, wrapped, surface_of):
    vertices, triangles, _, on_head, _ = stranger
    found, _ = wrapped
    binding = bind(bundle.template, found, vertices, triangles, surface_of)
    labels = np.zeros((12, 6), np.float32)
    labels[2:, EXPRESSIONS.index("surprise")] = 1.0
    field = Generator(bundle, "numpy").generate(labels)[-1]
    got = np.zeros_like(vertices)
    got[binding.moving] = binding.on_object(field[None])[0] @ found.to_local.T
    true = on_head(field.astype(np.float64))
    hidden = np.setdiff1d(np.arange(len(vertices)), np.flatnonzero(found.visible))
    here, there = got[hidden], true[hidden]
    assert len(hidden) > 200
    assert np.linalg.norm(there, axis=1).max() > 0.005
    assert (here * there).sum() / np.sqrt((here**2).sum() * (there**2).sum()) > 0.97
    assert np.quantile(np.linalg.norm(here - there, axis=1), 0.99) < 0.004


def test_a_walk_keeps_to_its_side_of_a_fold():
    # A sheet folded in two, the halves half a millimetre apart: upper side first, then down the fold and back.
    length = np.linspace(0, 40, 41)
    height = np.where(length <= 20, 0.5, 0.0)
    along = np.where(length <= 20, length, 40 - length)
    points = np.stack([np.repeat(along, 11), np.tile(np.arange(11.0), 41), np.repeat(height, 11)], axis=1)
    place = np.arange(41 * 11).reshape(41, 11)
    first = np.stack([place[:-1, :-1], place[1:, :-1], place[1:, 1:]], axis=-1).reshape(-1, 3)
    second = np.stack([place[:-1, :-1], place[1:, 1:], place[:-1, 1:]], axis=-1).reshape(-1, 3)
    face = np.concatenate([first, second])
    near, normals = neighbours(edges_of(face)[0], len(points)), vertex_normals(points, face)
    nobody = np.zeros_like(normals)  # no help from normals: only the way tells
    walk = Walk(near, points, nobody, template_near=near, laid=points, laid_normals=normals, face=face.astype(np.int32))
    corner = np.where(np.arange(len(points)) < 22, np.arange(len(points)), -1)
    triangle, shares = walk(corner, None)
    walked = np.arange(22, len(points))
    assert (triangle[walked] >= 0).all()
    where = np.einsum("nk,nkx->nx", shares[walked], points[face[triangle[walked]]])
    np.testing.assert_allclose(where, points[walked], atol=0.6)
    rows = face[triangle[walked]].mean(axis=1) / 11  # how far along the sheet, not in space
    assert np.abs(rows - walked / 11).max() < 4


def test_a_wrap_is_the_same_each_time(bundle, stranger, wrapped, surface_of):
    vertices, triangles, landmarks, _, _ = stranger
    again, _ = finish(wrap(bundle.template, vertices, triangles, landmarks, surface_of, modes=bundle.modes))
    np.testing.assert_array_equal(again.positions, wrapped[0].positions)


@pytest.mark.parametrize("modes", [None, no_modes()])
def test_a_wrap_without_modes_comes_near(bundle, stranger, surface_of, modes):
    vertices, triangles, landmarks, _, truth = stranger
    found, _ = finish(wrap(bundle.template, vertices, triangles, landmarks, surface_of, modes=modes))
    face = bundle.template.vertices[:, 2] > 0
    assert 1000 * np.linalg.norm(found.positions - truth, axis=1)[face & skin_of(bundle.template)].mean() < 4.0


def test_a_wrong_landmark_is_left_out_and_told(bundle, stranger, surface_of):
    vertices, triangles, landmarks, _, truth = stranger
    wrong = {**landmarks, "chin": landmarks["chin"] + np.array([0.05, 0.0, 0.0])}
    found, _ = finish(wrap(bundle.template, vertices, triangles, wrong, surface_of, modes=bundle.modes))
    assert found.landmarks_dropped == ("chin",)
    assert "chin" in " ".join(found.quality.advice)
    assert 1000 * np.linalg.norm(found.positions - truth, axis=1)[skin_of(bundle.template)].mean() < 1.5


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        (lambda marks: dict(list(marks.items())[:4]), "at least 6"),
        (lambda marks: {name: np.array([number, 0.0, 0]) for number, name in enumerate(marks)}, "one line"),
        (lambda marks: dict.fromkeys(marks, np.zeros(3)), "one line"),
        (lambda marks: marks | {"chin": np.full(3, np.nan)}, "NaN"),
        (lambda marks: dict(zip(marks, reversed(list(marks.values())), strict=True)), "landmarks"),
        (
            lambda marks: {
                name.replace("left", "L").replace("right", "left").replace("L", "right"): place
                for name, place in marks.items()
            },
            "swapped",
        ),
    ],
)
def test_landmarks_that_make_no_face_are_refused(bundle, stranger, surface_of, spoil, word):
    vertices, triangles, landmarks, _, _ = stranger
    with pytest.raises(MeshError, match=word):
        finish(wrap(bundle.template, vertices, triangles, spoil(landmarks), surface_of, modes=bundle.modes))


def test_meshes_that_cannot_be_wrapped_are_refused(bundle, stranger, surface_of):
    vertices, triangles, landmarks, _, _ = stranger
    nowhere = vertices.copy()
    nowhere[3] = np.nan
    for points, corners in ((nowhere, triangles), (vertices, triangles[:0]), (vertices, triangles[:30])):
        with pytest.raises(MeshError):
            finish(wrap(bundle.template, points, corners, landmarks, surface_of))


def test_a_wrap_can_be_cancelled(bundle, stranger, surface_of):
    vertices, triangles, landmarks, _, _ = stranger
    asked = iter([False] * 40 + [True] * 1000)
    with pytest.raises(Cancelled):
        finish(wrap(bundle.template, vertices, triangles, landmarks, surface_of, cancelled=lambda: next(asked)))


def test_a_head_inside_out_is_told(bundle, stranger, surface_of):
    vertices, triangles, landmarks, _, _ = stranger
    with pytest.raises(MeshError, match="look inwards"):
        finish(wrap(bundle.template, vertices, triangles[:, ::-1], landmarks, surface_of))


def test_landmarks_beside_the_head_are_told(bundle, stranger, surface_of):
    vertices, triangles, landmarks, _, _ = stranger
    away = {name: place + np.array([0.06, 0.0, 0.0]) for name, place in landmarks.items()}
    with pytest.raises(MeshError, match=r"do not lie on the head|hardly any"):
        finish(wrap(bundle.template, vertices, triangles, away, surface_of))


def test_only_the_piece_with_the_face_counts(bundle, stranger, surface_of):
    vertices, triangles, landmarks, _, _ = stranger
    points, faces = ball(radius=0.03)
    points = points + landmarks["nose_tip"] + (0, 0, 0.2)
    both = np.concatenate([vertices, points])
    every = np.concatenate([triangles, faces + len(vertices)])
    found, _ = finish(wrap(bundle.template, both, every, landmarks, surface_of, modes=bundle.modes))
    assert found.skin[: len(vertices)].all()
    assert not found.skin[len(vertices) :].any()
    binding = bind(bundle.template, found, both, every, surface_of)
    assert binding.moving.max() < len(vertices)


def test_what_grows_far_from_the_face_stays_still(bundle, stranger, surface_of):
    vertices, triangles, landmarks, _, _ = stranger
    # A rod of the same mesh that sticks out of the chin by 12 cm.
    chin = int(np.linalg.norm(vertices - landmarks["chin"], axis=1).argmin())
    forward = (landmarks["nose_tip"] - landmarks["subnasale"]) * (1, 0, 0)
    forward = forward / np.linalg.norm(forward) if np.linalg.norm(forward) else np.array([1.0, 0, 0])
    ring = np.array([[0, 0.004, 0], [0, -0.004, 0.004], [0, -0.004, -0.004]])
    rod = np.concatenate([vertices[chin] + ring + 0.005 * step * forward for step in range(1, 25)])
    first = len(vertices)
    faces = [(chin, first, first + 1), (chin, first + 1, first + 2), (chin, first + 2, first)]
    for step in range(23):
        here, there = first + 3 * step, first + 3 * step + 3
        for corner in range(3):
            beside = (corner + 1) % 3
            faces += [(here + corner, there + corner, here + beside), (here + beside, there + corner, there + beside)]
    both, every = np.concatenate([vertices, rod]), np.concatenate([triangles, faces])
    found, _ = finish(wrap(bundle.template, both, every, landmarks, surface_of, modes=bundle.modes))
    binding = bind(bundle.template, found, both, every, surface_of)
    far = first + np.flatnonzero(np.linalg.norm(rod - vertices[chin], axis=1) > 0.045)
    assert len(far) > 30
    assert not np.isin(far, binding.moving).any()
    assert np.isin(first, binding.moving)


def test_lips_that_touch_ride_each_on_its_own(bundle, wrapped, stranger, surface_of):
    vertices, triangles, _, on_head, _ = stranger
    found, _ = wrapped
    binding = bind(bundle.template, found, vertices, triangles, surface_of)
    marks = bundle.template.landmarks
    upper, lower = (
        on_head(np.eye(len(bundle.template.vertices))[:, [marks[name]] * 3])[:, 0]
        for name in ("upper_lip_top", "lower_lip_bottom")
    )
    for place in (upper, lower):
        vertex = int(np.abs(place).argmax())
        row = int(np.flatnonzero(binding.moving == vertex)[0])
        own = bundle.template.vertices[binding.corners[row]].mean(axis=0)
        mark = marks["upper_lip_top"] if place is upper else marks["lower_lip_bottom"]
        assert np.linalg.norm(own - bundle.template.vertices[mark]) < 6.0


def test_rims_are_pulled_onto_rims(bundle, surface_of):
    template = bundle.template
    points = template.vertices.astype(np.float64)
    skin = template.triangles[skin_of(template)[template.triangles[:, 0]]]
    extent = np.stack([points.min(axis=0), points.max(axis=0)])
    marks = points[[template.landmarks["nose_tip"], template.landmarks["chin"]]]
    head = Head(points, template.triangles, marks, extent, surface_of)
    rim = rim_of(points, edges_of(skin)[0], head.openness, template.landmarks)
    assert len(rim.edges) > 20
    shifted = points + np.array([0, 1.0, 0])
    vertices, places = rim_pulls(rim, curve_of(head, rim.places(points)), shifted, skin)
    assert len(vertices) > 15
    # Back to where they came from, or along the curve.
    assert np.median(np.linalg.norm(places - points[vertices], axis=1)) < 0.6
    normals = face_normals(points, skin)
    assert len(normals) == len(skin)
