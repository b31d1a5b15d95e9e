"""Batches of sequences, drawn the same way for the same seed and epoch."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.utils.data import Dataset, Sampler

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from torch import Tensor

    from .scenes import Scenes


@dataclass(frozen=True)
class Batch:
    """Sequences of one training step, the shorter ones padded with rest behind their end.

    Attributes:
        labels: (B, T, 6) float32.
        deformation: (B, T, V, 3) float32 mm.
        mask: (B, T) bool, False where padded.
    """

    labels: Tensor
    deformation: Tensor
    mask: Tensor

    def to(self, device: torch.device) -> Batch:
        """The same on a device."""
        return Batch(self.labels.to(device), self.deformation.to(device), self.mask.to(device))


@dataclass(frozen=True)
class Chain:
    """Sequences played one after the other, with frames of rest before each. A chain of one is the paper's training."""

    sequences: tuple[int, ...]
    rests: tuple[int, ...]


class Sequences(Dataset[Batch]):
    """Sequences as stored: int16 steps, turned into millimetres batch by batch.

    Steps may lie on disk: the system keeps in memory what fits, and shares it among all who train on them.

    Args:
        steps: (F, V, 3) int16, of these sequences and maybe of others.
        scale: mm a step.
        labels: (F, 6) float32.
        spans: (first row, frames) of each sequence.
    """

    def __init__(
        self,
        steps: NDArray[np.int16],
        scale: float,
        labels: NDArray[np.float32],
        spans: list[tuple[int, int]],
    ) -> None:
        self.steps = as_they_lie(steps)
        self.labels = torch.from_numpy(np.array(labels, np.float32))
        self.scale = scale
        self.spans = spans

    def __getitem__(self, chains: list[Chain]) -> Batch:
        """The batch of the given chains; `ChainSampler` gives whole batches. Of none, one frame that does not count."""
        if not chains:
            labels, deformation = torch.zeros(1, 1, self.labels.shape[1]), torch.zeros(1, 1, *self.steps.shape[1:])
            return Batch(labels, deformation, torch.zeros(1, 1, dtype=torch.bool))
        lengths = [sum(chain.rests) + sum(self.spans[i][1] for i in chain.sequences) for chain in chains]
        size = (len(chains), max(lengths))
        labels = torch.zeros(*size, self.labels.shape[1])
        deformation = torch.zeros(*size, *self.steps.shape[1:])
        mask = torch.arange(size[1]) < torch.tensor(lengths)[:, None]
        for row, chain in enumerate(chains):
            at = 0
            for sequence, rest in zip(chain.sequences, chain.rests, strict=True):
                first, frames = self.spans[sequence]
                at += rest
                labels[row, at : at + frames] = self.labels[first : first + frames]
                deformation[row, at : at + frames] = self.steps[first : first + frames]
                at += frames
        return Batch(labels, deformation.mul_(self.scale), mask)


def as_they_lie(steps: NDArray[np.int16]) -> Tensor:
    """The same numbers in the same place, be it memory or a file that cannot be written to. To be read only."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(np.asarray(steps))


def frame_count(sequences: Sequences | Scenes) -> int:
    """Frames of all sequences together."""
    return sum(frames for _, frames in sequences.spans)


def sampled(sequences: Sequences | Scenes, most: int) -> Tensor:
    """(n, V, 3) steps, int16: so many frames of the sequences or some more, below twice as many; evenly chosen."""
    rows = torch.cat([torch.arange(first, first + frames) for first, frames in sequences.spans])
    return sequences.steps[rows[:: max(1, len(rows) // most)]]


class ChainSampler(Sampler[list[Chain]]):
    """Every sequence once an epoch, in chains, in batches. Where processes work together, they share each batch.

    So the number of processes changes nothing but the speed. A batch holds as many sequences whether they are chained
    or not: four alone, two chains of two, one chain of four.

    Args:
        count: number of sequences.
        batch_size: sequences a batch.
        chain: at most so many sequences a chain; 1 is the paper's training.
        max_rest: at most so many frames of rest before each sequence of a chain longer than one.
        warm_up: epochs without chains; L1 holds a fresh network to the face at rest when most frames are rest.
        seed: with the epoch's number it fixes the order.
    """

    def __init__(
        self, count: int, batch_size: int, *, chain: int = 1, max_rest: int = 0, warm_up: int = 0, seed: int = 0
    ) -> None:
        self.count, self.batch_size, self.chain, self.max_rest = count, batch_size, chain, max_rest
        self.warm_up, self.seed = warm_up, seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by the training loop before each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        """Batches an epoch of this process."""
        return len(self._batches())

    def __iter__(self) -> Iterator[list[Chain]]:
        """The epoch's batches."""
        return iter(self._batches())

    def _batches(self) -> list[list[Chain]]:
        rng = np.random.default_rng((self.seed, self.epoch))
        order = rng.permutation(self.count).tolist()
        longest = 1 if self.epoch < self.warm_up else min(self.chain, self.batch_size)
        lengths = [length for length in range(1, longest + 1) if self.batch_size % length == 0]
        batches = []
        for at in range(0, self.count, self.batch_size):
            length = int(rng.choice(lengths))
            rest = self.max_rest if length > 1 else 0
            members = order[at : at + self.batch_size]
            chains = [members[first : first + length] for first in range(0, len(members), length)]
            rests = [rng.integers(0, rest + 1, len(chain)).tolist() for chain in chains]
            batches.append([Chain(tuple(c), tuple(r)) for c, r in zip(chains, rests, strict=True)])
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            rank, world = torch.distributed.get_rank(), torch.distributed.get_world_size()
            # Every process takes part in every step, if need be without a chain, or the others wait for ever.
            return [batch[rank::world] for batch in batches]
        return batches
