"""The panel of a head that is no face of ours: landmarks, the wrap, and how well it lies."""

from __future__ import annotations

import bpy

from .. import packs
from ..detector.detect_operators import draw_detect
from ..engine import MienError
from ..operators import face_of
from ..panel import _MienPanel, say
from ..preferences import choice
from . import fit_look, fit_overlay, picker_panel, store, wrap_head
from .wrap_job import is_wrapped
from .wrap_operators import may_wrap, progress


class MIEN_PT_wrap(_MienPanel, bpy.types.Panel):  # noqa: N801 - Blender's way to name classes
    """Any head: place landmarks, wrap, look how it fits."""

    bl_idname = "MIEN_PT_wrap"
    bl_label = "Wrap"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Only where it is needed: faces that Mien knows have no use for it."""
        return may_wrap(context)

    def draw(self, context: bpy.types.Context) -> None:
        """In the order of the work."""
        layout, face = self.layout, face_of(context)
        wrapped = is_wrapped(face)
        draw_detect(layout, context, face)
        picker_panel.draw_marks(layout, context, face)
        if _several_heads(context):
            row = layout.row()
            row.use_property_split = True
            row.use_property_decorate = False
            row.prop(context.scene.mien, "like")
        if progress.running:
            layout.progress(factor=progress.share, type="BAR", text=f"{progress.doing} (Esc cancels)")
            return
        row = layout.row()
        row.scale_y = 1.4
        row.operator("mien.wrap", text="Wrap Again" if wrapped else "Wrap", icon="MOD_SHRINKWRAP")
        if wrapped:
            self._draw_fit(context, face)

    def _draw_fit(self, context: bpy.types.Context, face: bpy.types.Object) -> None:
        layout = self.layout
        try:
            stored = store.stored(face.data)
        except MienError:
            stored = None  # the panel Face says why
        if stored is not None:
            draw_quality(layout, context, fit_look.summary(stored))
        row = layout.row(align=True)
        shown = fit_overlay.is_on()
        row.operator("mien.show_fit", icon="HIDE_OFF" if shown else "HIDE_ON", depress=shown)
        row.operator("mien.forget_wrap", text="", icon="TRASH")


def draw_quality(layout: bpy.types.UILayout, context: bpy.types.Context, fit: fit_look.Summary) -> None:
    """How well a wrap lies, in numbers and in words."""
    box = layout.box().column()
    # The panel Face, right above, says what was wrapped and how much of the mesh moves.
    say(box, context, "A good fit" if not fit.advice else "Look at the fit", "INFO" if fit.advice else "CHECKMARK")
    rows = box.column(align=True)
    _pair(rows, "Mean Distance", f"{fit.mean:.2f} mm ({fit.percent_of_height:.2f}%)")
    _pair(rows, "95% Nearer Than", f"{fit.p95:.2f} mm")
    if fit.flipped:
        _pair(rows, "Turned Over", f"{fit.flipped:,}")
    if fit.dropped:
        say(box, context, f"Left out: {', '.join(fit.dropped)}", "BLANK1")
    for sentence in fit.advice:
        say(box, context, sentence, "ERROR")


def _pair(layout: bpy.types.UILayout, name: str, value: str) -> None:
    row = layout.row()
    row.label(text=name)
    right = row.row()
    right.alignment = "RIGHT"
    right.label(text=value)


def _several_heads(context: bpy.types.Context) -> bool:
    try:
        every = packs.known(choice(context).bundle)
    except MienError:
        return False
    return sum(wrap_head.can_wrap(one.bundle.template) for one in every) > 1
