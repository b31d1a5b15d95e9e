"""What editing landmarks does to a photo, without windows and keys: place, drag, take back. The scene stays as is."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..engine import photo_guide, placing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from ..engine import PhotoKit, Template, landmarks

    Floats = NDArray[np.float64]


class Dot(NamedTuple):
    """A landmark to draw.

    Attributes:
        name: the guide's.
        how: "detected" by the detector's points, "picked" by a person, or "offered" for what is not placed yet.
        place: (2,) column and row.
    """

    name: str
    how: str
    place: Floats


class _Past(NamedTuple):
    marks: dict[str, Floats]
    put_off: tuple[str, ...]


class PhotoEdit:
    """Landmarks of a photo being moved, or placed where nothing is known of it.

    Args:
        template: whose landmarks are meant.
        kit: of the template.
        size: (2,) width and height of the photo.
        points: (468, 3) of the detector; None where there are none, so that landmarks are asked for.
        marks: name -> (2,), those that a person has placed or moved before.

    Attributes:
        marks: those of now.
        put_off: names that are not asked for any more.
        notice: what to tell the person; empty for nothing.
        dragged: the landmark under the hand; empty for none.
    """

    def __init__(
        self,
        template: Template,
        kit: PhotoKit,
        size: tuple[int, int],
        points: Floats | None,
        marks: Mapping[str, Floats],
    ) -> None:
        self.face = {
            mark.name: template.vertices[template.landmarks[mark.name]].astype(np.float64)
            for mark in photo_guide.GUIDE
            if mark.name in template.landmarks
        }
        self._size = np.array(size, np.float64)
        self._found = points
        self._handles = placing.Handles(kit, template) if points is not None else None
        self.marks = {name: place for name, place in marks.items() if name in self.face}
        self.put_off: tuple[str, ...] = ()
        self.notice, self.dragged = "", ""
        self._first = dict(self.marks)
        self._history: list[_Past] = []
        self._look()

    @property
    def is_placing(self) -> bool:
        """Whether nothing is known of the photo, so that landmarks are asked for one after the other."""
        return self._found is None

    @property
    def asked(self) -> landmarks.Mark | None:
        """The landmark to place now; None where all are placed or put off, or were found."""
        return placing.next_mark(self.face, self.marks, self.put_off) if self.is_placing else None

    @property
    def lacking(self) -> int:
        """How many landmarks must still be placed before the photo tells anything."""
        return max(photo_guide.FEWEST - len(self.marks), 0) if self.is_placing else 0

    @property
    def is_changed(self) -> bool:
        """Whether anything is other than it was."""
        return {n: tuple(p) for n, p in self.marks.items()} != {n: tuple(p) for n, p in self._first.items()}

    def can_grab(self, dot: Dot) -> bool:
        """Whether the hand takes a dot; beside one that is only offered a click means what is asked for."""
        asked = self.asked
        return dot.how != "offered" or asked is None or not asked.needed

    def place(self, at: Floats) -> str:
        """Puts the landmark that is asked for, and keeps it in hand.

        Args:
            at: (2,) column and row, on the photo.

        Returns:
            The name of what was placed, which is the other side's where the place lies there; empty where nothing is
            asked for.
        """
        mark = self.asked
        if mark is None:
            self.notice = "Drag a dot to move it; Enter finishes."
            return ""
        self.notice = ""
        name = placing.own_side(mark, at, self.face, self.marks)
        if name != mark.name:
            self.notice = f"That is the face's own {photo_guide.mark_of(name).side}; it counts as such."
        self._remember()
        self.dragged = name
        self.drag(at)
        return name

    def grab(self, name: str) -> None:
        """Takes a dot in hand; one that was only offered is placed by that."""
        self.dragged, self.notice = name, ""
        self._remember()
        dot = next(one for one in self.dots if one.name == name)
        if dot.how == "offered":
            self.drag(dot.place)

    def drag(self, at: Floats) -> None:
        """Moves what is in hand to a column and row; not beyond the photo's edge."""
        self.marks = {**self.marks, self.dragged: np.clip(at, 0, self._size)}
        self._look()

    def release(self) -> None:
        """Lets go."""
        if not self.dragged:
            return
        self.dragged = ""
        if self._history and self._history[-1].marks == self.marks:
            self._history.pop()  # touched, not moved
        elif self.is_placing and placing.is_swapped(self.face, self.marks):
            self.marks = placing.exchanged(self.marks)
            self.notice = "Left and right were swapped and are put right: left is the face's own left."
        self._look()

    def drop(self) -> None:
        """Lets go, and puts it back where it was."""
        self.dragged = ""
        self.back()

    def back(self) -> None:
        """Undoes the last change."""
        if not self._history:
            self.notice = "There is nothing to take back."
            return
        self.marks, self.put_off = self._history.pop()
        self.notice = ""
        self._look()

    def skip(self) -> None:
        """Asks for the next: the photo does not show this one."""
        mark = self.asked
        if mark is None:
            return
        self._remember()
        self.put_off = (*self.put_off, mark.name)
        self.notice = ""

    def remove(self, name: str) -> None:
        """Takes a landmark away: it is where it was found, or it is asked for again."""
        if name not in self.marks:
            return
        self._remember()
        self.marks = {one: place for one, place in self.marks.items() if one != name}
        self.put_off = tuple(one for one in self.put_off if one != name)
        self.notice = ""
        self._look()

    def _remember(self) -> None:
        self._history.append(_Past(self.marks, self.put_off))

    def _look(self) -> None:
        """All dots, and the detector's points, as the marks make them."""
        self.points = self._found
        places = placing.suggest(self.face, self.marks)
        how = "offered"
        if self._handles is not None and self._found is not None:
            self.points = self._handles.pulled(self._found, self.marks)
            places, how = self._handles.places(self.points), "detected"
        self.dots = [Dot(name, "picked", place) for name, place in self.marks.items()]
        self.dots += [Dot(name, how, place) for name, place in places.items() if name not in self.marks]
