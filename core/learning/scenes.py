"""Batches for the steered network: performances of known people, in chains, with the frames that are looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.utils.data import Dataset, Sampler

from ..errors import MienError
from ..motion import MAX_INTENSITY, reach
from .batches import as_they_lie

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from torch import Tensor

    from .batches import ChainSampler


_HEAVIEST = 5.0
"""What a faint performance counts at most."""


@dataclass(frozen=True)
class Member:
    """One sequence in a chain.

    Attributes:
        sequence: its number.
        rest: frames of rest before it.
        first: first frame of the window that is decoded and compared.
        factor: its labels are so many times as strong, and
        motion: its motion so many times as far; see `core.motion.reach`.
        weight: how much what it is off by counts: where little moves, little is much.
        calm: it is generated without a style: the mean performance.
    """

    sequence: int
    rest: int
    first: int
    factor: float
    motion: float
    weight: float
    calm: bool


@dataclass(frozen=True)
class SceneBatch:
    """Chains of one training step, the shorter ones padded with rest; M members in all, W frames of each are compared.

    Attributes:
        labels: (B, T, 6) float32.
        row: (M,) int64, the chain that a member plays in.
        begin: (M,) int64, the first frame that is the member's, with the rest before it; the next member's ends it.
        window: (M,) int64, frame of the chain where its window begins.
        sequence: (M,) int64 and
        person: (M,) int64, whose it is.
        calm: (M,) bool.
        target: (M, W, V, 3) float32 mm.
        mask: (M, W) bool, False where a sequence is shorter than the window.
        weight: (M,) float32, how much each member counts.
    """

    labels: Tensor
    row: Tensor
    begin: Tensor
    window: Tensor
    sequence: Tensor
    person: Tensor
    calm: Tensor
    target: Tensor
    mask: Tensor
    weight: Tensor

    def to(self, device: torch.device) -> SceneBatch:
        """The same on a device."""
        return SceneBatch(**{name: one.to(device) for name, one in self.__dict__.items()})


class Scenes(Dataset[SceneBatch]):
    """Performances as stored: int16 steps, turned into millimetres batch by batch.

    Steps may lie on disk: the system keeps in memory what fits, and shares it among all who train on them.

    Args:
        steps: (F, V, 3) int16, of these sequences and maybe of others.
        scale: mm a step.
        labels: (F, 6) float32, in proportion to the motion; see `core.motion.proportional`.
        spans: (first row, frames) of each sequence.
        persons: (n,) whose each sequence is.
        scalable: (n,) whether a sequence's label tells its strength, so that both may be scaled together.
        window: W, frames of each sequence that are compared at a time.
    """

    def __init__(
        self,
        steps: NDArray[np.int16],
        scale: float,
        labels: NDArray[np.float32],
        spans: list[tuple[int, int]],
        *,
        persons: list[int],
        scalable: list[bool],
        window: int,
    ) -> None:
        self.steps, self.labels = as_they_lie(steps), torch.from_numpy(np.array(labels, np.float32))
        self.scale, self.spans, self.persons, self.scalable = scale, spans, persons, scalable
        self.window = window
        self.strongest = [float(labels[first : first + frames].max(initial=0)) for first, frames in spans]

    def __getitem__(self, chains: list[list[Member]]) -> SceneBatch:
        """The batch of the given chains."""
        members = [(row, one) for row, chain in enumerate(chains) for one in chain]
        lengths = [sum(one.rest + self.spans[one.sequence][1] for one in chain) for chain in chains]
        labels = torch.zeros(len(chains), max(lengths, default=1), self.labels.shape[1])
        target = torch.zeros(len(members), self.window, *self.steps.shape[1:])
        mask = torch.zeros(len(members), self.window, dtype=torch.bool)
        begins, windows, at = [], [], [0] * len(chains)
        for number, (row, one) in enumerate(members):
            first, frames = self.spans[one.sequence]
            begins.append(at[row])
            at[row] += one.rest
            labels[row, at[row] : at[row] + frames] = self.labels[first : first + frames] * one.factor
            seen = min(self.window, frames)
            target[number, :seen] = self.steps[first + one.first : first + one.first + seen]
            target[number, :seen] *= self.scale * one.motion
            mask[number, :seen] = True
            windows.append(at[row] + one.first)
            at[row] += frames
        sequences = [one.sequence for _, one in members]
        calm = torch.tensor([one.calm for _, one in members], dtype=torch.bool)
        return SceneBatch(
            labels, _whole([row for row, _ in members]), _whole(begins), _whole(windows), _whole(sequences),
            _whole([self.persons[one] for one in sequences]), calm, target, mask,
            torch.tensor([one.weight for _, one in members]),
        )  # fmt: skip


def _whole(numbers: list[int]) -> Tensor:
    return torch.tensor(numbers, dtype=torch.int64)


@dataclass(frozen=True)
class Staging:
    """How sequences are shown to a steered network.

    Attributes:
        window: W, frames of each sequence that are decoded in a step; its neighbours in time would say nearly the same.
        calm: share of the sequences that are learned without a style, so that style 0 is the mean performance.
        scaled: share of the sequences whose strength is changed, labels and motion alike.
    """

    window: int = 10
    calm: float = 0.7
    scaled: float = 0.4

    def __post_init__(self) -> None:
        if self.window < 1 or not 0 <= self.calm <= 1 or not 0 <= self.scaled <= 1:
            raise MienError("A window has at least one frame, and shares lie between 0 and 1.", "See --staging.")


class SceneSampler(Sampler[list[list[Member]]]):
    """Chains as `ChainSampler` draws them, and for each sequence window, strength and whether it is calm.

    Args:
        scenes: to draw from.
        chains: the chains.
        staging: how; None to look at all frames of everything, calm and as it is.
    """

    def __init__(self, scenes: Scenes, chains: ChainSampler, staging: Staging | None) -> None:
        self.scenes, self.chains, self.staging = scenes, chains, staging

    def set_epoch(self, epoch: int) -> None:
        """Called by the training loop before each epoch."""
        self.chains.set_epoch(epoch)

    def __len__(self) -> int:
        """Batches an epoch of this process."""
        return len(self.chains)

    def __iter__(self) -> Iterator[list[list[Member]]]:
        """The epoch's batches."""
        # A stream of its own: the chains' draws stay what they are.
        rng = np.random.default_rng((self.chains.seed, self.chains.epoch, 1))
        for batch in self.chains:
            yield [
                [self._member(sequence, rest, rng) for sequence, rest in zip(one.sequences, one.rests, strict=True)]
                for one in batch
            ]

    def _member(self, sequence: int, rest: int, rng: np.random.Generator) -> Member:
        if self.staging is None:
            return Member(sequence, rest, 0, 1.0, 1.0, 1.0, calm=True)
        frames = self.scenes.spans[sequence][1]
        first = int(rng.integers(0, max(frames - self.staging.window, 0) + 1))
        calm, scaled = rng.random() < self.staging.calm, rng.random() < self.staging.scaled
        # Half of them evenly, half of them rather weak: a held faint smile is another thing than a smile's beginning.
        towards = rng.random() ** rng.integers(1, 3)
        factor = motion = weight = 1.0
        if scaled and self.scenes.scalable[sequence]:
            now, then = max(self.scenes.strongest[sequence], 1e-6), towards * MAX_INTENSITY
            factor, motion = float(then / now), float(reach(np.array(then)) / reach(np.array(now)))
            weight = float(np.clip(1 / max(motion, 1e-6), 0.5, _HEAVIEST))
        return Member(sequence, rest, first, factor, motion, weight, calm=bool(calm))
