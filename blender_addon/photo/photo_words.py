"""What to tell about photos and what was made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..engine import MienError, eye_distance, photo_guide, turn_of

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Sequence

    from ..engine import Fitted, PhotoView

FAR_ASIDE = 35.0
"""Degrees: where no photo looks more straight, one side of the face is hardly seen."""

COARSE = 60.0
"""Pixels from eye to eye in the best photo, below which the texture is blurred."""

FAR_OFF = 5.0
"""Percent of the distance between the eyes, beyond which a photo's landmarks are wrong, or it is no such face."""

_UNLIKE, _NOTHING = 1.7, 3.0
"""A photo so many times further off than all others, and by more than so many percent, is read badly, or of somebody
else; though of two people who look much alike it cannot be told."""


def too_few(name: str, marks: Container[str]) -> MienError:
    """Where there is no landmark finder, and a photo has too few landmarks."""
    lacking = [mark.title for mark in photo_guide.GUIDE[: 2 * photo_guide.FEWEST] if mark.name not in marks]
    least = photo_guide.FEWEST
    count = sum(mark.name in marks for mark in photo_guide.GUIDE)
    had = "has no landmarks" if not count else f"has {count} landmarks, and needs {least} at least"
    return MienError(
        f"{name} {had}.",
        f"Get the landmark finder in Mien's preferences, or place these: {', '.join(lacking)}.",
    )


def warnings(views: Sequence[PhotoView], fitted: Fitted, alone: Sequence[str], *, textured: bool) -> Iterator[str]:
    """Sentences about photos that were used, and still are not as they should be.

    Args:
        views: the photos.
        fitted: the person.
        alone: names of photos in which Mien saw no face, so that it went by landmarks of a person's alone.
        textured: whether there is a texture.
    """
    for name in alone:
        yield f"Mien sees no face in {name} by itself, and went by your landmarks alone."
    grey = [view.picture.name for view in views if view.picture.grey]
    if textured and len(grey) == len(views):
        yield "The photos have no colours, so neither has the texture."
    elif textured and grey:
        yield f"{_listed(grey)} {_has(grey)} no colours, which greys the texture; leave it out for the texture's sake."
    points = [view.points for view in views if view.points is not None]
    if points and len(points) == len(views):
        turn = min(abs(turn_of(one)) for one in points)
        if turn > FAR_ASIDE:
            yield f"No photo shows the face from the front ({turn:.0f} degrees aside at best); add one that does."
        pixels = max(map(eye_distance, points))
        if textured and pixels < COARSE:
            yield f"The face is small ({pixels:.0f} pixels from eye to eye at best), so the texture is blurred."
    yield from _off(views, fitted)


def _off(views: Sequence[PhotoView], fitted: Fitted) -> Iterator[str]:
    """Photos that the face does not match."""
    for number, (view, off) in enumerate(zip(views, fitted.off, strict=True)):
        others = [*fitted.off[:number], *fitted.off[number + 1 :]]
        if len(others) > 1 and off > max(_UNLIKE * max(others), _NOTHING):
            yield (
                f"{view.picture.name} does not match the others ({off:.1f}% off): "
                "check its landmarks, and whether it is the same person."
            )
        elif off > FAR_OFF:
            yield f"The face is {off:.1f}% off {view.picture.name}: check its landmarks."


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _has(names: Sequence[str]) -> str:
    return "has" if len(names) == 1 else "have"
