"""One face from photos, from beginning to end: photos are read, the person in them fitted, textured, and added."""

from __future__ import annotations

import time
from collections.abc import Mapping  # noqa: TC003 - dataclasses name it
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from .. import engine
from ..detector import finder_files
from ..engine import FACE_POINTS, MienError, PhotoView, photo_guide
from . import photo_object, photo_words
from .choosing import reader_like
from .reading import read_photo

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    import bpy
    from numpy.typing import NDArray

    from ..engine import Fitted, Head, Picture, Step, Texture

    Floats = NDArray[np.float64]

_Made = TypeVar("_Made")

SIZES = (256, 4096)
"""Pixels of a texture's side, at least and at most."""

_READ, _FITTED, _TOTAL = 40, 60, 100
"""Percent of the work that is done when the photos are read, and when the person is fitted."""


@dataclass(frozen=True)
class PhotoInput:
    """A photo, and what is known of it. Places are columns and rows in pixels of the photo as it is seen, upright.

    Attributes:
        path: of the file.
        points: (468, 3) of the face, as the landmark finder found them or a person has moved them, and how far they
            are towards the viewer; None to look for them.
        marks: names of landmarks (see `engine.photo_guide.GUIDE`) -> (2,), placed by hand.
        which: of several faces, counted from the left, from 1 on; 0 for the only one, or the one that the marks are in.
    """

    path: Path
    points: Floats | None = None
    marks: Mapping[str, Floats] = field(default_factory=dict)
    which: int = 0


@dataclass(frozen=True)
class PhotoResult:
    """What was made of photos.

    Attributes:
        object: the face.
        like: name of the generator whose head it has.
        photos: names of the files.
        off: of each photo, how far the fitted face is off its landmarks, in percent of the distance between the eyes.
        seen: share of the face that the photos showed, 0 to 1; the rest of the texture is made up. 0 without texture.
        warnings: sentences; empty where all is well.
        seconds: how long it took.
    """

    object: bpy.types.Object
    like: str
    photos: tuple[str, ...]
    off: tuple[float, ...]
    seen: float
    warnings: tuple[str, ...] = ()
    seconds: float = 0.0

    def __str__(self) -> str:
        """A sentence or two, and the warnings."""
        count = "one photo" if len(self.photos) == 1 else f"{len(self.photos)} photos"
        said = [f"{self.object.name} is here, made of {count} like the {self.like}, and picked as the face."]
        if self.seen:
            said.append(f"{self.seen:.0%} of the face is seen in the texture, the rest is made up.")
        return " ".join([*said, *self.warnings])


