"""A face goes whose parts keep bakes that name it, and an action that bakes name; run by a test on its own.

Where Blender does not clear what such a bake points to, it crashes with the next save.
"""

from __future__ import annotations

import sys
from pathlib import Path

import bpy
import numpy as np

import blender_addon
from blender_addon import api, engine

blender_addon.register()
bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
path = str(Path(sys.argv[1]) / "lost.blend")


def tongue_beside(face: bpy.types.Object) -> bpy.types.Object:
    template = engine.load().bundle.template
    corners = template.polygons[np.isin(template.polygon_part, [template.parts.index("tongue")])]
    rows = np.unique(corners)
    mesh = bpy.data.meshes.new("Tongue")
    places = [face.data.vertices[int(row)].co for row in rows]
    mesh.from_pydata(places, [], np.searchsorted(rows, corners).tolist())
    made = bpy.data.objects.new("Tongue", mesh)
    made.matrix_world = face.matrix_world
    bpy.context.scene.collection.objects.link(made)
    return made


face = api.add_sample_face()
tongue = tongue_beside(face)
api.find_parts(face)
api.add_expression(face, "surprise", 1.0, 0, 4, 6, 10)
api.bake(face, start=0, end=4, engine_name="numpy")
assert tongue.data.mien.bakes[0].leader == face
bpy.ops.wm.save_as_mainfile(filepath=path, copy=True)
bpy.data.objects.remove(face)
bpy.data.actions.remove(tongue.data.mien.bakes[0].action)
others = [bpy.data.objects.new(f"Other {number}", None) for number in range(50)]
entry = tongue.data.mien.bakes[0]
assert entry.leader is None
assert entry.action is None
bpy.ops.wm.save_as_mainfile(filepath=path, copy=True)

# A mesh as an earlier Mien has saved it.
mesh = bpy.data.meshes.new("Old")
mesh.use_fake_user = True
mesh.mien.bakes.add().action = bpy.data.actions.new("Old")
bpy.ops.wm.save_as_mainfile(filepath=path, copy=True)
bpy.ops.wm.open_mainfile(filepath=path)
bpy.data.actions.remove(bpy.data.actions["Old"])
assert bpy.data.meshes["Old"].mien.bakes[0].action is None
bpy.ops.wm.save_as_mainfile(filepath=path, copy=True)
(Path(sys.argv[1]) / "alive").touch()
