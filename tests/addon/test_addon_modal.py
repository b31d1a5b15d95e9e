# ruff: noqa: ARG001 - fixtures are asked for by name, also for what they do
"""The bake in a window: slices, progress, ESC. The wheel has no window, so a stand-in plays Blender's part."""

from __future__ import annotations

from types import SimpleNamespace

import bpy
import pytest

ESC, TIMER, CLICK = (SimpleNamespace(type=word) for word in ("ESC", "TIMER", "LEFTMOUSE"))


@pytest.fixture
def operator(mien, modal_job):
    """The bake; it looks at the keyboard after every step."""
    stand_in = modal_job(mien.bake_operators.MIEN_OT_bake)
    stand_in.new = stand_in.recorded = False
    return stand_in


def test_it_works_in_slices_until_done(operator, window, happy):
    window.scene.frame_start, window.scene.frame_end = 1, 60
    assert operator._begin(window) == {"RUNNING_MODAL"}
    assert (window.timers, window.progress) == (1, (0, 100))
    turns = 0
    while (outcome := operator.modal(window, TIMER)) == {"RUNNING_MODAL"}:
        blocks = happy.data.shape_keys.key_blocks
        assert len(blocks) == min(17 + 16 * turns, 61), "the frames go onto the mesh as they come"
        assert not any(key.value for key in list(blocks)[1:]), "nothing shows before all is there"
        assert operator.modal(window, CLICK) == {"RUNNING_MODAL"}
        turns += 1
    assert outcome == {"FINISHED"}
    assert turns == 4  # 60 frames, 16 at a time
    assert any("frame 32 of 60" in text for text in window.texts if text)
    assert len(happy.data.shape_keys.key_blocks) == 61
    assert window.idle()
    assert operator.reports[0][0] == {"INFO"}


def test_escape_leaves_everything_as_it_was(operator, window, happy):
    window.scene.frame_start, window.scene.frame_end = 1, 60
    operator._begin(window)
    operator.modal(window, TIMER)
    assert operator.modal(window, ESC) == {"CANCELLED"}
    assert happy.data.shape_keys is None
    assert window.idle()
    assert operator.reports == [({"INFO"}, "Cancelled; nothing was changed.")]


def test_a_closed_window_leaves_everything_as_it_was(operator, window, happy):
    operator._begin(window)
    operator.modal(window, TIMER)
    operator.cancel(window)
    assert happy.data.shape_keys is None
    assert window.idle()


def test_a_face_deleted_meanwhile_is_told(mien, operator, window, happy):
    window.scene.frame_start, window.scene.frame_end = 1, 20
    operator._begin(window)
    bpy.data.objects.remove(happy)
    while (outcome := operator.modal(window, TIMER)) == {"RUNNING_MODAL"}:
        pass
    assert outcome == {"CANCELLED"}
    assert operator.reports[0][0] == {"ERROR"}
    assert "is gone" in operator.reports[0][1]
    assert window.idle()


def test_what_is_wrong_at_the_start_leaves_no_timer(mien, operator, window, face):
    assert operator.guarded(lambda: operator._begin(window)) == {"CANCELLED"}
    assert "nothing to perform" in operator.reports[0][1]
    assert window.idle()
