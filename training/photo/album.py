"""Albums: rendered photos of people whose shape, turn, light and lens are known."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.errors import CorpusError
from core.photo.camera import Camera
from core.photo.picture import Picture
from training.corpora.recipe import child_generator

from .cast import SEEDS, VIEWS, draw_camera, sitter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from .cast import NeutralOf

MAKEHUMAN, FACEKIT = "MakeHuman", "FaceKit"
"""Whose people an album shows."""

_WHOSE = "album.json"
_PATH = 12
_TURNS = {"learn": 20.0, "test": 10.0}
"""Degrees that a photo's turn may differ from `VIEWS`: who learns sees more than who is tested."""


@dataclass(frozen=True)
class Page:
    """One person's photos.

    Attributes:
        name: of its file.
        neutral: (V, 3) float32 mm.
        posed: (3, V, 3) float32 mm, the face in each photo.
        expressions: in each photo.
        cameras: of each photo.
        pictures: the photos.
    """

    name: str
    neutral: NDArray[np.float32]
    posed: NDArray[np.float32]
    expressions: tuple[str, ...]
    cameras: tuple[Camera, ...]
    pictures: tuple[Picture, ...]


def begin(folder: Path, people: str) -> None:
    """Marks an album as one of these people.

    Raises:
        CorpusError: it is one of others.
    """
    folder.mkdir(parents=True, exist_ok=True)
    begun = (folder / _WHOSE).is_file() or any(folder.glob("*/*.npz"))
    if begun and whose(folder) != people:
        raise CorpusError(f"The photos in {folder} show {whose(folder)}'s people.", f"Make an album for {people}'s.")
    if not (folder / _WHOSE).is_file():
        (folder / _WHOSE).write_text(json.dumps({"people": people}) + "\n")


def whose(folder: Path) -> str:
    """Whose people an album shows; MakeHuman's where it does not tell.

    Raises:
        CorpusError: what tells it is damaged.
    """
    try:
        return str(json.loads((folder / _WHOSE).read_text())["people"])
    except FileNotFoundError:
        return MAKEHUMAN
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise CorpusError(f"{folder / _WHOSE} is damaged ({problem}).", "Make the album anew.") from problem


def shoot(
    folder: Path, split: str, people: int, part: tuple[int, int] = (1, 1), neutral_of: NeutralOf | None = None
) -> Iterator[int]:
    """Photographs people, those that are not there yet; needs Blender.

    Args:
        folder: of the album.
        split: "learn" or "test".
        people: how many.
        part: which share of them, of how many.
        neutral_of: see `sitter`.

    Yields:
        The number of each.
    """
    from .paint import paint
    from .studio import Studio, draw_light

    place = folder / split
    place.mkdir(parents=True, exist_ok=True)
    studio: Studio | None = None
    for number in range(part[0] - 1, people, part[1]):
        file = place / f"{number:04d}.npz"
        if not file.exists():
            studio = studio or Studio()
            rng = child_generator(SEEDS[split], _PATH, number)
            who, shots = sitter(split, number, neutral_of), []
            skin = paint(who.person, rng)
            hair = 0.0 if skin.bald else float(rng.uniform(2, 30))
            for view, yaw in enumerate(VIEWS):
                camera, size = draw_camera(yaw, rng, _TURNS[split])
                pixels = studio.photograph(who.posed[view], skin, camera, size, draw_light(rng), hair)
                shots.append((camera, _jpeg(pixels, int(rng.integers(70, 96)))))
            _write(file, who.neutral, who.posed, who.names, shots)
        yield number


def _write(
    file: Path,
    neutral: NDArray[np.float32],
    posed: NDArray[np.float32],
    names: tuple[str, ...],
    shots: list[tuple[Camera, bytes]],
) -> None:
    arrays = {f"photo{view}": np.frombuffer(shot, np.uint8) for view, (_, shot) in enumerate(shots)}
    cameras = [camera for camera, _ in shots]
    partial = file.with_suffix(".part.npz")
    np.savez(
        partial,
        neutral=neutral,
        posed=posed,
        expressions=np.array(names),
        rotation=np.stack([one.rotation for one in cameras]),
        shift=np.stack([one.shift for one in cameras]),
        focal=np.array([one.focal for one in cameras]),
        centre=np.stack([one.centre for one in cameras]),
        **arrays,
    )
    partial.replace(file)


def _jpeg(pixels: NDArray[np.uint8], quality: int) -> bytes:
    from PIL import Image

    kept = io.BytesIO()
    Image.fromarray(pixels).save(kept, "JPEG", quality=quality)
    return kept.getvalue()


def pages(folder: Path, split: str) -> Iterator[Page]:
    """The people of a split, one after the other.

    Raises:
        CorpusError: there are none.
    """
    from PIL import Image

    files = sorted((folder / split).glob("[0-9]*[0-9].npz"))
    if not files:
        raise CorpusError(f"There are no photos in {folder / split}.", "Make them with python -m training photo-album.")
    for file in files:
        with np.load(file, allow_pickle=False) as data:
            found = {name: data[name] for name in data.files}
        count = len(found["focal"])
        pictures = []
        for view in range(count):
            image = Image.open(io.BytesIO(found[f"photo{view}"].tobytes())).convert("RGB")
            pictures.append(Picture(f"{file.stem}-{view}", np.asarray(image, np.float32) / 255))
        cameras = tuple(
            Camera(found["rotation"][view], found["shift"][view], float(found["focal"][view]), found["centre"][view])
            for view in range(count)
        )
        names = tuple(str(one) for one in found["expressions"])
        yield Page(file.stem, found["neutral"], found["posed"], names, cameras, tuple(pictures))
