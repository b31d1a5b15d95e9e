# ruff: noqa: T201 - commands speak on standard output
"""`python -m training train`: one network, one corpus, one folder with everything about the run."""

from __future__ import annotations

import logging
import math
import warnings
from typing import TYPE_CHECKING

import lightning
import numpy as np
import torch
from lightning.pytorch.utilities.rank_zero import rank_zero_only

from core.errors import CorpusError, MienError
from core.learning.batches import ChainSampler, Sequences
from core.learning.pca import principal_components
from core.learning.trainer import Lesson, fit, loader
from core.model import Network, Sizes, SpiralConv, pca_network, spiral_network

from .corpora.store import Corpus, open_corpus
from .runs import epochs_done, load_run, read_config, read_topology, write_config
from .topologies import topology_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from core.topology import Topology

    from .settings import Train


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
    train, test = lesson_and_examination(corpus, config)
    origin = config.out if config.resume else config.begin_from
    topology = topology_of(corpus.template, config.spiral_length) if origin is None else read_topology(origin)
    network = make_network(config, topology, train)
    if config.begin_from is not None and not config.resume:
        _begin_from(config.begin_from, network, corpus)
    if rank_zero_only.rank == 0:
        write_config(config, corpus, topology)
    lesson = Lesson(network, config.schedule, plain=config.plain)
    sampler = ChainSampler(
        len(train.spans), config.batch_size,
        chain=config.chain, max_rest=config.max_rest, warm_up=config.warm_up, seed=config.seed,
    )  # fmt: skip
    unseen = ChainSampler(len(test.spans), 16)
    trainer = fit(
        lesson, loader(train, sampler), loader(test, unseen), config.out,
        resume=last if config.resume else None, check_every=config.check_every,
        accelerator=config.accelerator, devices=config.devices, num_nodes=config.nodes, strategy=config.strategy,
    )  # fmt: skip
    if trainer.interrupted:
        how = "Go on with the same command and --resume." if last.exists() else "Start again with the same command."
        say(f"Interrupted after {trainer.current_epoch} epochs. {how}")
        return 130
    error = trainer.callback_metrics.get("test_error_mm")
    say(f"Trained {config.schedule.epochs} epochs" + (f"; {float(error):.4f} mm on unseen subjects." if error else "."))
    return 0


@rank_zero_only  # type: ignore[untyped-decorator]
def say(text: str) -> None:
    """On standard output, by one of the processes that work together."""
    print(text)


def _check(config: Train) -> None:
    numbers = {
        "schedule.epochs": config.schedule.epochs, "batch-size": config.batch_size, "chain": config.chain,
        "spiral-length": config.spiral_length, "latent": config.latent, "check-every": config.check_every,
        "schedule.learning-rate": config.schedule.learning_rate, "schedule.decay": config.schedule.decay,
        "max-rest": config.max_rest + 1, "warm-up": config.warm_up + 1, "seed": config.seed + 1,
        "schedule.weight-decay": config.schedule.weight_decay + 1, "hidden": config.hidden + 1,
        "hold-out": config.hold_out + 1,
    }  # fmt: skip
    for name, number in numbers.items():
        if not (math.isfinite(number) and number > 0):
            raise MienError(f"The value of --{name} is too small or no number.", "See python -m training train --help.")
    if 0 < config.hidden <= config.latent:
        raise MienError("The value of --hidden is not above that of --latent.", "Leave it out for the same size.")


def _check_resume(config: Train, corpus: Corpus) -> None:
    before, fingerprint = read_config(config.out)
    fixed = ("model", "spiral_length", "latent", "hidden", "hold_out")
    changed = [name for name in fixed if getattr(before, name) != getattr(config, name)]
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


def lesson_and_examination(corpus: Corpus, config: Train) -> tuple[Sequences, Sequences]:
    """What is learned from, and what is looked at.

    Raises:
        CorpusError: as many people are held out as there are to learn from.
    """
    train, test = corpus.split("train"), corpus.split("test")
    if config.hold_out:
        people = sorted({corpus.sequences[index].subject for index in train})
        if config.hold_out >= len(people):
            raise CorpusError(f"Of {len(people)} people {config.hold_out} cannot be held out.", "Hold out fewer.")
        out = set(people[-config.hold_out :])
        test = [index for index in train if corpus.sequences[index].subject in out]
        train = [index for index in train if corpus.sequences[index].subject not in out]
    return in_memory(corpus, train), in_memory(corpus, test)


def in_memory(corpus: Corpus, indices: Sequence[int]) -> Sequences:
    """Some of the corpus' sequences, in memory."""
    spans, rows, at = [], [], 0
    for index in indices:
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
        blendshapes = principal_components(deformations, config.latent, config.seed)
        return pca_network(sizes, *blendshapes, hidden=config.hidden)
    unit = spread(train) if config.unit == "spread" else 1.0
    network = spiral_network(topology, sizes, output_scale=unit, hidden=config.hidden)
    if config.initialisation == "torch":
        for conv in (part for part in network.modules() if isinstance(part, SpiralConv)):
            bound = (conv.weight.shape[0] * conv.weight.shape[1]) ** -0.5
            torch.nn.init.uniform_(conv.weight, -bound, bound)
            torch.nn.init.uniform_(conv.bias, -bound, bound)
    return network


def spread(train: Sequences) -> float:
    """Root mean square of the training deformations' coordinates, mm: the network's unit."""
    sample = train.steps[:: max(1, len(train.steps) // 2000)].to(torch.float64)
    return float(sample.square().mean().sqrt()) * train.scale


def _quiet() -> None:
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    # Data lies in memory already; workers would copy it.
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")
    warnings.filterwarnings("ignore", message="Checkpoint directory .* exists and is not empty")
    warnings.filterwarnings("ignore", message="Experiment logs directory .* exists and is not empty")
