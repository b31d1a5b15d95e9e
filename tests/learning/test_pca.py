"""The principal components of the baseline against numpy's singular values."""

from __future__ import annotations

import numpy as np
import torch

from core.learning.pca import principal_components


def motion(frames=120, vertices=50, rank=8, noise=0.0):
    rng = np.random.default_rng(1)
    strength = 0.6 ** np.arange(rank)
    flat = rng.normal(size=(frames, rank)) * strength @ rng.normal(size=(rank, vertices * 3)) + rng.normal(
        size=vertices * 3
    )
    flat += noise * rng.normal(size=flat.shape)
    return torch.tensor(flat.reshape(frames, vertices, 3), dtype=torch.float32)


def test_as_many_components_as_there_are_rebuild_every_frame():
    frames = motion(rank=8)
    mean, components, deviation = principal_components(frames, 8)
    flat, basis = (frames - mean).flatten(1), components.flatten(1)
    np.testing.assert_allclose(flat @ basis.T @ basis, flat, atol=1e-4)
    np.testing.assert_allclose(basis @ basis.T, np.eye(8), atol=1e-4)
    np.testing.assert_allclose((flat @ basis.T).std(0), deviation, rtol=1e-3)


def test_the_components_are_those_of_a_full_decomposition():
    frames = motion(noise=0.01)
    mean, components, deviation = principal_components(frames, 5)
    flat = frames.flatten(1).double().numpy()
    np.testing.assert_allclose(mean.flatten(), flat.mean(0), atol=1e-5)
    _, values, vectors = np.linalg.svd(flat - flat.mean(0), full_matrices=False)
    np.testing.assert_allclose(deviation, values[:5] / np.sqrt(len(flat) - 1), rtol=1e-4)
    overlap = np.abs(components.flatten(1).numpy() @ vectors[:5].T)
    np.testing.assert_allclose(overlap, np.eye(5), atol=1e-2)


def test_the_seed_fixes_them_and_nobody_elses_dice_are_touched():
    frames = motion(noise=0.1)
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    first = principal_components(frames, 4, seed=5)
    assert torch.equal(torch.rand(2), expected)
    second = principal_components(frames, 4, seed=5)
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))
