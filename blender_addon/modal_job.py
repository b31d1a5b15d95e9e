"""What the operators share whose work takes seconds: straight through in a script, beside it in a window."""

# mypy: disable-error-code="override"
from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import bpy

from .engine import Cancelled
from .operator_base import MienOperator

if TYPE_CHECKING:
    from collections.abc import Iterator

SLICE = 0.08
"""Seconds of work between two looks at the keyboard."""


class ModalJob(MienOperator):
    """Base of these operators.

    A subclass makes its job in `_job` (whose `compute` goes step by step), shows a step in `_show`, and ends in
    `_finish`; `_give_up` takes back what a job that is not finished has done. Work in a thread has its own `_start`,
    `_tick` and `_ended`.
    """

    every = 0.01
    """Seconds from one tick to the next."""

    def run(self, context: bpy.types.Context) -> set[str]:
        """Straight through."""
        job = self._job(context)
        for _ in job.compute():
            pass
        return self._finish(job)

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """In a window: with progress, until done or ESC."""
        if bpy.app.background or context.window is None:
            return self.execute(context)
        return self.guarded(lambda: self._begin(context))

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """One tick; all events wait, so that nobody changes the face meanwhile."""
        if event.type == "ESC":
            outcome = self.guarded(self._stop)
        elif event.type == "TIMER":
            outcome = self.guarded(lambda: self._tick(context))
        else:
            return {"RUNNING_MODAL"}
        if outcome != {"RUNNING_MODAL"}:
            self._clear(context)
        return outcome

    def cancel(self, context: bpy.types.Context) -> None:
        """Blender ends the operator (the window closes): nothing was changed."""
        self._give_up()
        self._clear(context)

    def _job(self, context: bpy.types.Context) -> Any:
        raise NotImplementedError

    def _finish(self, job: Any) -> set[str]:
        raise NotImplementedError

    def _show(self, context: bpy.types.Context, step: Any) -> None:
        raise NotImplementedError

    def _give_up(self) -> None:
        """Nothing, where nothing is changed before the end."""

    def _begin(self, context: bpy.types.Context) -> set[str]:
        self._work = self._job(context)
        manager = context.window_manager
        self._timer = manager.event_timer_add(self.every, window=context.window)
        manager.progress_begin(0, 100)
        self._start(context)
        manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def _start(self, _context: bpy.types.Context) -> None:
        self._steps: Iterator[Any] = self._work.compute()

    def _tick(self, context: bpy.types.Context) -> set[str]:
        until = time.monotonic() + SLICE
        for step in self._steps:
            self._show(context, step)
            if time.monotonic() > until:
                return {"RUNNING_MODAL"}
        return self._finish(self._work)

    def _stop(self) -> set[str]:
        self._give_up()
        raise Cancelled

    def _ended(self) -> None:
        """Whatever way it ended."""

    def _clear(self, context: bpy.types.Context) -> None:
        self._ended()
        context.window_manager.event_timer_remove(self._timer)
        context.window_manager.progress_end()
        context.workspace.status_text_set(None)
        redraw(context)


class Progress:
    """How far something that is under way has come, for a panel."""

    def __init__(self) -> None:
        self.doing, self.share, self.running = "", 0.0, False

    def show(self, context: bpy.types.Context, doing: str, share: float) -> None:
        """It has come so far (0..1), and does this; the window is told where that is news."""
        doing = doing[:1].upper() + doing[1:]
        if self.running and (doing, share) == (self.doing, self.share):
            return
        self.doing, self.share, self.running = doing, share, True
        context.window_manager.progress_update(int(100 * share))
        context.workspace.status_text_set(f"Mien: {doing[:1].lower()}{doing[1:]} — ESC cancels")
        redraw(context)

    def clear(self) -> None:
        """Nothing is under way."""
        self.doing, self.share, self.running = "", 0.0, False


def redraw(context: bpy.types.Context) -> None:
    """All of the window anew."""
    for area in context.screen.areas if context.screen else ():
        area.tag_redraw()
