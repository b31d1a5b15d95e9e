"""Regions, sides and factors of a face."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.bundle import Bundle, read_bundle
from core.errors import MotionError
from core.followers import Followers
from core.generator import Generator
from core.motion import Cue, labels_from_cues
from core.shaping import MAX_GAIN, REGIONS, ShapedLayout, Shaping, factors, regions
from core.template import Layout, Template

from .conftest import grid_head

PACK = Path(__file__).parents[2] / "dist" / "mien-ict-head.safetensors"
BROWS, EYES, MOUTH = range(3)


@pytest.fixture(scope="module", params=["makehuman", "ict"])
def template(request: pytest.FixtureRequest, bundle: Bundle) -> Template:
    if request.param == "makehuman":
        return bundle.template
    if not PACK.exists():
        pytest.skip("the model pack is not made")
    return read_bundle(PACK).template


def vertices_of(template: Template, *parts: str) -> np.ndarray:
    wanted = [number for number, name in enumerate(template.parts) if name in parts]
    corners = template.polygons[np.isin(template.polygon_part, wanted)]
    return np.unique(corners[corners >= 0])


def above_nose(template: Template) -> np.ndarray:
    return template.vertices[:, 1] - template.vertices[template.landmarks["nose_tip"], 1]


def frontal(template: Template) -> np.ndarray:
    tip = template.vertices[template.landmarks["nose_tip"]]
    return (np.abs(template.vertices[:, 0] - tip[0]) < 55) & (template.vertices[:, 2] > tip[2] - 60)


def test_shares_are_a_partition_of_unity(template: Template) -> None:
    shares = regions(template)
    assert shares.shape == (template.vertex_count, len(REGIONS))
    assert shares.dtype == np.float32
    assert shares.min() >= 0
    assert shares.max() <= 1
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-6)


def test_regions_lie_where_an_artist_looks_for_them(template: Template) -> None:
    shares, height, front = regions(template), above_nose(template), frontal(template)
    assert shares[front & (height < -10), MOUTH].min() == 1  # lips, chin, jaw, cheeks below the nose
    assert shares[height < -15, MOUTH].min() == 1
    assert shares[front & (height > 62), BROWS].min() == 1  # the forehead
    for name, region in (("mouth", MOUTH), ("lips", MOUTH), ("teeth", MOUTH), ("tongue", MOUTH), ("eyes", EYES)):
        assert shares[vertices_of(template, name), region].min(initial=1) == 1
    for index in (template.landmarks.get(name) for name in ("upper_lip_bottom", "lower_lip_top")):
        assert shares[index, MOUTH] == 1


def test_lids_belong_to_the_eyes_and_brows_to_the_brows(bundle: Bundle) -> None:
    template, shares = bundle.template, regions(bundle.template)
    for name, index in template.landmarks.items():
        if "lid" in name or "eye_" in name:
            assert shares[index, EYES] > 0.93, name
        if "brow" in name or name in ("forehead", "glabella"):
            assert shares[index, BROWS] > 0.9, name
        if any(word in name for word in ("lip", "mouth", "chin", "jaw", "subnasale", "_cheek")) and "bone" not in name:
            assert shares[index, MOUTH] > 0.97, name
    assert shares[vertices_of(template, "brows"), BROWS].mean() > 0.85
    assert shares[vertices_of(template, "lashes"), EYES].min() == 1


def test_heights_without_landmarks_meet_the_lids_of_the_scanned_head() -> None:
    if not PACK.exists():
        pytest.skip("the model pack is not made")
    template = read_bundle(PACK).template
    shares = regions(template)
    # The skin ends at the lids' inner rims: at the middle of the eye, 36 mm and 25 mm above the nose tip.
    x, height = np.abs(template.vertices[:, 0]), above_nose(template)
    rim = (np.abs(x - 32) < 4) & (np.abs(height - 30.5) < 6) & (template.vertices[:, 2] > 85)
    assert rim.sum() > 20
    assert shares[rim, EYES].min() > 0.9


def test_no_seam_along_the_surface(template: Template) -> None:
    every = (Shaping(brows=2, eyes=0), Shaping(eyes=2, mouth=0), Shaping(balance=1), Shaping(balance=-1, mouth=0))
    start, end = template.edges.T
    length = np.linalg.norm(template.vertices[start] - template.vertices[end], axis=1)
    for shaping in every:
        factor = factors(template, shaping)
        slope = np.abs(factor[start] - factor[end]) / np.maximum(length, 0.1)
        # Where skin meets what is rigid or the inner mouth, there must be no step either.
        assert slope.max() < 0.45, shaping


def test_teeth_tongue_and_eyeballs_stay_whole(bundle: Bundle) -> None:
    template = bundle.template
    factor = factors(template, Shaping(brows=0.3, eyes=1.7, mouth=0.6, balance=0.8))
    x = template.vertices[:, 0]
    height = above_nose(template)
    teeth = vertices_of(template, "teeth")
    for piece in (teeth[height[teeth] > -28], teeth[height[teeth] < -32]):
        assert len(piece) > 20
        assert np.ptp(factor[piece]) < 1e-6
        assert factor[piece].mean() == pytest.approx(0.6 * (1 - 0.8 / 2), abs=0.01)  # the middle of both sides
    assert np.ptp(factor[vertices_of(template, "tongue")]) < 1e-6
    eyes = vertices_of(template, "eyes", "iris", "pupil")
    np.testing.assert_allclose(factor[eyes[x[eyes] > 0]], 1.7, rtol=1e-6)
    np.testing.assert_allclose(factor[eyes[x[eyes] < 0]], 1.7 * 0.2, rtol=1e-5)


def test_balance_gives_one_side_all_and_the_other_nothing(template: Template) -> None:
    left, right = factors(template, Shaping(balance=1)), factors(template, Shaping(balance=-1))
    aside = template.vertices[:, 0] - template.vertices[template.landmarks["nose_tip"], 0]
    rigid = np.isin(np.arange(template.vertex_count), vertices_of(template, "teeth", "tongue"))
    assert (left[(aside > 14) & ~rigid] == 1).all()
    assert (left[(aside < -14) & ~rigid] == 0).all()
    assert left[(np.abs(aside) < 1e-4) & ~rigid] == pytest.approx(0.5, abs=1e-4)
    np.testing.assert_allclose(left + right, 1, atol=1e-6)
    order = np.argsort(aside[~rigid])
    assert (np.diff(left[~rigid][order]) >= 0).all()


def test_neutral_shaping_changes_nothing(template: Template) -> None:
    assert Shaping().is_neutral
    assert (factors(template, Shaping()) == 1).all()
    for changed in (Shaping(gain=0.5), Shaping(brows=2), Shaping(eyes=0), Shaping(mouth=0.9), Shaping(balance=-0.1)):
        assert not changed.is_neutral
        assert (factors(template, changed) != 1).any()


@given(st.floats(0, MAX_GAIN), st.floats(0, MAX_GAIN), st.floats(-1, 1))
def test_alike_gains_are_one_gain(gain: float, same: float, balance: float) -> None:
    template = grid_head(12, 11)
    factor = factors(template, Shaping(gain, same, same, same, balance))
    side = factors(template, Shaping(balance=balance))
    np.testing.assert_allclose(factor, gain * same * side, atol=1e-5)
    assert factor.max() <= gain * same + 1e-5


def test_a_template_without_any_landmark_works() -> None:
    sheet = grid_head(30, 25)
    bare = Template("bare", sheet.vertices, sheet.polygons)
    np.testing.assert_array_equal(regions(bare), regions(sheet))
    assert set(regions(bare).argmax(axis=1)) == {BROWS, EYES, MOUTH}


@pytest.mark.parametrize(
    "wrong",
    [{"gain": -0.1}, {"brows": 2.01}, {"eyes": float("nan")}, {"mouth": float("inf")}, {"balance": 1.1}],
)
def test_wrong_numbers_are_told_in_a_sentence(wrong: dict[str, float]) -> None:
    with pytest.raises(MotionError, match=next(iter(wrong))) as caught:
        Shaping(**wrong)
    assert "between" in caught.value.remedy


def head_with_followers() -> tuple[Template, Layout]:
    """A sheet whose object has two more vertices: one obeys an action of the mouth, the other one of the brows."""
    sheet = grid_head(30, 25)
    shares = regions(sheet)
    rng = np.random.default_rng(3)
    controls = np.concatenate([np.flatnonzero(shares[:, column] == 1)[:12] for column in (MOUTH, BROWS)])
    moves = np.zeros((2, 24, 3))
    moves[0, :12], moves[1, 12:] = rng.normal(size=(2, 12, 3))
    reading = np.linalg.pinv(moves.reshape(2, -1)).T
    count = sheet.vertex_count
    fields = np.eye(2, dtype=np.float32)[:, :, None] * np.ones(3, np.float32)
    followers = Followers(np.array([count, count + 1]), controls, reading.astype(np.float32), fields)
    return sheet, Layout("with followers", count + 2, np.arange(count, dtype=np.int32), followers)


def test_what_follows_the_face_obeys_the_shaping() -> None:
    sheet, layout = head_with_followers()
    frames = np.random.default_rng(4).normal(size=(3, sheet.vertex_count, 3)).astype(np.float32)
    plain = layout.on_object(frames)
    factor = factors(sheet, Shaping(brows=0.5, mouth=0))
    shaped = ShapedLayout(layout, factor).on_object(frames)
    np.testing.assert_array_equal(shaped[:, :-2], plain[:, :-2] * factor[:, None])
    np.testing.assert_allclose(shaped[:, -2], 0, atol=1e-5)
    np.testing.assert_allclose(shaped[:, -1], 0.5 * plain[:, -1], atol=1e-5)
    even = ShapedLayout(layout, factors(sheet, Shaping(gain=1.5))).on_object(frames)
    np.testing.assert_allclose(even, 1.5 * plain, atol=1e-4)


def test_a_layout_without_followers_is_shaped_as_well(bundle: Bundle) -> None:
    layout = bundle.template.layouts[1]
    frames = np.random.default_rng(5).normal(size=(2, bundle.template.vertex_count, 3)).astype(np.float32)
    factor = factors(bundle.template, Shaping(balance=-0.5))
    shaped = ShapedLayout(layout, factor).on_object(frames)
    np.testing.assert_array_equal(shaped, layout.on_object(frames * factor[:, None]))


def test_teeth_of_the_scanned_head_rest_with_its_mouth() -> None:
    if not PACK.exists():
        pytest.skip("the model pack is not made")
    generator = Generator.load(PACK, "numpy")
    layout = next(one for one in generator.template.layouts if one.followers is not None)
    own = int(layout.present.sum())
    for expression in ("surprise", "happy"):
        frames = generator.generate(labels_from_cues([Cue(expression, 1, 0.5, 1.5, 2.5, 3.5)], 28, 12.0))[26:27]
        plain = np.linalg.norm(layout.on_object(frames)[0, own:], axis=1)
        for shaping, share in ((Shaping(mouth=0), 0.0), (Shaping(brows=0, eyes=0), 1.0), (Shaping(balance=1), 0.5)):
            moved = ShapedLayout(layout, factors(generator.template, shaping)).on_object(frames)[0, own:]
            # More than half of what follows are teeth, gums and tongue.
            assert np.median(np.linalg.norm(moved, axis=1) / plain) == pytest.approx(share, abs=0.06)
