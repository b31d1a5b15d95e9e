"""Transitions and blends: two expressions in one sequence."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from core.errors import CorpusError
from core.motion import EXPRESSIONS
from training.corpora.compound import OPPOSED, TRANSITION_FRAMES, blend, damped, plans, transition
from training.corpora.manner import Habits, draw_style
from training.corpora.prototypes import LIMITS, PROTOTYPES, unit_names
from training.corpora.recipe import SOURCE_FRAMES, SOURCE_RATE, child_generator

PEOPLE = 25


def style(person):
    return draw_style(child_generator(0, person), Habits())


def transitions(first="surprise", second="angry"):
    return [transition(first, second, style(n), child_generator(0, n, 1)) for n in range(PEOPLE)]


def blends(first="happy", second="sad"):
    return [blend(first, second, style(n), child_generator(0, n, 1)) for n in range(PEOPLE)]


def column(name):
    return EXPRESSIONS.index(name)


def test_a_transition_never_passes_through_neutral():
    for first, second in (("surprise", "angry"), ("happy", "sad"), ("disgust", "fear")):
        for one in transitions(first, second):
            seconds = np.arange(TRANSITION_FRAMES) / SOURCE_RATE
            between = (seconds >= one.cue.apex_start) & (seconds <= one.second_cue.apex_end)
            size = np.linalg.norm(one.weights, axis=1)
            held = [size[(seconds >= cue.apex_start) & (seconds <= cue.apex_end)] for cue in (one.cue, one.second_cue)]
            # Where no unit is shared, half of each is left in the middle: 0.5 of the length, or 0.7 of both.
            assert size[between].min() > 0.45 * min(each.max() for each in held)


def test_a_transition_rests_at_both_ends_and_its_labels_cross():
    for one in transitions():
        assert one.weights.shape == (TRANSITION_FRAMES, len(unit_names()))
        assert one.kind == "transition"
        assert not one.weights[[0, -1]].any()
        assert one.second_cue.start == one.cue.apex_end
        assert one.second_cue.apex_start == one.cue.end
        seconds = np.arange(TRANSITION_FRAMES) / SOURCE_RATE
        crossing = (seconds >= one.cue.apex_end) & (seconds <= one.cue.end)
        # One falls linearly while the other rises: together they stay 1.
        np.testing.assert_allclose(one.labels[crossing].sum(axis=1), 1, atol=1e-5)
        assert one.labels[:, column("surprise")].max() == one.labels[:, column("angry")].max() == 1
        assert np.count_nonzero(one.labels.any(axis=0)) == 2


def test_each_unit_goes_straight_from_one_strength_to_the_other():
    """Never above the larger of both apexes, but for the waver of a held pose."""
    for one in transitions():
        seconds = np.arange(TRANSITION_FRAMES) / SOURCE_RATE
        ends = [
            one.weights[(seconds >= cue.apex_start) & (seconds <= cue.apex_end)].max(axis=0)
            for cue in (one.cue, one.second_cue)
        ]
        assert (one.weights <= np.maximum(*ends) * 1.06 + 1e-9).all()
        # The fastest unit needs several frames: no jump where one cue ends and the other's apex starts.
        assert np.abs(np.diff(one.weights, axis=0)).max() < 0.3


def test_what_each_would_have_been_alone():
    for one in (*transitions(), *blends()):
        assert len(one.alone) == 2
        for weights in one.alone:
            assert weights.shape == (SOURCE_FRAMES, len(unit_names()))
            assert not weights[[0, -1]].any()
    for one in transitions("happy", "surprise"):
        jaw, smile = (unit_names().index(name) for name in ("jawOpen", "mouthSmileLeft"))
        assert one.alone[0][:, smile].max() == pytest.approx(one.weights[:, smile].max(), rel=0.1)
        assert one.alone[1][:, jaw].max() == pytest.approx(one.weights[:, jaw].max(), rel=0.1)
        assert not one.alone[1][:, smile].any()


def test_a_blend_shows_both_and_the_stronger_comes_first():
    for one in blends():
        first, second = (column(cue.expression) for cue in (one.cue, one.second_cue))
        peak = one.labels.max(axis=0)
        assert 0.4 <= peak[second] <= peak[first] <= 1
        assert np.count_nonzero(peak) == 2
        brow, cheek = (unit_names().index(name) for name in ("browInnerUp", "cheekSquintLeft"))
        assert one.weights[:, brow].max() > 0.1
        assert one.weights[:, cheek].max() > 0.1
    assert {one.cue.expression for one in blends()} == {"happy", "sad"}


def test_a_blend_stays_within_what_shapes_can_do():
    limits = np.array([LIMITS.get(name, 1.0) for name in unit_names()])
    for first, second in (("surprise", "fear"), ("angry", "disgust"), ("happy", "surprise")):
        for one in blends(first, second):
            assert one.weights.min() >= 0
            assert (one.weights.max(axis=0) <= 1.15 * limits).all()


def test_opposed_units_are_damped_side_by_side():
    names = unit_names()
    apex = np.zeros(len(names))
    for name, value in {
        "mouthSmileLeft": 0.8,
        "mouthFrownLeft": 0.4,
        "mouthSmileRight": 0.6,
        "eyeSquintLeft": 0.5,
    }.items():
        apex[names.index(name)] = value
    after = dict(zip(names, damped(apex), strict=True))
    assert after["mouthSmileLeft"] == pytest.approx(0.6)
    assert after["mouthFrownLeft"] == pytest.approx(0.2)
    assert after["mouthSmileRight"] == 0.6  # nothing pulls at that side
    assert after["eyeSquintLeft"] == 0.5
    apex[names.index("mouthRollLower")] = apex[names.index("mouthLowerDownRight")] = 0.4
    after = dict(zip(names, damped(apex), strict=True))
    assert after["mouthRollLower"] == after["mouthLowerDownRight"] == pytest.approx(0.2)


def test_no_variant_opposes_itself():
    for prototype in PROTOTYPES.values():
        for variant in prototype.variants:
            units = {*variant.units, *variant.sometimes}
            assert not any({one, other} <= units for one, other in OPPOSED)


def test_all_pairs_come_about_equally_often():
    done = plans(27, np.random.default_rng(0))
    moves = Counter(pair for plan in done for pair in plan.transitions)
    both = Counter(tuple(sorted(pair)) for plan in done for pair in plan.blends)
    assert (len(moves), sum(moves.values()), max(moves.values())) == (30, 54, 2)
    assert (len(both), sum(both.values()), max(both.values())) == (15, 27, 2)
    assert all(len(set(plan.transitions)) == 2 for plan in done)
    assert plans(0, np.random.default_rng(0)) == []


def test_an_unknown_expression_is_refused():
    for scene in (transition, blend):
        with pytest.raises(CorpusError, match="bored"):
            scene("bored", "happy", style(0), child_generator(0))
