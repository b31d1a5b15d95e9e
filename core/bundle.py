"""A bundle: the one file that ships a trained generator. Safetensors arrays and a JSON header, never a pickle.

The reader is ours because Blender brings numpy and nothing else; the format is the public one of safetensors: eight
bytes of header length (little-endian), a JSON header with dtype, shape and byte range of every array, the bytes.
"""

from __future__ import annotations

import itertools
import json
import math
import os
import tempfile
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import BundleError, MienError
from .identity import ShapeBasis
from .lids import Lids, LidsOnFace
from .life import Life
from .motion import EXPRESSIONS
from .photo.kit import PhotoKit
from .sizes import Sizes
from .template import Template
from .topology import Topology

if TYPE_CHECKING:
    from numpy.typing import NDArray

FORMAT = "mien-bundle"
VERSION = 2
"""What is written; 2 is the first that may hold an identity basis and life. Older ones are read."""
MAX_HEADER_BYTES = 16 * 2**20
MAX_NOTICE = 20_000
"""Letters of a licence notice."""
MAX_MODES = 500
MAX_FIELDS = 16
"""Fields that a vertex mixes its motion of."""
MAX_STEERING = 256
"""Numbers of a style, or of a face's code."""
_DTYPES = {"F32": "<f4", "F16": "<f2", "I32": "<i4", "I16": "<i2", "U8": "|u1", "I64": "<i8", "F64": "<f8"}
_REQUIRED = ("kind", "sizes", "units", "frame_rate", "expressions", "licence", "provenance", "training")
_SIZES = frozenset({"vertices", "channels", "spiral_length", "latent", "labels"})  # those that every bundle tells
_REMEDY = "Install the extension or the model pack again."


def no_modes() -> NDArray[np.float16]:
    """(0, 0, 3)."""
    return np.zeros((0, 0, 3), np.float16)


@dataclass(frozen=True)
class Bundle:
    """A trained generator and all it needs.

    Attributes:
        header: kind ("spiral"), sizes (dict of `sizes.Sizes`), units ("mm"), frame_rate (labels a second),
            expressions, licence, provenance, training (summary with errors in mm), template_hash.
        template: the topology it works on.
        topology: levels, spirals, unpooling.
        weights: name -> float32 array, named as in `model.Network`'s parameters.
        samples: name -> (V, 3) float32 neutral faces in mm, registered to the template.
        modes: (M, V, 3) float16 mm, how people differ from the template: principal modes at one standard deviation
            each. M may be 0: older bundles have none.
        identity: how the code of a face is read from its neutral; a steered network has one, others have none.
        life: small motions of life on the template's neutral; None where there are none.
        lids: the template's eyes, which its lids must not enter; None where there are none.
        photo: what photos are read by; None where there is nothing.
    """

    header: dict[str, Any]
    template: Template
    topology: Topology
    weights: dict[str, NDArray[np.float32]]
    samples: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    modes: NDArray[np.float16] = field(default_factory=no_modes)
    identity: ShapeBasis | None = None
    life: Life | None = None
    lids: Lids | None = None
    photo: PhotoKit | None = None

    @cached_property
    def sizes(self) -> Sizes:
        """What fixes the network's shapes."""
        return Sizes(**self.header["sizes"])

    @cached_property
    def own_lids(self) -> LidsOnFace | None:
        """`lids` on the template's own face."""
        return None if self.lids is None else self.lids.on(self.template, self.template.vertices)

    @property
    def varies(self) -> bool:
        """Whether a seed gives another performance; bundles of older kinds have one performance alone."""
        return self.sizes.style > 0

    @property
    def lives(self) -> bool:
        """Whether it has small motions of life: blinks and micro-movements."""
        return self.life is not None


_DAMAGE = (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError, RecursionError)
"""What reading words and numbers can end in that are not what they should be."""


