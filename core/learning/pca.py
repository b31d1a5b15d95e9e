"""Principal components of the training deformations, for the blendshape baseline of section 5.2."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor


def principal_components(deformations: Tensor, count: int = 64, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """PCA by torch's randomised SVD (Halko et al. 2009).

    Args:
        deformations: (F, V, 3) float32 mm; F and 3V at least `count`.
        count: K, components to keep.
        seed: of the random projection.

    Returns:
        Mean (V, 3) mm, orthonormal components (K, V, 3) strongest first, standard deviations (K,) mm.
    """
    flat = deformations.flatten(1)
    mean = flat.mean(0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        wide = min(count + 16, *flat.shape)  # some more than wanted, or the last ones come out inexact
        _, values, vectors = torch.svd_lowrank(flat, q=wide, niter=4, M=mean.expand_as(flat))
    shape = deformations.shape[1:]
    deviation = values[:count] / max(len(flat) - 1, 1) ** 0.5
    return mean.view(shape), vectors[:, :count].T.reshape(-1, *shape).contiguous(), deviation
