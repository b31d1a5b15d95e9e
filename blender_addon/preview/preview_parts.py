"""The parts of a previewed face: each has a file and a modifier of its own, written whenever the face's is."""

# mypy: disable-error-code="no-any-return"
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy

from .. import shaping
from ..baking import players
from ..engine import check_finite
from ..mesh_bridge import index_of
from . import preview_file
from .preview_looks import Looks

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import NDArray

    from ..baking.players import Player
    from ..mesh_bridge import Fit


class Part:
    """What a preview keeps of one part. It holds nothing of Blender's, as its session does not.

    Args:
        player: the part, and how it moves.

    Attributes:
        uid: the object's `session_uid`.
        name: its name, to find it.
    """

    def __init__(self, player: Player) -> None:
        obj = player.obj
        assert player.fit.layout is not None
        self.uid, self.name = int(obj.session_uid), obj.name
        self._fit = player.fit
        self._looks: Looks | None = None
        self._moving: Any = index_of(player.fit.layout.moving, len(obj.data.vertices))
        self._shaper: shaping.Shaper | None = None
        self._settings: dict[str, Any] = {}
        self._values: bytes | None = None

    @property
    def mark(self) -> tuple[int, int]:
        """Another one when the part moves otherwise."""
        return self.uid, id(self._fit.layout)

    def is_ready(self, obj: bpy.types.Object) -> bool:
        """Whether it can be shown: the mesh and its keys are as they were, and nobody edits them."""
        # In Edit Mode the mesh cannot be read, and the modifier does not show.
        if obj.mode == "EDIT" or obj.data.is_editmode:
            return False
        if self._looks is None:
            self._looks = Looks(obj)
        return self._looks.is_of(obj.data)

    def write(
        self,
        obj: bpy.types.Object,
        frame: float,
        moved: tuple[NDArray[np.float32] | None, NDArray[np.float32] | None],
        settings: dict[str, Any],
        values: NDArray[np.float32] | None = None,
    ) -> None:
        """Writes where the part is; it is ready.

        Args:
            obj: the part.
            frame: the scene's.
            moved: the template's deformation, (1, V, 3) mm, None at rest; and what of it is life, where that counts.
            settings: the face's shaping.
            values: of the part's own shape keys, once Blender has evaluated them.

        Raises:
            MienError: the file cannot be written, or there are no finite numbers.
        """
        assert self._looks is not None
        if values is None:
            values = self._looks.expected(obj.data, frame)
        out = self._looks.positions(obj.data, values)
        deformation, life = moved
        if deformation is not None:
            if self._shaper is None or settings != self._settings:
                self._shaper = shaping.Shaper(obj, self._fit, settings, of_part=True)
                self._settings = settings
            offsets = self._shaper.offsets(deformation, life)[0]
            check_finite(offsets)
            out[self._moving] += offsets
        self._values = _rounded(values)
        preview_file.write(preview_file.path_of_part(self.uid), out)

    def played(self, obj: bpy.types.Object, depsgraph: bpy.types.Depsgraph, frame: float) -> NDArray[np.float32]:
        """The values of its shape keys as Blender has evaluated them: (K,) float32; it is ready."""
        assert self._looks is not None
        return self._looks.played(obj.data, depsgraph, frame)

    def shows(self, values: NDArray[np.float32]) -> bool:
        """Whether it was written with these values last."""
        return self._values == _rounded(values)


def found_for(face: bpy.types.Object, fit: Fit) -> list[Part]:
    """The parts of a face, made anew.

    Raises:
        MienError: see `players.parts_of`.
    """
    return [Part(player) for player in players.parts_of(face, fit, editing=True)]


def marks_of(face: bpy.types.Object, fit: Fit) -> list[tuple[int, int]]:
    """The marks that the parts would have which are on the face's list now."""
    members = players.members_of(face, fit)
    return [(int(one.obj.session_uid), id(one.binding)) for one in members if len(one.binding.moving)]


def object_of(part: Part) -> bpy.types.Object | None:
    """The object of a part, whatever it is called by now; None where it was deleted."""
    obj = bpy.data.objects.get(part.name)
    if obj is None or obj.session_uid != part.uid:
        obj = next((one for one in bpy.data.objects if one.session_uid == part.uid), None)
    if obj is not None:
        part.name = obj.name
    return obj


def show(parts: Iterable[Part]) -> None:
    """Gives parts the modifiers that read their files, where they lack them."""
    for part in parts:
        obj = object_of(part)
        if obj is None:
            continue
        modifier, path = preview_file.part_modifier_of(obj), str(preview_file.path_of_part(part.uid))
        if modifier is None:
            preview_file.remove(obj)
            preview_file.add(obj, path)
        elif modifier.filepath != path:  # copied with its part
            modifier.filepath = path


def tidy(claimed: Iterable[Part]) -> None:
    """Takes the modifiers and the files off parts that belong to no previewed face any more, or were copied alone."""
    if not preview_file.is_used():
        return
    uids = {part.uid for part in claimed}
    for obj in bpy.data.objects:
        modifier = preview_file.part_modifier_of(obj) if obj.library is None and len(obj.modifiers) else None
        if modifier is None:
            continue
        path = preview_file.path_of_part(int(obj.session_uid))
        if int(obj.session_uid) not in uids or modifier.filepath != str(path):
            preview_file.remove(obj)
            if int(obj.session_uid) not in uids:
                path.unlink(missing_ok=True)


def _rounded(values: NDArray[np.float32]) -> bytes:
    """Values that Blender has computed twice may differ in their last bits."""
    return values.round(6).tobytes() if len(values) else b""
