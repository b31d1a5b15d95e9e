"""The network without torch: the same frames by numpy alone, so that Mien works the minute it is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .bundle import Bundle

State = tuple["NDArray[np.float32]", "NDArray[np.float32]"]


class NumpyEngine:
    """Encoder and decoder of `model.py` in numpy.

    Args:
        bundle: the trained generator.
    """

    name = "numpy"
    device = "cpu"

    def __init__(self, bundle: Bundle) -> None:
        weights = {key: np.asarray(array, np.float32) for key, array in bundle.weights.items()}
        self._input, self._recurrent = weights["encoder.lstm.weight_ih_l0"].T, weights["encoder.lstm.weight_hh_l0"].T
        self._lstm_bias = weights["encoder.lstm.bias_ih_l0"] + weights["encoder.lstm.bias_hh_l0"]
        self._fc, self._fc_bias = weights["decoder.fc.weight"].T, weights["decoder.fc.bias"]
        self._scale = float(weights["decoder.output_scale"])
        self._width = int(bundle.header["sizes"]["channels"][0])
        topology = bundle.topology
        steps = len(topology.spirals)
        self._stages = [
            (
                (
                    np.asarray(topology.unpool_index[level], np.intp),
                    np.asarray(topology.unpool_weight[level], np.float32),
                ),
                # Padding (-1) reads the row of zeros behind the last vertex.
                np.where(topology.spirals[level] < 0, len(topology.spirals[level]), topology.spirals[level]),
                (weights[f"decoder.convs.{step}.weight"], weights[f"decoder.convs.{step}.bias"]),
            )
            for step, level in enumerate(reversed(range(steps)))
        ]

    def encode(self, labels: NDArray[np.float32], state: State | None = None) -> tuple[NDArray[np.float32], State]:
        """LSTM over (T, 6) labels: (T, latent) float32, and the memory to carry into the next chunk."""
        size = len(self._recurrent)
        hidden, cell = state if state is not None else (np.zeros(size, np.float32), np.zeros(size, np.float32))
        latents = np.empty((len(labels), size), np.float32)
        projected = np.asarray(labels, np.float32) @ self._input + self._lstm_bias
        for t, row in enumerate(projected):
            gates = row + hidden @ self._recurrent
            keep_in, forget, candidate, out = np.split(gates, 4)  # torch's order: i, f, g, o
            cell = _sigmoid(forget) * cell + _sigmoid(keep_in) * np.tanh(candidate)
            hidden = _sigmoid(out) * np.tanh(cell)
            latents[t] = hidden
        return latents, (hidden, cell)

    def decode(self, latents: NDArray[np.float32]) -> NDArray[np.float32]:
        """Table 1 on (n, latent): (n, V, 3) float32 millimetres."""
        batch = len(latents)
        features = (latents @ self._fc + self._fc_bias).reshape(batch, -1, self._width)
        # Vertices first: a gathered row then holds all frames of the chunk.
        features = np.ascontiguousarray(features.transpose(1, 0, 2))
        for number, stage in enumerate(self._stages):
            features = _stage(features, *stage)
            if number + 1 < len(self._stages):
                np.maximum(features, 0, out=features)
        features *= np.float32(self._scale)
        return np.ascontiguousarray(features.transpose(1, 0, 2))


def _stage(
    features: NDArray[np.float32],
    unpool: tuple[NDArray[np.intp], NDArray[np.float32]],
    spirals: NDArray[np.intp],
    conv: tuple[NDArray[np.float32], NDArray[np.float32]],
) -> NDArray[np.float32]:
    """Unpool and convolve: (N_coarse, B, in) -> (N_fine, B, out)."""
    (index, weight), (taps, bias) = unpool, conv
    count, batch, width = len(index), features.shape[1], features.shape[2]
    coarse = features.reshape(len(features), -1)
    fine = np.zeros((count + 1, batch * width), np.float32)  # the last row is the padding's
    for corner in range(3):
        fine[:count] += coarse[index[:, corner]] * weight[:, corner, None]
    total = np.broadcast_to(bias, (count * batch, len(bias))).copy()
    for tap, matrix in enumerate(taps):
        total += fine[spirals[:, tap]].reshape(count * batch, width) @ matrix
    return total.reshape(count, batch, -1)


def _sigmoid(x: NDArray[np.float32]) -> NDArray[np.float32]:
    # Through tanh: exp would overflow for large negative x.
    return (1 + np.tanh(x / 2)) / 2
