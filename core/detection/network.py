"""Small convolutional networks in TensorFlow Lite's file format, read and run with numpy alone.

Just the operations of the two face networks are known. They hold weights of 16 bits in a flatbuffer, and nothing in
the file is ever executed: an operation that is not in the table below is refused.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import MienError
from .flatbuffer import Table, root

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Array = NDArray[np.float32]

_DTYPES = {0: "<f4", 1: "<f2", 2: "<i4"}
"""TensorFlow Lite's numbers for the types of tensors."""

_ADD, _CONCATENATE, _CONVOLVE, _DEPTHWISE, _WIDEN = 0, 2, 3, 4, 6
_LARGEST, _RELU, _RESHAPE, _PAD, _PRELU = 17, 19, 22, 34, 54
_SAME = 0
"""Its numbers for operations, and for the padding that keeps the size."""


class Network:
    """A network, ready to run.

    Args:
        content: the file, of a single input and float tensors.

    Raises:
        MienError: it is damaged, or has an operation that is not known here.
    """

    def __init__(self, content: bytes) -> None:
        try:
            self._read(content)
        except (struct.error, ValueError, IndexError, KeyError, OverflowError) as problem:
            raise MienError(
                f"The network of the landmarks is damaged ({problem}).", "Remove it, and get it again."
            ) from (problem)

    def _read(self, content: bytes) -> None:
        model = root(content)
        # The number of an operation stood in a byte once; newer files write it in full, too.
        codes = [max(one.number(0, "b"), one.number(3, "i")) for one in model.tables(1)]
        graph = model.tables(2)[0]
        self._shapes = [one.array(0, "<i4").tolist() for one in graph.tables(0)]
        buffers = [one.array(0, "u1") for one in model.tables(4)]
        constants = dict(_constants(graph.tables(0), buffers))
        self._inputs = graph.array(1, "<i4").tolist()
        self._outputs = graph.array(2, "<i4").tolist()
        self._steps: list[tuple[Callable[[list[Any]], Array], list[int], int]] = []
        for one in graph.tables(3):
            code, inputs = codes[one.number(0, "I")], one.array(1, "<i4").tolist()
            (made,) = one.array(2, "<i4").tolist()
            if code == _WIDEN:
                constants[made] = constants[inputs[0]].astype(np.float32)
            else:
                work = _OPERATIONS[code](one.table(4) or one, self._shapes[made])
                self._steps.append((work, inputs, made))
        self._constants = constants

    @property
    def input_shape(self) -> tuple[int, ...]:
        """(height, width, channels) of the picture it takes."""
        return tuple(self._shapes[self._inputs[0]][1:])

    def __call__(self, picture: Array) -> list[Array]:
        """Runs it on one picture, (height, width, channels); its outputs, each without the axis of pictures."""
        values: dict[int, Any] = {**self._constants, self._inputs[0]: np.asarray(picture, np.float32)}
        for work, inputs, made in self._steps:
            values[made] = work([values[index] for index in inputs])
        return [values[index] for index in self._outputs]


def _constants(tensors: Sequence[Table], buffers: Sequence[NDArray[Any]]) -> list[tuple[int, Any]]:
    found = []
    for index, tensor in enumerate(tensors):
        content, kind = buffers[tensor.number(2, "I")], tensor.number(1, "b")
        if len(content) and kind in _DTYPES:
            values = content.view(_DTYPES[kind]).reshape(tensor.array(0, "<i4"))
            found.append((index, values.astype(np.float32) if kind == 0 else values))
    return found


