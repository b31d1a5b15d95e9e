"""Mien, the Blender extension: a neutral face performs. This file registers and unregisters, nothing else."""

# mypy: disable-error-code="func-returns-value"
from __future__ import annotations

import bpy

from . import operators, panel, preferences, properties, sample_face
from .baking import bake_operators, bakes, clips, players, records
from .command import cli
from .detector import detect_operators, finder_setup
from .parts import finding, members, panel_parts, part_list, part_operators
from .photo import photo_edit_operators, photo_list, photo_make, photo_operators, photo_panel
from .preview import preview_handlers, preview_operators
from .pytorch import torch_box, torch_setup
from .timeline import cue_operators, cue_properties, panel_performance, preset_operators, take_operators
from .wrapping import fit_overlay, marks, panel_wrap, picker_operators, picker_running, wrap_operators

CLASSES = (
    preferences.MienPreferences,
    preferences.MIEN_OT_install_pack,
    preferences.MIEN_OT_remove_pack,
    torch_setup.MIEN_OT_ask_torch,
    torch_setup.MIEN_OT_get_torch,
    torch_setup.MIEN_OT_cancel_torch,
    torch_setup.MIEN_OT_remove_torch,
    torch_box.MIEN_OT_measure,
    finder_setup.MIEN_OT_get_finder,
    finder_setup.MIEN_OT_cancel_finder,
    finder_setup.MIEN_OT_remove_finder,
    part_list.MienPart,
    part_list.MienParts,
    properties.MienFace,
    records.MienBake,
    records.MienWrap,
    marks.MienMark,
    records.MienMesh,
    properties.MienScene,
    cue_properties.MienCueEdit,
    photo_list.MienPhotoMark,
    photo_list.MienPhoto,
    photo_list.MienPhotos,
    operators.MIEN_OT_pick_face,
    operators.MIEN_OT_add_expression,
    preview_operators.MIEN_OT_preview,
    bake_operators.MIEN_OT_bake,
    bake_operators.MIEN_OT_remove_bake,
    bake_operators.MIEN_OT_duplicate_bake,
    bake_operators.MIEN_OT_play_none,
    cue_operators.MIEN_OT_add_cue,
    take_operators.MIEN_OT_new_take,
    preset_operators.MIEN_OT_add_preset,
    cue_operators.MIEN_OT_select_cue,
    cue_operators.MIEN_OT_remove_cue,
    cue_operators.MIEN_OT_duplicate_cue,
    cue_operators.MIEN_OT_jump_to_cue,
    preset_operators.MIEN_OT_save_preset,
    preset_operators.MIEN_OT_delete_preset,
    preset_operators.MIEN_MT_add_cue,
    preset_operators.MIEN_MT_delete_preset,
    sample_face.MIEN_OT_add_sample_face,
    sample_face.MIEN_MT_sample_faces,
    picker_operators.MIEN_OT_pick_landmarks,
    picker_operators.MIEN_OT_clear_landmarks,
    detect_operators.MIEN_OT_detect_landmarks,
    wrap_operators.MIEN_OT_wrap,
    wrap_operators.MIEN_OT_show_fit,
    wrap_operators.MIEN_OT_forget_wrap,
    photo_operators.MIEN_OT_add_photos,
    photo_operators.MIEN_FH_photos,
    photo_operators.MIEN_OT_find_photo_faces,
    photo_operators.MIEN_OT_remove_photo,
    photo_operators.MIEN_OT_move_photo,
    photo_operators.MIEN_OT_clear_photos,
    photo_make.MIEN_OT_make_face,
    photo_edit_operators.MIEN_OT_edit_photo,
    photo_edit_operators.MIEN_OT_clear_photo,
    panel.MIEN_PT_face,
    photo_panel.MIEN_UL_photos,
    photo_panel.MIEN_PT_photo,
    photo_panel.MIEN_PT_photo_closed,
    part_operators.MIEN_OT_find_parts,
    part_operators.MIEN_OT_add_parts,
    part_operators.MIEN_OT_bind_parts,
    part_operators.MIEN_OT_remove_part,
    panel_wrap.MIEN_PT_wrap,
    panel_parts.MIEN_UL_parts,
    panel_parts.MIEN_PT_parts,
    panel_performance.MIEN_PT_performance,
    take_operators.MIEN_PT_take,
    panel_performance.MIEN_PT_strengths,
    panel.MIEN_PT_shaping,
    panel.MIEN_UL_bakes,
    panel.MIEN_PT_bake,
    panel.MIEN_PT_range,
)
"""Every class of the extension, in the order Blender must learn them."""

_commands: list[object] = []

# Blender's glTF exporter looks for these two in every add-on.
glTF2_pre_export_callback = clips.before_export  # noqa: N816
glTF2_post_export_callback = clips.after_export  # noqa: N816


def register() -> None:
    """Make Mien known to Blender."""
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    torch_setup.register()
    finder_setup.register()
    properties.attach()
    marks.attach()
    part_list.attach()
    photo_list.attach()
    part_list.on_role.append(finding.role_chosen)
    players.sources.append(members.members)
    cue_properties.attach()
    records.on_switch.append(bakes.activate)
    bpy.app.handlers.load_post.append(bpy.app.handlers.persistent(records.guard_loaded))
    preview_handlers.register()
    bpy.types.VIEW3D_MT_mesh_add.append(sample_face.draw_add_menu)
    _commands.append(bpy.utils.register_cli_command("mien", cli.main))


def unregister() -> None:
    """Take back all that `register` did, in the opposite order."""
    picker_running.stop()
    fit_overlay.hide()
    while _commands:
        bpy.utils.unregister_cli_command(_commands.pop())
    bpy.types.VIEW3D_MT_mesh_add.remove(sample_face.draw_add_menu)
    preview_handlers.unregister()
    bpy.app.handlers.load_post.remove(records.guard_loaded)
    records.on_switch.remove(bakes.activate)
    cue_properties.detach()
    players.sources.remove(members.members)
    part_list.on_role.remove(finding.role_chosen)
    photo_list.detach()
    part_list.detach()
    marks.detach()
    properties.detach()
    finder_setup.unregister()
    torch_setup.unregister()
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
