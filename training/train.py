# ruff: noqa: T201 - commands speak on standard output
"""`python -m training train`: one network, one corpus, one folder with everything about the run."""

from __future__ import annotations

import importlib.metadata
import json
import logging
import math
import pickle
import warnings
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import lightning
import numpy as np
import torch
import tyro

from core.bundle import read_arrays, write_arrays
from core.errors import CorpusError, MienError
from core.learning.batches import ChainSampler, Sequences
from core.learning.pca import principal_components
from core.learning.trainer import Lesson, Schedule, fit, loader
from core.model import Network, Sizes, pca_network, spiral_network
from core.topology import Topology

from .corpora.store import Corpus, open_corpus
from .topologies import topology_of

_TOPOLOGY = "topology.safetensors"
_PACKAGES = ("torch", "lightning", "numpy", "scipy", "pymeshlab")


@dataclass(frozen=True)
class Train:
    """Train the paper's model, or its PCA baseline, on a corpus."""

    corpus: Annotated[Path, tyro.conf.Positional]
    """Folder of the corpus."""
    out: Path
    """Folder of the run: configuration, checkpoints, curves."""
    model: Literal["spiral", "pca"] = "spiral"
    """The paper's network, or the blendshape baseline of its section 5.2."""
    schedule: Schedule = field(default_factory=Schedule)
    """How long and how fast to learn."""
    batch_size: int = 4
    """Sequences in a step; the paper leaves it open."""
    chain: int = 1
    """At most so many of them played one after the other without forgetting; the paper's is 1. Performances of several
    expressions want more."""
    max_rest: int = 0
    """At most so many frames of rest before each sequence of a chain."""
    warm_up: int = 0
    """Epochs before the first chains."""
    spiral_length: int = 10
    """L, vertices of a spiral; the paper leaves it open."""
    latent: int = 64
    """Size of the LSTM's output, and the number of blendshapes of the baseline."""
    seed: int = 0
    """Fixes initialisation and order."""
    plain: bool = False
    """Train through the plain decoder rather than the folded one: the same numbers, slower."""
    resume: bool = False
    """Go on from the run's last checkpoint."""
    begin_from: Path | None = None
    """Another run whose weights to begin with: a second round at a fresh learning rate, or your own scans on top of a
    trained network of the same template."""
    check_every: int = 5
    """Epochs between two looks at the unseen subjects."""
    accelerator: str = "auto"
    """cpu, cuda, mps or auto."""
    devices: str = "auto"
    """How many devices."""
    strategy: str = "auto"
    """How several devices work together, such as ddp."""


def run(config: Train) -> int:
    """Trains; exit code 0, or 130 where the person interrupted.

    Raises:
        MienError: numbers that make no sense, a damaged corpus, devices that are not there.
    """
    _check(config)
    _quiet()
    corpus = open_corpus(config.corpus)
    last = config.out / "checkpoints" / "last.ckpt"
    if config.resume and not last.exists():
        raise CorpusError(f"There is no checkpoint in {config.out} to go on from.", "Leave out --resume.")
    if last.exists() and not config.resume:
        raise CorpusError(f"The folder {config.out} holds a run already.", "Give --resume, or another folder.")
    if config.resume:
        _check_resume(config, corpus)
    lightning.seed_everything(config.seed, verbose=False)
    train, test = sequences(corpus, "train"), sequences(corpus, "test")
    origin = config.out if config.resume else config.begin_from
    topology = topology_of(corpus.template, config.spiral_length) if origin is None else read_topology(origin)
    network = make_network(config, topology, train)
    if config.begin_from is not None and not config.resume:
        _begin_from(config.begin_from, network, corpus)
    _write_config(config, corpus, topology)
    lesson = Lesson(network, config.schedule, plain=config.plain)
    sampler = ChainSampler(
        len(train.spans), config.batch_size,
        chain=config.chain, max_rest=config.max_rest, warm_up=config.warm_up, seed=config.seed,
    )  # fmt: skip
    unseen = ChainSampler(len(test.spans), 16)
    trainer = fit(
        lesson, loader(train, sampler), loader(test, unseen), config.out,
        resume=last if config.resume else None, check_every=config.check_every,
        accelerator=config.accelerator, devices=config.devices, strategy=config.strategy,
    )  # fmt: skip
    if trainer.interrupted:
        how = "Go on with the same command and --resume." if last.exists() else "Start again with the same command."
        print(f"Interrupted after {trainer.current_epoch} epochs. {how}")
        return 130
    error = trainer.callback_metrics.get("test_error_mm")
    print(
        f"Trained {config.schedule.epochs} epochs" + (f"; {float(error):.4f} mm on unseen subjects." if error else ".")
    )
    return 0


def _check(config: Train) -> None:
    numbers = {
        "schedule.epochs": config.schedule.epochs, "batch-size": config.batch_size, "chain": config.chain,
        "spiral-length": config.spiral_length, "latent": config.latent, "check-every": config.check_every,
        "schedule.learning-rate": config.schedule.learning_rate, "schedule.decay": config.schedule.decay,
        "max-rest": config.max_rest + 1, "warm-up": config.warm_up + 1, "seed": config.seed + 1,
        "schedule.weight-decay": config.schedule.weight_decay + 1,
    }  # fmt: skip
    for name, number in numbers.items():
        if not (math.isfinite(number) and number > 0):
            raise MienError(f"The value of --{name} is too small or no number.", "See python -m training train --help.")


