"""How the steered network learns: faces, styles and strengths beside the labels of eq. 5's two terms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from ..errors import MienError
from ..model import turned
from .losses import sequence_loss, turned_loss
from .styles import StyleReader, divergence, drawn
from .trainer import Lesson, Schedule, check_finite

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..model import Network
    from .scenes import SceneBatch


MAX_WIDER = 4.0

_MISSED = 0.01
"""Share of a code's columns that an A may fail to say."""

_APART = 100_003
"""Between two seeds' draws: more than there are epochs."""


@dataclass(frozen=True)
class Steering:
    """How styles and codes are learned.

    Attributes:
        divergence: mm of loss that one nat of a style's divergence counts.
        free: nats a number of the style may diverge for nothing, so that no number dies early.
        blur: deviation of the noise on the code, in which people's own are 1: some hundred people are few, and a
            network that knows each by heart has learned nothing of faces.
        rise: epochs in which the divergence comes to its full weight.
        wider: takes lie so many times as far from the calm performance as they were learned to, since what holds
            styles together while learning also makes takes more alike than people are; see `widen`.
    """

    divergence: float = 0.0002
    free: float = 0.02
    blur: float = 0.25
    rise: int = 5
    wider: float = 1.5

    def __post_init__(self) -> None:
        if not 0 < self.wider <= MAX_WIDER:
            raise MienError(f"Takes cannot be {self.wider:g} times as wide.", f"Choose from above 0 to {MAX_WIDER:g}.")


