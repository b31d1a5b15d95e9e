"""How far generated faces lie from true ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def vertex_distance(generated: NDArray[np.floating[Any]], truth: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Euclidean distance of each vertex from where it should be (the paper's per-vertex error, section 5.2).

    Args:
        generated: (..., V, 3) millimetres; positions or deformations alike.
        truth: (..., V, 3) millimetres.

    Returns:
        (..., V) millimetres.

    Raises:
        ValueError: the shapes differ.
    """
    if generated.shape != truth.shape:
        raise ValueError(f"shapes differ: {generated.shape} and {truth.shape}")
    offset = np.asarray(generated, dtype=np.float64) - np.asarray(truth, dtype=np.float64)
    return np.linalg.norm(offset, axis=-1)


def mean_error(generated: NDArray[np.floating[Any]], truth: NDArray[np.floating[Any]]) -> float:
    """Mean of `vertex_distance` over all vertices and frames, millimetres: the figure of the paper's table 2."""
    return float(vertex_distance(generated, truth).mean())


def error_per_frame(generated: NDArray[np.floating[Any]], truth: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """(T,) millimetres: mean error of each frame of a (T, V, 3) sequence, as in the paper's figure 5."""
    return vertex_distance(generated, truth).mean(axis=-1)
