"""Bundles nobody has trained: random weights on the MakeHuman template, for tests of what is around them."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import numpy as np

from core.bundle import Bundle, read_bundle, weight_shapes, write_bundle
from core.identity import ShapeBasis
from core.life import BLINKS, MICRO, NAMES, Life
from core.sizes import Sizes

if TYPE_CHECKING:
    from pathlib import Path

    from core.template import Template

STYLE, CODE = 16, 24


def plain_bundle(shipped: Bundle, seed: int = 0) -> Bundle:
    """A network of the paper's kind with random weights and biases, as the first version of bundles had them."""
    rng = np.random.default_rng(seed)
    sizes = {
        key: value
        for key, value in shipped.header["sizes"].items()
        if key not in {"style", "code", "steered", "fields", "direct", "ahead"}
    }
    weights = {
        name: np.asarray(rng.normal(0, 0.3, shape), np.float32) for name, shape in weight_shapes(Sizes(**sizes)).items()
    }
    weights["decoder.output_scale"] = np.asarray(0.5, np.float32)
    return dataclasses.replace(
        shipped, header={**shipped.header, "sizes": sizes}, weights=weights, identity=None, life=None, lids=None
    )


def steered_bundle(shipped: Bundle, seed: int = 0, *, life: bool = True) -> Bundle:
    """A steered network of random weights where the shipped one was; its motion is some millimetres at an apex.

    Args:
        shipped: whose template, topology, samples and modes are taken.
        seed: of the weights.
        life: with blinks and micro-movements.
    """
    rng = np.random.default_rng(seed)
    sizes = {**shipped.header["sizes"], "style": STYLE, "code": CODE, "steered": True, "fields": 4, "direct": [1]}
    sizes["ahead"] = [3, 6]
    weights = {}
    for name, shape in weight_shapes(Sizes(**sizes)).items():
        if name == "decoder.mix":
            weights[name] = (np.eye(3, shape[2]) + rng.normal(0, 0.2, shape)).astype(np.float32)
        elif name.startswith("decoder.direct"):
            weights[name] = rng.normal(0, 0.1, shape).astype(np.float32)
        elif name.endswith("bias"):
            weights[name] = np.zeros(shape, np.float32)
        elif name.startswith("encoder"):
            weights[name] = rng.normal(0, 0.3, shape).astype(np.float32)
        else:
            weights[name] = (rng.normal(0, 1, shape) * np.sqrt(2 / max(math.prod(shape[:-1]), 1))).astype(np.float32)
    weights["decoder.fc.weight"] = rng.normal(0, 0.3, weights["decoder.fc.weight"].shape).astype(np.float32)
    weights["decoder.output_scale"] = np.float32(1.5).reshape(())
    modes = np.asarray(shipped.modes, np.float32)
    people = shipped.template.vertices + np.einsum("sm,mvi->svi", rng.normal(size=(60, len(modes))), modes)
    basis = ShapeBasis.fit(shipped.template, shipped.topology, people, CODE)
    return dataclasses.replace(
        shipped,
        header={**shipped.header, "sizes": sizes},
        weights=weights,
        identity=basis,
        life=some_life(shipped.template) if life else None,
        lids=None,
    )


def some_life(template: Template) -> Life:
    """Bumps where the upper lids are, and elsewhere, of the size of real motions."""
    rng = np.random.default_rng(3)
    fields = []
    for name in NAMES:
        if name in MICRO:
            place, size, way = rng.integers(template.vertex_count), 20.0, rng.normal(0, 4, 3)
        else:
            place = template.landmarks[f"{name.partition('_')[2]}_lid_upper"]
            size, way = (8.0, np.array([0.0, -9.0, 1.0])) if name in BLINKS else (6.0, np.array([0.0, 0.0, 1.2]))
        apart = (template.vertices - template.vertices[place]) / size
        near = np.exp(-0.5 * (apart**2).sum(axis=1))
        fields.append(np.where(near > 0.02, near, 0)[:, None] * way)
    return Life(NAMES, np.asarray(fields, np.float16))


def write_steered(path: Path, shipped: Path, seed: int = 0, *, life: bool = True) -> Path:
    """Writes such a bundle, from the file of a shipped one."""
    write_bundle(path, steered_bundle(read_bundle(shipped), seed, life=life))
    return path