def read_arrays(path: Path | str) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """All arrays and the text metadata of a safetensors file; nothing in it is trusted.

    Raises:
        BundleError: not there, not this format, cut off, or of a type we do not use.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as problem:
        raise BundleError(f"The file {path.name} cannot be read ({problem.strerror}).", _REMEDY) from problem
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or not 2 <= length <= min(MAX_HEADER_BYTES, len(data) - 8):
        raise BundleError(f"The file {path.name} is not a bundle, or was cut off.", _REMEDY)
    try:
        header = json.loads(data[8 : 8 + length])
        metadata = {str(word): str(text) for word, text in header.pop("__metadata__", {}).items()}
        body = memoryview(data)[8 + length :]
        arrays = {name: _array(entry, body) for name, entry in header.items()}
    except _DAMAGE as problem:
        raise BundleError(f"The file {path.name} is damaged ({problem}).", _REMEDY) from problem
    return arrays, metadata


def _array(entry: dict[str, Any], body: memoryview) -> NDArray[Any]:
    dtype = np.dtype(_DTYPES[entry["dtype"]])
    shape = tuple(int(size) for size in entry["shape"])
    first, end = entry["data_offsets"]
    if min(shape, default=0) < 0 or not 0 <= first <= end <= len(body):
        raise ValueError("an array lies outside the file")
    if end - first != math.prod(shape) * dtype.itemsize:
        raise ValueError("an array's size does not fit its shape")
    return np.frombuffer(body[first:end], dtype=dtype).reshape(shape)


def write_arrays(path: Path | str, arrays: dict[str, NDArray[Any]], metadata: dict[str, str]) -> None:
    """Writes a safetensors file whole or not at all."""
    from safetensors.numpy import save

    path = Path(path)
    data = save({name: np.array(array, order="C") for name, array in arrays.items()}, metadata)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_bundle(path: Path | str, bundle: Bundle) -> None:
    """Writes a bundle whole or not at all.

    Raises:
        BundleError: the bundle would not be readable again.
    """
    header = {**bundle.header, "template_hash": bundle.template.content_hash}
    sizes = _check(header, bundle.template, bundle.topology, bundle.weights, bundle.samples)
    _check_steering(sizes, bundle.template, bundle.weights, bundle.identity, bundle.life)
    if len(bundle.modes):
        _check_modes(bundle.modes, bundle.template)
    _check_eyes(bundle.lids, bundle.template)
    arrays, about = bundle.template.to_arrays()
    arrays |= bundle.topology.to_arrays()
    arrays |= {f"weight.{name}": np.asarray(array, np.float32) for name, array in bundle.weights.items()}
    arrays |= {f"sample.{name}": np.asarray(array, np.float32) for name, array in bundle.samples.items()}
    if len(bundle.modes):
        arrays["modes"] = np.asarray(bundle.modes, np.float16)
    if bundle.identity is not None:
        arrays |= bundle.identity.to_arrays()
    if bundle.life is not None:
        arrays |= bundle.life.to_arrays()
    if bundle.lids is not None:
        arrays |= bundle.lids.to_arrays()
    if bundle.photo is not None:
        bundle.photo.check(bundle.template, len(bundle.modes))
        arrays |= bundle.photo.to_arrays()
    metadata = {"format": FORMAT, "version": str(VERSION), "header": json.dumps(header), "template": about}
    write_arrays(path, arrays, metadata)


def read_bundle(path: Path | str) -> Bundle:
    """Reads and checks a bundle.

    Raises:
        BundleError: damaged, foreign, of a newer version, or its parts do not fit together.
    """
    path = Path(path)
    arrays, metadata = read_arrays(path)
    if metadata.get("format") != FORMAT:
        raise BundleError(f"The file {path.name} is not a Mien bundle.", "Choose a file made by Mien's export.")
    if metadata.get("version") not in {str(version) for version in range(1, VERSION + 1)}:
        raise BundleError(
            f"The bundle {path.name} is of version {metadata.get('version')}; this Mien reads up to {VERSION}.",
            "Update the extension.",
        )
    try:
        header = json.loads(metadata["header"])
        template = Template.from_arrays(arrays, metadata["template"])
        topology = Topology.from_arrays(arrays)
        weights = _named(arrays, "weight.")
        samples = _named(arrays, "sample.")
        sizes = _check(header, template, topology, weights, samples)
        modes = arrays.get("modes", no_modes())
        _check_modes(modes, template)
        identity, life = ShapeBasis.from_arrays(arrays), Life.from_arrays(arrays, template.vertex_count)
        lids = Lids.from_arrays(arrays)
        _check_steering(sizes, template, weights, identity, life)
        _check_eyes(lids, template)
        photo = PhotoKit.from_arrays(arrays)
        if photo is not None:
            photo.check(template, len(modes))
    except BundleError:
        raise
    except (MienError, *_DAMAGE) as problem:
        raise BundleError(f"The bundle {path.name} is damaged ({problem}).", _REMEDY) from problem
    return Bundle(header, template, topology, weights, samples, modes, identity, life, lids, photo)


def _named(arrays: dict[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def weight_shapes(sizes: Sizes) -> dict[str, tuple[int, ...]]:
    """The name and shape of every weight of the spiral network of these sizes (table 1)."""
    latent, channels, vertices = sizes.latent, sizes.channels, sizes.vertices
    width = vertices[0] * channels[0]
    shapes: dict[str, tuple[int, ...]] = {
        "encoder.lstm.weight_ih_l0": (4 * latent, sizes.inputs),
        "encoder.lstm.weight_hh_l0": (4 * latent, latent),
        "encoder.lstm.bias_ih_l0": (4 * latent,),
        "encoder.lstm.bias_hh_l0": (4 * latent,),
        "decoder.fc.weight": (width, latent),
        "decoder.fc.bias": (width,),
        "decoder.output_scale": (),
    }
    for step in sizes.direct:
        shapes[f"decoder.direct.{step}"] = (vertices[step + 1] * channels[step + 1], latent)
    if sizes.fields:
        shapes["decoder.mix"] = (vertices[-1], 3, sizes.fields)
    for step, inputs in enumerate(channels[:-1]):
        shapes[f"decoder.convs.{step}.weight"] = (sizes.spiral_length, inputs, sizes.outputs(step))
        shapes[f"decoder.convs.{step}.bias"] = (sizes.outputs(step),)
    return shapes


def _checked_sizes(words: dict[str, Any]) -> Sizes:
    """A header's sizes, none of them taken for what it is not."""
    if not isinstance(words, dict) or not words.keys() >= _SIZES:
        raise _other_network()
    lists = [words.get(name, ()) for name in ("vertices", "channels", "direct", "ahead")]
    numbers = [words[name] for name in ("spiral_length", "latent", "labels")]
    steering = [words.get(name, 0) for name in ("style", "code")]
    fields = words.get("fields", 0)
    known = all(isinstance(one, (list, tuple)) for one in lists) and isinstance(words.get("steered", False), bool)
    known = known and all(type(one) is int for one in (*numbers, *steering, fields, *itertools.chain(*lists)))
    if not known or max(steering) > MAX_STEERING or fields > MAX_FIELDS:
        raise _other_network()
    try:
        return Sizes(**words)
    except (TypeError, ValueError) as problem:
        raise _other_network() from problem


