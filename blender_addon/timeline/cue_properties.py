"""The cue that is selected in the panel, `scene.mien_cue`: its fields read the keys and write them, nothing is kept."""

# mypy: disable-error-code="func-returns-value, no-any-return"
from __future__ import annotations

from typing import TYPE_CHECKING

import bpy
from bpy.props import EnumProperty, FloatProperty, IntProperty, PointerProperty

from ..engine import EXPRESSIONS, MAX_INTENSITY, MienError
from ..properties import EXPRESSION_ITEMS
from . import cues, motion
from .cue_keys import MIN_INTENSITY

if TYPE_CHECKING:
    from collections.abc import Callable

    from .cues import FoundCue


def face_in(scene: bpy.types.Scene) -> bpy.types.Object | None:
    """The face that a scene has picked; None where it was deleted from the scene since."""
    face = scene.mien.face
    return face if face is not None and face.name in scene.objects else None


def cues_in(scene: bpy.types.Scene) -> list[FoundCue]:
    """All cues of the scene's face, by their starts; none where there is no face."""
    face = face_in(scene)
    return cues.read(face) if face is not None else []


def selected(scene: bpy.types.Scene) -> FoundCue | None:
    """The cue that is selected; the last one where fewer are left; None where there is none."""
    every = cues_in(scene)
    return every[index_in(scene, len(every))] if every else None


def index_in(scene: bpy.types.Scene, count: int) -> int:
    """The number of the selected cue, of so many; 0 where there is none."""
    return max(0, min(scene.mien_cue.index, count - 1))


def select(scene: bpy.types.Scene, cue: FoundCue) -> None:
    """Selects a cue, wherever it is in the list now."""
    every = cues_in(scene)
    if cue in every:
        scene.mien_cue.index = every.index(cue)


def in_steps(scene: bpy.types.Scene, frame: float) -> float:
    """A frame, whole where the scene's animation editors snap."""
    return round(frame) if snaps(scene) else frame


def snaps(scene: bpy.types.Scene) -> bool:
    """Whether keys that are moved in the animation editors land on whole frames."""
    return bool(scene.tool_settings.use_snap_anim)


def edit(scene: bpy.types.Scene, work: Callable[[bpy.types.Object, FoundCue], FoundCue]) -> None:
    """Changes the selected cue; it stays selected wherever it goes, and the strengths show what they are now.

    Args:
        scene: whose face and selection.
        work: gets the face and the cue, returns the cue as it is then.
    """
    face, cue = face_in(scene), selected(scene)
    if face is None or cue is None:
        return
    try:
        now = work(face, cue)
    except MienError as problem:
        _tell(problem)
        return
    select(scene, now)
    for expression in {cue.expression, now.expression}:
        motion.show_strength(face, expression, scene.frame_current_final)


def _tell(problem: MienError) -> None:
    """A field cannot report: say it beside the mouse, or to the script."""
    if bpy.app.background or bpy.context.window is None:
        raise problem
    draw = lambda menu, _context: menu.layout.label(text=str(problem))  # noqa: E731 - Blender wants a function
    bpy.context.window_manager.popup_menu(draw, title="Mien", icon="ERROR")


def _number(name: str) -> Callable[[MienCueEdit], float]:
    def get(self: MienCueEdit) -> float:
        cue = selected(self.id_data)
        return float(getattr(cue, name)) if cue is not None else 0.0

    return get


def _get_expression(self: MienCueEdit) -> int:
    cue = selected(self.id_data)
    return EXPRESSIONS.index(cue.expression) if cue is not None else 0


def _set_expression(self: MienCueEdit, number: int) -> None:
    edit(self.id_data, lambda face, cue: cues.set_expression(face, cue, EXPRESSIONS[number]))


def _set_intensity(self: MienCueEdit, intensity: float) -> None:
    edit(self.id_data, lambda face, cue: cues.change(face, cue, intensity=intensity))


def _set_start(self: MienCueEdit, frame: float) -> None:
    frame = in_steps(self.id_data, frame)

    def work(face: bpy.types.Object, cue: FoundCue) -> FoundCue:
        return cues.change(face, cue, start=frame) if cue.open_start else cues.shift(face, cue, frame)

    edit(self.id_data, work)


def _corner(name: str) -> Callable[[MienCueEdit, float], None]:
    def put(self: MienCueEdit, frame: float) -> None:
        frame = in_steps(self.id_data, frame)
        edit(self.id_data, lambda face, cue: cues.change(face, cue, **{name: frame}))

    return put


def _frame(title: str, what: str, name: str, put: Callable[[MienCueEdit, float], None]) -> object:
    return FloatProperty(
        name=title,
        description=f"{what}. In whole frames while snapping is on in the animation editors",
        get=_number(name),
        set=put,
        step=100,
        precision=1,
        options=set(),
    )


class MienCueEdit(bpy.types.PropertyGroup):
    """The selected cue of the scene's face, `scene.mien_cue`. Times are frames."""

    __annotations__ = {
        "index": IntProperty(
            name="Selected Expression",
            description="Number of the selected expression in the list, from 0",
            default=0,
            min=0,
            options={"HIDDEN", "SKIP_SAVE"},
        ),
        "expression": EnumProperty(
            name="Expression",
            description="What the face performs in the selected stretch of keys",
            items=EXPRESSION_ITEMS,
            get=_get_expression,
            set=_set_expression,
            options=set(),
        ),
        "intensity": FloatProperty(
            name="Intensity",
            description="Strength at the apex: half of it is half of the motion, 1 is a strong performance. "
            "All its keys go along",
            min=MIN_INTENSITY,
            max=MAX_INTENSITY,
            soft_max=1.0,
            step=1,
            precision=2,
            get=_number("intensity"),
            set=_set_intensity,
            options=set(),
        ),
        "start": _frame("Start", "Last frame at rest; moving it moves the whole expression", "start", _set_start),
        "apex_start": _frame(
            "Apex", "Frame at which the expression is fully there", "apex_start", _corner("apex_start")
        ),
        "apex_end": _frame("Hold Until", "Frame at which it begins to fade", "apex_end", _corner("apex_end")),
        "end": _frame("End", "Frame at which the face is at rest again", "end", _corner("end")),
    }


def attach() -> None:
    """Hang the selected cue on scenes."""
    bpy.types.Scene.mien_cue = PointerProperty(type=MienCueEdit)


def detach() -> None:
    """Take it off again."""
    del bpy.types.Scene.mien_cue
