"""The sizes of the networks of `model.py`; known without torch."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from .motion import EXPRESSIONS, MAX_AHEAD

if TYPE_CHECKING:
    from .topology import Topology


@dataclass(frozen=True)
class Sizes:
    """Everything that fixes the network's shapes; saved with the weights.

    Attributes:
        vertices: vertices of each level, coarse to fine, such as (46, 228, 1138, 5687, 28431).
        channels: features of each level, coarse to fine; the last is 3 (table 1).
        spiral_length: L, the number of vertices in a spiral; the paper leaves it open.
        latent: size of the LSTM's output.
        labels: columns of the motion labels.
        style: S, numbers that tell one natural performance from another; the paper has none.
        code: C, numbers that tell what face it is; the paper has none.
        steered: whether the face's own shape and a gate on the strength of the labels steer the decoder; see `Network`.
        fields: F, motions that the last convolution gives, of which each vertex mixes its own by a (3, F) matrix; 0 for
            the paper's, whose last convolution gives x, y and z itself.
        ahead: frames, so many after each, whose labels the encoder reads beside it, such as (3, 6); the paper's knows
            nothing of what comes.
        direct: stages after which the latent is added by a matrix for each vertex and channel, beside what came through
            the coarser levels; the paper has none.
    """

    vertices: tuple[int, ...]
    channels: tuple[int, ...] = (64, 32, 16, 8, 3)
    spiral_length: int = 10
    latent: int = 64
    labels: int = len(EXPRESSIONS)
    style: int = 0
    code: int = 0
    steered: bool = False
    fields: int = 0
    direct: tuple[int, ...] = ()
    ahead: tuple[int, ...] = ()

    def outputs(self, stage: int) -> int:
        """Channels that a stage's convolution gives, counted from the coarsest."""
        last = stage == len(self.channels) - 2
        return self.fields if last and self.fields else self.channels[stage + 1]

    @property
    def inputs(self) -> int:
        """What the encoder reads in a frame: labels, those to come, style and code, in this order."""
        return self.labels * (1 + len(self.ahead)) + self.style + self.code

    def __post_init__(self) -> None:
        object.__setattr__(self, "vertices", tuple(int(count) for count in self.vertices))
        object.__setattr__(self, "channels", tuple(int(count) for count in self.channels))
        object.__setattr__(self, "direct", tuple(int(stage) for stage in self.direct))
        object.__setattr__(self, "ahead", tuple(int(frames) for frames in self.ahead))
        numbers = (*self.vertices, *self.channels, self.spiral_length, self.latent, self.labels)
        if len(self.vertices) != len(self.channels) or len(self.vertices) < 2 or min(numbers) < 1:
            raise ValueError(f"sizes do not fit together: {self}")
        if self.channels[-1] != 3:
            raise ValueError("the last level gives x, y and z: 3 channels")
        beside = self.style or self.code or self.ahead
        if min(self.style, self.code) < 0 or (beside and not self.steered):
            raise ValueError(f"only a steered network has a style and a code, and looks ahead: {self}")
        if len(self.ahead) > MAX_AHEAD or any(not 0 < frames <= MAX_AHEAD for frames in self.ahead):
            raise ValueError(f"a network looks from 1 to {MAX_AHEAD} frames ahead: {self}")
        # Before the last stage, whose channels are positions; after the first, which is one with the layer before it.
        if (
            self.fields in (1, 2)
            or self.fields < 0
            or len(set(self.direct)) < len(self.direct)
            or any(not 0 < stage < len(self.channels) - 2 for stage in self.direct)
        ):
            raise ValueError(f"fields or direct stages that cannot be: {self}")

    @classmethod
    def of(cls, topology: Topology, latent: int = 64, **more: Any) -> Sizes:
        """The paper's sizes on a topology of five levels; `more` as the attributes."""
        return cls(tuple(reversed(topology.sizes)), spiral_length=topology.spirals[0].shape[1], latent=latent, **more)

    def to_json(self) -> str:
        """The sizes as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Sizes:
        """The inverse of `to_json`."""
        return cls(**json.loads(text))
