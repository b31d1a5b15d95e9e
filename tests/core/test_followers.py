"""What follows a face: read from some of its vertices, moved by the actions these tell of."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.errors import TemplateError
from core.followers import Followers
from core.template import ABSENT, Layout, Template

VERTICES = np.array([[0, 0, 0], [2, 0, 0], [2, 2, 0], [0, 2, 0]], np.float32)
POLYGONS = np.array([[0, 1, 2, 3]], np.int32)


@pytest.fixture
def followers() -> Followers:
    """Two actions: the first is how far vertex 1 goes along x, the second how far vertex 3 goes along y."""
    reading = np.zeros((2, 6), np.float32)
    reading[0, 0] = reading[1, 4] = 1
    fields = np.zeros((2, 3, 3), np.float32)
    fields[0, 0], fields[1, 1], fields[1, 2] = (0, 0, 2), (1, 0, 0), (0, 0.5, 0)
    return Followers(np.array([7, 4, 0]), np.array([1, 3]), reading, fields)


@pytest.fixture
def template(followers: Followers) -> Template:
    layout = Layout("whole", 9, np.array([1, 2, ABSENT, 6], np.int32), followers)
    return Template("card", VERTICES, POLYGONS, layouts=(layout,))


def test_actions_are_read_and_obeyed(followers: Followers):
    deformation = np.zeros((2, 4, 3), np.float32)
    deformation[0, 1], deformation[0, 0] = (3, 9, 9), (5, 5, 5)
    deformation[1, 3] = (9, -2, 9)
    moved = followers(deformation)
    np.testing.assert_array_equal(moved, [[[0, 0, 6], [0, 0, 0], [0, 0, 0]], [[0, 0, 0], [-2, 0, 0], [0, -1, 0]]])


def test_a_layout_moves_its_own_and_the_followers(template: Template):
    alone, whole = template.all_layouts()
    deformation = np.random.default_rng(0).normal(size=(3, 4, 3)).astype(np.float32)
    assert alone.moving.tolist() == [0, 1, 2, 3]
    assert alone.on_object(deformation) is deformation
    assert whole.moving.tolist() == [1, 2, 6, 7, 4, 0]
    moved = whole.on_object(deformation)
    np.testing.assert_array_equal(moved[:, :3], deformation[:, [0, 1, 3]])
    assert whole.followers is not None
    np.testing.assert_array_equal(moved[:, 3:], whole.followers(deformation))


def test_round_trip_through_arrays(template: Template, followers: Followers):
    again = Template.from_arrays(*template.to_arrays()).layouts[0].followers
    assert again is not None
    for name in ("vertices", "controls", "reading", "fields"):
        np.testing.assert_array_equal(getattr(again, name), getattr(followers, name))
    assert template.content_hash == replace(template, layouts=()).content_hash


def test_arrays_that_lack_one_or_do_not_fit_are_damage(template: Template):
    arrays, about = template.to_arrays()
    del arrays["template.layout.0.reading"]
    with pytest.raises(TemplateError, match="damaged"):
        Template.from_arrays(arrays, about)
    arrays, about = template.to_arrays()
    arrays["template.layout.0.fields"] = arrays["template.layout.0.fields"][:, :2]
    with pytest.raises(TemplateError, match="do not fit"):
        Template.from_arrays(arrays, about)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("reading", np.full((2, 6), np.nan), "do not fit"),
        ("reading", np.zeros((2, 5)), "do not fit"),
        ("fields", np.zeros((1, 3, 3)), "do not fit"),
        ("fields", np.zeros((2, 3, 3), int), "of the type"),
        ("controls", np.array([1.0, 3.0]), "of the type"),
    ],
)
def test_shapes_and_numbers_are_checked(followers: Followers, name: str, value: np.ndarray, words: str):
    with pytest.raises(TemplateError, match=words):
        replace(followers, **{name: value})


@pytest.mark.parametrize(
    ("vertices", "controls", "words"),
    [
        ([7, 4, 9], [1, 3], "outside"),
        ([7, 4, 4], [1, 3], "twice"),
        ([7, 4, 2], [1, 3], "twice"),
        ([7, 4, 0], [1, 4], "does not have"),
        ([7, 4, 0], [-1, 3], "does not have"),
    ],
)
def test_they_must_belong_to_the_layout(followers: Followers, vertices: list[int], controls: list[int], words: str):
    other = replace(followers, vertices=np.array(vertices), controls=np.array(controls))
    with pytest.raises(TemplateError, match=words):
        Template("card", VERTICES, POLYGONS, layouts=(Layout("whole", 9, np.array([1, 2, ABSENT, 6]), other),))