def _check_resume(config: Train, corpus: Corpus) -> None:
    before, fingerprint = read_config(config.out)
    changed = [name for name in ("model", "spiral_length", "latent") if getattr(before, name) != getattr(config, name)]
    changed += ["corpus"] if fingerprint != corpus.fingerprint else []
    if changed:
        raise CorpusError(f"The run {config.out} began with another {', '.join(changed)}.", "Begin a new run.")
    if epochs_done(config.out) >= config.schedule.epochs:
        raise CorpusError(f"The run {config.out} has done its {epochs_done(config.out)} epochs.", "Ask for more.")


def _begin_from(folder: Path, network: Network, corpus: Corpus) -> None:
    _, known, trained = load_run(folder)
    if known.template.content_hash != corpus.template.content_hash:
        raise CorpusError(f"The run {folder} learned on another template than the corpus has.")
    try:
        network.load_state_dict(trained.state_dict())
    except RuntimeError as problem:
        raise CorpusError(f"The run {folder} has another model or other sizes.", "Give the same ones.") from problem


def sequences(corpus: Corpus, split: str) -> Sequences:
    """The corpus' sequences of "train" or "test", in memory."""
    spans, rows, at = [], [], 0
    for index in corpus.split(split):
        one = corpus.sequences[index]
        rows.append(np.arange(one.first, one.first + one.frames))
        spans.append((at, one.frames))
        at += one.frames
    chosen = np.concatenate(rows)
    return Sequences(corpus.steps[chosen], corpus.scale, corpus.all_labels[chosen], spans)


def make_network(config: Train, topology: Topology, train: Sequences) -> Network:
    """A fresh network of the configuration, fitted to the training motion where it needs it."""
    sizes = Sizes.of(topology, config.latent)
    if config.model == "pca":
        deformations = train.steps.to(torch.float32).mul_(train.scale)
        return pca_network(sizes, *principal_components(deformations, config.latent, config.seed))
    return spiral_network(topology, sizes, output_scale=spread(train))


def spread(train: Sequences) -> float:
    """Root mean square of the training deformations' coordinates, mm: the network's unit."""
    sample = train.steps[:: max(1, len(train.steps) // 2000)].to(torch.float64)
    return float(sample.square().mean().sqrt()) * train.scale


def load_run(folder: Path) -> tuple[Train, Corpus, Network]:
    """A finished or interrupted run: its configuration, corpus and network with the last checkpoint's weights.

    Raises:
        CorpusError: not a run, or its corpus is no longer what it learned from.
    """
    config, fingerprint = read_config(folder)
    checkpoint = read_checkpoint(folder)
    corpus = open_corpus(config.corpus, verify=False)
    if corpus.fingerprint != fingerprint:
        raise CorpusError(f"The corpus {config.corpus} is not the one the run {folder} learned from.")
    state = {name.removeprefix("network."): value for name, value in checkpoint["state_dict"].items()}
    try:
        network = _trained(config, read_topology(folder), state)
    except (RuntimeError, KeyError) as problem:
        raise CorpusError(f"The run {folder} is damaged: its weights do not fit its configuration.") from problem
    return config, corpus, network.eval()


def _trained(config: Train, topology: Topology, state: dict[str, torch.Tensor]) -> Network:
    # What a fresh network takes from the training motion lies in the trained one's state.
    sizes = Sizes.of(topology, config.latent)
    if config.model == "pca":
        blendshapes = (state[f"decoder.{name}"] for name in ("mean", "components", "deviation"))
        network = pca_network(sizes, *blendshapes)
    else:
        network = spiral_network(topology, sizes)
    network.load_state_dict(state)
    return network


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
        return Train(**{**words, **places}), str(about["corpus"]["fingerprint"])
    except (ValueError, KeyError, TypeError) as problem:
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
    arrays, _ = read_arrays(folder / _TOPOLOGY)
    return Topology.from_arrays(arrays)


def epochs_done(folder: Path) -> int:
    """Epochs behind the run's last checkpoint."""
    return int(read_checkpoint(folder)["epoch"]) + 1


def _write_config(config: Train, corpus: Corpus, topology: Topology) -> None:
    config.out.mkdir(parents=True, exist_ok=True)
    write_arrays(config.out / _TOPOLOGY, topology.to_arrays(), {})
    about = {
        "config": asdict(config) | {"resume": False},
        "corpus": {
            "name": corpus.header["name"], "fingerprint": corpus.fingerprint, "seed": corpus.header["seed"],
            "source": corpus.header["source"], "licence": corpus.header["licence"],
        },
        "versions": {name: importlib.metadata.version(name) for name in _PACKAGES},
    }  # fmt: skip
    (config.out / "config.json").write_text(json.dumps(about, indent=1, default=str) + "\n")


def _quiet() -> None:
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    # Data lies in memory already; workers would copy it.
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")
    warnings.filterwarnings("ignore", message="Checkpoint directory .* exists and is not empty")
    warnings.filterwarnings("ignore", message="Experiment logs directory .* exists and is not empty")