def _other_network() -> BundleError:
    return BundleError("The bundle's sizes are not those of the network this Mien knows.", "Update the extension.")


def _check(
    header: dict[str, Any],
    template: Template,
    topology: Topology,
    weights: dict[str, NDArray[Any]],
    samples: dict[str, NDArray[Any]],
) -> Sizes:
    _check_header(header)
    if header["template_hash"] != template.content_hash:
        raise BundleError("The bundle was made for another template than it carries.", _REMEDY)
    sizes = _checked_sizes(header["sizes"])
    if len(sizes.channels) != len(topology.sizes) or sizes.labels != len(EXPRESSIONS):
        raise _other_network()
    fits = tuple(reversed(sizes.vertices)) == tuple(topology.sizes)
    if not fits or topology.sizes[0] != template.vertex_count:
        raise BundleError("The bundle's levels do not fit its template.", _REMEDY)
    if any(table.shape[1] != sizes.spiral_length for table in topology.spirals):
        raise BundleError("The bundle's spirals are not of the length its header gives.", _REMEDY)
    if {name: array.shape for name, array in weights.items()} != weight_shapes(sizes):
        raise BundleError("The bundle's weights do not have the shapes its header gives.", _REMEDY)
    for name, array in (*weights.items(), *samples.items()):
        if not np.isfinite(array).all():
            raise BundleError(f"The bundle's array {name!r} holds values that are not finite numbers.", _REMEDY)
    if any(array.shape != template.vertices.shape for array in samples.values()):
        raise BundleError("A sample face of the bundle does not fit its template.", _REMEDY)
    return sizes


def _check_steering(
    sizes: Sizes,
    template: Template,
    weights: dict[str, NDArray[Any]],
    identity: ShapeBasis | None,
    life: Life | None,
) -> None:
    if (identity is None) == sizes.steered or (identity is not None and identity.size < sizes.code):
        raise BundleError("The bundle's shape basis does not fit its network.", _REMEDY)
    if identity is not None and identity.picked.max() >= template.vertex_count:
        raise BundleError("The bundle's shape basis does not fit its template.", _REMEDY)
    if life is not None and life.vertex_count != template.vertex_count:
        raise BundleError("The bundle's motions of life do not fit its template.", _REMEDY)
    # Rest is exact only where nothing is added to nothing.
    if sizes.steered and any(array.any() for name, array in weights.items() if _is_decoder_bias(name)):
        raise BundleError("The bundle's network moves a face at rest.", _REMEDY)


def _is_decoder_bias(name: str) -> bool:
    return name.startswith("decoder.") and name.endswith(".bias")


def _check_eyes(lids: Lids | None, template: Template) -> None:
    if lids is not None and lids.highest >= template.vertex_count:
        raise BundleError("The bundle's eyes do not fit its template.", _REMEDY)


def _check_modes(modes: NDArray[Any], template: Template) -> None:
    if modes.shape == no_modes().shape:
        return
    if modes.dtype != np.float16 or modes.shape[1:] != template.vertices.shape or not 0 < len(modes) <= MAX_MODES:
        raise BundleError("The bundle's modes of people do not fit its template.", _REMEDY)
    if not np.isfinite(modes).all():
        raise BundleError("The bundle's modes of people hold values that are not finite numbers.", _REMEDY)


def _check_header(header: dict[str, Any]) -> None:
    missing = [word for word in (*_REQUIRED, "template_hash") if word not in header]
    if missing:
        raise BundleError(f"The bundle's header lacks {', '.join(missing)}.", _REMEDY)
    if header["kind"] != "spiral" or header["units"] != "mm" or tuple(header["expressions"]) != EXPRESSIONS:
        raise BundleError("The bundle is of a kind that this Mien does not know.", "Update the extension.")
    licence = header["licence"]
    words = (licence.get("spdx"), licence.get("notice", "")) if isinstance(licence, dict) else (None,)
    if not all(isinstance(word, str) and len(word) <= MAX_NOTICE for word in words):
        raise BundleError("The bundle's licence is not told as it should be.", _REMEDY)
    rate = header["frame_rate"]
    if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 0 < rate <= 1000:
        raise BundleError("The bundle's frame rate is not a number above 0.", _REMEDY)
