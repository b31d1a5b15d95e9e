"""The classifier of section 5.3: which expression is a sequence of deformations?"""

from __future__ import annotations

import logging
import warnings
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import lightning
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from ..motion import EXPRESSIONS
from .pca import principal_components

if TYPE_CHECKING:
    from collections.abc import Sequence

COEFFICIENTS = 64
EPOCHS = 13
WEIGHT_DECAY = 5e-3
_LAYERS = (256, 64)
_BATCH = 16
_SKIPPED = 4  # every so many frames the components are taken from; neighbours say the same


class SequenceClassifier(lightning.LightningModule):  # type: ignore[misc]  # the type checker does not look into it
    """64 PCA coefficients a frame, those of all frames side by side, three fully connected layers.

    (B, T, V, 3) mm -> (B, 6), the logarithms of the odds of the expressions

    The paper leaves open how wide the layers are (here 256 and 64, with ReLUs), the learning rate (1e-3) and the scale
    of the coefficients (here those of the first component vary by 1).

    Args:
        mean: (V, 3) of the training frames.
        components: (64, V, 3).
        scale: mm that are 1 in a coefficient.
        frames: T; shorter sequences are filled up with rest, longer ones cut.
    """

    mean: Tensor
    components: Tensor

    def __init__(self, mean: Tensor, components: Tensor, scale: float, frames: int) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("components", components)
        self.scale, self.frames = scale, frames
        sizes = (len(components) * frames, *_LAYERS, len(EXPRESSIONS))
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(sizes):
            layers += [nn.Linear(inputs, outputs), nn.ReLU()]
        self.layers = nn.Sequential(*layers[:-1])

    @torch.no_grad()
    def encode(self, deformation: Tensor) -> Tensor:
        """(T, V, 3) mm -> (frames * 64,), of any T."""
        moved = deformation[: self.frames]
        coefficients = (moved - self.mean).flatten(1) @ self.components.flatten(1).t() / self.scale
        rest = -self.mean.flatten() @ self.components.flatten(1).t() / self.scale
        missing = rest.expand(self.frames - len(moved), -1)
        return torch.cat([coefficients, missing]).flatten()

    def forward(self, codes: Tensor) -> Tensor:
        """(B, frames * 64) -> (B, 6)."""
        logits: Tensor = self.layers(codes)
        return logits

    def training_step(self, batch: list[Tensor], _: int) -> Tensor:
        """Cross entropy."""
        return nn.functional.cross_entropy(self(batch[0]), batch[1])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """The paper's Adam."""
        return torch.optim.Adam(self.layers.parameters(), 1e-3, weight_decay=WEIGHT_DECAY)

    @torch.no_grad()
    def classify(self, deformation: Tensor) -> int:
        """The index into `EXPRESSIONS` of a sequence (T, V, 3) mm."""
        return int(self(self.encode(deformation)[None]).argmax())


def train_classifier(
    sequences: Sequence[Tensor], expressions: Sequence[int], *, seed: int = 0, epochs: int = EPOCHS
) -> SequenceClassifier:
    """Learns to tell the expressions of true sequences apart.

    Args:
        sequences: (T, V, 3) float32 mm each.
        expressions: index into `EXPRESSIONS` of each.
        seed: fixes initialisation and order.
        epochs: 13 in the paper.
    """
    lightning.seed_everything(seed, verbose=False)
    # Copies, or each would hold its whole sequence in memory.
    some = torch.cat([one[::_SKIPPED].clone() for one in sequences])
    mean, components, deviation = principal_components(some, min(COEFFICIENTS, len(some)), seed)
    frames = max(len(one) for one in sequences)
    classifier = SequenceClassifier(mean, components, float(deviation[0]), frames)
    codes = torch.stack([classifier.encode(one) for one in sequences])
    batches: DataLoader[Any] = DataLoader(TensorDataset(codes, torch.tensor(expressions)), _BATCH, shuffle=True)
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        warnings.filterwarnings("ignore", message=".*logging interval.*")
        trainer = lightning.Trainer(
            max_epochs=epochs, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
            enable_model_summary=False,
        )  # fmt: skip
        trainer.fit(classifier, batches)
    return classifier.eval()


def scores(found: Sequence[int], truth: Sequence[int]) -> dict[str, dict[str, float]]:
    """Precision, recall and F1 of each expression, and their means over the expressions as "total" (table 3).

    Where nothing was found, precision is 0.
    """
    table = {}
    for number, name in enumerate(EXPRESSIONS):
        hits = sum(one == other == number for one, other in zip(found, truth, strict=True))
        precision = hits / max(sum(one == number for one in found), 1)
        recall = hits / max(sum(one == number for one in truth), 1)
        f1 = 2 * precision * recall / (precision + recall) if hits else 0.0
        table[name] = {"precision": precision, "recall": recall, "f1": f1}
    table["total"] = {key: sum(row[key] for row in table.values()) / len(EXPRESSIONS) for key in table[EXPRESSIONS[0]]}
    return table