class PhotoJob:
    """A face from photos in three steps, so that a window can stay awake: make it, walk through `compute`, `finish`.

    Nothing in the scene changes before `finish`, which does all or nothing; whoever stops on the way need not clean up.

    Args:
        photos: of one person; the first gives the face its name.
        name: of the face; empty for that of the first photo.
        like: whose head it gets, a word of a generator's name; empty for the first that reads photos.
        bundle: path of the one generator to use; empty for the one that ships and all model packs.
        size: pixels of the texture's side.
        textured: whether there is to be a texture at all.

    Raises:
        MienError: there is no photo, no generator that reads them, landmarks are wrong, or too few where there is no
            landmark finder.
    """

    def __init__(
        self,
        photos: Sequence[PhotoInput],
        *,
        name: str = "",
        like: str = "",
        bundle: str = "",
        size: int = 2048,
        textured: bool = True,
    ) -> None:
        self._begun = time.monotonic()
        if not photos:
            raise MienError("There is no photo.", "Choose one or more of the same person.")
        if not SIZES[0] <= size <= SIZES[1]:
            raise MienError(f"A texture of {size} pixels makes no sense.", f"Give {SIZES[0]} to {SIZES[1]}.")
        self._loaded = reader_like(like, bundle)
        template = self._loaded.bundle.template
        self._photos = [_checked(photo, template.landmarks) for photo in photos]
        self._name, self._size, self._textured = name or self._photos[0].path.stem, size, textured
        self._reader = finder_files.reader() if finder_files.is_here() else None
        for photo in self._photos if self._reader is None else ():
            if photo.points is None and len(photo.marks) < photo_guide.FEWEST:
                raise photo_words.too_few(photo.path.name, photo.marks)
        self._alone: list[str] = []
        self._views: list[PhotoView] = []
        self._fitted: Fitted | None = None
        self._head: Head | None = None
        self._texture: Texture | None = None

    def compute(self, cancelled: Callable[[], bool] | None = None) -> Iterator[Step]:
        """Does the work, a little at each step; yields how far it is, in percent.

        Raises:
            MienError: a photo cannot be read, has no face that can be used, or the person cannot be fitted.
            Cancelled: as it was asked.
        """
        self._views, self._alone = [], []
        share = _READ / len(self._photos)
        for number, photo in enumerate(self._photos):
            begin, doing = number * share, f"reading {photo.path.name}"
            if cancelled is not None and cancelled():
                raise engine.Cancelled
            yield engine.Step(round(begin), _TOTAL, doing)
            looking = self._look(photo, read_photo(photo.path), cancelled)
            self._views.append((yield from _within(looking, begin, begin + share)))
        bundle = self._loaded.bundle
        self._fitted = yield from _within(engine.fit_photos(bundle, self._views, cancelled), _READ, _FITTED)
        self._head = head = engine.head_of(bundle, self._fitted)
        if self._textured:
            pictures = [view.picture for view in self._views]
            painting = engine.make_texture(head.template, head.uv, pictures, head.fitted, self._size, cancelled)
            self._texture = yield from _within(painting, _FITTED, _TOTAL)

    def _look(
        self, photo: PhotoInput, picture: Picture, cancelled: Callable[[], bool] | None
    ) -> Generator[Step, None, PhotoView]:
        """What is known of a photo; where the finder refuses, enough landmarks of a person's do."""
        if photo.points is not None or self._reader is None:
            return PhotoView(picture, photo.points, photo.marks)
        near = np.mean(list(photo.marks.values()), axis=0) if photo.marks else None
        try:
            found = yield from engine.find_in_steps(picture, self._reader, photo.which, cancelled, near)
        except engine.Cancelled:
            raise
        except MienError:
            if len(photo.marks) < photo_guide.FEWEST:
                raise
            self._alone.append(picture.name)
            return PhotoView(picture, None, photo.marks)
        return PhotoView(picture, found.points, photo.marks)

    @property
    def views(self) -> Sequence[PhotoView]:
        """The photos and what was found in them; to be asked when `compute` is through."""
        return tuple(self._views)

    @property
    def template(self) -> engine.Template:
        """That photos are read by; a head may have more."""
        return self._loaded.bundle.template

    @property
    def fitted(self) -> Fitted:
        """The person, of the template; to be asked when `compute` is through."""
        assert self._fitted is not None, "compute is not through"
        return self._fitted

    @property
    def head(self) -> Head:
        """The person, and what the head consists of; to be asked when `compute` is through."""
        assert self._head is not None, "compute is not through"
        return self._head

    def finish(self) -> PhotoResult:
        """Adds the face at the 3D cursor, selects it and picks it as the scene's face; all or nothing.

        Raises:
            MienError: Blender is not in Object Mode.
        """
        fitted = self.fitted
        face = photo_object.add(self._name, self.head, self._texture, self._about())
        return PhotoResult(
            face,
            self._loaded.title,
            tuple(view.picture.name for view in self._views),
            fitted.off,
            0.0 if self._texture is None else self._texture.seen,
            tuple(photo_words.warnings(self._views, fitted, self._alone, textured=self._textured)),
            time.monotonic() - self._begun,
        )

    def _about(self) -> dict[str, Any]:
        """Where the face comes from, kept with it: no folders, no pictures."""
        return {
            "photos": [view.picture.name for view in self._views],
            "like": self._loaded.title,
            "generator": self._loaded.digest,
            "strengths": [round(float(one), 4) for one in self.fitted.strengths],
        }


def _within(steps: Generator[Step, None, _Made], begin: float, end: float) -> Generator[Step, None, _Made]:
    """The steps of a part of the work, as percents of all of it."""
    while True:
        try:
            step = next(steps)
        except StopIteration as ended:
            return ended.value
        part = min(step.done / max(step.total, 1), 1.0)
        yield engine.Step(round(begin + (end - begin) * part), _TOTAL, step.doing)


def _checked(photo: PhotoInput, known: Mapping[str, int]) -> PhotoInput:
    """A photo whose points and landmarks are places; without those that this head does not have."""
    name = Path(photo.path).name
    try:
        points = None if photo.points is None else np.array(photo.points, np.float64)
        marks = {str(mark): np.array(place, np.float64) for mark, place in photo.marks.items()}
    except (TypeError, ValueError, AttributeError, OverflowError) as problem:
        raise MienError(f"The landmarks of {name} hold something that is no place.", "Give two numbers.") from problem
    for mark, place in marks.items():
        if mark not in known and not photo_guide.is_known(mark):
            raise MienError(f"There is no landmark {mark!r}, as {name} has one.", "See mien photo --help.")
        if place.shape != (2,) or not np.isfinite(place).all():
            raise MienError(f"The landmark {mark} of {name} is no place.", "Give its column and row in pixels.")
    if points is not None and (points.shape != (FACE_POINTS, 3) or not np.isfinite(points).all()):
        raise MienError(f"The points of the face in {name} are damaged.", "Let Mien look for the face again.")
    return PhotoInput(Path(photo.path), points, {one: at for one, at in marks.items() if one in known}, photo.which)
