"""The landmark finder in the preferences: offered with its size, fetched, cancelled, removed."""

# mypy: disable-error-code="override"
from __future__ import annotations

import contextlib
import textwrap
from typing import TYPE_CHECKING

import bpy

from ..engine import torch_wheels
from ..operator_base import MienOperator
from ..pytorch.fetching import Fetching
from ..version import PACKAGE
from . import finder_fetch, finder_files

if TYPE_CHECKING:
    from ..preferences import MienPreferences

_WIDTH = 100
"""Letters in a line of the preferences."""


def _done(outcome: str) -> None:
    state.told = outcome


state = Fetching(_done, "place landmarks by hand.")


def wheel(context: bpy.types.Context) -> str:
    """The wheel that the preferences name; empty to download one."""
    addon = context.preferences.addons.get(PACKAGE)
    chosen = addon.preferences.landmark_wheel.strip() if addon and addon.preferences else ""
    return bpy.path.abspath(chosen) if chosen else ""


def hindrance(context: bpy.types.Context) -> str:
    """Why it cannot be fetched now; empty where it can."""
    if state.steps is not None:
        return "The landmark finder is on its way already."
    return finder_fetch.hindrance(wheel(context))


def draw_finder(layout: bpy.types.UILayout, chosen: MienPreferences) -> None:
    """The box "Landmark Finder": what it is, how big, or how far it has come."""
    box = layout.box()
    row = box.row()
    row.label(text="Landmark Finder", icon="VIEWZOOM")
    if finder_files.is_here():
        row.label(text=f"{torch_wheels.in_words(finder_files.KEPT)} on disk")
        row.operator("mien.remove_finder", text="Remove", icon="TRASH")
    elif state.steps is not None:
        progress = box.split(factor=0.8)
        progress.progress(factor=state.step.part, text=state.step.words)
        progress.operator("mien.cancel_finder", icon="CANCEL")
    else:
        row.operator("mien.get_finder", icon="IMPORT")
        _sentence(box, offer(), "INFO")
        why = hindrance(bpy.context)
        if why:
            _sentence(box, why, "ERROR")
        box.prop(chosen, "landmark_wheel")
    if state.told:
        _sentence(box, state.told, "ERROR" if state.failed else "CHECKMARK")


def offer() -> str:
    """What it is and what it costs, before anything is fetched."""
    download, kept = (torch_wheels.in_words(size) for size in (finder_files.DOWNLOAD, finder_files.KEPT))
    return (
        "Not here; it finds the landmarks of a head by itself. Two small networks of MediaPipe (Google, Apache-2.0): "
        f"{download} to download, of which {kept} stay in {finder_files.folder()}. Nothing else is installed."
    )


def _sentence(box: bpy.types.UILayout, text: str, icon: str) -> None:
    for number, line in enumerate(textwrap.wrap(text, _WIDTH)):
        box.label(text=line, icon="BLANK1" if number else icon)


class MIEN_OT_get_finder(MienOperator, bpy.types.Operator):  # noqa: N801 - Blender's way to name classes
    """Fetches the landmark finder."""

    bl_idname = "mien.get_finder"
    bl_label = "Download and Install"
    bl_description = (
        "Fetch the networks that find a face's landmarks into Mien's own folder, whole or not at all; "
        "Blender's own Python stays as it is"
    )
    bl_options = {"REGISTER", "INTERNAL"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Grey with a reason."""
        why = hindrance(context)
        if why:
            cls.poll_message_set(why)
        return not why

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """In a window: begins, and Blender goes on."""
        if bpy.app.background:
            return self.execute(context)
        state.start_in_window(finder_fetch.fetch(wheel(context)))
        return {"FINISHED"}

    def run(self, context: bpy.types.Context) -> set[str]:
        """Straight through."""
        state.start(finder_fetch.fetch(wheel(context)))
        state.to_the_end()
        self.report({"INFO"}, state.told)
        return {"FINISHED"}


class MIEN_OT_cancel_finder(MienOperator, bpy.types.Operator):  # noqa: N801
    """Ends the fetching."""

    bl_idname = "mien.cancel_finder"
    bl_label = "Cancel"
    bl_description = "End this; nothing is left behind"
    bl_options = {"REGISTER", "INTERNAL"}

    def run(self, _context: bpy.types.Context) -> set[str]:
        """Straight through."""
        state.stop()
        return {"FINISHED"}


class MIEN_OT_remove_finder(MienOperator, bpy.types.Operator):  # noqa: N801
    """Removes the landmark finder."""

    bl_idname = "mien.remove_finder"
    bl_label = "Remove Landmark Finder"
    bl_description = "Delete the landmark finder from Mien's folder; landmarks that it found stay"
    bl_options = {"REGISTER", "INTERNAL"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        """Grey with a reason."""
        if not finder_files.folder().exists():
            cls.poll_message_set("The landmark finder is not here.")
            return False
        return True

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Asks first: there is no undo for files."""
        outcome: set[str] = context.window_manager.invoke_confirm(self, event)
        return outcome

    def run(self, _context: bpy.types.Context) -> set[str]:
        """Straight through."""
        finder_files.remove()
        state.told = ""
        self.report({"INFO"}, "The landmark finder is removed.")
        return {"FINISHED"}


def register() -> None:
    """Clears away what was left half."""
    with contextlib.suppress(OSError):
        finder_fetch.clear()


def unregister() -> None:
    """Ends the work."""
    state.end()
