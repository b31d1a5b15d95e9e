"""Lids stay outside of eyeballs, whatever the network says; what does not touch stays as it is."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pytest

from core.bundle import Bundle, read_bundle, write_bundle
from core.errors import BundleError, TemplateError
from core.generator import Generator
from core.lids import CLEARANCE, Eye, Lids, read_sphere
from core.template import Template
from core.wrapping.spline import similarity

if TYPE_CHECKING:
    from pathlib import Path

CENTRE, RADIUS = np.array([30.0, 5.0, -4.0]), 12.0


def cap(rows: int = 15) -> Template:
    """Skin 1 mm in front of an eyeball, and behind it four points of the ball itself."""
    u, v = np.meshgrid(np.linspace(-0.8, 0.8, rows), np.linspace(-0.8, 0.8, rows))
    out = np.stack([np.sin(u), np.sin(v), np.cos(u) * np.cos(v)], axis=-1).reshape(-1, 3)
    skin = CENTRE + (RADIUS + 1) * out / np.linalg.norm(out, axis=1, keepdims=True)
    ball = CENTRE + RADIUS * np.array([[1, 0, 0], [0, 1, 0], [0, -1, 0], [-0.6, 0, 0.8], [0, 0.6, 0.8]])
    corner = (np.arange(rows - 1)[:, None] * rows + np.arange(rows - 1)).reshape(-1)
    quads = np.stack([corner, corner + 1, corner + rows + 1, corner + rows], axis=1)
    first = len(skin)
    more = np.array([[first, first + 1, first + 3, first + 4], [first, first + 2, first + 3, first + 1]])
    return Template("cap", np.concatenate([skin, ball]), np.concatenate([quads, more]), {"nose_tip": 0})


@pytest.fixture
def template() -> Template:
    return cap()


@pytest.fixture
def lids(template: Template) -> Lids:
    count = template.vertex_count - 5
    lid = np.arange(20, count, dtype=np.int32)
    return Lids(
        (
            Eye(
                np.array([*CENTRE, RADIUS], np.float32),
                np.arange(count, count + 5, dtype=np.int32),
                lid,
                np.arange(10, dtype=np.int32),
                np.arange(10, dtype=np.int32),
            ),
        )
    )


def heights(template: Template, motion: np.ndarray, centre: np.ndarray = CENTRE, radius: float = RADIUS) -> np.ndarray:
    return np.linalg.norm(template.vertices + motion - centre, axis=-1) - radius


def test_lids_that_sink_in_come_out_and_nothing_else_moves(template: Template, lids: Lids) -> None:
    motion = np.zeros((3, template.vertex_count, 3), np.float32)
    inward = (CENTRE - template.vertices[112]) / np.linalg.norm(CENTRE - template.vertices[112])
    motion[1, 112] = 4 * inward
    motion[2, 112] = 0.5 * inward
    before = motion.copy()
    lids.on(template, template.vertices).keep(motion)
    assert heights(template, motion)[1, 112] == pytest.approx(CLEARANCE, abs=1e-3)
    np.testing.assert_array_equal(motion[[0, 2]], before[[0, 2]])
    moved = np.flatnonzero((motion[1] != before[1]).any(axis=1))
    # Its neighbours help; those far away do not move.
    assert 112 in moved
    assert 1 < len(moved) < 12


def test_rest_stays_rest_to_the_last_bit(template: Template, lids: Lids) -> None:
    motion = np.zeros((2, template.vertex_count, 3), np.float32)
    lids.on(template, template.vertices).keep(motion)
    assert not motion.any()


def test_what_is_inside_at_rest_comes_no_deeper(template: Template, lids: Lids) -> None:
    neutral = template.vertices.astype(np.float64).copy()
    way = (CENTRE - neutral[112]) / np.linalg.norm(CENTRE - neutral[112])
    neutral[112] += 1.5 * way
    motion = np.zeros((1, template.vertex_count, 3), np.float32)
    motion[0, 112] = 2 * way
    lids.on(template, neutral).keep(motion)
    height = np.linalg.norm(neutral[112] + motion[0, 112] - CENTRE) - RADIUS
    assert height == pytest.approx(-0.5, abs=1e-3)


def test_followers_go_with_their_leaders(template: Template, lids: Lids) -> None:
    motion = np.zeros((1, template.vertex_count, 3), np.float32)
    leader = lids.eyes[0].lid[4]
    motion[0, leader] = 5 * (CENTRE - template.vertices[leader]) / (RADIUS + 1)
    lids.on(template, template.vertices).keep(motion)
    away = template.vertices[4] - CENTRE
    assert motion[0, 4] @ away / np.linalg.norm(away) == pytest.approx(5 - 1 + CLEARANCE, abs=0.02)


def test_a_turned_and_grown_face_has_its_own_eyeballs(template: Template, lids: Lids) -> None:
    turn = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    neutral = 1.5 * template.vertices @ turn.T + 7
    without = Lids((dataclasses.replace(lids.eyes[0], ball=lids.eyes[0].ball[:0]),))
    jacobians = np.broadcast_to(1.5 * turn, (template.vertex_count, 3, 3))
    for eyes in (lids, without):
        motion = np.zeros((1, template.vertex_count, 3), np.float32)
        centre = 1.5 * turn @ CENTRE + 7
        motion[0, 112] = 0.9 * (centre - neutral[112])
        eyes.on(template, neutral, jacobians=jacobians).keep(motion)
        height = np.linalg.norm(neutral[112] + motion[0, 112] - centre) - 1.5 * RADIUS
        assert height == pytest.approx(CLEARANCE, abs=0.01)


def test_eyes_whose_lids_are_missing_are_left_alone(template: Template, lids: Lids) -> None:
    present = np.ones(template.vertex_count, bool)
    present[112] = False
    motion = np.zeros((1, template.vertex_count, 3), np.float32)
    motion[0, 113] = CENTRE - template.vertices[113]
    before = motion.copy()
    lids.on(template, template.vertices, present).keep(motion)
    np.testing.assert_array_equal(motion, before)
    flat = np.zeros_like(template.vertices)
    lids.on(template, flat).keep(motion)
    assert np.isfinite(motion).all()


def test_probes_tell_where_an_eyeball_lies_that_no_mesh_has(template: Template, lids: Lids) -> None:
    """A face of another shape, turned and half as big, has its eyeball where the reading says, within reason."""
    probes = np.arange(0, template.vertex_count - 5, 7, dtype=np.int32)
    home = template.vertices[probes].astype(np.float64)
    none = np.zeros(0, np.int32)
    reading = np.random.default_rng(0).normal(0, 0.01, (4, len(probes), 3)).astype(np.float32)
    eye = dataclasses.replace(lids.eyes[0], ball=none, probes=probes, reading=reading)
    shape = home + np.random.default_rng(1).normal(0, 0.5, home.shape)
    shape = similarity(shape, home).apply(shape)
    wanted = eye.sphere + np.tensordot(reading, shape - home, axes=2)
    turn = np.array([[0, 0, 1.0], [1, 0, 0], [0, 1, 0]])
    centre, radius = read_sphere(eye, home, 0.5 * shape @ turn.T + 7)
    np.testing.assert_allclose(centre, 0.5 * turn @ wanted[:3] + 7, atol=1e-6)
    assert radius == pytest.approx(0.5 * wanted[3])
    own = template.vertices.copy()
    own[probes] = shape
    only = Lids((dataclasses.replace(eye, lid=np.array([113], np.int32), followers=none, leader=none),))
    rest = float(np.linalg.norm(own[113] - wanted[:3]))
    left = []
    for there in (None, np.arange(template.vertex_count) != probes[0]):
        motion = np.zeros((1, template.vertex_count, 3), np.float32)
        motion[0, 113] = 0.6 * (wanted[:3] - own[113])
        only.on(template, own, there).keep(motion)
        left.append(float(np.linalg.norm(own[113] + motion[0, 113] - wanted[:3])))
    assert left[0] == pytest.approx(min(rest, wanted[3] + CLEARANCE), abs=1e-3)
    far = dataclasses.replace(only.eyes[0], reading=10_000 * reading)
    motion = np.zeros((2, template.vertex_count, 3), np.float32)
    motion[:, 113] = 0.6 * (wanted[:3] - own[113])
    Lids((far,)).on(template, own).keep(motion[:1])
    Lids((dataclasses.replace(far, probes=none, reading=reading[:, :0]),)).on(template, own).keep(motion[1:])
    np.testing.assert_array_equal(motion[0], motion[1])
    # Of a face that lacks a probe the template's eyeball is carried along with the lids.
    assert left[1] != pytest.approx(left[0], abs=1e-3)
    assert left[1] > 0.5 * rest


def test_arrays_and_back(lids: Lids) -> None:
    again = Lids.from_arrays(lids.to_arrays())
    assert again is not None
    for name, array in lids.to_arrays().items():
        np.testing.assert_array_equal(array, again.to_arrays()[name])
    assert Lids.from_arrays({}) is None
    assert "lids.0.probes" not in lids.to_arrays(), "older versions read it too"
    probes, reading = np.array([3, 4, 5, 6], np.int32), np.ones((4, 4, 3), np.float32)
    more = Lids((dataclasses.replace(lids.eyes[0], probes=probes, reading=reading),))
    again = Lids.from_arrays(more.to_arrays())
    assert again is not None
    np.testing.assert_array_equal(again.eyes[0].probes, probes)
    np.testing.assert_array_equal(again.eyes[0].reading, reading)


@pytest.mark.parametrize(
    "change",
    [
        {"lids.0.leader": np.full(10, 10_000, np.int32)},
        {"lids.0.lid": np.zeros((2, 2), np.int32)},
        {"lids.0.lid": np.zeros(3, np.float32)},
        {"lids.0.ball": np.full(5, -1, np.int32)},
        {"lids.0.sphere": np.array([0, 0, 0, np.nan], np.float32)},
        {"lids.0.sphere": np.array([0, 0, 0, -1], np.float32)},
        {"lids.0.followers": None},
        {"lids.0.probes": np.arange(4, dtype=np.int32)},
        {"lids.0.probes": np.arange(4, dtype=np.int32), "lids.0.reading": np.zeros((4, 3, 3), np.float32)},
        {"lids.0.probes": np.arange(4, dtype=np.int32), "lids.0.reading": np.full((4, 4, 3), np.nan, np.float32)},
    ],
    ids=str,
)
def test_damaged_eyes_are_refused(lids: Lids, change: dict[str, np.ndarray | None]) -> None:
    arrays = {name: array for name, array in (lids.to_arrays() | change).items() if array is not None}
    with pytest.raises(TemplateError):
        Lids.from_arrays(arrays)


def happy() -> np.ndarray:
    labels = np.zeros((12, 6), np.float32)
    labels[2:10, 3] = 1
    return labels


def eyes_of(bundle: Bundle) -> Lids:
    """An eyeball where the left upper lid goes."""
    template = bundle.template
    lid = template.landmarks["left_lid_upper"]
    way = Generator(bundle, "numpy").generate(happy())[6, lid]
    centre = template.vertices[lid] + 8 * way / np.linalg.norm(way)
    near = np.flatnonzero(np.linalg.norm(template.vertices - template.vertices[lid], axis=1) < 6).astype(np.int32)
    none = np.zeros(0, np.int32)
    return Lids((Eye(np.array([*centre, 7.9], np.float32), none, near, none, none),))


def test_a_bundle_with_eyes_keeps_its_lids_outside(steered: Bundle, tmp_path: Path) -> None:
    lids = eyes_of(steered)
    eye = lids.eyes[0]
    write_bundle(tmp_path / "eyes.safetensors", dataclasses.replace(steered, lids=lids))
    labels = happy()
    neutral = steered.template.vertices * np.float32(1.02)
    frames = {}
    for engine in ("numpy", "torch"):
        generator = Generator.load(tmp_path / "eyes.safetensors", engine=engine)
        identity = generator.identity_of(neutral)
        frames[engine] = generator.on(identity).generate(labels)
        assert not frames[engine][labels.max(axis=1) == 0].any()
    np.testing.assert_allclose(frames["numpy"], frames["torch"], atol=1e-3)
    without = dataclasses.replace(steered, lids=None)
    assert identity is not None
    free = Generator(without, "numpy").on(dataclasses.replace(identity, lids=None)).generate(labels)
    home = steered.template.vertices[eye.lid].mean(axis=0)
    near = identity.jacobians[eye.lid].mean(axis=0)
    centre = neutral[eye.lid].mean(axis=0) + near @ (eye.sphere[:3] - home)
    radius = float(eye.sphere[3] * np.cbrt(np.linalg.det(near)))
    rest = np.linalg.norm(neutral[eye.lid] - centre, axis=1) - radius

    def deepest(motion: np.ndarray) -> float:
        lack = np.minimum(rest, CLEARANCE) - (
            np.linalg.norm(neutral[eye.lid] + motion[:, eye.lid] - centre, axis=2) - radius
        )
        return float(lack.max())

    assert deepest(free) > 0.1
    assert deepest(frames["numpy"]) < 0.01


def test_eyes_that_name_vertices_of_another_template_are_refused(steered: Bundle, tmp_path: Path) -> None:
    eye = eyes_of(steered).eyes[0]
    far = Lids((dataclasses.replace(eye, lid=eye.lid + np.int32(steered.template.vertex_count)),))
    with pytest.raises(BundleError, match="eyes"):
        write_bundle(tmp_path / "far.safetensors", dataclasses.replace(steered, lids=far))
    write_bundle(tmp_path / "none.safetensors", steered)
    assert read_bundle(tmp_path / "none.safetensors").lids is None
