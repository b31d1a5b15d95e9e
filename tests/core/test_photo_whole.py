"""Heads of which the template is the skin alone: eyes and teeth come along with the person."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.bundle import read_arrays, read_bundle, write_arrays, write_bundle
from core.errors import BundleError, TemplateError
from core.photo.fitted import Fitted
from core.photo.whole import PARTS, Remainder, head_of

from .whole import MOVED, with_balls


@pytest.fixture(scope="module")
def whole(bundle):
    return with_balls(bundle)


def test_the_numbers_of_parts_in_bundles_stay():
    assert PARTS == ("eyes", "iris", "pupil", "teeth", "tongue", "lash sheets", "tears")


def test_a_face_comes_back_as_it_was(whole):
    rng = np.random.default_rng(1)
    fitted = found(whole, rng.normal(0, 1, len(whole.modes)), rng.normal(0, 3, whole.template.vertices.shape))
    posed = head_of(whole, fitted).fitted.posed[0]
    assert np.array_equal(posed[: whole.template.vertex_count], fitted.posed[0])


def found(bundle, strengths, deformation):
    """A person, as fitted to one photo."""
    neutral = bundle.template.vertices + np.tensordot(strengths, bundle.modes.astype(float), axes=1)
    posed = (neutral + deformation).astype(np.float32)
    return Fitted(neutral.astype(np.float32), strengths, (), (posed,), (0.0,), (0.0,))


def test_without_anything_more_a_head_is_its_template(bundle):
    fitted = found(bundle, np.zeros(len(bundle.modes)), 0.0)
    head = head_of(bundle, fitted)
    assert head.template is bundle.template
    assert head.uv is bundle.photo.uv
    assert head.fitted is fitted


def test_the_rest_goes_along_with_the_person_and_the_expression(whole):
    count, rest = whole.template.vertex_count, whole.photo.whole
    strengths = np.random.default_rng(3).normal(0, 1, len(whole.modes))
    moved = np.zeros((count, 3))
    moved[whole.template.layouts[-1].followers.controls] = [0.0, -2.0, 0.0]
    fitted = found(whole, strengths, moved)
    head = head_of(whole, fitted)
    assert head.template.vertex_count == count + len(rest.vertices) == len(head.fitted.neutral)
    assert head.uv.shape == (len(head.template.polygons), 4, 2)
    assert np.array_equal(head.fitted.neutral[:count], fitted.neutral)
    expected = rest.vertices + np.tensordot(strengths, rest.modes.astype(float), axes=1)
    assert head.fitted.neutral[count:] == pytest.approx(expected, abs=1e-4)
    assert np.array_equal(head.fitted.posed[0][:count], fitted.posed[0])
    follows = head.fitted.posed[0][count:] - head.fitted.neutral[count:]
    assert np.abs(follows[:MOVED] - [0, -2, 0]).max() < 1e-3
    assert not follows[MOVED:].any()
    assert head.template.parts == whole.template.parts, "it has eyes already"
    alone = replace(whole.template, parts=("skin",), polygon_part=None)
    assert rest.joined(alone).parts == ("skin", "eyes", "iris")
    names = np.array(head.template.parts)[head.template.vertex_part]
    assert set(names[count:]) == {"eyes", "iris"}
    assert head.template.landmarks == whole.template.landmarks


def test_it_lies_in_the_bundle_and_is_checked_at_the_door(whole, tmp_path):
    file = tmp_path / "whole.safetensors"
    write_bundle(file, whole)
    again = read_bundle(file).photo.whole
    assert all(np.array_equal(array, again.to_arrays()[name]) for name, array in whole.photo.whole.to_arrays().items())
    assert Remainder.from_arrays({}) is None
    rest = whole.photo.whole
    for wrong in (
        {"part": rest.part + len(PARTS)},
        {"part": rest.part[1:]},
        {"vertices": rest.vertices[1:]},
        {"vertices": np.full_like(rest.vertices, np.nan)},
        {"polygons": rest.polygons[:, :3]},
        {"polygons": rest.polygons.astype(float)},
        {"uv": rest.uv[..., 0]},
        {"modes": rest.modes[0]},
        {"modes": np.full_like(rest.modes, np.inf)},
        {"modes": rest.modes.astype(np.float32) + 1e6},
        {"uv": rest.uv + 1},
        {"uv": np.full_like(rest.uv, np.nan)},
        {"polygons": np.int32(3)},
        {"polygons": rest.polygons.astype(np.int64) + 2**32},
    ):
        with pytest.raises(TemplateError), np.errstate(over="ignore"):
            replace(rest, **wrong)
    for wrong in (
        {"polygons": rest.polygons + 8},
        {"polygons": np.where(rest.polygons == rest.polygons.max(), 0, rest.polygons)},
        {"modes": rest.modes[1:]},
        {"polygons": np.where(rest.polygons == rest.polygons[0, 1], -1, rest.polygons)},
        {"polygons": np.where(rest.polygons == rest.polygons[0, 3], -2, rest.polygons)},
        {"vertices": np.repeat(rest.vertices, 2, axis=0), "modes": np.repeat(rest.modes, 2, axis=1)},
    ):
        with pytest.raises(TemplateError):
            replace(whole.photo, whole=replace(rest, **wrong)).check(whole.template, len(whole.modes))
    whole.photo.check(whole.template, 0)
    arrays, words = read_arrays(file)
    write_arrays(file, {**arrays, "photo.whole.polygons": rest.polygons + 8}, words)
    with pytest.raises(BundleError, match="damaged"):
        read_bundle(file)
    plain = replace(whole.template, layouts=whole.template.layouts[:-1])
    with pytest.raises(TemplateError, match="does not fit the template"):
        rest.check(plain, len(whole.modes))
