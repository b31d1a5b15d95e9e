"""What picking landmarks does to a head, without windows and keys: place, drag, suggest, mirror, take back."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import bpy
import numpy as np

from ..engine import MeshError, landmarks, suggestions
from . import marks
from .picker_head import PickHead

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..engine import Template
    from .picker_head import Spot

_REACH = 14.0
"""mm of the template over which a suggestion looks for the head's surface in front of it."""


class Dot(NamedTuple):
    """A landmark to draw.

    Attributes:
        name: the guide's.
        how: "picked", "suggested", "detected", or "offered" for what is not placed yet.
        spot: where it lies.
    """

    name: str
    how: str
    spot: Spot


class _Past(NamedTuple):
    state: marks.State
    symmetric: bool
    put_off: tuple[str, ...]
    alone: frozenset[str]


class Picker:
    """Landmarks being picked on an object. The landmarks themselves are kept by the object at every moment.

    Args:
        obj: the head.
        template: whose landmarks suggest where the others are.
        context: whose depsgraph tells how the head is drawn.

    Attributes:
        symmetric: whether the other side is taken over.
        put_off: names not asked for now.
        notice: what to tell the person; empty for nothing.
        dragged: the landmark under the hand; empty for none.
        dots: all landmarks to draw.
        concerns: what looks wrong.

    Raises:
        MeshError: the mesh holds no surface that a face could be.
    """

    def __init__(self, obj: bpy.types.Object, template: Template, context: bpy.types.Context) -> None:
        self._name = obj.name
        self.template = landmarks.places_on(template)
        self.head = PickHead(obj, context)
        self.symmetric = True
        self.put_off: list[str] = []
        self.notice = ""
        self.dragged = ""
        self.dots: list[Dot] = []
        self.concerns: tuple[suggestions.Concern, ...] = ()
        self.version = 0
        self._alone: set[str] = set()
        self._history: list[_Past] = []
        self._first = marks.state_of(obj)
        self._known = self._first
        self._look()

    @property
    def object(self) -> bpy.types.Object:
        """The head.

        Raises:
            MeshError: it is gone, or no more as it was.
        """
        # By its name: an undo behind our back makes all objects anew.
        obj = bpy.data.objects.get(self._name)
        if obj is None:
            raise MeshError(f"{self._name} is gone; its landmarks went with it.")
        if obj.mode != "OBJECT" or not self.head.is_of(obj):
            raise MeshError(f"{self._name} was changed meanwhile.", "Pick Landmarks again to go on.")
        return obj

    @property
    def asked(self) -> landmarks.Mark | None:
        """The landmark to place now; None where all are placed or put off."""
        return landmarks.next_mark({dot.name for dot in self.dots if dot.how != "offered"}, self.put_off)

    @property
    def count(self) -> int:
        """How many are placed."""
        return sum(dot.how != "offered" for dot in self.dots)

    def look_again(self) -> None:
        """Takes notice of what others did to the landmarks, such as an undo."""
        if marks.state_of(self.object) != self._known:
            self._history.clear()
            self._look()

    def place(self, spot: Spot, toward: NDArray[np.float64]) -> str:
        """Puts the landmark that is asked for, and keeps it in hand.

        Args:
            spot: where.
            toward: (3,) from the head to the viewer, in the scene's axes.

        Returns:
            The name of what was placed, which is the other side's where the spot lies there; empty where nothing is
            asked for.
        """
        mark, obj = self.asked, self.object
        if mark is None:
            self.notice = "All are placed. Drag a dot to move it."
            return ""
        self.notice = ""
        name = suggestions.own_side(mark, self.head.rest_of(spot), self.template, self._sure(obj), toward)
        if name != mark.name:
            side = landmarks.mark_of(name).side
            self.notice = f"That is the face's own {side}; it counts as such."
        self._remember(obj)
        marks.put(obj, name, self.head.local_of(spot))
        self.dragged = (landmarks.mirrored(name) or name) if self._settle(obj) else name
        return self.dragged

    def grab(self, name: str) -> None:
        """Takes a placed dot in hand; one that was only suggested is confirmed by that."""
        obj = self.object
        self.dragged, self.notice = name, ""
        self._remember(obj)
        if marks.hows(obj).get(name) != "picked":
            dot = next(one for one in self.dots if one.name == name)
            marks.put(obj, name, self.head.local_of(dot.spot))
            self._settle(obj, exchange=False)

    def drag(self, spot: Spot) -> None:
        """Moves what is in hand."""
        obj = self.object
        marks.put(obj, self.dragged, self.head.local_of(spot))
        # Sides are looked at when the hand lets go: the names must not change under it.
        self._settle(obj, exchange=False)

    def release(self) -> None:
        """Lets go."""
        if self.dragged:
            self.dragged = ""
            if self._history and self._history[-1].state == marks.state_of(self.object):
                self._history.pop()  # touched, not moved
            self._settle(self.object)

    def drop(self) -> None:
        """Lets go, and puts it back where it was."""
        self.dragged = ""
        self.back()

    def back(self) -> bool:
        """Undoes the last change; False where there is none."""
        if not self._history:
            self.notice = "There is nothing to take back."
            return False
        past = self._history.pop()
        self.put_off, self._alone, self.notice = list(past.put_off), set(past.alone), ""
        self.symmetric = past.symmetric
        obj = self.object
        marks.restore(obj, past.state)
        self._look()
        return True

    def skip(self) -> None:
        """Puts off what is asked for; what a wrap needs is asked for again after all others."""
        mark = self.asked
        if mark is None:
            return
        self._remember(self.object)
        self.put_off = [*(name for name in self.put_off if name != mark.name), mark.name]
        self.notice = f"{mark.title}: needed, so it will be asked for again." if mark.needed else ""
        self.version += 1

    def remove(self, name: str) -> None:
        """Takes a placed landmark away; it is asked for again, and not taken over from the other side any more."""
        obj = self.object
        how, partner = marks.hows(obj), landmarks.mirrored(name)
        if name not in how:
            return
        self._remember(obj)
        if how[name] == "suggested":
            self._alone.add(name)
        marks.remove(obj, name)
        if partner and how.get(partner) == "suggested":
            marks.remove(obj, partner)
        self.notice = ""
        self._settle(obj)

    def accept(self) -> bool:
        """Places all suggestions of landmarks that a wrap needs; False where there were none."""
        obj = self.object
        offered = [dot for dot in self.dots if dot.how == "offered" and landmarks.mark_of(dot.name).needed]
        if not offered:
            return False
        self._remember(obj)
        for dot in offered:
            marks.put(obj, dot.name, self.head.local_of(dot.spot), "suggested")
        self.notice = f"{len(offered)} suggestions are placed. Drag what is not right; Enter finishes."
        self._look()
        return True

    def switch_symmetry(self) -> None:
        """Takes the other side over, or asks for it."""
        obj = self.object
        self._remember(obj)
        self.symmetric = not self.symmetric
        self.notice = "The other side is taken over." if self.symmetric else "Both sides are asked for."
        self._alone.clear()
        if not self.symmetric:
            for name, how in marks.hows(obj).items():
                if how == "suggested":
                    marks.remove(obj, name)
        self._settle(obj)

    def restore(self) -> None:
        """Everything as it was before the picking."""
        obj = bpy.data.objects.get(self._name)
        if obj is not None and marks.state_of(obj) != self._first:
            marks.restore(obj, self._first)

    def targets(self) -> dict[str, NDArray[np.float64]]:
        """Where all dots lie on the head at rest, in the scene's axes: what the preview of the wrap goes by."""
        return {dot.name: self.head.rest_of(dot.spot) for dot in self.dots}

    def _remember(self, obj: bpy.types.Object) -> None:
        self._history.append(_Past(marks.state_of(obj), self.symmetric, tuple(self.put_off), frozenset(self._alone)))

    def _sure(self, obj: bpy.types.Object) -> dict[str, NDArray[np.float64]]:
        sure = marks.sure(obj)
        return {name: self.head.to_scene(place) for name, place in sure.items()}

    def _settle(self, obj: bpy.types.Object, *, exchange: bool = True) -> bool:
        """After a change: sides that are swapped throughout are put right, the other side is taken over.

        Returns:
            Whether left and right changed places.
        """
        sure = self._sure(obj)
        exchange = exchange and suggestions.is_swapped(self.template, sure)
        if exchange:
            swapped = [(landmarks.mirrored(name) or name, *rest) for name, *rest in marks.state_of(obj)]
            marks.restore(obj, tuple(swapped))
            sure = suggestions.exchanged(sure)
            self.notice = "Left and right were swapped and are put right: left is the face's own left."
        self._mirror(obj, sure)
        self._look()
        return exchange

    def _mirror(self, obj: bpy.types.Object, sure: dict[str, NDArray[np.float64]]) -> None:
        # One pair placed by hand tells the plane; before, the other side is only offered.
        if not self.symmetric or not any(landmarks.mirrored(name) in sure for name in sure):
            return
        wanted = {name: place for name, place in sure.items() if landmarks.mirrored(name) not in {"", *sure}}
        names = [landmarks.mirrored(name) for name in wanted]
        found = suggestions.suggest(self.template, sure)
        for name in names:
            if name in found and name not in self._alone:
                marks.put(obj, name, self.head.local_of(self._snap(name, found[name], sure)), "suggested")

    def _look(self) -> None:
        """What is to be drawn and told, from the object's landmarks."""
        obj = self.object
        hows, sure = marks.hows(obj), self._sure(obj)
        self.dots = [Dot(name, hows[name], self.head.nearest(place)) for name, place in marks.read(obj).items()]
        for name, place in suggestions.suggest(self.template, sure, mirror=self.symmetric).items():
            if name not in hows:
                self.dots.append(Dot(name, "offered", self._snap(name, place, sure)))
        self.concerns = suggestions.concerns(self.template, sure)
        self._known = marks.state_of(obj)
        self.version += 1

    def _snap(self, name: str, place: NDArray[np.float64], sure: dict[str, NDArray[np.float64]]) -> Spot:
        lying = suggestions.lay(self.template, sure)
        assert lying is not None
        outward = {"front": (0, 0, 1), "left": (1, 0, 0), "right": (-1, 0, 0)}[landmarks.mark_of(name).seen_from]
        return self.head.snap(place, lying.rotation @ np.array(outward, np.float64), _REACH * lying.scale)
