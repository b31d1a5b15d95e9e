"""The ICT corpus: the reader at the door, its templates, its people. The real FaceKit is used where it lies beside."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.errors import CorpusError, TemplateError
from core.lids import fit_sphere, read_sphere
from core.motion import EXPRESSIONS
from core.topology import build_topology
from training.__main__ import main
from training.corpora import facekit as kits
from training.corpora import ict
from training.corpora.actions import unit_fields_of
from training.corpora.cast import CorpusConfig, perform_all
from training.corpora.eyes import lids_of
from training.corpora.facekit import FACE, POLYGONS, SKIN, VERTICES, FaceKit, read_facekit
from training.corpora.manner import Habits
from training.corpora.paper_face import PAPER_VERTICES, crop_round_nose, subdivision
from training.corpora.prototypes import unit_names
from training.corpora.store import open_corpus

SHARED = Path(__file__).resolve().parents[3] / "shared" / "ict-facekit"
real = pytest.mark.skipif(not SHARED.is_dir(), reason="ICT-FaceKit does not lie beside the project")


@pytest.fixture(scope="module")
def kit() -> FaceKit:
    return read_facekit(SHARED)


@pytest.fixture(scope="module")
def skin(kit):
    return ict.ict_cast(kit, "skin")


def packed(path: Path, **changed) -> Path:
    """A file of the right sizes with nothing in it."""
    arrays = {
        "neutral": np.zeros((VERTICES, 3), np.float32),
        "faces": np.tile(np.int32([0, 1, 2, -1]), (POLYGONS, 1)),
        "identity_modes": np.zeros((100, VERTICES, 3), np.float32),
        "expression_shapes": np.zeros((1, VERTICES, 3), np.float32),
        "expression_names": np.array(["jawOpen"]),
    } | changed
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    return path


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"neutral": None}, "no packed FaceKit"),
        ({"neutral": np.zeros((5, 3), np.float32)}, "other sizes"),
        ({"neutral": np.full((VERTICES, 3), np.nan, np.float32)}, "damaged"),
        ({"faces": np.full((POLYGONS, 4), VERTICES, np.int32)}, "not there"),
        ({"expression_names": np.array(["a", "b"])}, "no packed FaceKit"),
        ({"expression_names": np.array([{}], object)}, "no packed FaceKit"),
    ],
)
def test_a_damaged_file_is_one_sentence(tmp_path, changed, said):
    with pytest.raises(CorpusError, match=said):
        read_facekit(packed(tmp_path / "kit.npz", **changed))


def test_what_is_no_facekit(tmp_path, capsys):
    with pytest.raises(CorpusError, match="no packed FaceKit"):
        read_facekit(tmp_path / "nothing.npz")
    with pytest.raises(CorpusError, match="lacks generic_neutral_mesh"):
        read_facekit(tmp_path)
    (tmp_path / "generic_neutral_mesh.obj").write_text("v 1 2 3\n")
    with pytest.raises(CorpusError, match="lacks identity000"):
        read_facekit(tmp_path)
    assert main(["corpus", "ict", "--facekit", str(tmp_path), "--out", str(tmp_path / "out")]) == 1
    assert "identity000" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_clone_is_read_like_its_packed_arrays(tmp_path, monkeypatch):
    """In small: four vertices and two modes, a quad and a triangle, centimetres."""
    for name, value in (("VERTICES", 4), ("POLYGONS", 2), ("MODES", 2)):
        monkeypatch.setattr(kits, name, value)
    folder = tmp_path / "FaceXModel"
    folder.mkdir()
    rest = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0.5]])

    def write(name, points):
        lines = [f"v {x} {y} {z}" for x, y, z in points]
        faces = ["f 1/1/1 2/2/2 3/3/3 4/4/4", "f 1 2 3"] if name == "generic_neutral_mesh" else []
        (folder / f"{name}.obj").write_text("\n".join(["# words", *lines, "vt 0 0", *faces]) + "\n")

    write("generic_neutral_mesh", rest)
    for number, shift in enumerate(((0.1, 0, 0), (0, 0.2, 0))):
        write(f"identity{number:03d}", rest + shift)
    write("jawOpen", rest - [0, 1, 0])
    kit = read_facekit(tmp_path)
    np.testing.assert_allclose(kit.neutral, 10 * rest, atol=1e-5)
    np.testing.assert_array_equal(kit.polygons, [[0, 1, 2, 3], [0, 1, 2, -1]])
    np.testing.assert_allclose(kit.identity[1], np.tile([0, 2, 0], (4, 1)), atol=1e-5)
    assert list(kit.shapes) == ["jawOpen"]
    np.testing.assert_allclose(kit.shapes["jawOpen"][2], [0, -10, 0], atol=1e-5)
    write("jawOpen", rest[:3])
    with pytest.raises(CorpusError, match="3 vertices"):
        read_facekit(tmp_path)


@real
def test_the_packed_file_holds_what_the_clone_holds(kit):
    neutral = kits._vertices(SHARED / "FaceXModel" / "generic_neutral_mesh.obj")
    np.testing.assert_allclose(kit.neutral, neutral, atol=1e-3)
    np.testing.assert_array_equal(kit.polygons, kits._polygons(SHARED / "FaceXModel" / "generic_neutral_mesh.obj"))
    jaw = kits._vertices(SHARED / "FaceXModel" / "jawOpen.obj") - neutral
    np.testing.assert_allclose(kit.shapes["jawOpen"], jaw, atol=1e-3)


@real
def test_the_recipe_s_units_are_all_there(kit):
    found = ict.units(kit)
    assert set(found) == set(unit_names())
    np.testing.assert_allclose(found["browInnerUp"], kit.shapes["browInnerUp_L"] + kit.shapes["browInnerUp_R"])
    np.testing.assert_array_equal(found["mouthSmileLeft"], kit.shapes["mouthSmile_L"])
    # Left is the face's left, where x is positive.
    smile = np.linalg.norm(found["mouthSmileLeft"], axis=1)
    assert kit.neutral[smile.argmax(), 0] > 10
    without = {name: shape for name, shape in kit.shapes.items() if name != "noseSneer_R"}
    with pytest.raises(CorpusError, match="noseSneerRight"):
        ict.units(FaceKit(kit.neutral, kit.polygons, kit.identity, without))


@real
def test_the_skin_s_actions_by_their_arkit_names(kit):
    fields = unit_fields_of("ict_skin", SHARED)
    assert set(unit_names()) <= set(fields)
    np.testing.assert_array_equal(fields["eyeBlinkLeft"], kit.shapes["eyeBlink_L"][:SKIN])
    np.testing.assert_array_equal(fields["browInnerUp"], ict.units(kit)["browInnerUp"][:SKIN])


@real
def test_the_paper_s_template_is_the_paper_s(kit):
    template, weights = ict.paper_face(kit)
    assert template.vertex_count == PAPER_VERTICES == 28_431
    assert weights.shape == (PAPER_VERTICES, FACE)
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    np.testing.assert_allclose(weights @ kit.neutral[:FACE], template.vertices, atol=1e-4)
    tip = template.vertices[template.landmarks["nose_tip"]]
    np.testing.assert_allclose(tip, kit.neutral[ict.LANDMARKS["nose_tip"]], atol=1e-4)
    assert build_topology(template).sizes == (28_431, 5687, 1138, 228, 46)


@real
def test_the_skin_and_the_stage(skin):
    assert skin.template.vertex_count == SKIN
    assert skin.template.parts == ("skin", "mouth")
    stage = skin.stage.push
    assert len(stage.rigid) == 2
    assert stage.template.vertex_count > SKIN + 1000
    person = skin.neutral(0, 3)
    np.testing.assert_allclose(skin.shown(person), person[:SKIN])
    # People differ by more than a millimetre, and are heads of about the same size in the same place.
    other = skin.neutral(0, 4)
    assert 1 < np.linalg.norm(person - other, axis=1)[:FACE].mean() < 15
    np.testing.assert_array_equal(skin.neutral(0, 3), person)
    assert np.abs(skin.neutral(1, 3) - person).max() > 1


@real
def test_people_perform_and_lids_stay_out_of_the_eyes(skin):
    neutral = skin.neutral(0, 1)
    at_rest = [heights.min() for heights in skin.stage.lids.heights(neutral)]
    for performance, deformation in perform_all(skin.stage, 0, 1, neutral, Habits(noise=0.0)):
        labels = performance.labels[::5]
        moved = np.linalg.norm(deformation, axis=2)
        assert moved[labels.max(axis=1) == 0].max() < 1e-9
        apex = int(moved.mean(axis=1).argmax())
        assert moved[apex, :FACE].max() > 3, performance.cue.expression
        deepest = [heights.min() for heights in skin.stage.lids.heights(neutral + deformation[apex])]
        assert all(there > rest - 0.5 for there, rest in zip(deepest, at_rest, strict=True))


@real
def test_the_face_tells_where_its_hidden_eyeballs_lie(skin):
    lids = lids_of("ict_skin", SHARED)
    assert lids is not None
    off = []
    for number in range(5):
        person = skin.stage.neutral(11, number)
        rng = np.random.default_rng(number)
        # A user's head stands elsewhere, and its wrap is off.
        turn = np.linalg.qr(rng.standard_normal((3, 3)))[0]
        turn *= np.sign(np.linalg.det(turn))
        for noise, scale in ((0.0, 1.0), (0.3, 1.1)):
            face = scale * (person[:SKIN] + noise * rng.standard_normal((SKIN, 3))) @ turn.T + 40.0
            for eye, real_eye in zip(lids.eyes, skin.stage.lids.eyes, strict=True):
                assert 300 < len(eye.probes) < 500
                home = skin.template.vertices[eye.probes].astype(np.float64)
                centre, radius = read_sphere(eye, home, face[eye.probes])
                true_centre, true_radius = fit_sphere(person[real_eye.ball])
                heights = np.linalg.norm(face[eye.lid] - centre, axis=1) / scale - radius / scale
                off.append(np.abs(heights - np.linalg.norm(person[eye.lid] - true_centre, axis=1) + true_radius))
    # At rest 0.3 mm of noise are in the heights themselves; without, the guess is good to a tenth.
    clean, noisy = (np.concatenate(off[first::4] + off[first + 1 :: 4]) for first in (0, 2))
    assert clean.mean() < 0.1
    assert clean.max() < 0.35
    assert noisy.mean() < 0.4


@real
def test_a_small_corpus_of_each_template(tmp_path, kit):
    config = CorpusConfig(tmp_path / "skin", subjects=2, test_subjects=1, seed=3)
    corpus = open_corpus(ict.build(SHARED, config, "skin"))
    assert corpus.header["licence"] == "MIT"
    assert len(corpus.sequences) == 2 * (len(EXPRESSIONS) + 3)
    assert sorted(corpus.splits) == ["test", "train"]
    paper = open_corpus(
        ict.build(SHARED, CorpusConfig(tmp_path / "paper", subjects=2, test_subjects=1, seed=3), "paper")
    )
    assert paper.template.vertex_count == PAPER_VERTICES
    # The same people do the same: what both templates have is the same to the corpus' own rounding.
    _, weights = ict.paper_face(kit)
    wanted = np.stack([weights @ frame[:FACE] for frame in corpus.deformation(7)])
    np.testing.assert_allclose(paper.deformation(7), wanted, atol=0.003)


def test_numbers_and_templates_that_make_no_sense(tmp_path):
    with pytest.raises(CorpusError, match="cannot be kept"):
        ict.build(tmp_path, CorpusConfig(tmp_path / "x", subjects=2, test_subjects=2))


@real
def test_another_template_is_refused(kit):
    with pytest.raises(CorpusError, match="no ICT template 'body'"):
        ict.ict_cast(kit, "body")


def test_subdivision_halves_edges():
    weights, triangles = subdivision(np.array([[0, 1, 2], [2, 1, 3]]), 4)
    points = np.array([[0, 0, 0], [2, 0, 0], [0, 2, 0], [2, 2, 0]], float)
    new = weights @ points
    assert (len(new), len(triangles)) == (4 + 5, 8)
    np.testing.assert_array_equal(new[:4], points)
    a, b, c = (new[triangles[:, corner]] for corner in range(3))
    # All the same size, turned the same way, together the whole.
    np.testing.assert_allclose(np.cross(b - a, c - a)[:, 2], 1)


def test_cropping_keeps_what_is_near():
    side = 9
    points = np.stack([*np.meshgrid(np.arange(side), np.arange(side)), np.zeros((side, side))], axis=-1).reshape(-1, 3)
    corner = (np.arange(side - 1)[:, None] * side + np.arange(side - 1)).ravel()
    triangles = np.concatenate(
        [np.stack([corner, corner + 1, corner + side], 1), np.stack([corner + 1, corner + side + 1, corner + side], 1)]
    )
    kept, inner = crop_round_nose(points, triangles, 40, 30)
    assert len(kept) == 30
    assert 40 in kept
    assert set(inner.ravel()) == set(range(30))
    assert np.linalg.norm(points[kept] - points[40], axis=1).max() < 5
    with pytest.raises(TemplateError, match="cannot be cropped"):
        crop_round_nose(points, triangles, 40, 82)


@real
def test_the_skin_is_found_in_the_whole_head_and_in_the_face(skin, kit):
    alone, whole, face = skin.template.all_layouts()
    assert (alone.vertex_count, whole.vertex_count, face.vertex_count) == (SKIN, VERTICES, FACE)
    assert whole.present.all()
    assert int(face.present.sum()) == FACE
    np.testing.assert_array_equal(kit.neutral[whole.object_index], skin.template.vertices)
    np.testing.assert_array_equal(kit.neutral[face.object_index[:FACE]], skin.template.vertices[:FACE])


@real
def test_teeth_gums_and_lashes_follow_the_skin(skin, kit):
    """Against the kit's own shapes in performances: nearly exact, and calm where the face is generated with errors."""
    followers = skin.template.layouts[0].followers
    assert followers is not None
    assert followers.vertices.min() >= SKIN
    assert not ((followers.vertices >= kits.EYEBALLS[0]) & (followers.vertices < kits.EYEBALLS[1])).any()
    names, actions = list(unit_names()), ict.units(kit)
    weights = np.random.default_rng(0).uniform(0, 1, (12, len(names))) ** 3
    whole = sum(weights[:, number, None, None] * actions[name] for number, name in enumerate(names))
    noise = np.random.default_rng(1).normal(0, 0.3, whole[:, :SKIN].shape)
    truth = whole[:, followers.vertices]
    size = np.linalg.norm(truth, axis=-1).mean()
    calm, noisy = (
        np.linalg.norm(followers((whole[:, :SKIN] + shake).astype(np.float32)) - truth, axis=-1).mean()
        for shake in (0, noise)
    )
    assert size > 2
    assert calm < 0.05
    assert noisy < 0.3


@real
def test_what_follows_stands_in_the_corpus(tmp_path):
    words = ["corpus", "ict", "--facekit", str(SHARED), "--out", str(tmp_path / "c")]
    assert main([*words, "--subjects", "2", "--test-subjects", "1"]) == 0
    whole, face = open_corpus(tmp_path / "c").template.layouts
    assert (whole.name, face.name) == ("ICT-FaceKit head", "ICT-FaceKit face")
    assert whole.followers is not None
    assert len(whole.moving) > SKIN
