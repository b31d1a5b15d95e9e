# ruff: noqa: T201 - commands speak on standard output
"""`python -m training photo-album`, `photo-learn`, `photo-judge`: people in photos, from rendering to numbers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro
from tqdm import tqdm  # type: ignore[import-untyped]

from core.bundle import read_bundle
from core.errors import BundleError, MienError

from .benchmark import DEFAULT_BUNDLE
from .blender import blender_surfaces, need_blender
from .corpora.facekit import read_layout

if TYPE_CHECKING:
    from core.bundle import Bundle
    from core.detection.faces import Reader

    from .photo.album import Page
    from .photo.carrying import Carrier
    from .photo.learn import Sitting


@dataclass(frozen=True)
class PhotoAlbum:
    """Photograph people of ours, three times each; what is there is kept, so it can be stopped and begun again."""

    out: Annotated[Path, tyro.conf.Positional] = Path("corpora/photos")
    """Folder of the album."""
    learn: int = 480
    """People whose photos the detector's errors are learned from."""
    test: int = 40
    """People to test on, none of the others."""
    part: tuple[int, int] = (1, 1)
    """Which share of the work, of how many: start it twice with 1 2 and 2 2 for two cores."""
    facekit: Path | None = None
    """A clone of ICT-FaceKit or its packed file: photograph its people."""


@dataclass(frozen=True)
class PhotoLearn:
    """Learn how the detector sees faces; a bundle carries it when it is exported again."""

    album: Annotated[Path, tyro.conf.Positional] = Path("corpora/photos")
    """Folder of the album."""
    out: Path | None = None
    """File to write; default, docs/kits/ and the name of the bundle's corpus."""
    bundle: Path = DEFAULT_BUNDLE
    """The bundle whose head people get, and whose modes they are told by."""
    facekit: Path | None = None
    """A clone of ICT-FaceKit, for the ICT bundle and an album of the kit's people."""
    wheel: Path | None = None
    """MediaPipe's wheel; without it pip downloads it, once."""


@dataclass(frozen=True)
class PhotoJudge:
    """Find the people to test on in their photos, and compare."""

    album: Annotated[Path, tyro.conf.Positional] = Path("corpora/photos")
    """Folder of the album."""
    bundle: Path = DEFAULT_BUNDLE
    """The bundle to judge."""
    facekit: Path | None = None
    """A clone of ICT-FaceKit, for the ICT bundle and an album of the kit's people."""
    wheel: Path | None = None
    """MediaPipe's wheel; without it pip downloads it, once."""
    json: Annotated[Path | None, tyro.conf.arg(name="json")] = None
    """Also write the figures here."""


@dataclass(frozen=True)
class PhotoFigure:
    """Draw the paper's figure 7: people found in photos, performing, and beside a second photo of theirs."""

    album: Annotated[Path, tyro.conf.Positional] = Path("corpora/photos")
    """Folder of the album, whose people to test on are shown."""
    out: Path = Path("docs/pictures")
    """Folder that gets the pictures, photo_figure_7.jpg and photo_pairs.jpg."""
    photos: tuple[Path, ...] = ()
    """Other photos, shown first."""
    people: int = 3
    """How many of the album."""
    pairs: int = 6
    """How many pairs of photos; 0 for no such picture."""
    name: str = "photo"
    """What the pictures' names begin with."""
    bundle: Path = DEFAULT_BUNDLE
    """The bundle that performs."""
    facekit: Path | None = None
    """A clone of ICT-FaceKit, for the ICT bundle and an album of the kit's people."""
    wheel: Path | None = None
    """MediaPipe's wheel; without it pip downloads it, once."""


