"""What is fetched for Mien comes in the background: small steps, driven by a timer of the application.

Not by a modal operator: the preferences' window may be closed meanwhile.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import bpy

from ..engine import MienError
from .torch_jobs import Step

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

_TICK, _SLICE = 0.2, 0.05
"""Seconds between two turns of work in a window, and how long one takes at most."""


@dataclass
class Fetching:
    """What goes on, and what was said last.

    Attributes:
        done: is told the outcome of work that came to its end; it says in `told` what there is to say.
        otherwise: how things stand where the work failed, the end of a sentence.
        steps: the work, None where there is none.
        step: where it is.
        told: the last outcome.
        failed: it was none to be glad of.
    """

    done: Callable[[Any], None]
    otherwise: str
    steps: Generator[Step, None, Any] | None = None
    step: Step = field(default_factory=lambda: Step(""))
    told: str = ""
    failed: bool = False

    def __post_init__(self) -> None:
        # One object: Blender knows timers by it, and a method is another one each time it is asked for.
        self.tick = self._tick

    def start(self, steps: Generator[Step, None, Any]) -> None:
        """Begins a piece of work."""
        self.steps, self.step, self.told, self.failed = steps, Step("Beginning"), "", False

    def start_in_window(self, steps: Generator[Step, None, Any]) -> None:
        """Begins a piece of work, and Blender goes on."""
        self.start(steps)
        bpy.app.timers.register(self.tick, persistent=True)

    def advance(self, until: float) -> bool:
        """Goes on with the work until a moment of `time.monotonic`; what comes of it is in `told` and `failed`.

        Returns:
            Whether there is more to do.
        """
        if self.steps is None:
            return False
        try:
            while True:
                self.step = next(self.steps)
                if time.monotonic() > until:
                    return True
        except StopIteration as end:
            self.steps = None
            self.done(end.value)
        except MienError as problem:
            self.steps, self.told, self.failed = None, str(problem), True
        except Exception as problem:  # noqa: BLE001 - a timer that raises is silently gone
            self.steps, self.failed = None, True
            self.told = f"Mien did not expect this ({problem}); {self.otherwise}"
        return False

    def to_the_end(self) -> None:
        """Does the work and waits for it.

        Raises:
            MienError: it failed.
        """
        try:
            while self.advance(time.monotonic() + 1.0):
                pass
        finally:
            self.stop()
        if self.failed:
            raise MienError(self.told)

    def stop(self) -> bool:
        """Ends the work and removes what it left; returns whether there was any."""
        if self.steps is None:
            return False
        self.steps.close()
        self.steps, self.told, self.failed = None, "Cancelled; nothing was left behind.", False
        return True

    def end(self) -> None:
        """Ends the work, and the timer: Mien is switched off."""
        self.stop()
        if bpy.app.timers.is_registered(self.tick):
            bpy.app.timers.unregister(self.tick)

    def _tick(self) -> float | None:
        more = self.advance(time.monotonic() + _SLICE)
        for window in bpy.context.window_manager.windows:
            for area in window.screen.areas:
                if area.type == "PREFERENCES":
                    area.tag_redraw()
        return _TICK if more else None
