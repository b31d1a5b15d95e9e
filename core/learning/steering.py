"""How the steered network learns: faces, styles and strengths beside the labels of eq. 5's two terms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import lightning
import torch
from torch import Tensor

from ..errors import MienError
from ..fast import FoldedDecoder
from ..model import SpiralDecoder, turned
from .losses import sequence_loss, turned_loss
from .styles import StyleReader, divergence, drawn

if TYPE_CHECKING:
    from ..model import Network
    from .scenes import SceneBatch
    from .trainer import Schedule


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
    """

    divergence: float = 0.0002
    free: float = 0.02
    blur: float = 0.25
    rise: int = 5


class SteeredLesson(lightning.LightningModule):  # type: ignore[misc]  # the type checker does not look into lightning
    """A steered network learning, as Lightning wants it.

    Args:
        network: what learns; its decoder may be the spiral one or the baseline's.
        schedule: how long and how fast.
        steering: how styles and codes are learned.
        codes: (P, C) of all people, those to test on as well.
        jacobians: (P, V, 3, 3) of all people; None for motion that is the same on every face.
        styles: reads the style of training sequences; None for a network without.
        seed: of what is drawn while learning.
    """

    codes: Tensor
    jacobians: Tensor

    def __init__(
        self, network: Network, schedule: Schedule, steering: Steering, *, codes: Tensor,
        jacobians: Tensor | None = None, styles: StyleReader | None = None, seed: int = 0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.network, self.schedule, self.steering, self.styles = network, schedule, steering, styles
        self.seed, self._chance = seed, torch.Generator()
        self.register_buffer("codes", codes, persistent=False)
        self.register_buffer("jacobians", torch.zeros(0) if jacobians is None else jacobians, persistent=False)
        decoder = network.decoder
        # In a tuple, so that the shared parameters are not counted and saved twice.
        self._fast = (FoldedDecoder(decoder),) if isinstance(decoder, SpiralDecoder) else ()

    def on_fit_start(self) -> None:
        """The folded operators follow the network to its device."""
        for part in self._fast:
            part.to(self.device)

    def on_train_epoch_start(self) -> None:
        """The leak of the ReLUs falls epoch by epoch; what is drawn depends on the epoch alone, also after a resume."""
        # Of its own: loaders draw from torch's, sooner or later after a resume than without.
        self._chance.manual_seed(self.seed * _APART + self.current_epoch)
        if isinstance(self.network.decoder, SpiralDecoder):
            self.network.decoder.negative_slope = self.schedule.leak_of(self.current_epoch)

    def latents(self, batch: SceneBatch, style: Tensor | None, blur: float = 0.0) -> Tensor:
        """(M, W, latent) of the members' windows; style (M, S)."""
        beside = batch.labels.new_zeros(
            *batch.labels.shape[:2], self.network.encoder.lstm.input_size - batch.labels.shape[2]
        )
        codes = self.codes[batch.person]
        if blur:
            codes = codes + blur * self._noise(codes)
        width = beside.shape[-1] - codes.shape[-1]
        for number, (row, begin) in enumerate(zip(batch.row.tolist(), batch.begin.tolist(), strict=True)):
            # What comes later in the chain overwrites the rest of it.
            beside[row, begin:, width:] = codes[number]
            if style is not None:
                beside[row, begin:, :width] = style[number]
        latents = self.network.latents(batch.labels, beside)
        span = torch.arange(batch.mask.shape[1], device=latents.device)
        frames = (batch.window[:, None] + span).clamp(max=latents.shape[1] - 1)
        return latents[batch.row[:, None], frames]

    def _noise(self, like: Tensor) -> Tensor:
        return torch.randn(like.shape, generator=self._chance, dtype=like.dtype).to(like.device)

    def decode(self, latents: Tensor) -> Tensor:
        """(M, W, latent) -> (M, W, V, 3) mm on the template."""
        decoder = self._fast[0] if self._fast else self.network.decoder
        motion: Tensor = decoder(latents.flatten(0, 1))
        return motion.view(*latents.shape[:2], *motion.shape[1:])

    def training_step(self, batch: SceneBatch, _: int) -> Tensor:
        """Eq. 5 on the windows, and the divergence of the styles."""
        style = kept = None
        if self.styles is not None:
            mean, spread = self.styles(batch.sequence)
            style = torch.where(batch.calm[:, None], 0.0, drawn(mean, spread, self._noise(mean)))
            kept = divergence(mean, spread)[~batch.calm]
        motion = self.decode(self.latents(batch, style, self.steering.blur))
        weight = batch.weight[:, None, None, None]
        if len(self.jacobians):
            loss = turned_loss(motion, self.jacobians[batch.person] * weight, batch.target * weight, batch.mask)
        else:
            loss = sequence_loss(motion * weight, batch.target * weight, batch.mask)
        if not torch.isfinite(loss):
            raise MienError("The loss is no longer a finite number.", "Learn more slowly: --schedule.learning-rate.")
        count = len(batch.row)
        self.log("train_loss", loss, on_epoch=True, on_step=False, prog_bar=True, batch_size=count)
        if kept is not None and len(kept):
            self.log("nats", kept.sum(-1).mean(), on_epoch=True, on_step=False, batch_size=len(kept))
            weight = self.steering.divergence * min((self.current_epoch + 1) / self.steering.rise, 1.0)
            loss = loss + weight * kept.mean(0).clamp(min=self.steering.free).sum()
        return loss

    def validation_step(self, batch: SceneBatch, _: int) -> None:
        """Mean per-vertex Euclidean error of the calm performance, mm."""
        motion = self.decode(self.latents(batch, None))
        if len(self.jacobians):
            motion = turned(motion, self.jacobians[batch.person])
        errors = (motion - batch.target).norm(dim=-1).mean(-1)[batch.mask]
        error = errors.sum() / max(len(errors), 1)
        self.log("test_error_mm", error, prog_bar=True, batch_size=len(errors))

    def configure_optimizers(self) -> Any:
        """Adam in one kernel, the learning rate falling by a fixed factor each epoch."""
        learned = [part for part in self.parameters() if part.requires_grad]
        adam = torch.optim.Adam(
            learned, self.schedule.learning_rate, weight_decay=self.schedule.weight_decay, fused=True
        )
        return [adam], [torch.optim.lr_scheduler.ExponentialLR(adam, self.schedule.decay)]

    def transfer_batch_to_device(self, batch: SceneBatch, device: torch.device, _: int) -> SceneBatch:
        """Moves the tensors."""
        return batch.to(device)
