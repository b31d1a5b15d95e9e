"""What photos are read by: learned from photos whose truth is known, kept, judged and told."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image

from core.errors import CorpusError, MienError
from core.photo.camera import Camera
from core.photo.fitted import View
from core.photo.kit import turn_terms
from core.photo.picture import Picture
from training.__main__ import main
from training.benchmark import DEFAULT_BUNDLE
from training.photo import judge, kits, learn
from training.photo.album import pages
from training.photo.layout import arranged
from training.photo.page import table
from training.report import photo_in

RNG = np.random.default_rng
POINTS = 468


@pytest.fixture(scope="module")
def shipped():
    from core.bundle import read_bundle

    return read_bundle(DEFAULT_BUNDLE)


def turned(yaw):
    a = np.radians(yaw)
    return np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])


def camera(yaw):
    return Camera(turned(yaw), np.array([0.0, 30.0, -800.0]), 900.0, np.array([200.0, 200.0]))


def shot(bundle, face, yaw, noise=0.0, seed=0):
    """A photo in which the detector sees its points where they are."""
    lens, places = camera(yaw), bundle.photo.points_of(face)
    at = lens.seen(places)
    points = np.column_stack([lens.project(places), at[:, 2] * lens.focal / -at[:, 2].mean()])
    return learn.Shot(lens, np.asarray(face, np.float32), points + RNG(seed).normal(0, noise, points.shape))


def test_places_are_found_where_rays_meet_the_face(shipped):
    template, kit = shipped.template, shipped.photo
    people = [template.vertices + 0.3 * sign * mode for mode in shipped.modes[:6].astype(float) for sign in (-1, 1)]
    shots = [shot(shipped, face, yaw, 0.4, n) for n, face in enumerate(people) for yaw in (-12, 12)]
    corners, shares = learn.places(template, shots)
    found = (template.vertices[corners] * shares[:, :, None]).sum(axis=1)
    away = np.linalg.norm(found - kit.points_of(template.vertices), axis=1)
    assert np.median(away) < 0.5
    assert np.percentile(away, 95) < 4.0
    with pytest.raises(CorpusError, match="too few photos"):
        learn.places(template, shots[:4])


def test_a_photo_without_error_is_off_by_nothing(shipped):
    face = shipped.template.vertices + shipped.modes[0].astype(np.float32)
    one = shot(shipped, face, 20)
    places, mean = (shipped.photo.points_of(it) for it in (face, shipped.template.vertices))
    sample = learn.off(one, places, mean, 90.0)
    assert np.abs(sample.left[:, :2]).max() < 1e-5
    assert np.allclose(sample.terms[0], 1)
    assert np.abs(sample.shape).max() > 0.01
    moved = learn.Shot(one.camera, one.posed, one.points + np.array([9.0, 0, 0]))
    assert learn.off(moved, places, mean, 90.0).left[:, 0].mean() == pytest.approx(9 * 800 / 900 / 90, rel=0.05)


def test_errors_are_told_apart(shipped):
    """A bias, a leaning, what a person has in all photos, what a photo has, what each point has."""
    rng = RNG(0)
    template, kit = shipped.template, shipped.photo
    partner = learn.mirrored(template, kit.vertices, kit.shares.astype(float))
    still = np.zeros((2, POINTS, 3))
    still[0, :, 1] = 1.0  # all points too high; the same on both sides
    still[1, :, 2] = 0.5
    sway = np.zeros((POINTS, 3))
    sway[:, 1] = 1.0
    people = []
    for _ in range(80):
        shape, own = rng.normal(0, 0.05), rng.normal(0, 0.01)
        photos = []
        for yaw in (-30, 0, 30):
            terms = turn_terms(turned(yaw))
            left = 0.02 * still[0] * terms[0] + 0.3 * still[1] * terms[3] - 0.4 * shape * sway + own * still[0]
            left = left + rng.normal(0, 0.004) * np.roll(sway, 1, axis=1) * 0 + rng.normal(0, 0.003, (POINTS, 3))
            photos.append(learn.Sample(left, terms, shape * sway))
        people.append(photos)
    found = learn.errors(people, partner, learn.Recipe(heard=1, ridge=1, person=3, ways=3, caution=1))
    assert found.bias[0, :, 1] == pytest.approx(np.full(POINTS, 0.02), abs=4e-3)
    assert found.bias[3, :, 2] == pytest.approx(np.full(POINTS, 0.15), abs=0.02)
    told = np.tensordot(0.05 * sway, found.heard, axes=([0, 1], [1, 2])) @ found.leaning.reshape(1, -1)
    assert told.reshape(POINTS, 3)[:, 1] == pytest.approx(np.full(POINTS, -0.02), abs=4e-3)
    person = np.sqrt((found.person[:, :, 1] ** 2).sum(axis=0))
    assert person == pytest.approx(np.full(POINTS, 0.01), rel=0.35)
    assert found.spread == pytest.approx(np.full((POINTS, 3), 0.003), rel=0.5)
    assert np.abs(found.factor).max() < 0.004


def test_what_is_learned_is_kept(tmp_path, shipped):
    arrays = {name: RNG(1).normal(0, 0.01, (2, POINTS, 3)) for name in ("heard", "leaning", "person", "factor")}
    errors = learn.Errors(bias=np.zeros((6, POINTS, 3)), spread=np.full((POINTS, 3), 0.01), **arrays)
    file = tmp_path / "kept.safetensors"
    kits.keep(file, shipped.photo.vertices, shipped.photo.shares, errors)
    kit = kits.makehuman_kit(file)
    kit.check(shipped.template)
    assert np.allclose(kit.leaning, arrays["leaning"], atol=1e-4)
    assert np.array_equal(kit.uv, shipped.photo.uv)
    assert kits.makehuman_kit(tmp_path / "none") is None
    from core.bundle import write_arrays

    write_arrays(file, {"bias": np.zeros(3)}, {"format": "other"})
    with pytest.raises(CorpusError, match="does not hold"):
        kits.makehuman_kit(file)


def test_the_shipped_kit_is_the_kept_one(shipped):
    kept = kits.makehuman_kit()
    for name in ("vertices", "bias", "spread", "factor", "leaning", "person"):
        assert np.array_equal(getattr(kept, name), getattr(shipped.photo, name))
    assert np.abs(kept.expressions.astype(float) - shipped.photo.expressions).max() < 0.02


def test_a_layout_leaves_every_polygon_a_place_of_its_own(shipped):
    uv = shipped.photo.uv
    assert uv.min() >= 0
    assert uv.max() <= 1
    x, y = uv[..., 0], uv[..., 1]
    area = 0.5 * (x * np.roll(y, -1, axis=1) - y * np.roll(x, -1, axis=1)).sum(axis=1)
    skin = shipped.template.polygon_part == shipped.template.parts.index("skin")
    assert (area[skin] > 0).mean() > 0.99  # none of them seen from behind
    assert 0.4 < np.abs(area).sum() < 1.0
    squares = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], float)
    many = np.concatenate([squares * 1000, *(squares * [1000, 0.1] + n for n in range(900))])
    with pytest.raises(CorpusError, match="do not fit"):
        arranged(many, np.arange(len(many)).reshape(-1, 4))


def test_an_album_is_read_page_by_page(tmp_path):
    with pytest.raises(CorpusError, match="no photos"):
        list(pages(tmp_path, "learn"))
    (tmp_path / "learn").mkdir()
    kept = io.BytesIO()
    Image.new("RGB", (30, 20), (255, 0, 0)).save(kept, "PNG")
    photo = np.frombuffer(kept.getvalue(), np.uint8)
    np.savez(
        tmp_path / "learn" / "0003.npz",
        neutral=np.zeros((4, 3), np.float32),
        posed=np.zeros((1, 4, 3), np.float32),
        expressions=np.array(["happy"]),
        rotation=np.eye(3)[None],
        shift=np.zeros((1, 3)),
        focal=np.array([50.0]),
        centre=np.array([[15.0, 10.0]]),
        photo0=photo,
    )
    (page,) = pages(tmp_path, "learn")
    assert page.name == "0003"
    assert page.expressions == ("happy",)
    assert page.pictures[0].colours.shape == (20, 30, 3)
    assert page.pictures[0].colours[0, 0] == pytest.approx([1, 0, 0])
    assert page.cameras[0].focal == 50


def test_people_are_judged_against_the_truth(shipped, monkeypatch):
    over = judge.face_of(shipped)
    template = shipped.template
    assert 1000 < over.sum() < 3000
    assert not over[template.landmarks["left_ear_tip"]]
    assert over[template.landmarks["nose_tip"]]
    moved = template.vertices @ turned(20).T.astype(np.float32) + [3, 4, 5]
    assert judge.rigid_mm(moved, template.vertices, over) < 1e-3
    assert judge.rigid_mm(moved * 1.05, template.vertices, over) > 1
    assert judge.shape_mm(moved * 1.05, template.vertices, over) < 1e-3

    truth = (template.vertices + 1.5 * shipped.modes[1]).astype(np.float32)
    shots = [shot(shipped, truth, yaw) for yaw in (-35, 0, 35)]
    blank = Picture("x", np.zeros((400, 400, 3), np.float32))
    page = type("Page", (), {
        "neutral": truth, "posed": np.stack([truth] * 3), "expressions": ("neutral", "happy", "sad"),
        "cameras": tuple(one.camera for one in shots), "pictures": (blank,) * 3,
    })  # fmt: skip
    given = iter([one.points for one in shots])
    monkeypatch.setattr(judge, "read", lambda *_: next(given))
    found = judge.judge(shipped, None, page, over)
    assert found.mean == pytest.approx(judge.rigid_mm(template.vertices, truth, over))
    assert len(found.one) == len(found.off) == 3
    monkeypatch.setattr(judge, "read", lambda *_: None)
    assert judge.judge(shipped, None, page, over) is None
    result = judge.figures([found, None])
    assert (result["people"], result["lost"]) == (1, 1)
    assert result["views_3_ratio"] == pytest.approx(found.all / found.mean)
    assert "| three photos |" in table(result)
    with pytest.raises(MienError, match="Nobody"):
        judge.figures([None])
    assert isinstance(View(blank).marks, dict)


def test_the_report_takes_the_figures_and_tells_what_is_damaged(tmp_path):
    assert photo_in(tmp_path) is None
    (tmp_path / "photo.json").write_text(json.dumps({"people": 3}))
    with pytest.raises(CorpusError, match=r"photo-judge"):
        photo_in(tmp_path)


def test_commands_say_what_is_missing(tmp_path, capsys):
    assert main(["photo-album", str(tmp_path), "--part", "3", "2"]) == 1
    assert "There is no part 3 of 2." in capsys.readouterr().err
    wheel = tmp_path / "x.whl"
    wheel.write_bytes(b"no wheel")
    assert main(["photo-judge", str(tmp_path), "--wheel", str(wheel)]) == 1
    assert "is no wheel of mediapipe" in capsys.readouterr().err