def _pad(picture: Array, size: tuple[int, int], step: tuple[int, int], value: float = 0.0) -> Array:
    """(H, W, C) with the border that makes the output as big as the input, divided by the step."""
    border = []
    for length, taps, stride in zip(picture.shape, size, step, strict=False):
        missing = max((-(-length // stride) - 1) * stride + taps - length, 0)
        border.append((missing // 2, missing - missing // 2))
    return np.pad(picture, [*border, (0, 0)], constant_values=value)


def _windows(picture: Array, size: tuple[int, int], step: tuple[int, int]) -> list[Array]:
    """For each place in the window the (H', W', C) pixels that lie there."""
    height = (picture.shape[0] - size[0]) // step[0] + 1
    width = (picture.shape[1] - size[1]) // step[1] + 1
    return [
        picture[row : row + (height - 1) * step[0] + 1 : step[0], column : column + (width - 1) * step[1] + 1 : step[1]]
        for row in range(size[0])
        for column in range(size[1])
    ]


def _activation(number: int) -> Callable[[Array], Array]:
    return {0: lambda values: values, 1: lambda values: np.maximum(values, 0)}[number]


def _convolution(options: Table, _shape: list[int]) -> Callable[[list[Any]], Array]:
    same, step = options.number(0, "b") == _SAME, (options.number(2, "i", 1), options.number(1, "i", 1))
    finish = _activation(options.number(3, "b"))
    if (options.number(4, "i", 1), options.number(5, "i", 1)) != (1, 1):
        raise ValueError("a convolution with holes")

    def work(given: list[Any]) -> Array:
        picture, kernel, bias = given
        size = kernel.shape[1:3]
        windows = _windows(_pad(picture, size, step) if same else picture, size, step)
        columns = windows[0] if len(windows) == 1 else np.concatenate(windows, axis=2)
        flat = columns.reshape(-1, columns.shape[2]) @ kernel.reshape(len(kernel), -1).T
        return finish((flat + bias).reshape(*columns.shape[:2], len(kernel)))

    return work


def _depthwise(options: Table, _shape: list[int]) -> Callable[[list[Any]], Array]:
    same, step = options.number(0, "b") == _SAME, (options.number(2, "i", 1), options.number(1, "i", 1))
    finish = _activation(options.number(4, "b"))
    if (options.number(3, "i", 1), options.number(5, "i", 1), options.number(6, "i", 1)) != (1, 1, 1):
        raise ValueError("a convolution with holes")

    def work(given: list[Any]) -> Array:
        picture, kernel, bias = given
        size = kernel.shape[1:3]
        windows = _windows(_pad(picture, size, step) if same else picture, size, step)
        total = windows[0] * kernel[0, 0, 0]
        for window, weight in zip(windows[1:], kernel[0].reshape(-1, kernel.shape[3])[1:], strict=True):
            total += window * weight
        return finish(total + bias)

    return work


def _largest(options: Table, _shape: list[int]) -> Callable[[list[Any]], Array]:
    same, step = options.number(0, "b") == _SAME, (options.number(2, "i", 1), options.number(1, "i", 1))
    size, finish = (options.number(4, "i", 1), options.number(3, "i", 1)), _activation(options.number(5, "b"))

    def work(given: list[Any]) -> Array:
        picture = _pad(given[0], size, step, -np.inf) if same else given[0]
        windows = _windows(picture, size, step)
        best = windows[0]
        for window in windows[1:]:
            best = np.maximum(best, window)
        return finish(best)

    return work


def _addition(options: Table, _shape: list[int]) -> Callable[[list[Any]], Array]:
    finish = _activation(options.number(0, "b"))
    return lambda given: finish(given[0] + given[1])


def _concatenation(options: Table, shape: list[int]) -> Callable[[list[Any]], Array]:
    axis = options.number(0, "i") % len(shape) - 1
    return lambda given: np.concatenate(given, axis=axis)


_OPERATIONS: dict[int, Callable[[Table, list[int]], Callable[[list[Any]], Array]]] = {
    _ADD: _addition,
    _CONCATENATE: _concatenation,
    _CONVOLVE: _convolution,
    _DEPTHWISE: _depthwise,
    _LARGEST: _largest,
    _RELU: lambda _options, _shape: lambda given: np.maximum(given[0], 0),
    _RESHAPE: lambda _options, shape: lambda given: given[0].reshape(shape[1:]),
    _PAD: lambda _options, _shape: lambda given: np.pad(given[0], given[1][1:]),
    _PRELU: lambda _options, _shape: lambda given: np.maximum(given[0], 0) + given[1] * np.minimum(given[0], 0),
}
"""Its number -> what makes the operation of its options and the shape of what it makes."""
