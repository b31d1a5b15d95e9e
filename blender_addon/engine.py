"""The only door to core: loads the bundle, keeps the generator, and hands on core's words."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

if __package__ == "blender_addon":
    from core import torch_wheels
    from core.binding import Binding
    from core.bundle import Bundle, read_bundle
    from core.colours import light, screen
    from core.compact import Compact, Compactor
    from core.detection import files as detector_files
    from core.detection.detect import Detected, detect
    from core.detection.faces import POINTS as FACE_POINTS
    from core.detection.faces import Reader, eye_distance
    from core.detection.pairing import Pairs, carry_marks, pair
    from core.engines import DEVICES, ENGINES, forget_torch_failure, torch_devices, torch_failure, torch_is_there
    from core.errors import BundleError, Cancelled, DeviceError, MeshError, MienError, MotionError, PhotoError
    from core.generator import Generator, all_finite, check_finite
    from core.identity import Identity
    from core.motion import EXPRESSIONS, MAX_AHEAD, MAX_INTENSITY, Cue, resample
    from core.parts.attach import part_mover
    from core.parts.merging import Together, merge, mover_from_arrays
    from core.parts.part_mesh import PartMesh, with_seams
    from core.parts.places import completed
    from core.parts.riders import Riders
    from core.parts.roles import Role
    from core.parts.suggest import suggest_roles
    from core.pc2 import Pc2Writer, read_pc2
    from core.performer import Performer
    from core.photo import container, exif, placing
    from core.photo import guide as photo_guide
    from core.photo.camera import Camera
    from core.photo.find import find_in_steps, turn_of
    from core.photo.fit import fit as fit_photos
    from core.photo.fitted import Fitted
    from core.photo.fitted import View as PhotoView
    from core.photo.kit import PhotoKit
    from core.photo.picture import Picture
    from core.photo.scaling import limited
    from core.photo.texture import Texture, make_texture
    from core.photo.whole import Head, head_of
    from core.shaping import MAX_GAIN, REGIONS, ShapedLayout, Shaping, factors, regions
    from core.slider_weights import SliderSolver
    from core.speed import Speed, every_engine
    from core.steps import Step
    from core.takes import MAX_SEED, MAX_VARIATION, Take
    from core.template import ABSENT, Layout, Template
    from core.wrapping import landmarks, suggestions
    from core.wrapping.bind import bind
    from core.wrapping.spline import Spline
    from core.wrapping.surface import TreeSurface
    from core.wrapping.wrap import Wrapped, wrap
else:
    from .core import torch_wheels  # type: ignore[import-not-found,no-redef]
    from .core.binding import Binding  # type: ignore[import-not-found,no-redef]
    from .core.bundle import Bundle, read_bundle  # type: ignore[import-not-found,no-redef]
    from .core.colours import light, screen  # type: ignore[import-not-found,no-redef]
    from .core.compact import Compact, Compactor  # type: ignore[import-not-found,no-redef]
    from .core.detection import files as detector_files  # type: ignore[import-not-found,no-redef]
    from .core.detection.detect import Detected, detect  # type: ignore[import-not-found,no-redef]
    from .core.detection.faces import POINTS as FACE_POINTS  # type: ignore[import-not-found,no-redef]
    from .core.detection.faces import Reader, eye_distance  # type: ignore[import-not-found,no-redef]
    from .core.detection.pairing import Pairs, carry_marks, pair  # type: ignore[import-not-found,no-redef]
    from .core.engines import DEVICES, ENGINES, forget_torch_failure, torch_devices, torch_failure, torch_is_there  # type: ignore[import-not-found,no-redef]
    from .core.errors import BundleError, Cancelled, DeviceError, MeshError, MienError, MotionError, PhotoError  # type: ignore[import-not-found,no-redef]
    from .core.generator import Generator, all_finite, check_finite  # type: ignore[import-not-found,no-redef]
    from .core.identity import Identity  # type: ignore[import-not-found,no-redef]
    from .core.motion import EXPRESSIONS, MAX_AHEAD, MAX_INTENSITY, Cue, resample  # type: ignore[import-not-found,no-redef]
    from .core.parts.attach import part_mover  # type: ignore[import-not-found,no-redef]
    from .core.parts.merging import Together, merge, mover_from_arrays  # type: ignore[import-not-found,no-redef]
    from .core.parts.part_mesh import PartMesh, with_seams  # type: ignore[import-not-found,no-redef]
    from .core.parts.places import completed  # type: ignore[import-not-found,no-redef]
    from .core.parts.riders import Riders  # type: ignore[import-not-found,no-redef]
    from .core.parts.roles import Role  # type: ignore[import-not-found,no-redef]
    from .core.parts.suggest import suggest_roles  # type: ignore[import-not-found,no-redef]
    from .core.pc2 import Pc2Writer, read_pc2  # type: ignore[import-not-found,no-redef]
    from .core.performer import Performer  # type: ignore[import-not-found,no-redef]
    from .core.photo import container, exif, placing  # type: ignore[import-not-found,no-redef]
    from .core.photo import guide as photo_guide  # type: ignore[import-not-found,no-redef]
    from .core.photo.camera import Camera  # type: ignore[import-not-found,no-redef]
    from .core.photo.find import find_in_steps, turn_of  # type: ignore[import-not-found,no-redef]
    from .core.photo.fit import fit as fit_photos  # type: ignore[import-not-found,no-redef]
    from .core.photo.fitted import Fitted  # type: ignore[import-not-found,no-redef]
    from .core.photo.fitted import View as PhotoView  # type: ignore[import-not-found,no-redef]
    from .core.photo.kit import PhotoKit  # type: ignore[import-not-found,no-redef]
    from .core.photo.picture import Picture  # type: ignore[import-not-found,no-redef]
    from .core.photo.scaling import limited  # type: ignore[import-not-found,no-redef]
    from .core.photo.texture import Texture, make_texture  # type: ignore[import-not-found,no-redef]
    from .core.photo.whole import Head, head_of  # type: ignore[import-not-found,no-redef]
    from .core.shaping import MAX_GAIN, REGIONS, ShapedLayout, Shaping, factors, regions  # type: ignore[import-not-found,no-redef]
    from .core.slider_weights import SliderSolver  # type: ignore[import-not-found,no-redef]
    from .core.speed import Speed, every_engine  # type: ignore[import-not-found,no-redef]
    from .core.steps import Step  # type: ignore[import-not-found,no-redef]
    from .core.takes import MAX_SEED, MAX_VARIATION, Take  # type: ignore[import-not-found,no-redef]
    from .core.template import ABSENT, Layout, Template  # type: ignore[import-not-found,no-redef]
    from .core.wrapping import landmarks, suggestions  # type: ignore[import-not-found,no-redef]
    from .core.wrapping.bind import bind  # type: ignore[import-not-found,no-redef]
    from .core.wrapping.spline import Spline  # type: ignore[import-not-found,no-redef]
    from .core.wrapping.surface import TreeSurface  # type: ignore[import-not-found,no-redef]
    from .core.wrapping.wrap import Wrapped, wrap  # type: ignore[import-not-found,no-redef]

__all__ = [
    "ABSENT",
    "DEVICES",
    "ENGINES",
    "EXPRESSIONS",
    "FACE_POINTS",
    "MAX_AHEAD",
    "MAX_GAIN",
    "MAX_INTENSITY",
    "MAX_SEED",
    "MAX_VARIATION",
    "REGIONS",
    "Binding",
    "Bundle",
    "BundleError",
    "Camera",
    "Cancelled",
    "Compact",
    "Compactor",
    "Cue",
    "Detected",
    "DeviceError",
    "Fitted",
    "Generator",
    "Head",
    "Identity",
    "Layout",
    "Loaded",
    "MeshError",
    "MienError",
    "MotionError",
    "Pairs",
    "PartMesh",
    "Pc2Writer",
    "Performer",
    "PhotoError",
    "PhotoKit",
    "PhotoView",
    "Picture",
    "Reader",
    "Riders",
    "Role",
    "ShapedLayout",
    "Shaping",
    "SliderSolver",
    "Speed",
    "Spline",
    "Step",
    "Take",
    "Template",
    "Texture",
    "Together",
    "TreeSurface",
    "Wrapped",
    "all_finite",
    "bind",
    "bundle_path",
    "carry_marks",
    "check_finite",
    "completed",
    "container",
    "detect",
    "detector_files",
    "every_engine",
    "exif",
    "eye_distance",
    "factors",
    "find_in_steps",
    "fit_photos",
    "forget_generators",
    "forget_torch_failure",
    "generator",
    "head_of",
    "in_use",
    "landmarks",
    "light",
    "limited",
    "load",
    "make_texture",
    "merge",
    "mover_from_arrays",
    "pair",
    "part_mover",
    "photo_guide",
    "placing",
    "read_pc2",
    "regions",
    "resample",
    "screen",
    "suggest_roles",
    "suggestions",
    "torch_devices",
    "torch_failure",
    "torch_is_there",
    "torch_wheels",
    "turn_of",
    "with_seams",
    "wrap",
]

DEFAULT_BUNDLE = Path(__file__).parent / "assets" / "makehuman.safetensors"
"""The generator that ships with the extension."""


@dataclass(frozen=True)
class Loaded:
    """A bundle in memory.

    Attributes:
        path: where it was read.
        digest: SHA-256 of the file, written into every bake.
        bundle: what it holds.
    """

    path: Path
    digest: str
    bundle: Bundle

    @property
    def title(self) -> str:
        """Its name for people, such as "ICT skin"."""
        return str(self.bundle.header.get("title") or self.bundle.template.name.replace("_", " "))

    @property
    def varies(self) -> bool:
        """Whether it can give takes."""
        return self.bundle.varies

    @property
    def lives(self) -> bool:
        """Whether it can give blinks and small movements."""
        return self.bundle.lives


_loaded: dict[tuple[str, int, int], Loaded | MienError] = {}
_generators: dict[tuple[str, str, str], Generator] = {}


def bundle_path(chosen: str | Path = "") -> Path:
    """The bundle to use: the chosen one, or the default where nothing is chosen."""
    return Path(chosen) if str(chosen) else DEFAULT_BUNDLE


def load(path: str | Path = "") -> Loaded:
    """The bundle at `path` (empty for the default); read once, and again when the file has changed.

    Raises:
        BundleError: the file is not there, damaged, foreign or of another version.
    """
    file = bundle_path(path)
    try:
        about = file.stat()
    except OSError as problem:
        raise BundleError(
            f"There is no bundle at {file}.",
            "Install the extension again, or choose another bundle in its preferences.",
        ) from problem
    key = (str(file), about.st_mtime_ns, about.st_size)
    if key not in _loaded:
        # A damaged file is remembered too: the panel asks with every redraw.
        try:
            found: Loaded | MienError = Loaded(file, hashlib.sha256(file.read_bytes()).hexdigest(), read_bundle(file))
        except OSError as problem:
            found = BundleError(f"The bundle {file} cannot be read ({problem.strerror}).", "Choose another file.")
        except MienError as problem:
            found = problem
        _forget(str(file))
        _loaded[key] = found
    entry = _loaded[key]
    if isinstance(entry, MienError):
        # Anew each time: the same one would carry the traces of all times before.
        raise entry.with_traceback(None)
    return entry


def _forget(file: str) -> None:
    # What a file held before it changed, or before it was deleted, and what was made of it.
    for key in [key for key in _loaded if key[0] == file or not Path(key[0]).exists()]:
        entry = _loaded.pop(key)
        if isinstance(entry, Loaded):
            for made in [one for one in _generators if one[0] == entry.digest]:
                del _generators[made]


def generator(path: str | Path = "", engine: str = "auto", device: str = "auto") -> Generator:
    """The generator of the bundle at `path`, made once for each engine and device.

    Raises:
        BundleError: see `load`.
        DeviceError: the engine or device asked for is not there.
    """
    loaded = load(path)
    key = (loaded.digest, engine, device)
    if key not in _generators:
        _generators[key] = Generator(loaded.bundle, engine, device)
    return _generators[key]


def forget_generators() -> None:
    """Make them anew when they are asked for: torch came or went."""
    _generators.clear()


def in_use() -> str:
    """Which engine computes where, such as "numpy on cpu"; empty until something was generated."""
    return ", ".join(sorted({f"{one.engine_name} on {one.device_name}" for one in _generators.values()}))
