"""Life: the same at any second in whatever order it is asked for, and lids that close and go no further."""

from __future__ import annotations

import numpy as np
import pytest

from core.bundle import Bundle
from core.errors import TemplateError
from core.life import ARCS, BLINKS, MICRO, NAMES, Life, lid_mask
from core.rhythm import blinks, drift

SECONDS = np.concatenate([np.linspace(-70, 70, 900), [1e4, 1e4 + 0.01, -1e4, 3.0]])


@pytest.fixture(scope="module")
def life(steered: Bundle) -> Life:
    assert steered.life is not None
    return steered.life


def begins(closed: np.ndarray) -> np.ndarray:
    return np.flatnonzero((closed[1:] > 0) & (closed[:-1] == 0))


def test_any_order_gives_the_same(life: Life) -> None:
    whole = life.weights(SECONDS, 4)
    order = np.random.default_rng(0).permutation(len(SECONDS))
    np.testing.assert_allclose(life.weights(SECONDS[order], 4), whole[order], atol=1e-12)
    for place in (0, 400, -4, -1):
        np.testing.assert_allclose(life.weights(SECONDS[[place]], 4)[0], whole[place], atol=1e-12)
    assert np.abs(life.weights(SECONDS, 5) - whole).max() > 0.5
    assert np.isfinite(whole).all()


def test_people_blink_as_people_do() -> None:
    fine = np.arange(0, 1200, 1 / 120)
    left, right = blinks(fine, 2)
    starts = fine[begins(left)]
    assert 11 < len(starts) / 20 < 21  # a minute
    gaps = np.diff(starts)
    single = gaps[gaps > 0.8]
    assert single.min() > 2.0
    assert single.max() < 8.5
    assert single.std() > 0.7  # they are not even
    assert 0 < (gaps < 0.8).mean() < 0.25  # some come twice
    assert left.max() == right.max() == 1
    assert left.min() == right.min() == 0
    assert 0.02 < (left > 0.5).mean() < 0.09
    both = (left > 0.5) & (right > 0.5)
    assert both.sum() > 0.9 * (left > 0.5).sum()
    assert np.abs(left - right).max() > 0.01


def test_lids_shut_fast_and_open_slowly() -> None:
    fine = np.arange(0, 300, 1 / 1000)
    closed = blinks(fine, 6)[0]
    start = next(one for one in begins(closed) if closed[one : one + 800].max() == 1)
    one = closed[start : start + 700]
    shut = int(one.argmax())
    opened = shut + int((one[shut:] == 0).argmax())
    assert 70 < shut < 140  # milliseconds
    assert 1.5 * shut < opened - shut < 4 * shut
    assert np.abs(np.diff(closed, 2)).max() < 2e-3  # no corner at 1 ms


def test_micro_movements_are_small_slow_and_come_and_go(life: Life) -> None:
    seconds = np.arange(0, 900, 0.05)
    weights = life.weights(seconds, 9)
    for column, name in enumerate(life.names):
        if name in MICRO:
            one = weights[:, column]
            assert 0.001 < one.std() < 0.035
            assert np.abs(one).max() < 4 * MICRO[name]
            speed = np.abs(np.diff(one)).max() / 0.05
            assert speed < 6 * MICRO[name]
            spread = one.reshape(-1, 200).std(axis=1)  # of ten seconds each
            assert spread.max() > 2.5 * spread.min()
    assert (weights[:, [life.names.index(name) for name in ("squint_left", "press")]] >= 0).all()
    noise = drift(seconds, 9, np.arange(40, 46), np.zeros(6, bool))
    apart = np.corrcoef(noise.T) - np.eye(6)
    assert np.abs(apart).max() < 0.35


