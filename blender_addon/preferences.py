"""The extension's preferences: which bundle, and what computes it where."""

from __future__ import annotations

from dataclasses import dataclass

import bpy
from bpy.props import EnumProperty, StringProperty  # noqa: TC002 - Blender evaluates the annotations

from . import engine

_ENGINES = [
    ("auto", "Automatic", "torch where Blender has it, else numpy"),
    ("torch", "torch", "Faster, and on a GPU; must be installed in Blender's Python"),
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
    """What to compute with: bundle (empty for the default), engine and device as `engine.generator` takes them."""

    bundle: str = ""
    engine: str = "auto"
    device: str = "auto"


class MienPreferences(bpy.types.AddonPreferences):
    """Edit > Preferences > Add-ons > Mien."""

    bl_idname = __package__

    bundle: StringProperty(
        name="Bundle", description="A trained generator; empty for the one that ships with Mien", subtype="FILE_PATH"
    )
    engine: EnumProperty(name="Engine", description="What computes the motion", items=_ENGINES, default="auto")
    device: EnumProperty(name="Device", description="Where it is computed", items=_DEVICES, default="auto")

    def draw(self, _context: bpy.types.Context) -> None:
        """Three choices, and what they come to."""
        layout = self.layout
        layout.use_property_split = True
        layout.prop(self, "engine")
        layout.prop(self, "device")
        layout.prop(self, "bundle")
        torch = "torch is here" if engine.torch_is_there() else "torch is not here, numpy computes"
        layout.label(text=f"Computed last with {engine.in_use()}" if engine.in_use() else torch, icon="INFO")
        try:
            header = engine.load(bpy.path.abspath(self.bundle)).bundle.header
        except engine.MienError as problem:
            layout.label(text=str(problem), icon="ERROR")
        else:
            layout.label(text=f"Model licence: {header['licence']}", icon="FILE")


def choice(context: bpy.types.Context) -> Choice:
    """What the preferences say; the defaults where the extension runs without being an enabled add-on."""
    addon = context.preferences.addons.get(__package__)
    if addon is None or addon.preferences is None:
        return Choice()
    chosen = addon.preferences
    path = bpy.path.abspath(chosen.bundle) if chosen.bundle else ""
    return Choice(path, chosen.engine, chosen.device)
