# ruff: noqa: T201 - commands speak on standard output
"""`python -m training train`: one network, one corpus, one folder with everything about the run."""

from __future__ import annotations

import logging
import math
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import lightning
import torch
from lightning.pytorch.utilities.rank_zero import rank_zero_only

from core.bundle import MAX_FIELDS, MAX_STEERING
from core.errors import CorpusError, MienError
from core.learning.batches import ChainSampler, Sequences, frame_count, sampled
from core.learning.blendshapes import pca_network
from core.learning.pca import principal_components
from core.learning.scenes import Scenes, SceneSampler
from core.learning.steering import SteeredLesson
from core.learning.styles import StyleReader
from core.learning.trainer import Lesson, fit, loader
from core.model import Network, SpiralConv, spiral_network
from core.motion import MAX_AHEAD

from .corpora.store import Corpus, open_corpus
from .runs import epochs_done, load_run, read_config, read_topology, sizes_of, write_config
from .steered import Steered, faces_of, motion_on_template, scenes_of, style_features
from .topologies import topology_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from torch.utils.data import DataLoader

    from core.topology import Topology

    from .settings import Train

_FRAMES = 20_000
"""About how many frames principal components are taken from."""

COMPONENTS = 64
"""Principal components that a sequence's style is read from."""


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
    origin = config.out if config.resume else config.begin_from
    topology = topology_of(corpus.template, config.spiral_length) if origin is None else read_topology(origin)
    make = steered_course if config.model == "steered" else plain_course
    course = make(config, corpus, topology)
    if config.begin_from is not None and not config.resume:
        _begin_from(config.begin_from, course.lesson, corpus)
    if rank_zero_only.rank == 0:
        write_config(config, corpus, topology)
        if course.steered is not None:
            course.steered.write(config.out)
    devices = "1" if config.model == "steered" else config.devices
    trainer = fit(
        course.lesson, course.train, course.test, config.out,
        resume=last if config.resume else None, check_every=config.check_every,
        accelerator=config.accelerator, devices=devices, num_nodes=config.nodes, strategy=config.strategy,
    )  # fmt: skip
    if trainer.interrupted:
        how = "Go on with the same command and --resume." if last.exists() else "Start again with the same command."
        say(f"Interrupted after {trainer.current_epoch} epochs. {how}")
        return 130
    error = trainer.callback_metrics.get("test_error_mm")
    say(f"Trained {config.schedule.epochs} epochs" + (f"; {float(error):.4f} mm on unseen subjects." if error else "."))
    return 0


@dataclass(frozen=True)
class Course:
    """All that a training needs.

    Attributes:
        lesson: the network, and how it learns.
        train: batches to learn from.
        test: batches to look at.
        steered: what a steered run knows beside its weights; None for another.
    """

    lesson: Lesson
    train: DataLoader[Any]
    test: DataLoader[Any]
    steered: Steered | None = None


def plain_course(config: Train, corpus: Corpus, topology: Topology) -> Course:
    """The paper's network or its baseline: labels alone."""
    indices, unseen = split(corpus, config)
    train, test = sequences_of(corpus, indices), sequences_of(corpus, unseen)
    lesson = Lesson(make_network(config, topology, train), config.schedule, plain=config.plain)
    batches, looks = loader(train, _chains(config, len(indices))), loader(test, ChainSampler(len(unseen), 16))
    return Course(lesson, batches, looks)


def steered_course(config: Train, corpus: Corpus, topology: Topology) -> Course:
    """The network that sees the face."""
    indices, unseen = split(corpus, config)
    # What codes and strengths mean stays what it was for weights that are taken over.
    origin = config.out if config.resume else config.begin_from
    if origin is None:
        steered = Steered.of(corpus, topology, max(config.code, 1), config.landmarks)
    else:
        steered = Steered.read(origin)
    codes, jacobians = faces_of(corpus, steered.basis)
    if not config.jacobians:
        jacobians = torch.zeros(0)
    train = scenes_of(corpus, indices, steered.floors, config.staging.window)
    test = scenes_of(corpus, unseen, steered.floors, 0)
    features = style_features(train, jacobians, COMPONENTS, config.seed) if config.style else None
    network = make_steered(config, topology, train, jacobians)
    lesson = SteeredLesson(
        network, config.schedule, config.steering, codes=codes[:, : config.code], jacobians=jacobians,
        styles=None if features is None else StyleReader(features, config.style), lean=config.lean, seed=config.seed,
    )  # fmt: skip
    chains, looks = _chains(config, len(indices)), ChainSampler(len(unseen), 16)
    return Course(
        lesson, loader(train, SceneSampler(train, chains, config.staging)),
        loader(test, SceneSampler(test, looks, None)), steered,
    )  # fmt: skip


