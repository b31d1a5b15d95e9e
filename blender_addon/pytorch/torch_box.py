"""What the preferences show of engines and PyTorch, and how fast they are here."""

# mypy: disable-error-code="override"
from __future__ import annotations

import json
import platform
import textwrap
from typing import TYPE_CHECKING

import bpy

from .. import engine
from ..engine import MienError, torch_wheels
from ..operator_base import MienOperator
from ..version import PACKAGE
from . import torch_folder, torch_setup

if TYPE_CHECKING:
    from ..preferences import MienPreferences

_WIDTH = 100
"""Letters in a line of the preferences."""


def draw_engine(layout: bpy.types.UILayout, chosen: MienPreferences) -> None:
    """The box "Engine": the choices, what they come to, and how fast that is."""
    box = layout.box()
    row = box.row()
    row.label(text="Engine", icon="MEMORY")
    row.operator("mien.measure", icon="TIME")
    box.prop(chosen, "engine")
    box.prop(chosen, "device")
    sentence, well = _verdict(chosen.engine)
    _sentence(box, sentence, "INFO" if well else "ERROR")
    for line in speeds(chosen.measured):
        box.label(text=line, icon="BLANK1")


def _verdict(chosen: str) -> tuple[str, bool]:
    """Which engine computes, and whether that is as it should be."""
    used, failure = engine.in_use(), engine.torch_failure()
    if failure and chosen != "numpy":
        return f"PyTorch does not work here ({failure}); numpy computes.", False
    if used:
        return f"Computed last with {used}.", True
    if chosen == "numpy" or not engine.torch_is_there():
        lacks = "" if chosen == "numpy" else ": PyTorch is not here"
        return f"numpy on cpu will compute{lacks}.", chosen != "torch"
    return "PyTorch will compute.", True


def draw_torch(layout: bpy.types.UILayout, chosen: MienPreferences) -> None:
    """The box "PyTorch": what is here, or what would be fetched, or how far that is."""
    box = layout.box()
    row = box.row()
    row.label(text="PyTorch", icon="PLUGIN")
    found, ours = torch_folder.found(), torch_folder.folder().exists()
    trouble = torch_folder.trouble()
    if found is not None:
        where = "Mien's folder" if found.ours else str(found.place)
        row.label(text=f"{found.version} in {where}".strip())
    if trouble:
        _sentence(box, trouble, "ERROR")
    if ours:
        _draw_ours(box)
    elif torch_setup.state.steps is not None:
        _draw_progress(box)
    elif found is None:
        _draw_offer(box, row, chosen)
    if torch_setup.state.told:
        _sentence(box, torch_setup.state.told, "ERROR" if torch_setup.state.failed else "CHECKMARK")


def _draw_ours(box: bpy.types.UILayout) -> None:
    about = torch_folder.about()
    row = box.row()
    if about:
        others = f", {len(about.packages) - 1} more packages with it" if len(about.packages) > 1 else ""
        row.label(text=f"{torch_wheels.in_words(about.size)} on disk{others}")
    row.operator("mien.remove_torch", text="Remove", icon="TRASH")


def _draw_progress(box: bpy.types.UILayout) -> None:
    step = torch_setup.state.step
    row = box.split(factor=0.8)
    row.progress(factor=step.part, text=step.words)
    row.operator("mien.cancel_torch", icon="CANCEL")


def _draw_offer(box: bpy.types.UILayout, row: bpy.types.UILayout, chosen: MienPreferences) -> None:
    plan = torch_setup.state.plan
    if plan is not None and plan.source == torch_setup.source(bpy.context):
        _sentence(box, f"{plan}, in {torch_folder.folder()}", "IMPORT")
        buttons = box.row()
        buttons.operator("mien.get_torch", icon="IMPORT")
        buttons.operator("mien.cancel_torch", icon="CANCEL")
    else:
        row.operator("mien.ask_torch", icon="URL")
        box.label(text=f"Not here; it makes Mien faster. {offer()}.", icon="INFO")
    hindrance = torch_setup.hindrance(bpy.context)
    if hindrance:
        _sentence(box, hindrance, "ERROR")
    box.prop(chosen, "torch_version")
    box.prop(chosen, "torch_index")
    hint = advice(platform.system(), nvidia=torch_folder.has_nvidia(), own_index=bool(chosen.torch_index))
    if hint:
        _sentence(box, hint, "BLANK1")


def offer() -> str:
    """What the public index has for this machine, roughly."""
    system = platform.system()
    kind = {"Linux": "with CUDA", "Darwin": "with Metal"}.get(system, "for the processor")
    return (
        f"The public index has one {kind}, about {torch_wheels.in_words(torch_wheels.rough_bytes(system))} to download"
    )


def advice(system: str, *, nvidia: bool, own_index: bool) -> str:
    """Where another index serves this machine better than the public one; empty where it does not."""
    if own_index:
        return ""
    if system == "Windows" and nvidia:
        return "For the NVIDIA GPU, enter PyTorch's own index of CUDA wheels; docs/pytorch.md tells how."
    if system == "Linux" and not nvidia:
        return "No NVIDIA driver here: PyTorch's own index has a tenth as much; docs/pytorch.md tells how."
    return ""


def _sentence(box: bpy.types.UILayout, text: str, icon: str) -> None:
    for number, line in enumerate(textwrap.wrap(text, _WIDTH)):
        box.label(text=line, icon="BLANK1" if number else icon)


def speeds(measured: str) -> list[str]:
    """What the preferences remember of the last measurement, as lines; none where it is nothing or damaged."""
    try:
        said = json.loads(measured or "{}")
        lines = [f"{name}: {float(value):.2f} ms a frame" for name, value in said["milliseconds"].items()]
        return [*lines, f"measured with {said['with']}, {said['vertices']:,} vertices a frame"]
    except (ValueError, KeyError, TypeError, AttributeError):
        return []


class MIEN_OT_measure(MienOperator, bpy.types.Operator):  # noqa: N801 - Blender's way to name classes
    """Measures the engines."""

    bl_idname = "mien.measure"
    bl_label = "Measure"
    bl_description = "Time every engine that works here on the face that ships, in milliseconds a frame; takes seconds"
    bl_options = {"REGISTER", "INTERNAL"}

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Says by the cursor that it takes a moment."""
        context.window.cursor_set("WAIT")
        try:
            return self.execute(context)
        finally:
            context.window.cursor_set("DEFAULT")

    def run(self, context: bpy.types.Context) -> set[str]:
        """Straight through."""
        bundle = engine.load().bundle
        found = engine.every_engine(bundle)
        torch = torch_folder.found()
        said = {
            "milliseconds": {f"{one.engine} on {one.device}": round(one.milliseconds, 3) for one in found},
            "with": f"Blender {bpy.app.version_string}" + (f" and PyTorch {torch.version}" if torch else ""),
            "vertices": bundle.template.vertex_count,
        }
        addon = context.preferences.addons.get(PACKAGE)
        if addon is None or addon.preferences is None:
            raise MienError("Mien is not installed as an extension, so nothing remembers what was measured.")
        addon.preferences.measured = json.dumps(said)
        context.preferences.is_dirty = True
        self.report({"INFO"}, "; ".join(speeds(addon.preferences.measured)[:-1]))
        return {"FINISHED"}
