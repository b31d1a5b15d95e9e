"""The paper's loss, eq. 5."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

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


def sequence_loss(generated: Tensor, truth: Tensor, mask: Tensor, counts: Tensor | None = None) -> Tensor:
    """L = L_r + L_c, eq. 5. Shapes as in `reconstruction_loss`.

    The sum of the two above in half the passes over the frames: what a frame is off by serves both, and the gradient,
    which is made of signs, is ready with the value.

    Args:
        generated: (B, T, V, 3) mm.
        truth: (B, T, V, 3) mm.
        mask: (B, T) bool.
        counts: (2,) what the sums over frames and over differences are divided by; default, how many of them there
            are. Processes that share a batch give those of the whole batch, divided by the number of processes.
    """
    own = counts_of(mask) if counts is None else counts
    loss: Tensor = _SequenceLoss.apply(generated, truth, mask, own)  # type: ignore[no-untyped-call]
    return loss


def turned_loss(motion: Tensor, jacobians: Tensor, truth: Tensor, mask: Tensor) -> Tensor:
    """`sequence_loss` of motion on the template that is first turned to each face: J_v d_v.

    Args:
        motion: (B, T, V, 3) mm on the template.
        jacobians: (B, V, 3, 3) of the face of each sequence.
        truth: (B, T, V, 3) mm on the face.
        mask: (B, T) bool.
    """
    loss: Tensor = _TurnedLoss.apply(motion, jacobians, truth, mask, counts_of(mask))  # type: ignore[no-untyped-call]
    return loss


def counts_of(mask: Tensor) -> Tensor:
    """(2,) how many frames count of a mask (B, T), and how many differences between neighbours."""
    return torch.stack([mask.sum(), (mask[:, 1:] & mask[:, :-1]).sum()]).to(torch.float32)


class _SequenceLoss(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, generated: Tensor, truth: Tensor, mask: Tensor, counts: Tensor) -> Tensor:
        loss, gradient = _value_and_gradient(generated - truth, mask, counts, wanted=generated.requires_grad)
        if gradient is not None:
            ctx.save_for_backward(gradient)
        return loss

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        (gradient,) = ctx.saved_tensors
        return gradient * gradients[0], None, None, None


class _TurnedLoss(torch.autograd.Function):
    @staticmethod
    def forward(  # noqa: PLR0917 - torch passes them by place
        ctx: Any, motion: Tensor, jacobians: Tensor, truth: Tensor, mask: Tensor, counts: Tensor
    ) -> Tensor:
        off = _by_frames(motion, jacobians.transpose(2, 3)) - truth
        loss, gradient = _value_and_gradient(off, mask, counts, wanted=motion.requires_grad)
        if gradient is not None:
            ctx.save_for_backward(_by_frames(gradient, jacobians))
        return loss

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None, None]:
        (gradient,) = ctx.saved_tensors
        return gradient * gradients[0], None, None, None, None


def _by_frames(motion: Tensor, matrices: Tensor) -> Tensor:
    """(B, T, V, 3) rows times (B, V, 3, 3), vertex by vertex."""
    return torch.einsum("btvi,bvij->btvj", motion, matrices)


def _value_and_gradient(off: Tensor, mask: Tensor, counts: Tensor, *, wanted: bool) -> tuple[Tensor, Tensor | None]:
    """Eq. 5 of what the frames are off by, (B, T, V, 3), which is overwritten; and its gradient, where it is wanted."""
    steps = off[:, 1:] - off[:, :-1]
    both = mask[:, 1:] & mask[:, :-1]
    frame = off.shape[2] * off.shape[3]
    # What one coordinate of a frame counts: nothing where the frame is padding.
    least = torch.finfo(counts.dtype).tiny  # a batch without any frame is none, not no number
    share, step_share = (
        one / (count.clamp(min=least) * frame) for one, count in zip((mask, both), counts, strict=True)
    )
    loss = _sum(off, share) + _sum(steps, step_share)
    if not wanted:
        return loss, None
    gradient = off.sign_().mul_(share[:, :, None, None])
    steps.sign_().mul_(step_share[:, :, None, None])
    gradient[:, 1:] += steps
    gradient[:, :-1] -= steps
    return loss, gradient


def _sum(off: Tensor, share: Tensor) -> Tensor:
    # Padding may hold anything, and nothing times infinity is no number.
    sizes = torch.linalg.vector_norm(off, ord=1, dim=(2, 3))
    return torch.where(share > 0, sizes * share, 0).sum()
