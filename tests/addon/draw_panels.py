"""Draws the panels in every state and prints what they hold as JSON; run by test_addon_panels.py on its own.

A real layout without a window crashes Blender sooner or later, after the work.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import bpy

import blender_addon
from blender_addon import api, engine, panel
from blender_addon.timeline import panel_performance

PANELS = (
    panel.MIEN_PT_face,
    panel_performance.MIEN_PT_performance,
    panel_performance.MIEN_PT_strengths,
    panel.MIEN_PT_shaping,
    panel.MIEN_PT_bake,
    panel.MIEN_PT_range,
)


def drawn():
    """What the panels draw now, in order; what Blender complains about goes to stderr."""
    window = bpy.context.window_manager.windows[0]
    area = window.screen.areas[0]
    area.type = "VIEW_3D"
    region = next(one for one in area.regions if one.type == "UI")
    with bpy.context.temp_override(window=window, area=area, region=region):
        menu = bpy.context.window_manager.popmenu_begin__internal(title="t")
        for cls in PANELS:
            cls.draw(Holder(cls, menu.layout), bpy.context)
        return repr(menu.layout.introspect())


class Holder:
    """Stands for a panel: its methods, and a layout of ours."""

    def __init__(self, cls, layout):
        self.layout = layout
        self._cls = cls

    def __getattr__(self, name):
        return getattr(self._cls, name).__get__(self)


blender_addon.register()
bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
scene = bpy.context.scene
states = {"empty": drawn()}
bpy.ops.mesh.primitive_cube_add()
bpy.ops.mien.pick_face()
states["wrong"] = drawn()
bpy.ops.mien.add_sample_face()
states["ready"] = drawn()
bpy.ops.object.mode_set(mode="EDIT")
states["edit"] = drawn()
bpy.ops.object.mode_set(mode="OBJECT")
bpy.ops.mien.add_expression()
scene.frame_end = 10
bpy.ops.mien.bake()
states["baked"] = drawn()
steps = api.BakeJob(scene.mien.face, start=1, end=100).compute()
next(steps)
states["half baked"] = drawn()
steps.close()
bpy.ops.mien.bake(new=True)
scene.mien.way, scene.mien.face.mien.mask = "own", "nobody"
states["several"] = drawn()
bpy.ops.mien.play_none()
scene.mien.way = "compact"
states["none plays"] = drawn()
scene.mien.own_range, scene.mien.frame_end = True, -5
states["no frames"] = drawn()
engine.DEFAULT_BUNDLE = Path("/nowhere.safetensors")
time.sleep(0.3)  # a verdict is believed that long
states["no bundle"] = drawn()
sys.stdout.write("STATES " + json.dumps(states) + "\n")
sys.stdout.flush()
os._exit(0)
