"""Batches of sequences, drawn the same way for the same seed and epoch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.utils.data import Dataset, Sampler

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from torch import Tensor


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


@dataclass(frozen=True)
class Chain:
    """Sequences played one after the other, with frames of rest before each. A chain of one is the paper's training."""

    sequences: tuple[int, ...]
    rests: tuple[int, ...]


class Sequences(Dataset[Batch]):
    """Sequences in memory, as stored: int16 steps, turned into millimetres batch by batch.

    Args:
        steps: (F, V, 3) int16.
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
        self.steps = torch.from_numpy(np.array(steps))
        self.labels = torch.from_numpy(np.array(labels, np.float32))
        self.scale = scale
        self.spans = spans

    def __getitem__(self, chains: list[Chain]) -> Batch:
        """The batch of the given chains; `ChainSampler` gives whole batches."""
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


class ChainSampler(Sampler[list[Chain]]):
    """Every sequence once an epoch, in chains, in batches, shared out among processes.

    Args:
        count: number of sequences.
        batch_size: chains a batch.
        chain: sequences a chain.
        max_rest: at most so many frames of rest before each sequence of a chain.
        seed: with the epoch's number it fixes the order.
    """

    def __init__(self, count: int, batch_size: int, chain: int = 1, max_rest: int = 0, seed: int = 0) -> None:
        self.count, self.batch_size, self.chain, self.max_rest, self.seed = count, batch_size, chain, max_rest, seed
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
        rests = rng.integers(0, self.max_rest + 1, self.count).tolist()
        chains = [
            Chain(tuple(order[at : at + self.chain]), tuple(rests[at : at + self.chain]))
            for at in range(0, self.count, self.chain)
        ]
        batches = [chains[at : at + self.batch_size] for at in range(0, len(chains), self.batch_size)]
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            rank, world = torch.distributed.get_rank(), torch.distributed.get_world_size()
            # Every process must take as many steps as the others, or they wait for ever.
            return batches[: len(batches) // world * world][rank::world]
        return batches