class SteeredLesson(Lesson):
    """A steered network learning, as Lightning wants it.

    Args:
        network: what learns; its decoder may be the spiral one or the baseline's.
        schedule: how long and how fast.
        steering: how styles and codes are learned.
        codes: (P, C) of all people, those to test on as well.
        jacobians: (P, V, 3, 3) of all people; None for motion that is the same on every face.
        styles: reads the style of training sequences; None for a network without.
        lean: whether a face speaks through the style that it leads to.
        seed: of what is drawn while learning.

    With styles and codes both, a face may speak through the style that it leads to, w = A c: a matrix of a thousand
    numbers, learned from the calm performances and as the mean of the styles' prior. The network's own columns for the
    code, which could learn each of some hundred people by heart, are not used; `state_of_network` makes them of A.
    """

    codes: Tensor
    jacobians: Tensor

    def __init__(
        self, network: Network, schedule: Schedule, steering: Steering, *, codes: Tensor,
        jacobians: Tensor | None = None, styles: StyleReader | None = None, lean: bool = True, seed: int = 0,
    ) -> None:  # fmt: skip
        super().__init__(network, schedule)
        self.steering, self.styles = steering, styles
        self.seed, self._chance = seed, torch.Generator()
        self.lean = nn.Linear(codes.shape[1], styles.size, bias=False) if lean and styles and codes.numel() else None
        if self.lean is not None:
            nn.init.zeros_(self.lean.weight)
        self.register_buffer("codes", codes, persistent=False)
        self.register_buffer("jacobians", torch.zeros(0) if jacobians is None else jacobians, persistent=False)

    def on_train_epoch_start(self) -> None:
        """What is drawn depends on the epoch alone, also after a resume."""
        super().on_train_epoch_start()
        # Of its own: loaders draw from torch's, sooner or later after a resume than without.
        self._chance.manual_seed(self.seed * _APART + self.current_epoch)

    def begin_with(self, network: Network) -> None:
        """Takes over a trained network's weights: A so that its columns for the code are what the styles' give.

        Raises:
            RuntimeError: they do not fit, look ahead by other frames, or were learned without an A.
        """
        if network.ahead != self.network.ahead:
            raise RuntimeError("it looks ahead by other frames")
        self.network.load_state_dict(network.state_dict())
        if self.lean is not None:
            weight = network.encoder.lstm.state_dict()["weight_ih_l0"]
            ours, codes = _columns(weight, self.lean.weight.shape)
            found = torch.linalg.lstsq(ours, codes).solution
            if float((ours @ found - codes).norm()) > _MISSED * float(codes.norm()):
                raise RuntimeError("its code does not speak through the style")
            self.lean.weight.data.copy_(found)

    def latents(self, batch: SceneBatch, style: Tensor, codes: Tensor) -> Tensor:
        """(M, W, latent) of the members' windows; style (M, S), codes (M, C)."""
        known = torch.cat([style, codes], dim=-1)
        beside = batch.labels.new_zeros(*batch.labels.shape[:2], known.shape[-1])
        for number, (row, begin) in enumerate(zip(batch.row.tolist(), batch.begin.tolist(), strict=True)):
            # What comes later in the chain overwrites the rest of it.
            beside[row, begin:] = known[number]
        latents = self.network.latents(batch.labels, beside)
        span = torch.arange(batch.mask.shape[1], device=latents.device)
        frames = (batch.window[:, None] + span).clamp(max=latents.shape[1] - 1)
        return latents[batch.row[:, None], frames]

    def _of_faces(self, codes: Tensor) -> tuple[Tensor, Tensor]:
        """The styles (M, S) that faces lead to, and what of their codes (M, C) the network reads itself."""
        if self.lean is None:
            return codes.new_zeros(len(codes), 0 if self.styles is None else self.styles.size), codes
        return self.lean(codes), torch.zeros_like(codes)

    def _noise(self, like: Tensor) -> Tensor:
        return torch.randn(like.shape, generator=self._chance, dtype=like.dtype).to(like.device)

    def training_step(self, batch: SceneBatch, _: int) -> Tensor:  # type: ignore[override]
        """Eq. 5 on the windows, and the divergence of the styles."""
        blurred = self.codes[batch.person]
        blurred = blurred + self.steering.blur * self._noise(blurred)
        calm, codes = self._of_faces(blurred)
        style, kept = calm, None
        if self.styles is not None:
            mean, spread = self.styles(batch.sequence)
            style = torch.where(batch.calm[:, None], calm, drawn(mean, spread, self._noise(mean)))
            kept = divergence(mean - calm, spread)[~batch.calm]
        motion = self.decode(self.latents(batch, style, codes))
        weight = batch.weight[:, None, None, None]
        if len(self.jacobians):
            loss = turned_loss(motion, self.jacobians[batch.person] * weight, batch.target * weight, batch.mask)
        else:
            loss = sequence_loss(motion * weight, batch.target * weight, batch.mask)
        check_finite(loss)
        count = len(batch.row)
        self.log("train_loss", loss, on_epoch=True, on_step=False, prog_bar=True, batch_size=count)
        if kept is not None and len(kept):
            self.log("nats", kept.sum(-1).mean(), on_epoch=True, on_step=False, batch_size=len(kept))
            weight = self.steering.divergence * min((self.current_epoch + 1) / self.steering.rise, 1.0)
            loss = loss + weight * kept.mean(0).clamp(min=self.steering.free).sum()
        return loss

    def validation_step(self, batch: SceneBatch, _: int) -> None:  # type: ignore[override]
        """Mean per-vertex Euclidean error of the calm performance, mm."""
        calm, codes = self._of_faces(self.codes[batch.person])
        motion = self.decode(self.latents(batch, calm, codes))
        if len(self.jacobians):
            motion = turned(motion, self.jacobians[batch.person])
        self.report(motion, batch.target, batch.mask)


@torch.no_grad()
def widen(network: Network, style: int, code: int, wider: float) -> None:
    """Makes a trained network's takes so many times as wide, in place; the calm performance stays what it is."""
    weight = network.encoder.lstm.get_parameter("weight_ih_l0")
    first = weight.shape[1] - code - style
    weight[:, first : first + style] *= wider


def state_of_network(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What of a lesson's state is the network's; where faces speak through styles, A is in it: W_c = W_w A."""
    own = {name.removeprefix("network."): one for name, one in state.items() if name.startswith("network.")}
    lean = state.get("lean.weight")
    if lean is not None:
        weight = own["encoder.lstm.weight_ih_l0"] = own["encoder.lstm.weight_ih_l0"].clone()
        styles, codes = _columns(weight, lean.shape)
        codes.copy_(styles @ lean)
    return own


def _columns(weight: Tensor, shape: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Of the encoder's input weights the columns (…, S) for the style and (…, C) for the code."""
    style, code = shape
    return weight[:, -code - style : -code], weight[:, -code:]
