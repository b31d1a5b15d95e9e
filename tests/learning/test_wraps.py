"""The numbers of the wraps: heads whose motion is known, and what is made of their scores."""

from __future__ import annotations

import numpy as np
import pytest

from core.bundle import read_bundle, write_bundle
from core.wrapping.meshes import edges_of, face_normals
from core.wrapping.wrap import skin_of
from training.__main__ import main
from training.benchmark import DEFAULT_BUNDLE
from training.blender import blender_surfaces
from training.corpora.modes import makehuman_modes
from training.corpora.template_makehuman import makehuman_template
from training.wrap_numbers import summary
from training.wraps.heads import ACTIONS, makehuman_head, makehuman_motion, random_topology
from training.wraps.page import table
from training.wraps.scores import Score, score


@pytest.fixture(scope="module")
def surface_of():
    return blender_surfaces()


@pytest.fixture(scope="module")
def template():
    return makehuman_template()


def test_another_topology_lies_on_the_same_surface(surface_of, template):
    points = template.vertices.astype(np.float64)
    skin = template.triangles[skin_of(template)[template.triangles[:, 0]]].astype(np.int64)
    corners, shares, triangles = random_topology(points, skin, 6000, np.random.default_rng(0))
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    assert 0.9 * 6000 < len(corners) < 1.1 * 6000
    places = np.einsum("nk,nkx->nx", shares, points[corners])
    surface = surface_of(points, skin)
    assert np.linalg.norm(surface.closest(places)[1] - places, axis=1).max() < 1e-4
    assert edges_of(triangles)[1].max() == 2
    # Most vertices are new, and edges with them.
    assert (shares.max(axis=1) == 1).mean() < 0.35
    looks = face_normals(places, triangles)
    middle = places[triangles].mean(axis=1)
    along = face_normals(points, skin)[surface.closest(middle)[0]]
    assert ((looks * along).sum(axis=1) > 0).mean() > 0.995


def test_heads_and_topologies_come_from_their_number_alone(template):
    one, same, other = (makehuman_head(template, number) for number in (3, 3, 4))
    np.testing.assert_array_equal(one.vertices, same.vertices)
    assert np.abs(one.vertices - other.vertices).max() > 1
    for name, vertex in template.landmarks.items():
        np.testing.assert_array_equal(one.landmarks[name], one.vertices[vertex])
    assert set(makehuman_motion()) == set(ACTIONS)
    assert not one.counted[template.polygons[template.polygon_part == template.parts.index("teeth")]].any()


def test_a_template_wrapped_onto_its_own_people_scores_nearly_one(surface_of, template):
    bundle = read_bundle(DEFAULT_BUNDLE)
    head = makehuman_head(template, 5)
    found = score(bundle.template, bundle.modes, makehuman_motion(), head, surface_of=surface_of, seed=0)
    assert found.place_mm is not None
    assert found.place_mm < 1.5
    for name, one in found.actions.items():
        assert one["cosine"] > (0.97 if name == "blink" else 0.99), name
        assert one["relative_rms"] < (0.25 if name == "blink" else 0.12), name
    worse = score(bundle.template, bundle.modes[:0], makehuman_motion(), head, surface_of=surface_of, seed=0)
    assert worse.place_mm is not None
    assert worse.place_mm > found.place_mm


def test_the_summary_tells_mean_and_worst():
    one = {"cosine": 0.9, "relative_rms": 0.2, "mm": 1.0, "flipped": 2.0}
    two = {"cosine": 0.7, "relative_rms": 0.4, "mm": 3.0, "flipped": 0.0}
    found = summary([Score(4.0, 0.1, None, {"jaw": one}, 1), Score(6.0, 0.3, None, {"jaw": two}, 2)])
    jaw = found["exact"]["jaw"]
    assert jaw["cosine"] == pytest.approx(0.8)
    assert jaw["worst_cosine"] == 0.7
    assert jaw["worst_relative_rms"] == 0.4
    assert (found["seconds"], found["folded"], found["place_mm"]) == (5.0, 3, None)
    assert found["distance_percent"] == pytest.approx(0.2)
    every = found | dict.fromkeys(("without_modes", "makehuman_on_ict", "ict_on_makehuman"), found)
    text = table(every | {"solvers": {"numpy": {"seconds": 1.0, "ratio": 1.0, "off_mm": 0.01}}})
    assert "| jaw | 0.8000 | 0.7000 | 30.0% | 40.0% | 2.00 | 1.0 |" in text
    assert "Median 5.0 s a head" in text


def test_a_pack_without_modes_is_refused(tmp_path, capsys):
    bundle = read_bundle(DEFAULT_BUNDLE)
    write_bundle(tmp_path / "none.safetensors", type(bundle)(**{**vars(bundle), "modes": bundle.modes[:0]}))
    words = ["wraps", "--facekit", str(tmp_path), "--ict", str(tmp_path / "none.safetensors")]
    assert main(words) == 1
    assert "modes of people" in capsys.readouterr().err


def test_the_modes_of_the_bundle_are_those_of_the_recipe(template):
    modes = makehuman_modes()
    np.testing.assert_array_equal(read_bundle(DEFAULT_BUNDLE).modes, modes)
    strength = np.sqrt((modes.astype(np.float64) ** 2).sum(axis=(1, 2)))
    assert (np.diff(strength) <= 1e-3 * strength[0]).all()
    assert modes.shape == (40, *template.vertices.shape)
