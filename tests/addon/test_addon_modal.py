# ruff: noqa: ARG001 - fixtures are asked for by name, also for what they do
"""The bake in a window: slices, progress, ESC. The wheel has no window, so a stand-in plays Blender's part."""

from __future__ import annotations

from types import SimpleNamespace

import bpy
import pytest

ESC, TIMER, CLICK = (SimpleNamespace(type=word) for word in ("ESC", "TIMER", "LEFTMOUSE"))


class Window:
    """A context that remembers what was done to its window."""

    def __init__(self, scene):
        self.scene, self.window, self.preferences = scene, object(), bpy.context.preferences
        self.timers, self.progress, self.status, self.texts = 0, None, None, []
        self.window_manager, self.workspace, self.screen = self, self, SimpleNamespace(areas=[])

    def event_timer_add(self, _seconds, window):
        assert window is self.window
        self.timers += 1
        return "timer"

    def event_timer_remove(self, timer):
        assert timer == "timer"
        self.timers -= 1

    def progress_begin(self, low, high):
        self.progress = (low, high)

    def progress_update(self, value):
        assert self.progress is not None
        assert 0 <= value <= 100

    def progress_end(self):
        self.progress = None

    def modal_handler_add(self, operator):
        self.handler = operator

    def status_text_set(self, text):
        self.status = text
        self.texts.append(text)

    def idle(self):
        return self.timers == 0 and self.progress is None and self.status is None


@pytest.fixture
def window(scene):
    return Window(scene)


@pytest.fixture
def operator(mien, monkeypatch):
    """The operator's own methods on a plain object; it looks at the keyboard after every step."""
    monkeypatch.setattr(mien.bake_operators, "SLICE", 0.0)
    cls = mien.bake_operators.MIEN_OT_bake
    names = ("run", "modal", "cancel", "_job", "_begin", "_slice", "_stop", "_finish", "_clear")
    stand_in = type("StandIn", (mien.operator_base.MienOperator,), {name: getattr(cls, name) for name in names})()
    stand_in.new = stand_in.recorded = False
    stand_in.reports = []
    stand_in.report = lambda kind, text: stand_in.reports.append((kind, text))
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
