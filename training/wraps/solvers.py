"""What solves the systems of a wrap: conjugate gradients in numpy or torch, or scipy's factorisation."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from core.wrapping.meshes import edges_of, neighbours
from core.wrapping.solver import SmoothField

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    System = tuple[float, NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]

ROUNDS = 5


def recorded(work: Callable[[], Any]) -> list[System]:
    """The systems (stiffness, weight, pull, start) that are solved while something is done."""
    found: list[System] = []
    solve = SmoothField.solve

    def noted(self: SmoothField, *system: Any, **more: Any) -> Any:
        found.append(system)
        return solve(self, *system, **more)

    SmoothField.solve = noted  # type: ignore[method-assign]
    try:
        work()
    finally:
        SmoothField.solve = solve  # type: ignore[method-assign]
    return found


def compare(triangles: NDArray[np.integer[Any]], count: int, systems: list[System]) -> dict[str, dict[str, float]]:
    """Times of all systems of one wrap, in turn, medians; and how far each solver is from the factorisation.

    Args:
        triangles: (F, 3) of the template's skin.
        count: V.
        systems: of one wrap.

    Returns:
        solver -> "seconds", "ratio" (to numpy's), "off_mm" (largest distance from the exact answer, of any vertex that
        is pulled).
    """
    near = neighbours(edges_of(triangles)[0], count)
    solvers: dict[str, Callable[[System], NDArray[np.float64]]] = {
        "numpy": _numpy(SmoothField(near)), "scipy": _scipy(near, count), "torch": _torch(near, count),
    }  # fmt: skip
    exact = [solvers["scipy"](system) for system in systems]
    seconds: dict[str, list[float]] = {name: [] for name in solvers}
    off = dict.fromkeys(solvers, 0.0)
    for _ in range(ROUNDS):
        for name, solve in solvers.items():
            begun = time.perf_counter()
            answers = [solve(system) for system in systems]
            seconds[name].append(time.perf_counter() - begun)
            for system, answer, true in zip(systems, answers, exact, strict=True):
                pulled = system[1] > 0.5
                off[name] = max(off[name], float(np.linalg.norm(answer - true, axis=1)[pulled].max()))
    median = {name: statistics.median(values) for name, values in seconds.items()}
    return {
        name: {"seconds": median[name], "ratio": median[name] / median["numpy"], "off_mm": off[name]}
        for name in solvers
    }


def _numpy(field: SmoothField) -> Callable[[System], NDArray[np.float64]]:
    return lambda system: field.solve(*system)


def _umbrella(near: Any, count: int) -> Any:
    from scipy.sparse import csr_matrix, identity

    rows = np.repeat(np.arange(count), near.degree.astype(int))
    shares = np.repeat(1 / near.degree, near.degree.astype(int))
    shares[np.isin(rows, near.alone)] = 0.0
    return identity(count, format="csr") - csr_matrix((shares, (rows, near.index)), (count, count))


def _scipy(near: Any, count: int) -> Callable[[System], NDArray[np.float64]]:
    from scipy.sparse import diags
    from scipy.sparse.linalg import splu

    umbrella = _umbrella(near, count)
    bends = (umbrella.T @ umbrella).tocsc()

    def solve(system: System) -> NDArray[np.float64]:
        stiffness, weight, pull, _ = system
        matrix = (stiffness * bends + diags(weight)).tocsc()
        factors = splu(matrix, permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True})
        return np.asarray(factors.solve(pull))

    return solve


def _torch(near: Any, count: int) -> Callable[[System], NDArray[np.float64]]:
    import torch

    umbrella = _umbrella(near, count)
    bends = (umbrella.T @ umbrella).tocsr()
    matrix = torch.sparse_csr_tensor(
        torch.from_numpy(bends.indptr.astype(np.int64)), torch.from_numpy(bends.indices.astype(np.int64)),
        torch.from_numpy(bends.data), bends.shape,
    )  # fmt: skip
    diagonal = torch.from_numpy(bends.diagonal())

    def solve(system: System) -> NDArray[np.float64]:
        stiffness = system[0]
        weight, pull, start = (torch.from_numpy(np.ascontiguousarray(one)) for one in system[1:])
        scale = (1 / (stiffness * diagonal + weight))[:, None]
        field = start.clone()
        rest = pull - stiffness * (matrix @ field) - weight[:, None] * field
        way = scale * rest
        power = (rest * way).sum(0)
        enough = 1e-6 * float((scale * pull**2).sum())
        for _ in range(400):
            if float(power.sum()) <= enough:
                break
            answer = stiffness * (matrix @ way) + weight[:, None] * way
            step = power / (way * answer).sum(0).clamp_min(1e-300)
            field += step * way
            rest -= step * answer
            ready = scale * rest
            last, power = power, (rest * ready).sum(0)
            way = ready + power / last.clamp_min(1e-300) * way
        return np.asarray(field.numpy())

    return solve
