"""A binding: a sparse product, checked at the door."""

from __future__ import annotations

import json

import numpy as np
import pytest

from core.binding import Binding
from core.errors import TemplateError
from core.shaping import ShapedLayout, Shaping, factors
from core.template import Template


@pytest.fixture
def some():
    rng = np.random.default_rng(0)
    corners = rng.integers(0, 40, (30, 4))
    weights = rng.uniform(-0.5, 1, (30, 4)).astype(np.float32)
    weights[::3, 2:] = 0
    return Binding("head", 50, rng.permutation(50)[:30], corners, weights)


def deformation(frames=7, vertices=40):
    return np.random.default_rng(1).normal(size=(frames, vertices, 3)).astype(np.float32)


@pytest.mark.parametrize("frames", [0, 1, 7])
def test_it_is_the_weighted_sum_of_what_the_corners_do(some, frames):
    given = deformation(frames)
    expected = np.einsum("mk,tmkc->tmc", some.weights.astype(np.float64), given[:, some.corners].astype(np.float64))
    moved = some.on_object(given)
    assert moved.dtype == np.float32
    assert moved.shape == (frames, 30, 3)
    np.testing.assert_allclose(moved, expected, atol=1e-6)
    assert some.moving is some.vertices


def test_one_corner_of_weight_one_copies_exactly():
    order = np.random.default_rng(2).permutation(40)
    copy = Binding("copy", 40, np.arange(40), order[:, None], np.ones((40, 1), np.float32))
    np.testing.assert_array_equal(copy.on_object(deformation()), deformation()[:, order])


def test_nobody_may_move():
    still = Binding("still", 9, np.zeros(0, int), np.zeros((0, 3), int), np.zeros((0, 3), np.float32))
    still.check(1)
    assert still.on_object(deformation()).shape == (7, 0, 3)


def test_shaping_comes_before_the_sum(some):
    points = np.random.default_rng(3).normal(0, 40, (40, 3)).astype(np.float32)
    triangles = np.column_stack([np.arange(38), np.arange(1, 39), np.arange(2, 40), np.full(38, -1)])
    template = Template("t", points, triangles.astype(np.int32))
    factor = factors(template, Shaping(gain=1.5, mouth=0.3, balance=0.4))
    assert np.ptp(factor) > 0.3
    shaped = ShapedLayout(some, factor).on_object(deformation())
    np.testing.assert_allclose(shaped, some.on_object(deformation() * factor[:, None]), atol=1e-5)


def test_arrays_there_and_back(some):
    arrays, about = some.to_arrays()
    again = Binding.from_arrays(arrays, about)
    assert (again.name, again.vertex_count) == ("head", 50)
    np.testing.assert_array_equal(again.on_object(deformation()), some.on_object(deformation()))
    assert not again.weights.flags.writeable


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"vertices": np.array([1, 1])}, "twice"),
        ({"vertices": np.array([1, 9])}, "object does not have"),
        ({"vertices": np.array([-1, 2])}, "object does not have"),
        ({"vertices": np.array([1.0, 2.0])}, "type float64"),
        ({"vertices": np.array([1, 2, 3])}, "do not fit together"),
        ({"corners": np.array([[0, 1, 2]])}, "do not fit together"),
        ({"corners": np.array([[0, 1, -2], [0, 1, 2]])}, "template does not have"),
        ({"weights": np.array([[1, 0, 0], [np.nan, 0, 0]], np.float32)}, "no numbers"),
        ({"weights": np.array([[1, 0, 0], [np.inf, 0, 0]], np.float32)}, "no numbers"),
        ({"weights": np.zeros((2, 4), np.float32)}, "do not fit together"),
        ({"corners": np.zeros((2, 0), int), "weights": np.zeros((2, 0), np.float32)}, "do not fit together"),
    ],
)
def test_what_cannot_be_is_refused(change, said):
    good = {
        "vertices": np.array([1, 2]),
        "corners": np.array([[0, 1, 2], [2, 3, 4]]),
        "weights": np.full((2, 3), 1 / 3, np.float32),
    }
    Binding("good", 9, **good).check(5)
    with pytest.raises(TemplateError, match=said):
        Binding("bad", 9, **{**good, **change})
    with pytest.raises(TemplateError, match="template does not have"):
        Binding("good", 9, **good).check(4)


@pytest.mark.parametrize("lacking", ["vertices", "corners", "weights", "name", "vertex_count"])
def test_what_is_stored_incompletely_gets_a_sentence(some, lacking):
    arrays, about = some.to_arrays()
    arrays.pop(lacking, None)
    words = json.loads(about)
    words.pop(lacking, None)
    with pytest.raises(TemplateError, match="incomplete or damaged"):
        Binding.from_arrays(arrays, json.dumps(words))
    with pytest.raises(TemplateError, match="incomplete or damaged"):
        Binding.from_arrays(some.to_arrays()[0], "{")
