"""Draws the panel Face from Photo in its states and prints what it holds; test_addon_photo_panel.py runs it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import bpy
import numpy as np
from drawing import introspected, tell

import blender_addon
from blender_addon import api
from blender_addon.detector import finder_files
from blender_addon.photo import choosing, photo_list, photo_panel, photo_work
from blender_addon.wrapping import picker_running


class Nothing:
    """What is drawn over a 3D view."""

    of = "photo"

    def draw_scene(self):
        """Nothing."""

    def draw_pixels(self):
        """Nothing."""


def drawn():
    """What the panel draws now; exactly one of its two forms is there."""
    forms = (photo_panel.MIEN_PT_photo, photo_panel.MIEN_PT_photo_closed)
    shown = [one for one in forms if one.poll(bpy.context)]
    assert len(shown) == 1
    closed = "DEFAULT_CLOSED" in getattr(shown[0], "bl_options", set())
    return f"closed={closed} " + introspected(shown)


blender_addon.register()
bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
own = bpy.context.scene.mien_photos
folder = Path(tempfile.mkdtemp())
states = {"empty": drawn()}
for name in ("ann.jpg", "ben.jpg"):
    (folder / name).write_bytes(b"there")
    photo = own.photos.add()
    photo.filepath = str(folder / name)
own.active = 0
states["no finder"] = drawn()
finder_files.is_here = lambda: True
states["new"] = drawn()
for photo in own.photos:
    photo_list.keep_points(photo, np.zeros((468, 3)))
states["found"] = drawn()
photo_list.keep_marks(own.photos[0], {"chin": np.zeros(2), "nose_tip": np.ones(2)})
states["moved"] = drawn()
photo_list.keep_points(own.photos[0], None)
own.photos[0].problem = "ann.jpg shows 2 faces. Choose one by its number."
states["problem"] = drawn()
own.active = 1
states["another lacks"] = drawn()
vars(photo_work.progress).update(doing="Finding the person", share=0.4, running=True)
states["under way"] = drawn()
photo_work.progress.clear()
picker_running.start(Nothing())
states["editing"] = drawn()
picker_running.stop()
(folder / "ben.jpg").unlink()
states["gone"] = drawn()
own.photos.remove(0)
own.active = -1
states["none selected"] = drawn()
own.active = 0
(folder / "ben.jpg").write_bytes(b"there")
choosing.reads_photos = lambda _loaded: False
states["no reader"] = drawn()
api.add_sample_face()
states["face"] = drawn()
tell(states)
