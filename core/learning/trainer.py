"""The training loop, by Lightning: the paper's settings, checkpoints, resume, several devices."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import lightning
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.utilities.exceptions import MisconfigurationException
from lightning.pytorch.utilities.rank_zero import rank_zero_only
from torch.utils.data import DataLoader

from ..errors import DeviceError, MienError
from ..fast import FoldedDecoder
from ..model import SpiralDecoder
from .losses import counts_of, sequence_loss

if TYPE_CHECKING:
    from pathlib import Path

    from torch.utils.data import Dataset, Sampler

    from ..model import Network
    from .batches import Batch, ChainSampler
    from .scenes import SceneBatch, SceneSampler


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to learn (section 4 of the paper).

    Attributes:
        epochs: the paper's 100.
        learning_rate: Adam's, 1e-3 in the paper.
        decay: the learning rate is multiplied by this after each epoch; 0.99.
        weight_decay: Adam's, 5e-5.
        leak: negative slope of the ReLUs in the first epoch; it falls to 0, the paper's ReLU, by two thirds of the
            epochs. Without it whole regions of a face can go silent for one direction of motion and never learn again.
    """

    epochs: int = 100
    learning_rate: float = 1e-3
    decay: float = 0.99
    weight_decay: float = 5e-5
    leak: float = 0.0

    def leak_of(self, epoch: int) -> float:
        """The negative slope of the ReLUs in an epoch, counted from 0; never above 0 in the last one."""
        left = 1 - epoch / (self.epochs * 2 / 3)
        return 0.0 if epoch + 1 >= self.epochs else self.leak * max(left, 0.0)


class Lesson(lightning.LightningModule):  # type: ignore[misc]  # the type checker does not look into lightning
    """One network learning, as Lightning wants it.

    Args:
        network: what learns.
        schedule: how.
        plain: train through the plain decoder rather than the folded one; the same numbers, slower.
    """

    def __init__(self, network: Network, schedule: Schedule, *, plain: bool = False) -> None:
        super().__init__()
        self.network = network
        self.schedule = schedule
        decoder = network.decoder
        # In a tuple, so that the shared parameters are not counted and saved twice.
        self._fast = (FoldedDecoder(decoder),) if isinstance(decoder, SpiralDecoder) and not plain else ()

    def on_fit_start(self) -> None:
        """The folded operators follow the network to its device."""
        for part in self._fast:
            part.to(self.device)

    def on_train_epoch_start(self) -> None:
        """The leak of the ReLUs falls epoch by epoch."""
        if isinstance(self.network.decoder, SpiralDecoder):
            self.network.decoder.negative_slope = self.schedule.leak_of(self.current_epoch)

    def begin_with(self, network: Network) -> None:
        """Takes over a trained network's weights; RuntimeError where they do not fit."""
        self.network.load_state_dict(network.state_dict())

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """(B, T, latent) -> (B, T, V, 3) mm."""
        decoder = self._fast[0] if self._fast else self.network.decoder
        deformation: torch.Tensor = decoder(latents.flatten(0, 1))
        return deformation.view(*latents.shape[:2], *deformation.shape[1:])

    def generate(self, labels: torch.Tensor) -> torch.Tensor:
        """(B, T, 6) -> (B, T, V, 3) mm."""
        return self.decode(self.network.encoder(labels)[0])

    def training_step(self, batch: Batch, _: int) -> torch.Tensor:
        """Eq. 5 on one batch."""
        counts, sequences = self._whole(batch)
        loss = sequence_loss(self.generate(batch.labels), batch.deformation, batch.mask, counts)
        check_finite(loss)
        self.log("train_loss", loss, on_epoch=True, on_step=False, prog_bar=True, batch_size=sequences, sync_dist=True)
        return loss

    def _whole(self, batch: Batch) -> tuple[torch.Tensor, int]:
        """What eq. 5 is divided by, and how many sequences there are, in the batch that all processes share.

        Gradients are averaged over the processes. For the average to be that of one process, each divides its sums by
        the counts of the whole batch, shared out evenly.
        """
        counts = counts_of(batch.mask)
        if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
            return counts, len(batch.labels)
        every = torch.cat([counts, batch.mask.any(dim=1).sum()[None].float()])
        torch.distributed.all_reduce(every)
        return every[:2] / torch.distributed.get_world_size(), int(every[2])

    def validation_step(self, batch: Batch, _: int) -> None:
        """Mean per-vertex Euclidean error, mm."""
        self.report(self.generate(batch.labels), batch.deformation, batch.mask)

    def report(self, motion: torch.Tensor, truth: torch.Tensor, mask: torch.Tensor) -> None:
        """Logs the mean per-vertex Euclidean error, mm, of the frames (B, T) in the mask; motions (B, T, V, 3)."""
        errors = (motion - truth).norm(dim=-1).mean(-1)[mask]
        count = len(errors)
        error = errors.sum() / max(count, 1)
        self.log("test_error_mm", error, prog_bar=True, batch_size=count, sync_dist=True)

    def configure_optimizers(self) -> Any:
        """Adam in one kernel, the learning rate falling by a fixed factor each epoch."""
        learned = [part for part in self.parameters() if part.requires_grad]
        adam = torch.optim.Adam(
            learned, self.schedule.learning_rate, weight_decay=self.schedule.weight_decay, fused=True
        )
        return [adam], [torch.optim.lr_scheduler.ExponentialLR(adam, self.schedule.decay)]

    def transfer_batch_to_device(self, batch: Batch | SceneBatch, device: torch.device, _: int) -> Batch | SceneBatch:
        """Moves the tensors."""
        return batch.to(device)


