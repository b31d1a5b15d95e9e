"""The PCA blendshape baseline of section 5.2: the same encoder, and principal components for a decoder. torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from ..model import Encoder, Network

if TYPE_CHECKING:
    from torch import Tensor

    from ..sizes import Sizes


class PCADecoder(nn.Module):
    """The baseline of section 5.2: latents to coefficients of the training deformations' principal components.

    (N, latent) -> (N, V, 3) millimetres

    Args:
        mean: (V, 3) mean deformation of the training frames, millimetres.
        components: (K, V, 3) orthonormal principal components, strongest first.
        deviation: (K,) standard deviation of each coefficient, millimetres.
        latent: size of the LSTM's output; the paper has K = latent.
    """

    mean: Tensor
    components: Tensor
    deviation: Tensor

    def __init__(self, mean: Tensor, components: Tensor, deviation: Tensor, latent: int = 64) -> None:
        super().__init__()
        self.register_buffer("mean", mean.clone())
        self.register_buffer("components", components.clone())
        self.register_buffer("deviation", deviation.clone())
        # An LSTM's output lies in (-1, 1); coefficients do not.
        self.fc = nn.Linear(latent, len(components))

    def forward(self, latents: Tensor) -> Tensor:
        """Deformation of each frame."""
        coefficients = self.fc(latents) * self.deviation
        return self.mean + (coefficients @ self.components.flatten(1)).view(-1, *self.mean.shape)


def pca_network(sizes: Sizes, mean: Tensor, components: Tensor, deviation: Tensor, hidden: int = 0) -> Network:
    """The PCA blendshape baseline with the same encoder and latent size; a steered one wants a mean of 0."""
    decoder = PCADecoder(mean, components, deviation, sizes.latent)
    if sizes.steered:
        nn.init.zeros_(decoder.fc.bias)
        decoder.fc.bias.requires_grad_(False)
    return Network(Encoder(sizes, hidden), decoder, steered=sizes.steered, ahead=sizes.ahead)
