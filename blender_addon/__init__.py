"""Mien, the Blender extension: a neutral face performs. This file registers and unregisters, nothing else."""

# mypy: disable-error-code="func-returns-value"
from __future__ import annotations

import bpy

from . import cli, operators, panel, preferences, properties, sample_face

CLASSES = (
    preferences.MienPreferences,
    preferences.MIEN_OT_install_pack,
    preferences.MIEN_OT_remove_pack,
    properties.MienFace,
    properties.MienScene,
    operators.MIEN_OT_pick_face,
    operators.MIEN_OT_cue_at_playhead,
    operators.MIEN_OT_add_expression,
    operators.MIEN_OT_bake,
    operators.MIEN_OT_remove_bake,
    sample_face.MIEN_OT_add_sample_face,
    sample_face.MIEN_MT_sample_faces,
    panel.MIEN_PT_face,
    panel.MIEN_PT_expression,
    panel.MIEN_PT_strengths,
    panel.MIEN_PT_bake,
)
"""Every class of the extension, in the order Blender must learn them."""

_commands: list[object] = []


def register() -> None:
    """Make Mien known to Blender."""
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    properties.attach()
    bpy.types.VIEW3D_MT_mesh_add.append(sample_face.draw_add_menu)
    _commands.append(bpy.utils.register_cli_command("mien", cli.main))


def unregister() -> None:
    """Take back all that `register` did, in the opposite order."""
    while _commands:
        bpy.utils.unregister_cli_command(_commands.pop())
    bpy.types.VIEW3D_MT_mesh_add.remove(sample_face.draw_add_menu)
    properties.detach()
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
