"""What the generator knows of a face: exact for the template, true under turns and scales, finite for anything."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from core.bundle import Bundle
from core.errors import TemplateError
from core.identity import Identity, ShapeBasis, jacobians, level_vertices, read_identity
from core.template import Template
from core.topology import Topology, build_topology

from .conftest import grid_head


@pytest.fixture(scope="module")
def person(bundle: Bundle) -> np.ndarray:
    rng = np.random.default_rng(5)
    modes = np.asarray(bundle.modes, np.float64)
    return bundle.template.vertices + np.einsum("m,mvi->vi", rng.normal(size=len(modes)), modes)


@pytest.fixture(scope="module")
def basis(steered: Bundle) -> ShapeBasis:
    assert steered.identity is not None
    return steered.identity


def turn(angle: float) -> np.ndarray:
    axis = np.array([0.36, 0.48, 0.8])
    cross = np.cross(np.eye(3), axis)
    return np.eye(3) * np.cos(angle) + np.sin(angle) * cross + (1 - np.cos(angle)) * np.outer(axis, axis)


def skin_of(template: Template) -> np.ndarray:
    assert template.polygon_part is not None
    polygons = template.polygons[template.polygon_part == template.parts.index("skin")]
    return np.unique(polygons[polygons >= 0])


def test_the_template_itself_turns_nothing(bundle: Bundle) -> None:
    found = jacobians(bundle.template, bundle.template.vertices)
    assert found.dtype == np.float32
    assert np.abs(found - np.eye(3)).max() < 1e-5


def test_turn_scale_and_place(bundle: Bundle, basis: ShapeBasis, person: np.ndarray) -> None:
    plain = read_identity(bundle.template, basis, person)
    rotation = turn(1.1)
    moved = read_identity(bundle.template, basis, 2.5 * person @ rotation.T + [30, -400, 9])
    np.testing.assert_allclose(moved.jacobians, 2.5 * rotation @ plain.jacobians, atol=1e-4)
    np.testing.assert_allclose(moved.code, plain.code, atol=1e-4)


def test_a_linear_map_comes_back(bundle: Bundle) -> None:
    """Wider by a fifth: so is every small vector along the skin. Across it, what is known is the size of the skin."""
    template, wider = bundle.template, np.diag([1.2, 1.0, 1.0])
    found = jacobians(template, template.vertices @ wider.T)
    skin = np.zeros(template.vertex_count, bool)
    skin[skin_of(template)] = True
    first, second = template.edges[skin[template.edges].all(axis=1)].T
    edges = (template.vertices[second] - template.vertices[first]).astype(np.float64)
    turned = np.einsum("vij,vj->vi", found[first], edges)
    off = np.linalg.norm(turned - edges @ wider.T, axis=1) / np.linalg.norm(edges, axis=1)
    assert np.median(off) < 0.03
    assert np.percentile(off, 99) < 0.12
    across = found[skin] - wider
    assert np.linalg.norm(across, axis=(1, 2)).max() < 0.3


def test_eyes_are_carried_whole(bundle: Bundle, person: np.ndarray) -> None:
    template = bundle.template
    assert template.polygon_part is not None
    found = jacobians(template, person)
    eyes = template.polygons[template.polygon_part == template.parts.index("eyes")]
    left = np.unique(eyes)
    left = left[template.vertices[left, 0] > 0]
    assert np.ptp(found[left], axis=0).max() < 1e-6
    square = found[left[0]] @ found[left[0]].T
    np.testing.assert_allclose(square, np.eye(3) * square[0, 0], atol=1e-5)


def test_it_is_smooth(bundle: Bundle, person: np.ndarray) -> None:
    """Along an edge of the skin the Jacobian changes little, also in the corners of the mouth."""
    template = bundle.template
    found = jacobians(template, person)
    skin = np.zeros(template.vertex_count, bool)
    skin[skin_of(template)] = True
    first, second = template.edges[skin[template.edges].all(axis=1)].T
    length = np.linalg.norm(template.vertices[first] - template.vertices[second], axis=1)
    change = np.linalg.norm(found[first] - found[second], axis=(1, 2))
    assert np.linalg.norm(found - np.eye(3), axis=(1, 2)).max() > 0.15
    assert (change / np.maximum(length, 1.0)).max() < 0.06  # a millimetre


def test_missing_vertices(bundle: Bundle, basis: ShapeBasis, person: np.ndarray) -> None:
    template = bundle.template
    whole = read_identity(template, basis, person)
    present = np.ones(template.vertex_count, bool)
    present[::9] = False
    nowhere = person.copy()
    nowhere[~present] = np.nan
    by_mask, by_nan = read_identity(template, basis, person, present), read_identity(template, basis, nowhere)
    np.testing.assert_array_equal(by_mask.jacobians, by_nan.jacobians)
    np.testing.assert_array_equal(by_mask.code, by_nan.code)
    assert np.abs(by_mask.jacobians - whole.jacobians)[present].mean() < 0.01
    assert np.abs(by_mask.code - whole.code).max() < 0.35
    lacking = by_mask.jacobians[~present]
    assert np.ptp(lacking, axis=0).max() == 0  # the similarity of the face
    np.testing.assert_allclose(lacking[0] @ lacking[0].T, np.eye(3) * (lacking[0] @ lacking[0].T)[0, 0], atol=1e-5)


def test_a_face_without_a_vertex_is_the_template(bundle: Bundle, basis: ShapeBasis) -> None:
    found = read_identity(
        bundle.template, basis, bundle.template.vertices, np.zeros(bundle.template.vertex_count, bool)
    )
    np.testing.assert_array_equal(found.code, 0)
    np.testing.assert_array_equal(found.jacobians, np.broadcast_to(np.eye(3), found.jacobians.shape))


@pytest.mark.parametrize("kind", ["noise", "one place", "a line", "flat", "mirrored", "huge", "tiny", "inf", "cartoon"])
def test_wild_faces_give_finite_numbers(bundle: Bundle, basis: ShapeBasis, kind: str) -> None:
    own = bundle.template.vertices.astype(np.float64)
    rng = np.random.default_rng(0)
    wild = {
        "noise": rng.normal(0, 60, own.shape), "one place": np.full_like(own, 3.0), "a line": own * [1, 0, 0],
        "flat": own * [1, 1, 0], "mirrored": own * [-1, 1, 1], "huge": own * 1e30, "tiny": own * 1e-12,
        "inf": np.where(rng.random(own.shape) < 0.3, np.inf, own), "cartoon": own * (1 + 0.8 * np.sin(own / 15)),
    }[kind]  # fmt: skip
    found = read_identity(bundle.template, basis, wild)
    assert np.isfinite(found.code).all()
    assert np.isfinite(found.jacobians).all()
    assert np.abs(found.code).max() <= 3
    assert np.linalg.norm(found.jacobians, axis=(1, 2)).max() < 5


def test_stretch_is_limited_by_the_faces_own_scale(bundle: Bundle) -> None:
    """A doll of a tenth of the size is no fold."""
    found = jacobians(bundle.template, bundle.template.vertices * 0.1)
    np.testing.assert_allclose(found, np.broadcast_to(0.1 * np.eye(3), found.shape), atol=1e-6)


def test_another_mesh_is_refused(bundle: Bundle, basis: ShapeBasis) -> None:
    with pytest.raises(ValueError, match="shape"):
        read_identity(bundle.template, basis, np.zeros((7, 3)))
    with pytest.raises(ValueError, match="shape"):
        jacobians(bundle.template, bundle.template.vertices, np.ones(3, bool))


def test_codes_are_in_deviations_of_people(bundle: Bundle, basis: ShapeBasis) -> None:
    rng = np.random.default_rng(8)
    modes = np.asarray(bundle.modes, np.float64)
    people = bundle.template.vertices + np.einsum("sm,mvi->svi", rng.normal(size=(40, len(modes))), modes)
    codes = np.stack([basis.read(bundle.template, one) for one in people])
    assert 0.6 < codes.std(axis=0).mean() < 1.2
    assert np.abs(codes.mean(axis=0)).max() < 0.8


def test_a_basis_of_few_people_has_the_size_asked_for(small_topology: Topology) -> None:
    sheet = grid_head(30, 25)
    rng = np.random.default_rng(0)
    people = sheet.vertices + rng.normal(0, 2, (3, *sheet.vertices.shape))
    basis = ShapeBasis.fit(sheet, small_topology, people, 24)
    assert basis.size == 24
    code = basis.read(sheet, people[0])
    assert np.abs(code[:2]).max() > 0.3
    np.testing.assert_array_equal(code[2:], 0)
    part = basis.read(sheet, people[0], np.arange(sheet.vertex_count) % 5 > 0)
    assert np.abs(part - code).max() < 0.3
    with pytest.raises(TemplateError, match="two neutrals"):
        ShapeBasis.fit(sheet, small_topology, people[:1])
    again = ShapeBasis.from_arrays(basis.to_arrays())
    assert again is not None
    np.testing.assert_array_equal(again.basis, basis.basis)
    assert ShapeBasis.from_arrays({}) is None
    with pytest.raises(TemplateError, match="lacks"):
        ShapeBasis.from_arrays({"identity.mean": basis.mean})


def test_the_vertices_of_a_level(bundle: Bundle) -> None:
    topology = bundle.topology
    for level in range(3):
        kept = level_vertices(topology, level)
        assert len(np.unique(kept)) == topology.sizes[level]
    # Those of level 1 are the vertices that unpooling leaves where they are.
    one = level_vertices(topology, 1)
    np.testing.assert_array_equal(topology.unpool_index[0][one, 0], np.arange(topology.sizes[1]))
    np.testing.assert_array_equal(topology.unpool_weight[0][one, 0], 1)


def test_a_template_of_other_parts_is_prepared_by_itself(bundle: Bundle, person: np.ndarray) -> None:
    plain = dataclasses.replace(
        bundle.template, parts=("skin",), polygon_part=np.zeros(len(bundle.template.polygons), np.int32)
    )
    assert np.abs(jacobians(plain, person) - jacobians(bundle.template, person)).max() > 0.01


def test_a_sheet_without_eyes(small_topology: Topology) -> None:
    sheet = grid_head(30, 25)
    found = jacobians(sheet, sheet.vertices * [1.0, 1.1, 1.0])
    assert np.isfinite(found).all()
    assert abs(float(np.median(found[:, 1, 1])) - 1.1) < 0.03
    assert Identity(np.zeros(1, np.float32), found).jacobians is found
    assert build_topology(sheet, spiral_length=9).sizes == small_topology.sizes
