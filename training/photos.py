# ruff: noqa: T201 - commands speak on standard output
"""`python -m training photo-album`, `photo-learn`, `photo-judge`: people in photos, from rendering to numbers."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro
from tqdm import tqdm  # type: ignore[import-untyped]

from core.bundle import read_bundle
from core.errors import MienError

from .benchmark import DEFAULT_BUNDLE
from .photo.kits import KEPT

if TYPE_CHECKING:
    from core.bundle import Bundle
    from core.detection.faces import Reader
    from core.template import Template

    from .photo.learn import Sample, Shot


@dataclass(frozen=True)
class PhotoAlbum:
    """Photograph people of ours, three times each; what is there is kept, so it can be stopped and begun again."""

    out: Annotated[Path, tyro.conf.Positional] = Path("corpora/photos")
    """Folder of the album."""
    learn: int = 320
    """People whose photos the detector's errors are learned from."""
    test: int = 40
    """People to test on, none of the others."""
    part: tuple[int, int] = (1, 1)
    """Which share of the work, of how many: start it twice with 1 2 and 2 2 for two cores."""


@dataclass(frozen=True)
class PhotoLearn:
    """Learn how the detector sees faces; a bundle carries it when it is exported again."""

    album: Annotated[Path, tyro.conf.Positional] = Path("corpora/photos")
    """Folder of the album."""
    out: Path = KEPT
    """File to write."""
    wheel: Path | None = None
    """MediaPipe's wheel; without it pip downloads it, once."""


@dataclass(frozen=True)
class PhotoJudge:
    """Find the people to test on in their photos, and compare."""

    album: Annotated[Path, tyro.conf.Positional] = Path("corpora/photos")
    """Folder of the album."""
    bundle: Path = DEFAULT_BUNDLE
    """The bundle to judge."""
    wheel: Path | None = None
    """MediaPipe's wheel; without it pip downloads it, once."""
    json: Annotated[Path | None, tyro.conf.arg(name="json")] = None
    """Also write the figures here."""


def run_album(config: PhotoAlbum) -> int:
    """Renders.

    Raises:
        MienError: there is no Blender here, or the numbers make no sense.
    """
    from .photo.album import shoot

    if importlib.util.find_spec("bpy") is None:
        raise MienError("There is no Blender here.", "Install it with: pip install 'mien[blender]'.")
    first, of = config.part
    if not 1 <= first <= of:
        raise MienError(f"There is no part {first} of {of}.", "Give --part 1 2, for example.")
    for split, people in (("test", config.test), ("learn", config.learn)):
        mine = len(range(first - 1, people, of))
        for _ in tqdm(shoot(config.out, split, people, config.part), desc=split, total=mine, disable=None):
            pass
    print(f"{config.out}: {config.learn} people to learn from, {config.test} to test on, three photos each")
    return 0


def run_learn(config: PhotoLearn) -> int:
    """Reads the photos to learn from, and learns."""
    from .photo.kits import keep
    from .photo.learn import Recipe, errors, lost, mirrored, places
    from .photo.networks import networks

    bundle, reader = read_bundle(DEFAULT_BUNDLE), networks(config.wheel)
    people = _shots(config.album, bundle, reader)
    corners, shares = places(bundle.template, [shot for person in people for shot in person])
    samples = _samples(people, bundle.template, corners, shares)
    missed = sum(lost(one) for person in samples for one in person)
    keep(config.out, corners, shares, errors(samples, mirrored(bundle.template, corners, shares), Recipe()))
    print(f"{config.out}: learned from {3 * len(people)} photos, {missed} of them misread")
    return 0


def _shots(album: Path, bundle: Bundle, reader: Reader) -> list[list[Shot]]:
    from .photo.album import pages
    from .photo.learn import Shot, read, rough_places

    rough = rough_places(bundle.template)
    people = []
    for page in tqdm(list(pages(album, "learn")), desc="reading", disable=None):
        shots = []
        for camera, posed, picture in zip(page.cameras, page.posed, page.pictures, strict=True):
            points = read(picture, reader, camera.project(posed[rough]))
            if points is not None:
                shots.append(Shot(camera, posed, points))
        if len(shots) == len(page.cameras):
            people.append(shots)
    return people


def _samples(people: list[list[Shot]], template: Template, corners: Any, shares: Any) -> list[list[Sample]]:
    from core.detection.faces import LEFT_EYE, RIGHT_EYE

    from .photo.learn import off

    def on(vertices: Any) -> Any:
        return (vertices[corners] * shares[:, :, None]).sum(axis=1)

    mean = on(template.vertices)
    eyes = float(((mean[RIGHT_EYE[0]] - mean[LEFT_EYE[0]]) ** 2).sum() ** 0.5)
    return [[off(shot, on(shot.posed), mean, eyes) for shot in person] for person in people]


def run_judge(config: PhotoJudge) -> int:
    """Fits, measures, prints."""
    from .photo.album import pages
    from .photo.judge import face_of, figures, judge
    from .photo.networks import networks
    from .photo.page import table

    bundle, reader = read_bundle(config.bundle), networks(config.wheel)
    if bundle.photo is None:
        raise MienError(f"{config.bundle.name} cannot read photos.", "Choose another bundle.")
    over = face_of(bundle)
    every = list(pages(config.album, "test"))
    result = figures(judge(bundle, reader, page, over) for page in tqdm(every, desc="fitting", disable=None))
    print(table(result))
    if config.json is not None:
        config.json.parent.mkdir(parents=True, exist_ok=True)
        config.json.write_text(json.dumps(result, indent=1) + "\n")
    return 0
