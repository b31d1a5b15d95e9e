"""When Blender calls the preview: frames, changes, undo, loading and saving. Next to nothing while none is on."""

# mypy: disable-error-code="no-any-return"
from __future__ import annotations

import contextlib
from functools import partial
from typing import TYPE_CHECKING

import bpy

from . import preview, preview_file, preview_parts

if TYPE_CHECKING:
    from collections.abc import Iterable

_put_aside: list[int] = []
"""Faces whose preview waits until the file is saved, by their `session_uid`."""


def register() -> None:
    """Hangs the handlers in."""
    for name, handler in HANDLERS.items():
        getattr(bpy.app.handlers, name).append(bpy.app.handlers.persistent(handler))


def unregister() -> None:
    """Leaves all previews and takes the handlers out."""
    preview.stop_all()
    preview.problems.clear()
    for name, handler in HANDLERS.items():
        with contextlib.suppress(ValueError):
            getattr(bpy.app.handlers, name).remove(handler)
    for timer in (preview.catch_up, preview.redraw):
        if bpy.app.timers.is_registered(timer):
            bpy.app.timers.unregister(timer)
    preview_file.forget_folder()


def _before_frame(scene: bpy.types.Scene, _depsgraph: bpy.types.Depsgraph | None = None) -> None:
    if not preview.sessions or preview.busy or _renders():
        return
    for session, obj in preview.faces_in(scene):
        preview.guarded(session, obj, partial(preview.show, session, obj, scene))


def _after_frame(scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph | None = None) -> None:
    """What only Blender could tell is known now: drivers and the NLA."""
    if not preview.sessions or preview.busy or depsgraph is None or _renders():
        return
    for session, obj in preview.faces_in(scene):
        preview.guarded(session, obj, partial(preview.correct, session, obj, scene, depsgraph, just_shown=True))


def _after_update(scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph) -> None:
    """Something was changed while the playhead stands: a slider, a key, the mesh, or the face was copied."""
    if preview.busy or _renders():
        return
    changed = {update.id.original for update in depsgraph.updates}
    with preview.alone():
        _remove_foreign(one for one in changed if isinstance(one, bpy.types.Object))
    if not preview_file.is_used():
        return
    for one in changed:
        if isinstance(one, bpy.types.Object) and preview.is_on(one) and int(one.session_uid) not in preview.sessions:
            preview.adopt(one)
    for session, obj in preview.faces_in(scene):
        if obj.data in changed or (obj.data.shape_keys is not None and obj.data.shape_keys in changed):
            session.stale = True
        preview.guarded(session, obj, partial(session.look_at_parts, obj, changed))
        if session.uid not in preview.sessions:
            continue
        was_stale = session.stale
        preview.guarded(session, obj, partial(preview.correct, session, obj, scene, depsgraph))
        if was_stale:
            preview.follow_parts(session)
    if any(isinstance(one, bpy.types.Object) and preview_file.part_modifier_of(one) is not None for one in changed):
        preview.tidy_parts()


def _after_undo(*_: object) -> None:
    """Undo and redo bring modifiers back and take them away, and may change everything else."""
    if not preview_file.is_used():
        return
    there = {int(obj.session_uid): obj for obj in preview.previewed()}
    for uid in set(preview.sessions) - set(there):
        preview.forget(uid)
    for obj in there.values():
        preview.adopt(obj)
    preview.tidy_parts()


def _before_load(*_: object) -> None:
    for uid in list(preview.sessions):
        preview.forget(uid)
    preview.problems.clear()
    _put_aside.clear()


def _after_load(*_: object) -> None:
    """A file that Blender saved by itself, or before it crashed, may hold modifiers of previews."""
    for obj in bpy.data.objects:
        if obj.library is None and preview_file.any_modifier(obj) is not None:
            preview_file.remove(obj)


def _remove_foreign(objects: Iterable[bpy.types.Object]) -> None:
    """Appended or pasted from a Blender that previews, a face brings a modifier whose file nobody here writes."""
    for obj in objects:
        if obj.library is None and preview_file.is_foreign(obj):
            preview_file.remove(obj)


def _before_save(*_: object) -> None:
    """No file that the artist saves knows of the preview, nor of one that came with a face from another Blender."""
    with preview.alone():
        for obj in preview.previewed():
            _put_aside.append(int(obj.session_uid))
            preview_file.remove(obj)
        for obj in bpy.data.objects if preview_file.is_used() else ():
            if obj.library is None and preview_file.part_modifier_of(obj) is not None:
                preview_file.remove(obj)
        _remove_foreign(bpy.data.objects)


def _after_save(*_: object) -> None:
    with preview.alone():
        for obj in bpy.data.objects if _put_aside else ():
            if int(obj.session_uid) in _put_aside:
                preview_file.add(obj)
                session = preview.sessions.get(int(obj.session_uid))
                preview_parts.show(session.parts if session is not None else ())
    _put_aside.clear()


HANDLERS = {
    "frame_change_pre": _before_frame,
    "frame_change_post": _after_frame,
    "depsgraph_update_post": _after_update,
    "undo_post": _after_undo,
    "redo_post": _after_undo,
    "load_pre": _before_load,
    "load_post": _after_load,
    "save_pre": _before_save,
    "save_post": _after_save,
    "save_post_fail": _after_save,
}
"""Which handler hangs in which of Blender's lists."""


def _renders() -> bool:
    """A render plays frames in a thread of its own, and does not show the preview."""
    return bpy.app.is_job_running("RENDER")
