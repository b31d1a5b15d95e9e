"""The paper's loss, eq. 5."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def reconstruction_loss(generated: Tensor, truth: Tensor, mask: Tensor) -> Tensor:
    """L_r of eq. 5, as a mean over the coordinates of the frames that count.

    Args:
        generated: (B, T, V, 3) mm.
        truth: (B, T, V, 3) mm.
        mask: (B, T) bool; False where a shorter sequence was padded.

    Returns:
        Scalar, mm.
    """
    return (generated - truth).abs().mean((2, 3))[mask].mean()


def coherence_loss(generated: Tensor, truth: Tensor, mask: Tensor) -> Tensor:
    """L_c of eq. 5: the same of the differences between neighbouring frames. Shapes as in `reconstruction_loss`."""
    both = mask[:, 1:] & mask[:, :-1]
    return reconstruction_loss(generated.diff(dim=1), truth.diff(dim=1), both)


def sequence_loss(generated: Tensor, truth: Tensor, mask: Tensor) -> Tensor:
    """L = L_r + L_c, eq. 5."""
    return reconstruction_loss(generated, truth, mask) + coherence_loss(generated, truth, mask)
