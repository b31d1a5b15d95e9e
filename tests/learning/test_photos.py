"""What photos are read by: learned from photos whose truth is known, kept, judged and told."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from core.errors import CorpusError, MienError, PhotoError
from core.photo.camera import Camera
from core.photo.fit import fit
from core.photo.fitted import Fitted, View
from core.photo.measurement import Home, measure
from core.photo.picture import Picture
from core.photo.raster import nearest
from core.steps import waited
from core.wrapping.surface import on_triangles
from tests.core.whole import with_balls
from training.__main__ import main
from training.benchmark import DEFAULT_BUNDLE
from training.corpora.prototypes import unit_names
from training.photo import cast, codings, descents, figure, judge, kits, learn
from training.photo.album import pages
from training.photo.layout import arranged
from training.photo.page import table
from training.report import photos_in
from training.results_page import page

RNG = np.random.default_rng
POINTS, SIZE = 468, 400


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
    colours = np.zeros((SIZE, SIZE, 3), np.float32)
    return learn.Shot(lens, np.asarray(face, np.float32), points + RNG(seed).normal(0, noise, points.shape), colours)


def test_places_are_found_where_rays_meet_the_face(shipped):
    template, kit = shipped.template, shipped.photo
    people = [template.vertices + 0.3 * sign * mode for mode in shipped.modes[:6].astype(float) for sign in (-1, 1)]
    shots = [shot(shipped, face, yaw, 0.4, n) for n, face in enumerate(people) for yaw in (-12, 12)]
    corners, shares, partner = learn.places(template, shots)
    found = on_triangles(template.vertices, corners, shares)
    assert np.abs(found[partner] * [-1, 1, 1] - found).max() < 0.5
    away = np.linalg.norm(found - kit.points_of(template.vertices), axis=1)
    assert np.median(away) < 0.5
    assert np.percentile(away, 95) < 4.0
    with pytest.raises(CorpusError, match="too few photos"):
        learn.places(template, shots[:4])


def painted(bundle, face, yaw, wrong, seed):
    """A photo of a face whose skin has a pattern of its own, and a detector that is off by some eye distances."""
    one = shot(bundle, face, yaw)
    template, lens = bundle.template, one.camera
    seen, depth = lens.project(face), -lens.seen(face)[:, 2]
    shown, _ = nearest(seen[template.triangles], depth[template.triangles], SIZE, SIZE)
    at = template.vertices @ np.array([[0.31, 0.2], [0.23, -0.29], [0.1, 0.12]])
    pattern = (np.sin(at[:, :1]) * np.array([0.3, 0.1, 0.2]) + np.sin(at[:, 1:]) * np.array([0.1, 0.3, 0.1]) + 0.5)[
        template.triangles
    ].mean(axis=1)
    light = RNG(seed).uniform(0.6, 1.2)
    colours = np.where(shown[..., None] >= 0, light * pattern[shown], 0.2).astype(np.float32)
    eyes = np.linalg.norm(one.points[33, :2] - one.points[263, :2])
    moved = np.column_stack([wrong, np.zeros(POINTS)]) * eyes
    return learn.Shot(lens, one.posed, one.points + moved, np.clip(colours, 0, 1))


def wrongs(bundle, count, seed=0):
    """(n, 468, 2) smooth errors of a detector, some percent of the eye distance."""
    at = bundle.photo.points_of(bundle.template.vertices) / 40
    rng, out = RNG(seed), []
    for _ in range(count):
        ways, phase = rng.normal(0, 1, (2, 3)), rng.uniform(0, 6, 2)
        out.append(0.02 * np.sin(at @ ways.T + phase) + rng.normal(0, 0.004, (POINTS, 2)))
    return np.array(out)


@pytest.fixture(scope="module")
def few(shipped):
    """People differ in five ways alone, so that some dozens of them teach how."""
    return replace(shipped, modes=shipped.modes[:5], photo=None)


@pytest.fixture(scope="module")
def album(few, shipped):
    """Thirty people, two photos each."""
    rng, people = RNG(5), []
    wrong = iter(wrongs(shipped, 60))
    for number in range(30):
        strengths = rng.normal(0, 1, len(few.modes))
        face = few.template.vertices + np.tensordot(strengths, few.modes.astype(float), axes=1)
        shots = [painted(shipped, face, yaw + rng.uniform(-5, 5), next(wrong), number) for yaw in (-20, 15)]
        people.append(learn.Sitting(face.astype(np.float32), shots))
    return people


@pytest.fixture(scope="module")
def taught(few, album):
    return learn.learn(album[:24], few, kits.blank_kit("makehuman"))


def test_what_is_around_points_puts_them_right(shipped, album, taught):
    home = Home.of(taught, shipped.template)
    before, after, coded = [], [], []
    for person in album[24:]:
        for one in person.shots:
            true = one.camera.project(taught.points_of(one.posed))
            eyes = home.pixels(one.points)
            right = taught.descent.put_right(one.colours, one.points, eyes)
            whole = measure(View(Picture("x", one.colours), one.points), taught, shipped.template).points
            for found, to in ((one.points, before), (right, after), (whole, coded)):
                to.append(np.sqrt(((found[:, :2] - true) ** 2).mean()) / eyes)
    assert np.mean(after) < 0.75 * np.mean(before)
    assert np.mean(coded) < 0.6 * np.mean(before)


def test_points_tell_the_person(few, album, taught):
    mean, one, both = [], [], []
    for person in album[24:]:
        truth = taught.points_of(person.neutral)
        true = learn.strengths_of(few.modes, (person.neutral - few.template.vertices)[None])[0]
        views = [View(Picture("x", it.colours), it.points) for it in person.shots]
        told = [measure(view, taught, few.template).guess for view in views]
        for guesses, to in (([], mean), (told[:1], one), (told, both)):
            strengths = taught.coding.person_of(guesses).mean if guesses else np.zeros(len(true))
            face = few.template.vertices + np.tensordot(strengths, few.modes.astype(float), axes=1)
            to.append(np.linalg.norm(taught.points_of(face) - truth, axis=1).mean())
    assert max(np.mean(one), np.mean(both)) < 0.9 * np.mean(mean)


def test_both_sides_are_learned_alike(taught, shipped):
    partner = taught.descent.partner
    assert (partner[[33, 61, 58, 132, 4]] == [263, 291, 288, 361, 4]).all()
    points = taught.points_of(shipped.template.vertices)
    assert np.abs(points[partner] * [-1, 1, 1] - points).max() < 0.5
    spread = np.abs(taught.spread[partner] - taught.spread)
    assert spread.max() < 0.01


def test_a_photo_that_the_detector_mistook_teaches_nothing(shipped, album):
    home = Home.of(shipped.photo, shipped.template)
    one = album[0].shots[0]
    far = learn.Shot(one.camera, one.posed, one.points + np.array([60, 0, 0]), one.colours)
    assert not learn.lost(one, shipped.photo, home)
    assert learn.lost(far, shipped.photo, home)


def test_photos_are_learned_from_a_second_time_when_worse(shipped, album):
    home, shots = Home.of(shipped.photo, shipped.template), album[1].shots
    found = [descents.looks(3, shots[0], shipped.photo, home, RNG(seed)) for seed in range(12)]
    plain, faded = [one[0] for one in found], [one[1] for one in found if len(one) > 1]
    assert 0 < len(faded) < 12
    assert all(np.array_equal(one.features, plain[0].features) for one in plain)
    assert all(np.array_equal(one.moves, plain[0].moves) for one in plain + faded)
    assert any(np.abs(one.features - plain[0].features).max() > 0.1 for one in faded)


def test_guesses_and_what_they_are_off_by():
    """Guesses that are known to be off, by person and by photo."""
    rng, answer = RNG(0), np.array([[0.8, 0.1], [0.0, 0.6]])
    who = rng.normal(0, 1, (4000, 2))
    own, photo = rng.normal(0, [0.2, 0.3], (4000, 1, 2)), rng.normal(0, [0.4, 0.1], (4000, 3, 2))
    found = codings._off((who @ answer.T)[:, None] + own + photo, who)
    assert found[0] == pytest.approx(answer, abs=0.02)
    assert found[1] == pytest.approx(np.diag([0.04, 0.09]), abs=0.01)
    assert found[2] == pytest.approx(np.diag([0.16, 0.01]), abs=0.01)


def test_what_is_learned_is_kept(tmp_path, shipped, taught):
    file = tmp_path / "kept.safetensors"
    kits.keep(file, taught, "makehuman")
    kit = kits.kit_of("makehuman", kept=file)
    kit.check(shipped.template, 5)
    assert np.array_equal(kit.coding.codes, taught.coding.codes)
    assert np.array_equal(kit.descent.steps, taught.descent.steps)
    assert np.array_equal(kit.uv, shipped.photo.uv)
    assert file.stat().st_size < 4e6
    assert kits.kit_of("makehuman", kept=tmp_path / "none") is None
    from core.bundle import write_arrays

    write_arrays(file, {"bias": np.zeros(3)}, {"format": "other"})
    with pytest.raises(CorpusError, match="does not hold"):
        kits.kit_of("makehuman", kept=file)


def test_the_shipped_kit_is_the_kept_one(shipped):
    kept, shipped_arrays = kits.kit_of("makehuman").to_arrays(), shipped.photo.to_arrays()
    assert set(kept) == set(shipped_arrays)
    for name, array in kept.items():
        if name == "photo.expressions":
            assert np.abs(array.astype(float) - shipped_arrays[name]).max() < 0.02
        else:
            assert np.array_equal(array, shipped_arrays[name])


def test_faces_in_photos_laugh_and_do_anything():
    names = unit_names()
    laugh = cast.laughing(RNG(0))
    assert laugh[names.index("mouthSmileLeft")] == laugh[names.index("mouthSmileRight")] >= 0.5
    assert not laugh[names.index("mouthFrownLeft")]
    some = np.array([cast.anything(RNG(seed)) for seed in range(60)])
    assert ((some > 0).sum(axis=1) >= 1).all()
    assert (some > 0).sum() < 0.4 * some.size
    assert some.max() < 0.7
    assert (some > 0).any(axis=0).mean() > 0.9


def test_pairs_show_every_expression_before_any_again_and_the_strongest_first():
    def page(name, *expressions, moved=1.0):
        posed = np.zeros((3, 2, 3)) + np.array([0.0, moved, 2 * moved])[:, None, None]
        return type("Page", (), {"name": name, "expressions": expressions, "neutral": posed[0], "posed": posed})

    first, second = figure.EXPRESSIONS[:2]
    every = [
        page("a", "neutral", first, first),
        page("b", "neutral", second, first, moved=3),
        page("c", "any", second, "any"),
    ]
    found = [(one.name, rest, moved) for one, rest, moved in figure.pairs_of(every, 4)]
    assert found == [("b", 0, 2), ("b", 0, 1), ("a", 0, 2), ("a", 0, 1)]
    with pytest.raises(MienError, match="at rest in one photo"):
        figure.pairs_of(every[2:], 3)


def test_portraits_show_the_whole_head(shipped):
    whole = with_balls(shipped)
    portraits = figure.Portraits(whole)
    strengths = np.zeros(len(whole.modes))
    rest = whole.template.vertices
    fitted = Fitted(rest, strengths, (), (), (), ())
    (head,) = portraits._whole(fitted, rest + np.float32(1))
    count = len(rest) + len(whole.photo.whole.vertices)
    assert len(head) == len(portraits._studio._head.data.vertices) == count
    assert np.array_equal(head[: len(rest)], rest + np.float32(1))
    found = np.empty(len(portraits._studio._head.data.loops) * 2, np.float32)
    portraits._studio._head.data.uv_layers[0].data.foreach_get("uv", found)
    laid = np.concatenate([shipped.photo.uv, whole.photo.whole.uv])
    assert np.array_equal(found.reshape(-1, 4, 2), laid)
    assert not portraits._aside.any()


def test_a_sheet_has_a_place_for_everything():
    blank = np.zeros((300, 240, 3), np.uint8)
    assert figure.sheet([[blank] * 3] * 2, ["a", "b", "c"], ["one", "two"]).shape == (22 + 2 * 322, 720, 3)
    view = View(
        Picture("x", np.full((50, 40, 3), 0.5, np.float32)),
        np.full((POINTS, 3), 20.0) + RNG(0).normal(0, 9, (POINTS, 3)),
    )
    cropped = figure._cropped(view)
    assert cropped.shape == (300, 240, 3)
    assert (cropped > 100).all()  # nothing from beside the photo


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
    assert judge.as_large(moved * 1.05, template.vertices, over) == pytest.approx(moved, abs=1e-3)

    truth = (template.vertices + 1.5 * shipped.modes[1]).astype(np.float32)
    shots = [shot(shipped, truth, yaw) for yaw in (-35, 0, 35)]
    blank = Picture("x", np.zeros((400, 400, 3), np.float32))
    page = type("Page", (), {
        "neutral": truth, "posed": np.stack([truth] * 3), "expressions": ("neutral", "happy", "sad"),
        "cameras": tuple(one.camera for one in shots), "pictures": (blank,) * 3,
    })  # fmt: skip
    given = iter([SimpleNamespace(points=one.points) for one in shots])
    plain = replace(shipped, photo=replace(shipped.photo, descent=None, coding=None))
    monkeypatch.setattr(judge, "find", lambda *_: next(given))
    found = judge.judge(plain, None, page, over)
    assert found.mean == pytest.approx(judge.rigid_mm(template.vertices, truth, over))
    assert len(found.one) == len(found.off) == 3
    for photo in found.true:
        assert photo["detector"] == photo["measured"] == pytest.approx(0, abs=1e-3)
        assert photo["fitted"] == pytest.approx(np.mean(found.off), abs=0.5)
    turned_away = View(blank, shots[2].points + np.array([9.0, 0, 0]))
    eyes = Home.of(shipped.photo, template).pixels(shots[2].points)
    off = judge._from_truth(plain, turned_away, waited(fit(plain, [turned_away])), page, 2)
    assert off["detector"] == off["detector_outline"] == pytest.approx(900 / eyes, rel=1e-3)

    def nobody(*_):
        raise PhotoError("Mien sees no face in x.", "Take another.")

    monkeypatch.setattr(judge, "find", nobody)
    assert judge.judge(shipped, None, page, over) is None
    result = judge.figures([found, None])
    assert (result["people"], result["lost"]) == (1, 1)
    assert result["views_3_ratio"] == pytest.approx(found.all / found.mean)
    assert "| three photos |" in table(result)
    with pytest.raises(MienError, match="Nobody"):
        judge.figures([None])


def test_the_report_takes_the_figures_and_tells_what_is_damaged(tmp_path):
    assert photos_in(tmp_path) == {}
    kept = Path(__file__).resolve().parents[2] / "docs" / "photo.json"
    for name in ("photo", "photo_others"):
        (tmp_path / f"{name}.json").write_text(kept.read_text())
    found = photos_in(tmp_path)
    assert list(found) == ["photo", "photo_others"]
    assert page({}, photos=found).count("| three photos |") == 2
    (tmp_path / "photo_ict.json").write_text(json.dumps({"people": 3}))
    with pytest.raises(CorpusError, match=r"photo-judge"):
        photos_in(tmp_path)


def test_too_few_people_teach_nothing(few, album):
    with pytest.raises(CorpusError, match="too few"):
        learn.learn(album[:12], few, kits.blank_kit("makehuman"))


def test_commands_say_what_is_missing(tmp_path, capsys):
    assert main(["photo-album", str(tmp_path), "--part", "3", "2"]) == 1
    assert "There is no part 3 of 2." in capsys.readouterr().err
    wheel = tmp_path / "x.whl"
    wheel.write_bytes(b"no wheel")
    assert main(["photo-judge", str(tmp_path), "--wheel", str(wheel)]) == 1
    assert "x.whl is damaged, or no wheel. Give another with --wheel." in capsys.readouterr().err
    assert main(["photo-figure", str(tmp_path), "--pairs", "-1"]) == 1
    assert "Give --people from 1 on, and --pairs from 0 on." in capsys.readouterr().err
