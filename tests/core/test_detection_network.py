"""The reader of the face networks: every operation against a slow, plain one, and damaged files."""

from __future__ import annotations

import contextlib
import struct

import numpy as np
import pytest

from core.detection.network import Network
from core.errors import MienError

FLOAT, HALF, WHOLE = 0, 1, 2
KINDS = {FLOAT: np.float32, HALF: np.float16, WHOLE: np.int32}


class Flat:
    """Writes a flatbuffer from dicts: field -> ("i", 3), a dict (a table), a list of dicts, or an array."""

    def __init__(self, table):
        self.out = bytearray(4)
        struct.pack_into("<I", self.out, 0, self._table(table))

    def _table(self, fields):
        count = max(fields, default=-1) + 1
        start = len(self.out)
        self.out += struct.pack(f"<{2 + count}H", 4 + 2 * count, 4 + 4 * count, *[0] * count)
        self.out += bytes(-len(self.out) % 4)
        place = len(self.out)
        self.out += struct.pack("<i", place - start) + bytes(4 * count)
        for field, value in fields.items():
            at = place + 4 + 4 * field
            struct.pack_into("<H", self.out, start + 4 + 2 * field, at - place)
            if isinstance(value, tuple):
                struct.pack_into("<" + value[0], self.out, at, value[1])
            else:
                self._point(at, value)
        return place

    def _point(self, at, value):
        if isinstance(value, dict):
            target = self._table(value)
        elif isinstance(value, list):
            self.out += bytes(-len(self.out) % 4)
            target = len(self.out)
            self.out += struct.pack("<I", len(value)) + bytes(4 * len(value))
            for number, one in enumerate(value):
                here = target + 4 + 4 * number
                struct.pack_into("<I", self.out, here, self._table(one) - here)
        else:
            self.out += bytes(-len(self.out) % 4)
            target = len(self.out)
            self.out += struct.pack("<I", len(value)) + value.tobytes()
        struct.pack_into("<I", self.out, at, target - at)


def model(steps, tensors, inputs=(0,), outputs=(-1,), *, old_codes=True):
    """A file: steps are (code, input tensors, output tensor, options), tensors are shapes or constant arrays."""
    buffers, described = [{}], []
    for one in tensors:
        shape = one.shape if isinstance(one, np.ndarray) else one
        about = {0: np.array(shape, np.int32)}
        if isinstance(one, np.ndarray):
            kind = next(kind for kind, dtype in KINDS.items() if one.dtype == dtype)
            about |= {1: ("b", kind), 2: ("I", len(buffers))}
            buffers.append({0: np.frombuffer(one.tobytes(), np.uint8)})
        described.append(about)
    codes = sorted({step[0] for step in steps})
    operators = [
        {0: ("I", codes.index(code)), 1: np.array(given, np.int32), 2: np.array([made], np.int32), 4: options}
        for code, given, made, options in steps
    ]
    outputs = [index % len(tensors) for index in outputs]
    graph = {0: described, 1: np.array(inputs, np.int32), 2: np.array(outputs, np.int32), 3: operators}
    field = (0, "b") if old_codes else (3, "i")
    words = [{field[0]: (field[1], code)} for code in codes]
    return bytes(Flat({0: ("I", 3), 1: words, 2: [graph], 4: buffers}).out)


RNG = np.random.default_rng(5)
PICTURE = RNG.normal(size=(9, 7, 3)).astype(np.float32)


