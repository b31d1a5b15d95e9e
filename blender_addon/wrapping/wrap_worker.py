"""A wrap beside the window: a thread computes, and the window stays awake even where one step takes half a minute."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..engine import Step
    from .wrap_job import WrapJob


class WrapWorker(threading.Thread):
    """Walks through a job's work. It touches nothing of Blender's: a thread must not.

    Args:
        job: made, and checked against the scene by whoever waits.

    Attributes:
        step: how far it is.
    """

    def __init__(self, job: WrapJob) -> None:
        # Blender must be able to quit meanwhile; nothing is lost, for only `finish` changes anything.
        super().__init__(name="Mien wrap", daemon=True)
        self._job = job
        self._asked = threading.Event()
        self._problem: BaseException | None = None
        self.step: Step | None = None

    def run(self) -> None:
        """What the thread does."""
        try:
            for step in self._job.work(self._asked.is_set):
                self.step = step
                if self._asked.is_set():
                    return
        except BaseException as problem:  # noqa: BLE001 - told by whoever waits, in Blender's own thread
            self._problem = problem

    def stop(self) -> None:
        """Asks it to end; it does at its next step, and nobody need wait for that."""
        self._asked.set()

    def is_through(self) -> bool:
        """Whether the work is done.

        Raises:
            MienError: what went wrong in the thread.
        """
        if self.is_alive():
            return False
        if self._problem is not None:
            raise self._problem
        return True
