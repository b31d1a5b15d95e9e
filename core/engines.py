"""Which engine computes the network: torch on some device where it works, else numpy; failures become one sentence."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from .errors import DeviceError
from .numpy_engine import NumpyEngine

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from numpy.typing import NDArray

    from .bundle import Bundle

ENGINES = ("auto", "torch", "numpy")
DEVICES = ("auto", "cuda", "mps", "cpu")

_failures: dict[str, str] = {}
"""Why torch failed: at its "import", which is not tried again, or at its last "start" with a network."""


class Engine(Protocol):
    """What a way to compute the network offers; see `numpy_engine.NumpyEngine`."""

    name: str
    device: str
    chunk: int
    """Frames it computes best at a time."""

    def encode(self, inputs: NDArray[np.float32], state: Any = None) -> tuple[NDArray[np.float32], Any]:
        """(T, inputs) labels, style and code -> (T, latent), memory."""

    def prepare(self, jacobians: NDArray[np.float32]) -> Any:
        """(V, 3, 3) of a face, as `decode` wants them."""

    def decode(self, latents: NDArray[np.float32], out: NDArray[np.float32], face: Any = None) -> None:
        """(n, latent) into (n, V, 3) mm, contiguous; turned by a face's Jacobians where there is one."""

    def one_thread(self) -> AbstractContextManager[None]:
        """Meanwhile it computes with one thread, where it can choose."""


def torch_is_there() -> bool:
    """Whether torch can be found; it is not imported for the answer."""
    try:
        return importlib.util.find_spec("torch") is not None
    except (ImportError, ValueError):  # one that is half loaded
        return False


def torch_failure() -> str:
    """Why torch, which is there, did not compute when it was tried last; empty where it did, or was not tried."""
    return next(iter(_failures.values()), "")


def forget_torch_failure() -> None:
    """Try torch again: another one was installed."""
    _failures.clear()


def torch_devices() -> list[str]:
    """The devices torch computes on here, fastest first; none where it is not there or cannot be imported."""
    try:
        devices: list[str] = _torch_engine_module().available_devices() if torch_is_there() else []
    except DeviceError:
        return []
    return devices


def make_engine(bundle: Bundle, engine: str, device: str) -> Engine:
    """The engine asked for, ready to compute.

    Args:
        bundle: the trained generator.
        engine: "auto" takes torch where it works, else numpy.
        device: "auto" takes the fastest one that works.

    Raises:
        DeviceError: what was asked for is not there, or does not work.
    """
    if engine not in ENGINES or device not in DEVICES:
        raise DeviceError(
            f"There is no engine {engine!r} on {device!r}.",
            f"Choose from {', '.join(ENGINES)} and from {', '.join(DEVICES)}.",
        )
    if engine == "numpy" or (engine == "auto" and not torch_is_there()):
        if device not in ("auto", "cpu"):
            raise DeviceError(f"Without torch there is no {device}.", "Install torch, or choose the device auto.")
        return NumpyEngine(bundle)
    try:
        return _torch_engine(bundle, device)
    except DeviceError:
        if engine == "auto" and device in ("auto", "cpu"):
            return NumpyEngine(bundle)
        raise


def _torch_engine(bundle: Bundle, device: str) -> Engine:
    if not torch_is_there():
        raise DeviceError("torch is not installed.", "Choose the engine auto or numpy, or install torch.")
    module = _torch_engine_module()
    found: list[str] = module.available_devices()
    if device != "auto" and device not in found:
        raise DeviceError(f"torch finds no {device} here.", f"Choose from auto, {', '.join(found)}.")
    for name in found if device == "auto" else [device]:
        try:
            made: Engine = module.TorchEngine(bundle, name)
            # Two frames now: what a torch made for another numpy, or a full GPU, cannot do shows here, not in a bake.
            latents, _ = made.encode(np.zeros((2, bundle.sizes.inputs), np.float32))
            made.decode(latents, np.empty((2, bundle.template.vertex_count, 3), np.float32))
        except Exception as problem:  # noqa: BLE001 - what a torch that does not fit raises can be anything
            _failures["start"] = f"{_sentence(problem)}, on {name}"
        else:
            _failures.pop("start", None)
            return made
    raise DeviceError(f"torch does not work here ({torch_failure()}).", "Choose the engine numpy, or another torch.")


def _torch_engine_module() -> Any:
    if "import" not in _failures:
        try:
            from . import torch_engine
        except Exception as problem:  # noqa: BLE001 - what a damaged torch raises can be anything
            # Once only: a torch that is half loaded fails again for reasons that explain nothing.
            _failures["import"] = _sentence(problem)
        else:
            return torch_engine
    raise DeviceError(
        f"torch cannot be imported ({_failures['import']}).", "Choose the engine numpy, or another torch."
    )


def _sentence(problem: Exception) -> str:
    lines = str(problem).strip().splitlines()
    return (lines[0] if lines else type(problem).__name__).rstrip(".")[:200]
