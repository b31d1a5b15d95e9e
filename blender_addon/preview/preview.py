"""Live preview: the face moves as the playhead does, before any bake, and nothing is written onto it.

A face is previewed if, and only if, it has the modifier of `preview_file`. What was computed for it is kept in a
session; whatever makes a session wrong (undo, a changed mesh, another engine) has it made anew.
"""

# mypy: disable-error-code="no-any-return"
from __future__ import annotations

import contextlib
from functools import partial
from typing import TYPE_CHECKING

import bpy

from .. import operator_base
from ..engine import MienError
from ..preferences import choice
from . import preview_file, preview_parts
from .preview_session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    from numpy.typing import NDArray

QUIET = 0.2
"""Seconds after which strengths that Blender must play are read again."""

sessions: dict[int, Session] = {}
problems: dict[int, str] = {}
busy: list[object] = []
"""Not empty while our own changes make Blender call our own handlers."""


def start(obj: bpy.types.Object) -> None:
    """Shows the performance of a face at whatever frame the scene is; does nothing where it is on already.

    Raises:
        MienError: the face does not fit, or its bundle or engine is not there; nothing was changed.
    """
    problems.pop(int(obj.session_uid), None)
    if is_on(obj):
        if int(obj.session_uid) not in sessions:
            adopt(obj)
        return
    scene = scene_of(obj)
    session = Session(obj)
    with alone():
        looks = session.look(obj, choice(bpy.context))
        values = looks.expected(obj.data, scene.frame_current_final)
        preview_file.write(preview_file.path_of(obj), session.positions(obj, scene, values, slow=True))
        session.write_parts(scene.frame_current_final)
        preview_file.remove(obj)
        preview_file.add(obj)
        preview_parts.show(session.parts)
    sessions[session.uid] = session


def stop(obj: bpy.types.Object) -> None:
    """Leaves the preview: the face is as it was. Does nothing where there is none."""
    problems.pop(int(obj.session_uid), None)
    with alone():
        preview_file.remove(obj)
    forget(int(obj.session_uid))
    tidy_parts()


def follow_parts(session: Session) -> None:
    """Parts that came to a previewed face are shown, those that left it are let go."""
    with alone():
        preview_parts.show(session.parts if session.uid in sessions else ())
    tidy_parts()


def tidy_parts() -> None:
    """Leaves alone the parts of faces that are previewed, and no others."""
    with alone():
        preview_parts.tidy(part for session in sessions.values() for part in session.parts)


def stop_all() -> None:
    """Leaves all previews of all scenes."""
    for obj in previewed():
        stop(obj)
    for uid in list(sessions):
        forget(uid)


def is_on(obj: bpy.types.Object | None) -> bool:
    """Whether a face is previewed."""
    return obj is not None and preview_file.modifier_of(obj) is not None


def problem(obj: bpy.types.Object | None) -> str:
    """Why the preview of a face ended by itself: a sentence and what to do; empty where it did not."""
    return problems.get(int(obj.session_uid), "") if obj is not None else ""


def catch_up() -> float | None:
    """Reads strengths again that drivers or the NLA have changed: a timer calls it, or a script without a window.

    Returns:
        Seconds until it should be called again; None where nothing is left to do.
    """
    if _moving_things():
        return QUIET
    for session in [one for one in sessions.values() if one.behind]:
        obj = _object_of(session)
        if obj is not None:
            with alone():
                guarded(session, obj, partial(show, session, obj, scene_of(obj), slow=True))
            obj.update_tag()
            redraw()
    return None


def redraw() -> None:
    """Has the 3D views drawn again; a timer calls it after a correction.

    What a handler tags is evaluated in Blender's next round, after this one was drawn, and nobody else asks for a
    drawing then: one click on a button would show nothing until the mouse moves over the view.
    """
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                area.tag_redraw()


def show(
    session: Session,
    obj: bpy.types.Object,
    scene: bpy.types.Scene,
    values: NDArray[np.float32] | None = None,
    *,
    slow: bool = False,
    depsgraph: bpy.types.Depsgraph | None = None,
) -> None:
    """Writes where the face and its parts are; `values` of the shape keys are known once Blender has evaluated them."""
    looks = session.look(obj, choice(bpy.context))
    if values is None:
        values = looks.expected(obj.data, scene.frame_current_final)
    preview_file.write(preview_file.path_of(obj), session.positions(obj, scene, values, slow=slow))
    session.write_parts(scene.frame_current_final, depsgraph)
    _remind(session)


