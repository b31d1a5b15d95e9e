"""What the buttons share that work on photos for a while."""

# mypy: disable-error-code="override"
from __future__ import annotations

from typing import TYPE_CHECKING

from ..modal_job import ModalJob, Progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    import bpy

    from ..engine import Step

progress = Progress()
"""Of the photos that are looked at, or of the face that is made."""


class PhotoWork(ModalJob):
    """What works on photos while a window stays awake."""

    def _start(self, context: bpy.types.Context) -> None:
        super()._start(context)
        progress.show(context, "reading the photos", 0.0)

    def _show(self, context: bpy.types.Context, step: Step) -> None:
        progress.show(context, step.doing, step.done / max(step.total, 1))

    def _ended(self) -> None:
        progress.clear()

    def _tell(self, done: str, problems: Sequence[str]) -> None:
        """What was done, and what is wrong; the list says it too."""
        sentence = " ".join([done, *problems[:3]])
        more = len(problems) - 3
        self.report({"WARNING"} if problems else {"INFO"}, f"{sentence} And {more} more." if more > 0 else sentence)
