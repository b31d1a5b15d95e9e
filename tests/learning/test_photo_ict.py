"""Photos for the ICT head: its people on our head and back, its layout, what its head has beside the skin."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.bundle import read_bundle
from core.errors import CorpusError
from core.lids import fit_sphere
from core.photo.camera import Camera
from core.photo.fitted import Fitted
from core.photo.whole import PARTS, head_of
from training.__main__ import main
from training.blender import blender_surfaces
from training.corpora import ict
from training.corpora.facekit import EYEBALLS, FACE, POLYGONS, SKIN, VERTICES, read_facekit, read_layout
from training.corpora.template_makehuman import makehuman_template
from training.photo import expressions, kits, learn
from training.photo.album import FACEKIT, MAKEHUMAN, Page, begin, whose
from training.photo.carrying import Carrier
from training.photo.cast import SEEDS, sitter
from training.photo.layout import ict_layout

SHARED = Path(__file__).resolve().parents[3] / "shared" / "ict-facekit"
real = pytest.mark.skipif(not SHARED.is_dir(), reason="ICT-FaceKit does not lie beside the project")


@pytest.fixture(scope="module")
def kit():
    return read_facekit(SHARED)


@pytest.fixture(scope="module")
def carrier(kit):
    return Carrier(kit, blender_surfaces())


def page_of(who, number):
    cameras = tuple(
        Camera(np.eye(3), np.array([5.0, 30.0, -900.0]), 800.0, np.array([160.0, 160.0])) for _ in who.posed
    )
    return Page(f"{number:04d}", who.neutral, who.posed, who.names, cameras, ())


def obj(folder, corners=POLYGONS, places="0.25 0.75", last="1/1 2/2 3/3"):
    """A generic head of which only the layout is told."""
    folder.mkdir(exist_ok=True)
    lines = ["v 1 2 3", f"vt {places}", "vt 1.5 0.5", "vt 0.5 0.5"]
    faces = ["f 1/1 2/2 3/3 4/1"] * (corners - 1) + [f"f {last}"]
    (folder / "generic_neutral_mesh.obj").write_text("\n".join([*lines, *faces]))


def test_a_layout_is_read_from_a_clone_alone(tmp_path):
    assert read_layout(tmp_path) is None
    assert read_layout(tmp_path / "ict_facekit_light.npz") is None
    obj(tmp_path / "FaceXModel")
    for path in (tmp_path, tmp_path / "FaceXModel", tmp_path / "ict_facekit_light.npz"):
        found = read_layout(path)
        assert found.shape == (POLYGONS, 4, 2)
        assert found[0] == pytest.approx(np.array([[0.25, 0.75], [1.5, 0.5], [0.5, 0.5], [0.25, 0.75]]))
        assert np.array_equal(found[-1, 2], found[-1, 3])
    for changed in (
        {"corners": 7},
        {"places": "a b"},
        {"places": "nan 0"},
        {"places": ""},
        {"last": "1/1 2/2 3/0"},
        {"last": "1/1 2/2 3/9"},
        {"last": "1/1 2/2 3/3 4/1 5/1"},
        {"last": "1 2 3"},
    ):
        obj(tmp_path / "FaceXModel", **changed)
        with pytest.raises(CorpusError, match="Give a clone"):
            read_layout(tmp_path)


def test_face_and_back_of_the_head_share_a_texture():
    square = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    given = np.stack([square, square + np.array([1, 0]), square + np.array([3, 0])])
    skin, rest = ict_layout(given, 2)
    assert skin.min() >= 0
    assert skin.max() <= 1
    face, back = skin
    assert back[:, 1].max() < face[:, 1].min()
    assert np.ptp(face[:, 0]) > 0.9
    assert rest[0] == pytest.approx(square)


def test_without_a_clone_there_is_no_kit_and_no_people(tmp_path, capsys):
    assert kits.kit_of("ict_skin") is None
    assert kits.kit_of("of_somebody_else") is None
    with pytest.raises(CorpusError, match="Give a clone of ICT-FaceKit"):
        kits.blank_kit("ict_skin")
    assert main(["photo-album", str(tmp_path), "--facekit", str(tmp_path / "none.npz"), "--test", "1"]) == 1
    assert "no packed FaceKit" in capsys.readouterr().err
    assert not list(tmp_path.glob("*/*.npz"))


@real
def test_a_layout_of_other_polygons_is_refused(kit, tmp_path):
    assert read_layout(SHARED, kit).shape == (POLYGONS, 4, 2)
    obj(tmp_path)
    assert read_layout(tmp_path) is not None
    with pytest.raises(CorpusError, match="other polygons"):
        read_layout(tmp_path, kit)


def test_albums_tell_whose_people_they_show(tmp_path, capsys):
    begin(tmp_path, FACEKIT)
    begin(tmp_path, FACEKIT)
    assert whose(tmp_path) == FACEKIT
    with pytest.raises(CorpusError, match="show FaceKit's people"):
        begin(tmp_path, MAKEHUMAN)
    assert main(["photo-learn", str(tmp_path)]) == 1
    assert "are not MakeHuman's. Give another album." in capsys.readouterr().err
    assert whose(tmp_path / "earlier") == MAKEHUMAN
    (tmp_path / "album.json").write_text("{")
    with pytest.raises(CorpusError, match="damaged"):
        whose(tmp_path)


@pytest.mark.parametrize("command", ["photo-learn", "photo-judge", "photo-figure"])
def test_facekit_is_for_the_ict_bundle_alone(tmp_path, capsys, command):
    assert main([command, str(tmp_path), "--facekit", str(tmp_path)]) == 1
    assert "Give the ICT bundle with --bundle." in capsys.readouterr().err


@real
def test_people_of_the_kit_are_carried_to_our_head_and_back(kit, carrier):
    seed, template = SEEDS["test"], makehuman_template()
    mine = [carrier.neutral(seed, number) for number in (0, 1)]
    cast = ict.ict_cast(kit)
    for number, face in enumerate(mine):
        who = sitter("test", number, carrier.neutral)
        assert np.array_equal(who.neutral, face.astype(np.float32))
        page = page_of(who, number)
        there = carrier.carried(page, "test")
        assert np.abs(there.neutral - cast.stage.neutral(seed, number)[:SKIN]).max() < 1e-3
        marks = [name for name in template.landmarks if "ear" not in name and name != "head_top"]
        for name in marks:
            ours, theirs = template.landmarks[name], ict.LANDMARKS[name]
            for camera, other, posed, carried in zip(page.cameras, there.cameras, page.posed, there.posed, strict=True):
                seen, seen_too = (
                    one.project(face[[vertex]])
                    for one, face, vertex in ((camera, posed, ours), (other, carried, theirs))
                )
                assert np.linalg.norm(seen - seen_too) < 4.5, name
        moved = np.linalg.norm(there.posed[1] - there.neutral, axis=1)
        assert np.abs(moved[:FACE].max() - np.linalg.norm(page.posed[1] - page.neutral, axis=1).max()) < 2
    assert np.linalg.norm(mine[0] - mine[1], axis=1).mean() > 2
    with pytest.raises(CorpusError, match="other people"):
        carrier.carried(page_of(sitter("test", 1, carrier.neutral), 0), "test")


@real
def test_eyeballs_stay_balls(carrier):
    template = makehuman_template()
    eyes = np.flatnonzero(template.vertex_part == template.parts.index("eyes"))
    left = eyes[template.vertices[eyes, 0] > 0]
    rest = fit_sphere(template.vertices[left].astype(float))
    for number in (3, 4):
        face = carrier.neutral(SEEDS["learn"], number)
        _, radius = fit_sphere(face[left])
        shape = (face[left] - face[left].mean(axis=0)) / radius
        wanted = (template.vertices[left] - template.vertices[left].mean(axis=0)) / rest[1]
        assert np.abs(np.linalg.norm(shape, axis=1) - np.linalg.norm(wanted, axis=1)).max() < 0.05
        assert 12 < radius < 20


@real
def test_the_kit_s_head_has_eyes_teeth_and_lashes_beside_its_skin(kit):
    seen = expressions.expressions_in(np.random.default_rng(0).normal(0, 1, (5, SKIN, 3)))
    blank = kits.blank_kit("ict_skin", SHARED, seen)
    template = ict.ict_cast(kit).template
    blank.check(template, 60)
    rest = blank.whole
    assert np.array_equal(rest.vertices, kit.neutral[SKIN:])
    whole = rest.joined(template)
    assert whole.vertex_count == VERTICES
    assert np.array_equal(whole.polygons, kit.polygons)
    names = np.array(PARTS)[rest.part]
    iris = np.unique(rest.polygons[names == "iris", :3])
    assert ((iris >= EYEBALLS[0]) & (iris < EYEBALLS[1])).all()
    for shell, (centre, _) in ict.eyeball_shells(kit):
        own, pupil = (np.unique(rest.polygons[names == name, :3]) for name in ("iris", "pupil"))
        radii = []
        for part in (own, pupil):
            rim = part[np.isin(part, shell)]
            middle = kit.neutral[rim].mean(axis=0)
            away = np.linalg.norm(kit.neutral[rim] - middle, axis=1)
            radii.append(away.max())
            assert middle[2] > centre[2] + 10
        assert 5 < radii[0] < 7, "mm, the radius of an iris"
        assert 1.3 < radii[1] < 3
    assert (names == "teeth").sum() > 3000
    assert (names == "lash sheets").sum() > 1000
    skin = learn.skin_of(template)
    assert skin[:FACE].mean() > 0.99
    assert not skin[[SKIN - 1, 12_000]].any(), "no sockets, no mouth"
    x, y = blank.uv[..., 0], blank.uv[..., 1]
    quads = template.polygons[:, 3] >= 0
    area = 0.5 * (x * np.roll(y, -1, axis=1) - y * np.roll(x, -1, axis=1)).sum(axis=1)
    assert (area[quads] > 0).mean() > 0.99
    assert 0.6 < area.sum() < 1


@real
def test_a_pack_reads_photos_where_a_clone_tells_the_layout(tmp_path, capsys):
    run = str(Path(__file__).resolve().parents[2] / "docs" / "runs" / "ict-skin-steered")
    packed, blind, seeing = (tmp_path / name for name in ("kit.npz", "a.safetensors", "b.safetensors"))
    packed.symlink_to(SHARED / "ict_facekit_light.npz")
    assert main(["export", run, "--facekit", str(packed), "--out", str(blind)]) == 0
    assert "It reads no photos" in capsys.readouterr().out
    assert read_bundle(blind).photo is None
    assert main(["export", run, "--facekit", str(SHARED), "--out", str(seeing)]) == 0
    assert "It reads no photos" not in capsys.readouterr().out
    bundle = read_bundle(seeing)
    assert bundle.photo.whole is not None
    assert len(bundle.photo.coding.answer) == len(bundle.modes) == 60
    points = bundle.photo.points_of(bundle.template.vertices)
    marks = bundle.template.landmarks
    for point, name in ((1, "nose_tip"), (152, "chin_bottom"), (33, "right_eye_outer"), (263, "left_eye_outer")):
        assert np.linalg.norm(points[point] - bundle.template.vertices[marks[name]]) < 12
    strengths = np.random.default_rng(2).normal(0, 1, 60)
    neutral = bundle.template.vertices + np.tensordot(strengths, bundle.modes.astype(float), axes=1)
    fitted = Fitted(neutral.astype(np.float32), strengths, (), (), (), ())
    whole = head_of(bundle, fitted).fitted.neutral
    known = read_facekit(SHARED)
    expected = known.neutral + np.tensordot(strengths, known.identity[:60], axes=1)
    assert np.abs(whole - expected).max() < 0.1
