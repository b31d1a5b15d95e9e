"""What textures are made with: triangles drawn into grids, holes filled, values spread over meshes."""

from __future__ import annotations

import numpy as np
import pytest

from core.photo.blending import distances, filled
from core.photo.camera import Camera
from core.photo.diffusion import settled
from core.photo.raster import covered, nearest


def test_each_pixel_of_a_surface_belongs_to_one_triangle():
    random = np.random.default_rng(3)
    grid = np.stack(np.meshgrid(np.linspace(-2, 42, 12), np.linspace(-2, 33, 10)), axis=-1)
    grid[1:-1, 1:-1] += random.uniform(-1.2, 1.2, (8, 10, 2))
    quads = np.stack([grid[:-1, :-1], grid[:-1, 1:], grid[1:, 1:], grid[1:, :-1]], axis=2).reshape(-1, 4, 2)
    pixels = covered(np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]), 30, 40)
    counts = np.zeros((30, 40), int)
    np.add.at(counts, (pixels.row, pixels.column), 1)
    assert (counts == 1).all()


def test_shares_tell_where_in_a_triangle_a_pixel_lies():
    corners = np.array([[[1.0, 1.5], [30.0, 4.0], [9.0, 25.0]], [[30.0, 4.0], [31.0, 22.0], [9.0, 25.0]]])
    pixels = covered(corners, 30, 40)
    places = (corners[pixels.triangle] * pixels.shares[:, :, None]).sum(axis=1)
    np.testing.assert_allclose(places, np.column_stack([pixels.column, pixels.row]) + 0.5, atol=1e-4)
    assert len(pixels.row) == pytest.approx(29 * 23 * 0.7, rel=0.2)


def test_the_nearer_triangle_hides_and_depth_is_that_of_perspective():
    camera = Camera(np.eye(3), np.array([0.0, 0.0, -100.0]), 50.0, np.array([20.0, 20.0]))
    # A floor that leads away, seen through a wall with its edge in the middle.
    floor = np.array([[-60.0, -20, 50], [60, -20, 50], [0, -20, -900]])
    wall = np.array([[-60.0, -60, 0], [0, -60, 0], [0, 60, 0]])
    both = np.stack([floor, wall])
    at = camera.project(both.reshape(-1, 3)).reshape(2, 3, 2)
    deep = -camera.seen(both.reshape(-1, 3))[:, 2].reshape(2, 3)
    shown, depth = nearest(at, deep, 40, 40)
    row, column = np.argwhere((shown == 0) & (depth > 60))[0]
    # A pixel's ray meets the floor, 20 below, so deep.
    assert depth[row, column] == pytest.approx(20 * 50 / (row + 0.5 - 20), rel=1e-3)
    assert shown[25, 15] == 1
    assert depth[25, 15] == pytest.approx(100, rel=1e-4)
    assert shown[0, 39] == -1
    assert np.isinf(depth[0, 39])


def test_distances_are_those_to_the_nearest():
    bad = np.random.default_rng(0).random((40, 50)) < 0.004
    rows, columns = np.argwhere(bad).T
    y, x = np.mgrid[0:40, 0:50]
    right = np.sqrt(((y[..., None] - rows) ** 2 + (x[..., None] - columns) ** 2).min(axis=-1))
    np.testing.assert_allclose(distances(bad, 12), np.minimum(right, 12), atol=1e-5)


def test_holes_are_filled_and_what_is_known_stays():
    random = np.random.default_rng(1)
    values = random.random((45, 64, 2)).astype(np.float32)
    known = (random.random((45, 64)) < 0.3).astype(np.float32)
    known[20:40, 10:50] = 0
    out = filled(values, known)
    np.testing.assert_allclose(out[known == 1], values[known == 1], atol=1e-6)
    assert np.abs(out[25:35, 15:45] - 0.5).max() < 0.2
    one = filled(np.where(known[..., None] == 1, np.float32(0.7), np.float32(9.0)), known)
    np.testing.assert_allclose(one, 0.7, atol=1e-5)


def test_values_settle_evenly_between_what_is_known():
    edges = np.stack([np.arange(10), np.arange(1, 11)], axis=1)
    values, weights = np.zeros((11, 1)), np.zeros(11)
    values[10], weights[[0, 10]] = 5.0, 1e6
    even = settled(edges, values, weights, np.zeros(11), np.zeros(1))
    np.testing.assert_allclose(even[:, 0], np.linspace(0, 5, 11), atol=1e-3)
    forgetting = settled(edges, values, weights, np.full(11, 2.0), np.full(1, -1.0))
    assert forgetting[5, 0] == pytest.approx(-1, abs=0.01)
