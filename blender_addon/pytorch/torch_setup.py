"""PyTorch made easy: looked up, fetched, cancelled, removed from the preferences, while Blender goes on working."""

# mypy: disable-error-code="override"
from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import bpy

from .. import engine
from ..engine import MienError, torch_wheels
from ..operator_base import MienOperator
from ..version import PACKAGE
from . import torch_folder, torch_jobs
from .fetching import Fetching
from .torch_jobs import Plan, Step
from .torch_pip import Source, pip_command

if TYPE_CHECKING:
    from collections.abc import Generator


@dataclass
class _State(Fetching):
    """What goes on with PyTorch.

    Attributes:
        plan: what would be fetched; None before it was looked up.
    """

    plan: Plan | None = None


def _done(outcome: Plan | str) -> None:
    if isinstance(outcome, Plan):
        state.plan, state.told = outcome, ""
        return
    state.plan, state.told = None, outcome
    if engine.torch_failure():
        state.told += " Restart Blender to compute with it."
        return
    torch_folder.activate()
    engine.forget_generators()


state = _State(_done, "numpy computes as before.")
start, advance, stop = state.start, state.advance, state.stop
_tick = state.tick


def source(context: bpy.types.Context) -> Source:
    """What the preferences say."""
    addon = context.preferences.addons.get(PACKAGE)
    chosen = addon.preferences if addon else None
    if chosen is None:
        return Source(torch_wheels.TESTED)
    index = chosen.torch_index.strip()
    return Source(chosen.torch_version.strip(), index if not index or "://" in index else bpy.path.abspath(index))


def hindrance(context: bpy.types.Context) -> str:
    """Why PyTorch cannot be fetched now; empty where it can."""
    if state.steps is not None:
        return "PyTorch is on its way already."
    if torch_folder.folder().exists():
        return "There is a PyTorch in Mien's folder; remove it first."
    if engine.torch_is_there():
        return "Blender has a PyTorch already."
    if not source(context).is_folder and not bpy.app.online_access:
        return "Blender may not go online: see Preferences, System, Network, Allow Online Access."
    try:
        pip_command()
    except MienError as problem:
        return str(problem)
    return ""


def register() -> None:
    """Lets Python find what was fetched, and clears away what was left half."""
    # A person's folder that cannot be had (a farm's node) means no torch of ours, and nothing else.
    with contextlib.suppress(OSError):
        torch_jobs.clear_away(torch_folder.beside("part"))
        torch_folder.activate()


def unregister() -> None:
    """Ends the work; Python finds Mien's folder no more."""
    state.end()
    torch_folder.deactivate()


class _Job(MienOperator):
    """An operator that begins a piece of work; from a script it waits for the end."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Grey with a reason."""
        why = hindrance(context)
        if why:
            cls.poll_message_set(why)
        return not why

    def steps(self, context: bpy.types.Context) -> Generator[Step, None, Plan | str]:
        """The work."""
        raise NotImplementedError

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """In a window: begins, and Blender goes on."""
        if bpy.app.background:
            return self.execute(context)
        state.start_in_window(self.steps(context))
        return {"FINISHED"}

    def run(self, context: bpy.types.Context) -> set[str]:
        """Straight through."""
        start(self.steps(context))
        state.to_the_end()
        self.report({"INFO"}, state.told or str(state.plan))
        return {"FINISHED"}


class MIEN_OT_ask_torch(_Job, bpy.types.Operator):  # noqa: N801 - Blender's way to name classes
    """Looks PyTorch up."""

    bl_idname = "mien.ask_torch"
    bl_label = "Get PyTorch…"
    bl_description = "Ask the index which PyTorch fits this Blender and how big it is; nothing is downloaded yet"
    bl_options = {"REGISTER", "INTERNAL"}

    def steps(self, context: bpy.types.Context) -> Generator[Step, None, Plan | str]:
        """The work."""
        return torch_jobs.look_up(source(context))


class MIEN_OT_get_torch(_Job, bpy.types.Operator):  # noqa: N801
    """Fetches PyTorch."""

    bl_idname = "mien.get_torch"
    bl_label = "Download and Install"
    bl_description = "Fetch PyTorch into Mien's own folder, whole or not at all; Blender's own Python stays as it is"
    bl_options = {"REGISTER", "INTERNAL"}

    def steps(self, context: bpy.types.Context) -> Generator[Step, None, Plan | str]:
        """The work."""
        return torch_jobs.fetch(source(context), state.plan)


class MIEN_OT_cancel_torch(MienOperator, bpy.types.Operator):  # noqa: N801
    """Ends the fetching, or forgets what was looked up."""

    bl_idname = "mien.cancel_torch"
    bl_label = "Cancel"
    bl_description = "End this; nothing is left behind"
    bl_options = {"REGISTER", "INTERNAL"}

    def run(self, _context: bpy.types.Context) -> set[str]:
        """Straight through."""
        stop()
        state.plan = None
        return {"FINISHED"}


class MIEN_OT_remove_torch(MienOperator, bpy.types.Operator):  # noqa: N801
    """Removes PyTorch."""

    bl_idname = "mien.remove_torch"
    bl_label = "Remove PyTorch"
    bl_description = "Delete PyTorch from Mien's folder; numpy computes then, the same motion"
    bl_options = {"REGISTER", "INTERNAL"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        """Grey with a reason."""
        if not torch_folder.folder().exists():
            cls.poll_message_set("There is no PyTorch in Mien's folder.")
            return False
        return True

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Asks first: there is no undo for files."""
        outcome: set[str] = context.window_manager.invoke_confirm(self, event)
        return outcome

    def run(self, _context: bpy.types.Context) -> set[str]:
        """Straight through."""
        state.told, state.failed, state.plan = "", False, None
        gone = torch_folder.remove()
        self.report(
            {"INFO"}, "PyTorch is removed." if gone else "PyTorch is in use and goes when Blender starts again."
        )
        return {"FINISHED"}
