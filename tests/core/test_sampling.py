from __future__ import annotations

import time
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import trimesh
from hypothesis import given
from hypothesis import strategies as st

from core.bundle import read_bundle
from core.errors import TemplateError
from core.sampling import Hierarchy, Level, build_hierarchy, coarsen, shares, unpooling
from core.spirals import components_of
from core.template import ABSENT, Template
from core.topology import build_topology

HEAD = Path(__file__).resolve().parents[2] / "blender_addon" / "assets" / "makehuman.safetensors"


def template_of(vertices: np.ndarray, faces: np.ndarray) -> Template:
    quads = np.full((len(faces), 4), ABSENT, np.int32)
    quads[:, : faces.shape[1]] = faces
    return Template("test", np.asarray(vertices, np.float32), quads)


def sheet(rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """A flat grid of quads, one unit apart."""
    y, x = np.mgrid[0:rows, 0:columns]
    vertices = np.stack([x, y, np.zeros_like(x)], axis=-1).reshape(-1, 3).astype(np.float32)
    number = np.arange(rows * columns).reshape(rows, columns)
    corners = (number[:-1, :-1], number[:-1, 1:], number[1:, 1:], number[1:, :-1])
    return vertices, np.stack([corner.ravel() for corner in corners], axis=1)


def big_face() -> Template:
    """28,431 vertices as 4DFAB's: an open, curved sheet of 243 x 117 with a nose, brows and a chin, in mm."""
    vertices, quads = sheet(243, 117)
    x, y = vertices[:, 0] / 58 - 1, vertices[:, 1] / 121 - 1
    deep = 90 * np.sqrt(np.clip(1.6 - x**2 - 0.5 * y**2, 0, None))
    nose = 25 * np.exp(-((x / 0.12) ** 2) - (y / 0.2) ** 2)
    folds = 4 * np.cos(9 * y) * np.exp(-((x / 0.6) ** 2)) + 2 * np.sin(14 * x + 3 * y)
    return template_of(np.stack([80 * x, 110 * y, deep + nose + folds], axis=1), quads)


def head_of_parts() -> Template:
    """A ball, two small balls at the same place as each other, an open sheet and a tiny triangle."""
    ball, small = trimesh.creation.icosphere(4), trimesh.creation.icosphere(2)
    flat, quads = sheet(12, 15)
    cells = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    pieces = [
        (ball.vertices * 100, ball.faces),
        (small.vertices * 12 + [30, 30, 80], small.faces),
        (small.vertices * 12 + [30, 30, 80], small.faces),
        (flat * 3 - 20, cells),
        (np.eye(3) * 4 + 200, np.array([[0, 1, 2]])),
    ]
    starts = np.cumsum([0, *(len(points) for points, _ in pieces)])
    return template_of(
        np.concatenate([points for points, _ in pieces]),
        np.concatenate([faces + start for (_, faces), start in zip(pieces, starts, strict=False)]),
    )


def pierced_ball() -> Template:
    ball = trimesh.creation.icosphere(4)
    points = ball.vertices * np.random.default_rng(3).normal(100, 1.0, (len(ball.vertices), 1))
    faces = ball.faces[~(points[:, 2] > 80)[ball.faces].any(axis=1)]
    used = np.unique(faces)
    return template_of(points[used], np.searchsorted(used, faces))


@lru_cache
def hierarchy_of(name: str) -> tuple[Template, Hierarchy]:
    makers = {
        "big face": big_face,
        "parts": head_of_parts,
        "pierced ball": pierced_ball,
        "sheet": lambda: template_of(*sheet(40, 31)),
        "head": lambda: read_bundle(HEAD).template,
    }
    template = makers[name]()
    return template, build_hierarchy(template)


MESHES = ["parts", "pierced ball", "sheet", "head", pytest.param("big face", marks=pytest.mark.slow)]


def mixed(index: np.ndarray, weight: np.ndarray, coarse: np.ndarray) -> np.ndarray:
    return np.einsum("nk,nk...->n...", weight.astype(float), coarse.astype(float)[index])


@pytest.mark.slow
def test_28431_vertices_give_the_sizes_of_table_1_and_soon():
    template = big_face()
    assert template.vertex_count == 28431
    before = time.process_time()
    topology = build_topology(template)
    assert time.process_time() - before < 30  # 4 s on a quiet core
    assert topology.sizes == (28431, 5687, 1138, 228, 46)


@pytest.mark.parametrize("name", MESHES)
def test_each_level_has_exactly_a_fifth_rounded_up(name: str):
    template, hierarchy = hierarchy_of(name)
    sizes = [len(level.vertices) for level in hierarchy.levels]
    assert sizes[0] == template.vertex_count
    assert len(sizes) == 5
    assert all(coarse == -(-fine // 5) for fine, coarse in pairwise(sizes))


@pytest.mark.parametrize("name", MESHES)
def test_levels_keep_a_subset_and_proper_triangles(name: str):
    template, hierarchy = hierarchy_of(name)
    first = hierarchy.levels[0]
    assert np.array_equal(first.vertices, template.vertices)
    assert np.array_equal(first.triangles, template.triangles)
    for fine, coarse in pairwise(hierarchy.levels):
        assert coarse.keep.dtype == coarse.triangles.dtype == np.int32
        assert (np.diff(coarse.keep) > 0).all()
        assert np.array_equal(coarse.vertices, fine.vertices[coarse.keep])
        assert len(coarse.triangles) > 0 or len(coarse.vertices) < 3
        assert np.isin(coarse.triangles, np.arange(len(coarse.vertices))).all()
        ordered = np.sort(coarse.triangles, axis=1)
        assert (np.diff(ordered, axis=1) > 0).all()
        assert len(np.unique(ordered, axis=0)) == len(ordered)
        # No triangle joins what was apart.
        component = components_of(fine.triangles, len(fine.vertices))[coarse.keep]
        assert (component[coarse.triangles] == component[coarse.triangles[:, :1]]).all()


@pytest.mark.parametrize("name", MESHES)
def test_unpooling_is_barycentric(name: str):
    _, hierarchy = hierarchy_of(name)
    for step, (index, weight) in enumerate(zip(hierarchy.unpool_index, hierarchy.unpool_weight, strict=True)):
        fine, coarse = hierarchy.levels[step : step + 2]
        assert index.shape == weight.shape == (len(fine.vertices), 3)
        assert (index.dtype, weight.dtype) == (np.int32, np.float32)
        assert index.min() >= 0
        assert index.max() < len(coarse.vertices)
        assert np.abs(weight.astype(float).sum(axis=1) - 1).max() < 1e-6
        assert weight.min() >= 0
        assert weight.max() <= 1
        whole = np.zeros((len(coarse.keep), len(coarse.keep)))
        for corner in range(3):
            np.add.at(whole, (np.arange(len(whole)), index[coarse.keep, corner]), weight[coarse.keep, corner])
        assert np.array_equal(whole, np.eye(len(whole)))


@pytest.mark.parametrize("name", MESHES)
def test_the_same_hierarchy_comes_every_time(name: str):
    template, hierarchy = hierarchy_of(name)
    again = build_hierarchy(template)
    for one, other in zip(hierarchy.levels, again.levels, strict=True):
        assert np.array_equal(one.keep, other.keep)
        assert np.array_equal(one.triangles, other.triangles)
    for one, other in zip(hierarchy.unpool_weight, again.unpool_weight, strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize(
    ("rows", "columns"),
    [(40, 31), (7, 90), (13, 13), (2, 300), (25, 17), pytest.param(243, 117, marks=pytest.mark.slow)],
)
def test_a_linear_field_on_a_plane_comes_back_exactly(rows: int, columns: int):
    vertices, quads = sheet(rows, columns)
    tilt = np.array([[0.8, 0.0, 0.6], [0.36, 0.8, -0.48], [-0.48, 0.6, 0.64]])
    slope = np.array([[0.7, -1.1, 0.4], [0.2, 0.9, -0.5], [1.0, 0.1, 0.3]])
    for size, points in ((1.0, vertices / columns), (200.0, vertices @ tilt * 200 / columns + 30)):
        hierarchy = build_hierarchy(template_of(points, quads))
        checked = 0
        for (fine, coarse), index, weight in zip(
            pairwise(hierarchy.levels), hierarchy.unpool_index, hierarchy.unpool_weight, strict=True
        ):
            if len(coarse.vertices) < 4:  # a rectangle has four corners
                continue
            wanted = fine.vertices.astype(float) @ slope + 2
            assert np.abs(mixed(index, weight, coarse.vertices.astype(float) @ slope + 2) - wanted).max() < 1e-5 * size
            checked += 1
        assert checked >= 2


def test_unpooling_lands_on_the_closest_point_of_the_own_component():
    _, hierarchy = hierarchy_of("parts")
    fine, coarse = hierarchy.levels[:2]
    index, weight = unpooling(fine.vertices, fine.triangles, coarse.keep, coarse.triangles)
    component = components_of(fine.triangles, len(fine.vertices))
    left = set(component[coarse.keep].tolist())
    assert left == {0, 1, 2, 3}  # the tiny triangle is gone
    landed = mixed(index, weight, coarse.vertices)
    for vertex in range(0, len(fine.vertices), 7):
        if component[vertex] in left:
            assert (component[coarse.keep[index[vertex]]] == component[vertex]).all()
            usable = component[coarse.keep[coarse.triangles[:, 0]]] == component[vertex]
        else:
            usable = np.ones(len(coarse.triangles), bool)
        corners = coarse.vertices[coarse.triangles[usable]].astype(float)
        query = np.repeat(fine.vertices[vertex : vertex + 1].astype(float), len(corners), axis=0)
        away = np.linalg.norm(trimesh.triangles.closest_point(corners, query) - query, axis=1).min()
        assert np.linalg.norm(landed[vertex] - fine.vertices[vertex]) == pytest.approx(away, abs=1e-4)


def test_open_borders_and_surfaces_are_kept_near():
    _, hierarchy = hierarchy_of("pierced ball")
    fine, coarse = hierarchy.levels[:2]
    landed = mixed(hierarchy.unpool_index[0], hierarchy.unpool_weight[0], coarse.vertices)
    away = np.linalg.norm(landed - fine.vertices, axis=1)
    assert away.mean() < 1.5
    assert away.max() < 8.0
    # The hole is still open: some edges have one triangle.
    sides = np.sort(
        np.concatenate([coarse.triangles[:, [0, 1]], coarse.triangles[:, [1, 2]], coarse.triangles[:, [2, 0]]]), 1
    )
    uses = np.unique(sides, axis=0, return_counts=True)[1]
    assert (uses == 1).sum() > 8
    assert uses.max() == 2


def test_vertices_at_equal_places_are_not_confused():
    template, hierarchy = hierarchy_of("parts")
    component = components_of(template.triangles, template.vertex_count)
    kept = component[hierarchy.levels[1].keep]
    assert (kept == 1).sum() == pytest.approx((kept == 2).sum(), abs=1)
    assert (kept == 1).sum() > 25


@pytest.mark.parametrize("subdivisions", [0, 1, 2])
def test_tiny_meshes_still_have_all_their_levels(subdivisions: int):
    ball = trimesh.creation.icosphere(subdivisions)
    hierarchy = build_hierarchy(template_of(ball.vertices, ball.faces))
    sizes = [len(level.vertices) for level in hierarchy.levels]
    assert all(coarse == -(-fine // 5) for fine, coarse in pairwise(sizes))
    for weight in hierarchy.unpool_weight:
        assert np.allclose(weight.sum(axis=1), 1)


def test_surfaces_that_are_not_manifold_reach_their_sizes():
    # A ball with a fin on every edge, and a pile of unconnected triangles.
    ball = trimesh.creation.icosphere(2)
    edges = ball.edges_unique
    tips = len(ball.vertices) + np.arange(len(edges))
    faces = np.concatenate([ball.faces, np.column_stack([edges, tips])])
    fins = template_of(np.concatenate([ball.vertices, ball.vertices[edges].mean(axis=1) * 1.2]), faces)
    pile = template_of(ball.vertices[ball.faces].reshape(-1, 3), np.arange(ball.faces.size).reshape(-1, 3))
    for template in (fins, pile):
        sizes = [len(level.vertices) for level in build_hierarchy(template).levels]
        assert all(coarse == -(-fine // 5) for fine, coarse in pairwise(sizes))


def test_one_level_can_be_made_alone():
    vertices, quads = sheet(9, 9)
    template = template_of(vertices, quads)
    fine = Level(np.arange(81, dtype=np.int32), template.vertices, template.triangles)
    for count in (80, 50, 20, 7, 4):
        coarse = coarsen(fine, count)
        assert len(coarse.keep) == count
        assert {0, 8, 72, 80} <= set(coarse.keep.tolist())
    for count in (3, 2, 1):
        assert len(coarsen(fine, count).keep) == count


@given(st.lists(st.integers(1, 400), min_size=1, max_size=30), st.integers(2, 12))
def test_shares_use_every_vertex_and_no_more(sizes: list[int], factor: int):
    total = -(-sum(sizes) // factor)
    given_out = shares(np.array(sizes), total)
    assert sum(given_out) == total
    assert all(0 <= share <= size for share, size in zip(given_out, sizes, strict=True))
    # Bigger components never get less.
    ranked = sorted(zip(sizes, given_out, strict=True), key=lambda pair: (-pair[0], -pair[1]))
    assert all(one[1] >= other[1] for one, other in pairwise(ranked))


def test_components_too_small_for_a_triangle_give_their_share_away():
    assert shares(np.array([4000, 200, 12, 5]), 844) == [804, 40, 0, 0]
    assert shares(np.array([10, 10]), 4) == [4, 0]


@pytest.mark.parametrize(("factor", "steps"), [(1, 4), (0, 1), (5, 0)])
def test_senseless_factors_and_steps_are_refused(factor: int, steps: int):
    with pytest.raises(TemplateError, match="factor of at least 2"):
        build_hierarchy(template_of(*sheet(3, 3)), factor, steps)