def check_finite(loss: torch.Tensor) -> None:
    """Raises a MienError where the loss is NaN or infinite."""
    if not torch.isfinite(loss):
        raise MienError("The loss is no longer a finite number.", "Learn more slowly: --schedule.learning-rate.")


def loader(sequences: Dataset[Any], sampler: Sampler[Any]) -> DataLoader[Any]:
    """Whole batches, as the sampler draws them."""
    return DataLoader(sequences, batch_size=None, sampler=sampler)


def fit(
    lesson: Lesson,
    train: DataLoader[Any],
    test: DataLoader[Any],
    folder: Path,
    *,
    resume: Path | None = None,
    check_every: int = 5,
    progress: bool = True,
    **lightning_options: Any,
) -> lightning.Trainer:
    """Trains until the schedule ends or the person interrupts; each epoch leaves a checkpoint to go on from.

    Args:
        lesson: what to train.
        train: batches to learn from.
        test: batches of unseen subjects, looked at every `check_every` epochs and never learned from.
        folder: gets checkpoints/last.ckpt and the curves in metrics.csv, those before a resume in
            metrics-to-epoch-N.csv.
        resume: checkpoint to go on from.
        check_every: epochs between two looks at the test batches.
        progress: show a bar.
        lightning_options: accelerator, devices, strategy, num_nodes, ... as `lightning.Trainer` takes them.

    Returns:
        The trainer; its `interrupted` says whether the person stopped it.

    Raises:
        DeviceError: the devices asked for are not there.
        MienError: the loss is no longer finite.
    """
    if resume is not None:
        done = torch.load(resume, map_location="cpu", weights_only=True)["epoch"] + 1
        # Lightning draws the first batches before it tells the sampler at which epoch it goes on,
        cast("ChainSampler | SceneSampler", train.sampler).set_epoch(done)
        # and begins its table anew.
        if rank_zero_only.rank == 0 and (folder / "metrics.csv").exists():
            (folder / "metrics.csv").replace(folder / f"metrics-to-epoch-{done}.csv")
    # With nothing to monitor, the one that is kept is the newest. Without a counter of versions it takes the place of
    # the one before also where the folder was moved in between.
    checkpoints = ModelCheckpoint(
        folder / "checkpoints", "last", save_on_train_epoch_end=True, enable_version_counter=False
    )
    try:
        trainer = lightning.Trainer(
            max_epochs=lesson.schedule.epochs,
            default_root_dir=folder,
            callbacks=[checkpoints],
            logger=CSVLogger(folder, name="", version=""),
            enable_progress_bar=progress,
            enable_model_summary=False,
            check_val_every_n_epoch=check_every,
            num_sanity_val_steps=0,
            log_every_n_steps=1,
            use_distributed_sampler=False,  # `ChainSampler` shares the batches out itself
            **lightning_options,
        )
    except (MisconfigurationException, ValueError) as problem:
        raise DeviceError(f"These devices cannot be trained on ({problem}).", "Try --accelerator cpu.") from problem
    on_interrupt = signal.getsignal(signal.SIGINT)
    try:
        trainer.fit(lesson, train, test, ckpt_path=resume, weights_only=True)
    except SystemExit:
        # So Lightning leaves after Ctrl-C, deaf to a second one; the caller decides what comes next.
        if not trainer.interrupted:
            raise
        signal.signal(signal.SIGINT, on_interrupt)
    return trainer