def run_album(config: PhotoAlbum) -> int:
    """Renders.

    Raises:
        MienError: there is no Blender here, the numbers make no sense, or the album is of others.
    """
    from .photo.album import FACEKIT, MAKEHUMAN, begin, shoot

    need_blender()
    first, of = config.part
    if not 1 <= first <= of:
        raise MienError(f"There is no part {first} of {of}.", "Give --part 1 2, for example.")
    carrier = _carrier(config.facekit)
    neutral_of = None if carrier is None else carrier.neutral
    begin(config.out, MAKEHUMAN if carrier is None else FACEKIT)
    for split, people in (("test", config.test), ("learn", config.learn)):
        mine = len(range(first - 1, people, of))
        taken = shoot(config.out, split, people, config.part, neutral_of)
        for _ in tqdm(taken, desc=split, total=mine, disable=None):
            pass
    print(f"{config.out}: {config.learn} people to learn from, {config.test} to test on, three photos each")
    return 0


def _carrier(facekit: Path | None) -> Carrier | None:
    """What carries people of a kit to the MakeHuman head and back; None without a kit."""
    if facekit is None:
        return None
    need_blender()
    # Blender first: it cannot be imported after some of the mesh libraries.
    surface_of = blender_surfaces()
    from .corpora.facekit import read_facekit
    from .photo.carrying import Carrier

    return Carrier(read_facekit(facekit), surface_of)


def run_learn(config: PhotoLearn) -> int:
    """Reads the photos to learn from, and learns.

    Raises:
        MienError: the bundle has no modes, the album is of others, or the FaceKit is not there, or not asked for.
    """
    bundle = read_bundle(config.bundle)
    if not len(bundle.modes):
        raise BundleError(f"{config.bundle.name} has no modes of people.", "Export it with --facekit.")
    name, need = str(bundle.header.get("name", "")), _need_of(bundle, config.facekit)
    from .photo.album import FACEKIT, MAKEHUMAN, whose

    own = MAKEHUMAN if need is None else FACEKIT
    if whose(config.album) != own:
        raise MienError(f"The people in {config.album} are not {own}'s.", "Give another album.")
    if need is not None and read_layout(need) is None:
        raise MienError(f"{need} tells no layout of FaceKit's textures.", "Give a clone, not the packed file alone.")
    carrier = _carrier(need)
    import numpy as np

    from .photo.expressions import expressions_in
    from .photo.kits import KEPT, blank_kit, keep
    from .photo.learn import learn
    from .photo.networks import networks

    out = config.out or KEPT / f"{name}.safetensors"
    people, seen = _sittings(config.album, bundle, networks(config.wheel), carrier), None
    if carrier is not None:
        seen = expressions_in(np.concatenate([[shot.posed - one.neutral for shot in one.shots] for one in people]))
    blank = blank_kit(name, config.facekit, seen)
    print(f"learning from {sum(len(one.shots) for one in people)} photos of {len(people)} people")
    keep(out, learn(people, bundle, blank), name)
    print(f"{out}: {out.stat().st_size / 1e6:.1f} MB")
    return 0


def _need_of(bundle: Bundle, facekit: Path | None) -> Path | None:
    """The FaceKit that tells of people on the ICT head; None for a bundle whose head albums show.

    Raises:
        MienError: there ought to be one and is not, or the other way round.
    """
    is_ict = bundle.header.get("name") == "ict_skin"
    if is_ict and facekit is None:
        raise MienError("People on the ICT head are known by FaceKit alone.", "Give a clone of it with --facekit.")
    if not is_ict and facekit is not None:
        raise MienError("FaceKit tells of people on the ICT head alone.", "Give the ICT bundle with --bundle.")
    return facekit


def _pages(album: Path, split: str, carrier: Carrier | None) -> list[Page]:
    from .photo.album import pages

    every = pages(album, split)
    return list(every if carrier is None else (carrier.carried(page, split) for page in every))


def _sittings(album: Path, bundle: Bundle, reader: Reader, carrier: Carrier | None) -> list[Sitting]:
    from .photo.learn import Shot, Sitting, read, rough_places

    rough = rough_places(bundle.template)
    people = []
    for page in tqdm(_pages(album, "learn", carrier), desc="reading", disable=None):
        shots = []
        for camera, posed, picture in zip(page.cameras, page.posed, page.pictures, strict=True):
            points = read(picture, reader, camera.project(posed[rough]))
            if points is not None:
                shots.append(Shot(camera, posed, points, picture.colours))
        if len(shots) == len(page.cameras):
            people.append(Sitting(page.neutral, shots))
    return people


