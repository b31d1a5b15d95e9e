"""A run's folder: what is written into it, and read from it."""

from __future__ import annotations

import importlib.metadata
import json
import pickle
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from core.bundle import read_arrays, write_arrays
from core.errors import CorpusError, MienError
from core.learning.blendshapes import pca_network
from core.learning.scenes import Staging
from core.learning.steering import Steering, state_of_network, widen
from core.learning.trainer import Schedule
from core.model import Network, spiral_network
from core.sizes import Sizes
from core.topology import Topology

from .corpora.store import Corpus, open_corpus
from .settings import Train

TOPOLOGY = "topology.safetensors"
_PACKAGES = ("torch", "lightning", "numpy", "scipy", "pymeshlab")


def load_run(folder: Path, *, as_learned: bool = False) -> tuple[Train, Corpus, Network]:
    """A finished or interrupted run: its configuration, corpus and network with the last checkpoint's weights.

    Args:
        folder: of the run.
        as_learned: to learn on with; otherwise takes are as wide as they are to be (`Steering.wider`).

    Raises:
        CorpusError: not a run, or its corpus is no longer what it learned from.
    """
    config, fingerprint = read_config(folder)
    checkpoint = read_checkpoint(folder)
    corpus = open_corpus(config.corpus, verify=False)
    if corpus.fingerprint != fingerprint:
        raise CorpusError(f"The corpus {config.corpus} is not the one the run {folder} learned from.")
    try:
        # What reads the styles of true sequences stands beside the network and is of no use without them.
        network = _trained(config, read_topology(folder), state_of_network(checkpoint["state_dict"]))
    except (RuntimeError, KeyError) as problem:
        raise CorpusError(f"The run {folder} is damaged: its weights do not fit its configuration.") from problem
    if config.model == "steered" and not as_learned:
        widen(network, config.style, config.code, config.steering.wider)
    return config, corpus, network.eval()


def _trained(config: Train, topology: Topology, state: dict[str, torch.Tensor]) -> Network:
    # What a fresh network takes from the training motion lies in the trained one's state.
    sizes = sizes_of(config, topology)
    if config.model == "pca" or config.blendshapes:
        mean, components, deviation = (state[f"decoder.{name}"] for name in ("mean", "components", "deviation"))
        network = pca_network(sizes, mean, components, deviation, config.hidden)
    else:
        network = spiral_network(topology, sizes, hidden=config.hidden)
    network.load_state_dict(state)
    return network


def sizes_of(config: Train, topology: Topology) -> Sizes:
    """The sizes of a run's network."""
    if config.model != "steered":
        return Sizes.of(topology, config.latent)
    return Sizes.of(
        topology, config.latent, style=config.style, code=config.code, steered=True,
        fields=config.fields, direct=(1,) if config.direct else (), ahead=config.ahead,
    )  # fmt: skip


def read_config(folder: Path) -> tuple[Train, str]:
    """A run's configuration and the fingerprint of the corpus it learned from.

    Raises:
        CorpusError: not a run, or damaged.
    """
    path = folder / "config.json"
    if not path.exists():
        raise CorpusError(f"The folder {folder} holds no run.", "Train one with python -m training train.")
    try:
        about = json.loads(path.read_text())
        words: dict[str, Any] = about["config"]
        places = {"corpus": Path(words["corpus"]), "out": folder, "schedule": Schedule(**words["schedule"])}
        # Runs from before there were steered networks know nothing of these.
        places |= {
            "staging": Staging(**words.get("staging", {})),
            "steering": Steering(**{"wider": 1.0, **words.get("steering", {})}),
        }
        places |= {"ahead": tuple(words.get("ahead", ()))}
        older = {"landmarks": False, "lean": False}
        return Train(**{**older, **words, **places}), str(about["corpus"]["fingerprint"])
    except (MienError, ValueError, KeyError, TypeError) as problem:
        raise CorpusError(f"The run {folder} is damaged: its config.json cannot be read.", "Train again.") from problem


def read_checkpoint(folder: Path) -> dict[str, Any]:
    """A run's last checkpoint, on the CPU; weights and numbers only, never a pickled object.

    Raises:
        CorpusError: there is none, or it is damaged.
    """
    last = folder / "checkpoints" / "last.ckpt"
    if not last.exists():
        raise CorpusError(
            f"The folder {folder} holds no run with a checkpoint.", "Train one with python -m training train."
        )
    try:
        checkpoint: dict[str, Any] = torch.load(last, map_location="cpu", weights_only=True)
        _ = checkpoint["state_dict"], int(checkpoint["epoch"])
    except (RuntimeError, OSError, ValueError, KeyError, TypeError, EOFError, pickle.UnpicklingError) as problem:
        raise CorpusError(f"The run {folder} is damaged: its checkpoint cannot be read.", "Train again.") from problem
    return checkpoint


def read_topology(folder: Path) -> Topology:
    """The levels, spirals and unpooling that a run learned with."""
    arrays, _ = read_arrays(folder / TOPOLOGY)
    return Topology.from_arrays(arrays)


def epochs_done(folder: Path) -> int:
    """Epochs behind the run's last checkpoint."""
    return int(read_checkpoint(folder)["epoch"]) + 1


def write_config(config: Train, corpus: Corpus, topology: Topology) -> None:
    """Begins a run's folder: settings, versions, the corpus' fingerprint, the topology."""
    config.out.mkdir(parents=True, exist_ok=True)
    write_arrays(config.out / TOPOLOGY, topology.to_arrays(), {})
    about = {
        "config": asdict(config) | {"resume": False},
        "corpus": {
            "name": corpus.header["name"], "fingerprint": corpus.fingerprint, "seed": corpus.header["seed"],
            "source": corpus.header["source"], "licence": corpus.header["licence"],
        },
        "versions": {name: importlib.metadata.version(name) for name in _PACKAGES},
    }  # fmt: skip
    (config.out / "config.json").write_text(json.dumps(about, indent=1, default=str) + "\n")
