"""One previewed face: where its vertices are at any frame, with all that is slow to find out kept."""

# mypy: disable-error-code="no-any-return"
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import engine, neutrals, packs, shaping, takes
from ..engine import EXPRESSIONS, check_finite
from ..mesh_bridge import index_of
from ..timeline import motion
from ..timeline.strengths import Tracks
from .preview_course import Course
from .preview_looks import Looks
from .preview_parts import Part, found_for, marks_of, object_of

if TYPE_CHECKING:
    from collections.abc import Hashable

    import bpy
    from numpy.typing import NDArray

    from ..engine import Generator, Identity, Performer, Take
    from ..mesh_bridge import Fit
    from ..preferences import Choice

AHEAD = 10.0
"""Seconds of strengths that are read beyond the frame that asks for them, so that not every frame has to."""


class Session:
    """What a preview keeps of one face. It holds nothing of Blender's: after an undo all of that is other memory.

    Args:
        obj: the face.

    Attributes:
        uid: the object's `session_uid`.
        name: its name, to find it.
        stale: the mesh may have changed, and is to be looked at again.
        behind: Blender must play drivers or the NLA to tell the strengths, and this waits for a quiet moment.
        seen: frame -> the six strengths as Blender had them there, since they were read last.
        parts: what moves with the face.
    """

    def __init__(self, obj: bpy.types.Object) -> None:
        self.uid, self.name = int(obj.session_uid), obj.name
        self.stale, self.behind = True, False
        self.seen: dict[float, tuple[float, ...]] = {}
        self.parts: list[Part] = []
        # What the template does in the positions that were given last, and what of it is life.
        self._deformation: NDArray[np.float32] | None = None
        self._life: NDArray[np.float32] | None = None
        self._fit: Fit | None = None
        self._looks: Looks | None = None
        self._generator: Generator | None = None
        self._identity: Identity | None = None
        self._performer: Performer | None = None
        self._course: Course | None = None
        self._timing: Hashable = None
        self._until = -np.inf
        self._by_blender = False
        self._moving: Any = slice(None)
        # What the positions were made of that were given last.
        self._shown: tuple[float, Hashable, dict[str, Any], Take] | None = None
        self._take: Take | None = None
        self._lives = False
        self._values = b""
        self._shaper: shaping.Shaper | None = None
        self._settings: dict[str, Any] = {}
        self._state: tuple[Choice, str] | None = None

    def look(self, obj: bpy.types.Object, chosen: Choice) -> Looks:
        """Makes sure that what is kept is of the mesh and of the generator as they are.

        Raises:
            MienError: the face does not fit any more, or its bundle is gone.
        """
        state = chosen, obj.mode
        if self._looks is not None and not self.stale and state == self._state and self._looks.is_of(obj.data):
            return self._looks
        same_size = self._looks is not None and self._looks.vertex_count == len(obj.data.vertices)
        if obj.mode == "OBJECT" or not same_size or self._fit is None:
            self._fit, generator = self._fitted(obj, chosen)
            identity = neutrals.identity_of(obj, self._fit, generator)
            if generator is not self._generator or identity is not self._identity:
                self._generator, self._identity, self._performer = generator, identity, None
            self._moving = index_of(self._fit.layout.moving, len(obj.data.vertices))
            self.parts = found_for(obj, self._fit)
        self._looks, self._shaper, self._shown = Looks(obj), None, None
        self.stale, self._state = False, state
        return self._looks

    def positions(
        self, obj: bpy.types.Object, scene: bpy.types.Scene, values: NDArray[np.float32], *, slow: bool = False
    ) -> NDArray[np.float32]:
        """The face at the scene's present frame; `look` comes first.

        Args:
            obj: the face.
            scene: whose frame and frame rate count.
            values: of the shape keys; see `Looks`.
            slow: Blender may play drivers and the NLA now, which no handler may ask for.

        Returns:
            (V, 3) float32 of the object's units and axes.

        Raises:
            MienError: the shaping does not make sense, or the generator gave no finite numbers.
        """
        assert self._looks is not None
        assert self._fit is not None
        tracks, settings, take = Tracks(obj), shaping.settings_of(obj), takes.of_face(obj)
        self._by_blender = tracks.by_blender
        performer, timing = self._acting(take), _timing(obj, scene, tracks)
        latent = self._latent(obj, scene, tracks, timing, slow)
        out = self._looks.positions(obj.data, values)
        self._deformation = self._life = None
        if latent is not None:
            seconds = np.array([scene.frame_current_final / motion.frame_rate_of(scene)])
            self._deformation = performer.decode(latent, seconds=seconds, beside=True)
            self._life = None if shaping.spares(settings) else performer.life_at(seconds)
        if self._deformation is not None:
            if self._shaper is None or settings != self._settings:
                self._shaper, self._settings = shaping.Shaper(obj, self._fit, settings), settings
            offsets = self._shaper.offsets(self._deformation, self._life)[0]
            check_finite(offsets)
            out[self._moving] += offsets
        self._shown = scene.frame_current_final, timing, settings, take
        self._values = _rounded(values)
        return out

    def write_parts(self, frame: float, depsgraph: bpy.types.Depsgraph | None = None) -> None:
        """Writes where the parts are when the face is where `positions` has it; that comes first.

        Args:
            frame: the scene's.
            depsgraph: which has evaluated the frame; None where Blender has yet to play it.

        Raises:
            MienError: see `Part.write`.
        """
        for part in self.parts:
            obj = object_of(part)
            if obj is None or not part.is_ready(obj):
                continue
            values = None if depsgraph is None else part.played(obj, depsgraph, frame)
            part.write(obj, frame, (self._deformation, self._life), self._settings, values)

    def shows_parts(self, frame: float, depsgraph: bpy.types.Depsgraph) -> bool:
        """Whether the parts' own shape keys have the values that they were written with."""
        there = [(part, object_of(part)) for part in self.parts]
        return all(
            part.shows(part.played(obj, depsgraph, frame))
            for part, obj in there
            if obj is not None and part.is_ready(obj)
        )

    def look_at_parts(self, obj: bpy.types.Object, changed: set[bpy.types.ID]) -> None:
        """Is `stale` where a part's mesh or keys were changed, or the face's list of parts.

        Args:
            obj: the face.
            changed: what Blender has evaluated anew.
        """
        for part in self.parts:
            one = object_of(part)
            if one is None or changed.intersection(filter(None, (one.data, one.data.shape_keys))):
                self.stale = True
        if not self.stale and obj in changed and self._fit is not None and self._fit.ok:
            self.stale = [part.mark for part in self.parts] != marks_of(obj, self._fit)

    def is_shown(self, obj: bpy.types.Object, scene: bpy.types.Scene, values: NDArray[np.float32]) -> bool:
        """Whether `positions` would give what it gave last."""
        if not self.shows_keys(values):
            return False
        timing, settings = _timing(obj, scene, Tracks(obj)), shaping.settings_of(obj)
        return self._shown == (scene.frame_current_final, timing, settings, takes.of_face(obj))

    def shows_keys(self, values: NDArray[np.float32]) -> bool:
        """Whether the shape keys had these values when `positions` was asked last."""
        return self._values == _rounded(values)

    def notice(self, obj: bpy.types.Object, scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph) -> None:
        """Compares the strengths that Blender has now with those it had at this frame: a driver's source may move."""
        if not self._by_blender:
            return
        played = obj.evaluated_get(depsgraph).mien
        values = tuple(float(getattr(played, name)) for name in EXPRESSIONS)
        if self.seen.setdefault(scene.frame_current_final, values) != values:
            self.behind = True

    def _fitted(self, obj: bpy.types.Object, chosen: Choice) -> tuple[Fit, Generator]:
        found, loaded = packs.fit(obj, chosen.bundle, cached=True)
        found.demand()
        return found, engine.generator(loaded.path, chosen.engine, chosen.device)

    def _acting(self, take: Take) -> Performer:
        """Who performs this take of the face; the strengths that were read stay read."""
        assert self._generator is not None
        if self._performer is None or take != self._take:
            able, _ = takes.possible(take, self._generator)
            self._performer = self._generator.on(self._identity, able)
            self._take, self._lives = take, able.life > 0
            rate = self._generator.frame_rate
            if self._course is None or rate != self._course.rate:
                self._course, self._timing = Course(self._performer), None
            else:
                self._course = self._course.by(self._performer)
        return self._performer

    def _latent(
        self, obj: bpy.types.Object, scene: bpy.types.Scene, tracks: Tracks, timing: Hashable, slow: bool
    ) -> NDArray[np.float32] | None:
        """(1, latent) at the scene's frame; None where no strength is ever above 0, and the face does not live."""
        assert self._performer is not None
        assert self._course is not None
        frame, fps, rate = scene.frame_current_final, motion.frame_rate_of(scene), self._performer.frame_rate
        first, last = scene.mien.range_in(scene)
        speed = obj.mien.speed
        if timing != self._timing or frame > self._until or self.behind:
            self.behind = tracks.by_blender and not slow
            if not self.behind:
                until = max(frame + AHEAD * fps, last)
                self._course.follow(*motion.labels_of(tracks, first, until, fps, rate, speed))
                self._timing, self._until = timing, until
                self.seen.clear()
        if frame < motion.beginning(tracks, first, fps) and not tracks.by_blender:
            # A bake from here on would begin earlier than one of the range: so does the generator's memory.
            early = Course(self._performer)
            early.follow(*motion.labels_of(tracks, frame, frame, fps, rate, speed))
            return early.at(frame / fps) if early.moves or self._course.moves or self._lives else None
        return self._course.at(frame / fps) if self._course.moves or self._lives else None


def _timing(obj: bpy.types.Object, scene: bpy.types.Scene, tracks: Tracks) -> Hashable:
    """Changes whenever the labels may."""
    return tracks.mark(), motion.frame_rate_of(scene), obj.mien.speed, scene.mien.range_in(scene)


def _rounded(values: NDArray[np.float32]) -> bytes:
    """Values that Blender has computed twice may differ in their last bits."""
    return np.round(values, 6).tobytes() if len(values) else b""
