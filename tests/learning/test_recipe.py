"""The recipe of the synthetic corpora: units, styles, timing. No mesh."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.errors import CorpusError
from core.motion import EXPRESSIONS, Cue
from training.corpora.manner import Habits, draw_style
from training.corpora.prototypes import LIMITS, MIDDLE, PROTOTYPES, SIDED, unit_names
from training.corpora.recipe import (
    SOURCE_FRAMES,
    SOURCE_RATE,
    activation,
    child_generator,
    draw_strengths,
    perform,
    unit_fields,
)

ALWAYS = {
    "angry": {"browDown", "eyeSquint"},
    "disgust": {"noseSneer"},
    "fear": {"browInnerUp", "browOuterUp", "browDown", "eyeWide", "mouthStretch"},
    "happy": {"cheekSquint", "mouthSmile"},
    "sad": {"browInnerUp", "browDown", "mouthFrown"},
    "surprise": {"browInnerUp", "browOuterUp", "eyeWide", "jawOpen"},
}
"""The units without which a coder would not call it that expression."""


def performance(expression="happy", person=0, habits=None, seed=0):
    style = draw_style(child_generator(seed, person), habits or Habits())
    return perform(expression, style, child_generator(seed, person, 1))


def strengths(expression, seed, person, habits=None, occasion=1):
    style = draw_style(child_generator(seed, person), habits or Habits())
    return draw_strengths(expression, style, child_generator(seed, person, occasion))


def test_every_unit_is_known_and_sides_come_in_pairs():
    names = unit_names()
    assert len(set(names)) == len(names) == 2 * len(SIDED) + len(MIDDLE)
    for prototype in PROTOTYPES.values():
        for variant in prototype.variants:
            for unit in (*variant.units, *variant.sometimes):
                assert unit in SIDED or unit in MIDDLE


def test_every_expression_has_its_action_units_in_every_variant():
    assert set(PROTOTYPES) == set(EXPRESSIONS)
    for expression, units in ALWAYS.items():
        for variant in PROTOTYPES[expression].variants:
            assert units <= set(variant.units)


def test_ranges_are_strengths():
    for prototype in PROTOTYPES.values():
        for variant in prototype.variants:
            assert variant.share > 0
            assert all(0 <= low < high <= 1.2 for low, high in variant.units.values())
            assert all(0 < chance < 1 and 0 <= low < high <= 1 for chance, low, high in variant.sometimes.values())


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_weights_rest_outside_the_cue_and_peak_within(expression):
    for person in range(20):
        one = performance(expression, person)
        seconds = np.arange(SOURCE_FRAMES) / SOURCE_RATE
        outside = (seconds <= one.cue.start) | (seconds >= one.cue.end)
        assert outside[0]
        assert outside[-1]
        assert not one.weights[outside].any()
        held = (seconds >= one.cue.apex_start) & (seconds <= one.cue.apex_end)
        active = one.weights.max(axis=0) > 0
        assert (one.weights[held][:, active] > 0.85 * one.weights[:, active].max(axis=0)).all()


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_labels_are_one_at_the_apex_of_their_own_column_only(expression):
    one = performance(expression)
    column = EXPRESSIONS.index(expression)
    assert one.labels.shape == (SOURCE_FRAMES, 6)
    assert one.labels[:, column].max() == 1
    assert not np.delete(one.labels, column, axis=1).any()


def test_the_offset_is_slower_than_the_onset():
    for expression in EXPRESSIONS:
        for person in range(30):
            cue = performance(expression, person).cue
            assert cue.end - cue.apex_end > cue.apex_start - cue.start > 0.08


def test_faces_are_surprised_sooner_than_sad():
    def onset(expression):
        cues = [performance(expression, person).cue for person in range(60)]
        return np.mean([cue.apex_start - cue.start for cue in cues])

    assert onset("surprise") < onset("fear") < onset("sad")


@given(
    rise=st.floats(0.1, 1),
    hold=st.floats(0, 1),
    fall=st.floats(0.1, 2),
    lag=st.floats(0, 0.2),
    lead=st.floats(0, 0.2),
)
@example(rise=0.45364389602644295, hold=0.1, fall=1.261178125921285, lag=0.0, lead=0.0)
def test_activation_stays_between_rest_and_apex(rise, hold, fall, lag, lead):
    cue = Cue("sad", 1, 0.2, 0.2 + rise, 0.2 + rise + hold, 0.2 + rise + hold + fall)
    seconds = np.linspace(0, cue.end + 0.2, 300)
    value = activation(cue, seconds, lag, lead)
    assert value.min() >= 0
    assert value.max() <= 1
    assert not value[(seconds <= cue.start) | (seconds >= cue.end)].any()
    assert (np.diff(value[seconds < cue.apex_start]) >= -1e-12).all()
    assert (np.diff(value[seconds > cue.apex_end]) <= 1e-12).all()


def test_the_rise_has_the_least_jerk():
    cue = Cue("sad", 1, 0, 1, 2, 3)
    t = np.linspace(0, 1, 101)
    assert activation(cue, t) == pytest.approx(6 * t**5 - 15 * t**4 + 10 * t**3)


def test_the_same_seed_performs_the_same_in_any_order():
    forward = [performance(expression, 3).weights for expression in EXPRESSIONS]
    backward = [performance(expression, 3).weights for expression in EXPRESSIONS[::-1]][::-1]
    for one, other in zip(forward, backward, strict=True):
        np.testing.assert_array_equal(one, other)


def test_people_and_seeds_differ():
    assert not np.array_equal(performance(person=0).weights, performance(person=1).weights)
    assert not np.array_equal(performance(seed=0).weights, performance(seed=1).weights)


def test_without_asymmetry_both_sides_do_the_same():
    names = unit_names()
    left = [names.index(f"{unit}Left") for unit in sorted(SIDED)]
    right = [names.index(f"{unit}Right") for unit in sorted(SIDED)]
    even = performance("disgust", habits=Habits(asymmetry=0)).weights
    np.testing.assert_array_equal(even[:, left], even[:, right])
    assert not np.array_equal(*(performance("disgust").weights[:, side] for side in (left, right)))


def test_strengths_never_leave_what_the_shapes_can_do():
    limits = np.array([LIMITS.get(name, 1.0) for name in unit_names()])
    for expression in EXPRESSIONS:
        for person in range(60):
            weights = performance(expression, person).weights
            assert weights.min() >= 0
            assert (weights.max(axis=0) <= 1.15 * limits).all()


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_weak_performances_are_still_visible(expression):
    """Eq. 6 gives nearly 0 to one standard deviation below the mean: that must not be a face at rest."""
    strength = [sum(strengths(expression, 0, n).values()) for n in range(300)]
    mean, deviation = np.mean(strength), np.std(strength)
    assert 0.15 * mean < deviation < 0.45 * mean


def test_optional_units_come_sometimes():
    smiles = [strengths("happy", 1, n) for n in range(300)]
    raised = np.mean(["browOuterUp" in one for one in smiles])
    assert 0.05 < raised < 0.35
    open_mouth = np.mean([one.get("jawOpen", 0) > 0 for one in smiles])
    assert 0.7 < open_mouth < 0.95


def test_variants_come_as_often_as_their_shares_say():
    pressed = np.mean(["mouthPress" in strengths("happy", 2, n) for n in range(600)])
    assert pressed == pytest.approx(0.17, abs=0.05)
    bared = np.mean(["mouthLowerDown" in strengths("angry", 2, n) for n in range(600)])
    assert bared == pytest.approx(0.22, abs=0.05)


def test_a_person_poses_alike_most_times_and_without_occasion_always():
    def kind(person, habits, occasion):
        done = strengths("angry", 3, person, habits, occasion)
        return "mouthRollUpper" in done, "mouthLowerDown" in done

    def same(habits):
        """Share of people who show the same variant on two occasions."""
        return np.mean([kind(n, habits, 1) == kind(n, habits, 2) for n in range(200)])

    assert same(Habits(occasion=0)) == 1
    assert 0.6 < same(Habits()) < 1
    assert same(Habits(anatomy=0, occasion=1)) < same(Habits())


def test_shares_beyond_the_whole_are_refused():
    for wrong in ({"anatomy": 1.1}, {"anatomy": -0.1}, {"occasion": 2.0}):
        with pytest.raises(CorpusError, match=r"not 0\.\.1"):
            Habits(**wrong)


def test_a_source_that_lacks_a_unit_is_refused():
    fields = {name: np.zeros((4, 3)) for name in unit_names()}
    assert unit_fields(fields).shape == (len(unit_names()), 4, 3)
    del fields["jawOpen"]
    with pytest.raises(CorpusError, match="jawOpen"):
        unit_fields(fields)


def test_an_unknown_expression_is_refused():
    with pytest.raises(CorpusError, match="bored"):
        performance("bored")