def _chains(config: Train, count: int) -> ChainSampler:
    return ChainSampler(
        count, config.batch_size,
        chain=config.chain, max_rest=config.max_rest, warm_up=config.warm_up, seed=config.seed,
    )  # fmt: skip


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
    if not (0 <= config.style <= MAX_STEERING and 0 <= config.code <= MAX_STEERING):
        raise MienError(f"A style and a code have 0 to {MAX_STEERING} numbers.", "Change --style or --code.")
    if config.fields and not 3 <= config.fields <= MAX_FIELDS:
        raise MienError(f"A vertex mixes 3 to {MAX_FIELDS} fields, or 0 for none.", "Change --fields.")
    if len(config.ahead) > MAX_AHEAD or not all(0 < frames <= MAX_AHEAD for frames in config.ahead):
        raise MienError(f"Labels are read from 1 to {MAX_AHEAD} frames ahead.", "Change --ahead.")
    if config.model == "steered" and (config.devices not in {"auto", "1"} or config.nodes != 1):
        raise MienError("A steered network is trained by one process.", "Leave out --devices and --nodes.")
    if 0 < config.hidden <= config.latent:
        raise MienError("The value of --hidden is not above that of --latent.", "Leave it out for the same size.")


def _check_resume(config: Train, corpus: Corpus) -> None:
    before, fingerprint = read_config(config.out)
    fixed: tuple[str, ...] = ("model", "spiral_length", "latent", "hidden", "hold_out")
    if config.model == "steered":
        fixed += ("seed", "style", "code", "ahead", "landmarks", "lean", "jacobians", "blendshapes", "fields", "direct")
    changed = [name for name in fixed if getattr(before, name) != getattr(config, name)]
    changed += ["corpus"] if fingerprint != corpus.fingerprint else []
    if changed:
        raise CorpusError(f"The run {config.out} began with another {', '.join(changed)}.", "Begin a new run.")
    if epochs_done(config.out) >= config.schedule.epochs:
        raise CorpusError(f"The run {config.out} has done its {epochs_done(config.out)} epochs.", "Ask for more.")


def _begin_from(folder: Path, lesson: Lesson, corpus: Corpus) -> None:
    _, known, trained = load_run(folder, as_learned=True)
    if known.template.content_hash != corpus.template.content_hash:
        raise CorpusError(f"The run {folder} learned on another template than the corpus has.")
    try:
        lesson.begin_with(trained)
    except RuntimeError as problem:
        raise CorpusError(f"The run {folder} has another model or other sizes.", "Give the same settings.") from problem


def split(corpus: Corpus, config: Train) -> tuple[list[int], list[int]]:
    """The sequences that are learned from, and those that are looked at.

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
    return train, test


def sequences_of(corpus: Corpus, indices: Sequence[int]) -> Sequences:
    """Some of the corpus' sequences."""
    return Sequences(corpus.steps, corpus.scale, corpus.all_labels, corpus.spans(indices))


def make_network(config: Train, topology: Topology, train: Sequences) -> Network:
    """A fresh network of the configuration, fitted to the training motion where it needs it."""
    sizes = sizes_of(config, topology)
    if config.model == "pca":
        # Of a large corpus some frames say as much, and all of them would not fit into memory.
        some = sampled(train, _FRAMES)
        deformations = some.to(torch.float32).mul_(train.scale)
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


def make_steered(config: Train, topology: Topology, train: Scenes, jacobians: torch.Tensor) -> Network:
    """A fresh steered network of the configuration."""
    sizes = sizes_of(config, topology)
    if not config.blendshapes:
        return spiral_network(topology, sizes, output_scale=spread(train), hidden=config.hidden)
    still = motion_on_template(train, jacobians, max(2, frame_count(train) // _FRAMES))
    # No mean: rest is no motion, exactly.
    components, deviation = principal_components(torch.cat([still, -still]), config.latent, config.seed)[1:]
    return pca_network(sizes, torch.zeros(still.shape[1:]), components, deviation, hidden=config.hidden)


def spread(train: Sequences | Scenes) -> float:
    """Root mean square of the training deformations' coordinates, mm: the network's unit."""
    sample = sampled(train, 2000).to(torch.float64)
    return float(sample.square().mean().sqrt()) * train.scale


def _quiet() -> None:
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    # Data is read as fast as memory is; workers would have to send it.
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")
    warnings.filterwarnings("ignore", message="Checkpoint directory .* exists and is not empty")
    warnings.filterwarnings("ignore", message="Experiment logs directory .* exists and is not empty")
