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
_FRAME_WIDTH, _FRAME_BATCH = 64, 128
NEUTRAL = 0.1
"""Frames whose labels have risen less than this show a neutral face."""
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
        rest = self.coefficients(torch.zeros_like(self.mean)[None])
        missing = rest.expand(self.frames - len(moved), -1)
        return torch.cat([self.coefficients(moved), missing]).flatten()

    @torch.no_grad()
    def coefficients(self, deformation: Tensor) -> Tensor:
        """(T, V, 3) mm -> (T, 64), each frame by itself."""
        return (deformation - self.mean).flatten(1) @ self.components.flatten(1).t() / self.scale

    @torch.no_grad()
    def features(self, deformation: Tensor) -> Tensor:
        """(64,) what the last layer but one makes of a sequence (T, V, 3) mm: where Fréchet distances are measured."""
        return self.layers[:-1](self.encode(deformation)[None])[0]

    @torch.no_grad()
    def answer(self, features: Tensor) -> Tensor:
        """(n, 64) of `features` -> (n, 6), as `forward`."""
        return self.layers[-1](features)

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


class FrameClassifier(nn.Module):
    """What one frame shows: the expressions, and last "neutral". It reads a sequence classifier's coefficients.

    (n, 64) -> (n, 7), the logarithms of the odds
    """

    def __init__(self, coefficients: int = COEFFICIENTS) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(coefficients, _FRAME_WIDTH), nn.ReLU(), nn.Linear(_FRAME_WIDTH, len(EXPRESSIONS) + 1)
        )

    def forward(self, coefficients: Tensor) -> Tensor:
        """The odds."""
        logits: Tensor = self.layers(coefficients)
        return logits


def frame_truth(labels: Tensor) -> Tensor:
    """(T,) int64, what each frame of labels (T, 6) should show: index of the column nearest to its own highest.

    Below `NEUTRAL` of that it is len(EXPRESSIONS), "neutral". Columns are compared by how far each has risen, because
    eq. 6 gives a timid performance's apex a label near 0.
    """
    highest = labels.amax(0)
    risen = labels / highest.clamp(min=1e-9)
    return torch.where(risen.amax(1) < NEUTRAL, len(EXPRESSIONS), risen.argmax(1))


def train_frames(coefficients: Tensor, truth: Tensor, *, seed: int = 0, epochs: int = 12) -> FrameClassifier:
    """Learns what single frames show.

    Args:
        coefficients: (F, 64) of true frames, see `SequenceClassifier.coefficients`.
        truth: (F,) of `frame_truth`.
        seed: fixes initialisation and order.
        epochs: passes over the frames.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        classifier = FrameClassifier(coefficients.shape[1])
        adam = torch.optim.Adam(classifier.parameters(), 2e-3, weight_decay=1e-4)
        for _ in range(epochs):
            for batch in torch.split(torch.randperm(len(truth)), _FRAME_BATCH):
                adam.zero_grad()
                torch.autograd.backward(nn.functional.cross_entropy(classifier(coefficients[batch]), truth[batch]))
                adam.step()
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