def test_a_blink_ends_closed_whatever_the_lid_does(steered: Bundle, life: Life) -> None:
    template = steered.template
    closed_at = np.arange(0, 300, 1 / 500)
    left = blinks(closed_at, 3)[0]
    moment = closed_at[[int(left.argmax())]]
    on = life.on(template)
    blink = life.field("blink_left")
    lids = lid_mask(template, blink) == 1
    assert lids[template.landmarks["left_lid_upper"]]
    for squint in (0.0, 0.5, -0.6, 1.0):
        frame = np.ascontiguousarray((squint * blink)[None])
        on.add(frame, moment, 3, 0.0)
        np.testing.assert_allclose(frame[0, lids], blink[lids], atol=1e-4)
    far = lid_mask(template, blink) == 0
    assert far[template.landmarks["chin"]]
    assert far[template.landmarks["right_lid_upper"]]


def test_the_lid_mask_leaves_eyes_alone(steered: Bundle, life: Life) -> None:
    template = steered.template
    assert template.polygon_part is not None
    mask = lid_mask(template, life.field("blink_left"))
    eyes = np.unique(template.polygons[template.polygon_part == template.parts.index("eyes")])
    np.testing.assert_array_equal(mask[eyes[eyes >= 0]], 0)
    assert mask[template.landmarks["left_lid_lower"]] > 0.5
    np.testing.assert_array_equal(lid_mask(template, np.zeros_like(template.vertices)), 0)


def test_half_way_the_lid_bulges_by_its_arc(steered: Bundle, life: Life) -> None:
    fine = np.arange(0, 60, 1 / 2000)
    left = blinks(fine, 3)[0]
    moment = fine[[int(np.abs(left - 0.5).argmin())]]
    half = float(blinks(moment, 3)[0][0])
    frame = np.zeros((1, steered.template.vertex_count, 3), np.float32)
    life.on(steered.template).add(frame, moment, 3, 0.0)
    wanted = half * life.field("blink_left") + 4 * half * (1 - half) * life.field("arc_left")
    near = np.abs(life.field("blink_left")).sum(axis=1) > 0
    np.testing.assert_allclose(frame[0, near], wanted[near], atol=2e-3)


def test_a_face_turns_its_life(steered: Bundle, life: Life) -> None:
    rng = np.random.default_rng(1)
    jacobians = rng.normal(size=(steered.template.vertex_count, 3, 3)).astype(np.float32)
    seconds = np.linspace(0, 20, 300)
    plain, turned = (np.zeros((300, steered.template.vertex_count, 3), np.float32) for _ in range(2))
    life.on(steered.template).add(plain, seconds, 1, 1.0)
    life.on(steered.template, jacobians).add(turned, seconds, 1, 1.0)
    np.testing.assert_allclose(turned, np.einsum("vij,tvj->tvi", jacobians, plain), atol=1e-3)


def test_what_hardly_moves_is_left_out(steered: Bundle, life: Life) -> None:
    arrays = life.to_arrays()
    assert len(arrays["life.blink_left.vertices"]) < steered.template.vertex_count / 5
    again = Life.from_arrays(arrays, life.vertex_count)
    assert again is not None
    np.testing.assert_array_equal(again.fields, life.fields)
    assert Life.from_arrays({}, 5) is None


def test_life_without_blinks_or_without_the_rest(steered: Bundle, life: Life) -> None:
    shape = (1, steered.template.vertex_count, 3)
    for names in (("jaw",), BLINKS, (*BLINKS, *ARCS)):
        some = Life(names, np.stack([life.field(name) for name in names]).astype(np.float16))
        frame = np.zeros(shape, np.float32)
        some.on(steered.template).add(frame, np.array([4.0]), 1, 1.0)
        assert np.isfinite(frame).all()


def test_wrong_motions_of_life() -> None:
    fine = np.zeros((2, 9, 3), np.float16)
    for names, fields in (
        (("jaw", "wink"), fine), (("jaw", "jaw"), fine), ((), fine[:0]), (("jaw",), fine),
        (NAMES[:2], fine[..., :2]), (NAMES[:2], np.full_like(fine, np.nan)),
    ):  # fmt: skip
        with pytest.raises(TemplateError):
            Life(names, fields)
