"""Eq. 5 against numbers computed by hand."""

from __future__ import annotations

import pytest
import torch

from core.learning.losses import coherence_loss, reconstruction_loss, sequence_loss


def one_vertex(*frames):
    """(1, T, 1, 3) mm."""
    return torch.tensor(frames, dtype=torch.float32).view(1, -1, 1, 3)


TRUTH = one_vertex((0, 0, 0), (1, 0, 0), (3, 0, 0))
GENERATED = one_vertex((0, 0, 3), (1, 3, 0), (0, 0, 0))
ALL = torch.ones(1, 3, dtype=torch.bool)


def test_reconstruction_by_hand():
    # |differences| by frame: 3, 3, 3 over 3 coordinates each.
    assert reconstruction_loss(GENERATED, TRUTH, ALL).item() == pytest.approx((3 + 3 + 3) / 9)


def test_coherence_by_hand():
    # generated steps (1, 3, -3), (-1, -3, 0); true steps (1, 0, 0), (2, 0, 0): off by 0+3+3 and 3+3+0.
    assert coherence_loss(GENERATED, TRUTH, ALL).item() == pytest.approx((6 + 6) / 6)


def test_the_loss_is_their_sum():
    assert sequence_loss(GENERATED, TRUTH, ALL).item() == pytest.approx(1 + 2)


def test_a_constant_offset_costs_no_coherence():
    assert coherence_loss(TRUTH + 5, TRUTH, ALL).item() == 0
    assert sequence_loss(TRUTH + 5, TRUTH, ALL).item() == pytest.approx(5)


def test_padding_does_not_count():
    mask = torch.tensor([[True, True, False]])
    # Without the last frame: 6/6 for the frames, 6/3 for the only difference left.
    assert reconstruction_loss(GENERATED, TRUTH, mask).item() == pytest.approx(1)
    assert coherence_loss(GENERATED, TRUTH, mask).item() == pytest.approx(2)
    far = GENERATED.clone()
    far[:, 2] = 1e6
    assert sequence_loss(far, TRUTH, mask).item() == sequence_loss(GENERATED, TRUTH, mask).item()


def test_sequences_do_not_run_into_each_other():
    """Two sequences in a batch: no difference is taken from the end of one to the start of the next."""
    both, truth = torch.cat([TRUTH, TRUTH + 100]), torch.cat([TRUTH, TRUTH + 100])
    both[1] += 7
    mask = torch.ones(2, 3, dtype=torch.bool)
    assert coherence_loss(both, truth, mask).item() == 0


def test_gradients_reach_every_frame_that_counts():
    generated = GENERATED.clone().requires_grad_()
    sequence_loss(generated, TRUTH, torch.tensor([[True, True, False]])).backward()
    moved = generated.grad.abs().sum((2, 3))[0]
    assert (moved[:2] > 0).all()
    assert moved[2] == 0


def test_value_and_gradient_are_those_of_the_two_losses():
    """The quick form against the plain ones through autograd, with sequences of different lengths."""
    torch.manual_seed(3)
    truth, mask = torch.randn(3, 6, 5, 3), torch.ones(3, 6, dtype=torch.bool)
    mask[1, 4:] = False
    mask[2, 1:] = False
    plain = torch.randn(3, 6, 5, 3, requires_grad=True)
    quick = plain.detach().clone().requires_grad_()
    wanted = reconstruction_loss(plain, truth, mask) + coherence_loss(plain, truth, mask)
    (3 * wanted).backward()
    loss = sequence_loss(quick, truth, mask)
    (3 * loss).backward()
    assert loss.item() == pytest.approx(wanted.item())
    torch.testing.assert_close(quick.grad, plain.grad)
    assert quick.grad.abs().sum() > 0


def test_single_frames_have_no_steps():
    generated = torch.ones(2, 1, 4, 3, requires_grad=True)
    loss = sequence_loss(generated, torch.zeros(2, 1, 4, 3), torch.ones(2, 1, dtype=torch.bool))
    loss.backward()
    assert loss.item() == 1
    torch.testing.assert_close(generated.grad, torch.full((2, 1, 4, 3), 1 / 24))