def run_judge(config: PhotoJudge) -> int:
    """Fits, measures, prints.

    Raises:
        MienError: the bundle cannot read photos, or the FaceKit is not there, or not asked for.
    """
    bundle = _reading(config.bundle)
    carrier = _carrier(_need_of(bundle, config.facekit))
    from .photo.judge import face_of, figures, judge
    from .photo.networks import networks
    from .photo.page import table

    reader, over = networks(config.wheel), face_of(bundle)
    every = _pages(config.album, "test", carrier)
    result = figures(judge(bundle, reader, page, over) for page in tqdm(every, desc="fitting", disable=None))
    print(table(result))
    if config.json is not None:
        config.json.parent.mkdir(parents=True, exist_ok=True)
        config.json.write_text(json.dumps(result, indent=1) + "\n")
    return 0


def _reading(path: Path) -> Bundle:
    bundle = read_bundle(path)
    if bundle.photo is None:
        raise MienError(f"{path.name} cannot read photos.", "Choose another bundle.")
    return bundle


def run_figure(config: PhotoFigure) -> int:
    """Finds, performs, renders.

    Raises:
        MienError: there is no Blender here, the bundle cannot read photos, or a photo is none.
    """
    if config.people < 1 or config.pairs < 0:
        raise MienError("A figure without people shows nothing.", "Give --people from 1 on, and --pairs from 0 on.")
    need_blender()
    bundle = _reading(config.bundle)
    carrier = _carrier(_need_of(bundle, config.facekit))
    import numpy as np
    from PIL import Image, ImageOps

    from core.motion import EXPRESSIONS
    from core.photo.find import find
    from core.photo.fitted import View
    from core.photo.picture import Picture

    from .photo.figure import Portraits, apart, pairs_of, sheet
    from .photo.judge import face_of
    from .photo.networks import networks

    every = _pages(config.album, "test", carrier)
    twice, reader = pairs_of(every, config.pairs) if config.pairs else [], networks(config.wheel)

    def seen(picture: Picture) -> View:
        return View(picture, find(picture, reader).points)

    def opened(path: Path) -> Picture:
        try:
            with Image.open(path) as image:
                upright = ImageOps.exif_transpose(image).convert("RGB")
        except OSError as problem:
            raise MienError(f"{path} is no picture that can be read.", "Give a JPEG or a PNG.") from problem
        return Picture(path.name, np.asarray(upright, np.float32) / 255)

    portraits, over = Portraits(bundle), face_of(bundle)
    chosen = [opened(path) for path in config.photos] + [page.pictures[1] for page in every[: config.people]]
    rows = [portraits.row(seen(one)) for one in tqdm(chosen, desc="people", disable=None)]
    titles = ["photo", "found", "with texture", *EXPRESSIONS]
    config.out.mkdir(parents=True, exist_ok=True)
    Image.fromarray(sheet(rows, titles)).save(config.out / f"{config.name}_figure_7.jpg", quality=86)
    if not twice:
        return 0
    rows, captions, figures = [], [], []
    for page, rest, moved in tqdm(twice, desc="pairs", disable=None):
        images, pair = portraits.pair(seen(page.pictures[rest]), seen(page.pictures[moved]), page.expressions[moved])
        rows.append(images)
        figures.append(apart(pair, page.posed[moved], over))
        beside, generated, shown = figures[-1]
        captions.append(
            f"{pair.expression}, {pair.strength:.2f}: the generated and the fitted face differ by {beside:.2f} mm; "
            f"from the truth {generated:.2f} and {shown:.2f} mm"
        )
    titles = ["photo at rest", "found", "generated from it", "found in the second photo", "second photo"]
    Image.fromarray(sheet(rows, titles, captions)).save(config.out / f"{config.name}_pairs.jpg", quality=86)
    means = np.mean(figures, axis=0)
    said = f"generated beside fitted {means[0]:.2f}; from the truth {means[1]:.2f} and {means[2]:.2f}"
    print(f"{len(figures)} pairs, mm: {said}")
    return 0