def correct(
    session: Session,
    obj: bpy.types.Object,
    scene: bpy.types.Scene,
    depsgraph: bpy.types.Depsgraph,
    *,
    just_shown: bool = False,
) -> None:
    """Shows the face again where what is in the file is not what Blender has evaluated.

    Args:
        session: of the face.
        obj: the face.
        scene: in which it was evaluated.
        depsgraph: which has evaluated it.
        just_shown: nothing can have changed but what only Blender could tell: drivers and the NLA.
    """
    looks = session.look(obj, choice(bpy.context))
    values = looks.played(obj.data, depsgraph, scene.frame_current_final)
    session.notice(obj, scene, depsgraph)
    right = session.shows_keys(values) if just_shown else session.is_shown(obj, scene, values)
    if not right or not session.shows_parts(scene.frame_current_final, depsgraph):
        show(session, obj, scene, values, depsgraph=depsgraph)
        obj.update_tag()
        for part in map(preview_parts.object_of, session.parts):
            if part is not None:
                part.update_tag()
        if not bpy.app.timers.is_registered(redraw):
            bpy.app.timers.register(redraw, first_interval=0.0)
    _remind(session)


def _remind(session: Session) -> None:
    if session.behind and not bpy.app.timers.is_registered(catch_up):
        bpy.app.timers.register(catch_up, first_interval=QUIET)


def adopt(obj: bpy.types.Object) -> None:
    """A session for a face that has the modifier already: by undo, or because it was copied with its face."""
    uid, path = int(obj.session_uid), str(preview_file.path_of(obj))
    session = sessions.setdefault(uid, Session(obj))
    session.name, session.stale = obj.name, True
    modifier = preview_file.modifier_of(obj)
    if modifier is not None and modifier.filepath != path:
        modifier.filepath = path
    if obj.mode != "EDIT":
        guarded(session, obj, partial(show, session, obj, scene_of(obj)))
        with alone():
            preview_parts.show(session.parts if is_on(obj) else ())
        obj.update_tag()


def guarded(session: Session, obj: bpy.types.Object, work: Callable[[], None]) -> None:
    """Does a piece of work; what goes wrong ends the preview, once, with a sentence for the panel."""
    try:
        work()
    except MienError as problem:
        _end(session, obj, str(problem))
    except Exception as problem:
        if operator_base.RAISE_UNEXPECTED:
            _end(session, obj, repr(problem))
            raise
        report = operator_base.write_report()
        _end(session, obj, f"Mien did not expect this ({problem}). A report lies in {report}")


def _end(session: Session, obj: bpy.types.Object, sentence: str) -> None:
    stop(obj)
    problems[session.uid] = sentence


def faces_in(scene: bpy.types.Scene) -> list[tuple[Session, bpy.types.Object]]:
    """The previewed faces of a scene but those in Edit Mode, which shows the rest; forgets those that are gone."""
    found = []
    for session in list(sessions.values()):
        obj = _object_of(session)
        if obj is None or not is_on(obj):
            forget(session.uid)
            tidy_parts()
        elif obj.mode != "EDIT" and (len(bpy.data.scenes) == 1 or scene.objects.get(obj.name) == obj):
            found.append((session, obj))
    return found


def _object_of(session: Session) -> bpy.types.Object | None:
    """The face of a session, whatever it is called by now; None where it was deleted."""
    obj = bpy.data.objects.get(session.name)
    if obj is None or obj.session_uid != session.uid:
        obj = next((one for one in bpy.data.objects if one.session_uid == session.uid), None)
    if obj is not None:
        session.name = obj.name
    return obj


def previewed() -> list[bpy.types.Object]:
    """All faces that are previewed, in whatever scene."""
    return [obj for obj in bpy.data.objects if obj.library is None and is_on(obj)]


def forget(uid: int) -> None:
    """Drops what was computed for a face, its file and those of its parts."""
    session = sessions.pop(uid, None)
    if preview_file.is_used():
        (preview_file.folder() / f"{uid}.pc2").unlink(missing_ok=True)
        shared = {part.uid for other in sessions.values() for part in other.parts}
        for part in session.parts if session is not None else ():
            if part.uid in shared:  # two faces may be previewed that have one part
                continue
            preview_file.path_of_part(part.uid).unlink(missing_ok=True)


def scene_of(obj: bpy.types.Object) -> bpy.types.Scene:
    """The scene in which a face is looked at: the context's, where it has it."""
    here, scenes = bpy.context.scene, obj.users_scene
    return scenes[0] if scenes and here not in scenes else here or bpy.data.scenes[0]


def _moving_things() -> bool:
    """Whether the artist is dragging something: then nobody else may play the scene."""
    windows = bpy.context.window_manager.windows
    return any(one.bl_idname.startswith("TRANSFORM_OT") for window in windows for one in window.modal_operators)


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Our handlers leave alone what is done within."""
    busy.append(object())
    try:
        yield
    finally:
        busy.pop()
