"""What the scripts that draw panels share: a layout of Blender's own, without a window.

A real layout without a window crashes Blender sooner or later, after the work; so a script of its own draws.
"""

from __future__ import annotations

import json
import os
import sys

import bpy


class Holder:
    """Stands for a panel: its methods, and a layout of ours."""

    def __init__(self, cls, layout):
        self.layout = layout
        self._cls = cls

    def __getattr__(self, name):
        return getattr(self._cls, name).__get__(self)


def introspected(classes):
    """What these panels or menus draw now, in order; what Blender complains about goes to stderr."""
    window = bpy.context.window_manager.windows[0]
    area = window.screen.areas[0]
    area.type = "VIEW_3D"
    region = next(one for one in area.regions if one.type == "UI")
    with bpy.context.temp_override(window=window, area=area, region=region):
        menu = bpy.context.window_manager.popmenu_begin__internal(title="t")
        for cls in classes:
            cls.draw(Holder(cls, menu.layout), bpy.context)
        return repr(menu.layout.introspect())


def tell(states):
    """Hands the states to whoever called the script, and ends before Blender can crash."""
    sys.stdout.write("STATES " + json.dumps(states) + "\n")
    sys.stdout.flush()
    os._exit(0)
