"""The panel Face from Photo in its states, drawn with Blender's own layout in a process of its own."""

from __future__ import annotations

import re

import pytest


@pytest.fixture(scope="module")
def drawing(draw_states):
    """(what each state draws, what Blender complained about)."""
    return draw_states("draw_photo.py")


@pytest.mark.parametrize(
    ("state", "words", "absent"),
    [
        ("empty", ["closed=False", "mien.add_photos", "One photo from the front is enough"], ["mien.make_face"]),
        ("no finder", ["Place Landmarks", "The landmark finder is not here", "addon_show"], ["find_photo_faces"]),
        ("new", ["Place Landmarks", "mien.find_photo_faces", "Find Faces"], ["addon_show", "MienPhoto.which"]),
        (
            "found",
            ["Edit Landmarks", "MienPhotos.title", "MienPhotos.size", "mien.make_face", "mien.move_photo"],
            ["find_photo_faces", "addon_show", "MienPhoto.which", "MienScene.like", "ERROR"],
        ),
        ("moved", ["Edit Landmarks"], ["Place Landmarks"]),
        ("problem", ["ann.jpg shows 2 faces", "MienPhoto.which", "again=True"], []),
        ("another lacks", ["ann.jpg has no landmarks yet: place them, or remove it."], ["shows 2 faces"]),
        ("under way", ["Finding the person (Esc cancels)"], ["mien.make_face"]),
        ("editing", ["The photo lies over the 3D view", "Enter finishes"], ["has no landmarks yet"]),
        ("gone", ["ben.jpg is not on the disk any more. Choose where it lies:", "MienPhoto.filepath"], ["edit_photo"]),
        ("none selected", ["mien.add_photos", "mien.make_face"], ["edit_photo", "mien.move_photo"]),
        ("no reader", ["No generator here can read photos", "MienScene.like"], []),
        ("face", ["closed=True", "Edit Landmarks"], ["closed=False"]),
    ],
)
def test_each_state_shows_what_is_so_and_what_to_do(drawing, state, words, absent):
    text = drawing[0][state]
    labels = "".join(re.findall(r"'draw_string': [\"'](.*?)[\"'], 'tip'", text)).replace(" ", "")
    for word in words:
        assert word in text or word.replace(" ", "") in labels, f"{word!r} is missing in {text}"
    for word in absent:
        assert word not in text
        assert word.replace(" ", "") not in labels


def test_blender_complains_about_nothing(drawing):
    complaints = [line for line in drawing[1].splitlines() if "rna" in line or "not found" in line or "Error" in line]
    assert not complaints