def plain(picture, kernel, bias, step, *, same, depthwise):
    """A convolution by loops over pixels, in float64."""
    (high, wide), (down, right) = kernel.shape[1:3], step
    rows, columns = picture.shape[:2]
    if same:
        missing = [
            max((-(-n // s) - 1) * s + k - n, 0) for n, s, k in zip((rows, columns), step, (high, wide), strict=True)
        ]
        picture = np.pad(picture, [(m // 2, m - m // 2) for m in missing] + [(0, 0)])
    made = []
    for row in range(0, picture.shape[0] - high + 1, down):
        line = []
        for column in range(0, picture.shape[1] - wide + 1, right):
            window = picture[row : row + high, column : column + wide].astype(np.float64)
            if depthwise:
                line.append((window * kernel[0]).sum(axis=(0, 1)) + bias)
            else:
                line.append((window * kernel).sum(axis=(1, 2, 3)) + bias)
        made.append(line)
    return np.array(made)


@pytest.mark.parametrize("same", [True, False])
@pytest.mark.parametrize("step", [(1, 1), (2, 2), (2, 1)])
@pytest.mark.parametrize("size", [(3, 3), (1, 1), (5, 2)])
def test_convolutions(same, step, size):
    kernel = RNG.normal(size=(4, *size, 3)).astype(np.float32)
    bias = RNG.normal(size=4).astype(np.float32)
    expected = plain(PICTURE, kernel, bias, step, same=same, depthwise=False)
    options = {0: ("b", 0 if same else 1), 1: ("i", step[1]), 2: ("i", step[0])}
    made = Network(model([(3, [0, 1, 2], 3, options)], [(1, 9, 7, 3), kernel, bias, (1, *expected.shape)]))
    np.testing.assert_allclose(made(PICTURE)[0], expected, atol=1e-4)
    kernel = RNG.normal(size=(1, *size, 3)).astype(np.float32)
    bias = RNG.normal(size=3).astype(np.float32)
    expected = np.maximum(plain(PICTURE, kernel, bias, step, same=same, depthwise=True), 0)
    options |= {3: ("i", 1), 4: ("b", 1)}
    made = Network(model([(4, [0, 1, 2], 3, options)], [(1, 9, 7, 3), kernel, bias, (1, *expected.shape)]))
    np.testing.assert_allclose(made(PICTURE)[0], expected, atol=1e-4)


def test_the_largest_of_a_window_and_the_small_ones():
    slope = np.array([[[0.5, 2, 0]]], np.float32).reshape(1, 1, 3)
    border = np.array([[0, 0], [0, 0], [0, 0], [0, 2]], np.int32)
    tensors = [(1, 9, 7, 3), (1, 5, 4, 3), slope, (1, 5, 4, 3), border, (1, 5, 4, 5), (1, 5, 4, 5), (1, 5, 4, 10)]
    steps = [
        (17, [0], 1, {0: ("b", 0), 1: ("i", 2), 2: ("i", 2), 3: ("i", 2), 4: ("i", 2)}),
        (54, [1, 2], 3, {}),
        (34, [3, 4], 5, {}),
        (0, [5, 5], 6, {}),
        (2, [5, 6], 7, {0: ("i", 3)}),
    ]
    tensors += [(1, 5, 4, 10), (1, 20, 10)]
    steps += [(19, [7], 8, {}), (22, [8], 9, {})]
    (made,) = Network(model(steps, tensors, old_codes=False))(PICTURE)
    padded = np.pad(PICTURE, [(0, 1), (0, 1), (0, 0)], constant_values=-np.inf)
    best = padded.reshape(5, 2, 4, 2, 3).max(axis=(1, 3))
    bent = np.pad(np.where(best > 0, best, best * slope), [(0, 0), (0, 0), (0, 2)])
    expected = np.maximum(np.concatenate([bent, 2 * bent], axis=2), 0).reshape(20, 10)
    np.testing.assert_allclose(made, expected, atol=1e-6)


def test_weights_of_16_bits_are_widened():
    kernel = RNG.normal(size=(2, 1, 1, 3)).astype(np.float16)
    bias = np.zeros(2, np.float32)
    tensors = [(1, 9, 7, 3), kernel, (2, 1, 1, 3), bias, (1, 9, 7, 2)]
    network = Network(model([(6, [1], 2, {}), (3, [0, 2, 3], 4, {1: ("i", 1), 2: ("i", 1)})], tensors))
    assert network.input_shape == (9, 7, 3)
    np.testing.assert_allclose(network(PICTURE)[0], PICTURE @ kernel[:, 0, 0].T.astype(np.float32), atol=1e-4)


def test_what_is_no_network_is_refused():
    good = model([(19, [0], 1, {})], [(1, 9, 7, 3), (1, 9, 7, 3)])
    Network(good)
    unknown = model([(99, [0], 1, {})], [(1, 9, 7, 3), (1, 9, 7, 3)])
    holes = model([(3, [0, 1, 1], 2, {4: ("i", 2)})], [(1, 9, 7, 3), np.zeros((1, 1, 1, 3), np.float32), (1, 9, 7, 1)])
    for damaged in (b"", b"abc", good[:60], b"\xff" * 200, unknown, holes, bytes(200)):
        with pytest.raises(MienError, match="damaged"):
            Network(damaged)


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_file_is_an_error_and_nothing_else(seed):
    content = bytearray(model([(19, [0], 1, {})], [(1, 9, 7, 3), (1, 9, 7, 3)]))
    rng = np.random.default_rng(seed)
    for place in rng.integers(0, len(content), 4):
        content[place] = rng.integers(256)
    with contextlib.suppress(MienError):
        Network(bytes(content))
