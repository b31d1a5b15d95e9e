"""The panels in every state, drawn with Blender's own layout in a process of its own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="module")
def drawing(draw_states):
    """(what each state draws, what Blender complained about)."""
    return draw_states("draw_panels.py")


@pytest.mark.parametrize(
    ("state", "words", "absent"),
    [
        ("empty", ["No face is picked", "add_sample_face", "Pick a face first"], ["remove_bake"]),
        ("wrong", ["Cube has 8", "add_sample_face"], ["remove_bake"]),
        (
            "ready",
            ["Fits the", "MienFace.happy", "MienFace.surprise", "Add Expression", "mien.bake", "MienFace.balance"],
            ["remove_bake", "sample_face"],
        ),
        ("edit", ["Edit Mode", "Object Mode"], ["Fits the"]),
        ("baked", ["Frames 1 to 10", "remove_bake", "Bake Again", "duplicate_bake"], []),
        ("half baked", ["remove_bake", "duplicate_bake"], ["None"]),
        ("several", ["has 0 such keys", "There is no vertex group nobody"], ["tolerance"]),
        ("none plays", ["MienScene.tolerance", "None of them plays"], ["Bake Again"]),
        ("no frames", ["holds no frame"], []),
        ("no bundle", ["There is no bundle", "Install the"], ["Fits the"]),
    ],
)
def test_each_state_shows_what_is_so_and_what_to_do(drawing, state, words, absent):
    text = drawing[0][state]
    assert len(text) > 500
    # A sentence may be broken over lines, each a label: compare without the breaks.
    for word in words:
        assert word in text or word.replace(" ", "") in squeezed(text), f"{word!r} is missing in {text}"
    for word in absent:
        assert word not in text


def squeezed(text):
    """The labels' words, run together."""
    return "".join(re.findall(r"'draw_string': [\"'](.*?)[\"'], 'tip'", text)).replace(" ", "")


def test_blender_complains_about_nothing(drawing):
    complaints = [line for line in drawing[1].splitlines() if "rna" in line or "not found" in line or "Error" in line]
    assert not complaints
