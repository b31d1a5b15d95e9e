# ruff: noqa: T201 - commands speak on standard output
"""`python -m training export`: a run becomes the one file that ships."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path  # noqa: TC003 - tyro reads the annotations
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from core.bundle import Bundle, write_bundle
from core.errors import BundleError
from core.motion import EXPRESSIONS

from .corpora.eyes import lids_of
from .corpora.facekit import read_layout
from .corpora.ict import LANDMARKS
from .corpora.life import life_of
from .corpora.modes import modes_of
from .corpora.template_makehuman import makehuman_template
from .evaluate import evaluated
from .licences import notice
from .photo.kits import kit_of
from .steered import Steered

if TYPE_CHECKING:
    from .evaluation import Evaluated

TITLES = {"makehuman": "MakeHuman head", "ict_skin": "ICT-FaceKit head", "ict_paper": "ICT-FaceKit face, 28,431"}
"""What a corpus' bundle is called for people."""


@dataclass(frozen=True)
class Export:
    """Write a run's network, template and sample faces as a bundle."""

    run: Annotated[Path, tyro.conf.Positional]
    """Folder of the run, or what was kept of it."""
    out: Path
    """The bundle, a .safetensors file."""
    facekit: Path | None = None
    """A clone of ICT-FaceKit or its packed file: an ICT bundle then carries the modes by which a wrap finds people,
    blinks and micro-movements; and where the clone tells its layout, what photos are read by."""


def run(config: Export) -> int:
    """Exports; prints what was written."""
    bundle = bundle_of(config.run, config.facekit)
    config.out.parent.mkdir(parents=True, exist_ok=True)
    write_bundle(config.out, bundle)
    print(f"{config.out}: {config.out.stat().st_size / 1e6:.2f} MB")
    if config.facekit is not None and bundle.photo is None:
        told = read_layout(config.facekit) is not None
        why = "nothing was learned of them yet." if told else "only a clone of FaceKit tells a layout."
        print(f"It reads no photos: {why}")
    return 0


def bundle_of(folder: Path, facekit: Path | None = None) -> Bundle:
    """The bundle of a run, evaluated, with its provenance.

    Args:
        folder: of the run.
        facekit: see `Export`.

    Raises:
        BundleError: the run is a baseline, its LSTM has a size of its own, or it does not turn motion by the face's
            shape; such networks do not ship.
        CorpusError: not a run, or it is not evaluated and its corpus is not there.
    """
    found = evaluated(folder)
    steered = found.config.model == "steered"
    if found.config.model == "pca" or (steered and found.config.blendshapes):
        raise BundleError(f"The run {folder} is the baseline.", "Export a run of the spiral network.")
    if steered and not found.config.jacobians:
        raise BundleError(f"The run {folder} does not turn motion by the face's shape.", "Train with --jacobians.")
    if not found.weights:
        raise BundleError(f"The LSTM of {folder} has a size of its own.", "Train without --hidden.")
    name = _name(found)
    # A run that was kept earlier knows fewer landmarks than its template has today.
    template = replace(found.template, landmarks={**found.template.landmarks, **landmarks_of(name)})
    samples, modes, life = samples_of(name), modes_of(name, facekit), life_of(name, facekit)
    basis = Steered.read(folder).basis if steered else None
    lids = lids_of(name, facekit) if steered else None
    photo = kit_of(name, facekit)
    return Bundle(_header(found), template, found.topology, found.weights, samples, modes, basis, life, lids, photo)


def landmarks_of(name: str) -> dict[str, int]:
    """The landmarks of the template of a corpus of ours, as they are today; none where the run's own must do."""
    if name == "makehuman":
        return dict(makehuman_template().landmarks)
    return dict(LANDMARKS) if name == "ict_skin" else {}


def _name(found: Evaluated) -> str:
    return str(found.about["corpus"]["name"])


def _header(found: Evaluated) -> dict[str, Any]:
    about, name = json.loads((found.folder / "config.json").read_text()), _name(found)
    corpus, result = found.about["corpus"], found.about
    return {
        "kind": "spiral",
        "name": name,
        "title": TITLES.get(name, name.replace("_", " ")),
        "sizes": asdict(found.sizes),
        "units": "mm",
        "frame_rate": corpus["frame_rate"],
        "expressions": list(EXPRESSIONS),
        "licence": {"spdx": corpus["licence"], "notice": notice(name)},
        "provenance": {**about["corpus"], "versions": about["versions"], "notes": corpus["notes"]},
        "training": {
            "epochs": result["epochs"],
            "config": about["config"] | {"corpus": name, "out": found.folder.name},
            "test_error_mm": result["error_mm"],
            "test_apex_error_mm": result["apex_error_mm"],
        },
    }


def samples_of(name: str) -> dict[str, Any]:
    """Neutral faces to begin with, where the corpus has a source of them."""
    if name != "makehuman":
        return {}
    from .corpora.makehuman import sample_faces

    return sample_faces()
