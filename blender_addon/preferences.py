"""The extension's preferences: which bundle, and what computes it where."""

# mypy: disable-error-code="override"
from __future__ import annotations

import textwrap
from dataclasses import dataclass

import bpy
from bpy.props import EnumProperty, StringProperty  # noqa: TC002 - Blender evaluates the annotations
from bpy_extras.io_utils import ImportHelper

from . import engine, packs
from .detector import finder_setup
from .engine import MienError, torch_wheels
from .operator_base import MienOperator
from .pytorch import torch_box

_ENGINES = [
    ("auto", "Automatic", "PyTorch where it is here and works, else numpy"),
    ("torch", "PyTorch", "Faster, and on a GPU; must be here, see below"),
    ("numpy", "numpy", "Always there; the same motion"),
]
_DEVICES = [
    ("auto", "Automatic", "The fastest device that torch finds"),
    ("cuda", "CUDA", "An NVIDIA GPU (needs torch)"),
    ("mps", "Metal", "An Apple GPU (needs torch)"),
    ("cpu", "CPU", "The processor"),
]


@dataclass(frozen=True)
class Choice:
    """What to compute with.

    Attributes:
        bundle: path; empty for the default and the model packs, whichever knows the face.
        engine: as `engine.generator` takes it.
        device: as `engine.generator` takes it.
    """

    bundle: str = ""
    engine: str = "auto"
    device: str = "auto"


class MienPreferences(bpy.types.AddonPreferences):
    """Edit > Preferences > Add-ons > Mien."""

    bl_idname = __package__

    bundle: StringProperty(
        name="Only Bundle",
        description="One trained generator for every face; empty for the one that ships with Mien and all model packs",
        subtype="FILE_PATH",
    )
    engine: EnumProperty(name="Engine", description="What computes the motion", items=_ENGINES, default="auto")
    device: EnumProperty(name="Device", description="Where it is computed", items=_DEVICES, default="auto")

    torch_version: StringProperty(
        name="Version",
        description="Of PyTorch; Mien is tested with the default. Empty for the newest",
        default=torch_wheels.TESTED,
    )
    torch_index: StringProperty(
        name="Index",
        description="The address of an index of Python packages, or a folder of wheels; empty for the public index",
    )
    landmark_wheel: StringProperty(
        name="Wheel",
        description="A wheel of MediaPipe 0.10.21 on this disk, to get the landmark finder without a network; "
        "empty to download it",
        subtype="FILE_PATH",
    )
    measured: StringProperty(options={"HIDDEN"})

    def draw(self, _context: bpy.types.Context) -> None:
        """What computes how fast, what may be fetched, and the models."""
        layout = self.layout
        layout.use_property_split = True
        torch_box.draw_engine(layout, self)
        torch_box.draw_torch(layout, self)
        finder_setup.draw_finder(layout, self)
        self._draw_models(layout)

    def _draw_models(self, layout: bpy.types.UILayout) -> None:
        box = layout.box()
        row = box.row()
        row.label(text="Models", icon="USER")
        row.operator("mien.install_pack", icon="IMPORT")
        box.prop(self, "bundle")
        _draw_model(box, bpy.path.abspath(self.bundle) if self.bundle else "", "")
        if self.bundle:
            box.label(text="Only this bundle is used; leave the field empty to use the model packs.", icon="INFO")
            return
        for path in packs.installed():
            _draw_model(box, str(path), path.name)


def _draw_model(box: bpy.types.UILayout, path: str, pack: str) -> None:
    row = box.row()
    try:
        loaded = engine.load(path)
    except MienError as problem:
        row.label(text=str(problem), icon="ERROR")
    else:
        header, template = loaded.bundle.header, loaded.bundle.template
        counts = ", ".join(f"{layout.vertex_count:,}" for layout in template.all_layouts())
        row.label(text=f"{loaded.title}: faces of {counts} vertices")
        row.label(text=f"Licence: {header['licence']['spdx']}")
        if pack and header["licence"].get("notice"):
            for line in textwrap.wrap(str(header["licence"]["notice"]).split("\n\n", maxsplit=1)[0], 110)[:4]:
                box.label(text=line)
    if pack:
        row.operator("mien.remove_pack", text="", icon="X").name = pack


class MIEN_OT_install_pack(MienOperator, ImportHelper, bpy.types.Operator):  # noqa: N801 - Blender's way to name classes
    """Installs a model pack."""

    bl_idname = "mien.install_pack"
    bl_label = "Install Model Pack…"
    bl_description = "Copy a model pack, a .safetensors file, into Mien's folder, so that more kinds of faces perform"
    bl_options = {"REGISTER"}
    filename_ext = packs.SUFFIX

    filter_glob: StringProperty(default=f"*{packs.SUFFIX}", options={"HIDDEN"})

    def run(self, _context: bpy.types.Context) -> set[str]:
        """Straight through."""
        loaded = packs.install(self.filepath)
        counts = ", ".join(f"{layout.vertex_count:,}" for layout in loaded.bundle.template.all_layouts())
        self.report({"INFO"}, f"{loaded.title} is installed: faces of {counts} vertices can perform.")
        return {"FINISHED"}


class MIEN_OT_remove_pack(MienOperator, bpy.types.Operator):  # noqa: N801
    """Removes a model pack."""

    bl_idname = "mien.remove_pack"
    bl_label = "Remove Model Pack"
    bl_description = "Delete this model pack from Mien's folder; what was baked with it stays as it is"
    bl_options = {"REGISTER", "INTERNAL"}

    name: StringProperty(options={"HIDDEN"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Asks first: there is no undo for files."""
        outcome: set[str] = context.window_manager.invoke_confirm(self, event)
        return outcome

    def run(self, _context: bpy.types.Context) -> set[str]:
        """Straight through."""
        packs.remove(self.name)
        self.report({"INFO"}, f"{self.name} is removed.")
        return {"FINISHED"}


def choice(context: bpy.types.Context) -> Choice:
    """What the preferences say; the defaults where the extension runs without being an enabled add-on."""
    addon = context.preferences.addons.get(__package__)
    if addon is None or addon.preferences is None:
        return Choice()
    chosen = addon.preferences
    path = bpy.path.abspath(chosen.bundle) if chosen.bundle else ""
    return Choice(path, chosen.engine, chosen.device)
